"""What follows from interviews: causes on the loss, the planned call logged.

Told by events, whose handlers run with what they write exactly once and in order for each customer: an
interview that is finished and a loss that is recorded at the same time find each other whoever comes second.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events, outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import Cause, Contact, Customer, Interaction, User
from retention import calls, cases
from retention.losses import recording
from retention.models import FollowUpCall, InterviewOccasion, Loss, LossCause, LossKind
from surveys.interviews import holding
from surveys.interviews.said import chosen_causes, held_of
from surveys.models import Guide, Interview, Purpose

AFTER = timedelta(days=90)
"""How long after an exit interview a loss may occur to be the one that it was about."""
FINISHED, CORRECTED = "retention.interview_finished", "retention.interview_corrected"


class NotTheirLoss(Refused):
    code = "loss_of_another"
    message = _("This loss belongs to another customer.")


def subscribe() -> None:
    """Have interviews write causes and log calls (called once, when the app is ready)."""
    events.subscribe(holding.FINISHED, FINISHED)
    events.subscribe(holding.CORRECTED, CORRECTED)


def begin(
    customer: Customer,
    guide: Guide,
    *,
    contact: Contact | None = None,
    kind: str = Interaction.Kind.CALL,
    loss: Loss | None = None,
    call: FollowUpCall | None = None,
    by: User | None,
    at: datetime,
) -> Interview:
    """Begin an interview, about a loss or in the place of a planned call; return it.

    Args:
        loss: the one that its causes are written on. call: logged as reached when the interview is finished.

    Raises :class:`NotTheirLoss`, ``CaseClosed``, and what ``holding.begin`` does. Side effects: those of
    ``holding.begin``; audit ``interview.about`` with the loss and the call, if there are any.
    """
    if loss is not None and loss.customer_id != customer.pk:
        raise NotTheirLoss()
    if call is not None and call.customer.pk != customer.pk:
        raise cases.CaseClosed()
    with transaction.atomic():
        interview = holding.begin(customer, guide, contact=contact, kind=kind, by=by, at=at)
        if loss is not None or call is not None:
            given = {name: row for name, row in (("loss", loss), ("call", call)) if row is not None}
            InterviewOccasion.objects.update_or_create(interview=interview, defaults=given)
            codes = {name: row.pk for name, row in given.items()}
            audit.record(
                "interview.about", obj=interview, by=by, at=at, customer_id=interview.customer_id, codes=codes
            )
    return interview


def loss_of(interview: Interview) -> Loss | None:
    """Return the loss that the causes of an exit interview belong to, or nothing.

    The one that they stand on already; else the one that it was begun for; else the one that stood when it
    was held, a total one before a partial one; else the first of the 90 days after. A customer that had
    returned before the interview was held is not lost: only the loss that it was begun for counts then.
    """
    written = LossCause.objects.filter(interview=interview, withdrawn_at=None).select_related("loss").first()
    if written is not None:
        return written.loss
    occasion = InterviewOccasion.objects.filter(interview=interview).select_related("loss").first()
    theirs = Loss.objects.filter(customer=interview.customer_id)
    if occasion is not None and occasion.loss is not None:
        return theirs.filter(pk=occasion.loss_id).first()
    if interview.held_at is None:
        return None
    held = interview.held_at
    standing = [
        loss
        for loss in theirs.filter(occurred_at__lte=held).order_by("-occurred_at", "-pk")
        if loss.ended_at is None or loss.ended_at > held
    ]
    standing.sort(key=lambda loss: loss.definition == LossKind.PARTIAL)
    if standing:
        return standing[0]
    after = theirs.filter(occurred_at__gt=held, occurred_at__lte=held + AFTER)
    return after.order_by("occurred_at", "pk").first()


def write_causes(interview: Interview, *, by: User | None, at: datetime) -> Loss | None:
    """Let the loss of an exit interview have exactly the causes that were named in it; return the loss.

    Nothing without a loss: the interview keeps its codes. Safe to repeat. Side effects: audit
    ``loss.stated``, unless nothing changes.
    """
    if interview.purpose != Purpose.EXIT or interview.status != Interview.Status.DONE:
        return None
    with transaction.atomic():
        list(
            Customer.objects.select_for_update(no_key=True).filter(pk=interview.customer_id).values_list("pk")
        )
        loss = loss_of(interview)
        if loss is None:
            return None
        named = chosen_causes(held_of(interview), interview.version.definition)
        wanted = set(Cause.objects.filter(code__in=named).values_list("pk", flat=True))
        rows = LossCause.objects.filter(interview=interview, withdrawn_at=None)
        standing = set(rows.values_list("cause_id", flat=True))
        rows.exclude(cause__in=wanted).update(withdrawn_at=at)
        LossCause.objects.bulk_create(
            LossCause(loss=loss, cause_id=pk, interview=interview, recorded_at=at)
            for pk in sorted(wanted - standing)
        )
        if wanted != standing:
            codes = {"interview": interview.pk, "causes": sorted(wanted)}
            audit.record("loss.stated", obj=loss, by=by, at=at, customer_id=loss.customer_id, codes=codes)
    return loss


# --- Handlers ---------------------------------------------------------------------------------
@outbox.handler(FINISHED)
def interview_finished(row: OutboxRow, at: datetime) -> None:
    """Write the causes of a finished interview on its loss, and log the call that it was."""
    interview = _of(row)
    if interview is None:
        return
    write_causes(interview, by=interview.ended_by, at=at)
    _log_call(interview, at=at)


@outbox.handler(CORRECTED)
def interview_corrected(row: OutboxRow, at: datetime) -> None:
    """Write the causes of a corrected interview anew."""
    interview = _of(row)
    if interview is not None:
        write_causes(interview, by=None, at=at)


@outbox.handler(recording.INTERVIEWS)
def losses_recorded(row: OutboxRow, at: datetime) -> None:
    """Write on losses that were recorded what exit interviews had told before."""
    losses = Loss.objects.filter(pk__in=row.payload["losses"])
    waiting = Interview.objects.filter(
        customer__in=losses.values("customer_id"), purpose=Purpose.EXIT, status=Interview.Status.DONE
    ).exclude(pk__in=LossCause.objects.filter(withdrawn_at=None).values("interview_id"))
    for interview in waiting.select_related("version").order_by("customer_id", "pk"):
        write_causes(interview, by=None, at=at)


def _of(row: OutboxRow) -> Interview | None:
    if row.event is None:
        return None
    found = Interview.objects.select_related("version", "interaction", "contact", "ended_by")
    return found.filter(pk=row.event.subject_id).first()


def _log_call(interview: Interview, *, at: datetime) -> None:
    """Log the planned call that the interview was as reached; one that was logged meanwhile stays."""
    occasion = InterviewOccasion.objects.filter(interview=interview).select_related("call").first()
    if occasion is None or occasion.call is None or interview.ended_by is None:
        return
    try:
        calls.log_call(
            occasion.call,
            outcome=FollowUpCall.Outcome.REACHED,
            contact=interview.contact,
            interaction=interview.interaction,
            by=interview.ended_by,
            at=at,
        )
    except (calls.AlreadyLogged, cases.CaseClosed):
        return

"""Holding an interview: begun with a guide, kept while it goes on, finished once, corrected afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company, interactions, objections, sightings, stubs, writing
from customers.competitors import named
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import CompetitorSighting, Contact, Customer, Interaction, User
from surveys.guides.writing import GuideRetired, newest
from surveys.interviews.said import Held, Said, checked, held_of, kept
from surveys.models import Guide, Interview, InterviewAnswer

FINISHED, CORRECTED = "interview.finished", "interview.corrected"
Status = Interview.Status


class InterviewChanged(Refused):
    code = "interview_changed"
    message = _(
        "%(name)s saved this interview meanwhile. Nothing of yours is gone: compare, then save again."
    )


class InterviewEnded(Refused):
    code = "interview_ended"
    message = _("This interview has ended already. Load the page again to see what stands in it.")


class InterviewNotFinished(Refused):
    code = "interview_not_finished"
    message = _("This interview is not finished: there is nothing to correct yet.")


class NothingSaid(Refused):
    code = "interview_empty"
    message = _("Nothing is written down yet. Note at least one answer, or say that it was not held.")


@transaction.atomic
def begin(
    customer: Customer,
    guide: Guide,
    *,
    contact: Contact | None = None,
    kind: str = Interaction.Kind.CALL,
    by: User | None,
    at: datetime,
) -> Interview:
    """Begin an interview with a customer by the newest version of a guide; return it.

    One that is being held with this customer by this guide is returned as it stands: two presses, or two
    colleagues, hold one interview.

    Args:
        contact: whom one speaks with, of this customer. kind: call, visit, meeting, chat or email.

    Raises ``GuideRetired``, ``Erased``, ``NotTheirs``. Side effects: audit ``interview.begin``.
    """
    if contact is not None and contact.customer_id != customer.pk:
        raise objections.NotTheirs()
    # held in full, so that of two who begin the second finds the first's
    held = Customer.objects.select_for_update(no_key=True).get(pk=stubs.resolved_one(customer.pk))
    objections.refuse_erased(held)
    if contact is not None:
        objections.refuse_erased(Contact.objects.get(pk=contact.pk))
    standing = Interview.objects.filter(customer=held, guide=guide, status=Status.OPEN).first()
    if standing is not None:
        return standing
    guide = Guide.objects.select_for_update(no_key=True).get(pk=guide.pk)
    if guide.is_retired:
        raise GuideRetired(guide=guide)
    version = newest(guide)
    interview = Interview.objects.create(
        customer=held,
        contact=contact,
        guide=guide,
        version=version,
        purpose=guide.purpose,
        kind=Interaction.Kind(kind),
        begun_at=at,
        by=by,
    )
    codes = {"guide": guide.pk, "version": version.number}
    audit.record("interview.begin", obj=interview, by=by, at=at, customer_id=held.pk, codes=codes)
    return interview


@transaction.atomic
def save(
    interview: Interview, held: Held, *, revision: int, page: str = "", by: User | None, at: datetime
) -> Interview:
    """Keep what is written down while the interview goes on; nothing counts yet.

    Args:
        revision: the one that was read; whoever saved since is not overwritten.
        page: names the opened page that is saved from: what it saved itself since is no conflict.

    Raises :class:`InterviewChanged`, :class:`InterviewEnded`, ``Erased`` and what ``checked`` does.
    """
    _lock(interview)
    document = interview.version.definition
    written = checked(held, document, before=held_of(interview), is_final=False)
    values = {"draft": kept(written), "saved_at": at, "saved_by": by, "saved_from": page}
    _update(interview, Status.OPEN, revision=revision, page=page, values=values)
    return interview


@transaction.atomic
def finish(
    interview: Interview, held: Held, *, revision: int, page: str = "", by: User | None, at: datetime
) -> Interview:
    """End an interview with what was said, once; whoever comes second is told, and nothing is written.

    ``revision`` and ``page`` as in :func:`save`.

    Raises :class:`NothingSaid`, :class:`InterviewChanged`, :class:`InterviewEnded`, ``Erased``,
    ``InTheFuture``, and what ``checked`` does. Side effects: its answers as facts, an interaction on the
    timeline, a sighting of the competitor; touches the customer; event ``interview.finished``, from which
    the causes of an exit interview reach the loss; audit ``interview.finish``.
    """
    customer_id = stubs.resolved_one(interview.customer_id)  # held, so that an erasure waits or is seen below
    _lock(interview)
    written = checked(held, interview.version.definition, before=held_of(interview))
    if written.is_empty:
        raise NothingSaid()
    when = writing.moments(at=at, occurred_at=written.held_at)
    customer = Customer.objects.get(pk=customer_id)
    interaction = interactions.log_interaction(
        customer,
        kind=interview.kind,
        text=written.summary or _title(interview),
        contact=interview.contact,
        occurred_at=when.occurred_at,
        by=by,
        at=at,
    )
    values = {
        "status": Status.DONE,
        "draft": None,
        "held_at": when.occurred_at,
        "ended_at": at,
        "ended_by": by,
        "interaction": interaction,
        "sighting": _seen(customer, written, occurred_at=when.occurred_at, by=by, at=at),
        **_consent(written),
    }
    _update(interview, Status.OPEN, revision=revision, page=page, values=values)
    for question, said in written.answers.items():
        _write(interview, question, said, at=at)
    _tell(FINISHED, "interview.finish", interview, by=by, at=at)
    return interview


@transaction.atomic
def correct(interview: Interview, held: Held, *, revision: int, by: User | None, at: datetime) -> Interview:
    """Write what was said anew; what stood before stays known for the time before.

    The moment at which it was held stays. Raises :class:`InterviewNotFinished`, :class:`NothingSaid`,
    :class:`InterviewChanged`, ``Erased``, ``OlderThanKnown`` and what ``checked`` does. Side effects: new
    versions of the facts that differ; event ``interview.corrected``, audit ``interview.correct``.
    """
    if interview.status != Status.DONE:
        raise InterviewNotFinished()
    customer_id = stubs.resolved_one(interview.customer_id)
    _lock(interview)
    before = held_of(interview)
    written = checked(held, interview.version.definition, before=before)
    if written.is_empty:
        raise NothingSaid()
    _update(interview, Status.DONE, revision=revision, values=_consent(written))
    customer = Customer.objects.get(pk=customer_id)
    _correct_sighting(interview, customer, written, before, by=by, at=at)
    if interview.interaction is not None and written.summary != before.summary:
        writing.revise(interview.interaction, text=written.summary or _title(interview), at=at)
    standing = {row.question: row for row in InterviewAnswer.objects.filter(interview=interview)}
    for question in written.answers.keys() | standing.keys():
        said, row = written.answers.get(question), standing.get(question)
        if row is None and said is not None:
            _write(interview, question, said, at=at)
        elif row is not None and said is None:
            writing.void(row, at=at)
        elif row is not None and said is not None:
            writing.revise(row, chosen=list(said.chosen), note=said.note, quote=said.quote, void=False, at=at)
    _tell(CORRECTED, "interview.correct", interview, by=by, at=at)
    return interview


@transaction.atomic
def drop(interview: Interview, *, by: User | None, at: datetime) -> Interview:
    """Note that an interview was not held; what was typed goes.

    Raises :class:`InterviewEnded`. Side effects: audit ``interview.drop``.
    """
    rows = Interview.objects.filter(pk=interview.pk, status=Status.OPEN)
    values: dict[str, Any] = {"status": Status.DROPPED, "draft": None, "ended_at": at, "ended_by": by}
    if not rows.update(**values, revision=F("revision") + 1):
        raise InterviewEnded()
    interview.refresh_from_db()
    audit.record("interview.drop", obj=interview, by=by, at=at, customer_id=interview.customer_id)
    return interview


# --- Writing ----------------------------------------------------------------------------------
def _lock(interview: Interview) -> None:
    """Let whoever comes second wait here; SQLite, which locks no row, has one writer."""
    list(Interview.objects.select_for_update(no_key=True).filter(pk=interview.pk).values_list("pk"))


def _update(
    interview: Interview, status: str, *, revision: int, page: str = "", values: dict[str, Any]
) -> None:
    """Change the row while it stands as it was read: the guarded update decides who was first."""
    erased = Contact.objects.filter(pk=OuterRef("contact_id"), erased_at__isnull=False)
    gone = Customer.objects.filter(pk=OuterRef("customer_id"), erased_at__isnull=False)
    as_read = Q(revision=revision)
    if page:
        as_read |= Q(saved_from=page)
    rows = Interview.objects.filter(as_read, ~Exists(erased), ~Exists(gone), pk=interview.pk, status=status)
    changed = rows.update(**values, revision=F("revision") + 1)
    interview.refresh_from_db()
    if changed:
        return
    objections.refuse_erased(interview.customer)
    if interview.contact is not None:
        objections.refuse_erased(interview.contact)
    if interview.status != status:
        raise InterviewEnded()
    raise InterviewChanged(name=interview.saved_by or gettext("Somebody else"))


def _write(interview: Interview, question: str, said: Said, *, at: datetime) -> None:
    writing.write(
        InterviewAnswer,
        customer_id=interview.customer_id,
        when=writing.moments(at=at, occurred_at=interview.held_at),
        interview=interview,
        contact_id=interview.contact_id,
        question=question,
        chosen=list(said.chosen),
        note=said.note,
        quote=said.quote,
    )


def _consent(held: Held) -> dict[str, Any]:
    return {"may_quote": held.may_quote, "agreed_how": held.agreed_how, "agreed_on": held.agreed_on}


def _seen(
    customer: Customer, held: Held, *, occurred_at: datetime, by: User | None, at: datetime
) -> CompetitorSighting | None:
    if not held.competitor:
        return None
    return sightings.record_sighting(
        customer,
        competitor=held.competitor,
        offered=held.offered,
        learnt_from=CompetitorSighting.LearntFrom.CUSTOMER,
        occurred_at=occurred_at,
        by=by,
        at=at,
    )


def _correct_sighting(
    interview: Interview, customer: Customer, held: Held, before: Held, *, by: User | None, at: datetime
) -> None:
    if (held.competitor, held.offered) == (before.competitor, before.offered):
        return
    seen = interview.sighting
    if seen is None:
        new = _seen(customer, held, occurred_at=interview.held_at or at, by=by, at=at)
        Interview.objects.filter(pk=interview.pk).update(sighting=new)
        interview.sighting = new
    elif not held.competitor:
        sightings.remove_sighting(seen, by=by, at=at)
    else:
        rival = named(held.competitor, by=by, at=at)
        writing.revise(seen, competitor=rival, offered=held.offered, void=False, at=at)


def _tell(event: str, act: str, interview: Interview, *, by: User | None, at: datetime) -> None:
    codes = {
        "guide": interview.guide_id,
        "version": interview.version.number,
        "purpose": interview.purpose,
        "may_quote": interview.may_quote,
        "agreed_how": interview.agreed_how,
    }
    customer_id = interview.customer_id
    audit.record(act, obj=interview, by=by, at=at, customer_id=customer_id, codes=codes)
    events.record(event, customer_id=customer_id, subject=interview, occurred_at=at, data=codes)


def _title(interview: Interview) -> str:
    """Return what the timeline says of an interview that nobody summed up, in the company's language."""
    with translation.override(company.current().language):
        return gettext("Interview: %(guide)s") % {"guide": interview.guide}

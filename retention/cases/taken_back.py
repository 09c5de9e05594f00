"""Cases and imports that are taken back: a person's work stands in the way, what nobody touched goes too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.facts import TWINS
from customers.models import Complaint, Customer, ImportBatch, ImportChange, Interaction, Mention
from customers.movers import Blocker
from customers.undo import shares
from retention import warnings
from retention.calls.planning import cancel_planned
from retention.cases import holders, moves
from retention.models import (
    CaseMove,
    CustomerMeasures,
    EarlyWarning,
    FollowUpCall,
    LoopClosure,
    LoopStep,
    Loss,
    LossKind,
    MoveKind,
    RetentionCase,
    Standing,
    StandingVersion,
)

Outcome = RetentionCase.Outcome
Status = RetentionCase.Status


def in_the_way(batch_id: int) -> Iterator[Blocker]:
    """Yield the cases, calls, feedback and losses that rest on an import and that a person worked on."""
    batch = ImportBatch.objects.get(pk=batch_id)
    new = ImportChange.objects.filter(batch=batch, model=Customer._meta.label_lower, is_new=True)
    filed = shares.written_by(batch, Complaint).exclude(shares.had_before(batch, Complaint))
    mine = Q(customer_id__in=new.values("object_id")) | Q(complaint__in=filed.values("pk"))
    since = batch.started_at or batch.made_at
    for model in TWINS:
        written = model._default_manager.filter(batch=batch)
        mine |= Q(opened_at__gte=since, opened_by__isnull=True, customer_id__in=written.values("customer_id"))
    for case in worked_on(RetentionCase.objects.filter(mine)).order_by("pk"):
        text = _("worked on since: case no. %(number)s") % {"number": case.pk}
        yield Blocker(text, case.customer_id, reverse("retention:case", args=[case.pk]))
    calls = FollowUpCall.objects.filter(interaction__in=Interaction.objects.filter(batch=batch))
    for call in calls.order_by("pk"):
        text = _("worked on since: case no. %(number)s") % {"number": call.case_id}
        yield Blocker(text, call.customer_id, reverse("retention:case", args=[call.case_id]))
    written = shares.written_by(batch, Mention).exclude(shares.had_before(batch, Mention))
    loops = LoopClosure.objects.filter(
        Q(customer_id__in=new.values("object_id"))
        | Q(complaint__in=filed.values("pk"))
        | Q(mention__in=written.values("pk"))
    )
    for loop in loops.filter(_had_a_word()).order_by("pk"):
        text = _("worked on since: feedback no. %(number)s") % {"number": loop.pk}
        yield Blocker(text, loop.customer_id, reverse("retention:loop", args=[loop.pk]))
    for loss in Loss.objects.filter(_told_by_somebody(), customer_id__in=new.values("object_id")).order_by(
        "pk"
    ):
        text = _("noted since: the loss of customer no. %(number)s") % {"number": loss.customer_id}
        yield Blocker(text, loss.customer_id)


def _told_by_somebody() -> Q:
    """Return the condition for losses that a person told of, or that a case is about."""
    return Q(case__isnull=False) | Q(definition=LossKind.HAND) | Q(definition="", contract__isnull=True)


def _had_a_word() -> Q:
    """Return the condition for loops that a person worked on or whose customer had a word on them."""
    words = LoopStep.objects.filter(loop=OuterRef("pk"))
    given = [LoopStep.Kind.RECEIVED, LoopStep.Kind.ASSIGNED]
    hers = [LoopStep.Kind.CONFIRMED, LoopStep.Kind.NOT_SOLVED]
    return Q(Exists(words.filter(by__isnull=False).exclude(kind__in=given))) | Q(
        Exists(words.filter(kind__in=hers))
    )


def worked_on(cases: QuerySet[RetentionCase]) -> QuerySet[RetentionCase]:
    """Return those that a person opened, moved beyond giving them to somebody, or gave a reason for."""
    steps = CaseMove.objects.filter(case=OuterRef("pk"), by__isnull=False).exclude(
        kind__in=[MoveKind.ASSIGNED, MoveKind.REASSIGNED, MoveKind.UNASSIGNED]
    )
    return cases.filter(Exists(steps) | Q(opened_by__isnull=False) | Q(status=Status.WORKING) | ~Q(reason=""))


def follow(model: type[Any], ids: list[int], at: datetime) -> None:
    """Close what rests on complaints or customers that were taken back; nobody has worked on it.

    Side effects: cases closed as not pursued, with their warnings and planned calls; the measures of
    customers who are gone and the losses that definitions found of them; how they stood counts at no moment
    any more.
    """
    if model is Customer:
        _end_loops(LoopClosure.objects.filter(customer_id__in=ids), at=at)
        _close(RetentionCase.objects.filter(customer_id__in=ids), at=at)
        warnings.close(
            EarlyWarning.objects.filter(customer_id__in=ids), because=EarlyWarning.Closed.SIGN_GONE, at=at
        )
        CustomerMeasures.objects.filter(customer_id__in=ids).delete()
        Loss.objects.filter(customer_id__in=ids).exclude(_told_by_somebody()).delete()
        _never_stood(ids)
    elif model is Complaint:
        gone = Complaint.objects.filter(pk__in=ids, void=True)
        withdrawn = LoopClosure.objects.filter(complaint__in=gone)
        _end_loops(withdrawn, at=at)
        untouched = RetentionCase.objects.exclude(pk__in=worked_on(RetentionCase.objects.all()).values("pk"))
        _close(untouched.filter(~Exists(_of_others(withdrawn)), complaint__in=gone), at=at)
    elif model is Mention:
        withdrawn = LoopClosure.objects.filter(mention__in=Mention.objects.filter(pk__in=ids, void=True))
        _end_loops(withdrawn, at=at)
        _close(of_nothing_else(withdrawn).filter(pk__in=withdrawn.values("case")), at=at)


def of_nothing_else(loops: QuerySet[LoopClosure]) -> QuerySet[RetentionCase]:
    """Return the cases that nothing but these loops, if anything, is about, and that nobody worked on."""
    joined = CaseMove.objects.filter(case=OuterRef("pk"), kind=MoveKind.JOINED)
    warned = EarlyWarning.objects.filter(case=OuterRef("pk"))
    untouched = RetentionCase.objects.exclude(pk__in=worked_on(RetentionCase.objects.all()).values("pk"))
    return untouched.filter(
        ~Exists(_of_others(loops)),
        ~Exists(joined),
        ~Exists(warned),
        complaint=None,
    )


def _of_others(loops: QuerySet[LoopClosure]) -> QuerySet[LoopClosure]:
    """Return the other loops of a case that is asked about."""
    return LoopClosure.objects.filter(case=OuterRef("pk")).exclude(pk__in=loops.values("pk"))


def _end_loops(loops: QuerySet[LoopClosure], *, at: datetime) -> None:
    from retention.loop import moves as loop_moves  # which stands on cases

    text = _("The import that told of it was taken back.")
    state, kind = LoopClosure.State.WITHDRAWN, LoopStep.Kind.WITHDRAWN
    for loop in loops.open().order_by("customer_id", "pk"):  # type: ignore[attr-defined]
        try:
            loop_moves.move_to(loop, state, kind=kind, text=text, by=None, at=at)
        except (loop_moves.LoopMoved, loop_moves.LoopEnded):
            continue  # somebody works on it this moment: it is hers, and the import goes on being taken back


def _never_stood(customer_ids: list[int]) -> None:
    stood = Standing.objects.filter(customer_id__in=customer_ids)
    StandingVersion._default_manager.filter(fact_id__in=stood.values("pk")).update(
        superseded_at=F("recorded_at")
    )
    stood.filter(void=False).update(void=True)


def _close(cases: QuerySet[RetentionCase], *, at: datetime) -> None:
    """Close those of some cases whose feedback has all come to its end."""
    waiting = LoopClosure.objects.open().filter(case=OuterRef("pk"))  # type: ignore[attr-defined]
    standing = cases.open().filter(~Exists(waiting))  # type: ignore[attr-defined]
    found = moves.lock(list(standing.values_list("pk", flat=True)))
    fields = {
        "outcome": Outcome.NOT_PURSUED,
        "outcome_reason": _("The import that told of it was taken back."),
        "closed_at": at,
        "due_at": None,
    }
    moves.move_many(
        found,
        Status.CLOSED,
        kind=MoveKind.CLOSED,
        codes_of=lambda case: {"outcome": Outcome.NOT_PURSUED.value, "why": "import_undone"},
        by=None,
        at=at,
        fields_of=lambda case: fields,
    )
    cancel_planned(found)
    warnings.close(
        EarlyWarning.objects.filter(case__in=found), because=EarlyWarning.Closed.CASE_CLOSED, at=at
    )
    holders.follow(found, at=at)

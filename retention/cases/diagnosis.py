"""The diagnosis of a case: the type of churn, its causes as we see them, and as the customer says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.causes import may_be_chosen
from customers.ground.errors import Refused
from customers.models import Cause, User
from retention.cases import moves
from retention.models import CaseCause, MoveKind, RetentionCase, StatedCause


class MainCauseMissing(Refused):
    code = "main_cause_not_named"
    message = _("The main cause must be one of the causes that you chose.")


class CauseRetired(Refused):
    code = "cause_retired"
    message = _("“%(cause)s” is no longer in use. Choose another cause.")


def diagnose(
    case: RetentionCase,
    *,
    churn_type: str,
    causes: Iterable[Cause],
    main: Cause | None = None,
    stated: Iterable[Cause] | None = None,
    by: User,
    at: datetime,
) -> RetentionCase:
    """Enter (or replace) the diagnosis of an open case.

    Args:
        churn_type: active, passive, hidden or competitive; ``""`` while unknown.
        causes: what the company takes for the causes.
        main: which of ``causes`` weighs most; the only one when there is one.
        stated: what the customer said the causes are; ``None`` leaves what stands.

    Raises :class:`MainCauseMissing`, :class:`CauseRetired`, ``CaseClosed``, ``MovedMeanwhile``. Side
    effects: the rows of causes; a case that was only assigned is worked on from now; one move with
    audit and event.
    """
    chosen = {cause.pk: cause for cause in causes}
    if main is None and len(chosen) == 1:
        main = next(iter(chosen.values()))
    if main is not None and main.pk not in chosen:
        raise MainCauseMissing()
    with transaction.atomic():
        moves.lock_one(case)
        assessed = CaseCause.objects.filter(case=case)
        _refuse_retired(assessed.values_list("cause_id", flat=True), chosen)
        assessed.delete()
        CaseCause.objects.bulk_create(
            [CaseCause(case=case, cause_id=pk, is_main=main is not None and pk == main.pk) for pk in chosen]
        )
        codes = {
            "churn_type": churn_type,
            "causes": sorted(chosen),
            "main": main.pk if main else None,
            "stated": _state(case, stated),
        }
        fields = {"churn_type": RetentionCase.ChurnType(churn_type) if churn_type else ""}
        if case.status == RetentionCase.Status.ASSIGNED:
            moves.move_to(case, RetentionCase.Status.WORKING, kind=MoveKind.WORKING, by=by, at=at)
        moves.note(case, kind=MoveKind.DIAGNOSED, codes=codes, by=by, at=at, **fields)
    return case


def named_in(case: RetentionCase) -> Q:
    """Return the condition for the causes that the diagnosis of a case names already, by either side."""
    return Q(pk__in=CaseCause.objects.filter(case=case).values("cause_id")) | Q(
        pk__in=StatedCause.objects.filter(case=case).values("cause_id")
    )


def _state(case: RetentionCase, stated: Iterable[Cause] | None) -> list[int]:
    """Replace what the customer named, if it is given; return what stands then."""
    standing = StatedCause.objects.filter(case=case)
    kept = set(standing.values_list("cause_id", flat=True))
    if stated is None:
        return sorted(kept)
    named = {cause.pk: cause for cause in stated}
    _refuse_retired(kept, named)
    standing.delete()
    StatedCause.objects.bulk_create([StatedCause(case=case, cause_id=pk) for pk in named])
    return sorted(named)


def _refuse_retired(standing: Iterable[int], chosen: dict[int, Cause]) -> None:
    """A cause that was retired since stays where it was chosen; it is not chosen anew."""
    kept = set(standing)
    for pk, cause in chosen.items():
        if pk not in kept and not may_be_chosen(cause):
            raise CauseRetired(cause=str(cause))

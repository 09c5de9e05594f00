"""What people said of complaints in diagnoses: the main cause, from which the reading of texts learns."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import OuterRef, Subquery

from customers.models import Aspect
from customers.text import Label
from retention.models import CaseCause, CaseMove, MoveKind


def labels(aspect: str, most: int) -> Iterator[Label]:
    """Give the main cause of cases that a complaint opened, the newest first."""
    if aspect != Aspect.CAUSE:
        return
    diagnosed = CaseMove.objects.filter(case=OuterRef("case"), kind=MoveKind.DIAGNOSED).order_by("-at", "-id")
    rows = (
        CaseCause.objects.filter(is_main=True, case__complaint__isnull=False)
        .annotate(at=Subquery(diagnosed.values("at")[:1]))
        .exclude(at=None)
        .order_by("-case_id")
        .values_list("case__complaint_id", "cause__code", "at")
    )
    seen: set[int] = set()
    for complaint, code, at in rows[:most]:
        if complaint not in seen:  # the newest case speaks
            seen.add(complaint)
            yield Label("complaint", complaint, code, at)

"""Granting recovery points from a case."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.access import allow
from retention import cases
from retention.pages.case import act_on_case, case_to_work_on
from retention.pages.forms import WORKERS, PointsForm


@require_POST
@allow(*WORKERS)
def case_points(request: HttpRequest, pk: int) -> HttpResponse:
    """Grant recovery points; the key of the form makes two presses one grant."""
    case, form = case_to_work_on(request, pk), PointsForm(request.POST)
    return act_on_case(
        request,
        case,
        "points_form",
        form,
        lambda values, at: cases.grant_points(case, **values, by=request.user, at=at),
        fields={"recovery_limit": "points", "recovery_budget": "points"},
        done=_("The points are granted. The customer has them at once."),
    )

"""The runs of the sweep. They start by the schedule, or by the command."""

from __future__ import annotations

from django.db.models import QuerySet

from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from retention.api.roles import SEES_SWEEPS
from retention.api.shapes import SweepShape
from retention.models import SweepRun


class SweepFilter(filters.FilterSet):
    """Which runs."""

    scope = filters.ChoiceFilter(choices=SweepRun.Scope.choices)
    status = filters.ChoiceFilter(choices=SweepRun.Status.choices)

    class Meta:
        model = SweepRun
        fields: list[str] = []


class Sweeps(Lists, Details, Resource):
    tag = "sweeps"
    model = SweepRun
    serializer_class = SweepShape
    filterset_class = SweepFilter
    orders = {"newest": ("-id",), "oldest": ("id",)}
    access = {
        "list": may(*SEES_SWEEPS, scope="rules:read"),
        "retrieve": may(*SEES_SWEEPS, scope="rules:read"),
    }

    def rows(self) -> QuerySet[SweepRun]:
        """Return all runs: they belong to the company.

        Their numbers are sums, withheld warnings too, but for runs over a few customers (``judge``).
        """
        return SweepRun.objects.all()

"""For how long words, addresses and files are kept: read and changed by admins."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers import keeping
from customers.ground import clock
from customers.ground.api.access import may
from customers.ground.api.serializers import Takes
from customers.ground.api.views import Resource
from customers.models import KeepPeriod
from customers.models.people import Role


class PeriodShape(serializers.Serializer[Any]):
    """How long one class of data is kept."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(help_text="What goes, and what stays.")
    months = serializers.IntegerField(allow_null=True, help_text="null: for ever.")


class PeriodsShape(serializers.Serializer[Any]):
    """Every class of data."""

    periods = PeriodShape(many=True)


class PeriodTakes(Takes):
    """One class and for how many months it is kept; null: for ever."""

    code = serializers.CharField(max_length=64)
    months = serializers.IntegerField(min_value=1, max_value=keeping.MOST_MONTHS, allow_null=True)

    def validate_code(self, code: str) -> str:
        """Refuse a class that does not exist."""
        if code not in keeping.periods():
            raise serializers.ValidationError(_("There is no such class of data."), code="does_not_exist")
        return code


class PeriodsTakes(Takes):
    """The classes to change; what is not sent stays as it is."""

    periods = PeriodTakes(many=True, allow_empty=False, max_length=100)  # type: ignore[call-arg]

    def validate_periods(self, periods: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse a class that is named twice."""
        if len({said["code"] for said in periods}) < len(periods):
            raise serializers.ValidationError(_("Name each class of data once."), code="invalid")
        return periods


class KeepPeriods(Resource):
    tag = "privacy"
    model = KeepPeriod
    serializer_class = PeriodsShape
    access = {
        "show": may(Role.ADMIN, scope="privacy:read"),
        "set_periods": may(Role.ADMIN, scope="privacy:keep"),
    }
    takes = {"set_periods": PeriodsTakes}
    examples = {"set_periods": {"periods": [{"code": "interactions", "months": 36}]}}

    def show(self, request: Request) -> Response:
        """Show for how long each class of data is kept."""
        return _all()

    def set_periods(self, request: Request) -> Response:
        """Say for how long classes of data are kept; what is older goes in the coming nights."""
        months = {said["code"]: said["months"] for said in self.taken()["periods"]}
        keeping.set_periods(months, by=request.user, at=clock.now())
        return _all()


def _all() -> Response:
    months = keeping.periods()
    periods = [
        {"code": data.code, "label": str(data.label), "help": str(data.help), "months": months[data.code]}
        for data in keeping.every()
    ]
    return Response(PeriodsShape({"periods": periods}).data)

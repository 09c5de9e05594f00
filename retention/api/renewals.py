"""Renewals: the contracts that wait for an answer, and the answers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import renewals as terms
from customers.api.trade import ContractShape
from customers.ground import clock, money
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, NumberField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Contract, Customer
from retention import renewals
from retention.api.roles import SEES_CASES, WORKS_CASES


class RenewalFilter(filters.FilterSet):
    """Which contracts."""

    customer = filters.IdFilter(field_name="customer_id")
    owner = filters.IdFilter(field_name="owner_id")
    team = filters.IdFilter(field_name="customer__team_id", label="The team of the customer.")
    ends_from = filters.DayFilter(field_name="ends_day", lookup_expr="gte", numbered=True)
    ends_until = filters.DayFilter(field_name="ends_day", lookup_expr="lte", numbered=True)

    class Meta:
        model = Contract
        fields: list[str] = []


class Renegotiate(Takes):
    """The value of the new term."""

    value = NumberField(max_digits=18, min_value=0, help_text="In major units, over the whole term.")


class Extend(Takes):
    """The end of the new term."""

    ends_on = DateField()


class Renewals(Lists, Details, Resource):
    tag = "renewals"
    model = Contract
    detail_route = "api:renewal-detail"
    serializer_class = ContractShape
    filterset_class = RenewalFilter
    orders = {"soonest": ("ends_day", "id"), "latest": ("-ends_day", "-id")}
    access = {
        "list": may(*SEES_CASES, scope="facts:read"),
        "retrieve": may(*SEES_CASES, scope="facts:read"),
        "renew": may(*WORKS_CASES, scope="facts:write"),
        "renegotiate": may(*WORKS_CASES, scope="facts:write"),
        "extend": may(*WORKS_CASES, scope="facts:write"),
        "lapse": may(*WORKS_CASES, scope="facts:write"),
    }
    takes = {"renegotiate": Renegotiate, "extend": Extend}
    refuses = {
        "renew": ["contract_decided", "missing_rate"],
        "renegotiate": ["contract_decided", "missing_rate", "amount_too_large"],
        "extend": ["contract_decided", "contract_term_not_longer", "missing_rate"],
        "lapse": ["contract_decided"],
    }
    examples: dict[str, Any] = {"renegotiate": {"value": "11000.00"}, "extend": {"ends_on": "2028-05-31"}}

    def rows(self) -> QuerySet[Contract]:
        """Return the contracts of visible customers that wait for an answer; to act on, all."""
        visible = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        among = terms.undecided() if self.action == "list" else Contract.objects.filter(void=False)
        return among.filter(customer__in=visible)

    @action(detail=True, methods=["post"])
    def renew(self, request: Request, pk: str) -> Response:
        """Renew on the same terms; the answer is the new contract."""
        return self.shown(renewals.renew(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def renegotiate(self, request: Request, pk: str) -> Response:
        """Renew at another value; the answer is the new contract."""
        contract = self.one()
        value = money.to_minor(self.taken()["value"], contract.currency)
        return self.shown(renewals.renew(contract, value=value, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: str) -> Response:
        """Renew for a longer term; the answer is the new contract."""
        contract = self.one()
        ends_on = self.taken()["ends_on"]
        return self.shown(renewals.renew(contract, ends_on=ends_on, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def lapse(self, request: Request, pk: str) -> Response:
        """Note that it does not go on; the night counts the loss."""
        return self.shown(terms.lapse(self.one(), by=request.user, at=clock.now()))

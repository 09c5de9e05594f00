"""What every list of dated facts has: its moments, its customer, and the filters by them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from customers.api.reading import EVERYBODY, WRITERS
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Customer

FACT = ["id", "customer", "occurred_at", "recorded_at", "void"]
READ = {"list": may(*EVERYBODY, scope="facts:read"), "retrieve": may(*EVERYBODY, scope="facts:read")}
RECORD = may(*WRITERS, scope="facts:write")


class FactFilter(filters.FilterSet):
    """The filters of every kind of fact."""

    customer = filters.IdFilter(field_name="customer_id")
    occurred_since = filters.MomentFilter(field_name="occurred_at", method="since")
    occurred_before = filters.MomentFilter(field_name="occurred_at", method="before")
    recorded_since = filters.MomentFilter(field_name="recorded_at", lookup_expr="gte")
    void = filters.FlagFilter(label="true: only what was removed.")

    # The local day, of which there is an index, is at most one away from the day in UTC.
    def since(self, found: QuerySet[Any], name: str, value: datetime) -> QuerySet[Any]:
        """Keep what happened at the moment or later."""
        return found.filter(occurred_at__gte=value, occurred_day__gte=_day(value) - 1)

    def before(self, found: QuerySet[Any], name: str, value: datetime) -> QuerySet[Any]:
        """Keep what happened earlier."""
        return found.filter(occurred_at__lt=value, occurred_day__lte=_day(value) + 1)


def _day(moment: datetime) -> int:
    return moment.astimezone(UTC).toordinal()


class NewFact(Takes):
    """Whom a fact is about and when it happened (now, when it is not said; never in the future)."""

    customer = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Our number of the customer."
    )
    occurred_at = MomentField(required=False)


class Facts(Lists, Details, Resource):
    """A kind of fact: everybody reads those of the customers that she may see."""

    access: ClassVar[Any] = READ
    orders: ClassVar[Any] = {"id": ("id",), "-id": ("-id",)}

    def customer_of(self, values: dict[str, Any]) -> Customer:
        """Take the customer out of ``values``; refuse one that the caller may not see."""
        pk = values.pop("customer")
        visible = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        customer: Customer | None = visible.filter(pk=pk).first()
        if customer is None:
            raise not_there("customer", pk)
        return customer

    def acting(self) -> dict[str, Any]:
        """Return who acts, and when."""
        return {"by": self.request.user, "at": clock.now()}


def not_there(name: str, pk: int | str) -> serializers.ValidationError:
    """Return the error of a field that names something that the caller may not see, or that is not there."""
    text = serializers.PrimaryKeyRelatedField.default_error_messages["does_not_exist"].format(pk_value=pk)
    return serializers.ValidationError({name: [serializers.ErrorDetail(text, code="does_not_exist")]})


def theirs(model: Any, customer: Customer, values: dict[str, Any], name: str) -> None:
    """Put the contact or order that ``values`` names in its place; refuse one of another customer."""
    pk = values.pop(name, None)
    if pk is not None:
        values[name] = model.objects.filter(customer=customer, pk=pk).first()
        if values[name] is None:
            raise not_there(name, pk)

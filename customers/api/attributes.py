"""Attributes of the business's own, and what they are worth for customers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import attributes
from customers.api.company import KNOWN
from customers.api.facts import FACT, READ, FactFilter, Facts, not_there
from customers.api.reading import ADMINS, WRITERS, of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import (
    DateField,
    DayField,
    Gives,
    IdField,
    MomentField,
    NumberField,
    Takes,
)
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Attribute, AttributeValue, Customer


class AttributeShape(Gives):
    choices = serializers.ListField(child=serializers.CharField(), read_only=True)
    retired_at = MomentField(allow_null=True, help_text="Since then nobody is asked for it.")

    class Meta:
        model = Attribute
        fields = ["id", "code", "kind", "label_en", "label_zh", "choices", "retired_at"]


class Choice(Takes):
    """One thing to choose."""

    code = serializers.CharField(max_length=64)
    label_en = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    label_zh = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class NewAttribute(Takes):
    code = serializers.SlugField(max_length=64, help_text="Stays for good.")
    kind = serializers.ChoiceField(Attribute.Kind.choices)
    label_en = serializers.CharField(max_length=100)
    label_zh = serializers.CharField(max_length=100)
    choices = Choice(many=True, required=False, help_text="For the kind choice.")


class AttributeChange(Takes):
    label_en = serializers.CharField(max_length=100)
    label_zh = serializers.CharField(max_length=100)
    choices = Choice(many=True, required=False, help_text="All of them; what is in use must stay.")


class Retired(Takes):
    retired = serializers.BooleanField()


class Attributes(Lists, Details, Resource):
    tag = "attributes"
    model = Attribute
    detail_route = "api:attribute-detail"
    serializer_class = AttributeShape
    access = {
        **KNOWN,
        "create": may(*ADMINS, scope="company:write"),
        "partial_update": may(*ADMINS, scope="company:write"),
        "retire": may(*ADMINS, scope="company:write"),
    }
    takes = {"create": NewAttribute, "partial_update": AttributeChange, "retire": Retired}
    refuses = {
        "create": ["attribute_taken", "attribute_code", "no_choices"],
        "partial_update": ["no_choices", "choice_in_use"],
        "retire": ["still_read"],
    }
    examples = {
        "create": {"code": "staff", "kind": "number", "label_en": "Staff", "label_zh": "员工人数"},
        "partial_update": {"label_en": "Employees", "label_zh": "员工人数"},
        "retire": {"retired": True},
    }

    def rows(self) -> QuerySet[Attribute]:
        """Return the business's own attributes."""
        return Attribute.objects.all()

    def create(self, request: Request) -> Response:
        """Define an attribute."""
        values = self._taken()
        return self.made(attributes.define_attribute(**values, by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename an attribute and what there is to choose."""
        attribute = self.one(to_change=True)
        values = {"choices": _choices(attribute), **self._taken()}
        attributes.change_attribute(attribute, **values, by=request.user, at=clock.now())
        return self.shown(attribute)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Ask for an attribute no more, or again; its values stay."""
        attribute = self.one()
        retired = self.taken()["retired"]
        attributes.retire_attribute(attribute, is_retired=retired, by=request.user, at=clock.now())
        return self.shown(attribute)

    def _taken(self) -> dict[str, Any]:
        values = self.taken()
        if "choices" in values:
            values["choices"] = [(c["code"], c["label_en"], c["label_zh"]) for c in values["choices"]]
        return values


def _choices(attribute: Attribute) -> list[attributes.Choice]:
    named = attribute.choice_labels
    return [(code, *named.get(code, (code, code))) for code in attribute.choices]


class ValueShape(Gives):
    attribute: Any = serializers.SlugRelatedField("code", read_only=True, help_text="The attribute's code.")
    number = NumberField(allow_null=True)
    day = DayField(allow_null=True)

    class Meta:
        model = AttributeValue
        fields = [*FACT, "attribute", "number", "choice", "day", "text"]


class NewValue(Takes):
    """What an attribute is worth from a day on."""

    customer = IdField(help_text="Our number of the customer.")
    attribute = serializers.CharField(max_length=64, help_text="The attribute's code.")
    value = serializers.CharField(
        max_length=500,
        allow_blank=True,
        help_text="A number, a day as YYYY-MM-DD, the code of a choice, or text; empty: unknown.",
    )
    since = DateField(required=False, help_text="Today unless said; never in the future.")


class ValueFilter(FactFilter):
    attribute = filters.TextFilter(field_name="attribute__code", label="The attribute's code.")


class Values(Facts):
    tag = "attributes"
    model = AttributeValue
    detail_route = "api:attribute-value-detail"
    serializer_class = ValueShape
    filterset_class = ValueFilter
    access = {**READ, "create": may(*WRITERS, scope="customers:write")}
    takes = {"create": NewValue}
    refuses = {"create": ["attribute_retired", "wrong_attribute_value", "older_than_value", "in_the_future"]}
    examples = {"create": {"customer": 12, "attribute": "staff", "value": "140"}}

    def rows(self) -> QuerySet[Any]:
        """Return the values of the customers that the caller may see."""
        return of_visible(AttributeValue, self.request.user).select_related("attribute")

    def create(self, request: Request) -> Response:
        """Say what an attribute is worth for a customer; what stands already stays as it is."""
        values = self.taken()
        customer = self.customer_of(values)
        attribute = Attribute.objects.filter(code=values["attribute"]).first()
        if attribute is None:
            raise not_there("attribute", values["attribute"])
        value = _read(attribute, values["value"])
        made = attributes.set_value(
            customer, attribute, value, since=values.get("since"), by=request.user, at=clock.now()
        )
        return self.made(made or _standing(customer, attribute))


def _standing(customer: Customer, attribute: Attribute) -> Any:
    """Return the value that stands; of one that was never said, an empty one is refused as no value."""
    found = attributes.current_values([customer.pk], attribute=attribute)
    if (customer.pk, attribute.pk) not in found:
        raise attributes.WrongValue(value="", name=str(attribute))
    return found[customer.pk, attribute.pk]


def _read(attribute: Attribute, text: str) -> Decimal | date | str:
    """Return the value that a text says; what cannot be read stays text, and is refused."""
    try:
        if text and attribute.kind == Attribute.Kind.NUMBER:
            number = Decimal(text)
            return number if number.is_finite() else text
        if text and attribute.kind == Attribute.Kind.DATE:
            return date.fromisoformat(text)
    except (InvalidOperation, ValueError):
        pass
    return text

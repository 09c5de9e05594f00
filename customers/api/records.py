"""The shape of one record of a batch, made from the fields that an import's columns can hold."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from customers.ground import localtime, money
from customers.ground.api.serializers import DateField, MomentField, NumberField, Takes
from customers.imports.cells import Field, Type
from customers.imports.kinds import Kind

MOST_LINES = 1000
_PARTS = {
    "lines": "One line: unit_price and quantity (below zero: a return), or amount.",
    "payments": "One payment, or one that failed: when, how much (the whole invoice unless said), how.",
}
_DIGITS = {"quantity": (14, 3), "rate": (17, 8)}
_LONGEST_ID = 190


class ShareField(NumberField):
    """A share from 0 to 1; basis points inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=5, decimal_places=4, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return basis points."""
        share = super().to_internal_value(data)
        if not 0 <= share <= 1:
            raise serializers.ValidationError(_("Write a share from 0 to 1, for example 0.35."), code="share")
        return int(share * 10_000)


class ZoneField(serializers.CharField):
    """The name of a time zone."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the name, if there is such a zone."""
        name = super().to_internal_value(data)
        if name:
            localtime.zone_of(name)
        return name


class RecordShape(Takes):
    """What one record says; what it does not say stays as it is, ``null`` empties it."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the values; an empty one becomes what an empty cell means."""
        values = super().run_validation(data)
        for name, default in self.defaults.items():
            if name in values and values[name] is None:
                values[name] = default
        return values

    def validate(self, attrs: Any) -> Any:
        """Refuse a record that names no customer, or two."""
        if "customer_id" in self.fields and ("customer" in attrs) == ("customer_id" in attrs):
            message = _(
                "Name the customer once: “customer” by its source's id, or “customer_id” by our number."
            )
            raise serializers.ValidationError(
                {"customer": [serializers.ErrorDetail(message, code="required")]}
            )
        return attrs

    defaults: Mapping[str, Any] = {}


def record_shape(kind: Kind, *, name: str) -> type[RecordShape]:
    """Return the serializer of one record of ``kind``."""
    head = {f.name: f for f in kind.fields if not (kind.is_grouped and f.name in kind.parts)}
    members: dict[str, Any] = {n: _field(f, required=f.required and n != "customer") for n, f in head.items()}
    members["defaults"] = {n: f.default for n, f in head.items()}
    members["__doc__"] = f"One record of the kind {kind.code}."
    if "customer" in head:
        members["customer_id"] = serializers.IntegerField(
            min_value=1, max_value=2**63 - 1, required=False, help_text="Our number, instead of “customer”."
        )
    if kind.is_grouped:
        lines = {f.name: f for f in kind.fields if f.name in kind.parts}
        line = type(
            f"{name}Line",
            (RecordShape,),
            {
                **{n: _field(f, required=f.required) for n, f in lines.items()},
                "defaults": {n: f.default for n, f in lines.items()},
                "__doc__": kind.parts_help or _PARTS[kind.parts_name],
            },
        )
        members[kind.parts_name] = line(
            many=True, min_length=1, max_length=MOST_LINES, required=kind.needs_parts
        )
    return type(name, (RecordShape,), members)


def _field(field: Field, *, required: bool) -> serializers.Field[Any, Any, Any, Any]:
    said: dict[str, Any] = {"required": required, "allow_null": not field.required, "help_text": field.label}
    digits, places = _DIGITS.get(field.name, (16, 4))
    match field.type:
        case Type.NUMBER:
            return NumberField(max_digits=digits, decimal_places=places, **said)
        case Type.PRICE:
            return NumberField(max_digits=digits, decimal_places=places, min_value=Decimal(0), **said)
        case Type.SHARE:
            return ShareField(**said)
        case Type.MOMENT:
            return MomentField(**said)
        case Type.DAY:
            return DateField(**said)
        case Type.FLAG:
            return serializers.BooleanField(**said)
        case Type.CHOICE:
            codes = list(dict.fromkeys((field.choices or {}).values()))
            return serializers.ChoiceField(codes, **said)
        case Type.CURRENCY:
            return serializers.ChoiceField(sorted(money.EXPONENTS), **said)
        case Type.MAIL:
            return serializers.EmailField(allow_blank=not required, max_length=254, **said)
        case Type.ZONE:
            return ZoneField(allow_blank=not required, max_length=64, **said)
        case _:
            most = min(field.most, _LONGEST_ID) if field.type is Type.ID else field.most
            return serializers.CharField(allow_blank=not field.required, max_length=most, **said)

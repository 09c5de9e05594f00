"""Shapes: what a call takes and what it gives.

*Takes* are strict: a field that does not exist, or cannot be written here, is refused. Moments are
ISO 8601 with offset (given in UTC), days ``YYYY-MM-DD``, amounts decimal strings in major units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.relations import PKOnlyObject

from customers.ground import localtime, money
from customers.ground.errors import Refused
from customers.ground.models import Company

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""As in files: what lies outside is a slip, and breaks calendars."""
_FAR = _("The year must lie between 1970 and 2200.")


class MomentField(serializers.DateTimeField):
    """A moment: read with any offset, refused without one, written in UTC."""

    default_error_messages = {
        "naive": _("Write the moment with its offset, for example 2026-05-11T10:00:00Z."),
        "far": _FAR,
    }

    def to_internal_value(self, value: Any) -> Any:
        """Return the aware moment."""
        if not isinstance(value, str):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ss±hh:mm")
        return super().to_internal_value(value)

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse a moment without an offset, and one that no database holds."""
        if value.tzinfo is None:
            self.fail("naive")
        try:
            moment = value.astimezone(UTC)
        except OverflowError:
            self.fail("far")
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            self.fail("far")
        return moment

    def to_representation(self, value: Any) -> Any:
        """Write the moment in UTC."""
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


class DateField(serializers.DateField):
    """A calendar day, ``YYYY-MM-DD``."""

    default_error_messages = {"far": _FAR}

    def to_internal_value(self, value: Any) -> Any:
        """Return the date."""
        day: date = super().to_internal_value(value)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail("far")
        return day


@extend_schema_field({"type": "object", "additionalProperties": True})
class MaybeJson(serializers.JSONField):
    """An object of any keys, or null."""


@extend_schema_field(OpenApiTypes.DATE)
class DayField(DateField):
    """A calendar day; our local day number inside."""

    def to_internal_value(self, value: Any) -> Any:
        """Return the day's number."""
        return super().to_internal_value(value).toordinal()

    def to_representation(self, value: Any) -> Any:
        """Write the day."""
        return localtime.day_of(value).isoformat() if value is not None else None


@extend_schema_field({"type": "string", "format": "decimal", "example": "1234.50"})
class AmountField(serializers.Field[Any, Any, Any, Any]):
    """An amount of minor units, written in major ones: ``"12.35"``.

    ``currency`` names the field beside it that says in which currency; empty means the company's.
    """

    def __init__(self, *, currency: str = "", **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(read_only=True, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        """Return the amount with its currency."""
        minor = super().get_attribute(instance)
        if minor is None:
            return None
        return minor, getattr(instance, self.currency) if self.currency else self._base()

    def to_representation(self, value: Any) -> str:
        """Write the amount with the decimals of its currency."""
        return str(money.from_minor(*value))

    def _base(self) -> str:
        """Return the company's currency, looked up once for a whole answer."""
        context: dict[str, Any] = self.context  # type: ignore[assignment]
        if "base_currency" not in context:
            firm = Company.objects.first()
            context["base_currency"] = firm.base_currency if firm else "XXX"
        currency: str = context["base_currency"]
        return currency


class NumberField(serializers.DecimalField):
    """An exact number, as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_digits=kwargs.pop("max_digits", 20), decimal_places=kwargs.pop("decimal_places", 4), **kwargs
        )

    def to_representation(self, value: Any) -> Any:
        """Write the number without zeros that say nothing."""
        return format(Decimal(value).normalize(), "f") if value is not None else None


class IdField(serializers.IntegerField):
    """One of our numbers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **kwargs)


def refuse_numbers_for_text(serializer: serializers.Serializer[Any], data: Any) -> None:
    """Raise the errors of fields that ask for text and get a number, which would be kept as its digits."""
    if not isinstance(data, Mapping):
        return
    wrong = {
        name: [serializers.ErrorDetail(field.error_messages["invalid"], code="invalid")]
        for name, field in serializer.fields.items()
        if isinstance(field, serializers.CharField) and isinstance(data.get(name), int | float)
    }
    if wrong:
        raise serializers.ValidationError(wrong)


class Takes(serializers.Serializer[Any]):
    """What a call takes; fields that it does not know are refused."""

    def to_internal_value(self, data: Any) -> Any:
        """Read the values; raise each field's errors."""
        refuse_strange(self, data)
        refuse_numbers_for_text(self, data)
        try:
            return super().to_internal_value(data)
        except Refused as refusal:
            raise serializers.ValidationError(str(refusal), code=refusal.code) from refusal


_AS_THEY_ARE = frozenset(
    {
        serializers.BooleanField,
        serializers.CharField,
        serializers.ChoiceField,
        serializers.EmailField,
        serializers.IntegerField,
        serializers.SlugField,
    }
)
"""Fields whose columns hold just what JSON shows."""


class Gives(serializers.ModelSerializer[Any]):
    """What a call gives of a row: codes and numbers, no words of any language but people's own."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentField,
    }

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Write a row; lists have a hundred of them, so plain columns take no detour through a field."""
        return {name: read(instance) for name, read in self._readers}

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(name, _reader(field)) for name, field in self.fields.items() if not field.write_only]

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, all of them read-only and always there."""
        fields = super().get_fields()
        for field in fields.values():
            field.read_only = True
            field.required = False
        return fields


def _reader(field: serializers.Field[Any, Any, Any, Any]) -> Callable[[Any], Any]:
    """Return what reads and writes one field of a row, in the quickest way that says the same."""
    source = str(field.source)
    if type(field) is serializers.PrimaryKeyRelatedField and "." not in source and field.pk_field is None:
        return attrgetter(f"{source}_id")
    if type(field) in _AS_THEY_ARE and source != "*":
        return attrgetter(source) if "." not in source else _through(field)
    return _through(field)


def _through(field: serializers.Field[Any, Any, Any, Any]) -> Callable[[Any], Any]:
    def read(instance: Any) -> Any:
        value = field.get_attribute(instance)
        is_nothing = value is None or (isinstance(value, PKOnlyObject) and value.pk is None)
        return None if is_nothing else field.to_representation(value)

    return read


def refuse_strange(serializer: serializers.Serializer[Any], data: Any) -> None:
    """Raise an error for each field of ``data`` that cannot be written here."""
    if not isinstance(data, Mapping):
        return
    known = {name for name, field in serializer.fields.items() if not field.read_only}
    wrong = {
        str(name): [
            serializers.ErrorDetail(
                _("There is no such field, or it cannot be written here."), code="unknown_field"
            )
        ]
        for name in data
        if name not in known
    }
    if wrong:
        raise serializers.ValidationError(wrong)  # type: ignore[arg-type]

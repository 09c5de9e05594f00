"""Ids in bodies: only what the caller may see is known; the rest answers as if it did not exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

GREATEST_ID = 2**63 - 1


class _Known(serializers.Field[Any, Any, Any, Any]):
    """One row out of those that ``among`` gives for the caller."""

    by = ""
    default_error_messages = {
        "invalid": _("This names nothing."),
        "unknown": _("There is no such thing, or nothing that you may see."),
    }

    def __init__(self, among: Callable[[Any], QuerySet[Any]], **kwargs: Any) -> None:
        self.among = among
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return the row; refuse what the caller cannot see like what is not there."""
        if not self.is_plain(data):
            self.fail("invalid")
        row = self.among(self.context["request"].user).filter(**{self.by: data}).first()
        if row is None:
            self.fail("unknown")
        return row

    @classmethod
    def unknown(cls) -> serializers.ErrorDetail:
        """Return the error of a row that is not there, or not to be seen."""
        return serializers.ErrorDetail(str(cls.default_error_messages["unknown"]), code="unknown")

    def is_plain(self, data: Any) -> bool:
        """Say whether ``data`` can be looked up at all."""
        raise NotImplementedError

    def to_representation(self, value: Any) -> Any:
        """Write what names the row."""
        return getattr(value, self.by)


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 1, "maximum": GREATEST_ID})
class KnownId(_Known):
    """A row by its id."""

    by = "pk"

    def is_plain(self, data: Any) -> bool:
        """Say whether it is one of the numbers that ids are."""
        return type(data) is int and 1 <= data <= GREATEST_ID


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 64})
class KnownCode(_Known):
    """A row by its code."""

    by = "code"

    def is_plain(self, data: Any) -> bool:
        """Say whether it is a text that a code can be."""
        return isinstance(data, str) and 0 < len(data) <= 64 and "\0" not in data


class KnownIds(serializers.Field[Any, Any, Any, Any]):
    """Rows by their ids, looked up at once."""

    default_error_messages = {**_Known.default_error_messages, "many": _("Name 1 to %(most)s of them.")}

    def __init__(self, among: Callable[[Any], QuerySet[Any]], *, most: int, **kwargs: Any) -> None:
        self.among, self.most = among, most
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the rows in the order of their ids; refuse when one of them is not known."""
        if not isinstance(data, list) or not 1 <= len(data) <= self.most:
            raise serializers.ValidationError(self.error_messages["many"] % {"most": self.most}, code="many")
        if any(type(one) is not int or not 1 <= one <= GREATEST_ID for one in data):
            self.fail("invalid")
        rows = list(self.among(self.context["request"].user).filter(pk__in=set(data)).order_by("pk"))
        if len(rows) != len(set(data)):
            self.fail("unknown")
        return rows

    def to_representation(self, value: Any) -> list[int]:
        """Write the ids."""
        return [row.pk for row in value]

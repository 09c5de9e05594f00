"""Long lists, page by page: by key, never by number, and never counted.

A cursor names the order and the key of the last row that was seen. Rows that come or go meanwhile
neither repeat nor hide others, and the thousandth page costs what the first does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode, urljoin

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground.api.problems import InvalidQuery
from customers.ground.numbers import whole

PAGE_SIZE = 50
MOST = 100
PARAMETERS = ("cursor", "page_size", "order")


class Keyset(BasePagination):
    """Pages of a view's ``orders``: name → fields, of which the last is unique and none is empty.

    A field that begins with ``-`` is ordered downwards; all of one order go the same way.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of one page and remember whether there is a next one."""
        self.request = request
        size = _size(request.query_params.get("page_size"))
        orders: dict[str, Sequence[str]] = view.orders
        self.order = request.query_params.get("order") or next(iter(orders))
        if self.order not in orders:
            raise _wrong("order", _("Choose one of: %(names)s.") % {"names": ", ".join(orders)})
        self.fields = orders[self.order]
        found = queryset.order_by(*self.fields)
        cursor = request.query_params.get("cursor")
        if cursor:
            found = found.filter(_after(self.fields, _read(cursor, self.order, self.fields, queryset.model)))
        rows = list(found[: size + 1])
        self.more, rows = len(rows) > size, rows[:size]
        self.last = rows[-1] if rows else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """Return ``results`` and ``next``: the address of the next page, or nothing at the end."""
        return Response({"results": data, "next": self._next()})

    def _next(self) -> str | None:
        if not self.more:
            return None
        return self.address(_write(self.order, [_value(self.last, field) for field in self.fields]))

    def address(self, cursor: str) -> str:
        """Return the address of this list behind ``cursor``."""
        query = self.request.query_params.copy()
        query["cursor"] = cursor
        pairs = [(name, value) for name, values in query.lists() for value in values]
        return urljoin(settings.PUBLIC_BASE_URL, self.request.path) + "?" + urlencode(pairs)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters for OpenAPI."""
        orders = list(getattr(view, "orders", {"id": ()}))
        return [
            {
                "name": "cursor",
                "in": "query",
                "description": "Where to go on: taken from `next` of the page before.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "description": "Rows on one page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE_SIZE},
            },
            {
                "name": "order",
                "in": "query",
                "description": "The order of the list.",
                "schema": {"type": "string", "enum": orders, "default": orders[0]},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page for OpenAPI."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "The address of the next page; null on the last one.",
                },
            },
        }


def _size(text: str | None) -> int:
    if text is None:
        return PAGE_SIZE
    size = whole(text)
    if size is None or not 1 <= size <= MOST:
        raise _wrong("page_size", _("A whole number from 1 to %(most)s.") % {"most": MOST})
    return size


def _after(fields: Sequence[str], key: list[Any]) -> Q:
    """Return the condition for the rows behind ``key``.

    The outer comparison says the same as the rest, in a way that an index can be entered by.
    """
    names = [field.lstrip("-") for field in fields]
    beyond = "lt" if fields[0].startswith("-") else "gt"
    behind, same = Q(), Q()
    for name, value in zip(names, key, strict=True):
        behind |= same & Q(**{f"{name}__{beyond}": value})
        same &= Q(**{name: value})
    return Q(**{f"{names[0]}__{beyond}e": key[0]}) & behind


def _value(row: Any, field: str) -> Any:
    value = getattr(row, field.lstrip("-"))
    return value.isoformat() if isinstance(value, date | datetime) else value


def _write(order: str, key: list[Any]) -> str:
    packed = json.dumps([order, *key], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read(cursor: str, order: str, fields: Sequence[str], model: Any) -> list[Any]:
    """Return the key in a cursor, each part as its field holds it; refuse whatever we did not write."""
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        said, *key = json.loads(packed)
        if said != order or len(key) != len(fields):
            raise ValueError(order)
        return [_clean(model, field.lstrip("-"), part) for field, part in zip(fields, key, strict=True)]
    except (ValueError, TypeError, binascii.Error, RecursionError, ValidationError, OverflowError) as error:
        text = _("This cursor is not one of ours, or comes from a list in another sequence.")
        raise _wrong("cursor", text) from error


def _clean(model: Any, name: str, part: Any) -> Any:
    if isinstance(part, bool) or not isinstance(part, int | str):
        raise ValueError(name)
    if isinstance(part, int) and abs(part) >= 2**63:
        raise ValueError(name)
    if isinstance(part, str):
        part.encode()  # half characters
        if "\0" in part:
            raise ValueError(name)
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    value = field.to_python(part)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(name)
        value = value.astimezone(UTC)  # what no zone can tell breaks here, not in the database
    return value


def _wrong(parameter: str, message: str) -> InvalidQuery:
    return InvalidQuery({parameter: message})

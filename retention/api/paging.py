"""Pages of lists that are not rows in the order of their columns."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground.api.paging import MOST, PAGE_SIZE, Keyset
from customers.ground.api.problems import InvalidQuery
from customers.ground.numbers import whole


class OwnPages(Keyset):
    """``results`` and ``next`` of a list that its view reads itself, with a cursor of its own."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows that the view reads behind the cursor, and remember the next one."""
        self.request = request
        rows, self.cursor = view.page(queryset, request.query_params.get("cursor", ""), size_of(request))
        found: list[Any] = rows
        return found

    def get_paginated_response(self, data: Any) -> Response:
        """Return ``results`` and ``next``."""
        return Response({"results": data, "next": self.address(self.cursor) if self.cursor else None})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters for OpenAPI: there is one order only."""
        return [one for one in super().get_schema_operation_parameters(view) if one["name"] != "order"]


class Everything(OwnPages):
    """A short, closed list: all of it at once."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return everything."""
        self.request, self.cursor = request, ""
        return list(queryset)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Take no parameters."""
        return []


def size_of(request: Request) -> int:
    """Return how many rows the caller wants on a page; raise :class:`InvalidQuery`."""
    text = request.query_params.get("page_size")
    size = whole(text) if text is not None else PAGE_SIZE
    if size is None or not 1 <= size <= MOST:
        raise InvalidQuery({"page_size": _("A whole number from 1 to %(most)s.") % {"most": MOST}})
    return size


def unknown_cursor() -> InvalidQuery:
    """Return the refusal of a cursor that we did not write."""
    return InvalidQuery(
        {"cursor": _("This cursor is not one of ours, or comes from a list in another sequence.")}
    )

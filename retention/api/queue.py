"""The queue: the rows of the page, in its order."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import get_language
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock
from customers.ground.api.access import may
from customers.ground.api.views import Lists, Resource
from retention import cases, rules
from retention.api.finding import QueueFilter
from retention.api.paging import OwnPages, unknown_cursor
from retention.api.roles import SEES_CASES
from retention.api.shapes import QueueRowShape
from retention.cases import queue
from retention.models import EarlyWarning, RetentionCase

OLDEST_LIST = timedelta(days=1)
"""How long one can page on in a list that was judged at its first page."""
GREATEST = 2**63 - 1


class Queue(Lists, Resource):
    tag = "cases"
    model = RetentionCase
    serializer_class = QueueRowShape
    filterset_class = QueueFilter
    pagination_class = OwnPages
    access = {"list": may(*SEES_CASES, scope="cases:read")}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out at which moment the list is judged, before anything is filtered by it."""
        super().initial(request, *args, **kwargs)
        self.at, self.after = _read(request.query_params.get("cursor", ""), now=clock.now())

    def rows(self) -> QuerySet[RetentionCase]:
        """Return the open cases that the caller works through."""
        warnings = EarlyWarning.objects.calling().select_related("rule")  # type: ignore[attr-defined]
        standing = Prefetch(
            "warnings", queryset=warnings.order_by("-severity", "rule__position"), to_attr="open_warnings"
        )
        return queue.queue(self.request.user).select_related("customer").prefetch_related(standing)

    def page(self, found: QuerySet[RetentionCase], cursor: str, size: int) -> tuple[list[Any], str]:
        """Return a page in the order of the queue."""
        listed: list[Any] = queue.read(found, at=self.at, after=self.after, most=size + 1)
        rows = listed[:size]
        for row in rows:
            row.missed = queue.place_of(row, at=self.at).missed
        more = len(listed) > size
        return rows, _write(queue.place_of(rows[-1], at=self.at), at=self.at) if more else ""

    def get_serializer_context(self) -> dict[str, Any]:
        """Add what says why a case stands here, in the caller's language."""
        return {**super().get_serializer_context(), "why": Why()}

    def list(self, request: Request) -> Response:
        """List the open cases that the caller works through, the most urgent first.

        Account managers get their own, leads their team's and what nobody holds, others all.
        """
        return super().list(request)


class Why:
    """Words for why somebody should call, as the page has them."""

    def __init__(self) -> None:
        self.currency = ""

    def __call__(self, case: Any) -> str:
        """Return the evidence of the open warnings, each once; else the reason of the case."""
        self.currency = self.currency or company.current().base_currency
        language = get_language() or "en"
        said = (
            rules.evidence_sentence(w, w.rule, language=language, currency=self.currency, with_worth=False)
            for w in case.open_warnings
        )
        told = ("" if language.startswith("zh") else " ").join(dict.fromkeys(filter(None, said)))
        return told or case.reason or cases.why_assigned(case)


def _write(place: queue.Place, *, at: datetime) -> str:
    key = ["queue", at.isoformat(), place.missed, place.rank, place.due.isoformat(), place.pk]
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _read(cursor: str, *, now: datetime) -> tuple[datetime, queue.Place | None]:
    """Return the moment the list is judged at and the place after which the page begins."""
    if not cursor:
        return now, None
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        name, at, missed, rank, due, pk = json.loads(packed)
        moment, due_at = _moment(at), _moment(due)
        whole = all(type(number) is int and abs(number) <= GREATEST for number in (missed, rank, pk))
        if name != "queue" or not whole or not now - OLDEST_LIST <= moment <= now:
            raise ValueError(name)
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError) as error:
        raise unknown_cursor() from error
    return moment, queue.Place(missed, rank, due_at, pk)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(UTC)

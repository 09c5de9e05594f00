"""The API's list of customers: 100 at a time, as a program with a token reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import RequestFactory

from benchmarks.book import Ratio, Stage, Trial, Unequal, bench
from customers import tokens
from customers.ground import clock
from customers.models import User

PAGES, ROWS = 50, 100
COLUMNS = (
    "id, kind, name, name_alt, segment, city, time_zone, language, since, notes, owner_id, team_id, "
    "created_at, updated_at"
)
NAMES = [name.removesuffix("_id") for name in COLUMNS.split(", ")]


@bench(
    "api-list",
    title="API: 100 customers a call",
    ratios=(Ratio("ours", "floor", at_most=3.0),),
    depends=("customers/api", "customers/ground/api", "customers/access.py", "config", "benchmarks/api.py"),
    engines=("postgresql",),
)
def api_list(stage: Stage) -> Trial:
    """50 pages one after the other, each behind the one before, in process.

    Ours is the whole WSGI application: middleware, token, throttle, permissions, filters, cursor. The floor
    is one query by primary key and its rows as JSON. The limit of calls a minute is raised, still counted.
    """
    settings.API_CALLS_A_MINUTE = dict.fromkeys(settings.API_CALLS_A_MINUTE, 10**9)
    admin, now = User.objects.get(username="admin"), clock.real_now()
    _token, secret = tokens.create_token(
        admin,
        name="bench",
        scopes=["customers:read"],
        expires_at=now + timedelta(days=1),
        by=admin,
        at=now,
    )
    application, requests = (
        get_wsgi_application(),
        RequestFactory(headers={"Authorization": f"Bearer {secret}"}),
    )
    pages = min(PAGES, stage.customers // ROWS)

    def floor() -> list[Any]:
        last, told = 0, []
        for _page in range(pages):
            body = _raw(last)
            told.append(body)
            last += ROWS
        return told

    def ours() -> list[Any]:
        path, told = f"/api/v1/customers/?page_size={ROWS}", []
        for _page in range(pages):
            body = b"".join(application(requests.get(path, HTTP_HOST="127.0.0.1").environ, _must_be_fine))
            told.append(body)
            path = "/" + json.loads(body)["next"].split("/", 3)[3] if _page + 1 < pages else ""
        return told

    def same(outputs: Mapping[str, Any]) -> str:
        for raw, told in zip(outputs["floor"], outputs["ours"], strict=True):
            if json.loads(raw) != json.loads(told)["results"]:
                raise Unequal("a page differs from the raw rows")
        return f"{pages} pages of {ROWS} customers, field by field"

    return Trial(ways={"floor": floor, "ours": ours}, same=same, rows=pages * ROWS)


def _raw(last: int) -> bytes:
    """Return 100 rows behind an id as JSON, read by hand."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM customers_customer WHERE id > %s ORDER BY id LIMIT {ROWS}", [last]
        )
        rows = cursor.fetchall()
    return json.dumps([dict(zip(NAMES, map(_plain, row), strict=True)) for row in rows]).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "utcoffset"):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _must_be_fine(status: str, _headers: Any, _error: Any = None) -> None:
    if not status.startswith("200"):
        raise Unequal(f"the API answered {status}")

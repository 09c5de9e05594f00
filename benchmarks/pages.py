"""The staff's pages: the queue's SQL, the queue in process, every page over HTTP at 20 requests a second."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from random import Random
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.template import engines
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import web
from benchmarks.book import FACTS, Limit, Measured, Ratio, Stage, Trial, Unequal, bench
from customers import company
from customers.ground import clock
from customers.ground.localtime import day_of
from customers.models import Customer, User
from retention.cases import queue
from retention.models import RetentionCase, WarningRule
from retention.models.rules import CaseKind
from retention.pages import rows as lines

DEPENDS = (
    "retention/pages",
    "retention/cases/queue.py",
    "retention/models/cases.py",
    "retention/jinja2",
    "retention/templates",
    "retention/timeline",
    *FACTS,
    "customers/navigation.py",
    "config/settings.py",
    "config/templates",
    "config/jinja2",
    "benchmarks/pages.py",
)
TIMES = {"sql": 200, "view": 20}
RATE, SECONDS, FLOOR_SECONDS, WORKERS = 20, 20, 5, 2
WARM = 3  # rounds over all pages before anything is timed: each worker has met each page
LIST = re.compile(r'<ol class="qrows" data-rows>.*?</ol>', re.S)


# --- The queue's SQL --------------------------------------------------------------------------
@bench(
    "queue-sql",
    title="Queue of an account manager: the statement for 50 lines",
    ratios=(Ratio("ours", "floor", at_most=1.0),),
    depends=DEPENDS,
    row="line",
)
def queue_sql(stage: Stage) -> Trial:
    """The statement of the page against the same columns of the same lines asked for by primary key."""
    user, at = _manager(), clock.now()
    listed = _listed(user, at)
    chosen = queue.read(lines.shown(queue.queue(user)), at=at, most=lines_of_a_page())
    half = [case.pk for case in chosen if (case.due < at) == listed.late]
    ours_sql = listed.rows[: len(half)].query.sql_with_params()
    by_key = lines.shown(RetentionCase.objects.filter(pk__in=half)).order_by()
    floor_sql = by_key.query.sql_with_params()

    def run(sql: tuple[str, Any]) -> list[Any]:
        with connection.cursor() as cursor:
            for _ in range(TIMES["sql"]):
                cursor.execute(*sql)
                found = cursor.fetchall()
        return found

    def same(outputs: Mapping[str, Any]) -> str:
        if sorted(map(str, outputs["floor"])) != sorted(map(str, outputs["ours"])):
            raise Unequal("the statement gives other lines than their keys")
        return f"the same {len(half)} lines, column by column"

    ways = {"floor": lambda: run(floor_sql), "ours": lambda: run(ours_sql)}
    return Trial(ways=ways, same=same, rows=TIMES["sql"] * max(len(half), 1))


def _listed(user: User, at: datetime) -> SimpleNamespace:
    """Return the half of the queue that fills the first page: missed deadlines, or the others."""
    cases = lines.shown(queue.queue(user))
    late = cases.filter(due__lt=at)
    if late.count() >= lines_of_a_page():
        return SimpleNamespace(late=True, rows=late.order_by(*queue.ORDER))
    return SimpleNamespace(late=False, rows=cases.filter(due__gte=at).order_by(*queue.ORDER))


def lines_of_a_page() -> int:
    """Return how many lines the page shows."""
    from retention.pages.queue import PAGE

    return PAGE


# --- The queue in process ---------------------------------------------------------------------
@bench(
    "queue-view",
    title="Queue page in process, with sign-in and permissions",
    ratios=(Ratio("ours", "floor", at_most=4.0),),
    limits=(Limit("ours", "queries", at_most=12), Limit("ours", "kB", at_most=200)),
    depends=DEPENDS,
    row="page",
)
def queue_view(stage: Stage) -> Trial:
    """The whole application against a bare view: three plain statements and the same list drawn from them."""
    user = _manager()
    web.collect_static()
    ask = _asker(user)
    taken, weight = _costs(ask, "/queue/")

    def floor() -> str:
        with timezone.override(company.current().time_zone):
            for _ in range(TIMES["view"]):
                drawn = _bare(user)
        return drawn

    def ours() -> Measured:
        for _ in range(TIMES["view"]):
            page = ask("/queue/")
        found = LIST.search(page)
        return Measured(figures={"queries": taken, "kB": weight}, output=found and found.group())

    def same(outputs: Mapping[str, Any]) -> str:
        if _without_moments(outputs["floor"]) != _without_moments(outputs["ours"] or ""):
            raise Unequal("the page shows another list than the bare view")
        return f"the same list of {outputs['floor'].count('data-row>')} lines, but for the passing minutes"

    return Trial(ways={"floor": floor, "ours": ours}, same=same, rows=TIMES["view"])


def _bare(user: User) -> str:
    """Draw the first page of an account manager's queue from plain SQL."""
    at = clock.now()
    table = RetentionCase._meta.db_table
    columns = (
        "c.id, c.kind, c.status, c.severity, c.margin_365d, c.reason, c.due_at, c.rank, c.customer_id, "
        "k.name, k.name_alt"
    )
    people = Customer._meta.db_table
    found: list[SimpleNamespace] = []
    with connection.cursor() as cursor:
        for half in ("<", ">="):
            if len(found) < lines_of_a_page():
                moment = at if connection.vendor == "postgresql" else at.strftime("%Y-%m-%d %H:%M:%S.%f")
                cursor.execute(
                    f"SELECT {columns} FROM {table} c JOIN {people} k ON k.id = c.customer_id "
                    f"WHERE c.assignee_id = %s AND NOT c.status = 'closed' AND c.due {half} %s "
                    f"ORDER BY c.rank, c.due, c.id LIMIT {lines_of_a_page() - len(found)}",
                    [user.pk, moment],
                )
                found += [_bare_case(row, user) for row in cursor.fetchall()]
        by_id = {case.pk: case for case in found}
        marks = ", ".join(["%s"] * len(by_id))
        cursor.execute(
            "SELECT w.case_id, w.severity, w.evidence, w.rule_id, w.id FROM retention_earlywarning w "
            f"WHERE w.case_id IN ({marks}) AND w.state = 'open' AND NOT w.is_baseline",
            list(by_id),
        )
        warnings = cursor.fetchall()
        rules = {rule.pk: rule for rule in WarningRule.objects.all()}
        for case_id, severity, evidence, rule_id, pk in warnings:
            by_id[case_id].open_warnings.append(
                SimpleNamespace(pk=pk, severity=severity, evidence=evidence, rule=rules[rule_id])
            )
        bars = _bare_bars(cursor, [case.customer_id for case in found], at)
    firm = company.current()
    for case in found:
        case.open_warnings.sort(key=lambda w: (-w.severity, w.rule.position, w.pk))
    with _told_plainly():
        shown = [
            lines._row(case, bars[case.customer_id], user=user, currency=firm.base_currency, at=at)
            for case in found
        ]
    context = {"rows": shown, "may_assign": False, "currency": firm.base_currency, "now": at}
    drawn: str = engines["jinja2"].get_template("retention/queue_rows.html").render(context)
    match = LIST.search(drawn)
    return match.group() if match else ""


def _bare_case(row: tuple[Any, ...], user: User) -> SimpleNamespace:
    pk, kind, status, severity, margin, reason, due_at, rank, customer_id, name, alt = row
    if isinstance(due_at, str):
        due_at = datetime.fromisoformat(due_at).replace(tzinfo=timezone.get_fixed_timezone(0))
    return SimpleNamespace(
        pk=pk,
        kind=kind,
        status=status,
        severity=severity,
        margin_365d=margin,
        reason=reason,
        due_at=due_at,
        rank=rank,
        customer_id=customer_id,
        customer=SimpleNamespace(name=name, name_alt=alt),
        assignee_id=user.pk,
        assignee=user,
        assign_reason="",
        assign_data={},
        open_warnings=[],
        get_kind_display=CaseKind(kind).label.__str__,
    )


def _bare_bars(cursor: Any, customers: list[int], at: datetime) -> dict[int, list[int]]:
    last = company.today(at).number
    newest = day_of(last).year * 12 + day_of(last).month - 1
    first = day_of(last).replace(year=(newest - 11) // 12, month=(newest - 11) % 12 + 1, day=1).toordinal()
    bars = {customer: [0] * 12 for customer in customers}
    cursor.execute(
        "SELECT customer_id, occurred_day FROM customers_order "
        f"WHERE customer_id IN ({', '.join(['%s'] * len(customers))}) AND occurred_day BETWEEN %s AND %s "
        "AND is_purchase AND NOT void AND status <> 'cancelled'",
        [*customers, first, last],
    )
    for customer, number in cursor.fetchall():
        day = day_of(number)
        bars[customer][day.year * 12 + day.month - 1 - newest + 11] += 1
    return bars


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Let the sentence of a warning be made from its text: a bare row is no ``EarlyWarning``."""
    told = lines.rules.evidence_sentence

    def plainly(warning: Any, *args: Any, **kwargs: Any) -> str:
        return told(warning.evidence, *args, **kwargs)

    lines.rules.evidence_sentence = plainly  # type: ignore[attr-defined]
    try:
        yield
    finally:
        lines.rules.evidence_sentence = told  # type: ignore[attr-defined]


def _without_moments(html: str) -> str:
    return re.sub(r"<time.*?</time>", "", html, flags=re.S).strip()


# --- Every page over HTTP ---------------------------------------------------------------------
@bench(
    "pages-http",
    title=f"Every staff page over HTTP, {RATE} requests/s, {WORKERS} workers",
    ratios=(),
    limits=(
        Limit("ours", "p95 ms", at_most=100),
        Limit("ours", "p95 ms of the slowest page", at_most=100),
        Limit("ours", "queries", at_most=12),
    ),
    depends=DEPENDS,
    row="request",
    engines=("postgresql",),
    pairs={"s": 3, "m": 3, "l": 3},
)
def pages_http(stage: Stage) -> Trial:
    """Requests come at their moments, answered or not the ones before; each page of each role in turn.

    Each is timed from the moment it was to be sent, so that waiting for a worker counts.
    """
    web.collect_static()
    asked = [_Asked(_cookie(user), path, _called(user, path)) for user in _people() for path in _paths(user)]
    most = max(_costs(_asker(user), path)[0] for user in _people() for path in _paths(user))
    served = web.Server(WORKERS)
    for one in asked * WARM:
        _get(served.port, one.path, one.cookie)

    def ours() -> Measured:
        times = _open_loop(served.port, asked, seconds=SECONDS)
        everything = [seconds for each in times.values() for seconds in each]
        figures = {
            "p50 ms": _p50(everything),
            "p95 ms": _p95(everything),
            "p95 ms of the slowest page": max(map(_p95, times.values())),
            "queries": float(most),
        }
        for name, each in times.items():
            figures |= {f"{name} p50": _p50(each), f"{name} p95": _p95(each)}
        rounded = {name: round(value, 1) for name, value in figures.items()}
        return Measured(seconds=_p95(everything) / 1000, figures=rounded, output=sorted(times))

    def floor() -> Measured:
        times = _open_loop(served.port, [_Asked("", "/healthz", "floor")], seconds=FLOOR_SECONDS)
        return Measured(seconds=_p50(times["floor"]) / 1000, output=None)

    def same(outputs: Mapping[str, Any]) -> str:
        return f"{len(outputs['ours'])} pages, every answer 200"

    ways = {"floor": floor, "ours": ours}
    return Trial(ways=ways, same=same, rows=RATE * SECONDS, after=served.end)


@dataclass(frozen=True)
class _Asked:
    """One page of somebody who is signed in, and how it is called in the report."""

    cookie: str
    path: str
    name: str


def _called(user: User, path: str) -> str:
    return f"{user.username} {re.sub('[0-9]+', '#', path.split('?q=')[0])}{'?q=' if '?q=' in path else ''}"


def _open_loop(port: int, asked: Sequence[_Asked], *, seconds: int) -> dict[str, list[float]]:
    """Ask for the pages in turn, each round in another order; return milliseconds by name."""
    times: dict[str, list[float]] = {one.name: [] for one in asked}
    refused: list[str] = []
    chance, turns = Random(RATE), list[_Asked]()
    while len(turns) < RATE * seconds:
        turns += chance.sample(asked, len(asked))

    def ask(one: _Asked, due: float) -> None:
        status = _get(port, one.path, one.cookie)
        times[one.name].append(1000 * (time.perf_counter() - due))
        if status != 200:
            refused.append(f"{one.path}: {status}")

    threads = []
    begin = time.perf_counter()
    for number, one in enumerate(turns[: RATE * seconds]):
        due = begin + number / RATE
        time.sleep(max(due - time.perf_counter(), 0))
        thread = threading.Thread(target=ask, args=(one, due))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join(60)
    if refused:
        raise Unequal(f"not every page was answered: {refused[:3]}")
    return {name: each for name, each in times.items() if each}


def _get(port: int, path: str, cookie: str) -> int:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asking.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    answer = asking.getresponse()
    answer.read()
    asking.close()
    return answer.status


def _p50(times: list[float]) -> float:
    return median(times)


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


# --- Who asks for what ------------------------------------------------------------------------
def _manager() -> User:
    """Return the account manager with the most open cases."""
    return max(
        User.objects.filter(username__in=["am1", "am2", "am3"]), key=lambda one: queue.queue(one).count()
    )


def _people() -> list[User]:
    return [_manager(), User.objects.get(username="lead1"), User.objects.get(username="admin")]


def _paths(user: User) -> list[str]:
    case = queue.read(queue.queue(user), at=clock.now(), most=1)[0]
    paths = [
        "/",
        "/queue/",
        f"/cases/{case.pk}/",
        "/customers/",
        f"/customers/{case.customer_id}/",
        "/complaints/",
    ]
    part = Customer.objects.visible_to(user).order_by("pk")[0].name[:6]  # type: ignore[attr-defined]
    paths += [f"/customers/?q={part.replace(' ', '+')}", "/queue/?due=overdue"]
    return paths + (["/rules/", "/sweeps/"] if user.role == "admin" else [])


def _cookie(user: User) -> str:
    """Sign a colleague in and return the cookie."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return f"{settings.SESSION_COOKIE_NAME}={store.session_key}"


def _asker(user: User) -> Callable[[str], str]:
    """Return what asks the whole application for a page in process."""
    application, requests = get_wsgi_application(), RequestFactory()
    cookie = _cookie(user)

    def ask(path: str) -> str:
        environ = requests.get(path, HTTP_HOST="127.0.0.1", HTTP_COOKIE=cookie).environ
        return b"".join(application(environ, _must_be_fine)).decode()

    return ask


def _must_be_fine(status: str, *_args: Any) -> None:
    if not status.startswith("200"):
        raise Unequal(f"the page answered {status}")


def _costs(ask: Callable[[str], str], path: str) -> tuple[float, float]:
    """Return the queries and kilobytes of a page whose process is warm."""
    ask(path)
    with CaptureQueriesContext(connection) as captured:
        page = ask(path)
    return float(len(captured)), len(page.encode()) / 1000

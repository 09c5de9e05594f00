"""Answering a survey over HTTP: many customers at once, each on a link of her own."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from statistics import quantiles
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.urls import reverse

from benchmarks import web
from benchmarks.book import Limit, Measured, Ratio, Stage, Trial, Unequal, bench
from customers.ground import clock
from customers.ground.models import Event
from customers.models import Contact, User
from surveys import building, invitations, ready
from surveys.models import Invitation, Survey, SurveyResponse

CONNECTIONS, SUBMITS, RATE, WORKERS = 32, 1_000, 100, 2
ADDRESSES = 250  # whence they answer: none so often that it would be slowed
TIMEOUT = 60


@bench(
    "survey-submit",
    title=f"Answering a survey: {SUBMITS:,} answers on {CONNECTIONS} connections, {WORKERS} workers",
    ratios=(Ratio("floor", "ours", at_least=0.6),),
    limits=(Limit("ours", f"p95 ms at {RATE}/s", at_most=50),),
    depends=(
        "surveys",
        "customers/callbacks.py",
        "customers/token_pages.py",
        "customers/ground/events.py",
        "customers/ground/audit.py",
        "customers/touched.py",
        "config/settings.py",
        "benchmarks/surveying.py",
        "benchmarks/bare.py",
        "benchmarks/web.py",
    ),
    row="answer",
    engines=("postgresql",),
    states=("fresh",),
    pairs={"s": 3, "m": 3, "l": 3},
)
def survey_submit(stage: Stage) -> Trial:
    """Ours is the shipped web server; the floor is the same server with a bare view that inserts one row.

    Both get as many forms on as many connections, the next as soon as one is answered. Ours is asked
    once more at a steady rate, each answer timed from the moment at which it was to be sent. Every
    answer is counted in the database: none lost, none double.
    """
    web.collect_static()
    survey = _survey()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {web.BARE_TABLE} (id bigserial PRIMARY KEY, token text, score int)")
    with contextlib.ExitStack() as started:
        served = started.enter_context(web.Server(WORKERS))
        bared = started.enter_context(web.Server(WORKERS, application="benchmarks.bare", knock="/"))
        ending = started.pop_all()
    tokens: list[str] = []

    def invite() -> None:
        tokens[:] = _invited(survey, 2 * SUBMITS)

    def ours() -> Measured:
        at_once, steadily = tokens[:SUBMITS], tokens[SUBMITS:]
        began = time.perf_counter()
        times = _closed_loop(served.port, [(_page(token), _form()) for token in at_once])
        took = time.perf_counter() - began
        paced = _open_loop(served.port, [(_page(token), _form()) for token in steadily])
        figures = {
            "answers/s": SUBMITS / took,
            f"p95 ms on {CONNECTIONS} connections": _p95(times),
            f"p95 ms at {RATE}/s": _p95(paced),
        }
        rounded = {name: round(value, 1) for name, value in figures.items()}
        return Measured(seconds=took, figures=rounded, output=_stored(tokens))

    def floor() -> Measured:
        sent = [("/", urlencode({"token": number, "score": 9})) for number in range(SUBMITS)]
        began = time.perf_counter()
        times = _closed_loop(bared.port, sent)
        took = time.perf_counter() - began
        figures = {"answers/s": SUBMITS / took, f"p95 ms on {CONNECTIONS} connections": _p95(times)}
        rounded = {name: round(value, 1) for name, value in figures.items()}
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH gone AS (DELETE FROM {web.BARE_TABLE} RETURNING token) SELECT token FROM gone"
            )
            written = sorted(int(token) for (token,) in cursor.fetchall())
        return Measured(seconds=took, figures=rounded, output=written)

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["floor"] != list(range(SUBMITS)):
            raise Unequal("the bare view lost an answer, or took one twice")
        if outputs["ours"] != {"responses": 2 * SUBMITS, "invitations": 2 * SUBMITS, "events": 2 * SUBMITS}:
            raise Unequal(f"answers are lost or double: {outputs['ours']}")
        return f"{2 * SUBMITS:,} answers sent, as many stored, each once"

    ways: dict[str, Callable[[], Measured]] = {"floor": floor, "ours": ours}
    return Trial(ways=ways, same=same, rows=2 * SUBMITS, before={"ours": invite}, after=ending.close)


def _survey() -> Survey:
    said, admin = ready.find("relationship-nps"), User.objects.get(username="admin")
    if said is None:
        raise LookupError("relationship-nps")
    who: dict[str, Any] = {"by": admin, "at": clock.now()}
    survey = building.create_survey(
        "bench", name_en="Bench", name_zh="测量", occasion=said.occasion, document=said.document, **who
    )
    building.publish(survey, **who)
    return survey


def _invited(survey: Survey, count: int) -> list[str]:
    """Invite ``count`` contacts, one after the other and over again; return their tokens."""
    version, now = survey.versions.get(), clock.real_now()
    known = list(Contact.objects.order_by("pk").values_list("pk", "customer_id")[:count])
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    Invitation.objects.bulk_create(
        Invitation(
            survey=survey,
            version=version,
            contact_id=known[number % len(known)][0],
            customer_id=known[number % len(known)][1],
            language="en",
            token_hash=invitations.hash_of(token),
            made_at=now,
            expires_at=now + timedelta(days=30),
        )
        for number, token in enumerate(tokens)
    )
    return tokens


def _page(token: str) -> str:
    return reverse("surveys:answer", args=[token])


def _form() -> str:
    return urlencode({"page": "0", "asked": "nps", "q.nps": "9", "q.nps.why": "Always on time.", "go": ""})


def _stored(tokens: Sequence[str]) -> dict[str, int]:
    """Count what came of the invitations of ``tokens``."""
    hashes = [invitations.hash_of(token) for token in tokens]
    found = SurveyResponse.objects.filter(invitation__token_hash__in=hashes)
    pks = list(found.values_list("pk", flat=True))
    return {
        "responses": len(pks),
        "invitations": len(set(found.values_list("invitation_id", flat=True))),
        "events": Event.objects.filter(
            kind="survey.answered", subject_type=SurveyResponse._meta.label_lower, subject_id__in=pks
        ).count(),
    }


# --- Sending ----------------------------------------------------------------------------------
def _closed_loop(port: int, sent: Sequence[tuple[str, str]]) -> list[float]:
    """Send forms on all connections, each the next as soon as one is answered; return milliseconds."""
    waiting, times, refused = iter(enumerate(sent)), list[float](), list[int]()
    taking = threading.Lock()

    def work() -> None:
        while True:
            with taking:
                one = next(waiting, None)
            if one is None:
                return
            _timed(port, one[0], *one[1], since=time.perf_counter(), times=times, refused=refused)

    _all([threading.Thread(target=work) for _ in range(CONNECTIONS)])
    return _unless(refused, times)


def _open_loop(port: int, sent: Sequence[tuple[str, str]]) -> list[float]:
    """Send forms at their moments, answered or not the ones before; return milliseconds."""
    times, refused, threads = list[float](), list[int](), list[threading.Thread]()
    begin = time.perf_counter()
    for number, (path, form) in enumerate(sent):
        due = begin + number / RATE
        time.sleep(max(due - time.perf_counter(), 0))
        said: dict[str, Any] = {"since": due, "times": times, "refused": refused}
        threads.append(threading.Thread(target=_timed, args=(port, number, path, form), kwargs=said))
        threads[-1].start()
    for thread in threads:
        thread.join(TIMEOUT)
    return _unless(refused, times)


def _all(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _timed(
    port: int, number: int, path: str, form: str, *, since: float, times: list[float], refused: list[int]
) -> None:
    whence = (f"127.0.1.{1 + number % ADDRESSES}", 0)
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT, source_address=whence)
    asking.request("POST", path, body=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    answer = asking.getresponse()
    answer.read()
    asking.close()
    times.append(1000 * (time.perf_counter() - since))
    if answer.status != 200:
        refused.append(answer.status)


def _unless(refused: list[int], times: list[float]) -> list[float]:
    if refused:
        raise Unequal(f"{len(refused)} answers were refused: {refused[:3]}")
    return times


def _p95(times: Sequence[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]

"""A living system, web and workers as processes, while its broker is there, stopped or frozen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles

from tests.chaos.kit import MORNING, Kit, must, wait_for
from tests.chaos.storm import LEFT
from tests.chaos.web import Answer, Person, serving

NEEDS = """
    SELECT c.text, (SELECT count(*) FROM retention_casemove m
                    WHERE (m.codes->>'event')::bigint = e.id AND m.kind IN ('opened', 'joined')),
           (SELECT min(extract(epoch FROM o.done_at)) FROM ground_outboxrow o WHERE o.event_id = e.id)
    FROM customers_complaint c JOIN ground_event e ON e.subject_type = 'customers.complaint'
        AND e.subject_id = c.id AND e.kind = 'complaint.filed'
    WHERE c.text LIKE %s"""


@dataclass(frozen=True)
class Figures:
    """Seconds of requests and of follow-ups."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    def __str__(self) -> str:
        named = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.most}
        return f"n={self.count} " + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in named.items())


def figures(seconds: list[float]) -> Figures:
    """Return the percentiles of some seconds."""
    cut = quantiles(seconds, n=100, method="inclusive")
    return Figures(len(seconds), cut[49], cut[94], cut[98], max(seconds))


def morning(kit: Kit, customers: int) -> tuple[str, str, list[int]]:
    """Return a fresh database on its morning, somebody's session, and the customers' ids.

    What the company itself brought is swept and done already, so that only what the test sends waits.
    """
    template, told = kit.template(customers)
    database = kit.copy(template)
    kit.sql(
        "INSERT INTO ground_clockoffset (id, offset_us) "
        "SELECT 1, round(extract(epoch FROM %s::timestamptz - clock_timestamp()) * 1000000)",
        MORNING, database=database,
    )  # fmt: skip
    kit.sql("DELETE FROM customers_touchedcustomer", database=database)
    kit.sql("UPDATE ground_outboxrow SET done_at = now()", database=database)
    return database, told["session"], told["customers"]


def stored_once(kit: Kit, database: str, answers: list[Answer], said: str) -> None:
    """Every acknowledged complaint and talk stands there exactly once, nothing was answered with an error."""
    bad = sorted({answer.status for answer in answers if not answer.stored})
    must(not bad, f"answers of {bad}")
    found: dict[str, int] = {}
    for table in ("customers_complaint", "customers_interaction"):
        for text, count in kit.sql(
            f"SELECT text, count(*) FROM {table} WHERE text LIKE %s GROUP BY 1",
            f"{said} %",
            database=database,
        ):
            found[text] = found.get(text, 0) + count
    wrong = [answer.text for answer in answers if found.get(answer.text) != 1]
    must(not wrong, f"{len(wrong)} of {len(answers)} are not stored once: {wrong[:3]}")


def followed_once(kit: Kit, database: str, said: str, *, within: float) -> list[float]:
    """Wait until each complaint has its follow-up, exactly one; return the seconds from sent to done."""

    def rows() -> list[tuple[object, ...]]:
        return kit.sql(NEEDS, f"{said} %", database=database)

    wait_for(
        lambda: all(done for _text, _count, done in rows()), within=within, what="every follow-up", every=0.1
    )
    counts = {count for _text, count, _done in rows()}
    must(counts == {1}, f"follow-ups of one complaint: {sorted(counts)}")  # type: ignore[type-var]
    return [float(str(done)) for _text, _count, done in rows()]


@dataclass
class System:
    """A system that runs: its database, somebody at its pages, the customers' ids."""

    kit: Kit
    database: str
    person: Person
    ids: list[int]


@contextmanager
def running(kit: Kit, *, without: str = "") -> Iterator[System]:
    """Run a web process, a worker of processes, one of threads and a scheduler, until the block ends."""
    database, session, ids = morning(kit, 1_000)
    more = {"CHAOS_WITHOUT": without}
    workers = [
        kit.worker(database, processes=1, **more),
        kit.worker(database, pool="threads", **more),
        kit.beat(database, **more),
    ]
    try:
        with serving(kit, database, session, **more) as person:
            system = System(kit, database, person, ids)
            _warm(system)
            yield system
    finally:
        for process in workers:
            process.kill()
        kit.drop(database)


@contextmanager
def broker(kit: Kit, how: str) -> Iterator[None]:
    """Have Redis ``up``, ``stopped`` or ``frozen`` in the block."""
    if how == "stopped":
        kit.redis.stop()
    elif how == "frozen":
        kit.redis.freeze()
    try:
        yield
    finally:
        if how == "stopped":
            kit.redis.start()
        elif how == "frozen":
            kit.redis.thaw()


def settled(system: System) -> System:
    """Wait until the morning's passes over everybody are over; they would be what is measured."""
    wait_for(
        lambda: not system.kit.sql(LEFT, database=system.database)[0][0],
        within=300, every=0.5, what="the morning's work",
    )  # fmt: skip
    return system


def latency(system: System, *, events: int, redis: str) -> Figures:
    """Return the seconds from a complaint sent to its case open, the broker being up, stopped or frozen."""
    said = f"late {redis}"
    with broker(system.kit, redis):
        answers = system.person.many(system.ids, events * 2, said=said, every=0.05, threads=2)
        stored_once(system.kit, system.database, answers, said)
        followed_once(system.kit, system.database, said, within=30)
    sent = {answer.text: answer.sent for answer in answers}
    done = system.kit.sql(NEEDS, f"{said} %", database=system.database)
    return figures([float(str(at)) - sent[str(text)] for text, _count, at in done])


def broker_away(system: System, *, how: str, seconds: float, writes: int) -> tuple[Figures, float]:
    """Write over HTTP while Redis is stopped or frozen; return figures of requests, seconds of catching up.

    Everything is stored, nothing is answered with an error or waits for the broker, and every
    follow-up is made once.
    """
    said = f"away {how}"
    with broker(system.kit, how):
        answers = system.person.many(system.ids, writes, said=said, every=seconds / writes)
    back = time.monotonic()
    stored_once(system.kit, system.database, answers, said)
    slowest = max(answer.seconds for answer in answers)
    must(slowest < 2, f"a request waited {slowest:.1f} s")
    followed_once(system.kit, system.database, said, within=30)
    return figures([answer.seconds for answer in answers]), time.monotonic() - back


def started_without_broker(kit: Kit, *, pool: str) -> float:
    """Return the seconds that a worker, started while there is no broker, needs to do what waits."""
    database, _session, _ids = morning(kit, 1_000)
    kit.sql("UPDATE ground_outboxrow SET done_at = NULL", database=database)
    with broker(kit, "stopped"):
        began = time.monotonic()
        worker = kit.worker(database, pool=pool)
        try:
            left = "SELECT count(*) FROM ground_outboxrow WHERE done_at IS NULL"
            wait_for(
                lambda: not kit.sql(left, database=database)[0][0], within=40, what="work without a broker"
            )
            return time.monotonic() - began
        finally:
            worker.kill()
            kit.drop(database)


def _warm(system: System) -> None:
    """Wait until the workers are at work."""
    answers = [system.person.complain(system.ids[-1], f"warm {n}") for n in range(3)]
    stored_once(system.kit, system.database, answers, "warm")
    followed_once(system.kit, system.database, "warm", within=60)

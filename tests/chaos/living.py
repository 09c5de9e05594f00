"""A living system, web and workers as processes, while its broker is there, stopped or frozen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import quantiles

from tests.chaos.kit import MORNING, Kit, must, wait_for
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


def latency(
    kit: Kit, *, events: int, customers: int = 1_000, broker: str = "up", without: str = ""
) -> Figures:
    """Return the seconds from a complaint sent to its case open; ``broker``: up, stopped or frozen."""
    database, session, ids = morning(kit, customers)
    more = {"CHAOS_WITHOUT": without}
    workers = [kit.worker(database, **more), kit.beat(database, **more)]
    try:
        with serving(kit, database, session) as person:
            _warm(kit, database, person, ids)
            _break(kit, broker)
            answers = [person.complain(ids[n], f"late {n}") for n in range(events) if not time.sleep(0.05)]  # type: ignore[func-returns-value]
            stored_once(kit, database, answers, "late")
            followed_once(kit, database, "late", within=30)
            sent = {answer.text: answer.sent for answer in answers}
            done = kit.sql(NEEDS, "late %", database=database)
            return figures([float(str(at)) - sent[str(text)] for text, _count, at in done])
    finally:
        _mend(kit, broker)
        for process in workers:
            process.kill()
        kit.drop(database)


def broker_away(
    kit: Kit, *, how: str, seconds: float, writes: int, without: str = ""
) -> tuple[Figures, float]:
    """Write over HTTP while Redis is stopped or frozen; return figures of requests, seconds of catching up.

    Everything is stored, nothing is answered with an error or waits for the broker, and every
    follow-up is made once.
    """
    database, session, ids = morning(kit, 1_000)
    more = {"CHAOS_WITHOUT": without}
    workers = [kit.worker(database, **more), kit.worker(database, pool="threads", **more)]
    try:
        with serving(kit, database, session, **more) as person:
            _warm(kit, database, person, ids)
            _break(kit, how)
            answers = person.many(ids, writes, said="away", every=seconds / writes)
            _mend(kit, how)
            back = time.monotonic()
            stored_once(kit, database, answers, "away")
            slowest = max(answer.seconds for answer in answers)
            must(slowest < 2, f"a request waited {slowest:.1f} s")
            followed_once(kit, database, "away", within=30)
            return figures([answer.seconds for answer in answers]), time.monotonic() - back
    finally:
        _mend(kit, how)
        for process in workers:
            process.kill()
        kit.drop(database)


def started_without_broker(kit: Kit, *, pool: str) -> float:
    """Return the seconds to a case of a worker that is started while there is no broker."""
    database, session, ids = morning(kit, 1_000)
    _break(kit, "stopped")
    worker = kit.worker(database, pool=pool)
    try:
        with serving(kit, database, session) as person:
            began = time.monotonic()
            stored_once(kit, database, [person.complain(ids[0], "alone 0")], "alone")
            followed_once(kit, database, "alone", within=30)
            return time.monotonic() - began
    finally:
        worker.kill()
        _mend(kit, "stopped")
        kit.drop(database)


def _warm(kit: Kit, database: str, person: Person, ids: list[int]) -> None:
    """Wait until the workers are at work."""
    answers = [person.complain(ids[-1], f"warm {n}") for n in range(3)]
    stored_once(kit, database, answers, "warm")
    followed_once(kit, database, "warm", within=60)


def _break(kit: Kit, how: str) -> None:
    if how == "stopped":
        kit.redis.stop()
    elif how == "frozen":
        kit.redis.freeze()


def _mend(kit: Kit, how: str) -> None:
    if how == "stopped" and kit.redis.process is None:
        kit.redis.start()
    elif how == "frozen":
        kit.redis.thaw()

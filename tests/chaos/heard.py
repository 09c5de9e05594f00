"""Feedback of every kind while the broker is away in the middle, and what stands of it in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.chaos.feedback import Crowd, Piece
from tests.chaos.kit import must, wait_for
from tests.chaos.living import Figures, System, broker, figures
from tests.chaos.snapshot import must_equal
from tests.chaos.web import Answer

PIECES = """
    WITH said AS (SELECT %s::text AS words), piece AS (
        SELECT 'complaint' AS kept, 'customers.complaint' AS type, c.id, c.text
        FROM customers_complaint c, said WHERE c.text LIKE said.words
        UNION ALL SELECT 'unknown', 'customers.unknownfeedback', u.id, u.text
        FROM customers_unknownfeedback u, said WHERE u.text LIKE said.words
        UNION ALL SELECT 'mention', 'customers.mention', m.id, m.text
        FROM customers_mention m, said WHERE m.text LIKE said.words
        UNION ALL SELECT 'response', 'surveys.surveyresponse', r.id, r.comment
        FROM surveys_surveyresponse r, said WHERE r.comment LIKE said.words)"""
STORED = f"{PIECES} SELECT text, kept FROM piece"
LOOPS = f"""{PIECES}
    SELECT p.text, l.source, l.customer_id,
           c.customer_id, c.kind, c.status IN ('unassigned', 'assigned', 'working'),
           l.owner_id IS NOT NULL, l.state = 'assigned',
           l.respond_by > l.received_at AND l.due_at >= l.respond_by,
           (SELECT count(*) FROM retention_loopstep s WHERE s.loop_id = l.id AND s.kind = 'received')
    FROM piece p
    JOIN retention_loopclosure l ON (p.kept, p.id) IN (('complaint', l.complaint_id),
        ('unknown', l.unknown_id), ('mention', l.mention_id), ('response', l.response_id))
    LEFT JOIN retention_retentioncase c ON c.id = l.case_id"""
# Each opens or joins a case once: by its own news, and a mention by its loop.
JOINED = f"""{PIECES}
    SELECT p.text, c.customer_id
    FROM piece p
    JOIN ground_event e ON e.subject_type = p.type AND e.subject_id = p.id
        AND e.kind IN ('complaint.filed', 'survey.answered', 'mention.recorded')
    JOIN retention_casemove m ON m.kind IN ('opened', 'joined')
        AND CASE WHEN p.kept = 'mention' THEN (m.codes->>'mention')::bigint = p.id
                 ELSE (m.codes->>'event')::bigint = e.id END
    JOIN retention_retentioncase c ON c.id = m.case_id"""
FOLLOWED = f"""{PIECES}
    SELECT p.text, bool_and(o.done_at IS NOT NULL), max(extract(epoch FROM o.done_at)),
           count(*) FILTER (WHERE o.dead_at IS NOT NULL)
    FROM piece p
    JOIN ground_event e ON e.subject_type = p.type AND e.subject_id = p.id
    JOIN ground_outboxrow o ON o.event_id = e.id AND o.handler LIKE 'retention.%%_opens_%%'
    GROUP BY p.text"""
OPEN_CASES = """
    SELECT customer_id, count(*) FROM retention_retentioncase
    WHERE status IN ('unassigned', 'assigned', 'working') AND customer_id = ANY(%s) GROUP BY 1"""


def crowd(system: System, customers: Sequence[int]) -> Crowd:
    """Return those who tell a running system things, of some of its customers."""
    told = system.kit.run("listen", json.dumps(list(customers)), database=system.database)
    return Crowd(system.person, json.loads(told.splitlines()[-1]))


@contextmanager
def without_broker(system: System, how: str) -> Iterator[None]:
    """Have Redis stopped or frozen in the block, or wiped as it begins and as it ends."""
    if how != "wiped":
        with broker(system.kit, how):
            yield
        return
    system.kit.redis.wipe()
    yield
    system.kit.redis.wipe()


def told_while(
    system: System, people: Crowd, pieces: Sequence[Piece], *, how: str, said: str, seconds: float
) -> tuple[Figures, Figures]:
    """Tell everything, the broker being away in the middle third; return figures of requests and cases.

    Nothing is answered with an error or waits for the broker; each piece stands there once, with the one
    loop and the case that it must have, and no customer has two cases.
    """
    answers = tell(system, people, pieces, how=how, seconds=seconds)
    done = followed(system, said)
    stands(system, pieces, said)
    taken(answers, people.seconds)
    return figures(people.seconds), figures(_until_open(pieces, answers, done))


def tell(system: System, people: Crowd, pieces: Sequence[Piece], *, how: str, seconds: float) -> list[Answer]:
    """Tell everything within so many seconds, the broker being away in their middle third."""
    people.seconds.clear()
    with ThreadPoolExecutor(1) as other:
        telling = other.submit(people.tell, pieces, every=seconds / len(pieces))
        time.sleep(seconds / 3)
        with without_broker(system, how):
            time.sleep(seconds / 3)
        return telling.result()


def taken(answers: Sequence[Answer], seconds: Sequence[float]) -> None:
    """Say that no request failed, and that none waited for the broker."""
    bad = sorted((one.status, one.text) for one in answers if one.status not in (200, 201, 302))
    must(not bad, f"{len(bad)} of {len(answers)} were not taken: {bad[:5]}")
    must(max(seconds) < 2, f"a request waited {max(seconds):.1f} s")


def stands(system: System, pieces: Sequence[Piece], said: str) -> None:
    """Compare what stands of each piece with what must, row by row."""
    must_equal(
        {name: system.kit.sql(question, f"{said} %", database=system.database)
         for name, question in (("pieces", STORED), ("loops", LOOPS), ("opened or joined", JOINED))}
        | {"open cases": system.kit.sql(OPEN_CASES, _whose(pieces), database=system.database)},
        {
            "pieces": [(one.text, kept) for one in pieces for kept in one.way.kept],
            "loops": [_loop(one) for one in pieces if one.way.loop],
            "opened or joined": [(one.text, one.customer) for one in pieces if one.way.has_case],
            "open cases": [(customer, 1) for customer in _whose(pieces)],
        },
    )  # fmt: skip


def _loop(piece: Piece) -> tuple[object, ...]:
    """Return the loop that a piece must have: whose, its open case, owned, with deadlines, begun once."""
    customer = piece.customer if piece.way.is_known else None
    case = (piece.customer, "recovery", True) if piece.way.has_case else (None, None, None)
    return (piece.text, piece.way.loop, customer, *case, True, True, True, 1)


def _whose(pieces: Iterable[Piece]) -> list[int]:
    return sorted({one.customer for one in pieces if one.way.has_case})


def followed(system: System, said: str) -> dict[str, float]:
    """Wait until all that follows from each piece is done; return by its text when the last of it was."""

    def rows() -> list[tuple[object, ...]]:
        return system.kit.sql(FOLLOWED, f"{said} %", database=system.database)

    wait_for(lambda: all(row[1] for row in rows()), within=30, every=0.2, what="every loop and case")
    found = rows()
    must(not any(row[3] for row in found), "work that was given up")
    return {str(text): float(str(done)) for text, _all, done, _dead in found}


def _until_open(pieces: Sequence[Piece], answers: Sequence[Answer], done: dict[str, float]) -> list[float]:
    """Return the seconds from sent to case and loop open, of each piece that belongs to a case."""
    sent = {one.text: one.sent for one in answers}
    return [done[one.text] - sent[one.text] for one in pieces if one.way.has_case]

"""The embedded run, one process on SQLite, killed again and again while people work with it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.chaos.kit import MORNING, ROOT, SECRET, Process, must, services, wait_for
from tests.chaos.web import Person, healthy

FILE = "liuke.sqlite3"
STARTS_WITHIN_SECONDS = 90


@dataclass
class Report:
    """What became of an embedded run that was killed so many times."""

    seed: int
    kills: int = 0
    during_commits: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    starts: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.kills} kills, {self.during_commits} with a request under way, "
            f"{self.acknowledged} acknowledged, {self.unanswered} without an answer, "
            f"up again in {max(self.starts):.1f} s at most, {self.seconds:.0f} s in all"
        )


def template(folder: Path, customers: int = 200) -> dict[str, object]:
    """Build the company once in a SQLite file of ``folder``; return what it told."""
    told = folder / "told.json"
    if not told.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for words in (["manage", "migrate", "-v", "0"], ["manage", "createcachetable", "-v", "0"]):
            _run(words, folder)
        told.write_text(_run(["build", str(customers)], folder).splitlines()[-1])
    found: dict[str, object] = json.loads(told.read_text())
    return found


def killed_again_and_again(made: Path, folder: Path, *, kills: int, seed: int, without: str = "") -> Report:
    """Kill the only process ``kills`` times while people file what customers say; then let it finish.

    After each kill the file is whole and every acknowledged thing stands there once; after the last
    start nothing is left undone and every complaint has led to its case, once.
    """
    told, random, report = template(made), Random(seed), Report(seed)
    began = time.monotonic()
    folder.mkdir(parents=True)
    shutil.copy(made / FILE, folder / FILE)
    _morning(folder / FILE)
    person = Person(services.free_port(), str(told["session"]))
    acknowledged: list[str] = []
    unanswered: list[str] = []
    odd: list[int] = []
    customers: list[int] = told["customers"]  # type: ignore[assignment]
    process = _start(folder, person.port, report, without)
    try:
        for number in range(kills):
            stop = threading.Event()
            busy = [0]
            people = [
                threading.Thread(
                    target=_work,
                    args=(person, customers, f"kill {number} {n}", stop, busy, acknowledged, unanswered, odd),
                )
                for n in range(3)
            ]
            for thread in people:
                thread.start()
            time.sleep(0.3 + random.random() * 1.2)
            wait_for(lambda b=busy: b[0], within=20, what="a request is under way", every=0.0005)
            time.sleep(random.random() * 0.02)
            report.during_commits += bool(busy[0])
            process.kill()
            report.kills += 1
            stop.set()
            for thread in people:
                thread.join(30)
            person.close()
            must(not odd, f"answered with {odd}")
            _whole(folder / FILE)
            _there_once(folder / FILE, acknowledged, unanswered)
            process = _start(folder, person.port, report, without)
        wait_for(lambda: not _left(folder / FILE), within=180, what="nothing is left undone", every=0.5)
    finally:
        process.kill()
        person.close()
    _whole(folder / FILE)
    _there_once(folder / FILE, acknowledged, unanswered)
    _followed_once(folder / FILE)
    report.acknowledged, report.unanswered = len(acknowledged), len(unanswered)
    report.seconds = time.monotonic() - began
    return report


def _work(
    person: Person,
    customers: list[int],
    said: str,
    stop: threading.Event,
    busy: list[int],
    acknowledged: list[str],
    unanswered: list[str],
    odd: list[int],
) -> None:
    """File one thing after the other until told to stop; remember what was acknowledged."""
    number = 0
    while not stop.is_set():
        number += 1
        whose = customers[(number * 7 + len(said)) % len(customers)]
        busy[0] += 1
        act = person.talk if number % 2 == 0 else person.complain
        answer = act(whose, f"{said} {number}", timeout=20)
        busy[0] -= 1
        if answer.stored:
            acknowledged.append(answer.text)
            continue
        if answer.status:
            odd.append(answer.status)
        unanswered.append(answer.text)
        return  # the process is gone, or worse


def _start(folder: Path, port: int, report: Report, without: str) -> Process:
    began = time.monotonic()
    more = {"CHAOS_LEASE": "2", "CHAOS_WITHOUT": without}
    process = Process(
        ("manage", "runstack", "--port", str(port)), {**_environment(folder), **more}, log=folder / "run.log"
    )

    def up() -> bool:
        process.must_live()
        return healthy(port)

    wait_for(up, within=STARTS_WITHIN_SECONDS, what="it answers again", every=0.05)
    report.starts.append(time.monotonic() - began)
    return process


def _run(words: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.program", *words],
        cwd=ROOT, env=_environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    dropped = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "DEBUG", "LIUKE_NOW", "TEST_DB_NAME")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**kept, "LIUKE_VAR": str(folder), "SECRET_KEY": SECRET, "EMAIL_URL": "memorymail://",
            "LOG_LEVEL": "WARNING", "PUBLIC_BASE_URL": "http://127.0.0.1"}  # fmt: skip


# --- What stands in the file ------------------------------------------------------------------


def _ask(file: Path, question: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file, timeout=30) as connection:
        rows = connection.execute(question).fetchall()
    connection.close()
    return rows


def _morning(file: Path) -> None:
    offset = int((MORNING - datetime.now(UTC)).total_seconds() * 1_000_000)
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO ground_clockoffset (id, offset_us) VALUES (1, ?)", [offset])
    connection.close()


def _whole(file: Path) -> None:
    must(_ask(file, "PRAGMA integrity_check") == [("ok",)], "the file is damaged")
    must(_ask(file, "PRAGMA foreign_key_check") == [], "a reference leads nowhere")


def _there_once(file: Path, acknowledged: list[str], unanswered: list[str]) -> None:
    """Acknowledged work stands there once; what had no answer at most once; nothing else does."""
    stored = Counter(
        str(text)
        for (text,) in _ask(
            file,
            "SELECT text FROM customers_complaint WHERE text LIKE 'kill %' "
            "UNION ALL SELECT text FROM customers_interaction WHERE text LIKE 'kill %'",
        )
    )
    lost = [text for text in acknowledged if stored[text] != 1]
    must(not lost, f"{len(lost)} acknowledged things are not stored once: {lost[:3]}")
    odd = set(stored) - set(acknowledged) - set(unanswered)
    must(
        not odd and max(stored.values(), default=1) == 1,
        f"stored though never sent, or twice: {sorted(odd)[:3]}",
    )


def _left(file: Path) -> int:
    (count,) = _ask(
        file,
        "SELECT (SELECT count(*) FROM ground_outboxrow WHERE done_at IS NULL)"
        " + (SELECT count(*) FROM customers_touchedcustomer)",
    )[0]
    return int(str(count))


def _followed_once(file: Path) -> None:
    """Every complaint has its news, its work done, and one step in its customer's case."""
    rows = _ask(
        file,
        """SELECT c.text, (SELECT count(*) FROM ground_event e WHERE e.subject_id = c.id
                           AND e.subject_type = 'customers.complaint' AND e.kind = 'complaint.filed'),
                  (SELECT count(*) FROM retention_casemove m JOIN ground_event e
                      ON e.id = json_extract(m.codes, '$.event')
                   WHERE e.subject_id = c.id AND e.subject_type = 'customers.complaint'
                   AND m.kind IN ('opened', 'joined'))
           FROM customers_complaint c WHERE c.text LIKE 'kill %'""",
    )
    must(rows, "nobody complained: nothing was shown")
    wrong = [row for row in rows if row[1:] != (1, 1)]
    must(not wrong, f"{len(wrong)} complaints without their news or their one step: {wrong[:3]}")
    dead = _ask(file, "SELECT id, error FROM ground_outboxrow WHERE dead_at IS NOT NULL")
    must(not dead, f"dead work: {dead[:3]}")

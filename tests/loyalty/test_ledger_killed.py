"""Random histories by several processes that are killed (``kill -9``) again and again (P2)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from django.db import connection

from loyalty.ledger import sealing
from loyalty.models import PointsAccount, PointsEntry
from tests.factories import NOW, CompanyFactory
from tests.loyalty.factories import ProgrammeFactory, make_account
from tests.loyalty.ledger_worker import DONE, NOTHING, REFUSED, key_of, notes_of

OPERATIONS = int(os.environ.get("LEDGER_OPERATIONS", "5000"))
WORKERS = 4
KILLS = 6
ROOT = Path(__file__).parents[2]


def start(folder: Path, number: int, operations: int) -> subprocess.Popen[bytes]:
    database = str(connection.settings_dict["NAME"])
    told = [database, str(folder), "1", str(number), str(operations)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.loyalty.ledger_worker", *told], cwd=ROOT, stderr=subprocess.PIPE
    )


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("policy", ["refuse", "debt"])
def test_every_accepted_operation_counts_once_and_every_refused_one_never(
    policy: str, tmp_path: Path
) -> None:
    CompanyFactory()
    ProgrammeFactory(on_spent_return=policy)
    for _number in range(6):
        make_account()
    each = OPERATIONS // WORKERS // 2  # half of them by each policy
    random = Random(7)
    running = {number: start(tmp_path, number, each) for number in range(WORKERS)}
    known = dict.fromkeys(running, 0)  # how far each had come when it was last started
    kills = 0
    until = time.monotonic() + 900
    try:
        while running:
            assert time.monotonic() < until, "the workers do not come to an end"
            time.sleep(random.uniform(0.5, 1.5))
            for number, process in list(running.items()):
                if process.poll() == 0:
                    del running[number]
                    process.communicate()
                elif process.returncode is not None:
                    raise AssertionError(process.communicate()[1].decode())
            at_work = [number for number in running if len(notes_of(tmp_path, number)) > known[number]]
            if kills < KILLS and at_work:
                victim = random.choice(at_work)
                running[victim].kill()
                running[victim].communicate()
                kills += 1
                known[victim] = len(notes_of(tmp_path, victim))
                running[victim] = start(tmp_path, victim, each)
    finally:
        for process in running.values():  # our own children, when one of them failed
            process.kill()
            process.communicate()

    assert kills == KILLS
    written = Counter(PointsEntry.objects.exclude(key="").values_list("key", flat=True))
    ended = Counter[str]()
    for number in range(WORKERS):
        notes = notes_of(tmp_path, number)
        assert sorted(notes) == list(range(each))
        ended.update(notes.values())
        for operation, how in notes.items():
            assert written[key_of(number, operation)] == (how == DONE), (number, operation, how)
    assert set(ended) == {DONE, REFUSED, NOTHING}
    assert written.total() == ended[DONE]
    assert not PointsAccount.objects.filter(balance__lt=0).exists()
    sealing.seal(NOW)
    assert sealing.verify(at=NOW).findings == []

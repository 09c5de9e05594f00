"""Tasks on real workers: one whose process is killed, and a schedule that three schedulers ring."""

from __future__ import annotations

import time
from random import Random

from celery import Celery

from tests.chaos.kit import Kit, must, wait_for
from tests.chaos.living import morning

AGAIN_WITHIN_SECONDS = 20


def killed_task_is_done(kit: Kit, *, without: str = "") -> float:
    """Kill the process that does a task by ``kill -9``; return the seconds until another has done it."""
    database, _session, _ids = morning(kit, 1_000)
    worker = kit.worker(database, processes=1, CHAOS_WITHOUT=without)
    told = kit.folder / f"{database}.task"
    producer = Celery("tests", broker=kit.bell(database))
    try:
        producer.send_task("chaos.slow", args=[str(told)], queue="liuke", ignore_result=True)
        wait_for(told.exists, within=60, what="the task began")
        time.sleep(0.3)
        must(worker.kill_a_child(Random(1)), "nobody to kill: nothing was shown")
        began = time.monotonic()
        wait_for(
            lambda: "done" in told.read_text(),
            within=AGAIN_WITHIN_SECONDS,
            what="a killed task is done by another",
        )
        return time.monotonic() - began
    finally:
        worker.kill()
        producer.close()
        kit.drop(database)


def three_schedulers(kit: Kit) -> None:
    """Three schedulers ring every second for two workers: the day's sweep is made once."""
    database, _session, _ids = morning(kit, 1_000)
    running = [kit.worker(database), kit.worker(database, pool="threads")]
    running += [kit.beat(database, seconds=1) for _ in range(3)]
    done = "SELECT count(*) FROM ground_backgroundrun WHERE name = 'sweep' AND status = 'done'"
    try:
        wait_for(lambda: kit.sql(done, database=database)[0][0], within=90, what="the day's sweep", every=0.2)
        time.sleep(5)  # some fifteen rings more
        runs = kit.sql(
            "SELECT scope, status FROM retention_sweeprun WHERE scope = 'changed'", database=database
        )
        must(runs == [("changed", "done")], f"the day's sweep was made {len(runs)} times: {runs}")
        must(kit.sql(done, database=database) == [(1,)], "more than one run of the day")
    finally:
        for process in running:
            process.kill()
        kit.drop(database)

"""The storm: everybody is swept by real workers while these are killed and their servers break."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import psycopg

from tests.chaos import snapshot
from tests.chaos.kit import MORNING, Broken, Kit, Process, say, wait_for

LEASE_SECONDS = 4
CALM_WITHIN_SECONDS = 900.0
# Work that somebody holds and has not done.
HELD = """
    SELECT (SELECT count(*) FROM retention_sweepshard s JOIN retention_sweeprun r ON r.id = s.run_id
            WHERE s.lease_until > now() AND s.done_at IS NULL AND r.status = 'running')
         + (SELECT count(*) FROM customers_touchedcustomer WHERE lease_until > now())
         + (SELECT count(*) FROM ground_outboxrow
            WHERE lease_until > now() AND done_at IS NULL AND dead_at IS NULL)"""
LEFT = """
    SELECT (SELECT count(*) FROM customers_touchedcustomer)
         + (SELECT count(*) FROM ground_outboxrow WHERE done_at IS NULL AND dead_at IS NULL)
         + (SELECT count(*) FROM ground_backgroundrun WHERE status <> 'done')
         + (SELECT count(*) FROM retention_sweeprun WHERE status = 'running' AND scope <> 'touched')
         + CASE WHEN EXISTS (SELECT 1 FROM ground_backgroundrun) THEN 0 ELSE 1 END"""


@dataclass
class Report:
    """What a storm did: kills that counted, what else was broken, how long it took."""

    seed: int
    customers: int
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    warnings: int = 0

    def __str__(self) -> str:
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {self.customers} customers, {self.kills} kills while a lease had undone rows "
            f"({done}), {self.warnings} warnings, {self.seconds:.0f} s"
        )


def calm(kit: Kit, customers: int) -> dict[str, snapshot.Rows]:
    """Return what an undisturbed run of one worker leaves."""
    database = _morning(kit, customers)
    running = [kit.worker(database), kit.beat(database)]
    try:
        wait_for(
            lambda: not _count(kit, database, LEFT), within=CALM_WITHIN_SECONDS, every=0.3, what="calm run"
        )
        return snapshot.of(kit, database)
    finally:
        for process in running:
            process.kill()
        kit.drop(database)


def storm(
    kit: Kit, *, customers: int, kills: int, seed: int, without: str = ""
) -> tuple[Report, dict[str, snapshot.Rows]]:
    """Sweep everybody while workers are killed and servers break; return what was done and what stands."""
    return _Storm(kit, customers, kills, seed, without).blow()


class _Storm:
    """One storm: the processes that run, and what is still to be broken."""

    def __init__(self, kit: Kit, customers: int, kills: int, seed: int, without: str) -> None:
        self.kit, self.wanted, self.random = kit, kills, Random(seed)
        self.report = Report(seed, customers)
        self.without = without
        self.database = _morning(kit, customers)
        self.workers: list[Process] = []

    def blow(self) -> tuple[Report, dict[str, snapshot.Rows]]:
        kit, began = self.kit, time.monotonic()
        more = {"CHAOS_LEASE": str(LEASE_SECONDS), "CHAOS_WITHOUT": self.without}
        self.workers = [
            kit.worker(self.database, pool="prefork", **more),
            kit.worker(self.database, pool="threads", **more),
        ]
        schedulers = [kit.beat(self.database, seconds=1, **more) for _ in range(3)]
        old = kit.redis.save()
        faults = self._faults(old)
        rounds = max(self.wanted, len(faults))
        at = dict(zip(self.random.sample(range(rounds), len(faults)), faults, strict=True))
        try:
            for number in range(rounds):
                if not self._kill_one():
                    break
                if number in at:
                    self.report.faults[at[number]] += 1
                    faults[at[number]]()
            self._finish()
            stands = snapshot.of(kit, self.database)
        finally:
            for process in [*self.workers, *schedulers]:
                process.kill()
        self.report.seconds = time.monotonic() - began
        self.report.warnings = len(stands["warnings"])
        kit.drop(self.database)
        return self.report, stands

    def _faults(self, old_copy: object) -> dict[str, Callable[[], None]]:
        kit = self.kit

        def frozen() -> None:
            kit.redis.freeze()
            time.sleep(3)
            kit.redis.thaw()

        def stopped() -> None:
            kit.redis.stop()
            time.sleep(3)
            kit.redis.start()

        return {
            "Redis wiped": kit.redis.wipe,
            "Redis frozen": frozen,
            "Redis stopped": stopped,
            "Redis restored from an old copy": lambda: kit.redis.restore(old_copy),
            "PostgreSQL crashed": kit.pg.crash,
        }

    def _kill_one(self) -> bool:
        """Kill a worker while the database shows a lease with undone rows; return whether there was work."""
        seen = wait_for(self._held_or_done, within=120, what="a lease with undone rows", every=0.005)
        if seen == "done":
            return False
        position = self.random.randrange(len(self.workers))
        victim = self.workers[position]
        time.sleep(self.random.random() * 0.4)
        if not self._held():
            return self._kill_one()
        if self.random.random() < 0.3 and victim.kill_a_child(self.random):
            self.report.faults["child killed"] += 1
        else:
            victim.kill()
            self.workers[position] = victim.again()
        if self._held():  # it was not done in the moment between
            self.report.kills += 1
        return True

    def _held(self) -> int:
        return _count(self.kit, self.database, HELD)

    def _held_or_done(self) -> str:
        self._supervise()
        if self._held():
            return "held"
        return "" if _count(self.kit, self.database, LEFT) else "done"

    def _finish(self) -> None:
        """Let the rest be done."""

        def done() -> bool:
            self._supervise()
            return not _count(self.kit, self.database, LEFT)

        try:
            wait_for(done, within=CALM_WITHIN_SECONDS, every=0.3, what="all work done after the storm")
        except Broken as broken:
            raise Broken(f"{broken}\n{self.workers[0].said()}") from broken

    def _supervise(self) -> None:
        """Start a worker again that ended by itself, as the supervisor of a machine does.

        Celery ends a worker one of whose children dies before the worker is ready.
        """
        for position, worker in enumerate(self.workers):
            if not worker.alive:
                self.report.faults["ended by itself"] += 1
                self.workers[position] = worker.again()


def _morning(kit: Kit, customers: int) -> str:
    """Return a fresh copy of the company's database whose clock says that it is morning."""
    database = kit.copy(kit.template(customers)[0])
    kit.sql(
        "INSERT INTO ground_clockoffset (id, offset_us) "
        "SELECT 1, round(extract(epoch FROM %s::timestamptz - clock_timestamp()) * 1000000)",
        MORNING, database=database,
    )  # fmt: skip
    return database


def _count(kit: Kit, database: str, question: str) -> int:
    try:
        return int(kit.sql(question, database=database)[0][0])
    except psycopg.OperationalError:  # the server is being restarted
        return 1


def blow_and_compare(kit: Kit, *, customers: int, kills: int, seeds: list[int], least: int) -> list[Report]:
    """Run the storm for every seed and compare each with one undisturbed run."""
    wanted = calm(kit, customers)
    say(f"undisturbed: {len(wanted['warnings'])} warnings, {len(wanted['cases'])} cases")
    reports = []
    for seed in seeds:
        report, stands = storm(kit, customers=customers, kills=kills, seed=seed)
        say(str(report))
        snapshot.must_equal(stands, wanted)
        if report.kills < least:
            raise Broken(f"only {report.kills} kills counted, {least} are asked for: {report}")
        reports.append(report)
    return reports

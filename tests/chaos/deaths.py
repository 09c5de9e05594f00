"""What a death or a stand-still in the middle may not break. Each function raises Broken.

Like ``races.py`` they run on a small company's database and again with their guard taken out. A death
is a child of this process, killed by ``kill -9`` at a chosen place.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from django.db import OperationalError, connection, connections

from customers import interactions
from customers.ground import clock, outbox
from customers.ground.models import OutboxRow
from customers.models import Customer, TouchedCustomer
from retention import sweep, warnings
from retention.models import CustomerMeasures, EarlyWarning, SweepShard
from retention.sweep import everybody, marks
from tests.chaos.kit import MORNING, must, wait_for
from tests.chaos.races import laid_down, notes, rows
from tests.chaos.racing import errors, race

MINUTE = timedelta(minutes=1)


def in_a_child(work: Callable[[], object]) -> int:
    """Do some work in a child of this process; return its process id."""
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def ended(pid: int) -> bool:
    """Say whether a child has ended."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return True


def kill(pid: int) -> None:
    """Kill a child and wait for it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: ended(pid), within=10, what="a killed child is gone")


def free_all() -> None:
    """Let every lease end now, as time would."""
    OutboxRow.objects.filter(done_at=None).update(lease_until=clock.real_now() - MINUTE)
    TouchedCustomer.objects.update(lease_until=clock.real_now() - MINUTE)


def during_the_work(seed: int) -> None:
    """A worker is killed as soon as its work can be seen: it is done once all the same."""
    (row,) = rows(1)
    child = in_a_child(lambda: outbox.drain(at=MORNING))
    wait_for(lambda: notes() or ended(child), within=10, what="the work of a child is seen", every=0.001)
    kill(child)
    free_all()
    outbox.drain(at=MORNING)
    must(notes() == {row: 1}, f"done {notes()[row]} times")


def before_the_work_is_seen(seed: int) -> None:
    """A worker is killed in the middle of its work: another does it, once."""
    (row,) = rows(1, payload={"pause": 5})
    child = in_a_child(lambda: outbox.drain(at=MORNING))
    wait_for(lambda: OutboxRow.objects.filter(attempts=1).exists(), within=10, what="the work began")
    time.sleep(0.2)
    kill(child)
    OutboxRow.objects.filter(pk=row).update(payload={})
    free_all()
    outbox.drain(at=MORNING)
    must(notes() == {row: 1}, f"done {notes()[row]} times")


def deadly_work(seed: int) -> None:
    """A row that kills every worker is dead after so many, and the rows behind it are done."""
    (poison,) = rows(1, "chaos.kill")
    outbox.add("chaos.note", due_at=MORNING + MINUTE, dedupe_key="chaos:behind")
    for _round in range(outbox.MOST_ATTEMPTS + 2):
        child = in_a_child(lambda: outbox.drain(at=MORNING + 2 * MINUTE))
        wait_for(lambda child=child: ended(child), within=20, what="a child has ended")
        free_all()
    must(OutboxRow.objects.get(pk=poison).dead_at is not None, "deadly work is tried for ever")
    must(sum(notes().values()) == 1, "what stood behind deadly work was not done once")


def two_in_each_others_way(seed: int) -> None:
    """Two handlers that wait for each other's rows: the database ends one, the drain does it again."""
    first, second = Customer.objects.order_by("pk")[:2]
    ids = rows(2, "chaos.cross")
    for row, order in zip(ids, ([first.pk, second.pk], [second.pk, first.pk]), strict=True):
        OutboxRow.objects.filter(pk=row).update(payload={"customers": order, "pause": 0.5})

    results = race([lambda: outbox.drain(at=MORNING, limit=1)] * 2, seed=seed)

    must(not errors(results), f"a drain failed: {errors(results)[:2]}")
    must(sum(results) == 1, "no deadlock: nothing was shown")
    outbox.drain(at=MORNING + MINUTE)
    must(not OutboxRow.objects.filter(pk__in=ids, done_at=None).exists(), "the loser's work was lost")
    must(sorted(notes().values()) == [1, 1], f"done {notes()}")


def a_sweep_in_somebodys_way(seed: int) -> None:
    """A sweep of marks that loses a deadlock gives its marks back, and the next one answers them."""
    whose = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    other = connections.create_connection("default")
    other.set_autocommit(False)
    locking = "SELECT 1 FROM customers_customer WHERE id = %s FOR UPDATE"
    with other.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '10s'")
        cursor.execute(locking, [whose[-1]])
    failed: list[BaseException] = []

    def swept() -> None:
        try:
            sweep.touched(MORNING)
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=swept)
    thread.start()
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with connection.cursor() as cursor:

        def waits() -> bool:
            cursor.execute(waiting)
            return bool(cursor.fetchall())

        wait_for(waits, within=10, what="the sweep waits for the other")
    with other.cursor() as cursor:
        cursor.execute(locking, [whose[0]])
    thread.join(20)
    other.rollback()
    other.close()
    must(any(isinstance(error, OperationalError) for error in failed), "no deadlock: nothing was shown")
    sweep.touched(MORNING + MINUTE)
    must(not TouchedCustomer.objects.exists(), "the marks of a sweep that lost a deadlock are not answered")
    must(EarlyWarning.objects.exists(), "nobody was warned")


def news_during_a_full_pass(seed: int) -> None:
    """A pass over everybody stands still while newer news of somebody is swept: the newer row stays."""
    whose = list(Customer.objects.order_by("pk"))
    late = whose[-1]
    sweep.touched(MORNING)
    for one in (whose[0], late):  # the pass writes only rows whose values change
        interactions.log_interaction(one, kind="call", text="Old.", by=None, at=MORNING + MINUTE)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION chaos_pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.customer_id = {whose[0].pk} AND current_setting('chaos.pauses', true) = 'yes' THEN "
            "PERFORM pg_advisory_xact_lock(4711); END IF; RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER chaos_pause BEFORE INSERT OR UPDATE ON retention_customermeasures "
            "FOR EACH ROW EXECUTE FUNCTION chaos_pause()"
        )
        cursor.execute("SELECT pg_advisory_lock(4711)")
    failed: list[BaseException] = []

    def full() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET chaos.pauses = 'yes'")
            sweep.run(as_of=MORNING + 5 * MINUTE)
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=full)
    thread.start()
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    with connection.cursor() as cursor:

        def pauses() -> bool:
            cursor.execute(waiting)
            return bool(cursor.fetchall())

        wait_for(pauses, within=20, what="the pass over everybody stands still")
    interactions.log_interaction(late, kind="call", text="News.", by=None, at=MORNING + 6 * MINUTE)
    sweep.touched(MORNING + 7 * MINUTE)
    newer = CustomerMeasures.objects.filter(pk=late.pk).values().get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(4711)")
    thread.join(60)
    must(not failed, f"the pass over everybody failed: {failed}")
    while sweep.touched(MORNING + 8 * MINUTE):
        pass
    stands = CustomerMeasures.objects.filter(pk=late.pk).values().get()
    older = sorted(name for name in newer if newer[name] != stands[name])
    must(not older, f"an older pass overwrote a newer row: {older}")
    must(stands["as_of"] >= MORNING + 7 * MINUTE, "the row is not that of the newer pass")
    must(not TouchedCustomer.objects.exists(), "a mark was left")


def news_during_a_sweep(seed: int) -> None:
    """Somebody is touched again while the sweep of marks is at work: the new mark is answered too."""
    sweep.touched(MORNING)
    whose = Customer.objects.order_by("pk")[3]
    interactions.log_interaction(whose, kind="call", text="Old.", by=None, at=MORNING)
    true = marks.delete
    told: list[bool] = []

    def later() -> None:
        # Recorded before the sweep's own moment, as a slow request's fact is, but committed after it looked.
        interactions.log_interaction(whose, kind="visit", text="New.", by=None, at=MORNING)
        connections.close_all()

    def delete(ids: Sequence[int]) -> None:
        if not told:
            told.append(True)
            thread = threading.Thread(target=later)
            thread.start()
            thread.join(20)
        true(ids)

    marks.delete = delete
    try:
        sweep.touched(MORNING + MINUTE)
    finally:
        marks.delete = true
    must(told, "nothing happened during the sweep: nothing was shown")
    must(TouchedCustomer.objects.filter(customer=whose).exists(), "the mark of later news is gone")


def death_of_a_sweep(seed: int) -> None:
    """A sweep of marks is killed before it has ended: all its marks are answered by the next."""
    marked = TouchedCustomer.objects.count()

    def deadly() -> None:
        warnings.close_gone = lambda *args, **values: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore
        sweep.touched(MORNING)

    child = in_a_child(deadly)
    wait_for(lambda: ended(child), within=20, what="the child has died")
    must(not EarlyWarning.objects.exists(), "half a sweep stands there")
    free_all()
    answered = sweep.touched(MORNING)
    must(answered == marked, f"{answered} of {marked} marks were answered after the death")
    must(EarlyWarning.objects.exists(), "nobody was warned")


def death_of_a_shard(seed: int) -> None:
    """A worker is killed in the middle of a shard: others do it when its lease ends, and end the run."""
    run = laid_down(3)

    def deadly() -> None:
        everybody.judge = lambda *args, **values: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore
        everybody.help_out(MORNING)

    child = in_a_child(deadly)
    wait_for(lambda: ended(child), within=20, what="the child has died")
    SweepShard.objects.filter(done_at=None).update(lease_until=clock.real_now() - MINUTE)
    while everybody.help_out(MORNING):
        pass
    run.refresh_from_db()
    must(run.status == "done", f"the run is {run.status}: a dead worker's shard was not taken over")
    must(run.customers == 40, f"{run.customers} of 40 customers were judged")
    must(EarlyWarning.objects.exists(), "nobody was warned")


DEATHS = [
    during_the_work, before_the_work_is_seen, deadly_work, two_in_each_others_way,
    a_sweep_in_somebodys_way, news_during_a_full_pass, news_during_a_sweep, death_of_a_sweep,
    death_of_a_shard,
]  # fmt: skip

"""What 32 connections at once may not break. Each function stands for one promise and raises Broken.

They run on a small company of their own (``conftest.database``) and are run again by
``test_guards_out.py`` with the guard taken out that they rest on.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import OperationalError, connection, connections, transaction

from customers import batch
from customers.batch import Line, OrderRecord
from customers.ground import clock, outbox
from customers.ground.models import AuditEvent, BackgroundRun, Event, OutboxRow
from customers.models import Order, OrderLine, TouchedCustomer
from retention import sweep
from retention.measures import compute
from retention.models import EarlyWarning, RetentionCase, SweepRun
from retention.sweep import everybody
from tests.chaos.handlers import NOTED
from tests.chaos.kit import MORNING, must
from tests.chaos.races_of_cases import assigning_due_cases, opening_one_case, taking_one_case, the_last_place
from tests.chaos.racing import AT_ONCE, HOUR, errors, race


def notes() -> Counter[int]:
    """Return how often each outbox row's note stands there."""
    return Counter(Event.objects.filter(kind=NOTED).order_by("pk").values_list("data__row", flat=True))


def rows(count: int, handler: str = "chaos.note", **values: Any) -> list[int]:
    """Clear the outbox of what the company brought, add rows to it, and return their ids."""
    OutboxRow.objects.update(done_at=clock.real_now())
    outbox.add_many(
        outbox.row(handler, due_at=MORNING, dedupe_key=f"chaos:{handler}:{n}", **values) for n in range(count)
    )
    return list(OutboxRow.objects.filter(done_at=None).order_by("pk").values_list("pk", flat=True))


# --- Outbox -----------------------------------------------------------------------------------


def claiming_rows(seed: int) -> None:
    """32 drains claim at once: nobody holds what another holds, and nothing is left."""
    wanted = rows(AT_ONCE * 10)
    results = race([lambda: [row.pk for row in outbox.claim(limit=10, at=MORNING)]] * AT_ONCE, seed=seed)
    must(not errors(results), f"a claim failed: {errors(results)[:2]}")
    claimed = Counter(pk for held in results for pk in held)
    must(not claimed or max(claimed.values()) == 1, "a row is held by two")
    left = [row.pk for row in outbox.claim(limit=1000, at=MORNING)]
    must(sorted([*claimed, *left]) == wanted, "a row is held by nobody and cannot be claimed")


def draining_rows(seed: int) -> None:
    """32 drains at work: every row done once."""
    wanted = rows(200)

    def work() -> int:
        return sum(iter(lambda: outbox.drain(at=MORNING, limit=5), 0))

    results = race([work] * AT_ONCE, seed=seed)
    must(not errors(results), f"a drain failed: {errors(results)[:2]}")
    must(notes() == Counter(wanted), "a row was done twice, or never")


def late_holders(seed: int) -> None:
    """32 workers that all believe they hold a row, as those do whose lease ended: it is done once."""
    (row,) = rows(1)
    (claimed,) = outbox.claim(limit=1, at=MORNING)
    race([lambda: outbox._do(claimed, at=MORNING)] * AT_ONCE, seed=seed)
    must(notes() == {row: 1}, f"done {notes()[row]} times")


def a_frozen_claimer(seed: int) -> None:
    """Somebody stands still in the middle of claiming: the others go on with the rest at once."""
    first = rows(60)[:10]
    connection.close()
    holder = connections.create_connection("default")
    try:
        with transaction.atomic():
            pass
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM ground_outboxrow WHERE id = ANY(%s) FOR UPDATE", [first])

        def work() -> int:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            return len(outbox.claim(limit=10, at=MORNING))

        results = race([work] * 5, seed=seed)
    finally:
        holder.rollback()
        holder.close()
    waited = [error for error in errors(results) if isinstance(error, OperationalError)]
    must(not waited, "the others wait for the one that stands still")
    must(sum(results) == 50, f"{sum(results)} of 50 rows were claimed")


def adding_one_key(seed: int) -> None:
    """32 transactions add work with one key: one row."""
    rows(0)
    results = race(
        [lambda: outbox.add("chaos.note", due_at=MORNING, dedupe_key="chaos:one")] * AT_ONCE, seed=seed
    )
    must(not errors(results), f"an addition failed: {errors(results)[:2]}")
    count = OutboxRow.objects.filter(dedupe_key="chaos:one").count()
    must(count == 1, f"{count} rows of one key")


def in_order(seed: int) -> None:
    """Rows of one customer are done in their order, also when some fail the first time."""
    OutboxRow.objects.update(done_at=clock.real_now())
    whose = [7, 8, 9]
    outbox.add_many(
        outbox.row(
            "chaos.fail" if n % 4 == 0 else "chaos.note",
            due_at=MORNING,
            dedupe_key=f"chaos:{key}:{n}",
            order_key=f"customer:{key}",
            payload={"customer": key, "times": 1},
        )
        for n in range(8)
        for key in whose
    )

    left = OutboxRow.objects.filter(done_at=None, dead_at=None)

    def work() -> None:
        hours = 0  # each round an hour later, so that what failed is due again
        while left.exists():
            outbox.drain(at=MORNING + hours * HOUR, limit=5)
            hours += 1

    results = race([work] * AT_ONCE, seed=seed)
    must(not errors(results), f"a drain failed: {errors(results)[:2]}")
    for key in whose:
        done = Event.objects.filter(kind=NOTED, customer_id=key).order_by("pk")
        order = list(done.values_list("data__row", flat=True))
        must(len(order) == 8, f"{len(order)} of 8 rows were done")
        must(order == sorted(order), f"out of order: {order}")


# --- Sweeps -----------------------------------------------------------------------------------


def three_schedulers(seed: int) -> None:
    """32 schedulers ask for the day's sweep: it is made once."""
    results = race([lambda: sweep.nightly(at=MORNING)] * AT_ONCE, seed=seed)
    must(not errors(results), f"a scheduler failed: {errors(results)[:2]}")
    made = SweepRun.objects.filter(scope="changed").count()
    must(made == 1, f"the day's sweep was made {made} times")
    must(BackgroundRun.objects.filter(name="sweep").count() == 1, "more than one run of the day")


def a_dead_run(seed: int) -> None:
    """The worker of the day's sweep died: when its lease has ended, one of 32 takes it over."""
    BackgroundRun.objects.create(
        name="sweep", slot="2026-05-11", started_at=MORNING, lease_until=clock.real_now() - HOUR
    )
    results = race([lambda: sweep.nightly(at=MORNING + HOUR)] * AT_ONCE, seed=seed)
    must(not errors(results), f"a scheduler failed: {errors(results)[:2]}")
    made = SweepRun.objects.filter(scope="changed", status="done").count()
    must(made == 1, f"the dead run was taken over {made} times")


def sweeps_at_once(seed: int) -> None:
    """Eight sweeps over everybody at once: one open warning a customer and rule, one open case a customer."""
    compute.refresh(as_of=MORNING - HOUR)  # so that no sweep waits for another's rows
    TouchedCustomer.objects.all().delete()
    acts = [lambda n=n: sweep.run(as_of=MORNING + timedelta(seconds=n), shards=4) for n in range(8)]
    results = race(acts, seed=seed, within=120)
    must(not errors(results), f"a sweep failed: {errors(results)[:2]}")
    standing = Counter(EarlyWarning.objects.exclude(state="closed").values_list("customer", "rule"))
    must(standing and max(standing.values()) == 1, "two open warnings of one rule")
    opened = Counter(RetentionCase.objects.exclude(status="closed").values_list("customer", flat=True))
    must(max(opened.values()) == 1, "two open cases of one customer")
    news = Event.objects.filter(kind="warning.raised").count()
    must(news == EarlyWarning.objects.filter(is_baseline=False).count(), "news of a warning missing or twice")


def sweeping_marks(seed: int) -> None:
    """32 drains sweep marks at once: all are answered, nobody is warned twice."""
    marked = TouchedCustomer.objects.count()

    def work() -> int:
        return sum(iter(lambda: sweep.touched(MORNING), 0))

    results = race([work] * AT_ONCE, seed=seed, within=120)
    must(not errors(results), f"a drain failed: {errors(results)[:2]}")
    must(not TouchedCustomer.objects.exists(), "a mark was left")
    must(sum(results) == marked, f"{sum(results)} marks were answered, there were {marked}")


def laid_down(shards: int) -> SweepRun:
    """Return a run over everybody whose worker died as soon as it had laid down the shards."""
    true = everybody.work_until_ended
    everybody.work_until_ended = lambda run: run
    try:
        run = sweep.run(as_of=MORNING, shards=shards)
    finally:
        everybody.work_until_ended = true
    must(not run.parts.filter(done_at__isnull=False).exists(), "a shard was done: nothing was shown")
    return run


def shards_at_once(seed: int) -> None:
    """The drains of 32 workers do the shards of a run whose worker died: each once, and one ends it."""
    run = laid_down(10)

    def work() -> None:
        while SweepRun.objects.filter(pk=run.pk, status="running").exists():
            everybody.help_out(MORNING)

    results = race([work] * AT_ONCE, seed=seed, within=120)
    must(not errors(results), f"a drain failed: {errors(results)[:2]}")
    run.refresh_from_db()
    must(run.status == "done", f"the run is {run.status}")
    must((run.shards_done, run.customers) == (run.shards, 40), f"{run.shards_done} of {run.shards} shards")
    ended = AuditEvent.objects.filter(act="sweep.run", object_id=run.pk).count()
    must(ended == 1, f"the run was ended {ended} times")
    standing = Counter(EarlyWarning.objects.exclude(state="closed").values_list("customer", "rule"))
    must(standing and max(standing.values()) == 1, "two open warnings of one rule")


# --- Facts ------------------------------------------------------------------------------------


def filing_one_order(seed: int) -> None:
    """32 batches bring the same order: it stands there once, with its lines."""
    record = OrderRecord(
        external_id="O1", customer="C1", currency="CNY",
        occurred_at=MORNING - HOUR, recorded_at=MORNING - HOUR,
        lines=[Line(1, Decimal(2), Decimal("9.99")), Line(2, Decimal(1), Decimal(5))],
    )  # fmt: skip
    acts = [lambda: batch.upsert_orders([record], source="chaos", batch=None, at=MORNING)] * AT_ONCE
    results = race(acts, seed=seed)
    must(not errors(results), f"a batch failed: {errors(results)[:2]}")
    made = sum(landed.created for landed in results)
    brought = Order.objects.filter(pk__in=OrderLine.objects.values("order"))
    must(
        (made, brought.count(), OrderLine.objects.count()) == (1, 1, 2),
        f"{made} made, {brought.count()} orders",
    )


RACES = [
    opening_one_case, taking_one_case, the_last_place, assigning_due_cases, claiming_rows, draining_rows,
    late_holders, a_frozen_claimer, adding_one_key, in_order, three_schedulers, a_dead_run, sweeps_at_once,
    sweeping_marks, shards_at_once, filing_one_order,
]  # fmt: skip

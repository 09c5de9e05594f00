"""The guards that promises rest on, and how each is taken out: by the tests alone, never by a switch.

Each is a known-bad variant of the product. ``tests/chaos/test_guards_out.py`` runs the named test of
each against it and sees it fail.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

HOUR = timedelta(hours=1)

TakeOut = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Guard:
    """One guard: what it is, and the function that takes it out of the running process."""

    name: str
    what: str
    take_out: TakeOut


GUARDS: dict[str, Guard] = {}


def guard(name: str, what: str) -> Callable[[TakeOut], TakeOut]:
    """Enter the function that takes a guard out."""

    def enter(take_out: TakeOut) -> TakeOut:
        GUARDS[name] = Guard(name, what, take_out)
        return take_out

    return enter


def sql(statement: str) -> TakeOut:
    """Return a function that runs one statement on the database of the test."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)

    return take_out


def rewriting(pattern: str, replacement: str) -> TakeOut:
    """Return a function that rewrites the product's SQL on its way to the database."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        from django.db.backends.utils import CursorWrapper

        true = CursorWrapper.execute

        def execute(self: Any, statement: Any, params: Any = None) -> Any:
            return true(self, re.sub(pattern, replacement, statement), params)

        patch.setattr(CursorWrapper, "execute", execute)

    return take_out


# --- Outbox -----------------------------------------------------------------------------------

guard("outbox lease", "a claimed row is nobody else's")(
    lambda patch: patch.setattr("customers.ground.outbox.LEASE", -HOUR)
)
guard("outbox skip locked", "a claim passes over what somebody else is just claiming")(
    lambda patch: patch.setattr(
        "django.db.backends.postgresql.features.DatabaseFeatures.has_select_for_update_skip_locked", False
    )
)
guard("dedupe key", "one row of work for each key")(
    sql("ALTER TABLE ground_outboxrow DROP CONSTRAINT ground_outboxrow_dedupe_key_key")
)


@guard("held", "a row is done only by who holds it, and only once")
def _held(patch: pytest.MonkeyPatch) -> None:
    from customers.ground import outbox
    from customers.ground.models import OutboxRow

    patch.setattr(outbox, "_held", lambda claimed: OutboxRow.objects.filter(id=claimed.id))


@guard("order key", "rows of one customer wait for the earlier ones")
def _order_key(patch: pytest.MonkeyPatch) -> None:
    from django.db.models import Q

    patch.setattr("customers.ground.outbox.Exists", lambda _earlier: Q(pk__in=[]))


@guard("done with the work", "the mark `done` is committed together with the work")
def _done_apart(patch: pytest.MonkeyPatch) -> None:
    from customers.ground import clock, outbox

    def careless(claimed: Any, *, at: Any) -> str:
        if not outbox._count_attempt(claimed):
            return "not ours"
        outbox._handlers[claimed.handler](claimed, at)
        time.sleep(1)
        outbox._held(claimed).update(done_at=clock.real_now())
        return "done"

    patch.setattr(outbox, "_try", careless)


@guard("attempts before the work", "an attempt is counted before it is made, so that a kill counts")
def _attempts(patch: pytest.MonkeyPatch) -> None:
    from customers.ground import outbox

    patch.setattr(outbox, "_count_attempt", lambda claimed: True)


@guard("tried again", "a row that failed is tried again")
def _never_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("customers.ground.outbox.MOST_ATTEMPTS", 1)


# --- Cases ------------------------------------------------------------------------------------


def _no_desk(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("retention.cases.holders.hold_desk", lambda: None)


guard("desk", "cases are given out by one at a time")(_no_desk)


@guard("one open case", "one open case a customer: the constraint, and the desk that goes before it")
def _one_case(patch: pytest.MonkeyPatch) -> None:
    _no_desk(patch)
    sql("DROP INDEX case_one_open_per_customer")(patch)


@guard("conditional move", "a case moves only from the state that was seen")
def _conditional_move(patch: pytest.MonkeyPatch) -> None:
    from retention.cases import moves
    from retention.models import RetentionCase

    true = moves._guarded

    def careless(case: Any, **values: Any) -> Any:
        stored = RetentionCase.objects.get(pk=case.pk)
        case.status, case.assignee_id = stored.status, stored.assignee_id
        try:
            return true(case, **values)
        except moves.MovedMeanwhile:
            return careless(case, **values)

    patch.setattr(moves, "_guarded", careless)


@guard("locked cases", "who gives cases has locked them")
def _unlocked(patch: pytest.MonkeyPatch) -> None:
    _no_desk(patch)
    from retention.cases import moves
    from retention.models import RetentionCase

    patch.setattr(moves, "lock", lambda ids: list(RetentionCase.objects.filter(pk__in=list(ids))))


# --- Sweeps and marks -------------------------------------------------------------------------

guard("one open warning", "one open warning a customer and rule")(sql("DROP INDEX warning_one_open"))
guard("one run a slot", "one scheduled run a day")(
    sql("ALTER TABLE ground_backgroundrun DROP CONSTRAINT run_once_a_slot")
)
guard("lease of a run", "a run is somebody's until its lease ends")(
    lambda patch: patch.setattr(importlib.import_module("retention.sweep.nightly"), "LEASE", -HOUR)
)
guard("newer rows stay", "a wide row is written only by a newer pass")(
    rewriting(r'WHERE excluded\.as_of > "\w+"\.as_of', "WHERE true")
)


@guard("taken over", "a dead worker's run is taken over")
def _never_taken_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(importlib.import_module("retention.sweep.nightly"), "Q", _nothing)


def _nothing(**_condition: Any) -> Any:
    from django.db.models import Q

    return ~Q(pk__in=[])


@guard("marks by their ids", "only the marks that were read are deleted, not all up to a moment")
def _watermark(patch: pytest.MonkeyPatch) -> None:
    from customers.models import TouchedCustomer
    from retention.sweep import marks

    def by_customer(ids: Any) -> None:
        whose = TouchedCustomer.objects.filter(id__in=list(ids)).values("customer")
        TouchedCustomer.objects.filter(customer__in=whose).delete()

    patch.setattr(marks, "delete", by_customer)


@guard("marks with the sweep", "marks are deleted in the transaction of their sweep")
def _marks_first(patch: pytest.MonkeyPatch) -> None:
    from retention.sweep import marks

    true = marks.claim

    def careless(**values: Any) -> Any:
        claimed = true(**values)
        if claimed is not None:
            marks.delete(claimed.ids)
        return claimed

    patch.setattr(marks, "claim", careless)


@guard("marks given back", "marks of a sweep that failed for a passing reason are free at once")
def _kept_marks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("retention.sweep.marks.release", lambda claimed: None)


@guard("shard held", "a shard is done by who holds its lease and its row")
def _shard_of_anybody(patch: pytest.MonkeyPatch) -> None:
    from django.db.models import Q

    from retention.measures.compute import between
    from retention.sweep import shards

    patch.setattr(shards, "LEASE", -HOUR)
    patch.setattr(shards, "_mine", lambda shard: Q(pk=shard.pk))
    patch.setattr(shards, "hold", lambda shard: between(shard.low, shard.high))


@guard("ended once", "one conditional update decides who ends a run")
def _ended_by_all(patch: pytest.MonkeyPatch) -> None:
    from retention.sweep import ending, shards

    def careless(run: Any) -> bool:
        run.refresh_from_db()
        if run.status != "running" or shards.undone(run):
            return False
        time.sleep(0.1)
        ending.summed_up(run.parts.values_list("found", flat=True)).write_to(run)
        ending.write_down(run)
        return True

    patch.setattr(ending, "finish", careless)


@guard("shard done with its work", "a shard is marked done in the transaction of its work")
def _shard_done_first(patch: pytest.MonkeyPatch) -> None:
    from retention.sweep import shards
    from retention.sweep.judging import Found

    true = shards.claim

    def careless(run: Any = None) -> Any:
        shard = true(run)
        if shard is not None:
            shards.done(shard, Found().as_json())
        return shard

    patch.setattr(shards, "claim", careless)


@guard("helping out", "the drains of other workers go on with a dead worker's shards")
def _nobody_helps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("retention.sweep.everybody.help_out", lambda at: 0)


# --- Facts ------------------------------------------------------------------------------------

guard("one external name", "one record for each name at its source")(
    sql("ALTER TABLE customers_externalref DROP CONSTRAINT external_ref_once")
)


# --- Processes --------------------------------------------------------------------------------


@guard("no broker in requests", "a change tells the drain of its own process, never the broker")
def _publishing(patch: pytest.MonkeyPatch) -> None:
    from customers.ground import drain

    def publish() -> None:
        from config.celery import app

        app.send_task("retention.tasks.flag_warning_signs", kwargs={"scope": "touched"})

    patch.setattr(drain, "wake", publish)


@guard("drain thread", "each worker process looks into the database by itself")
def _no_drain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("customers.ground.drain.run_forever", lambda stop: stop.wait())


@guard("acknowledged late", "a task is acknowledged after its work, and given back when its process dies")
def _acks_early(patch: pytest.MonkeyPatch) -> None:
    from config.celery import app

    app.conf.task_acks_late = app.conf.task_reject_on_worker_lost = False


@guard("answered after the commit", "people are told that something is stored when it is")
def _written_behind(patch: pytest.MonkeyPatch) -> None:
    import threading

    from django.db import connections

    from customers import complaints, interactions

    def behind(true: Callable[..., Any]) -> Callable[..., Any]:
        def verb(*args: Any, **values: Any) -> None:
            def later() -> None:
                time.sleep(0.1)
                true(*args, **values)
                connections.close_all()

            threading.Thread(target=later, daemon=True).start()

        return verb

    patch.setattr(complaints, "file_complaint", behind(complaints.file_complaint))
    patch.setattr(interactions, "log_interaction", behind(interactions.log_interaction))


@guard("all of it or nothing", "a fact, its news and the work that follows are one transaction")
def _in_pieces(patch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    from customers import complaints

    true = complaints._tell

    def slowly(*args: Any, **values: Any) -> None:
        time.sleep(0.2)
        true(*args, **values)

    patch.setattr(complaints, "transaction", SimpleNamespace(atomic=nullcontext))
    patch.setattr(complaints, "_tell", slowly)

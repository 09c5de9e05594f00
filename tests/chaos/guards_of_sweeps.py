"""Guards of sweeps, their marks and shards, of cases and of facts."""

from __future__ import annotations

import importlib
import time
from typing import Any

import pytest

from tests.chaos.taking_out import HOUR, guard, rewriting, sql

# --- Cases ----------------------------------------------------------------------------------


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


# --- Sweeps and marks -----------------------------------------------------------------------

guard("one run a slot", "one scheduled run a day")(
    sql("ALTER TABLE ground_backgroundrun DROP CONSTRAINT run_once_a_slot")
)
guard("lease of a run", "a run is somebody's until its lease ends")(
    lambda patch: patch.setattr(importlib.import_module("retention.sweep.nightly"), "LEASE", -HOUR)
)
guard("newer rows stay", "a wide row is written only by a newer pass")(
    rewriting(r'WHERE excluded\.as_of > "\w+"\.as_of', "WHERE true")
)


@guard("one open warning", "one open warning a customer and rule, whoever looked first")
def _two_warnings(patch: pytest.MonkeyPatch) -> None:
    from django.db.backends.utils import CursorWrapper

    sql("DROP INDEX warning_one_open")(patch)
    true = CursorWrapper.execute

    def execute(self: Any, statement: Any, params: Any = None) -> Any:
        if "INSERT INTO retention_earlywarning" in statement:
            time.sleep(0.5)  # others look meanwhile, too
        return true(self, statement, params)

    patch.setattr(CursorWrapper, "execute", execute)


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


# --- Facts ----------------------------------------------------------------------------------

guard("one external name", "one record for each name at its source")(
    sql("ALTER TABLE customers_externalref DROP CONSTRAINT external_ref_once")
)
guard("one name of feedback", "what somebody unknown told us is one for each name at its source")(
    sql("DROP INDEX IF EXISTS unknown_feedback_once")
)

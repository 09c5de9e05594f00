"""Guards of the work that is done later: outbox, processes, what people are told."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.taking_out import HOUR, guard, sql

# --- Outbox ---------------------------------------------------------------------------------

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


# --- Processes ------------------------------------------------------------------------------


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

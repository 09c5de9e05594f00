"""The pages of background work and of sweeps: what they show, page by page, and trying again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from customers.ground import clock, limits, outbox, pulse
from customers.ground.limits import Limit
from customers.ground.models import AuditEvent, Heartbeat, OutboxRow
from customers.models import ImportBatch
from retention.models import SweepRun, SweepShard
from retention.pages import sweeps, work
from tests.factories import NOW

pytestmark = pytest.mark.django_db
WORK = "/settings/background/"
HANDLER = "retention.complaint_opens_case"
ODD = ["x", "~", "2026-01-01~1", "9999-99-99T00:00Z~1", "2026-01-01T00:00:00Z~" + "9" * 40]


@pytest.fixture(autouse=True)
def _today(company: Any) -> None:
    clock.fix(NOW)


def row(key: str, *, handler: str = HANDLER, late: int = 0, **fields: Any) -> OutboxRow:
    due_at = clock.now() - timedelta(minutes=late)
    return OutboxRow.objects.create(handler=handler, dedupe_key=key, **{"due_at": due_at, **fields})


def dead(key: str, **fields: Any) -> OutboxRow:
    return row(key, **{"attempts": 8, "error": "RuntimeError", "dead_at": clock.real_now(), **fields})


def beaten(kind: str = "worker", *, ago: int = 5, process: str = "abcdefabcdef", **fields: Any) -> None:
    real = clock.real_now()
    common = {"host": "box", "pid": 4711, "started_at": real, "seen_at": real - timedelta(seconds=ago)}
    Heartbeat.objects.create(process=process, kind=kind, **common, **fields)


def text(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


# --- What waits, failed, is dead --------------------------------------------------------------
def test_each_list_shows_its_rows_and_no_others(client, admin):
    client.force_login(admin)
    rows = {
        "late": row("l", late=2, request_id="request-late-0001"),
        "failed": row("f", late=-5, attempts=3, error="TimeoutError"),
        "dead": dead("d"),
        "done": row("o", late=9, done_at=clock.real_now()),
        "soon": row("s", late=-1),
    }
    expected = {
        "late": {"late"}, "failed": {"failed"}, "dead": {"dead"}, "waiting": {"late", "failed", "soon"},
    }  # fmt: skip
    for view, names in expected.items():
        page = text(client, f"{WORK}?view={view}")
        assert {name for name, one in rows.items() if f"#{one.pk}<" in page} == names, view
    assert "request-late" in text(client, f"{WORK}?view=late")
    assert "TimeoutError" in text(client, f"{WORK}?view=failed")


def test_lists_go_on_by_their_key_without_loss_or_repeat(client, admin, monkeypatch):
    monkeypatch.setattr(work, "PAGE", 2)
    client.force_login(admin)
    same = clock.now() - timedelta(minutes=5)
    made = [row(f"k{n}", due_at=same if n < 3 else same + timedelta(seconds=n)).pk for n in range(5)]
    buried = [dead(f"d{n}").pk for n in range(5)]
    for view, wanted in (("late", made), ("waiting", made), ("dead", buried[::-1])):
        seen, address = [], f"{WORK}?view={view}"
        while address:
            answer = client.get(address)
            seen += [one.id for one in answer.context["rows"]]
            older = answer.context["older"]
            address = WORK + older if older else ""
        assert seen == wanted, view


@pytest.mark.parametrize(
    "after", ["x", "~", "2026-01-01~1", "9999-99-99T00:00Z~1", "2026-01-01T00:00:00Z~" + "9" * 40]
)
def test_odd_places_begin_at_the_first_page(client, admin, after):
    client.force_login(admin)
    row("l", late=2)
    for view in work.VIEWS:
        assert client.get(WORK, {"view": view, "after": after}).status_code == 200


def test_running_work_names_its_process_and_how_long(client, admin):
    client.force_login(admin)
    beaten(doing="retention.complaint_opens_case #1")
    lease = clock.real_now() + outbox.LEASE
    held = row("r", lease_until=lease, lease_token="abcdefabcdef" + "0" * 20)
    lapsed = row(
        "x", lease_until=clock.real_now() - timedelta(seconds=1), lease_token="abcdefabcdef" + "1" * 20
    )
    ImportBatch.objects.create(
        kind="orders", status="running", file_name="orders.csv", made_at=NOW, progress={"done": 5, "total": 9}
    )
    run = sweep(status="running", shards=4)
    shard(run, 1, done_at=clock.real_now())
    shard(run, 2)
    found = {item.what: item for item in client.get(WORK).context["running"]}
    assert found[f"retention.complaint_opens_case #{held.pk}"].who == "box · 4711"
    assert not [what for what in found if what.endswith(f"#{lapsed.pk}")]
    assert (found["Import orders.csv"].done, found["Import orders.csv"].total) == (5, 9)
    sweeping = found["Sweep over all customers"]
    assert (sweeping.done, sweeping.total) == (1, 4)


@pytest.mark.parametrize(("ago", "warned"), [(30, False), (90, True)])
def test_page_warns_when_no_worker_was_heard_of(client, admin, ago, warned):
    client.force_login(admin)
    beaten("web", process="w")
    beaten("worker", ago=ago)
    page = text(client, WORK)
    assert ("No worker was heard of" in page) is warned
    assert page.count(">silent<") == int(warned)


def test_page_asks_as_often_for_three_rows_as_for_one(client, admin, django_assert_max_num_queries):
    client.force_login(admin)
    counts = []
    for turn in (1, 3):
        for n in range(turn):
            row(f"l{turn}{n}", late=2, lease_until=clock.real_now() + outbox.LEASE)
            dead(f"d{turn}{n}", handler=f"test.{turn}{n}")
            beaten(process=f"p{turn}{n}")
            shard(sweep(status="running"), n)
        with django_assert_max_num_queries(16) as asked:
            text(client, WORK)
        counts.append(len(asked.captured_queries))
    assert counts[0] == counts[1]


# --- Live -------------------------------------------------------------------------------------
def test_live_part_answers_304_until_something_changes(client, admin):
    client.force_login(admin)
    address = text(client, WORK).split('data-live hx-get="')[1].split('"')[0].replace("&amp;", "&")
    first = client.get(address)
    assert b"<h1" not in first.content and b"csrfmiddlewaretoken" not in first.content
    same = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    dead("d")
    changed = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200 and changed["ETag"] != first["ETag"]


# --- Trying again -----------------------------------------------------------------------------
def test_retry_gives_one_dead_row_its_attempts_again(client, admin):
    client.force_login(admin)
    one, other = dead("a"), dead("b")
    answer = client.post(reverse("retention:work_retry"), {"row": one.pk}, follow=True)
    assert "1 piece of work is tried again." in answer.content.decode()
    one.refresh_from_db()
    assert (one.dead_at, one.attempts, one.error) == (None, 0, "")
    assert one.due_at <= clock.now()
    other.refresh_from_db()
    assert other.dead_at is not None
    event = AuditEvent.objects.get(act="outbox.retry")
    assert (event.actor_id, event.object_id) == (admin.pk, one.pk)
    client.post(reverse("retention:work_retry"), {"row": one.pk})
    assert AuditEvent.objects.filter(act="outbox.retry").count() == 1


def test_retry_of_a_handler_leaves_other_handlers_and_done_rows_alone(client, admin):
    client.force_login(admin)
    mine = [dead("a"), dead("b")]
    others = [dead("c", handler="test.other"), row("d", late=1), row("e", done_at=clock.real_now())]
    client.post(reverse("retention:work_retry"), {"handler": mine[0].handler})
    assert not OutboxRow.objects.filter(pk__in=[one.pk for one in mine], dead_at__isnull=False).exists()
    assert OutboxRow.objects.get(pk=others[0].pk).dead_at is not None
    for before in others[1:]:
        assert OutboxRow.objects.get(pk=before.pk).due_at == before.due_at
    assert AuditEvent.objects.get(act="outbox.retry_dead").codes == {"handler": mine[0].handler, "rows": 2}


@pytest.mark.parametrize("given", [{}, {"row": "x"}, {"row": "9" * 30}, {"handler": "nobody"}])
def test_retry_of_nothing_does_nothing(client, admin, given):
    client.force_login(admin)
    answer = client.post(reverse("retention:work_retry"), given, follow=True)
    assert "nothing dead" in answer.content.decode()
    assert not AuditEvent.objects.filter(act__startswith="outbox").exists()


def test_analyst_sees_the_work_without_buttons(client, analyst):
    client.force_login(analyst)
    dead("a")
    page = text(client, f"{WORK}?view=dead")
    assert "Try again" not in page and 'form="retry"' not in page
    assert client.post(reverse("retention:work_retry"), {"row": 1}).status_code == 403


# --- Sweeps -----------------------------------------------------------------------------------
def sweep(**fields: Any) -> SweepRun:
    common = {
        "scope": "full",
        "status": "done",
        "as_of": NOW,
        "day": 1,
        "fingerprint": "f",
        "started_at": NOW,
    }
    return SweepRun.objects.create(**{**common, "as_of": clock.now(), **fields})


def shard(run: SweepRun, number: int, **fields: Any) -> SweepShard:
    return SweepShard.objects.create(run=run, number=number, low=number * 10, high=number * 10 + 9, **fields)


DETAILS = {
    "rows": {"measures": 1234567, "rules": 5, "cases": 3},
    "scan": {"seconds": 0.25, "alone": 1},
    "rules": {"overdue": {"matches": 40, "raised": 4}, "broken": {"matches": 0, "raised": 0, "seconds": 1.5}},
}


def test_sweep_page_shows_phases_rules_and_shards(client, analyst):
    client.force_login(analyst)
    run = sweep(
        customers=1000000, seconds={"measures": 3.0, "rules": 1.0, "cases": 0.0}, details=DETAILS, shards=2,
        warnings={"overdue": 4}, failed_rules={"broken": "no_such_measure"}, slot="2026-05-11",
    )  # fmt: skip
    found = {"customers": 500, "seconds": {"measures": 1.5}}
    shard(run, 1, done_at=clock.real_now(), found=found, attempts=1)
    shard(run, 2, attempts=2, error="LeaseLost")
    shard(run, 3, attempts=1, lease_until=clock.real_now() + timedelta(seconds=9))
    answer = client.get(reverse("retention:sweep", args=[run.pk]))
    shown = answer.context
    assert [(p["label"], p["share"], p["rows"]) for p in shown["phases"]] == [
        ("Measures", 75, 1234567), ("Rules", 25, 5), ("Cases", 0, 3),
    ]  # fmt: skip
    assert [(r["code"], r["matches"], r["seconds"], r["why"]) for r in shown["rules"]] == [
        ("broken", 0, 1.5, "no_such_measure"), ("overdue", 40, None, ""),
    ]  # fmt: skip
    assert [(s["is_done"], s["is_leased"], s["seconds"]) for s in shown["shards"]] == [
        (True, False, 1.5), (False, False, None), (False, True, None),
    ]  # fmt: skip
    page = answer.content.decode()
    assert "1,234,567" in page and "LeaseLost" in page and "the schedule, for 2026-05-11" in page


def test_sweep_page_shows_a_run_from_before_shards(client, analyst):
    client.force_login(analyst)
    page = text(client, reverse("retention:sweep", args=[sweep(details=None, codes=None).pk]))
    assert "None" not in page


@pytest.mark.parametrize(("channel", "said"), [("command", "a command"), ("task", "the schedule")])
def test_sweep_page_says_who_started_it(client, analyst, channel, said):
    client.force_login(analyst)
    run = sweep()
    AuditEvent.objects.create(
        at=NOW, act="sweep.run", object_type="retention.sweeprun", object_id=run.pk, channel=channel
    )
    assert said in text(client, reverse("retention:sweep", args=[run.pk]))


def test_sweep_list_parts_runs_over_everybody_from_touched_ones(client, analyst, monkeypatch):
    monkeypatch.setattr(sweeps, "PAGE", 2)
    client.force_login(analyst)
    everybody = [sweep(scope="changed" if n % 2 else "full").pk for n in range(5)]
    touched = [sweep(scope="touched").pk for _n in range(3)]
    for view, wanted in (("", everybody), ("touched", touched), ("all", everybody + touched)):
        seen, address = [], f"/sweeps/?view={view}"
        while address:
            answer = client.get(address)
            seen += [line["run"].pk for line in answer.context["rows"]]
            older = answer.context["older"]
            address = "/sweeps/" + older if older else ""
        assert seen == wanted[::-1], view


def test_sweep_pages_ask_as_often_for_three_rows_as_for_one(client, analyst, django_assert_max_num_queries):
    client.force_login(analyst)
    counts = []
    for turn in (1, 3):
        for n in range(turn):
            run = sweep(warnings={f"r{n}": 1}, seconds={"rules": 1.0})
            for number in range(turn):
                shard(run, number)
        for address in ("/sweeps/", f"/sweeps/{run.pk}/"):
            with django_assert_max_num_queries(12) as asked:
                text(client, address)
            counts.append(len(asked.captured_queries))
    assert counts[:2] == counts[2:]


def test_pages_forget_processes_after_an_hour(client, admin):
    client.force_login(admin)
    beaten(ago=int(pulse.FORGOTTEN_AFTER.total_seconds()) + 5)
    assert "No process was heard of" in text(client, WORK)


# --- Schedule, limits, progress ---------------------------------------------------------------
def test_schedule_page_tells_every_entry_and_every_limit(client, admin):
    client.force_login(admin)
    shown = text(client, "/settings/schedule/")
    assert shown.count("once each local day") == 7
    assert "every day at 03:37 UTC" in shown
    assert "Causes in the catalogue" in shown
    assert "nearly full" not in shown


def test_limit_that_fills_up_is_told_to_the_admin_alone(client, admin, lead, monkeypatch):
    monkeypatch.setitem(limits._limits, "causes", Limit("causes", "Causes", 10, lambda: 9))
    client.force_login(admin)
    assert "nearly full" in text(client, "/settings/schedule/")
    assert "Causes: 9 of at most 10 are used (90 %)." in text(client, "/")
    client.force_login(lead)
    assert "of at most" not in text(client, "/")


def test_half_full_limit_is_told_to_nobody(client, admin, monkeypatch):
    monkeypatch.setitem(limits._limits, "causes", Limit("causes", "Causes", 10, lambda: 6))
    client.force_login(admin)
    assert "of at most" not in text(client, "/")


def test_running_sweep_shows_how_far_it_is_until_it_ends(client, admin):
    client.force_login(admin)
    run = SweepRun.objects.create(
        scope="full", as_of=NOW, day=1, fingerprint="f", started_at=NOW, shards=2, status="running"
    )
    SweepShard.objects.create(run=run, number=1, low=1, high=9, done_at=NOW)
    SweepShard.objects.create(run=run, number=2, low=10, high=19)
    page = f"/sweeps/{run.pk}/"
    assert "1 of 2" in text(client, page)
    part = text(client, f"{page}?part=progress")
    assert "1 of 2" in part
    assert "hx-get" in part
    SweepRun.objects.filter(pk=run.pk).update(status="done")
    ended = text(client, f"{page}?part=progress")
    assert "hx-get" not in ended
    assert page in ended

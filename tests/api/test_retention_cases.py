"""Cases, calls and the queue in the API: the rows, the verbs and the refusals of the pages."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from loyalty.models import PointsEntry
from retention import calls, cases
from retention.cases import queue
from retention.models import EarlyWarning, FollowUpCall, Loss, RetentionCase
from tests.factories import NOW, ContractFactory, CustomerFactory, UserFactory, findable
from tests.loyalty.factories import ProgrammeFactory
from tests.retention import makers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def case(customer, manager):
    return makers.make_case(customer, by=manager)


def ids(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


# --- Reading ----------------------------------------------------------------------------------
def test_the_queue_has_the_rows_and_the_order_of_the_page(caller, lead, manager):
    for number in range(7):
        customer = CustomerFactory(owner=manager)
        makers.give_margin(customer, (number % 3) * 1000)
        makers.make_case(customer, severity=1 + number % 2, at=NOW - timedelta(days=9 * (number % 2)))
    wanted = [row.pk for row in queue.read(queue.queue(lead), at=NOW, most=50)]
    call, found, path = caller(lead), [], "queue/?page_size=2"
    while path:
        answer = call.get(path)
        found += ids(answer)
        path = (answer.json()["next"] or "").partition("/api/v1/")[2]
    assert found == wanted
    assert len(found) == 7


def test_a_list_that_was_begun_days_ago_begins_anew(caller, manager):
    key = ["queue", NOW.isoformat(), 0, -1, NOW.isoformat(), 1]
    begun = {days: [*key[:1], (NOW - timedelta(days=days)).isoformat(), *key[2:]] for days in (0, 2)}
    cursors = {days: base64.urlsafe_b64encode(json.dumps(k).encode()).decode() for days, k in begun.items()}
    assert caller(manager).get("queue/", cursor=cursors[0]).status_code == 200
    assert caller(manager).get("queue/", cursor=cursors[2]).json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJxdWV1ZSJd", "é"])
def test_a_cursor_that_we_did_not_write_is_refused(caller, manager, cursor):
    assert caller(manager).get("queue/", cursor=cursor).json()["code"] == "bad_parameter"


def test_a_row_of_the_queue_says_why(caller, manager, customer, case):
    makers.make_warning(customer, run=makers.make_run(), case=case, rule=makers.make_rule(code="late"))
    row = caller(manager).get("queue/").json()["results"][0]
    assert (row["name"], row["rules"], row["why"]) == ("Blue Lake Trading", ["late"], "Open complaints: 2.")
    assert row["is_overdue"] is False


def test_a_case_shows_its_diagnosis_warnings_and_planned_call(caller, manager, customer, case):
    warning = makers.make_warning(customer, run=makers.make_run(), case=case)
    makers.make_warning(customer, run=makers.make_run(), state="withheld", case=case)
    cases.diagnose(case, churn_type="active", causes=[makers.cause("price")], by=manager, at=NOW)
    shown = caller(manager).get(f"cases/{case.pk}/").json()
    assert [row["id"] for row in shown["warnings"]] == [warning.pk]
    assert shown["causes"] == [{"code": "price", "is_main": True}]
    assert shown["planned_call"] == makers.planned_call(case).pk


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ({"status": "closed"}, False),
        ({"is_open": "true"}, True),
        ({"due": "overdue"}, False),
        ({"due": "week"}, True),
        ({"unassigned": "true"}, False),
        ({"q": "blue"}, True),
        ({"search": "lhmy"}, True),
        ({"search": "lhym"}, False),
        ({"kind": "recovery"}, False),
    ],
)
def test_cases_are_filtered(caller, manager, case, query, hit):
    findable()
    assert ids(caller(manager).get("cases/", **query)) == ([case.pk] if hit else [])


@pytest.mark.parametrize(
    "path", ["queue/", "cases/", "calls/", "warnings/", "losses/", "cases/{case}/moves/", "sweeps/", "rules/"]
)
def test_a_list_costs_no_more_queries_at_three_rows_than_at_one(caller, admin, manager, path):
    def more():
        customer = CustomerFactory(owner=manager)
        case = makers.make_case(customer, by=manager)
        makers.make_warning(customer, run=makers.make_run(), case=case)
        lost = makers.make_case(CustomerFactory(owner=manager), by=manager)
        cases.diagnose(lost, churn_type="active", causes=[makers.cause("price")], by=manager, at=NOW)
        cases.close_case(lost, outcome="lost", reason="Gone.", by=manager, at=NOW)
        return case

    call, path = caller(admin), path.replace("{case}", str(more().pk))
    call.get(path)
    with CaptureQueriesContext(connection) as one:
        call.get(path)
    more(), more()
    with CaptureQueriesContext(connection) as three:
        call.get(path)
    assert len(three) == len(one) <= 9


# --- Warnings that opened no case --------------------------------------------------------------
def test_what_was_withheld_changes_no_answer(caller, admin, customer, case):
    rule, run = makers.make_rule(), makers.make_run()
    makers.make_warning(customer, run=run, case=case, rule=rule)
    call = caller(admin)
    paths = [
        "warnings/",
        "queue/",
        f"cases/{case.pk}/",
        f"cases/{case.pk}/moves/",
        f"customers/{customer.pk}/timeline/",
        f"warnings/?customer={customer.pk}",
    ]
    before = [call.get(path).json() for path in paths]
    hidden = [
        makers.make_warning(customer, run=run, state="withheld"),
        makers.make_warning(customer, run=run, is_baseline=True),
        makers.make_warning(customer, run=run, state="closed", closed_at=NOW, closed_because="sign_gone"),
    ]
    assert [call.get(path).json() for path in paths] == before
    assert {call.get(f"warnings/{warning.pk}/").status_code for warning in hidden} == {404}
    assert call.get("warnings/", state="withheld").status_code == 400


# --- Acting -----------------------------------------------------------------------------------
def test_a_case_is_opened_by_hand(caller, manager, customer):
    body = {"customer": customer.pk, "kind": "save", "severity": 3, "reason": "Asked a rival."}
    made = caller(manager)("post", "cases/", body)
    assert made.status_code == 201, made.content
    case = RetentionCase.objects.get(customer=customer)
    assert made["Location"] == f"/api/v1/cases/{case.pk}/"
    assert (case.opened_by, case.reason, case.severity) == (manager, "Asked a rival.", 3)


def test_a_case_for_a_foreign_customer_is_not_opened(caller, outsider, customer):
    body = {"customer": customer.pk, "kind": "save", "reason": "Mine now."}
    answer = caller(outsider)("post", "cases/", body)
    assert answer.json()["errors"][0]["code"] == "unknown"
    assert not RetentionCase.objects.exists()


def test_a_lead_gives_cases_to_a_colleague_and_nobody_else_may(
    caller, lead, manager, teammate, outsider, case
):
    assert caller(manager)("post", f"cases/{case.pk}/assign/", {"to": teammate.pk}).status_code == 403
    foreign = caller(lead)("post", f"cases/{case.pk}/assign/", {"to": outsider.pk})
    assert foreign.json()["errors"][0]["pointer"] == "#/to"
    given = caller(lead)("post", f"cases/{case.pk}/assign/", {"to": teammate.pk})
    assert given.json()["assignee"] == teammate.pk
    many = caller(lead)("post", "cases/assign/", {"cases": [case.pk, case.pk], "to": manager.pk})
    assert many.json() == {"assigned": 1}


def test_a_program_gives_cases_to_anybody_who_works(caller, manager, analyst, case):
    program = caller(UserFactory(role="integration"))
    assert program("post", f"cases/{case.pk}/assign/", {"to": analyst.pk}).status_code == 400
    assert program("post", f"cases/{case.pk}/assign/", {"to": manager.pk}).json()["assignee"] == manager.pk


def test_an_unassigned_case_is_taken_once(caller, lead, manager, teammate, case):
    assert caller(lead)("post", f"cases/{case.pk}/unassign/").json()["status"] == "unassigned"
    assert caller(manager)("post", f"cases/{case.pk}/take/").json()["assignee"] == manager.pk
    late = caller(lead)("post", f"cases/{case.pk}/take/")
    assert (late.status_code, late.json()["code"]) == (409, "case_held_already")


def test_a_case_is_diagnosed_planned_called_and_closed(caller, manager, case):
    call = caller(manager)
    answers = [
        call("post", f"cases/{case.pk}/diagnose/", {"churn_type": "active", "causes": ["price"]}),
        call("post", f"cases/{case.pk}/plan/", {"due_at": "2026-05-12T10:00:00+08:00"}),
        call("post", f"cases/{case.pk}/log-call/", {"outcome": "no_answer", "note": "Tried."}),
        call("post", f"cases/{case.pk}/close/", {"outcome": "saved", "reason": "Stays."}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[1].json()["due_at"] == "2026-05-12T02:00:00Z"
    assert answers[2].json()["next_call"]["attempt"] == 2
    closed = call("post", f"cases/{case.pk}/close/", {"outcome": "saved", "reason": "Again."})
    assert (closed.status_code, closed.json()["code"]) == (409, "case_closed")
    steps = call.get(f"cases/{case.pk}/moves/").json()["results"]
    assert [step["kind"] for step in steps] == makers.steps(case)


def test_a_planned_call_is_logged_once_for_each_key(caller, manager, case):
    planned, call = makers.planned_call(case), caller(manager)
    body = {"outcome": "no_answer"}
    first = call("post", f"calls/{planned.pk}/log/", body, key="once")
    again = call("post", f"calls/{planned.pk}/log/", body, key="once")
    assert (first.json(), again["Idempotency-Replayed"]) == (again.json(), "true")
    assert FollowUpCall.objects.filter(case=case, status="done").count() == 1


def test_a_contact_of_another_customer_is_unknown_in_a_call(caller, admin, case):
    other = CustomerFactory().contacts.get()
    answer = caller(admin)("post", f"cases/{case.pk}/log-call/", {"outcome": "reached", "contact": other.pk})
    assert answer.json()["errors"] == [
        {
            "pointer": "#/contact",
            "code": "unknown",
            "message": "There is no such thing, or nothing that you may see.",
        }
    ]
    assert calls.hint(case) is None


def test_status_is_never_written_by_itself(caller, admin, case):
    assert caller(admin)("patch", f"cases/{case.pk}/", {"status": "closed"}).status_code == 405


def test_a_token_without_the_scope_reads_but_does_not_write(caller, manager, case):
    call = caller(manager, ["cases:read"])
    assert ids(call.get("cases/")) == [case.pk]
    refused = call("post", f"cases/{case.pk}/close/", {"outcome": "saved", "reason": "Stays."})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


def test_a_program_reads_every_case_and_holds_none(caller, case):
    program = caller(UserFactory(role="integration"))
    assert ids(program.get("cases/")) == [case.pk]
    assert program("post", f"cases/{case.pk}/take/").json()["code"] == "role_not_allowed"
    assert EarlyWarning.objects.count() == 0


def test_losses_by_definition_have_those_from_before_it_was_kept(caller, manager):
    found = {}
    for kind, values in {
        "hand": {"definition": "hand"},
        "old hand": {},
        "contract": {"definition": "contract"},
        "old contract": {"contract": True},
        "window": {"definition": "window"},
    }.items():
        customer = CustomerFactory(owner=manager)
        if "contract" in values:
            values = {"contract": ContractFactory(customer=customer)}
        moments = {"occurred_at": NOW, "recorded_at": NOW}
        found[kind] = Loss.objects.create(customer=customer, **moments, **values).pk
    call = caller(manager)
    for kind, wanted in {
        "hand": {"hand", "old hand"},
        "contract": {"contract", "old contract"},
        "window": {"window"},
    }.items():
        assert set(ids(call.get("losses/", definition=kind))) == {found[name] for name in wanted}


# --- Recovery points --------------------------------------------------------------------------
def test_points_are_granted_once_for_a_key_and_refused_above_the_limit(caller, manager, case):
    ProgrammeFactory(recovery_limit=500)
    call, path = caller(manager), f"cases/{case.pk}/points/"
    said = {"points": 200, "reason": "A week late.", "key": "late"}
    for _call in range(2):
        answer = call("post", path, said)
        assert (answer.status_code, answer.json()["status"]) == (200, "working"), answer.content
    assert PointsEntry.objects.get().points == 200
    answer = call("post", path, {**said, "points": 301, "key": "more"})
    assert (answer.status_code, answer.json()["code"]) == (409, "recovery_limit")
    assert call("post", path, {**said, "points": 0, "key": "none"}).status_code == 400
    assert PointsEntry.objects.count() == 1


def test_points_are_not_granted_without_a_programme_or_in_a_case_of_others(caller, manager, outsider, case):
    said = {"points": 200, "reason": "A week late.", "key": "late"}
    assert caller(manager)("post", f"cases/{case.pk}/points/", said).json()["code"] == "no_programme"
    ProgrammeFactory()
    assert caller(outsider)("post", f"cases/{case.pk}/points/", said).status_code == 404
    assert not PointsEntry.objects.exists()

"""The pages of rules: writing, moving, silencing, trying, comparing, files; who may do what."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from customers.models import Customer
from retention import rules, sweep
from retention.models import EarlyWarning, Holdout, HoldoutProgramme, RuleMove, WarningRule
from tests.factories import NOW, CustomerFactory, InteractionFactory, ago

DAY = timedelta(days=1)
SILENT = {"measure": "days_since_last_contact", "op": ">=", "value": 60}


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.ground.clock.now", lambda: NOW + 2 * DAY)


@pytest.fixture
def rule(company: Any) -> WarningRule:
    made = WarningRule(code="silent", name_en="Silent for long", name_zh="长期沉默", condition=SILENT)
    return rules.save(made, by=None, at=NOW - 5 * DAY)


@pytest.fixture
def mine(manager: Any, team: Any) -> Customer:
    found: Customer = CustomerFactory(name="Mine", owner=manager, team=team)
    InteractionFactory(customer=found, occurred_at=ago(65))
    return found


def page_of(client: Any, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, path
    return str(response.content.decode())


def sent(**more: Any) -> dict[str, Any]:
    """Return what the form of a rule sends, with one condition."""
    return {
        "name_en": "Quiet",
        "name_zh": "安静",
        "code": "quiet",
        "severity": "2",
        "opens_work": "",
        "case_kind": "save",
        "call_within": "16",
        "work_to": "owner",
        "hold_days": "0",
        "cool_down_days": "30",
        "reason": "",
        "condition.root.is": "all",
        "condition.0.is": "leaf",
        "condition.0.what": "measure:days_since_last_contact",
        "condition.0.op": ">=",
        "condition.0.value": "60",
        **more,
    }


CONTRADICTS = {
    "condition.1.is": "leaf",
    "condition.1.what": "measure:days_since_last_contact",
    "condition.1.op": "<",
    "condition.1.value": "30",
}


# --- Who may ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("language", "word"), [("en", "Silent for long"), ("zh-hans", "长期沉默")])
@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_pages_open_for_those_who_see_rules_and_forms_for_admins(
    client: Any, request: Any, rule: WarningRule, who: str, language: str, word: str
) -> None:
    user = request.getfixturevalue(who)
    type(user).objects.filter(pk=user.pk).update(language=language)
    client.force_login(user)
    sees = who != "manager"
    html = page_of(client, "/rules/silent/", 200 if sees else 403)
    assert (word in html) == sees
    for path in ["/rules/new/", "/rules/silent/edit/", "/rules/import/"]:
        page_of(client, path, 200 if who == "admin" else 403)
    for act in ["move", "revert", "silence"]:
        status = client.post(f"/rules/silent/{act}/", {"to": "shadow"}).status_code
        assert status == (302 if who == "admin" else 403)


# --- Writing ------------------------------------------------------------------------------------------
def test_a_rule_is_written_as_a_draft(client: Any, admin: Any, company: Any) -> None:
    client.force_login(admin)
    assert client.post("/rules/new/", sent()).status_code == 302
    made = WarningRule.objects.get(code="quiet")
    assert (made.state, made.condition, made.call_within_minutes, made.opens_work) == (
        "draft",
        SILENT,
        960,
        True,
    )
    assert made.versions.get().by == admin


@pytest.mark.parametrize(
    ("severity", "said", "opens"), [("1", "", False), ("1", "1", True), ("3", "0", False)]
)
def test_severity_decides_whether_it_opens_work_unless_the_rule_says_so(
    client: Any, admin: Any, company: Any, severity: str, said: str, opens: bool
) -> None:
    client.force_login(admin)
    client.post("/rules/new/", sent(severity=severity, opens_work=said))
    assert WarningRule.objects.get(code="quiet").opens_work is opens


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (CONTRADICTS, "no customer can meet this together"),
        ({"condition.0.value": "many"}, "many"),
        ({"condition.0.what": "measure:shoe_size"}, "shoe_size"),
        ({"condition.0.is": "no"}, "Add a condition"),
        ({"clear.root.is": "all", "clear.0.is": "leaf", "clear.0.what": "measure:shoe_size"}, "shoe_size"),
        ({"name_en": "", "name_zh": ""}, "Give the rule a name"),
        ({"code": "overdue"}, "There is a rule called"),
        ({"code": "new"}, "Choose another code"),
        ({"work_to": "team"}, "Choose who gets the cases"),
        ({"hold_days": "4"}, "not one of the available choices"),
        ({"call_within": "0"}, "greater than or equal"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_and_nothing_saved(
    client: Any, admin: Any, company: Any, more: dict[str, str], said: str
) -> None:
    client.force_login(admin)
    before = WarningRule.objects.count()
    response = client.post("/rules/new/", sent(**more))
    assert (response.status_code, WarningRule.objects.count()) == (422, before)
    assert said in response.content.decode()


def test_buttons_of_both_editors_work_without_script(client: Any, admin: Any, rule: WarningRule) -> None:
    client.force_login(admin)
    html = client.post("/rules/silent/edit/", sent(**{"clear.act": "add:root"})).content.decode()
    assert 'name="clear.0.is"' in html and 'value="60"' in html
    assert rule.versions.count() == 1


def test_an_edit_makes_a_version_that_says_what_changed_and_can_be_taken_back(
    client: Any, admin: Any, rule: WarningRule
) -> None:
    client.force_login(admin)
    client.post("/rules/silent/edit/", sent(**{"condition.0.value": "75"}, reason="Too noisy."))
    html = page_of(client, "/rules/silent/?from=1&to=2")
    assert "From version 1 to version 2" in html and "Too noisy." in html
    assert "is at least 75 days." in html and "is at least 60 days." in html
    client.post("/rules/silent/revert/", {"version": "1"})
    rule.refresh_from_db()
    assert (rule.version, rule.condition, rule.name_en) == (3, SILENT, "Silent for long")
    client.post("/rules/silent/revert/", {"version": "99"})
    rule.refresh_from_db()
    assert rule.version == 3


def edited(client: Any, **more: Any) -> Any:
    """Open the form of the rule, and return what sends it back with changes."""
    html = page_of(client, "/rules/silent/edit/")
    [version] = re.findall(r'name="version" value="(\d+)"', html)
    [hours] = re.findall(r'name="call_within" value="([^"]+)"', html)
    return lambda: client.post(
        "/rules/silent/edit/", sent(**{"version": version, "call_within": hours, **more})
    )


def test_of_two_who_edit_at_once_the_second_is_told(client: Any, admin: Any, rule: WarningRule) -> None:
    client.force_login(admin)
    first, second = edited(client, severity="3"), edited(client, severity="1")
    assert first().status_code == 302
    refused = second()
    assert (refused.status_code, "Somebody else changed this" in refused.content.decode()) == (422, True)
    rule.refresh_from_db()
    assert (rule.version, rule.severity) == (2, 3)
    assert edited(client, severity="1")().status_code == 302


@pytest.mark.parametrize(
    ("minutes", "more", "kept"),
    [
        (50, {}, 50),
        (1, {}, 1),
        (60 * 24 * 366 - 1, {}, 60 * 24 * 366 - 1),
        (50, {"call_within": "0.84"}, 50),
        (50, {"call_within": "0.5"}, 30),
    ],
)
def test_minutes_that_are_no_quarter_of_an_hour_stay_as_they_are(
    client: Any, admin: Any, rule: WarningRule, minutes: int, more: dict[str, str], kept: int
) -> None:
    WarningRule.objects.filter(pk=rule.pk).update(call_within_minutes=minutes)
    client.force_login(admin)
    assert edited(client, **more)().status_code == 302
    rule.refresh_from_db()
    assert rule.call_within_minutes == kept


# --- Life ---------------------------------------------------------------------------------------------
def test_a_launch_in_the_browser_proposes_a_hold_out_and_takes_the_baseline(
    client: Any, admin: Any, rule: WarningRule, mine: Customer
) -> None:
    client.force_login(admin)
    html = page_of(client, "/rules/silent/")
    assert 'name="holdout" value="10"' in html.replace("10.00", "10") and 'name="programme"' in html
    client.post("/rules/silent/move/", {"to": "live", "holdout": "10", "programme": "5", "reason": "Go."})
    rule.refresh_from_db()
    assert (rule.state, rule.holdout_share, HoldoutProgramme.objects.get().share) == ("live", 1000, 500)
    assert EarlyWarning.objects.get().is_baseline
    assert RuleMove.objects.get().reason == "Go."


def test_a_rule_about_complaints_offers_no_hold_out(client: Any, admin: Any, company: Any) -> None:
    client.force_login(admin)
    assert 'name="holdout"' not in page_of(client, "/rules/complaint-overdue/")
    assert 'name="holdout"' in page_of(client, "/rules/overdue/")


def test_a_limit_is_asked_for(client: Any, admin: Any, rule: WarningRule) -> None:
    client.force_login(admin)
    client.post("/rules/silent/move/", {"to": "limited"})
    client.post("/rules/silent/move/", {"to": "sleeping"})
    rule.refresh_from_db()
    assert rule.state == "draft"
    client.post("/rules/silent/move/", {"to": "limited", "cases_a_day": "3", "existing": "1"})
    rule.refresh_from_db()
    assert (rule.state, rule.cases_a_day) == ("limited", 3)


def test_a_silence_is_shown_and_ended(
    client: Any, admin: Any, analyst: Any, rule: WarningRule, mine: Customer
) -> None:
    client.force_login(admin)
    until = (NOW + 9 * DAY).date().isoformat()
    client.post(
        "/rules/silent/silence/", {"until": until, "reason": "Moving house", "customer": str(mine.pk)}
    )
    client.post("/rules/silent/silence/", {"until": until, "reason": ""})
    client.post("/rules/silent/silence/", {"until": "2020-01-01", "reason": "Too late"})
    client.post("/rules/silent/silence/", {"until": until, "reason": "Who?", "customer": "nobody"})
    made = rule.silences.get()
    assert (made.customer, made.reason, made.by) == (mine, "Moving house", admin)
    assert "Moving house" in page_of(client, "/rules/silent/")
    client.post("/rules/silent/silence/", {"end": str(made.pk)})
    assert "Moving house" not in page_of(client, "/rules/silent/")


def test_a_silence_of_a_customer_is_not_told_to_whoever_may_not_see_it(
    client: Any, lead: Any, outsider: Any, rule: WarningRule
) -> None:
    foreign = CustomerFactory(name="Foreign", owner=outsider, team=outsider.team)
    until = (NOW + 9 * DAY).date()
    rules.silence(rule, customer=foreign, until=until, reason="Secret", by=None, at=NOW)
    client.force_login(lead)
    html = page_of(client, "/rules/silent/")
    assert "Secret" not in html and "Foreign" not in html


def test_list_and_page_count_the_same_of_a_rule_that_warns_only(
    client: Any, admin: Any, rule: WarningRule, mine: Customer
) -> None:
    rules.revise(rule, changes={"opens_work": False}, by=None, at=NOW - 4 * DAY)
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW - 4 * DAY)
    sweep.run(as_of=NOW)
    client.force_login(admin)
    assert [one.open_now for one in client.get("/rules/").context["page"] if one.code == "silent"] == [1]
    assert client.get("/rules/silent/").context["open_now"] == 1


# --- Trying -------------------------------------------------------------------------------------------
def verdict(client: Any, query: str) -> str:
    html = page_of(client, f"/rules/silent/?{query}")
    return html.split('data-verdict="')[1].split('"')[0] if "data-verdict" in html else ""


def test_trying_shows_each_condition_with_the_value_seen(
    client: Any, admin: Any, rule: WarningRule, mine: Customer
) -> None:
    tree = {
        "any": [
            {"not": {"all": [SILENT, {"measure": "orders_90d", "op": ">", "value": 3}]}},
            {"measure": "overdue_ratio", "op": ">=", "value": 2},
        ]
    }
    rules.revise(rule, condition=tree, by=None, at=NOW)
    client.force_login(admin)
    rows = EarlyWarning.objects.count()
    html = page_of(client, f"/rules/silent/?customer={mine.pk}")
    body = html.split("rule-lines")[1].split("</table>")[0]
    assert "Any of these" in body and "Not all of these" in body
    assert "67 days" in body and ">0<" in body.replace("</td>", "<") and "unknown" in body
    assert EarlyWarning.objects.count() == rows


def test_why_not_is_answered_for_any_day(client: Any, admin: Any, rule: WarningRule, mine: Customer) -> None:
    client.force_login(admin)
    who = f"customer={mine.pk}"
    assert verdict(client, who) == "off"
    assert verdict(client, f"{who}&on={(NOW - 8 * DAY).date()}") == "not_written"
    rules.move(rule, to="live", by=None, at=NOW - 3 * DAY)
    assert verdict(client, who) == "no_case"  # its baseline
    assert verdict(client, f"{who}&on={(NOW - 4 * DAY).date()}") == "off"
    InteractionFactory(customer=mine, occurred_at=NOW + DAY)
    assert verdict(client, who) == "not_met"
    assert verdict(client, f"{who}&on={NOW.date()}") == "no_case"
    assert verdict(client, f"{who}&on=2030-01-01") == ""
    assert verdict(client, "customer=nobody") == ""


def test_what_was_warned_of_leads_to_its_case(
    client: Any, admin: Any, rule: WarningRule, mine: Customer
) -> None:
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    client.force_login(admin)
    assert verdict(client, f"customer={mine.pk}") == "warned"
    assert verdict(client, f"customer={mine.pk}&on={(NOW - DAY).date()}") == "off"


@pytest.mark.parametrize("reason", ["baseline", "shadow", "cap", "held_out", "silence", "cool_down"])
def test_a_match_that_opened_no_case_is_answered_alike_whatever_the_reason(
    client: Any, admin: Any, rule: WarningRule, mine: Customer, reason: str
) -> None:
    if reason == "cool_down":
        rules.revise(rule, changes={"cool_down_days": 300}, by=None, at=NOW)
    if reason == "silence":
        rules.silence(rule, until=(NOW + 9 * DAY).date(), reason="Quiet", by=None, at=NOW)
    shares = rules.Shares(rule=5000) if reason == "held_out" else None
    rules.move(rule, to="live", open_existing=reason != "baseline", shares=shares, by=None, at=NOW)
    if reason == "held_out":
        Holdout.objects.create(customer=mine, rule=rule, bucket=1, share=5000, is_held_out=True, drawn_at=NOW)
    if reason == "shadow":
        rules.move(rule, to="shadow", by=None, at=NOW)
    if reason == "cap":
        other = CustomerFactory(name="First")
        InteractionFactory(customer=other, occurred_at=ago(65))
        rules.move(rule, to="limited", cases_a_day=1, by=None, at=NOW)
        sweep.run(as_of=NOW + timedelta(minutes=1), scope="touched", customer_ids=[other.pk])
    sweep.run(as_of=NOW + DAY - timedelta(hours=3) if reason == "cap" else NOW + DAY)
    if reason == "cap":
        assert EarlyWarning.objects.filter(customer=mine, no_case_because="cap").count() in (0, 1)
    if reason == "cool_down":
        from retention import cases
        from retention.models import RetentionCase

        cases.close_case(RetentionCase.objects.get(), outcome="saved", reason="Stays.", by=None, at=NOW + DAY)
    client.force_login(admin)
    html = page_of(client, f"/rules/silent/?customer={mine.pk}")
    if reason != "cap" or EarlyWarning.objects.filter(customer=mine, case=None).exists():
        assert "This rule opened no case." in html


def test_a_customer_that_one_may_not_see_cannot_be_tried(
    client: Any, lead: Any, outsider: Any, rule: WarningRule
) -> None:
    foreign = CustomerFactory(name="Foreign", owner=outsider, team=outsider.team)
    client.force_login(lead)
    html = page_of(client, f"/rules/silent/?customer={foreign.pk}")
    assert "no such customer" in html and "Foreign" not in html


# --- Files --------------------------------------------------------------------------------------------
def upload(data: Any) -> dict[str, Any]:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return {"file": SimpleUploadedFile("rules.json", text)}


def file_of(**values: Any) -> bytes:
    """Return a file of one rule."""
    one = {"code": "x", "name_en": "X", "name_zh": "X", **values}
    return json.dumps({"liuke_rules": 1, "rules": [one]}).encode()


def test_rules_go_out_and_come_in_again(client: Any, admin: Any, rule: WarningRule) -> None:
    client.force_login(admin)
    carried = client.get("/rules/export/?code=silent").json()
    assert [one["code"] for one in carried["rules"]] == ["silent"]
    carried["rules"][0]["severity"] = 3
    carried["rules"].append({**carried["rules"][0], "code": "copy"})
    assert client.post("/rules/import/", upload(carried)).status_code == 302
    rule.refresh_from_db()
    assert (rule.version, rule.severity) == (2, 3)
    assert WarningRule.objects.get(code="copy").state == "draft"
    assert client.post("/rules/import/", upload(client.get("/rules/export/").json())).status_code == 302
    rule.refresh_from_db()
    assert rule.version == 2
    assert client.get("/rules/export/?code=nothing").status_code == 404


def test_everything_wrong_with_a_file_is_named_and_nothing_taken_over(
    client: Any, admin: Any, rule: WarningRule
) -> None:
    client.force_login(admin)
    leaf = {"op": ">", "value": 1}
    bad = {
        "liuke_rules": 1,
        "rules": [
            {"code": "good", "name_en": "A", "name_zh": "甲", "condition": SILENT},
            {
                "code": "bad",
                "name_en": "B",
                "name_zh": "乙",
                "condition": {
                    "all": [{"measure": "shoe_size", **leaf}, {"not": {"measure": "hat_size", **leaf}}]
                },
            },
        ],
    }
    response = client.post("/rules/import/", upload(bad))
    html = response.content.decode()
    assert response.status_code == 422 and "shoe_size" in html and "hat_size" in html
    assert not WarningRule.objects.filter(code="good").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[1]",
        b"[" * 100_000,
        b'{"liuke_rules": 1, "rules": [7, {}, {"code": "A B"}]}',
        file_of(condition={"all": []}),
        file_of(condition={"measure": []}),
        file_of(condition=SILENT, severity=True),
        file_of(condition=SILENT, colour="red"),
    ],
)
def test_odd_files_are_refused(client: Any, admin: Any, company: Any, data: bytes) -> None:
    client.force_login(admin)
    before = WarningRule.objects.count()
    assert client.post("/rules/import/", upload(data)).status_code == 422
    assert WarningRule.objects.count() == before

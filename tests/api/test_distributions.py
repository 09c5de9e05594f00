"""Distributions in the API: the same verbs, each setting refused at its field, who may do what."""

from __future__ import annotations

from typing import Any

import pytest

from customers.ground import clock
from surveys.models import Distribution, PlannedAsk
from tests.factories import NOW, CustomerFactory, TeamFactory, UserFactory
from tests.surveys.distributing import drained, person, running
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def call(caller: Any, admin: Any) -> Any:
    return caller(admin)


def body(**said: Any) -> dict[str, Any]:
    return {"survey": live().pk, "name": "Ask", "kind": "list", "channel": "email"} | said


def test_one_is_made_filled_started_and_ended(call):
    made = call("post", "survey-distributions/", body(remind_after=3, fallback="sms"))
    assert (made.status_code, made.json()["status"], made.json()["remind_after"]) == (201, "draft", 3)
    path = made["Location"].removeprefix("/api/v1/")
    assert call("post", f"{path}start/", {}).json()["code"] == "distribution_nobody"
    contact = person()
    assert call("post", f"{path}add/", {"contacts": [contact.pk]}).json() == {"added": 1}
    assert call("post", f"{path}add/", {"contacts": [contact.pk]}).json() == {"added": 0}
    found = call.get(f"{path}preview/").json()
    assert (found["people"], found["now"], found["days"]) == (1, 1, 1)
    assert call("post", f"{path}start/", {}).json()["status"] == "live"
    drained(clock.now())
    counts = call.get(f"{path}counts/").json()
    assert (counts["all"], counts["waiting"], counts["not_asked"]) == (1, 1, 0)
    (ask,) = call.get(f"{path}asks/").json()["results"]
    assert (ask["contact"], ask["state"]) == (contact.pk, "asked")
    assert call("post", f"{path}pause/", {}).json()["status"] == "paused"
    assert call("post", f"{path}resume/", {}).json()["status"] == "live"
    assert call("post", f"{path}end/", {}).json()["status"] == "ended"
    refused = call("post", f"{path}resume/", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "distribution_state")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": "event"}, "trigger"),
        ({"kind": "segment"}, "audience_id"),
        ({"kind": "periodic"}, "period_days"),
        ({"fallback": "email"}, "fallback"),
        ({"team": 4711}, "team"),
        ({"share": 101}, "share"),
        ({"survey": 4711}, "survey"),
    ],
)
def test_setting_that_does_not_fit_is_refused_at_its_field(call, said, field):
    answer = call("post", "survey-distributions/", body(**said))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{field}"]
    assert not Distribution.objects.exists()


def test_revise_needs_the_version_that_stands_and_keeps_what_is_not_sent(call):
    one = running(kind="periodic", period_days=90, per_day=5)
    path = f"survey-distributions/{one.pk}/"
    assert call("post", f"{path}revise/", {"per_day": 7}).json()["code"] == "match_required"
    tag = call.get(path)["ETag"]
    changed = call("post", f"{path}revise/", {"per_day": 7}, If_Match=tag).json()
    assert (changed["per_day"], changed["period_days"], changed["name"]) == (7, 90, one.name)
    fixed = call("post", f"{path}revise/", {"share": 50}, If_Match=call.get(path)["ETag"])
    assert (fixed.status_code, fixed.json()["errors"][0]["pointer"]) == (400, "#/share")


def test_contact_that_is_not_there_or_not_hers_adds_nobody(caller, lead):
    call = caller(lead)
    made = call("post", "survey-distributions/", body()).json()
    assert made["team"] == lead.team_id
    mine = CustomerFactory(team=lead.team).contacts.get()
    theirs = CustomerFactory(team=TeamFactory(), owner=UserFactory()).contacts.get()
    for number in (theirs.pk, 987654):
        answer = call("post", f"survey-distributions/{made['id']}/add/", {"contacts": [mine.pk, number]})
        assert answer.status_code == 400
    assert not PlannedAsk.objects.exists()


def test_roles(caller, manager, analyst, lead):
    one = running(kind="periodic", period_days=90)
    path = f"survey-distributions/{one.pk}/"
    assert caller(manager).get(path).status_code == 403
    assert caller(analyst).get(path).status_code == 200
    assert caller(analyst)("post", f"{path}pause/", {}).status_code == 403
    assert caller(lead).get(path).status_code == 404
    assert caller(lead).get(f"{path}asks/").status_code == 404

"""Reminders and planned calls in the API: one's own, the verbs of the pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers.ground import clock
from customers.models import Interaction, Reminder
from retention.models import FollowUpCall, RetentionCase
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TOMORROW = (NOW + timedelta(days=1)).isoformat()


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def test_reminder_is_set_moved_and_finished(caller, manager, customer):
    call = caller(manager)
    made = call("post", "reminders/", {"customer": customer.pk, "text": "Ring", "due_at": TOMORROW})
    assert made.status_code == 201 and made["Location"].endswith(f"/reminders/{made.json()['id']}/")
    path = f"reminders/{made.json()['id']}/"
    later = (NOW + timedelta(days=2)).isoformat()
    assert call("post", path + "move/", {"due_at": later}).status_code == 200
    assert Reminder.objects.get().due_at == NOW + timedelta(days=2)
    assert [row["id"] for row in call.get("reminders/", is_done="false").json()["results"]] == [
        made.json()["id"]
    ]
    assert call("post", path + "finish/").status_code == 200
    again = call("post", path + "finish/")
    assert (again.status_code, again.json()["code"]) == (409, "reminder_done")
    assert call.get("reminders/", is_done="false").json()["results"] == []


def test_reminders_of_others_are_not_found(caller, manager, teammate, outsider, customer):
    pk = caller(manager)("post", "reminders/", {"text": "Ring", "due_at": TOMORROW}).json()["id"]
    for path, body in (("move/", {"due_at": TOMORROW}), ("finish/", None)):
        assert caller(teammate)("post", f"reminders/{pk}/{path}", body).status_code == 404
    assert caller(teammate).get(f"reminders/{pk}/").status_code == 404
    said = {"customer": customer.pk, "text": "Ring", "due_at": TOMORROW}
    assert caller(outsider)("post", "reminders/", said).status_code == 400
    assert Reminder.objects.count() == 1


def test_a_contact_may_bring_its_next_step_and_a_reminder(caller, manager, customer):
    said = {"customer": customer.pk, "kind": "visit", "next_step": "Offer", "next_at": TOMORROW}
    assert caller(manager)("post", "interactions/", said).json()["next_step"] == "Offer"
    assert Reminder.objects.get(user=manager).text == "Offer"
    refused = caller(manager)("post", "interactions/", {**said, "next_step": ""})
    assert (refused.status_code, refused.json()["code"]) == (409, "next_step_missing")
    assert Interaction.objects.count() == 1


def test_a_call_is_planned_with_its_reason(caller, manager, outsider, customer):
    said = {"customer": customer.pk, "due_at": TOMORROW, "reason": "Prices"}
    assert caller(outsider)("post", "calls/", said).status_code == 400
    assert not RetentionCase.objects.exists()
    made = caller(manager)("post", "calls/", said)
    assert made.status_code == 201 and made.json()["reason"] == "Prices"
    assert FollowUpCall.objects.get().case.reason == "Prices"

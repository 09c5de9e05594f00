"""Distributions: made, changed, started, paused, ended; whom they ask, and how many a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import consents
from customers.contact import Limit, reserve_contact, set_limits
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import ContactReservation, Message
from surveys import building, invitations
from surveys.building import SurveyClosed, SurveyNotLive
from surveys.distributions import handing, making, planning
from surveys.distributions.choosing import is_in_sample, turn_of
from surveys.models import Distribution, Invitation, PlannedAsk, SurveyDispatch
from tests.factories import ContactFactory, TeamFactory, UserFactory
from tests.surveys.distributing import (
    DAY,
    NOW,
    distribution,
    drained,
    listed,
    live,
    people,
    person,
    reasons,
    running,
    settings_of,
    told,
)
from tests.surveys.makers import WHO, draft

pytestmark = pytest.mark.django_db
SENDING, PLANNED = ("sending", ""), ("planned", "")


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


# --- Settings ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("name", {"name": "  "}),
        ("kind", {"kind": "daily"}),
        ("channel", {"channel": "phone"}),
        ("channel", {"channel": ""}),
        ("fallback", {"fallback": "email"}),
        ("fallback", {"fallback": "post"}),
        ("whom", {"whom": "nobody"}),
        ("share", {"share": 0}),
        ("share", {"share": 101}),
        ("per_day", {"per_day": 0}),
        ("remind_after", {"remind_after": 29}),
        ("useful_days", {"useful_days": 0}),
        ("not_asked_days", {"not_asked_days": 731}),
        ("trigger", {"kind": "event"}),
        ("trigger", {"kind": "event", "trigger": "moon_rose"}),
        ("delay_days", {"kind": "event", "trigger": "complaint_resolved", "delay_days": 366}),
        ("period_days", {"kind": "periodic"}),
        ("period_days", {"kind": "periodic", "period_days": 6}),
        ("audience_id", {"kind": "segment"}),
        ("audience_id", {"kind": "segment", "audience": "segment", "audience_id": 4711}),
        ("audience_id", {"kind": "periodic", "period_days": 90, "audience": "moon", "audience_id": 1}),
        ("team_id", {"team_id": 4711}),
    ],
)
def test_setting_that_does_not_fit_is_refused_at_its_field(field, said):
    with pytest.raises(making.SettingRefused) as refused:
        distribution(**said)
    assert refused.value.field == field
    assert str(refused.value)
    assert not Distribution.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        {"share": 1},
        {"share": 100, "per_day": 1, "remind_after": 28, "useful_days": 1, "not_asked_days": 0},
        {"kind": "periodic", "period_days": 7},
        {"kind": "event", "trigger": "order_delivered", "delay_days": 365, "fallback": "sms"},
    ],
)
def test_the_least_and_the_most_are_taken(said):
    made = distribution(**said)
    assert {name: getattr(made, name) for name in said} == said
    assert AuditEvent.objects.get(act="distribution.create").object_id == made.pk


def test_what_the_kind_has_no_use_for_is_left_out():
    made = distribution(trigger="complaint_resolved", delay_days=3, period_days=90)
    assert (made.trigger, made.delay_days, made.period_days) == ("", 0, None)


def test_a_leads_distribution_is_for_her_team_whatever_she_says(lead):
    made = distribution(kind="periodic", period_days=90, team_id=TeamFactory().pk, by=lead)
    assert made.team == lead.team
    with pytest.raises(making.SettingRefused) as refused:
        distribution(by=UserFactory(role="team_lead", team=None))
    assert refused.value.field == "team_id"


def test_closed_survey_is_not_distributed_and_a_draft_not_started():
    written = draft("later")
    made = distribution(written, kind="periodic", period_days=90)
    with pytest.raises(SurveyNotLive):
        making.start(made, **WHO)
    building.publish(written, **WHO)
    made = making.start(made, **WHO)
    building.close_survey(written, **WHO)
    with pytest.raises(SurveyClosed):
        distribution(written)


def test_who_is_asked_is_fixed_once_it_was_started_and_the_rest_is_not():
    one = running(kind="periodic", period_days=90)
    for changed in ({"period_days": 30}, {"share": 50}, {"whom": "all"}):
        with pytest.raises(making.SettingRefused) as refused:
            making.revise(one, settings_of(one, **changed), **WHO)
        assert refused.value.field in changed
    making.revise(one, settings_of(one, per_day=7, name="Another", remind_after=3), **WHO)
    one.refresh_from_db()
    assert (one.per_day, one.name, one.remind_after, one.period_days) == (7, "Another", 3, 90)


# --- Its life ---------------------------------------------------------------------------------
ACTS = {"start": making.start, "pause": making.pause, "resume": making.resume, "end": making.end}
ALLOWED = {
    "draft": {"start": "live"},
    "live": {"pause": "paused", "end": "ended"},
    "paused": {"resume": "live", "end": "ended"},
    "ended": {},
}


@pytest.mark.parametrize("state", list(ALLOWED))
@pytest.mark.parametrize("act", list(ACTS))
def test_each_act_goes_where_it_may_and_is_refused_elsewhere(state, act):
    one = distribution(kind="periodic", period_days=90)
    for step in {"draft": [], "live": ["start"], "paused": ["start", "pause"], "ended": ["start", "end"]}[
        state
    ]:
        one = ACTS[step](one, **WHO)
    assert one.status == state
    if act in ALLOWED[state]:
        assert ACTS[act](one, **WHO).status == ALLOWED[state][act]
        assert AuditEvent.objects.filter(act=f"distribution.{act}").exists()
    else:
        with pytest.raises(making.WrongState):
            ACTS[act](one, **WHO)
        one.refresh_from_db()
        assert one.status == state


def test_list_with_nobody_is_not_started():
    with pytest.raises(making.NobodyChosen):
        making.start(distribution(), **WHO)


def test_only_lists_take_people_and_each_once():
    one, other = person(), person()
    made = distribution()
    assert making.add_people(made, [one, other], **WHO) == 2
    assert making.add_people(made, [other], **WHO) == 0
    with pytest.raises(making.NotAList):
        making.add_people(running(kind="periodic", period_days=90), [one], **WHO)
    assert making.remove_people(made, **WHO) == 2
    making.add_people(made, [one], **WHO)
    making.remove(made, **WHO)
    assert not PlannedAsk.objects.exists()


def test_nothing_is_removed_once_it_was_started():
    one = listed([person()])
    for act in (making.remove, making.remove_people):
        with pytest.raises(making.WrongState):
            act(one, **WHO)
    assert PlannedAsk.objects.count() == 1


# --- Asking -----------------------------------------------------------------------------------
def test_chosen_people_are_asked_once_by_a_message_each():
    chosen = people(3)
    one = listed(chosen, remind_after=5, useful_days=9)
    drained()
    drained(NOW + timedelta(hours=1))
    assert reasons(one) == [SENDING] * 3
    assert Invitation.objects.count() == Message.objects.count() == 3
    assert {ask.contact_id for ask in PlannedAsk.objects.all()} == {contact.pk for contact in chosen}
    dispatch = SurveyDispatch.objects.first()
    assert (dispatch.remind_after, dispatch.reservation.latest_at) == (5, NOW + 9 * DAY)


def test_draft_asks_nobody():
    making.add_people(distribution(), [person()], **WHO)
    drained()
    assert not SurveyDispatch.objects.exists()


def test_who_cannot_be_reached_is_closed_with_the_reason_and_nobody_waits_for_her():
    agreed, without, unasked = (
        person(name="agreed"),
        person(name="without", email=""),
        ContactFactory(name="un"),
    )
    erased = person(name="erased")
    one = listed([erased, without, unasked, agreed], per_day=1)
    type(erased).objects.filter(pk=erased.pk).update(erased_at=NOW)
    drained()
    assert told(one) == {
        "agreed": SENDING,
        "without": ("closed", "no_address"),
        "un": ("closed", "no_consent"),
        "erased": ("skipped", "gone"),
    }


def test_consent_withdrawn_while_the_ask_waits_counts():
    contact = person(name="she")
    set_limits({"together": Limit(1, 30)}, by=None, at=NOW)
    reserve_contact(contact, purpose="care", channel="email", key="x", by=None, at=NOW)
    one = listed([contact], useful_days=60)
    drained()
    assert told(one) == {"she": ("waiting", "")}
    consents.record_consent(
        contact, purposes=["survey"], channels=["email"], is_given=False, source="form", by=None, at=NOW + DAY
    )
    drained(NOW + 31 * DAY)
    assert told(one) == {"she": ("closed", "no_consent")}
    assert not Message.objects.exists()


def test_the_second_way_is_taken_when_the_first_will_not_do():
    by_mail, by_text = person(name="mail"), person(name="text", email="")
    listed([by_mail, by_text], fallback="sms")
    drained()
    ways = dict(SurveyDispatch.objects.values_list("contact__name", "channel"))
    assert ways == {"mail": "email", "text": "sms"}
    only = listed([person(name="other", email="")], survey=live("second"))
    drained()
    assert told(only) == {"other": ("closed", "no_address")}


def test_as_many_a_day_as_were_said_and_the_rest_tomorrow():
    one = listed(people(5), per_day=2)
    drained()
    drained(NOW + timedelta(hours=3))
    assert reasons(one).count(SENDING) == 2
    drained(NOW + DAY)
    assert reasons(one).count(SENDING) == 4
    drained(NOW + 2 * DAY)
    assert reasons(one) == [SENDING] * 5


def test_higher_number_counts_the_same_day():
    one = listed(people(4), per_day=1)
    drained()
    making.revise(one, settings_of(one, per_day=3), **WHO)
    drained()
    assert reasons(one).count(SENDING) == 3


def test_who_waited_for_a_limit_counts_on_the_day_on_which_she_is_let_through():
    waits, later = person(name="waits"), people(3)
    set_limits({"together": Limit(1, 5)}, by=None, at=NOW)
    reserve_contact(waits, purpose="care", channel="email", key="x", by=None, at=NOW)
    one = listed([waits], per_day=2, useful_days=60)
    drained()
    assert told(one)["waits"] == ("waiting", "")
    making.add_people(one, later, by=None, at=NOW + DAY)
    midnight = NOW.replace(hour=16) + 4 * DAY  # the local day on which the limit leaves room again
    drained(midnight)
    drained(midnight + timedelta(hours=9))
    day = (midnight + timedelta(hours=9)).date().toordinal()
    assert SurveyDispatch.objects.filter(reservation__granted_day=day).count() == 2
    assert told(one)["waits"] == ("sending", "")


def test_two_distributions_rest_and_go_on_each_for_itself():
    first = listed(people(3), per_day=1)
    second = listed(people(2), survey=live("second"))
    drained()
    assert reasons(first).count(SENDING) == 1
    assert reasons(second) == [SENDING] * 2


def test_who_was_asked_the_same_lately_is_not_asked_again_and_who_was_asked_long_ago_is():
    survey, contact = live("once"), person(name="she")
    listed([contact], survey=survey)
    drained()
    again = listed([contact], survey=survey, not_asked_days=30)
    drained(NOW + DAY)
    assert told(again) == {"she": ("skipped", "asked_lately")}
    SurveyDispatch.objects.update(asked_at=NOW - 31 * DAY)
    Invitation.objects.update(made_at=clock.real_now() - 31 * DAY, expires_at=clock.real_now())
    ContactReservation.objects.update(granted_day=(NOW - 100 * DAY).date().toordinal())
    third = listed([contact], survey=survey, not_asked_days=30)
    drained(NOW + DAY)
    assert told(third) == {"she": SENDING}


def test_who_was_not_reached_was_not_asked_lately():
    survey, contact = live("once"), person(name="she")
    one = listed([contact], survey=survey)
    drained()
    Message.objects.update(latest_at=NOW - timedelta(hours=1), due_at=NOW)  # no sender: it waits
    drained()
    assert told(one) == {"she": ("closed", "too_late")}
    set_limits({"relationship_survey": Limit(None, 1)}, by=None, at=NOW)
    again = listed([contact], survey=survey, not_asked_days=30)
    drained(NOW + DAY)
    assert told(again) == {"she": SENDING}


def test_who_has_a_personal_link_was_asked():
    survey, contact = live("once"), person(name="she")
    invitations.invite(survey, contact, now=clock.real_now(), **WHO)
    one = listed([contact], survey=survey)
    none = listed([person(name="he")], survey=survey)
    drained()
    assert (told(one), told(none)) == ({"she": ("skipped", "asked_lately")}, {"he": SENDING})


def test_sample_is_the_same_each_time_and_about_as_large_as_was_said():
    keys = [f"distribution:1:contact:{n}" for n in range(10_000)]
    first = [is_in_sample(1, key, share=20) for key in keys]
    assert first == [is_in_sample(1, key, share=20) for key in keys]
    assert 1_850 < sum(first) < 2_150
    other = [is_in_sample(2, key, share=20) for key in keys]
    assert 300 < sum(a and b for a, b in zip(first, other, strict=True)) < 500  # independent: 4 %
    assert all(is_in_sample(1, key, share=30) for key, chosen in zip(keys, first, strict=True) if chosen)


def test_only_the_sample_of_chosen_people_is_asked():
    one = listed(people(40), share=50)
    drained()
    found = reasons(one)
    assert found.count(SENDING) + found.count(("skipped", "not_sampled")) == 40
    assert 10 < found.count(SENDING) < 30


def test_pause_asks_nobody_and_resume_goes_on():
    one = listed(people(2), per_day=1)
    drained()
    making.pause(one, by=None, at=NOW)
    drained(NOW + DAY)
    assert sorted(reasons(one)) == [PLANNED, SENDING]
    making.resume(one, by=None, at=NOW + 2 * DAY)
    drained(NOW + 2 * DAY)
    assert reasons(one) == [SENDING] * 2


def test_end_closes_who_is_planned_and_who_waits_but_no_link_that_is_out():
    one = listed(people(3), per_day=2)
    drained()
    asked = SurveyDispatch.objects.order_by("pk")
    waiting = asked[1]
    ContactReservation.objects.filter(pk=waiting.reservation_id).update(
        state="deferred", reason="quiet_hours", due_at=NOW + DAY, ended_at=None, granted_day=None
    )
    SurveyDispatch.objects.filter(pk=waiting.pk).update(state="waiting", invitation=None)
    making.end(one, by=None, at=NOW)
    drained()
    assert reasons(one) == [("closed", "taken_back"), ("sending", ""), ("skipped", "ended")]
    assert Invitation.objects.filter(revoked_at=None).exists()


def test_closing_the_survey_ends_its_distributions():
    survey = live("short")
    one = listed(people(2), survey=survey, per_day=1)
    other = listed([person()], survey=live("long"))
    drained()
    building.close_survey(survey, **WHO)
    drained()
    planning.run(at=NOW + timedelta(hours=1))
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.status, other.status) == ("ended", "live")
    assert ("skipped", "survey_closed") in reasons(one)


def test_survey_that_closes_between_planning_and_asking_is_not_sent():
    survey = live("short")
    one = listed([person(name="she")], survey=survey)
    building.close_survey(survey, **WHO)
    assert handing.hand_over(PlannedAsk.objects.get().pk, at=NOW) is True
    assert told(one) == {"she": ("skipped", "survey_closed")}


def test_one_that_fails_is_put_off_and_does_not_keep_the_others(monkeypatch):
    bad, good = person(name="bad"), person(name="good")
    one = listed([bad, good])
    send = handing.sending.send_invitation

    def failing(contact, *args, **more):
        if contact == bad:
            raise RuntimeError("broken")
        return send(contact, *args, **more)

    monkeypatch.setattr(handing.sending, "send_invitation", failing)
    drained()
    assert told(one) == {"bad": PLANNED, "good": SENDING}
    monkeypatch.undo()
    drained(NOW + timedelta(minutes=59))
    assert told(one)["bad"] == PLANNED
    drained(NOW + timedelta(minutes=61))
    assert told(one)["bad"] == SENDING


def test_turns_fill_the_days_evenly():
    for contacts, period in ((range(1, 901), 90), (range(500, 9_500), 90), (range(1, 4_000, 2), 30)):
        days = [turn_of(7, pk, period=period) for pk in contacts]
        mean = len(days) / period
        assert set(days) == set(range(period))
        assert max(days.count(day) for day in range(period)) <= 1.5 * mean

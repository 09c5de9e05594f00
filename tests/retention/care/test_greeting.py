"""Greeting: in her language, when consent and budget let us, with its points once; else it says why."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from customers import company as company_of
from customers import consents, merges
from customers import contact as contacting
from customers.contact import Limit
from customers.erasure import erase_person
from customers.ground import drain, events, outbox
from customers.ground.models import Event
from customers.models import Contact, ContactReservation, Customer, Message, UnsubscribeLink
from loyalty import explaining
from loyalty.models import PointsAccount, PointsEntry
from retention import care, segments
from retention.care import greeting, told
from retention.models import CareTouch
from retention.timeline import timeline
from tests.customers import providers
from tests.customers.test_channels import http_sender
from tests.customers.test_contact import agreeing
from tests.factories import NOW, OrderFactory, UserFactory, ago, day
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, sums
from tests.retention.care.makers import born, drained, plan, said

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NIGHT = NOW - timedelta(hours=9)  # 01:00 in Shanghai
MORNING = NOW - timedelta(hours=1, minutes=50)


@pytest.fixture(autouse=True)
def _own_network(settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]


def greeted(made, at=NOW):
    care.find_due(made, at=at)
    drained(at)
    return became()


def became():
    return sorted(CareTouch.objects.values_list("contact_id", "state", "reason"))


def test_greets_each_in_her_language_once():
    english, chinese = born(5, 11, name="Ann"), born(5, 11, name="王静", language="zh-hans")
    made = plan()
    assert greeted(made) == [(english.pk, "sent", ""), (chinese.pk, "sent", "")]
    texts = dict(Message.objects.values_list("contact_id", "text"))
    firm = company_of.current().name
    assert texts == {
        english.pk: f"Dear Ann, all the best from {firm}.",
        chinese.pk: f"王静您好，{firm}祝您生日快乐！",
    }
    assert set(Message.objects.values_list("purpose", "channel")) == {("care", "email")}
    assert Message.objects.get(contact=english).subject == "Happy birthday, Ann"
    assert greeted(made) == [(english.pk, "sent", ""), (chinese.pk, "sent", "")]
    assert Message.objects.count() == ContactReservation.objects.count() == 2
    touch = CareTouch.objects.get(contact=english)
    assert (touch.version, touch.message.contact, touch.reservation.purpose) == (1, english, "care")
    assert Event.objects.filter(kind="care.sent", customer_id=english.customer_id).count() == 1


def test_one_language_stands_for_the_other():
    one = born(5, 11, language="zh-hans")
    greeted(plan(text_zh="", subject_zh=""))
    assert Message.objects.get(contact=one).text.startswith("Dear ")


def test_placeholders_are_filled():
    owner = UserFactory(first_name="Li", last_name="Wei")
    one = agreeing(language="en", name="Ann")
    Customer.objects.filter(pk=one.customer_id).update(owner=owner, name="Blue Lake", since=date(2023, 5, 11))
    words = "{{name}}|{{customer}}|{{manager}}|{{day}}|{{years}}|{{gift}}|{{points}}|{{festival}}"
    greeted(plan(occasion="since", text_en=words, gift_en="a mug"))
    assert Message.objects.get().text == f"Ann|Blue Lake|{owner}|11 May 2026|3|a mug||"


def test_festival_and_orders_are_named_in_her_language():
    one = agreeing(language="zh-hans")
    OrderFactory(customer=one.customer, occurred_at=ago(0), recorded_at=ago(0))
    words = {"text_en": "{{orders}} {{festival}}", "text_zh": "{{orders}}{{festival}}"}
    greeted(plan(occasion="orders", orders=1, **words))
    assert Message.objects.get().text == "1"
    own = {"festival": "own", "month": 5, "day": 11, "name": "Founding day", "name_alt": "周年庆"}
    greeted(plan(code="own", occasion="festival", **own, **words))
    assert Message.objects.latest("pk").text == "周年庆"


def test_a_text_message_carries_a_link_to_end_them():
    short = born(5, 11)
    with providers.http() as told:
        http_sender(told)
        greeted(plan(channel="sms"))
        assert Message.objects.get().text.endswith("\nNo more of these messages: {{unsubscribe}}")
        drain.until_empty(at=NOW)
    assert UnsubscribeLink.objects.filter(contact=short).count() == 1
    assert "/u/" in str(told.got[0])
    assert "{{" not in str(told.got[0])


# --- Consent and budget ------------------------------------------------------------------------
def test_who_takes_consent_back_meanwhile_is_not_greeted():
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    consents.record_consent(
        one, purposes=["care"], channels=["email"], is_given=False, source="form", by=None, at=NOW
    )
    drained(NOW)
    assert became() == [(one.pk, "closed", "no_consent")]
    assert not Message.objects.exists()


def test_quiet_hours_put_it_off_until_the_morning():
    one = born(5, 11)
    made = plan(at=NIGHT)
    assert greeted(made, at=NIGHT) == [(one.pk, "deferred", "quiet_hours")]
    contacting.consider_due(MORNING)
    assert became() == [(one.pk, "deferred", "quiet_hours")]
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(one.pk, "sent", "")]


def test_who_was_contacted_often_enough_is_put_off_and_then_too_late():
    one = born(5, 11)
    contacting.set_limits({"care": Limit(1, 30)}, by=None, at=NOW)
    contacting.reserve_contact(one, purpose="care", channel="email", key="before", by=None, at=NOW - DAY)
    made = plan()
    assert greeted(made) == [(one.pk, "deferred", "limit_reached")]
    later = NOW + DAY
    contacting.consider_due(later)
    drained(later)
    assert became() == [(one.pk, "closed", "too_late")]
    assert not Message.objects.exists()


def test_days_before_leave_time_for_the_budget():
    one = born(5, 20)
    contacting.set_limits({"care": Limit(1, 5)}, by=None, at=NOW)
    contacting.reserve_contact(one, purpose="care", channel="email", key="before", by=None, at=NOW)
    made = plan(days_before=10)
    assert greeted(made) == [(one.pk, "deferred", "limit_reached")]
    contacting.consider_due(NOW + 5 * DAY)
    drained(NOW + 5 * DAY)
    assert became() == [(one.pk, "sent", "")]


def test_after_its_day_nothing_is_said():
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    drained(NOW + DAY)
    assert became() == [(one.pk, "closed", "too_late")]


def test_who_is_erased_meanwhile_is_not_greeted(admin):
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    erase_person(one, reason="request", by=admin, at=NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "gone")]


def test_who_left_while_it_was_put_off_is_not_greeted():
    one = born(5, 11)
    made = plan(at=NIGHT)
    greeted(made, at=NIGHT)
    Contact.objects.filter(pk=one.pk).update(left_on=NOW.date())
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "gone")]


def test_a_plan_that_is_paused_greets_nobody_and_goes_on_when_started():
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    care.pause_plan(made, by=None, at=NOW)
    drained(NOW)
    assert became() == [(one.pk, "waiting", "")]
    care.start_plan(made, by=None, at=NOW)
    drained(NOW)
    assert became() == [(one.pk, "sent", "")]


def test_what_is_granted_while_its_plan_is_paused_is_not_sent():
    one = born(5, 11)
    made = plan(at=NIGHT)
    greeted(made, at=NIGHT)
    care.pause_plan(made, by=None, at=NIGHT)
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "taken_back")]
    assert not Message.objects.exists()


def test_who_is_withheld_hears_nothing():
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    CareTouch.objects.update(state="withheld", is_drawn=True)
    drained(NOW)
    assert became() == [(one.pk, "withheld", "")]
    assert not ContactReservation.objects.exists()


def test_one_that_fails_keeps_nobody_else_and_is_tried_again(monkeypatch):
    fails, fine = born(5, 11, name="Fails"), born(5, 11, name="Fine")
    made = plan()
    care.find_due(made, at=NOW)
    write = greeting.letters.write

    def writing(touch, **more):
        if touch.contact_id == fails.pk:
            raise RuntimeError("no ink")
        return write(touch, **more)

    with monkeypatch.context() as patch:
        patch.setattr(greeting.letters, "write", writing)
        drained(NOW)
    assert became() == [(fails.pk, "waiting", ""), (fine.pk, "sent", "")]
    assert ContactReservation.objects.count() == 1  # nothing half done
    drained(NOW + timedelta(minutes=59))
    assert became()[0] == (fails.pk, "waiting", "")
    drained(NOW + timedelta(minutes=60))
    assert became()[0] == (fails.pk, "sent", "")


def test_a_message_that_does_not_arrive_says_so():
    one = born(5, 11)
    greeted(plan())
    message = Message.objects.get()
    for state, reason, expected in (
        ("sent", "", (one.pk, "sent", "")),
        ("failed", "dead_address", (one.pk, "closed", "dead_address")),
    ):
        events.record(
            "message.ended",
            customer_id=one.customer_id,
            subject=message,
            occurred_at=NOW,
            data={"state": state, "reason": reason},
        )
        while outbox.drain(at=NOW):
            pass
        assert became() == [expected]


# --- Points ------------------------------------------------------------------------------------
def test_gift_points_are_booked_once_with_the_greeting():
    ProgrammeFactory(pending_days=14)
    one = born(5, 11)
    made = plan(points=50, text_en="{{points}} points for you")
    greeted(made)
    assert sums(make_account(one.customer)) == (50, 0, 0)
    touch, entry = CareTouch.objects.get(), PointsEntry.objects.get()
    assert (touch.entry, touch.points) == (entry, 50)
    assert (entry.kind, entry.source_type, entry.source_id) == ("gift", "care", touch.pk)
    assert Message.objects.get().text == "50 points for you"
    unknown = dict.fromkeys(("reservation", "entry", "message", "version", "ended_at"))
    CareTouch.objects.update(state="waiting", **unknown)
    drained(NOW)  # as after a crash that nobody knows of
    assert sums(make_account(one.customer)) == (50, 0, 0)
    assert PointsEntry.objects.count() == Message.objects.count() == 1


def test_who_is_not_greeted_gets_no_points():
    ProgrammeFactory()
    one = born(5, 11)
    made = plan(points=50)
    care.find_due(made, at=NOW)
    consents.record_consent(
        one, purposes=["care"], channels=["email"], is_given=False, source="form", by=None, at=NOW
    )
    drained(NOW)
    assert not PointsEntry.objects.exists()


def test_points_come_when_what_was_put_off_is_granted():
    ProgrammeFactory()
    one = born(5, 11)
    made = plan(points=50, at=NIGHT)
    greeted(made, at=NIGHT)
    assert not PointsEntry.objects.exists()
    contacting.consider_due(NOW)
    drained(NOW)
    assert sums(make_account(one.customer)) == (50, 0, 0)


def test_points_and_message_stand_together_or_not_at_all(monkeypatch):
    ProgrammeFactory()
    born(5, 11)
    made = plan(points=50)
    care.find_due(made, at=NOW)

    def fails(*args, **said):
        raise RuntimeError("no paper")

    monkeypatch.setattr(greeting, "send_message", fails)
    drained(NOW)
    assert not PointsEntry.objects.exists()
    assert not ContactReservation.objects.exists()


def test_without_a_programme_a_plan_with_points_says_so_and_asks_for_no_contact():
    programme = ProgrammeFactory()
    one = born(5, 11)
    made = plan(points=50)
    type(programme).objects.update(state="draft")
    assert greeted(made) == [(one.pk, "closed", "no_programme")]
    assert not ContactReservation.objects.exists()
    assert CareTouch.objects.get().reason_text == "no points programme is running"


def test_who_got_nothing_for_want_of_a_programme_is_greeted_that_day_when_the_plan_is_started_again():
    programme = ProgrammeFactory()
    one = born(5, 11)
    made = plan(points=50)
    type(programme).objects.update(state="draft")
    care.nightly(at=NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "no_programme")]
    type(programme).objects.update(state="live")
    later = NOW + timedelta(hours=1)
    care.pause_plan(made, by=None, at=later)
    care.start_plan(made, by=None, at=later)
    care.nightly(at=later)
    drained(later)
    assert became() == [(one.pk, "sent", "")]
    assert PointsEntry.objects.count() == 1


def test_a_gift_is_named_as_one_and_shows_no_activity():
    programme = ProgrammeFactory(tier_basis="points")
    one = born(5, 11)
    account = make_account(one.customer, at=ago(300))
    earn(account, 1000, at=ago(300))
    PointsAccount.objects.update(moved_day=day(ago(300)))
    greeted(plan(points=50))
    account.refresh_from_db()
    assert account.moved_day == day(ago(300))
    entry = PointsEntry.objects.get(kind="gift")
    assert explaining.told_of([entry], programme)[entry.pk].title == "A gift"
    titles = {row.title for row in timeline(one.customer, user=UserFactory(role="admin")).entries}
    assert "Gift of 50 points" in titles


# --- Once more before it leaves -----------------------------------------------------------------
@pytest.mark.parametrize("night", [False, True])
def test_a_birthday_that_was_set_right_meanwhile_is_not_greeted_on_the_wrong_day(night):
    at = NIGHT if night else NOW
    one = born(5, 11)
    made = plan(at=at)
    care.find_due(made, at=at)
    if night:
        drained(at)
    Contact.objects.filter(pk=one.pk).update(birth_day=12)
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "no_occasion")]
    assert not Message.objects.exists()
    assert greeted(made, at=NOW + DAY) == [(one.pk, "sent", "")]


def closed_in_the_morning(made, one):
    """Have a greeting put off at night, and closed when it was granted: her birthday is tomorrow."""
    care.find_due(made, at=NIGHT)
    drained(NIGHT)
    Contact.objects.filter(pk=one.pk).update(birth_day=12)
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "no_occasion")]


def test_what_is_tried_again_is_asked_for_anew_and_leaves_in_time():
    ProgrammeFactory()
    one = born(5, 11)
    contacting.set_limits({"care": Limit(1, 30)}, by=None, at=NOW)
    made = plan(points=50, at=NIGHT)
    closed_in_the_morning(made, one)
    assert list(ContactReservation.objects.values_list("state", "reason")) == [("closed", "taken_back")]
    assert greeted(made, at=NOW + DAY) == [(one.pk, "sent", "")]  # what was not made does not count
    message = Message.objects.get()
    assert message.latest_at > NOW + DAY
    assert message.reservation.granted_day == day(NOW + DAY)
    assert PointsEntry.objects.count() == 1


def test_what_is_tried_again_keeps_to_the_limit():
    ProgrammeFactory()
    one = born(5, 11)
    contacting.set_limits({"care": Limit(1, 30)}, by=None, at=NOW)
    made = plan(points=50, at=NIGHT)
    closed_in_the_morning(made, one)
    contacting.reserve_contact(one, purpose="care", channel="email", key="another", by=None, at=NOW)
    assert greeted(made, at=NOW + DAY) == [(one.pk, "deferred", "limit_reached")]
    assert not Message.objects.exists()
    assert not PointsEntry.objects.exists()


def test_what_is_tried_again_by_another_channel_is_written_for_it():
    one = born(5, 11)
    made = plan(at=NIGHT)
    closed_in_the_morning(made, one)
    made = care.change_plan(made, said(channel="sms"), by=None, at=NOW)
    greeted(made, at=NOW + DAY)
    message = Message.objects.get()
    assert (message.channel, message.reservation.channel) == ("sms", "sms")
    assert "{{unsubscribe}}" in message.text


def test_the_words_are_those_for_the_channel_that_was_granted():
    born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    touch = CareTouch.objects.get()
    assert "{{unsubscribe}}" in greeting.letters.write(touch, channel="sms").text
    assert "{{unsubscribe}}" not in greeting.letters.write(touch, channel="email").text


def test_thanks_for_an_order_that_was_cancelled_meanwhile_are_not_said():
    one = agreeing()
    order = OrderFactory(customer=one.customer, occurred_at=ago(0), recorded_at=ago(0))
    made = plan(occasion="orders", orders=1)
    care.find_due(made, at=NOW)
    type(order).objects.update(status="cancelled")
    drained(NOW)
    assert became() == [(one.pk, "closed", "no_occasion")]


def test_who_is_no_longer_in_the_segment_is_not_greeted(admin):
    one = born(5, 11)
    segment = segments.make_list("vip", name_en="VIP", name_zh="VIP", by=admin, at=NOW)
    segments.put(segment, [one.customer], is_member=True, by=admin, at=NOW)
    made = plan(segment=segment)
    care.find_due(made, at=NOW)
    segments.put(segment, [one.customer], is_member=False, by=admin, at=NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "no_occasion")]


@pytest.mark.parametrize("night", [False, True])
def test_after_a_merge_was_taken_back_a_greeting_is_that_of_its_contact_s_customer(admin, night):
    ProgrammeFactory()
    at = NIGHT if night else NOW
    stays, goes = agreeing(), born(5, 11)
    merge = merges.merge_customers(stays.customer, goes.customer, reason="same", by=admin, at=at)
    made = plan(points=50, at=at)
    care.find_due(made, at=at)
    if night:
        drained(at)
    merges.undo_merge(merge, by=admin, at=at)
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(goes.pk, "sent", "")]
    assert PointsEntry.objects.get().customer_id == goes.customer_id


@pytest.mark.parametrize("night", [False, True])
def test_nobody_is_greeted_for_another_customer(night):
    ProgrammeFactory()
    at = NIGHT if night else NOW
    one, other = born(5, 11), agreeing()
    made = plan(points=50, at=at)
    care.find_due(made, at=at)
    if night:
        drained(at)
    CareTouch.objects.update(customer=other.customer)
    contacting.consider_due(NOW)
    drained(NOW)
    assert became() == [(one.pk, "closed", "gone")]
    assert not PointsEntry.objects.exists()
    assert greeted(made) == [(one.pk, "sent", "")]
    assert PointsEntry.objects.get().customer_id == one.customer_id


def test_pausing_gives_back_what_was_put_off_and_starting_asks_anew():
    one = born(5, 11)
    made = plan(at=NIGHT)
    greeted(made, at=NIGHT)
    care.pause_plan(made, by=None, at=NIGHT)
    drained(NIGHT)
    assert became() == [(one.pk, "waiting", "")]
    assert list(ContactReservation.objects.values_list("state", "reason")) == [("closed", "taken_back")]
    care.start_plan(made, by=None, at=NOW)
    drained(NOW)
    assert became() == [(one.pk, "sent", "")]
    assert ContactReservation.objects.filter(state="granted").count() == 1


# --- Erased ------------------------------------------------------------------------------------
def test_nothing_that_keeps_its_moment_leads_to_the_birthday_of_who_is_erased(admin):
    ProgrammeFactory()
    one, other = born(5, 11), born(5, 11)
    birthdays = plan(points=50)
    party = plan(code="party", occasion="festival", festival="own", month=5, day=11, points=20)
    for made in (birthdays, party):
        greeted(made)
    hers = CareTouch.objects.filter(contact=one)
    festive, kept = hers.filter(plan=party).values().get(), CareTouch.objects.filter(contact=other)
    others = list(kept.order_by("pk").values())
    old = hers.get(plan=birthdays)
    erase_person(one, reason="request", by=admin, at=NOW + DAY)
    touch = hers.get(plan=birthdays)
    assert (touch.reservation, touch.message, touch.entry) == (None, None, None)
    assert (touch.state, touch.points, touch.occasion) == ("sent", 50, "2026")
    assert hers.filter(plan=party).values().get() == festive
    assert list(kept.order_by("pk").values()) == others
    assert not CareTouch.objects.filter(pk=old.pk).exists()  # what names it by its number leads nowhere
    entry = PointsEntry.objects.get(pk=old.entry_id)
    event = Event.objects.get(kind="care.sent", subject_id=old.pk)
    assert (entry.source_id, entry.detail, event.data) == (old.pk, {}, {"points": 50})
    assert re.fullmatch(r"care:[0-9a-f]{32}", old.reservation.key)
    assert told.erase_touches("contact", one.pk) == 0

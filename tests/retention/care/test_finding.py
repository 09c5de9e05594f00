"""Who is due: exact sets, once however often it is looked, and who is left out on purpose."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from customers import consents, merges
from customers import customers as files
from customers.erasure import erase_person
from customers.ground.models import BackgroundRun
from customers.models import Contact, Customer
from retention import care, segments
from retention.care import finding, occasions
from retention.models import CareDraw, CareTouch
from tests.customers.test_contact import agreeing
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory, UserFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account
from tests.retention.care.makers import born, found, plan, said, sent

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = date(2026, 5, 11)


def at(*day):
    return datetime(*day, 2, 0, tzinfo=UTC)


def ordered(contact, *days, **values):
    for day in days:
        OrderFactory(customer=contact.customer, occurred_at=at(*day), recorded_at=at(*day), **values)


def rows():
    return list(CareTouch.objects.order_by("pk").values())


def test_birthdays_of_today_by_both_calendars_and_nobody_else():
    today = {born(5, 11), born(5, 11, birth_year=1990), born(3, 25, calendar="lunar")}  # 三月廿五
    second = born(5, 11, customer=ContactFactory().customer, is_main=False)
    born(5, 12)
    born(5, 10)
    born(3, 24, calendar="lunar")
    born(3, 25)
    agreeing()
    made = plan()
    assert care.find_due(made, at=NOW) == 4
    assert found(made) == {(one.pk, "2026", "waiting") for one in today | {second}}


@pytest.mark.parametrize("gone", ["left", "erased", "customer"])
def test_who_is_gone_is_not_found(gone, admin):
    stays, leaves = born(5, 11), born(5, 11)
    if gone == "left":
        Contact.objects.filter(pk=leaves.pk).update(left_on=TODAY)
    elif gone == "erased":
        erase_person(leaves, reason="request", by=admin, at=NOW)
        Contact.objects.filter(pk=leaves.pk).update(birth_calendar="solar", birth_month=5, birth_day=11)
    else:
        Customer.objects.filter(pk=leaves.customer_id).update(gone_at=NOW)
    made = plan()
    care.find_due(made, at=NOW)
    assert found(made) == {(stays.pk, "2026", "waiting")}


def test_who_leaves_tomorrow_is_still_found():
    one = born(5, 11, left_on=TODAY + DAY)
    made = plan()
    care.find_due(made, at=NOW)
    assert found(made) == {(one.pk, "2026", "waiting")}


def test_a_second_night_changes_nothing_and_the_next_year_greets_again():
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    before = rows()
    assert care.find_due(made, at=NOW) == 0
    assert rows() == before
    care.find_due(made, at=at(2027, 5, 11))
    assert found(made) == {(one.pk, "2026", "waiting"), (one.pk, "2027", "waiting")}


def test_days_before_are_a_window_that_misses_nobody():
    due = {born(5, 11), born(5, 14)}
    born(5, 15)
    born(5, 10)
    made = plan(days_before=3)
    care.find_due(made, at=NOW)
    assert {one for one, _key, _state in found(made)} == {one.pk for one in due}
    days = dict(CareTouch.objects.values_list("contact__birth_day", "due_day"))
    # the one of today was due before the plan was started
    assert days == {11: TODAY.toordinal(), 14: TODAY.toordinal()}
    later = care.find_due(made, at=NOW + DAY)
    assert later == 1


def test_29_february_and_leap_months():
    leap_day, leap_month = born(2, 29), born(6, 1, calendar="lunar", is_leap=True)
    ordinary = born(6, 1, calendar="lunar")
    made = plan(at=at(2024, 1, 1))
    expected = {
        (2027, 2, 28): {leap_day},
        (2027, 3, 1): set(),
        (2028, 2, 28): set(),
        (2028, 2, 29): {leap_day},
        (2025, 6, 25): {ordinary},
        (2025, 7, 25): {leap_month},
        (2026, 7, 14): {ordinary, leap_month},
    }
    for day, who in expected.items():
        CareTouch.objects.all().delete()
        care.find_due(made, at=at(*day))
        assert {one for one, _key, _state in found(made)} == {one.pk for one in who}, day


def test_a_lunar_birthday_is_named_by_its_lunar_year():
    one = born(12, 29, calendar="lunar")
    made = plan(at=at(2025, 1, 1))
    for day in ((2025, 1, 28), (2026, 2, 16), (2027, 2, 5)):
        care.find_due(made, at=at(*day))
    assert found(made) == {(one.pk, year, "waiting") for year in ("2024", "2025", "2026")}


def test_anniversary_of_becoming_a_customer():
    hers, other, this_year = agreeing(), agreeing(), agreeing()
    leap = agreeing()
    second = agreeing(customer=hers.customer, is_main=False)
    for one, day in ((hers, "2023-05-11"), (other, "2023-05-12"), (this_year, "2026-05-11")):
        files.change_customer(one.customer, since=date.fromisoformat(day), by=None, at=NOW)
    files.change_customer(leap.customer, since=date(2024, 2, 29), by=None, at=NOW)
    made = plan(occasion="since")
    care.find_due(made, at=NOW)
    assert found(made) == {(hers.pk, "2026", "waiting")}
    assert second.pk not in {one for one, *_rest in found(made)}
    care.find_due(made, at=at(2027, 2, 28))
    assert (leap.pk, "2027", "waiting") in found(made)


def test_anniversary_of_the_first_order_that_counts():
    hers, later, returned, cancelled = agreeing(), agreeing(), agreeing(), agreeing()
    ordered(hers, (2024, 5, 11), (2024, 6, 1))
    ordered(later, (2024, 5, 10), (2025, 5, 11))
    ordered(returned, (2024, 5, 11), is_purchase=False, sold=0, returned=100)
    ordered(cancelled, (2024, 5, 11), status="cancelled")
    made = plan(occasion="first_order")
    care.find_due(made, at=NOW)
    assert found(made) == {(hers.pk, "2026", "waiting")}
    touch = CareTouch.objects.get()
    assert occasions.years_of(touch) == 2


@pytest.mark.parametrize(
    ("festival", "day", "more"),
    [
        ("spring", (2026, 2, 17), {}),
        ("lantern", (2026, 3, 3), {}),
        ("dragon_boat", (2026, 6, 19), {}),
        ("qixi", (2026, 8, 19), {}),
        ("mid_autumn", (2026, 9, 25), {}),
        ("double_ninth", (2026, 10, 18), {}),
        ("new_year", (2026, 1, 1), {}),
        ("national", (2026, 10, 1), {}),
        ("christmas", (2026, 12, 25), {}),
        ("own", (2026, 4, 5), {"month": 4, "day": 5, "calendar": "solar"}),
        ("own", (2026, 1, 26), {"month": 12, "day": 8, "calendar": "lunar"}),  # 腊八 of 2025
    ],
)
def test_festivals_fall_on_their_day(festival, day, more):
    one = agreeing()
    agreeing(customer=one.customer, is_main=False)
    made = plan(occasion="festival", festival=festival, at=at(2025, 12, 1), **more)
    care.find_due(made, at=at(*day) - DAY)
    assert found(made) == set()
    care.find_due(made, at=at(*day))
    year = "2025" if more.get("calendar") == "lunar" else "2026"
    assert found(made) == {(one.pk, year, "waiting")}
    CareTouch.objects.all().delete()
    care.find_due(made, at=at(*day) + DAY)
    assert found(made) == set()


def test_thanks_after_the_third_order_once_and_only_from_the_start_on():
    third, second, fourth, old = agreeing(), agreeing(), agreeing(), agreeing()
    ordered(third, (2026, 1, 1), (2026, 2, 1), (2026, 5, 11))
    ordered(second, (2026, 2, 1), (2026, 5, 11))
    ordered(fourth, (2026, 1, 1), (2026, 1, 2), (2026, 5, 10), (2026, 5, 11))
    ordered(old, (2026, 1, 1), (2026, 1, 2), (2026, 4, 1), (2026, 5, 11))
    made = plan(occasion="orders", orders=3, at=at(2026, 5, 9))
    care.find_due(made, at=NOW)
    assert found(made) == {(third.pk, "orders:3", "waiting"), (fourth.pk, "orders:3", "waiting")}
    assert set(CareTouch.objects.values_list("latest_day", flat=True)) == {
        TODAY.toordinal() + 13,
        TODAY.toordinal() + 12,
    }
    assert care.find_due(made, at=NOW + DAY) == 0


def test_an_order_before_the_start_is_not_thanked_for():
    one = agreeing()
    ordered(one, (2026, 5, 10))
    made = plan(occasion="orders", orders=1)
    care.find_due(made, at=NOW)
    assert found(made) == set()


def test_scope_by_segment_and_language(admin):
    chinese, english, listed = (
        born(5, 11, language="zh-hans"),
        born(5, 11, language="en"),
        born(5, 11, language=""),
    )
    type(listed.customer).objects.filter(pk=listed.customer_id).update(language="zh-hans")
    made = plan(language="zh-hans")
    care.find_due(made, at=NOW)
    assert {one for one, *_rest in found(made)} == {chinese.pk, listed.pk}
    other = plan(code="english", language="en")
    care.find_due(other, at=NOW)
    assert {one for one, *_rest in found(other)} == {english.pk}


def test_scope_by_a_segment(admin):
    inside, _outside = born(5, 11), born(5, 11)
    segment = segments.make_list("vip", name_en="VIP", name_zh="VIP", by=admin, at=NOW)
    segments.put(segment, [inside.customer], is_member=True, by=admin, at=NOW)
    made = plan(segment=segment)
    care.find_due(made, at=NOW)
    assert found(made) == {(inside.pk, "2026", "waiting")}


def test_who_did_not_agree_is_closed_with_the_reason_and_never_drawn():
    no_consent = ContactFactory(birth_calendar="solar", birth_month=5, birth_day=11)
    no_address = born(5, 11, email="", phone="")
    made = plan(holdout_share=5000)
    care.find_due(made, at=NOW)
    assert set(CareTouch.objects.values_list("contact_id", "state", "reason", "is_drawn")) == {
        (no_consent.pk, "closed", "no_consent", False),
        (no_address.pk, "closed", "no_address", False),
    }
    assert not CareDraw.objects.exists()


# --- The hold-out ------------------------------------------------------------------------------
def test_the_hold_out_is_drawn_once_by_customer_and_kept(monkeypatch):
    buckets = {}
    monkeypatch.setattr(finding, "bucket_of", lambda salt, customer: buckets[customer])
    first, second = born(5, 11), born(5, 11)
    buckets |= {first.customer_id: 999, second.customer_id: 1000}
    made = plan(holdout_share=1000)
    care.find_due(made, at=NOW)
    assert found(made) == {(first.pk, "2026", "withheld"), (second.pk, "2026", "waiting")}
    assert set(CareTouch.objects.values_list("is_drawn", flat=True)) == {True}
    buckets |= {first.customer_id: 9999, second.customer_id: 0}
    care.find_due(made, at=at(2027, 5, 11))
    assert {(one, state) for one, key, state in found(made) if key == "2027"} == {
        (first.pk, "withheld"),
        (second.pk, "waiting"),
    }
    assert set(CareDraw.objects.values_list("customer_id", "is_held_out", "bucket")) == {
        (first.customer_id, True, 999),
        (second.customer_id, False, 1000),
    }


def test_each_plan_draws_for_itself(monkeypatch):
    monkeypatch.setattr(finding, "bucket_of", lambda salt, customer: 0 if "first" in salt else 9999)
    one = born(5, 11)
    plans = [plan(code=code, holdout_share=1000) for code in ("first", "second")]
    for made in plans:
        care.find_due(made, at=NOW)
    assert [found(made) for made in plans] == [
        {(one.pk, "2026", "withheld")},
        {(one.pk, "2026", "waiting")},
    ]


def test_without_a_share_nobody_is_drawn():
    born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    assert list(CareTouch.objects.values_list("state", "is_drawn")) == [("waiting", False)]
    assert not CareDraw.objects.exists()


# --- Every night -------------------------------------------------------------------------------
def test_nightly_finds_by_each_plan_that_runs_once_a_local_day():
    born(5, 11)
    plan()
    care.create_plan(said(code="draft"), by=None, at=NOW)
    paused = plan(code="paused")
    care.pause_plan(paused, by=None, at=NOW)
    assert care.nightly(at=NOW) == {"birthdays": 1}
    assert care.nightly(at=NOW) is None
    assert CareTouch.objects.count() == BackgroundRun.objects.filter(name="care").count() == 1
    plan(code="later")
    assert care.nightly(at=NOW + timedelta(hours=1)) == {"later": 1}
    born(5, 12)
    assert care.nightly(at=NOW + DAY) == {"birthdays": 1, "later": 1}


def test_a_plan_that_is_started_again_looks_again_the_same_day():
    born(5, 11)
    made = plan()
    assert care.nightly(at=NOW) == {"birthdays": 1}
    care.pause_plan(made, by=None, at=NOW + timedelta(minutes=10))
    later = born(5, 11)
    assert care.nightly(at=NOW + timedelta(minutes=15)) is None
    care.start_plan(made, by=None, at=NOW + timedelta(minutes=20))
    assert care.nightly(at=NOW + timedelta(minutes=25)) == {"birthdays": 1}
    assert (later.pk, "2026", "waiting") in found(made)
    assert care.nightly(at=NOW + timedelta(minutes=30)) is None


def test_what_waited_too_long_is_closed_that_night():
    born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    care.pause_plan(made, by=None, at=NOW)
    care.nightly(at=NOW + timedelta(hours=13))  # 23:00 in Shanghai
    assert CareTouch.objects.get().state == "waiting"
    care.nightly(at=NOW + DAY)
    assert list(CareTouch.objects.values_list("state", "reason")) == [("closed", "too_late")]


def test_of_two_merged_the_one_that_stays_keeps_what_was_drawn_and_found(monkeypatch):
    buckets = {}
    monkeypatch.setattr(finding, "bucket_of", lambda salt, customer: buckets[customer])
    stays, goes, lead = born(5, 11), born(5, 11), UserFactory(role="admin")
    buckets |= {stays.customer_id: 9999, goes.customer_id: 0}
    made = plan(holdout_share=1000)
    care.find_due(made, at=NOW)
    merges.merge_customers(stays.customer, goes.customer, reason="the same", by=lead, at=NOW)
    assert found(made) == {(stays.pk, "2026", "waiting"), (goes.pk, "2026", "withheld")}
    assert set(CareTouch.objects.values_list("customer_id", flat=True)) == {stays.customer_id}
    assert care.find_due(made, at=NOW) == 0
    care.find_due(made, at=at(2027, 5, 11))
    assert {(one, state) for one, key, state in found(made) if key == "2027"} == {
        (stays.pk, "waiting"),
        (goes.pk, "waiting"),
    }


# --- Tried again -------------------------------------------------------------------------------
def test_who_cannot_be_reached_ahead_is_found_when_she_agrees_in_time():
    one = ContactFactory(birth_calendar="solar", birth_month=5, birth_day=14)
    made = plan(days_before=5)
    care.find_due(made, at=NOW)
    assert found(made) == set()
    consents.record_consent(
        one, purposes=["care"], channels=["email"], is_given=True, source="form", by=None, at=NOW
    )
    care.find_due(made, at=NOW + DAY)
    assert found(made) == {(one.pk, "2026", "waiting")}


def test_who_cannot_be_reached_until_the_last_day_is_closed_on_it():
    one = ContactFactory(birth_calendar="solar", birth_month=5, birth_day=13)
    made = plan(days_before=5)
    care.find_due(made, at=NOW + DAY)
    assert found(made) == set()
    care.find_due(made, at=NOW + 2 * DAY)
    assert found(made) == {(one.pk, "2026", "closed")}


@pytest.mark.parametrize(("reason", "state"), [("no_occasion", "waiting"), ("too_late", "closed")])
def test_another_day_of_the_same_year_opens_again_what_was_closed_for_the_wrong_one(reason, state):
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    CareTouch.objects.update(state="closed", reason=reason, ended_at=NOW)
    Contact.objects.filter(pk=one.pk).update(birth_day=12)
    care.find_due(made, at=NOW + DAY)
    assert found(made) == {(one.pk, "2026", state)}
    if state == "waiting":
        touch = CareTouch.objects.get()
        tomorrow = TODAY.toordinal() + 1
        assert (touch.occasion_day, touch.due_day, touch.latest_day) == (tomorrow,) * 3
        assert (touch.reason, touch.ended_at) == ("", None)


def by_the_sun(contact):
    """Set right a birthday by the lunar calendar: it is that of May 11."""
    Contact.objects.filter(pk=contact.pk).update(
        birth_calendar="solar", birth_month=5, birth_day=11, birth_is_leap=None
    )


@pytest.mark.parametrize("state", ["sent", "withheld", "failed"])
def test_a_birthday_is_greeted_once_though_its_calendar_was_set_right(state):
    ProgrammeFactory()
    one, other = born(12, 29, calendar="lunar"), born(5, 11)  # 除夕 of 2025: February 16, 2026
    made = plan(at=at(2026, 2, 1))
    care.find_due(made, at=at(2026, 2, 16))
    assert found(made) == {(one.pk, "2025", "waiting")}
    become = {"state": state}
    if state != "withheld":
        become |= {"version": 1, "ended_at": at(2026, 2, 16)}
    if state == "failed":  # its points were given and stay
        entry = earn(make_account(one.customer), 50)
        become |= {"state": "closed", "reason": "dead_address", "entry": entry}
    CareTouch.objects.update(**become)
    by_the_sun(one)
    care.find_due(made, at=NOW)
    assert {(who, key) for who, key, _state in found(made)} == {(one.pk, "2025"), (other.pk, "2026")}
    care.find_due(made, at=at(2027, 5, 11))
    assert (one.pk, "2027", "waiting") in found(made)


def test_who_was_not_greeted_by_the_wrong_calendar_is_by_the_right_one():
    one = born(12, 29, calendar="lunar")
    made = plan(at=at(2026, 2, 1))
    care.find_due(made, at=at(2026, 2, 16))
    CareTouch.objects.update(state="closed", reason="no_consent", ended_at=at(2026, 2, 16))
    by_the_sun(one)
    care.find_due(made, at=NOW)
    assert (one.pk, "2026", "waiting") in found(made)


def test_who_changed_customer_is_drawn_for_the_one_it_belongs_to_now(monkeypatch):
    monkeypatch.setattr(finding, "bucket_of", lambda salt, customer: buckets[customer])
    moves, stays, out = born(5, 11), born(5, 11), born(5, 11)
    to, held = CustomerFactory(), CustomerFactory()
    buckets = {one.customer_id: 9999 for one in (moves, stays, out)} | {to.pk: 9999, held.pk: 0}
    made = plan(holdout_share=1000)
    care.find_due(made, at=NOW)
    CareTouch.objects.update(state="closed", reason="gone", ended_at=NOW)
    CareTouch.objects.filter(contact=moves).update(is_drawn=False)
    Contact.objects.filter(pk=moves.pk).update(customer=to, is_main=False)
    Contact.objects.filter(pk=out.pk).update(customer=held, is_main=False)
    care.find_due(made, at=NOW)
    drawn = dict(CareDraw.objects.filter(customer__in=[to, held]).values_list("customer_id", "is_held_out"))
    assert drawn == {to.pk: False, held.pk: True}
    assert set(CareTouch.objects.values_list("contact_id", "customer_id", "state", "is_drawn")) == {
        (moves.pk, to.pk, "waiting", True),
        (stays.pk, stays.customer_id, "waiting", True),
        (out.pk, out.customer_id, "closed", True),
    }


def test_who_changed_customer_is_not_compared_when_nobody_is_drawn_any_more(monkeypatch):
    monkeypatch.setattr(finding, "bucket_of", lambda salt, customer: 9999)
    one, to = born(5, 11), CustomerFactory()
    made = plan(holdout_share=1)
    care.find_due(made, at=NOW)
    CareTouch.objects.update(state="closed", reason="gone", ended_at=NOW, is_drawn=True)
    made = care.change_plan(made, said(), by=None, at=NOW)
    Contact.objects.filter(pk=one.pk).update(customer=to, is_main=False)
    care.find_due(made, at=NOW)
    touch = CareTouch.objects.get()
    assert (touch.customer_id, touch.state, touch.is_drawn) == (to.pk, "waiting", False)
    assert not CareDraw.objects.filter(customer=to).exists()


def test_who_is_held_out_is_not_seen_to_go_from_what_was_closed():
    one = born(5, 11)
    made = plan()
    care.find_due(made, at=NOW)
    CareTouch.objects.update(state="closed", reason="no_occasion", ended_at=NOW)
    CareDraw.objects.create(
        plan=made, customer=one.customer, bucket=1, share=1, is_held_out=True, drawn_at=NOW
    )
    care.find_due(made, at=NOW)
    assert found(made) == {(one.pk, "2026", "closed")}


def test_a_share_of_nothing_still_honours_who_is_held_out_until_her_days_are_over(monkeypatch):
    monkeypatch.setattr(finding, "bucket_of", lambda salt, customer: 0)
    first = born(5, 11)
    inside, after = ((NOW + n * DAY).date() for n in (90, 91))
    for day in (inside, after):
        born(day.month, day.day, customer=first.customer, is_main=False)
    fresh = born(inside.month, inside.day)
    made = plan(holdout_share=1000)
    care.find_due(made, at=NOW)
    made = care.change_plan(made, said(holdout_share=0), by=None, at=NOW)
    care.find_due(made, at=NOW + 90 * DAY)
    care.find_due(made, at=NOW + 91 * DAY)
    seen = CareTouch.objects.exclude(contact=first).values_list(
        "customer_id", "contact__birth_day", "state", "is_drawn"
    )
    assert set(seen) == {
        (first.customer_id, inside.day, "withheld", True),
        (first.customer_id, after.day, "waiting", False),
        (fresh.customer_id, inside.day, "waiting", False),
    }
    assert CareDraw.objects.count() == 1


def test_a_plan_that_is_changed_looks_again_the_same_day():
    born(5, 11)
    later = born(5, 12)
    made = plan()
    assert care.nightly(at=NOW) == {"birthdays": 1}
    care.change_plan(made, said(days_before=1), by=None, at=NOW)
    assert care.nightly(at=NOW) == {"birthdays": 1}
    assert (later.pk, "2026", "waiting") in found(made)


def test_a_segment_is_asked_once_however_many_are_due(admin, monkeypatch):
    monkeypatch.setattr(finding, "AT_ONCE", 1)
    people = [born(5, 11) for _n in range(3)]
    outside = born(5, 11)
    segment = segments.make_list("vip", name_en="VIP", name_zh="VIP", by=admin, at=NOW)
    segments.put(segment, [one.customer for one in people], is_member=True, by=admin, at=NOW)
    made, asked = plan(segment=segment), []
    matching = segments.matching
    monkeypatch.setattr(
        segments, "matching", lambda *args, **said: asked.append(1) or matching(*args, **said)
    )
    assert care.find_due(made, at=NOW) == 3
    assert {one for one, *_rest in found(made)} == {one.pk for one in people} != {outside.pk}
    assert len(asked) == 1


# --- Erased ------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["waiting", "withheld", "sent"])
def test_of_who_is_erased_the_birthday_is_left_nowhere(admin, state):
    one, other = born(5, 11), born(5, 11)
    festive = agreeing(customer=one.customer, is_main=False)
    made, party = plan(), plan(code="party", occasion="festival", festival="qixi")
    care.find_due(made, at=NOW)
    for touch in (made, party):
        sent(touch, festive)
    ended = {"version": 1, "ended_at": NOW} if state == "sent" else {}
    hers = CareTouch.objects.filter(contact=one)
    hers.update(state=state, is_drawn=True, **ended)
    before = CareTouch.objects.exclude(contact=one).order_by("pk").values()
    kept = list(before)
    erase_person(one, reason="request", by=admin, at=NOW)
    touch = hers.get()
    first = date(2026, 1, 1).toordinal()
    assert (touch.occasion_day, touch.due_day, touch.latest_day) == (first,) * 3
    assert touch.made_at == datetime(2025, 12, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    assert touch.ended_at == (None if state == "withheld" else touch.made_at)
    assert (touch.state, touch.reason) == (("closed", "gone") if state == "waiting" else (state, ""))
    assert not touch.is_drawn
    assert list(before) == kept
    assert other.pk in {row["contact_id"] for row in kept}

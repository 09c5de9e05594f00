"""Reserving a contact: what is let through, what waits and until when, what is closed and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction

from customers import consents
from customers import contact as contacting
from customers.channels.writing import send_message
from customers.contact.budget import Limit, LimitRefused, Quiet, QuietRefused
from customers.ground import drain
from customers.ground.models import AuditEvent, Event
from customers.models import ContactReservation
from tests.factories import NOW, ContactFactory, CustomerFactory, ago

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
EVERY_PURPOSE = ("survey", "offer", "care")
NOBODY_QUIET = Quiet(0, 0)


def agreeing(**values):
    """Return a contact who agreed to everything by every channel."""
    contact = ContactFactory(**values)
    consents.record_consent(
        contact,
        purposes=EVERY_PURPOSE,
        channels=["email", "sms", "phone", "messenger", "post"],
        is_given=True,
        source="form",
        by=None,
        at=ago(500),
    )
    return contact


@pytest.fixture
def contact(company):
    return agreeing()


def ask(contact, purpose="offer", *, key="k1", channel="email", at=NOW, **more):
    return contacting.reserve_contact(
        contact, purpose=purpose, channel=channel, key=key, at=at, **{"by": None, **more}
    )


def told(row):
    return (row.state, row.reason, row.due_at)


GRANTED = ("granted", "", None)


# --- Granting ----------------------------------------------------------------------------------
def test_a_contact_within_its_limit_is_granted_and_booked(contact):
    row = ask(contact)
    assert told(row) == GRANTED
    assert (row.customer_id, row.ended_at, row.granted_day) == (
        contact.customer_id,
        NOW,
        NOW.date().toordinal(),
    )
    audited = AuditEvent.objects.get(act="contact.reserve")
    assert audited.customer_id == contact.customer_id
    assert audited.codes == {"purpose": "offer", "channel": "email", "state": "granted", "reason": ""}


def test_asking_again_for_the_same_gives_the_first_answer_whoever_asks(contact):
    first, other = ask(contact, "event_survey", key="case:7"), agreeing()
    assert ask(contact, "event_survey", key="case:7", at=NOW + 90 * DAY).pk == first.pk
    assert ask(other, "event_survey", key="case:7").pk == first.pk  # one event survey a case
    assert ask(other, "event_survey", key="case:8").pk != first.pk
    assert ContactReservation.objects.count() == 2


def test_a_reservation_says_what_it_is_about(contact):
    with pytest.raises(ValueError, match="about"):
        ask(contact, key="")
    for purpose, channel in (("advert", "email"), ("offer", "fax")):
        with pytest.raises(ValueError, match=r"advert|fax"):
            ask(contact, purpose, channel=channel)


# --- Limits ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("purpose", "most", "days"),
    [("event_survey", 1, 30), ("relationship_survey", 1, 90), ("offer", 2, 30), ("care", 2, 30)],
)
def test_each_class_has_its_limit_in_local_days(contact, purpose, most, days):
    for number in range(most):
        assert told(ask(contact, purpose, key=f"k{number}")) == GRANTED
    over = ask(contact, purpose, key="over")
    # free again at local midnight, then quiet until 08:00 in Shanghai
    free = datetime(2026, 5, 11, 0, 0, tzinfo=UTC) + timedelta(days=days)
    assert told(over) == ("deferred", "limit_reached", free)
    last = NOW + timedelta(days=days - 1)
    assert told(ask(contact, purpose, key="last day", at=last))[0] == "deferred"
    assert told(ask(contact, purpose, key="next day", at=last + DAY)) == GRANTED


def test_the_day_is_the_companys_not_the_clocks(contact):
    contacting.set_limits({"offer": Limit(1, 1)}, quiet=NOBODY_QUIET, by=None, at=NOW)
    late = datetime(2026, 5, 11, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    assert told(ask(contact, key="a", at=late)) == GRANTED
    assert told(ask(contact, key="b", at=late)) == (
        "deferred",
        "limit_reached",
        late + timedelta(minutes=1),
    )
    assert told(ask(contact, key="c", at=late + timedelta(minutes=1))) == GRANTED


def test_all_classes_together_have_a_limit(contact):
    asked = [("offer", "a"), ("offer", "b"), ("care", "a"), ("event_survey", "a")]
    assert [told(ask(contact, purpose, key=key))[0] for purpose, key in asked] == ["granted"] * 4
    assert told(ask(contact, "relationship_survey"))[:2] == ("deferred", "limit_reached")
    contacting.set_limits({"together": Limit(None, 30)}, by=None, at=NOW)
    assert told(ask(contact, "relationship_survey", key="k2")) == GRANTED


def test_service_has_no_limit_no_quiet_hours_and_counts_for_nobody(contact):
    night = NOW + timedelta(hours=13)  # 23:00 in Shanghai
    assert {told(ask(contact, "service", key=f"k{n}", at=night)) for n in range(9)} == {GRANTED}
    assert told(ask(contact, "offer", at=NOW)) == GRANTED
    consents.record_consent(
        contact, purposes=["service"], channels=["email"], is_given=False, source="form", by=None, at=NOW
    )
    assert told(ask(contact, "service", key="not wanted"))[:2] == ("closed", "no_consent")


def test_what_is_deferred_or_closed_counts_for_nobody(contact):
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    assert ask(contact, key="a").state == "granted"
    assert ask(contact, key="b").state == "deferred"
    assert ask(contact, key="c", latest_at=NOW).state == "closed"
    after = NOW + 30 * DAY
    assert ask(contact, key="d", at=after).state == "granted"


def test_another_contact_has_limits_of_its_own(contact):
    other = agreeing()
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    assert [ask(one, key=f"{one.pk}").state for one in (contact, other)] == ["granted"] * 2


# --- Reminding ---------------------------------------------------------------------------------
def test_a_reminder_is_one_with_what_it_reminds_of_in_the_limit_of_its_class(contact):
    first = ask(contact, "relationship_survey")
    assert told(ask(contact, "relationship_survey", key="other"))[1] == "limit_reached"
    assert told(ask(contact, "relationship_survey", key="k1:again", follows=first)) == GRANTED
    contacting.set_limits({"relationship_survey": Limit(2, 90)}, by=None, at=NOW)
    assert told(ask(contact, "relationship_survey", key="second")) == GRANTED  # the reminder took no place


def test_a_reminder_counts_over_all_classes_and_waits_there(contact):
    contacting.set_limits({"together": Limit(2, 30)}, by=None, at=NOW)
    first = ask(contact, "event_survey")
    ask(contact, "care", key="c")
    reminder = ask(contact, "event_survey", key="k1:again", follows=first, at=NOW + 4 * DAY)
    assert told(reminder)[:2] == ("deferred", "limit_reached")
    drain.until_empty(at=reminder.due_at)  # decided anew, still as a reminder
    reminder.refresh_from_db()
    assert told(reminder) == GRANTED
    assert told(ask(contact, "offer", key="o", at=reminder.ended_at))[0] == "granted"
    assert told(ask(contact, "offer", key="p", at=reminder.ended_at))[1] == "limit_reached"


def test_one_reminds_once_and_only_of_what_was_granted_to_the_same_person(contact):
    first = ask(contact, "event_survey")
    ask(contact, "event_survey", key="again", follows=first)
    with pytest.raises(IntegrityError), transaction.atomic():
        ask(contact, "event_survey", key="yet again", follows=first)
    closed = ask(ContactFactory(), key="closed")
    for other in (first, closed):
        with pytest.raises(ValueError, match="reminds"):
            ask(closed.contact, "event_survey", key="no", follows=other)


# --- Quiet hours -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("local", "ends"),
    [
        ("2026-05-11 20:59", None),
        ("2026-05-11 21:00", "2026-05-12 08:00"),
        ("2026-05-12 00:00", "2026-05-12 08:00"),
        ("2026-05-12 07:59", "2026-05-12 08:00"),
        ("2026-05-12 08:00", None),
    ],
)
def test_quiet_hours_over_midnight(company, local, ends):
    quiet = Quiet(21 * 60, 8 * 60)
    moment = ZoneInfo("Asia/Shanghai")
    at = datetime.fromisoformat(local).replace(tzinfo=moment)
    expected = datetime.fromisoformat(ends).replace(tzinfo=moment) if ends else None
    assert quiet.until(at, "Asia/Shanghai") == expected


def test_quiet_hours_within_a_day_and_none():
    noon = datetime(2026, 5, 11, 12, 30, tzinfo=UTC)
    assert Quiet(12 * 60, 13 * 60).until(noon, "UTC") == noon + timedelta(minutes=30)
    assert Quiet(13 * 60, 14 * 60).until(noon, "UTC") is None
    assert Quiet(12 * 60, 12 * 60 + 30).until(noon, "UTC") is None  # its end belongs to the day
    assert Quiet(9, 9).until(noon, "UTC") is None


def test_quiet_hours_are_on_the_customers_clock(company):
    berlin = agreeing(customer=CustomerFactory(time_zone="Europe/Berlin", contact=False))
    nowhere = agreeing(customer=CustomerFactory(time_zone="Mars/Base", contact=False))
    early = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)  # 04:00 in Berlin, 10:00 in Shanghai
    assert told(ask(berlin, key="a", at=early)) == (
        "deferred",
        "quiet_hours",
        datetime(2026, 5, 11, 6, 0, tzinfo=UTC),
    )
    assert told(ask(nowhere, key="b", at=early)) == GRANTED


# --- What no waiting mends ---------------------------------------------------------------------
def test_who_did_not_agree_is_not_contacted(company):
    contact = ContactFactory()
    assert told(ask(contact)) == ("closed", "no_consent", None)
    assert told(ask(contact, "service")) == GRANTED


@pytest.mark.parametrize(("channel", "field"), [("email", "email"), ("sms", "phone"), ("phone", "phone")])
def test_who_has_no_address_is_not_contacted(company, channel, field):
    assert told(ask(agreeing(**{field: " "}), channel=channel)) == ("closed", "no_address", None)
    assert told(ask(agreeing(), channel=channel, key="k2")) == GRANTED


def test_messengers_are_reached_by_the_name_on_wecom_else_wechat(contact):
    assert told(ask(contact, channel="messenger"))[1] == "no_address"
    for platform in ("qq", "wechat"):
        contact.social_handles.create(
            customer=contact.customer, platform=platform, handle=f"{platform}-name", created_at=NOW
        )
    assert contacting.address_of(contact, "messenger") == "wechat-name"
    contact.social_handles.create(
        customer=contact.customer, platform="wecom", handle="wecom-name", created_at=NOW
    )
    assert contacting.address_of(contact, "messenger") == "wecom-name"


@pytest.mark.parametrize("how", ["left", "erased", "gone"])
def test_who_is_gone_is_not_contacted_even_for_service(contact, how):
    if how == "left":
        contact.left_on = NOW.date()
    elif how == "erased":
        contact.erased_at = NOW
    else:
        contact.customer.gone_at = NOW
    assert told(ask(contact, "service")) == ("closed", "gone", None)


def test_who_leaves_tomorrow_is_contacted_today(contact):
    contact.left_on = NOW.date() + DAY
    assert told(ask(contact)) == GRANTED


# --- Too late ----------------------------------------------------------------------------------
def test_past_its_latest_moment_it_closes_as_too_late(contact):
    assert told(ask(contact, key="a", latest_at=NOW)) == GRANTED  # at the very moment it is still of use
    assert told(ask(contact, key="b", latest_at=NOW - timedelta(seconds=1)))[:2] == ("closed", "too_late")


def test_what_waits_closes_when_its_latest_moment_comes(contact):
    night, morning = NOW + timedelta(hours=13), NOW + timedelta(hours=22)  # 23:00, 08:00
    latest = morning - timedelta(minutes=1)
    row = ask(contact, at=night, latest_at=latest)
    assert told(row) == ("deferred", "quiet_hours", latest)
    drain.until_empty(at=latest - timedelta(seconds=1))
    row.refresh_from_db()
    assert row.state == "deferred"
    drain.until_empty(at=latest)
    row.refresh_from_db()
    assert told(row) == ("closed", "too_late", None)
    assert str(row.reason_text) == "not sent: too late"
    event = Event.objects.get(kind="contact.closed")
    assert (event.subject_id, event.data) == (row.pk, {"purpose": "offer", "reason": "too_late"})


# --- What waits --------------------------------------------------------------------------------
def test_what_waits_is_granted_when_its_moment_comes_and_says_so(contact):
    night, morning = NOW + timedelta(hours=13), NOW + timedelta(hours=22)
    row = ask(contact, at=night)
    assert contacting.consider_due(morning - timedelta(seconds=1)) == 0
    assert contacting.consider_due(morning) == 1
    row.refresh_from_db()
    assert (*told(row), row.tries, row.ended_at) == (*GRANTED, 2, morning)
    assert Event.objects.get(kind="contact.granted").subject_id == row.pk
    assert contacting.consider_due(morning) == 0


def test_what_waits_closes_when_consent_is_taken_back_meanwhile(contact):
    row = ask(contact, at=NOW + timedelta(hours=13))
    consents.record_consent(
        contact, purposes=["offer"], channels=["email"], is_given=False, source="form", by=None, at=NOW
    )
    drain.until_empty(at=NOW + DAY)
    row.refresh_from_db()
    assert told(row) == ("closed", "no_consent", None)


def test_one_that_fails_stops_no_other(contact, monkeypatch):
    night, other = NOW + timedelta(hours=13), agreeing()
    bad, good = ask(contact, at=night), ask(other, key="k2", at=night)
    from customers.contact import reserving

    real = reserving._never

    def fails(who, **values):
        if who.pk == contact.pk:
            raise RuntimeError("broken")
        return real(who, **values)

    monkeypatch.setattr(reserving, "_never", fails)
    morning = NOW + timedelta(hours=22)
    assert contacting.consider_due(morning) == 1
    for row in (bad, good):
        row.refresh_from_db()
    assert told(good) == GRANTED
    assert told(bad) == ("deferred", "quiet_hours", morning + timedelta(hours=1))


def test_take_back_closes_what_waits_and_nothing_else(contact):
    waits, made = ask(contact, key="a", at=NOW + timedelta(hours=13)), ask(contact, key="b")
    assert told(contacting.take_back(waits, by=None, at=NOW)) == ("closed", "taken_back", None)
    for ended in (waits, made):
        with pytest.raises(contacting.ReservationEnded):
            contacting.take_back(ended, by=None, at=NOW)
    assert AuditEvent.objects.filter(act="contact.take_back").count() == 1
    assert contacting.consider_due(NOW + 9 * DAY) == 0


def test_a_contact_that_was_not_made_is_let_go_and_counts_no_more(contact):
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    unused = ask(contact, key="a")
    waits = ask(contact, key="b")
    assert told(contacting.let_go(unused, by=None, at=NOW)) == ("closed", "taken_back", None)
    used = ask(contact, key="c")
    assert told(used) == GRANTED
    send_message(used, subject="Hello", text="Hello", by=None, at=NOW)
    for kept in (unused, waits, used):
        with pytest.raises(contacting.ReservationEnded):
            contacting.let_go(kept, by=None, at=NOW)
    assert told(ask(contact, key="d"))[0] == "deferred"
    assert Event.objects.filter(kind="contact.closed", subject_id=unused.pk).count() == 1
    assert AuditEvent.objects.filter(act="contact.take_back").count() == 1


# --- Setting limits ----------------------------------------------------------------------------
def test_set_limits_lets_what_waits_be_decided_anew(contact, admin):
    contacting.set_limits({"offer": Limit(1, 30)}, by=admin, at=NOW)
    ask(contact, key="a")
    row = ask(contact, key="b")
    assert contacting.consider_due(NOW) == 0
    changed = contacting.set_limits({"offer": Limit(2, 30), "care": Limit(2, 30)}, by=admin, at=NOW)
    assert changed == ["offer"]
    assert contacting.consider_due(NOW) == 1
    row.refresh_from_db()
    assert told(row) == GRANTED
    audited = AuditEvent.objects.filter(act="contact.limit").latest("pk")
    assert (audited.actor_id, audited.codes) == (admin.pk, {"offer": [2, 30]})


def test_set_limits_writes_nothing_where_nothing_changes(company):
    quiet = contacting.quiet_hours()
    assert contacting.set_limits(contacting.limits(), quiet=quiet, by=None, at=NOW) == []
    assert not AuditEvent.objects.filter(act="contact.limit").exists()


@pytest.mark.parametrize("limit", [Limit(0, 30), Limit(101, 30), Limit(1, 0), Limit(1, 731)])
def test_set_limits_refuses_what_makes_no_sense(company, limit):
    with pytest.raises(LimitRefused):
        contacting.set_limits({"offer": limit}, by=None, at=NOW)
    assert contacting.limits()["offer"] == Limit(2, 30)


def test_set_limits_refuses_unknown_classes_and_hours(company):
    with pytest.raises(ValueError, match="service"):
        contacting.set_limits({"service": Limit(1, 1)}, by=None, at=NOW)
    for quiet in (Quiet(-1, 5), Quiet(5, 1440)):
        with pytest.raises(QuietRefused):
            contacting.set_limits({}, quiet=quiet, by=None, at=NOW)


# --- The table ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [
        {"state": "granted", "granted_day": None},
        {"state": "granted", "reason": "no_consent"},
        {"state": "closed", "reason": "", "granted_day": None},
        {"state": "deferred", "reason": "quiet_hours", "due_at": None},
        {"latest_at": NOW - DAY},
        {"key": ""},
    ],
)
def test_the_table_refuses_half_a_state(contact, values):
    row = ask(contact)
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactReservation.objects.filter(pk=row.pk).update(**values)


def test_only_customers_that_one_sees_are_shown(contact, customer, manager, outsider, admin):
    mine = agreeing(customer=customer, is_main=False)
    row = ask(mine, key="mine")
    ask(contact, key="other")
    seen = {
        user.username: set(ContactReservation.objects.visible_to(user).values_list("pk", flat=True))
        for user in (manager, outsider, admin)
    }
    assert seen["manager"] == {row.pk} and seen["outsider"] == set() and len(seen["admin"]) == 2


@pytest.mark.parametrize("rows", [1, 3])
def test_reserving_asks_a_bounded_number_of_questions(contact, rows, django_assert_max_num_queries):
    contacting.set_limits({"care": Limit(None, 1), "together": Limit(None, 1)}, by=None, at=NOW)
    for number in range(rows):
        ask(contact, "care", key=f"before{number}")
    with django_assert_max_num_queries(18):
        assert told(ask(contact, "care", key="now")) == GRANTED

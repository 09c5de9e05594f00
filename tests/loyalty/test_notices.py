"""Notices: of what, once, only with consent and while it is true; what they say in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import contact as contacting
from customers.channels.unsubscribing import withdraw
from customers.contact import Limit
from customers.ground import clock, drain
from customers.models import Contact, ContactReservation, Message
from loyalty import links, nightly, notices
from loyalty.models import LoyaltyNotice, PointsAccount
from loyalty.tiers import editing, membership, move_account, move_all
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CustomerFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem
from tests.loyalty.tiering import programme, spend, tiers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
DAY = timedelta(days=1)
TODAY = NOW.date().toordinal()  # 10:00 in Shanghai
NIGHT = NOW + timedelta(hours=12)  # 22:00
MORNING = NOW + timedelta(hours=22)  # 08:00 of the next day


@pytest.fixture(autouse=True)
def _own_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    clock.fix(NOW)
    monkeypatch.setattr(links, "_page", [lambda token: f"/m/{token}/"])
    contacting.set_limits({"care": Limit(None, 1), "together": Limit(None, 1)}, by=None, at=NOW)
    yield


def member(**values: Any) -> PointsAccount:
    """Return the account of a customer whose contact agreed to everything."""
    contact = agreeing(**{"name": "Wang Wei", "email": "wang@example.org", **values})
    return make_account(contact.customer)


def told(**which: Any) -> list[tuple[str, int, int, str, str]]:
    rows = LoyaltyNotice.objects.filter(**which).order_by("pk")
    return list(rows.values_list("kind", "days_before", "points", "state", "reason"))


def said() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("subject", flat=True))


def night(at: Any) -> None:
    """Do what the nightly steps and the worker do."""
    move_all(at=at)
    notices.plan(at=at)
    drain.until_empty(at=at)


# --- Expiry -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("left", "days"),
    [(31, None), (30, 30), (16, 30), (15, 15), (8, 15), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None)],
)
def test_points_are_told_of_so_many_days_before(left: int, days: int | None) -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 40, expires_day=TODAY + left, at=NOW - 40 * DAY)
    earn(who, 60, expires_day=TODAY + left, at=NOW - 41 * DAY)
    earn(who, 7, expires_day=TODAY + 200)
    notices.plan(at=NOW)
    assert told() == ([] if days is None else [("expiry", days, 100, "waiting", "")])


def test_each_reminder_goes_once_whatever_runs_twice() -> None:
    ProgrammeFactory()
    who = member()
    last = TODAY + 30
    earn(who, 100, expires_day=last)
    for n in (0, 1, 14, 15, 16, 22, 23, 24, 28, 29, 30, 31):
        for _twice in range(2):
            night(NOW + n * DAY)
    rows = LoyaltyNotice.objects.order_by("pk").values_list("days_before", "state", "subject_id")
    assert list(rows) == [(n, "handed", last) for n in (30, 15, 7, 1)]
    assert said() == ["100 points expire after June 10, 2026"] * 4


def test_only_the_days_that_the_programme_names() -> None:
    ProgrammeFactory(remind_days=[])
    earn(member(), 100, expires_day=TODAY + 1)
    assert notices.plan(at=NOW) == 0


def test_pending_points_and_those_of_others_are_not_told() -> None:
    ProgrammeFactory(pending_days=14)
    who, other = member(), member()
    earn(who, 100, expires_day=TODAY + 30, usable_day=TODAY + 14)
    earn(other, 5, expires_day=TODAY + 30, usable_day=TODAY)
    notices.plan(at=NOW)
    assert told() == [("expiry", 30, 5, "waiting", "")]


def test_a_reminder_whose_points_were_used_meanwhile_is_closed_and_not_sent() -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    notices.plan(at=NIGHT)
    drain.until_empty(at=NIGHT)  # quiet hours: the contact waits
    assert told() == [("expiry", 30, 100, "waiting", "")]
    redeem(who, 100, at=NIGHT)
    drain.until_empty(at=MORNING)
    assert told() == [("expiry", 30, 100, "closed", "used")]
    assert not Message.objects.exists()


def test_the_night_takes_back_the_contact_of_a_reminder_whose_points_were_used() -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    notices.plan(at=NIGHT)
    drain.until_empty(at=NIGHT)
    redeem(who, 100, at=NIGHT)
    notices.plan(at=NIGHT)
    assert told() == [("expiry", 30, 100, "closed", "used")]
    assert ContactReservation.objects.get().reason == "taken_back"


def test_what_waited_tells_the_points_that_are_left() -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    notices.plan(at=NIGHT)
    drain.until_empty(at=NIGHT)
    redeem(who, 99, at=NIGHT)
    drain.until_empty(at=MORNING)
    assert told() == [("expiry", 30, 1, "handed", "")]
    assert said() == ["1 point expires after June 10, 2026"]


def test_a_reminder_is_of_no_use_once_the_next_one_is_due() -> None:
    ProgrammeFactory()
    contacting.set_limits({"care": Limit(1, 20)}, by=None, at=NOW)
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    earn(who, 100, expires_day=TODAY + 31)
    for n in (0, 1, 2, 14, 15, 16):
        night(NOW + n * DAY)
    rows = LoyaltyNotice.objects.order_by("pk").values_list("subject_id", "days_before", "state", "reason")
    assert list(rows) == [
        (TODAY + 30, 30, "handed", ""),
        (TODAY + 31, 30, "closed", "too_late"),
        (TODAY + 30, 15, "waiting", ""),
        (TODAY + 31, 15, "waiting", ""),
    ]


# --- Consent and addresses --------------------------------------------------------------------
def test_nobody_is_told_without_consent() -> None:
    ProgrammeFactory()
    who = make_account(CustomerFactory())
    earn(who, 100, expires_day=TODAY + 30)
    night(NOW)
    assert told() == [("expiry", 30, 100, "closed", "no_consent")]
    assert not Message.objects.exists()
    assert not ContactReservation.objects.exists()


def test_consent_that_is_withdrawn_while_a_notice_waits_closes_it() -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    notices.plan(at=NIGHT)
    drain.until_empty(at=NIGHT)
    withdraw(Contact.objects.get(customer=who.customer), channel="email", source="link", at=NIGHT)
    drain.until_empty(at=MORNING)
    assert told() == [("expiry", 30, 100, "closed", "no_consent")]


def test_the_way_that_a_contact_prefers_comes_first_and_another_contact_where_the_main_one_cannot() -> None:
    ProgrammeFactory()
    who = member(preferred_channel="sms", phone="+86 139 1234 5678")
    other = make_account(CustomerFactory(contact__email="", contact__phone=""))
    agreeing(customer=other.customer, is_main=False, email="li@example.org", name="Li")
    for one in (who, other):
        earn(one, 100, expires_day=TODAY + 30)
    night(NOW)
    ways = Message.objects.order_by("pk").values_list("channel", "contact__name")
    assert list(ways) == [("sms", "Wang Wei"), ("email", "Li")]


def test_the_limit_over_care_defers_and_the_notice_goes_on_later() -> None:
    ProgrammeFactory()
    contacting.set_limits({"care": Limit(1, 3)}, by=None, at=NOW)
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    earn(who, 100, expires_day=TODAY + 29)
    night(NOW)
    assert sorted(row[3] for row in told()) == ["handed", "waiting"]
    for n in range(1, 4):
        drain.until_empty(at=NOW + n * DAY)
    assert [row[3] for row in told()] == ["handed", "handed"]


# --- Tiers ------------------------------------------------------------------------------------
def test_a_rise_is_told_at_once_and_what_it_brings() -> None:
    made = tiers(programme())
    editing.create_benefit(made["Gold"], kind="delivery", name="Free delivery", by=None, at=NOW)
    old = editing.create_benefit(made["Gold"], kind="gift", name="Old gift", by=None, at=NOW)
    editing.retire_benefit(old, by=None, at=NOW)
    who = member()
    move_account(who, NOW)
    spend(who, 20_000)
    move_account(who, NOW)
    drain.until_empty(at=NOW)
    notices.plan(at=NOW)
    drain.until_empty(at=NOW)
    assert told() == [("tier_up", 0, 0, "handed", "")]
    message = Message.objects.get()
    assert message.subject == "You have reached Gold"
    assert message.purpose == "care"
    assert message.text == (
        "Dear Wang Wei,\n\nYou are now in our tier Gold.\n\nIt brings you:\n– Free delivery\n\n"
        "Your points and your tier: {{loyalty_page}}\n\nLiuke Test Co.\n\n"
        "No more of these messages: {{unsubscribe}}\n"
    )
    assert '<a href="{{loyalty_page}}">' in message.html
    assert '<a href="{{unsubscribe}}">' in message.html
    assert notices.address_in(message).startswith("http://testserver/m/")


def test_who_is_placed_at_the_first_run_is_not_told() -> None:
    tiers(programme())
    who = member()
    spend(who, 20_000)
    night(NOW)
    assert told() == []


def test_a_tier_lost_after_grace_is_told_before_and_after() -> None:
    tiers(programme(tier_grace_days=30))
    who = member()
    spend(who, 20_000, at=NOW - 364 * DAY)
    spend(who, 8_000, at=NOW - 300 * DAY)
    night(NOW)
    for n in (1, 2, 30, 31, 32):
        night(NOW + n * DAY)
    assert [row[0] for row in told()] == ["grace", "tier_down"]
    assert said() == ["¥120 to keep Gold, through June 11, 2026", "Your tier is now Silver"]
    text = Message.objects.order_by("pk")[1].text
    assert "Your tier is no longer Gold but Silver." in text
    assert "With another ¥120 you reach Gold." in text


def test_grace_that_ended_well_before_it_was_told_is_not() -> None:
    tiers(programme())
    who = member()
    spend(who, 20_000, at=NOW - 364 * DAY)
    night(NOW)
    move_all(at=NIGHT + DAY)
    notices.plan(at=NIGHT + DAY)
    drain.until_empty(at=NIGHT + DAY)
    spend(who, 20_000, at=NIGHT + DAY)
    move_account(who, NIGHT + DAY)
    drain.until_empty(at=MORNING + DAY)
    assert told() == [("grace", 0, 0, "closed", "overtaken")]
    assert said() == []


# --- Membership -------------------------------------------------------------------------------
def plus(**values: Any) -> Any:
    of = programme()
    made = tiers(of)
    said = {"code": "plus", "name": "Plus", "name_alt": "优享", "price": 9_900, "tier": made["Gold"]}
    return membership.create_plan(of, **(said | values), by=None, at=NOW)


@pytest.mark.parametrize(("left", "days"), [(31, None), (30, 30), (8, 30), (7, 7), (0, 7)])
def test_the_end_of_a_membership_is_told_a_month_and_a_week_before(left: int, days: int | None) -> None:
    plan = plus()
    who = member()
    row = membership.sell(who, plan, key="1", by=None, at=NOW)
    at = NOW + (row.ends_day - TODAY - left) * DAY
    notices.plan(at=at)
    ends = told(kind="membership")
    assert ends == ([] if days is None else [("membership", days, 0, "waiting", "")])
    drain.until_empty(at=at)
    assert said() == ([] if days is None else ["Your membership “Plus” ends on May 10, 2027"])


def test_a_membership_that_is_renewed_or_cancelled_is_not_told() -> None:
    plan = plus(months=1)
    renewed, cancelled = member(), member()
    first = membership.sell(renewed, plan, key="1", by=None, at=NOW)
    second = membership.sell(cancelled, plan, key="1", by=None, at=NOW)
    notices.plan(at=NOW + DAY)
    assert len(told(kind="membership")) == 2
    membership.renew(first, key="2", by=None, at=NOW + 2 * DAY)
    membership.cancel(second, by=None, at=NOW + 2 * DAY)
    drain.until_empty(at=NOW + 2 * DAY)
    assert told(kind="membership") == [("membership", 30, 0, "closed", "overtaken")] * 2
    notices.plan(at=NOW + 25 * DAY)
    assert len(told(kind="membership")) == 2


# --- Words ------------------------------------------------------------------------------------
def test_a_contact_is_written_to_in_her_language_with_the_other_name() -> None:
    made = tiers(programme())
    made["Gold"].name_alt = "金卡"
    made["Gold"].save()
    who = member(language="zh-hans")
    move_account(who, NOW)
    spend(who, 20_000)
    move_account(who, NOW)
    drain.until_empty(at=NOW)
    assert said() == ["您已升为金卡"]


def test_a_text_message_is_short_and_says_how_to_end_them() -> None:
    ProgrammeFactory()
    who = member(preferred_channel="sms", phone="+86 139 1234 5678")
    earn(who, 100, expires_day=TODAY + 30)
    night(NOW)
    assert Message.objects.get().text == (
        "Liuke Test Co.: 100 points expire after June 10, 2026. {{loyalty_page}} No more of these: reply TD"
    )


# --- The night --------------------------------------------------------------------------------
def test_the_night_moves_lapses_and_tells_in_this_order_once_a_day() -> None:
    plan = plus(months=1)
    who = member()
    membership.sell(who, plan, key="1", by=None, at=NOW)
    drain.until_empty(at=NOW)
    earn(who, 100, expires_day=TODAY + 31 + 7)
    at = NOW + 31 * DAY
    done = nightly.keep(at)
    assert done is not None
    assert list(done)[:5] == ["release", "expire", "earn_missed", "tiers", "notices"]
    assert done["tiers"] == {"lapsed": 1, "accounts": 1, "moves": 1}
    assert done["notices"] == 2
    assert nightly.keep(at + timedelta(hours=1)) is None
    drain.until_empty(at=at)
    assert said()[-2:] == ["Your tier is now Bronze", "100 points expire after June 18, 2026"]


# --- Faults and crowds ------------------------------------------------------------------------
def test_one_that_fails_is_tried_later_and_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ProgrammeFactory()
    bad, good = member(), member()
    for who in (bad, good):
        earn(who, 100, expires_day=TODAY + 30)
    whole = notices._way_to

    def failing(customer_id: int, *, at: Any) -> Any:
        if customer_id == bad.customer_id:
            raise RuntimeError("cannot")
        return whole(customer_id, at=at)

    monkeypatch.setattr(notices, "_way_to", failing)
    night(NOW)
    row = LoyaltyNotice.objects.get(account=bad)
    assert (row.state, row.tries, row.due_at) == ("waiting", 1, NOW + timedelta(minutes=1))
    assert LoyaltyNotice.objects.get(account=good).state == "handed"
    at = NOW
    for _try in range(notices.MOST_TRIES - 1):
        at += timedelta(hours=2)
        notices.hand_over_due(at)
    row.refresh_from_db()
    assert (row.state, row.reason, row.tries) == ("closed", "failed", notices.MOST_TRIES)


def test_planning_asks_as_many_queries_for_a_thousand_accounts_as_for_one() -> None:
    of = ProgrammeFactory(tier_basis="points")
    tiers(of)
    counts = []
    for more in (1, 999):
        for customer in CustomerFactory.create_batch(more, contact=False):
            earn(make_account(customer), 100, expires_day=TODAY + 30)
        with CaptureQueriesContext(connection) as queries:
            assert notices.plan(at=NOW) == more
        counts.append(len(queries))
        LoyaltyNotice.objects.update(state="closed", reason="used")
    assert counts[1] <= counts[0]

"""Notices: of what, once, only with consent and while it is true; what they say in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import contact as contacting
from customers import merges
from customers.channels.unsubscribing import withdraw
from customers.contact import Limit
from customers.ground import clock, drain
from customers.models import Contact, ContactReservation, Merge, Message, Sender
from loyalty import links, nightly, notices
from loyalty.ledger import expiring, redeeming
from loyalty.models import LoyaltyNotice, Membership, PointsAccount
from loyalty.tiers import editing, membership, move_account, move_all
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CustomerFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem
from tests.loyalty.tiering import account, moves, programme, spend, standing, tiers

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


def member(*, opened: Any = NOW, **values: Any) -> PointsAccount:
    """Return the account of a customer whose contact agreed to everything."""
    contact = agreeing(**{"name": "Wang Wei", "email": "wang@example.org", **values})
    return make_account(contact.customer, at=opened)


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
    assert said() == ["100 points expire after 10 Jun 2026"] * 4


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
    assert said() == ["1 point expires after 10 Jun 2026"]


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


@pytest.mark.parametrize("again", [NIGHT, NIGHT + 3 * DAY])
def test_a_reminder_whose_points_came_back_waits_anew(again: Any) -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    notices.plan(at=NIGHT - timedelta(hours=1))
    drain.until_empty(at=NIGHT)
    used = redeem(who, 100, at=NIGHT)
    notices.plan(at=NIGHT)
    assert told() == [("expiry", 30, 100, "closed", "used")]
    redeeming.give_back(used, points=60, source=None, key="b", by=None, at=again)
    notices.plan(at=again)
    assert told() == [("expiry", 30, 60, "waiting", "")]
    drain.until_empty(at=again + timedelta(hours=10))
    assert told() == [("expiry", 30, 60, "handed", "")]
    notices.plan(at=again + DAY)
    assert told() == [("expiry", 30, 60, "handed", "")]


# --- Standing idle ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("left", "days"),
    [(31, None), (30, 30), (16, 30), (15, 15), (8, 15), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None)],
)
def test_points_of_who_stands_idle_are_told_of_so_many_days_before(left: int, days: int | None) -> None:
    ProgrammeFactory(expiry="inactivity", expiry_months=1)
    moved = NOW + (expiring.months_later(TODAY + left, -1) - TODAY) * DAY
    who, empty = member(opened=moved), member(opened=moved)
    earn(who, 100, at=moved)
    earn(empty, 100, at=moved)
    redeem(empty, 100, at=moved)
    notices.plan(at=NOW)
    notices.plan(at=NOW)
    assert told() == ([] if days is None else [("expiry", days, 100, "waiting", "")])
    assert set(LoyaltyNotice.objects.values_list("account", "subject_id")) <= {(who.pk, TODAY + left)}
    drain.until_empty(at=NOW)
    assert [message.text.count("If you earn or use points by then") for message in Message.objects.all()] == (
        [] if days is None else [1]
    )


def test_a_reminder_of_who_moved_meanwhile_is_closed() -> None:
    ProgrammeFactory(expiry="inactivity", expiry_months=1)
    who = member(opened=NOW - 25 * DAY)
    earn(who, 100, at=NOW - 25 * DAY)
    notices.plan(at=NIGHT)
    drain.until_empty(at=NIGHT)
    assert told() == [("expiry", 7, 100, "waiting", "")]
    earn(who, 1, at=NIGHT)
    drain.until_empty(at=MORNING)
    assert told() == [("expiry", 7, 100, "closed", "overtaken")]
    assert not Message.objects.exists()


# --- Consent and addresses --------------------------------------------------------------------
def mail_sender() -> None:
    """Put a way out for e-mail into use, by which nothing leaves here."""
    Sender.objects.create(
        name="Mail", channel="email", kind="smtp", is_active=True, hook="h", made_at=NOW, changed_at=NOW
    )


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


def test_ways_by_which_messages_can_leave_come_first() -> None:
    ProgrammeFactory()
    mail_sender()
    who = member(preferred_channel="sms", phone="+86 139 1234 5678")
    other = member(name="Li", email="", preferred_channel="sms", phone="+86 139 1234 5679")
    agreeing(customer=other.customer, is_main=False, email="sun@example.org", name="Sun")
    alone = member(name="Zhao", email="", phone="+86 139 1234 5670")
    for one in (who, other, alone):
        earn(one, 100, expires_day=TODAY + 30)
    notices.plan(at=NOW)
    notices.hand_over_due(NOW)
    ways = Message.objects.order_by("pk").values_list("channel", "contact__name")
    assert list(ways) == [("email", "Wang Wei"), ("email", "Sun"), ("sms", "Zhao")]  # the last one waits


def test_choosing_a_way_asks_as_many_queries_for_many_contacts_as_for_one() -> None:
    ProgrammeFactory()
    asked = []
    for count in (1, 5):
        who = make_account(CustomerFactory())
        for n in range(count):
            agreeing(customer=who.customer, is_main=False, email="", phone="", name=f"C{n}")
        with CaptureQueriesContext(connection) as queries:
            notices._way_to(who.customer_id, at=NOW)
        asked.append(len(queries))
    assert asked[0] == asked[1]


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
    assert said() == [
        "¥120 to keep Gold, through 11 Jun 2026",
        "Your tier is now Silver: ¥20 to keep it, through 12 Jul 2026",
    ]
    text = Message.objects.order_by("pk")[1].text
    assert "Your tier is no longer Gold but Silver." in text
    assert "Your tier Silver stays through 12 Jul 2026. With another ¥20 by then you keep it." in text
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


@pytest.mark.parametrize("days", [5, 60])
def test_a_fall_into_another_grace_is_of_use_to_its_end(days: int) -> None:
    tiers(programme(tier_grace_days=days))
    who = member()
    spend(who, 20_000, at=NOW - 364 * DAY)
    move_all(at=NOW)
    move_all(at=NOW + DAY)
    at = NOW + (days + 2) * DAY
    move_all(at=at)
    notices.plan(at=at)
    fell = TODAY + days + 2
    row = LoyaltyNotice.objects.get(kind="tier_down")
    assert (standing(who), row.latest_day) == (("Silver", fell + days), fell + max(days, 14))


def test_which_way_it_went_says_the_move_and_not_the_thresholds_of_today() -> None:
    made = tiers(programme(tier_grace_days=0))
    risen, fallen = member(), member()
    spend(fallen, 10_000, at=NOW - 364 * DAY)
    move_all(at=NOW)
    spend(risen, 10_000, at=NOW + DAY)
    move_all(at=NOW + DAY)
    made["Silver"].threshold, made["Bronze"].threshold = 1, 2
    made["Silver"].save()
    made["Bronze"].save()
    notices.plan(at=NOW + DAY)
    kinds = {one.account_id: one.kind for one in LoyaltyNotice.objects.all()}
    assert kinds == {risen.pk: "tier_up", fallen.pk: "tier_down"}


# --- Merges -----------------------------------------------------------------------------------
def merged(into: PointsAccount, other: PointsAccount, at: Any) -> Merge:
    for one in (into, other):
        one.customer.refresh_from_db()
    return merges.merge_customers(into.customer, other.customer, reason="The same.", by=None, at=at)


@pytest.mark.parametrize("planned", ["before", "after"])
def test_the_tier_of_the_one_that_was_merged_away_is_not_told(planned: str) -> None:
    tiers(programme())
    gold, other = member(), member(name="Li", email="li@example.org")
    spend(gold, 25_000, at=NOW - 10 * DAY)
    spend(other, 15_000, at=NOW - 364 * DAY)
    move_all(at=NOW)
    move_all(at=NOW + DAY)
    assert standing(other) == ("Silver", TODAY + 31)
    if planned == "before":
        notices.plan(at=NOW + DAY)
        assert told() == [("grace", 0, 0, "waiting", "")]
    merged(gold, other, NOW + DAY)
    night(NOW + DAY + timedelta(hours=1))
    assert told() == ([("grace", 0, 0, "closed", "overtaken")] if planned == "before" else [])
    assert said() == []


def test_a_tier_that_came_with_a_merge_is_not_told_nor_that_it_went_as_that_was_taken_back() -> None:
    tiers(programme())
    own, other = member(), member(name="Li", email="li@example.org")
    spend(own, 100, at=NOW - 10 * DAY)
    spend(other, 15_000, at=NOW - 10 * DAY)
    move_all(at=NOW)
    made = merged(own, other, NOW)
    night(NOW + timedelta(minutes=1))
    merges.undo_merge(made, by=None, at=NOW + timedelta(hours=1))
    night(NOW + timedelta(hours=2))
    assert moves(own)[1:] == [("merged", "Bronze", "Silver"), ("merged", "Silver", "Bronze")]
    assert (told(), said()) == ([], [])


def test_that_a_tier_which_came_with_a_merge_is_at_risk_is_told() -> None:
    tiers(programme())
    own, other = member(), member(name="Li", email="li@example.org")
    spend(other, 15_000, at=NOW - 364 * DAY)
    move_all(at=NOW)
    move_all(at=NOW + DAY)
    made = merged(own, other, NOW + DAY)
    night(NOW + DAY + timedelta(hours=1))
    assert said() == ["¥100 to keep Silver, through 11 Jun 2026"]
    merges.undo_merge(made, by=None, at=NOW + DAY + timedelta(hours=2))
    night(NOW + 2 * DAY)
    assert told(account=own) == [("grace", 0, 0, "handed", "")]


@pytest.mark.parametrize("kind", ["tier_up", "expiry"])
def test_what_waits_does_not_go_to_who_is_another_customer_again(kind: str) -> None:
    tiers(programme())
    alone = account()  # nobody to write to
    other = member(name="Li", email="li@example.org")
    move_all(at=NOW)
    made = merged(alone, other, NOW)
    if kind == "tier_up":
        spend(alone, 15_000, at=NIGHT)
    else:
        earn(alone, 100, expires_day=TODAY + 30, at=NIGHT)
    night(NIGHT)  # quiet hours: the contact waits
    assert [(row[0], row[3]) for row in told()] == [(kind, "waiting")]
    assert ContactReservation.objects.get().contact.customer_id == alone.customer_id
    merges.undo_merge(made, by=None, at=NIGHT + timedelta(hours=1))
    drain.until_empty(at=MORNING)
    assert [(row[0], *row[3:]) for row in told()] == [(kind, "closed", "overtaken")]
    assert said() == []


def test_what_waits_does_not_go_to_a_contact_that_went_to_another_customer() -> None:
    ProgrammeFactory()
    who = member()
    earn(who, 100, expires_day=TODAY + 30)
    night(NIGHT)
    Contact.objects.filter(customer=who.customer).update(customer=CustomerFactory(), is_main=False)
    drain.until_empty(at=MORNING)
    assert told() == [("expiry", 30, 100, "closed", "gone")]  # nobody is left to write to
    assert said() == []


@pytest.mark.parametrize("is_undone", [False, True])
def test_the_end_of_a_membership_is_told_to_whose_it_is(is_undone: bool) -> None:
    plan = plus(months=1)
    own, other = member(), member(name="Li", email="li@example.org")
    membership.sell(other, plan, key="1", by=None, at=NOW)
    made = merged(own, other, NOW)
    at = NIGHT + 25 * DAY
    notices.plan(at=at)
    if is_undone:
        merges.undo_merge(made, by=None, at=at)
    drain.until_empty(at=MORNING + 25 * DAY)
    assert [row[3] for row in told(kind="membership")] == ["handed"]
    message = Message.objects.get(subject__startswith="Your membership")
    assert message.contact.customer_id == (other if is_undone else own).customer_id


@pytest.mark.parametrize("has_word", [False, True])
def test_what_waited_for_another_contact_is_asked_for_anew_as_a_merge_is_taken_back(has_word: bool) -> None:
    plan = plus(months=1)
    own, other = member(), member(name="Li", email="li@example.org")
    membership.sell(other, plan, key="1", by=None, at=NOW)
    made = merged(own, other, NOW)
    at = NIGHT + 25 * DAY
    notices.plan(at=at)
    drain.until_empty(at=at)
    waits = ContactReservation.objects.get()
    assert (waits.state, waits.contact.customer_id) == ("deferred", own.customer_id)
    if not has_word:  # of the other contact, whom it is about no longer
        withdraw(waits.contact, channel="email", source="link", at=at)
    merges.undo_merge(made, by=None, at=at + timedelta(hours=1))
    drain.until_empty(at=MORNING + 25 * DAY)
    assert [row[3:] for row in told(kind="membership")] == [("handed", "")]
    message = Message.objects.get()
    assert message.contact.customer_id == other.customer_id
    assert ContactReservation.objects.exclude(pk=waits.pk).get().contact_id == message.contact_id
    drain.until_empty(at=MORNING + 26 * DAY)
    assert Message.objects.count() == 1


@pytest.mark.parametrize("longer", [1, -1])
def test_the_end_of_a_membership_is_not_told_to_who_has_a_longer_one(longer: int) -> None:
    plan = plus(months=1)
    own, other = member(), member(name="Li", email="li@example.org")
    first = membership.sell(own, plan, key="1", by=None, at=NOW)
    brought = membership.sell(other, plan, key="1", by=None, at=NOW)
    Membership.objects.filter(pk=brought.pk).update(ends_day=first.ends_day + longer)
    merged(own, other, NOW)
    notices.plan(at=NIGHT + 25 * DAY)
    told_of = [row.subject_id for row in LoyaltyNotice.objects.filter(kind="membership")]
    assert told_of == [brought.pk if longer > 0 else first.pk]


@pytest.mark.parametrize("has_own", [False, True])
def test_points_that_were_told_of_before_a_merge_are_not_told_of_again(has_own: bool) -> None:
    ProgrammeFactory()
    own, other = member(), member(name="Li", email="li@example.org")
    earn(other, 100, expires_day=TODAY + 30)
    night(NOW)
    merged(own, other, NOW + timedelta(hours=1))
    if has_own:
        earn(own, 5, expires_day=TODAY + 30, at=NOW + timedelta(hours=1))
    night(NOW + timedelta(hours=2))
    assert told(account=own) == ([("expiry", 30, 105, "handed", "")] if has_own else [])
    night(NOW + 15 * DAY)
    assert told(account=own)[-1] == ("expiry", 15, 105 if has_own else 100, "handed", "")


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
    assert said() == ([] if days is None else ["Your membership “Plus” ends on 10 May 2027"])


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
        "Liuke Test Co.: 100 points expire after 10 Jun 2026. {{loyalty_page}} No more of these: reply TD"
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
    assert said()[-2:] == ["Your tier is now Bronze", "100 points expire after 18 Jun 2026"]


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
        LoyaltyNotice.objects.update(state="closed", reason="overtaken")
    assert counts[1] <= counts[0]

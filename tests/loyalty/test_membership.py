"""Membership that is paid for: sold, renewed, cancelled, lapsed; the tier that it holds; how far one is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from customers import merges
from customers.ground.models import AuditEvent, Event
from customers.models import User
from loyalty import programmes
from loyalty.models import Membership, MembershipPlan, PointsAccount
from loyalty.tiers import editing, membership, move_account, move_all, progress
from tests.factories import NOW, CompanyFactory
from tests.loyalty.factories import earn
from tests.loyalty.tiering import account, moves, programme, spend, standing, tiers
from tests.retention.racing import race

DAY = timedelta(days=1)
TODAY = NOW.date().toordinal()  # 10:00 in Shanghai


def plan_of(made: dict[str, Any], tier: str | None = "Gold", **values: Any) -> MembershipPlan:
    said = {"code": f"plus-{tier}".lower(), "name": "Plus", "price": 9_900, "months": 1}
    return membership.create_plan(
        made["Gold"].programme, **(said | values), tier=made[tier] if tier else None, by=None, at=NOW
    )


def sell(
    who: PointsAccount, plan: MembershipPlan, *, at: Any = NOW, key: str = "1", **more: Any
) -> Membership:
    return membership.sell(who, plan, key=key, by=None, at=at, **more)


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        ("2026-05-11", 12, "2027-05-10"),
        ("2026-05-01", 1, "2026-05-31"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-30", 1, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-28"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-12-01", 1, "2026-12-31"),
    ],
)
def test_a_period_ends_on_the_day_before_the_same_one_months_later(
    first: str, months: int, last: str
) -> None:
    found = membership.last_day(date.fromisoformat(first).toordinal(), months)
    assert date.fromordinal(found).isoformat() == last


@pytest.mark.django_db
@pytest.mark.usefixtures("company")
class TestMembership:
    def test_holds_its_tier_from_the_sale_through_its_last_day(self, manager: Any) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        row = membership.sell(who, plan, key="1", by=manager, at=NOW)
        assert (row.price, row.currency, row.starts_day) == (9_900, "CNY", TODAY)
        assert date.fromordinal(row.ends_day) == date(2026, 6, 10)
        assert standing(who) == ("Gold", None)
        assert PointsAccount.objects.get(pk=who.pk).is_tier_paid
        midnight = datetime.fromisoformat("2026-06-11T00:00:00+08:00")
        move_all(at=midnight - timedelta(seconds=1))
        assert standing(who) == ("Gold", None)
        move_all(at=midnight)  # at once, without grace, whatever the programme says of falling
        assert standing(who) == ("Bronze", None)
        assert moves(who) == [("membership", None, "Gold"), ("lapsed", "Gold", "Bronze")]
        assert not PointsAccount.objects.get(pk=who.pk).is_tier_paid
        audited = AuditEvent.objects.get(act="membership.sell")
        assert (audited.actor_id, audited.customer_id) == (manager.pk, who.customer_id)
        assert Event.objects.filter(kind="membership.sold", subject_id=row.pk).exists()

    def test_of_two_tiers_the_higher_one_counts(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made, "Silver")
        spend(who, 20_000)
        sell(who, plan)
        assert standing(who) == ("Gold", None)
        assert moves(who) == [("placed", None, "Gold")]

    def test_what_was_earned_stands_when_the_membership_ends(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        sell(who, plan)
        spend(who, 20_000)
        move_account(who, NOW)
        move_all(at=NOW + 40 * DAY)
        assert standing(who) == ("Gold", None)
        assert moves(who) == [("membership", None, "Gold"), ("held", "Gold", "Gold")]

    def test_a_basis_that_sinks_while_it_runs_begins_no_grace(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made, months=2)
        spend(who, 20_000, at=NOW - 364 * DAY)
        spend(who, 10_000, at=NOW - 100 * DAY)
        sell(who, plan)
        move_all(at=NOW + DAY)
        assert (standing(who), moves(who)[-1]) == (("Gold", None), ("membership", "Gold", "Gold"))
        move_all(at=NOW + 62 * DAY)
        assert standing(who) == ("Silver", None)

    def test_starts_on_its_day(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        sell(who, plan, starts_day=TODAY + 1)
        assert standing(who)[0] == "Bronze"
        move_all(at=NOW + DAY)
        assert standing(who)[0] == "Gold"

    def test_there_is_one_at_a_time_and_one_sale_for_each_key(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        row = sell(who, plan)
        assert sell(who, plan).pk == row.pk
        with pytest.raises(membership.AlreadyMember, match="10 Jun 2026"):
            sell(who, plan, key="2")
        sell(who, plan, key="2", starts_day=row.ends_day + 1)
        assert sell(account(), plan).pk != row.pk
        assert Membership.objects.filter(account=who).count() == 2

    def test_a_renewal_follows_the_last_day_or_begins_today(self) -> None:
        made = tiers(programme())
        who, late, plan = account(), account(), plan_of(made)
        first = sell(who, plan)
        second = membership.renew(first, price=5_000, key="2", by=None, at=NOW + DAY)
        assert (second.starts_day, second.price, second.renews_id) == (first.ends_day + 1, 5_000, first.pk)
        assert membership.renew(first, key="2", by=None, at=NOW + DAY).pk == second.pk
        with pytest.raises(membership.AlreadyRenewed):
            membership.renew(first, key="3", by=None, at=NOW + DAY)
        over = sell(late, plan)
        at = NOW + 50 * DAY
        move_all(at=at)
        assert standing(late)[0] == "Bronze"
        assert membership.renew(over, key="2", by=None, at=at).starts_day == TODAY + 50
        assert standing(late)[0] == "Gold"
        assert AuditEvent.objects.filter(act="membership.renew").count() == 2
        assert Event.objects.filter(kind="membership.renewed").count() == 2

    def test_cancelled_it_ends_at_once(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        first = sell(who, plan)
        second = membership.renew(first, key="2", by=None, at=NOW)
        with pytest.raises(membership.AlreadyRenewed):
            membership.cancel(first, by=None, at=NOW)
        membership.cancel(second, by=None, at=NOW)
        membership.cancel(first, by=None, at=NOW)
        assert standing(who) == ("Bronze", None)
        with pytest.raises(membership.MembershipCancelled):
            membership.cancel(first, by=None, at=NOW)
        with pytest.raises(membership.MembershipCancelled):
            membership.renew(first, key="3", by=None, at=NOW)
        assert AuditEvent.objects.filter(act="membership.cancel").count() == 2
        assert sell(who, plan, key="4").starts_day == TODAY

    def test_after_a_renewal_that_was_cancelled_it_is_renewed_once_more(self) -> None:
        made = tiers(programme())
        first = sell(account(), plan_of(made))
        membership.cancel(membership.renew(first, key="2", by=None, at=NOW), by=None, at=NOW)
        again = membership.renew(first, key="3", by=None, at=NOW)
        assert (again.renews_id, again.starts_day, again.cancelled_at) == (first.pk, first.ends_day + 1, None)
        with pytest.raises(membership.AlreadyRenewed):
            membership.renew(first, key="4", by=None, at=NOW)
        with pytest.raises(IntegrityError), transaction.atomic():  # of two at once the database takes one
            Membership.objects.filter(cancelled_at__isnull=False).update(cancelled_at=None)

    def test_another_price_and_a_day_in_the_past_are_for_leads(self, manager: User, lead: User) -> None:
        made = tiers(programme())
        plan = plan_of(made)

        def sold(by: User, **more: Any) -> Membership:
            return membership.sell(account(), plan, key="1", by=by, at=NOW, **more)

        for price in (0, 9_899, 9_901):
            with pytest.raises(membership.PriceNotYours):
                sold(manager, price=price)
            assert sold(lead, price=price).price == price
        with pytest.raises(membership.StartNotYours):
            sold(manager, starts_day=TODAY - 1)
        assert sold(lead, starts_day=TODAY - 1).starts_day == TODAY - 1
        assert sold(manager, price=9_900, starts_day=TODAY).price == 9_900
        assert sold(manager, starts_day=TODAY + 366).starts_day == TODAY + 366
        for days in (-367, 367):
            with pytest.raises(membership.StartsTooFar):
                sold(lead, starts_day=TODAY + days)
        long = plan_of(made, code="long", months=13)
        with pytest.raises(membership.StartsTooFar):  # nor years ahead by renewals
            membership.renew(
                membership.sell(account(), long, key="1", by=manager, at=NOW), key="2", by=manager, at=NOW
            )

    def test_who_ends_one_says_why(self, manager: User) -> None:
        made = tiers(programme())
        row = sell(account(), plan_of(made))
        with pytest.raises(membership.CancelReason):
            membership.cancel(row, reason=" ", by=manager, at=NOW)
        membership.cancel(row, reason="Moved away. ", by=manager, at=NOW)
        assert Membership.objects.get().cancel_reason == "Moved away."

    def test_what_is_over_is_not_cancelled(self) -> None:
        made = tiers(programme())
        row = sell(account(), plan_of(made))
        with pytest.raises(membership.MembershipOver, match="10 Jun 2026"):
            membership.cancel(row, by=None, at=NOW + 31 * DAY)
        membership.cancel(row, by=None, at=NOW + 30 * DAY)

    def test_one_that_ran_out_has_lapsed_once(self) -> None:
        made = tiers(programme())
        plan = plan_of(made)
        lapsing, renewed, cancelled = (sell(account(), plan) for _n in range(3))
        membership.renew(renewed, key="2", by=None, at=NOW)
        membership.cancel(cancelled, by=None, at=NOW)
        assert membership.lapse_due(at=NOW + 30 * DAY) == 0  # its last day
        assert membership.lapse_due(at=NOW + 31 * DAY) == 1
        assert membership.lapse_due(at=NOW + 31 * DAY) == 0
        told = Event.objects.filter(kind="membership.lapsed")
        assert list(told.values_list("subject_id", "customer_id")) == [(lapsing.pk, lapsing.customer_id)]
        lapsing.refresh_from_db()
        assert lapsing.lapsed_at == NOW + 31 * DAY

    def test_a_renewal_that_is_cancelled_does_not_keep_it_from_lapsing(self) -> None:
        made = tiers(programme())
        first = sell(account(), plan_of(made))
        second = membership.renew(first, key="2", by=None, at=NOW)
        membership.cancel(second, by=None, at=NOW)
        assert membership.lapse_due(at=NOW + 31 * DAY) == 1

    def test_one_that_went_on_has_not_lapsed_when_its_renewal_is_cancelled(self) -> None:
        made = tiers(programme())
        first = sell(account(), plan_of(made))
        second = membership.renew(first, key="2", by=None, at=NOW)
        begun = NOW + 31 * DAY
        assert membership.lapse_due(at=begun) == 0
        membership.cancel(second, by=None, at=begun)  # on its first day: that is the end, and it is told
        assert membership.lapse_due(at=begun) == 0
        assert membership.lapse_due(at=NOW + 90 * DAY) == 0
        kinds = Event.objects.filter(kind__startswith="membership.").order_by("pk")
        assert list(kinds.values_list("kind", flat=True)) == [
            *("membership.sold", "membership.renewed", "membership.cancelled")
        ]

    def test_a_sale_of_the_day_after_renews_the_one_before(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        first = sell(who, plan)
        second = sell(who, plan, key="2", starts_day=first.ends_day + 1)
        third = sell(who, plan, key="3", starts_day=second.ends_day + 2)  # a day later: another beginning
        assert (first.renews_id, second.renews_id, third.renews_id) == (None, first.pk, None)
        assert Event.objects.filter(kind="membership.sold").count() == 3
        with pytest.raises(membership.AlreadyRenewed, match="Renew the newer one"):
            membership.renew(first, key="4", by=None, at=NOW)
        with pytest.raises(membership.AlreadyRenewed, match="Cancel the renewal first"):
            membership.cancel(first, by=None, at=NOW)
        membership.cancel(second, by=None, at=NOW)
        again = sell(who, plan, key="5", starts_day=third.ends_day + 1)
        assert (again.renews_id, membership.renew(again, key="6", by=None, at=NOW).renews_id) == (
            third.pk,
            again.pk,
        )

    def test_who_is_a_member_by_another_period_has_not_lapsed(self) -> None:
        """Two periods that nothing links: sold before sales renewed, or brought together by a merge."""
        made = tiers(programme())
        who, other, plan = account(), account(), plan_of(made)
        first = sell(who, plan)
        longer = sell(other, plan, starts_day=TODAY + 10)
        Membership.objects.filter(pk=longer.pk).update(customer=who.customer)
        assert membership.lapse_due(at=NOW + 31 * DAY) == 0
        over = NOW + (longer.ends_day + 1 - TODAY) * DAY
        assert membership.lapse_due(at=over) == 1  # the longer one, and not both
        assert Event.objects.get(kind="membership.lapsed").subject_id == longer.pk
        assert first.pk != longer.pk

    def test_a_period_that_was_cancelled_while_another_ran_is_none_to_go_on_by(self) -> None:
        made = tiers(programme())
        who, other, plan = account(), account(), plan_of(made)
        first = sell(who, plan)
        longer = sell(other, plan, starts_day=TODAY + 10)
        Membership.objects.filter(pk=longer.pk).update(customer=who.customer)
        membership.cancel(longer, by=None, at=NOW + 30 * DAY)  # the last day of the first
        assert membership.lapse_due(at=NOW + 31 * DAY) == 1
        assert Event.objects.get(kind="membership.lapsed").subject_id == first.pk

    def test_another_price_than_was_shown_is_refused(self) -> None:
        made = tiers(programme())
        who, plan = account(), plan_of(made)
        stale = MembershipPlan.objects.get(pk=plan.pk)
        row = sell(who, stale, expected_price=9_900)
        said = {"name": "Plus", "months": 1, "tier": made["Gold"], "by": None, "at": NOW}
        membership.change_plan(plan, price=12_000, **said)
        with pytest.raises(membership.PlanPriceChanged, match="“Plus” costs ¥120 now"):
            sell(account(), stale, expected_price=9_900)
        with pytest.raises(membership.PlanPriceChanged):
            membership.renew(row, key="2", expected_price=9_900, by=None, at=NOW)
        assert sell(who, stale, expected_price=9_900).pk == row.pk  # sent again
        assert sell(account(), stale).price == 12_000
        assert membership.renew(row, key="2", expected_price=12_000, by=None, at=NOW).price == 12_000

    def test_while_paused_it_is_sold_and_its_tier_comes_afterwards(self) -> None:
        of = programme()
        made = tiers(of)
        who, plan = account(), plan_of(made)
        programmes.pause_programme(of, by=None, at=NOW)
        sell(who, plan)
        assert standing(who) == (None, None)
        programmes.resume_programme(of, by=None, at=NOW)
        move_all(at=NOW)
        assert standing(who) == ("Gold", None)

    def test_verbs_on_one_that_a_merge_brought_move_the_account_of_the_survivor(self) -> None:
        made = tiers(programme())
        own, other, plan = account(), account(), plan_of(made)
        row = sell(other, plan)
        merges.merge_customers(own.customer, other.customer, reason="Same.", by=None, at=NOW)
        assert standing(own)[0] == "Gold"
        row = Membership.objects.get(pk=row.pk)
        second = membership.renew(row, key="2", by=None, at=NOW)
        assert (second.account_id, second.customer_id) == (own.pk, own.customer_id)
        assert membership.renew(row, key="2", by=None, at=NOW).pk == second.pk
        membership.cancel(second, by=None, at=NOW)
        assert standing(own)[0] == "Gold"
        membership.cancel(row, by=None, at=NOW)
        assert standing(own)[0] == "Bronze"
        sold = sell(PointsAccount.objects.get(pk=other.pk), plan, key="3")
        assert (sold.account_id, sold.customer_id) == (own.pk, own.customer_id)
        assert standing(own)[0] == "Gold"

    def test_what_is_not_sold_says_from_which_day_another_one_is(self) -> None:
        made = tiers(programme())
        plan = plan_of(made)
        row = sell(account(), plan)
        said = {"name": "Plus", "price": 9_900, "months": 1, "tier": made["Gold"], "by": None, "at": NOW}
        membership.change_plan(plan, is_on=False, **said)
        with pytest.raises(membership.PlanNotSold, match="with the first day 11 Jun 2026"):
            membership.renew(row, key="2", by=None, at=NOW)
        with pytest.raises(membership.PlanNotSold, match="Choose another membership"):
            sell(account(), plan)


@pytest.mark.django_db
@pytest.mark.usefixtures("company")
class TestPlans:
    @pytest.mark.parametrize(
        ("values", "refused"),
        [
            ({"code": "taken"}, membership.PlanCodeRefused),
            ({"code": "no code"}, membership.PlanCodeRefused),
            ({"name": " "}, membership.PlanNameRefused),
            ({"name_alt": "名" * 101}, membership.PlanNameRefused),
            ({"months": 0}, membership.PlanMonthsRefused),
            ({"months": 121}, membership.PlanMonthsRefused),
            ({"price": -1}, membership.PlanPriceRefused),
        ],
    )
    def test_what_cannot_be_is_refused(self, values: dict[str, Any], refused: type[Exception]) -> None:
        made = tiers(programme())
        plan_of(made, code="taken")
        with pytest.raises(refused):
            plan_of(made, **values)
        assert MembershipPlan.objects.count() == 1

    def test_a_plan_holds_a_tier_of_its_programme_that_is_not_retired(self) -> None:
        made = tiers(programme())
        other = tiers(programme(state="draft"))
        with pytest.raises(membership.PlanTierRefused):
            plan_of({"Gold": made["Gold"], "Other": other["Gold"]}, "Other")
        plan = plan_of(made, "Silver")
        with pytest.raises(editing.TierOfPlan, match="Plus"):
            editing.retire_tier(made["Silver"], by=None, at=NOW)
        said = {"name": "Plus", "price": 1, "months": 1, "by": None, "at": NOW}
        membership.change_plan(plan, tier=made["Silver"], is_on=False, **said)
        editing.retire_tier(made["Silver"], by=None, at=NOW)
        made["Silver"].refresh_from_db()
        with pytest.raises(membership.PlanTierRefused):
            membership.change_plan(plan, tier=made["Silver"], **said)

    def test_a_plan_that_is_changed_leaves_its_trace_and_what_was_sold(self, admin: Any) -> None:
        made = tiers(programme())
        plan = plan_of(made)
        row = sell(account(), plan)
        values = {"name": "Plus", "months": 1, "tier": made["Gold"], "by": admin, "at": NOW}
        membership.change_plan(plan, price=5_000, is_on=False, **values)
        membership.change_plan(plan, price=5_000, is_on=False, **values)
        row.refresh_from_db()
        assert row.price == 9_900
        audited = AuditEvent.objects.get(act="plan.change")
        assert (audited.codes["price_before"], audited.codes["price"]) == (9_900, 5_000)
        with pytest.raises(membership.PlanNotSold):
            sell(account(), plan)


@pytest.mark.django_db
@pytest.mark.usefixtures("company")
class TestProgress:
    def said(self, who: PointsAccount, *, at: Any = NOW) -> list[str]:
        move_account(who, at)
        return progress.sentences(progress.progress_of(who, at=at))

    def test_says_what_is_missing_to_keep_and_to_reach(self) -> None:
        tiers(programme(tier_grace_days=30), {"Silver": 100_000, "Gold": 200_000, "Platinum": 300_000})
        who = account()
        spend(who, 20_000, at=NOW - 364 * DAY)
        spend(who, 180_000, at=NOW - 10 * DAY)
        assert self.said(who) == ["¥1,000 to Platinum"]
        spend(who, -12_000, at=NOW)
        at = NOW + DAY
        assert self.said(who, at=at) == [
            "¥320 to keep Gold; it stays through 11 Jun 2026",
            "¥1,320 to Platinum",
        ]

    def test_in_points_and_in_the_other_language(self) -> None:
        made = tiers(programme(tier_basis="points"))
        made["Gold"].name_alt = "金卡"
        made["Gold"].save()
        who = account()
        earn(who, 19_999)
        assert self.said(who) == ["1 point to Gold"]
        with translation.override("zh-hans"):
            assert self.said(who) == ["还差 1 积分，即可升为金卡"]

    def test_how_long_a_tier_stands_if_nothing_more_is_bought(self) -> None:
        made = tiers(programme(tier_grace_days=30, tier_window_days=365))
        who = account()
        spend(who, 15_000, at=NOW - 100 * DAY)
        spend(who, 8_000, at=NOW - 50 * DAY)
        move_account(who, NOW)
        found = progress.progress_of(who, at=NOW)
        assert (found.tier, found.next_tier, found.share) == (made["Gold"], None, 100)
        through = TODAY - 100 + 365 + 30
        assert found.holds_through == through
        began = NOW + (365 - 100) * DAY  # and the nights agree
        move_all(at=began - DAY)
        assert standing(who) == ("Gold", None)
        move_all(at=began)
        assert standing(who) == ("Gold", through)

    def test_a_calendar_tier_stands_into_the_next_year(self) -> None:
        tiers(programme(tier_window="calendar", tier_grace_days=0))
        who = account()
        spend(who, 20_000)
        move_account(who, NOW)
        found = progress.progress_of(who, at=NOW)
        assert date.fromordinal(found.holds_through or 0) == date(2026, 12, 31)

    def test_a_paid_tier_stands_as_long_as_its_membership(self) -> None:
        made = tiers(programme())
        who = account()
        row = sell(who, plan_of(made))
        who.refresh_from_db()
        found = progress.progress_of(who, at=NOW)
        assert (found.membership, found.holds_through, found.to_keep) == (row, row.ends_day, 0)
        assert progress.sentences(found) == []

    def test_a_retired_tier_stands_through_today(self) -> None:
        made = tiers(programme(tier_grace_days=30))
        bought, paid = account(), account()
        spend(bought, 22_000)
        plan = plan_of(made)
        sell(paid, plan)
        move_all(at=NOW)
        for who in (bought, paid):
            who.refresh_from_db()
            found = progress.progress_of(who, at=NOW)
            assert (found.tier, found.holds_through != TODAY) == (made["Gold"], True)
        MembershipPlan.objects.update(is_on=False)
        spend(bought, -10_000)
        editing.retire_tier(made["Gold"], by=None, at=NOW)
        for who in (bought, paid):
            who = PointsAccount.objects.get(pk=who.pk)
            found = progress.progress_of(who, at=NOW)
            assert (found.holds_through, found.to_keep, found.is_in_grace) == (TODAY, 0, False)
            assert not any("keep" in said for said in progress.sentences(found))
        move_all(at=NOW + DAY)
        assert (standing(bought), standing(paid)) == (("Silver", None), ("Bronze", None))

    def test_nothing_reached_is_the_way_to_the_lowest(self) -> None:
        tiers(programme(), {"Gold": 20_000})
        who = account()
        spend(who, 5_000)
        move_account(who, NOW)
        found = progress.progress_of(who, at=NOW)
        assert (found.tier, found.to_next, found.share, found.holds_through) == (None, 15_000, 25, None)

    def test_asks_few_queries_however_much_was_bought(self) -> None:
        tiers(programme())
        who = account()
        for n in range(30):
            spend(who, 100, at=NOW - n * DAY)
        move_account(who, NOW)
        with CaptureQueriesContext(connection) as queries:
            progress.progress_of(who, at=NOW)
        assert len(queries) <= 4


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_who_sell_at_once_one_does() -> None:
    CompanyFactory()
    made = tiers(programme())
    who, plan = account(), plan_of(made)
    results = race(*(lambda n=n: sell(who, plan, key=str(n)) for n in range(4)))
    assert sum(isinstance(one, Membership) for one in results) == 1
    assert sum(isinstance(one, membership.AlreadyMember) for one in results) == 3


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_night_and_an_order_at_once_leave_the_tier_that_the_order_reached() -> None:
    CompanyFactory()
    tiers(programme())
    accounts = [account() for _n in range(6)]
    for who in accounts:
        spend(who, 20_000)
    race(
        lambda: move_all(at=NOW),
        *(lambda who=who: move_account(PointsAccount.objects.get(pk=who.pk), NOW) for who in accounts),
    )
    assert {standing(who) for who in accounts} == {("Gold", None)}
    assert [len(moves(who)) for who in accounts] == [1] * 6

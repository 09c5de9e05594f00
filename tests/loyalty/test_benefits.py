"""What a tier brings: entitlement, use, remainder, taken back, and the last one asked for by many."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.ground.models import AuditEvent, Event
from loyalty.models import BenefitUse, PointsAccount, TierBenefit
from loyalty.tiers import benefits, editing, move_all
from tests.factories import NOW, CompanyFactory
from tests.loyalty.tiering import account, programme, spend, tiers
from tests.retention.racing import race

DAY = timedelta(days=1)
TODAY = NOW.date().toordinal()  # 10:00 in Shanghai


def training(*, a_year: int | None = 2) -> TierBenefit:
    made = tiers(programme())
    return editing.create_benefit(
        made["Gold"], kind="training", name="Day of training", a_year=a_year, by=None, at=NOW
    )


def gold() -> PointsAccount:
    who = account(at=NOW - 800 * DAY)
    spend(who, 20_000)
    move_all(at=NOW)
    who.refresh_from_db()
    return who


def use(who: PointsAccount, benefit: TierBenefit, *, at: Any = NOW, **values: Any) -> BenefitUse:
    return benefits.use_benefit(who, benefit, by=None, at=at, **values)


def left(who: PointsAccount, *, at: Any = NOW) -> list[tuple[str, int, int | None, int | None]]:
    return [
        (one.benefit.name, one.used, one.a_year, one.remainder) for one in benefits.entitlements(who, at=at)
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("company")
class TestUse:
    def test_is_counted_down_to_nothing(self, manager: Any) -> None:
        benefit, who = training(), gold()
        assert left(who) == [("Day of training", 0, 2, 2)]
        first = benefits.use_benefit(who, benefit, note=" Kilns ", by=manager, at=NOW)
        assert (first.number, first.used_day, first.year, first.note) == (1, TODAY, 2026, "Kilns")
        assert left(who) == [("Day of training", 1, 2, 1)]
        assert use(who, benefit).number == 2
        with pytest.raises(benefits.NoneLeft, match="All 2 of “Day of training” are used in 2026"):
            use(who, benefit)
        assert left(who) == [("Day of training", 2, 2, 0)]
        audited = AuditEvent.objects.filter(act="benefit.use").first()
        assert audited is not None
        assert (audited.actor_id, audited.customer_id) == (manager.pk, who.customer_id)
        assert audited.codes == {"benefit": benefit.pk, "year": 2026, "number": 1}
        assert Event.objects.filter(kind="benefit.used", subject_id=first.pk).count() == 1

    def test_what_is_not_counted_has_no_end(self) -> None:
        benefit, who = training(a_year=None), gold()
        for n in range(1, 4):
            assert use(who, benefit).number == n
        assert left(who) == [("Day of training", 3, None, None)]

    def test_taken_back_it_can_be_used_again(self) -> None:
        benefit, who = training(), gold()
        first = use(who, benefit)
        use(who, benefit)
        benefits.undo_use(first, by=None, at=NOW)
        with pytest.raises(benefits.Undone):
            benefits.undo_use(first, by=None, at=NOW)
        assert left(who) == [("Day of training", 1, 2, 1)]
        assert use(who, benefit).number == 1
        with pytest.raises(benefits.NoneLeft):
            use(who, benefit)
        assert AuditEvent.objects.filter(act="benefit.undo").count() == 1

    def test_every_calendar_year_of_the_company_begins_anew(self) -> None:
        benefit, who = training(a_year=1), gold()
        last_second = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
        use(who, benefit)
        with pytest.raises(benefits.NoneLeft):
            use(who, benefit, at=last_second)
        assert left(who, at=last_second)[0][3] == 0
        new_year = last_second + timedelta(seconds=1)
        assert left(who, at=new_year)[0][3] == 1
        assert use(who, benefit, at=new_year).year == 2027
        # one of the last year that is noted late counts there
        with pytest.raises(benefits.NoneLeft):
            use(who, benefit, at=new_year, used_day=date(2026, 12, 31).toordinal())

    @pytest.mark.parametrize("day", [TODAY + 1, TODAY - 801])
    def test_not_in_the_future_and_not_before_the_customer_joined(self, day: int) -> None:
        benefit, who = training(), gold()
        with pytest.raises(benefits.WrongDay, match="before the account was opened on 2 Mar 2024"):
            use(who, benefit, used_day=day)
        assert use(who, benefit, used_day=TODAY - 800).year == 2024

    def test_only_who_stands_in_the_tier_is_entitled(self) -> None:
        benefit, who = training(), account()
        move_all(at=NOW)
        who.refresh_from_db()
        with pytest.raises(benefits.NotEntitled, match=r"Day of training.+Choose something that it brings"):
            use(who, benefit)
        assert left(who) == []
        golden = gold()
        editing.retire_benefit(benefit, by=None, at=NOW)
        with pytest.raises(benefits.NotEntitled):
            use(golden, benefit)
        assert left(golden) == []

    def test_an_entitlement_that_is_cut_leaves_nothing_below_zero(self) -> None:
        benefit, who = training(), gold()
        use(who, benefit)
        use(who, benefit)
        said = {"kind": "training", "name": "Day of training", "by": None, "at": NOW}
        editing.change_benefit(benefit, a_year=1, **said)
        assert left(who) == [("Day of training", 2, 1, 0)]
        for wrong in (0, 1001):
            with pytest.raises(editing.BenefitRefused):
                editing.change_benefit(benefit, a_year=wrong, **said)

    def test_the_same_key_is_one_use(self) -> None:
        benefit, who = training(), gold()
        assert use(who, benefit, key="a").pk == use(who, benefit, key="a").pk
        assert use(who, benefit, key="b").number == 2
        assert use(who, benefit, key="b").number == 2

    def test_the_key_of_another_benefit_is_refused(self) -> None:
        benefit, who = training(), gold()
        gift = editing.create_benefit(benefit.tier, kind="gift", name="Gift", a_year=2, by=None, at=NOW)
        use(who, benefit, key="a")
        with pytest.raises(benefits.KeyOfAnotherBenefit):
            use(who, gift, key="a")
        assert BenefitUse.objects.count() == 1
        assert use(who, gift).number == use(who, gift, key="b").number - 1  # without a key none is another's

    def test_uses_that_a_merge_brought_count(self) -> None:
        benefit, who, other = training(), gold(), gold()
        use(other, benefit)
        BenefitUse.objects.update(customer=who.customer)
        assert left(who)[0][3] == 1
        use(who, benefit)
        with pytest.raises(benefits.NoneLeft):
            use(who, benefit)

    def test_the_database_refuses_a_number_that_is_taken(self) -> None:
        benefit, who = training(), gold()
        first = use(who, benefit)
        first.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            first.save(force_insert=True)

    def test_entitlements_ask_two_queries(self) -> None:
        benefit, who = training(), gold()
        for n in range(4):
            editing.create_benefit(benefit.tier, kind="gift", name=f"Gift {n}", a_year=9, by=None, at=NOW)
        benefits.entitlements(who, at=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert len(benefits.entitlements(who, at=NOW)) == 5
        assert len(queries) == 3  # the company's zone among them


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_of_many_who_ask_at_once_as_many_get_it_as_there_are(_round: int) -> None:
    CompanyFactory()
    benefit, who = training(a_year=3), gold()
    use(who, benefit)
    results = race(*(lambda: use(who, benefit) for _n in range(6)))
    assert sorted(one.number for one in results if isinstance(one, BenefitUse)) == [2, 3]
    assert sum(isinstance(one, benefits.NoneLeft) for one in results) == 4
    assert BenefitUse.objects.filter(undone_at=None).count() == 3

"""Cases of other products, as fixtures with their source: what a ledger of points must answer.

L20 to L22: Open Loyalty, ``Component/Account/…/Command/SpendPointsTest.php`` (MIT). L40 to L46: ERPNext,
``loyalty_program/test_loyalty_program.py``, ``loyalty_point_entry/test_loyalty_point_entry.py`` and issue
59050 of frappe/erpnext (GPL; the numbers only).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from loyalty.ledger import earning
from loyalty.ledger.errors import NotEnoughPoints, PointsSpent
from loyalty.models import LotAllocation, PointsAccount, PointsEntry
from tests.factories import NOW, day
from tests.loyalty.factories import earn, redeem, sums


@dataclass(frozen=True)
class Case:
    """One case: where it is from, what happens, and the balance after it."""

    number: str
    source: str
    act: Callable[[PointsAccount], None]
    balance: int


def on(year: int, month: int, date: int) -> datetime:
    return datetime(year, month, date, 4, 0, tzinfo=UTC)


def l20(account: PointsAccount) -> None:
    earn(account, 100)
    redeem(account, 10)


def l21(account: PointsAccount) -> None:
    l20(account)
    with pytest.raises(NotEnoughPoints):
        redeem(account, 100)


def l22(account: PointsAccount) -> None:
    """First in, first out; when both lots have expired nothing is left of either."""
    earn(account, 300, at=on(2016, 1, 1), expires_day=day(on(2016, 3, 1)))
    earn(account, 200, at=on(2016, 2, 1), expires_day=day(on(2016, 4, 1)))
    used = redeem(account, 200, at=on(2016, 2, 15))
    assert [row.lot.points for row in LotAllocation.objects.filter(entry=used)] == [300]
    with pytest.raises(NotEnoughPoints) as refused:
        redeem(account, 1, at=on(2016, 4, 2))
    assert refused.value.have == 0
    from loyalty.ledger.expiring import expire_due

    assert expire_due(account, at=on(2016, 4, 2)) == 300


def l40(account: PointsAccount) -> None:
    """An invoice of 10 × 1,000 at a point for each 1,000."""
    earn(account, 10 * 1000 // 1000, source=("order", 40))


def l41(account: PointsAccount) -> None:
    """+10, +75, redeem 10: the entry of −10 says which lot it consumed."""
    first = earn(account, 10)
    earn(account, 75)
    used = redeem(account, 10)
    (row,) = LotAllocation.objects.filter(entry=used)
    assert (used.points, row.points, row.lot.entry) == (-10, -10, first)


def l43(account: PointsAccount) -> None:
    """An invoice is cancelled whose points nobody used: a row reverses the earning, which stays."""
    entry = earn(account, 10, source=("order", 43))
    back = earning.take_back(
        entry, points=10, source=("order", 43), occurred_at=NOW, detail={}, by=None, at=NOW
    )
    assert back is not None and (back.points, back.reverses) == (-10, entry)
    assert PointsEntry.objects.filter(pk=entry.pk, points=10).exists()


def l44(account: PointsAccount) -> None:
    """An invoice is cancelled whose points were used: refused."""
    entry = earn(account, 10, source=("order", 44))
    redeem(account, 4)
    with pytest.raises(PointsSpent):
        earning.take_back(entry, points=10, source=("order", 44), occurred_at=NOW, detail={}, by=None, at=NOW)


def l46(account: PointsAccount) -> None:
    """Points are used by another kind of document than the one that earned them: the ledger shows −50."""
    earn(account, 106, source=("order", 1))
    earn(account, 3, source=("order", 2))
    used = redeem(account, 50, source=("redemption", 1))
    assert used.points == -50
    assert sum(PointsEntry.objects.values_list("points", flat=True)) == 59


SPEND = "Open Loyalty, SpendPointsTest"
ENTRY = "ERPNext, test_loyalty_point_entry"
PROGRAM = "ERPNext, test_loyalty_program"
CASES = [
    Case("L20", SPEND, l20, 90),
    Case("L21", SPEND, l21, 90),
    Case("L22", SPEND, l22, 0),
    Case("L40", PROGRAM, l40, 10),
    Case("L41", ENTRY, l41, 75),
    Case("L43", PROGRAM, l43, 0),
    Case("L44", PROGRAM, l44, 6),
    Case("L46", "frappe/erpnext 59050", l46, 59),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_case(case: Case, account: PointsAccount) -> None:
    case.act(account)
    assert sums(account) == (case.balance, 0, 0)

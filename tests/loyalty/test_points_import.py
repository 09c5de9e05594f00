"""Points of another system: what lands, in which order, what is refused, told again and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from customers import merges, undo
from customers.ground import clock
from customers.ground.models import Event
from customers.imports import batches, kinds, mapping, samples
from customers.models import Customer, ExternalRef, ImportBatch, Merge, User
from customers.undo import working
from loyalty.ledger import earning, expiring, redeeming, sealing
from loyalty.models import PointsAccount, PointsEntry, PointsLot, Programme
from tests.customers import undoing
from tests.customers.undoing import take_back
from tests.factories import NOW
from tests.loyalty.factories import earn, make_account, redeem, sums

pytestmark = pytest.mark.django_db
HEAD = "id,customer,kind,points,date,expires on\n"


@pytest.fixture(autouse=True)
def _programme(programme: Programme) -> None:
    """Everything here needs a programme that runs: points expire after twelve months."""


def bring(folder: Path, text: str, **stated: Any) -> ImportBatch:
    return undoing.bring(folder, "points", text, **{"history": True, **stated})


def lines(*rows: str) -> str:
    return HEAD + "\n".join(rows) + "\n"


def merged(survivor: PointsAccount, other: PointsAccount) -> Merge:
    pair = [Customer.objects.get(pk=one.customer_id) for one in (survivor, other)]
    return merges.merge_customers(*pair, reason="The same.", by=None, at=NOW)


@pytest.fixture
def owing(tmp_path: Path) -> PointsAccount:
    """The account of C-1, which owes 100 points: they were used before the goods came back."""
    Programme.objects.update(on_spent_return="debt")
    bring(tmp_path, lines("P-0,C-1,opening,1,2026-01-01,"))
    account = account_of("C-1")
    redeem(account, 1)
    entry = earn(account, 100)
    redeem(account, 100)
    earning.take_back(entry, points=100, source=None, occurred_at=NOW, detail={}, by=None, at=NOW)
    assert sums(account) == (0, 0, 100)
    return account


def account_of(code: str) -> PointsAccount:
    pk = ExternalRef.objects.get(kind="customer", external_id=code).object_id
    return PointsAccount.objects.get(customer=pk)


def refused(folder: Path, text: str, *, language: str = "en") -> str:
    """Import a text and return the file of what was refused."""
    path, told = folder / "file.csv", folder / f"errors-{language}.csv"
    path.write_text(text, encoding="utf-8")
    told.unlink(missing_ok=True)
    wanted = mapping.from_data({"on_missing_customer": "create", "history": True})
    with translation.override(language):
        batches.import_file(path, kinds.named("points"), wanted, errors_to=told, by=None, at=NOW)
    return told.read_text(encoding="utf-8-sig") if told.exists() else ""


@pytest.fixture(autouse=True)
def _whole(_programme: None) -> Iterator[None]:
    """After every test the ledger is whole: sums are what entries, lots and allocations come to."""
    yield
    assert sealing.verify(at=NOW).findings == []


def test_history_lands_with_its_lots_days_and_moments(tmp_path: Path) -> None:
    batch = bring(
        tmp_path,
        lines(
            "P-1,C-1,opening,500,2026-01-01 00:00,2026-12-31",
            "P-2,C-1,获得,120,2026-02-01 10:00,",
            "P-3,C-1,redeem,530,2026-03-01 10:00,",
            "P-4,C-1,adjust,-20,2026-03-02 10:00,",
            "P-5,C-1,expire,10,2026-03-03 10:00,",
            "P-6,C-2,earn,7,2026-03-03 10:00,",
        ),
    )
    assert (batch.created, batch.refused) == (6, 0)
    account = account_of("C-1")
    entries = PointsEntry.objects.filter(account=account).order_by("pk")
    assert list(entries.values_list("kind", "points")) == [
        *(("opening", 500), ("earn", 120), ("redeem", -530), ("adjust", -20), ("expire", -10)),
    ]
    told = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
    redeemed = entries.get(kind="redeem")
    assert (redeemed.occurred_at, redeemed.recorded_at, redeemed.recorded_assumed) == (told, told, True)
    assert redeemed.occurred_day == date(2026, 3, 1).toordinal()
    assert (redeemed.batch, redeemed.by) == (batch, None)
    lots = PointsLot.objects.filter(account=account).order_by("pk")
    assert list(lots.values_list("points", "left", "expires_day", "is_pending")) == [
        (500, 0, date(2026, 12, 31).toordinal(), False),
        (120, 60, date(2027, 2, 1).toordinal(), False),  # by the programme's rule
    ]
    assert sums(account) == (60, 0, 0)
    assert sums(account_of("C-2")) == (7, 0, 0)
    assert not Event.objects.filter(kind__startswith="points.").exists()  # nobody is called for the past


def test_lines_land_in_the_order_in_which_it_happened_whatever_that_of_the_file(tmp_path: Path) -> None:
    text = lines(
        "P-4,C-1,redeem,60,2026-03-02 09:00,",
        "P-3,C-1,redeem,100,2026-03-01 09:00,",
        "P-2,C-1,opening,60,2026-03-01 09:00,",  # at the same moment: what comes in is there first
        "P-1,C-1,earn,100,2026-02-01 09:00,",
    )
    assert refused(tmp_path, text) == ""
    kinds_ = list(PointsEntry.objects.order_by("pk").values_list("kind", "points"))
    assert kinds_ == [("earn", 100), ("opening", 60), ("redeem", -100), ("redeem", -60)]


def test_account_that_redeemed_more_than_its_history_shows_needs_an_opening_balance(tmp_path: Path) -> None:
    history = ("P-1,C-1,earn,100,2026-02-01 09:00,", "P-2,C-1,redeem,250,2026-03-01 09:00,")
    told = refused(tmp_path, lines(*history))
    assert "opening balance" in told and "150" in told and "2026-03-01" in told
    assert told.splitlines()[1].startswith("P-2,C-1,redeem,250,2026-03-01 09:00,,3,,points,")  # line 3
    assert "期初" in refused(tmp_path, lines(*history), language="zh-hans")
    assert sums(account_of("C-1")) == (100, 0, 0)

    short = "P-0,C-1,opening,149,2026-01-01 09:00,"
    assert "P-2" in refused(tmp_path, lines(short, *history))
    late = "P-9,C-1,opening,1,2026-03-02 09:00,"  # after what it would have to cover
    assert "P-2" in refused(tmp_path, lines(late, *history))
    enough = "P-8,C-1,opening,1,2026-02-28 09:00,"
    assert refused(tmp_path, lines(enough, *history)) == ""
    assert PointsEntry.objects.filter(kind="redeem").count() == 1
    assert sums(account_of("C-1")) == (1, 0, 0)


def test_points_that_had_expired_by_then_cover_nothing_but_their_expiry(tmp_path: Path) -> None:
    opened = "P-1,C-1,opening,100,2026-01-01 09:00,2026-01-31"
    assert refused(tmp_path, lines(opened, "P-2,C-1,redeem,40,2026-01-31 09:00,")) == ""
    assert "P-3" in refused(tmp_path, lines("P-3,C-1,redeem,1,2026-02-01 09:00,"))
    assert refused(tmp_path, lines("P-4,C-1,expire,60,2026-02-01 00:00,")) == ""
    assert sums(account_of("C-1")) == (0, 0, 0)


def test_repeated_file_changes_nothing_and_a_changed_line_is_refused(tmp_path: Path) -> None:
    rows = ["P-1,C-1,earn,100,2026-02-01 09:00,2026-09-09", "P-2,C-1,redeem,40,2026-03-01 09:00,"]
    bring(tmp_path, lines(*rows))
    before = list(PointsEntry.objects.values()), list(PointsLot.objects.values())
    again = bring(tmp_path, lines(*rows))
    assert (again.created, again.unchanged, again.refused) == (0, 2, 0)
    assert (list(PointsEntry.objects.values()), list(PointsLot.objects.values())) == before
    for changed in (
        "P-1,C-1,earn,101,2026-02-01 09:00,2026-09-09",
        "P-1,C-2,earn,100,2026-02-01 09:00,2026-09-09",
        "P-1,C-1,opening,100,2026-02-01 09:00,2026-09-09",
        "P-1,C-1,earn,100,2026-02-01 09:01,2026-09-09",
        "P-1,C-1,earn,100,2026-02-01 09:00,2026-09-10",
        "P-2,C-1,redeem,41,2026-03-01 09:00,",
    ):
        assert "never changed" in refused(tmp_path, lines(changed)), changed
    assert list(PointsEntry.objects.values()) == before[0]


@pytest.mark.parametrize(
    ("row", "field", "english"),
    [
        ("X,C-1,earn,1.5,2026-05-01,", "points", "whole numbers"),
        ("X,C-1,earn,0,2026-05-01,", "points", "moves no points"),
        ("X,C-1,earn,-1,2026-05-01,", "points", "above zero"),
        ("X,C-1,opening,-1,2026-05-01,", "points", "above zero"),
        ("X,C-1,gift,1,2026-05-01,", "kind", "gift"),
        ("X,C-1,earn,1,2026-05-12,", "date", "future"),
        ("X,C-1,earn,1,2026-05-01,2026-04-01", "expires on", "before they came in"),
        ("X,C-1,adjust,-1,2026-05-01,", "points", "opening balance"),
        ("X,C-1,expire,1,2026-05-01,", "points", "opening balance"),
    ],
)
def test_bad_line_says_what_is_wrong_and_good_ones_land(
    tmp_path: Path, row: str, field: str, english: str
) -> None:
    told = refused(tmp_path, lines(row, "G,C-2,earn,9,2026-05-01,2026-05-01"))
    assert english in told and f",{field}," in told.splitlines()[1]
    assert list(PointsEntry.objects.values_list("points", flat=True)) == [9]


def test_an_adjustment_takes_what_had_expired_by_then_after_all_others(tmp_path: Path) -> None:
    first, second = (
        "P-{0}1,C-{0},earn,100,2026-01-01,2026-02-01",
        "P-{0}2,C-{0},earn,100,2026-01-10,2026-07-01",
    )
    taken = {1: ("-40", "2026-03-01"), 2: ("-40", "2026-02-01"), 3: ("-140", "2026-03-01")}
    for number, (points, when) in taken.items():
        adjusted = f"P-{number}3,C-{number},adjust,{points},{when},"
        bring(tmp_path, lines(first.format(number), second.format(number), adjusted))
    left = [list(account_of(f"C-{n}").lots.order_by("pk").values_list("left", flat=True)) for n in taken]
    assert left == [[100, 60], [60, 100], [60, 0]]
    expiring.settle_due(account_of("C-1"), at=NOW)
    assert sums(account_of("C-1")) == (60, 0, 0)


def test_signs_of_what_goes_out_do_not_matter(tmp_path: Path) -> None:
    rows = ("P-1,C-1,earn,100,2026-02-01,", "P-2,C-1,redeem,-30,2026-03-01,", "P-3,C-1,redeem,30,2026-03-02,")
    assert refused(tmp_path, lines(*rows)) == ""
    assert sums(account_of("C-1")) == (40, 0, 0)


def test_points_that_were_handed_out_land_with_the_same_balances_and_last_days(
    tmp_path: Path, client: Client, admin: User
) -> None:
    bring(
        tmp_path,
        lines(
            "P-1,C-1,opening,500,2026-01-01 00:00,2026-12-31",
            "P-2,C-1,earn,120,2026-02-01 10:00,",
            "P-3,C-1,redeem,530,2026-03-01 10:00,",
            "P-4,C-2,earn,70,2026-02-01 10:00,2200-12-31",
            "P-5,C-2,adjust,5,2026-02-02 10:00,2026-06-30",
        ),
    )
    assert PointsLot.objects.get(points=70).expires_day is None
    unnamed = make_account()  # no other system knows this customer
    earn(unnamed, 40)
    earn(unnamed, 9, usable_day=NOW.date().toordinal() + 5)  # pending

    def held(account: PointsAccount) -> tuple[int, list[tuple[int, int | None, int, str]]]:
        lots = PointsLot.objects.filter(account=account, left__gt=0, is_pending=False).order_by("pk")
        rows = lots.values_list("left", "expires_day", "earned_day", "entry__kind")
        return PointsAccount.objects.get(pk=account.pk).balance, list(rows)

    before = {
        "C-1": held(account_of("C-1")),
        "C-2": held(account_of("C-2")),
        f"customer-{unnamed.customer_id}": held(unnamed),
    }
    clock.fix(NOW)
    client.force_login(admin)
    answer = client.get("/loyalty/accounts/export/?format=csv&what=lots")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    batch = bring(tmp_path, text, source="elsewhere")  # where none of these customers is known
    assert (batch.created, batch.refused) == (4, 0)
    named = ExternalRef.objects.filter(kind="customer", source="elsewhere")
    assert before == {
        row.external_id: held(PointsAccount.objects.get(customer=row.object_id)) for row in named
    }
    again = bring(tmp_path, text, source="elsewhere")
    assert (again.created, again.unchanged, again.refused) == (0, 4, 0)


def test_without_a_programme_that_runs_every_line_is_refused(tmp_path: Path) -> None:
    Programme.objects.update(state="draft")
    assert "No loyalty programme" in refused(tmp_path, lines("P-1,C-1,earn,1,2026-02-01,"))
    assert not PointsAccount.objects.exists()


def test_debt_is_paid_of_what_comes_in(tmp_path: Path) -> None:
    Programme.objects.update(on_spent_return="debt")
    bring(tmp_path, lines("P-0,C-1,earn,30,2026-02-01,"))
    earned, account = PointsEntry.objects.get(), account_of("C-1")
    redeem(account, 30)
    given: dict[str, Any] = {"source": None, "occurred_at": NOW, "detail": {}, "by": None, "at": NOW}
    earning.take_back(earned, points=30, **given)
    assert sums(account) == (0, 0, 30)
    bring(tmp_path, lines("P-1,C-1,earn,100,2026-02-02,"))
    assert sums(account) == (70, 0, 0)


def test_sample_file_imports_as_it_stands(tmp_path: Path, company: Any) -> None:
    kind = kinds.named("points")
    table = [samples.header_of(kind), *samples.lines_of(kind, firm=company, at=NOW)]
    batch = bring(tmp_path, "\n".join(",".join(row) for row in table))
    assert (batch.created, batch.refused) == (3, 0)


def test_a_chunk_takes_as_many_statements_for_30_lines_as_for_3(
    tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    bring(tmp_path, lines("P-0,C-0,earn,1,2026-02-01,"))

    def rows(first: int, count: int) -> str:
        found = []
        for n in range(first, first + count):
            found += [f"E-{n},C-0,earn,5,2026-02-02,", f"R-{n},C-0,redeem,5,2026-02-03,"]
        return lines(*found)

    with django_assert_max_num_queries(200) as three:
        bring(tmp_path, rows(100, 3))
    with django_assert_max_num_queries(200) as thirty:
        bring(tmp_path, rows(200, 30))
    assert len(thirty) <= len(three) + 2  # not one for each line


class TestTakingBack:
    def test_accounts_hold_what_they_would_without_the_import(self, tmp_path: Path) -> None:
        bring(tmp_path, lines("P-0,C-1,opening,200,2026-01-01,2026-07-01"))
        batch = bring(
            tmp_path,
            lines(
                "P-1,C-1,earn,100,2026-02-01,",
                "P-2,C-1,redeem,250,2026-03-01,",  # 200 of the lot that was there, 50 of its own
                "P-3,C-2,earn,9,2026-02-01,",
            ),
        )
        account = account_of("C-1")
        assert sums(account) == (50, 0, 0)
        (share,) = [one for one in undo.shares_of(batch) if one.model is PointsEntry]
        assert (share.created, share.label) == (3, "Movements of points")
        assert len(undo.records_of(batch, "pointsentry", after=0, most=9)) == 3
        other = account_of("C-2")
        take_back(batch)
        assert ImportBatch.objects.get(pk=batch.pk).status == "undone"
        assert (sums(account), sums(other)) == ((200, 0, 0), (0, 0, 0))
        assert list(PointsLot.objects.filter(left__gt=0).values_list("points", "left")) == [(200, 200)]
        against = PointsEntry.objects.filter(reverses__batch=batch)
        assert set(against.values_list("kind", "points")) == {
            ("take_back", -50),
            ("give_back", 200),
            ("take_back", -9),
        }

    def test_report_says_that_entries_were_taken_back(
        self, tmp_path: Path, client: Client, admin: User
    ) -> None:
        bring(tmp_path, lines("P-0,C-1,opening,200,2026-01-01,"))
        batch = bring(tmp_path, lines("P-1,C-1,earn,100,2026-02-01,", "P-2,C-1,redeem,50,2026-03-01,"))
        take_back(batch)
        client.force_login(admin)
        page = client.get(reverse("customers:import_detail", args=[batch.pk])).text
        assert "2 entries were taken back" in page
        assert "were removed" not in page

    def test_mended_file_lands_under_the_same_ids(self, tmp_path: Path) -> None:
        batch = bring(tmp_path, lines("P-1,C-1,earn,100,2026-02-01,"))
        account = account_of("C-1")
        take_back(batch)
        again = bring(tmp_path, lines("P-1,C-1,earn,120,2026-02-01,"))
        assert (again.created, again.refused) == (1, 0)
        assert sums(account_of("C-1")) == (120, 0, 0)
        assert sums(account) == (0, 0, 0)

    def test_points_used_since_stand_in_the_way_until_they_are_back(self, tmp_path: Path) -> None:
        batch = bring(tmp_path, lines("P-1,C-1,earn,100,2026-02-01,"))
        account = account_of("C-1")
        used = redeem(account, 10)
        with pytest.raises(undo.UndoBlocked, match="were used since"):
            undo.undo_import(batch, reason="wrong", by=None, at=NOW)
        redeeming.give_back(used, source=None, by=None, at=NOW)
        take_back(batch)
        assert sums(account) == (0, 0, 0)

    def test_a_debt_that_it_paid_stands_again_and_is_paid_from_what_came_since(
        self, tmp_path: Path, owing: PointsAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(working, "MOST_RECORDS", 1)
        rest = ["P-1,C-1,earn,100,2026-02-01,", "P-2,C-1,earn,30,2026-02-01,", "P-3,C-1,earn,5,2026-02-02,"]
        batch = bring(tmp_path, lines(*rest))
        assert sums(owing) == (35, 0, 0)
        earn(owing, 70)
        given: dict[str, Any] = {"source": None, "occurred_at": NOW, "detail": {}, "by": None, "at": NOW}
        earning.take_back(PointsEntry.objects.get(points=5), points=5, **given)  # nothing is left of it
        take_back(batch)
        assert sums(owing) == (0, 0, 30)  # its own 30 are gone, and paid nothing

    def test_a_debt_that_it_paid_goes_to_whom_the_customer_was_merged_into_and_back(
        self, tmp_path: Path, owing: PointsAccount
    ) -> None:
        batch = bring(tmp_path, lines("P-1,C-1,earn,100,2026-02-01,"))
        survivor = make_account()
        merge = merged(survivor, owing)
        take_back(batch)
        assert (sums(owing), sums(survivor)) == ((0, 0, 0), (0, 0, 100))
        merges.undo_merge(merge, by=None, at=NOW)
        assert (sums(owing), sums(survivor)) == ((0, 0, 100), (0, 0, 0))

    def test_what_it_took_goes_back_to_whom_the_customer_was_merged_into(self, tmp_path: Path) -> None:
        bring(tmp_path, lines("P-0,C-1,opening,200,2026-01-01,2026-07-01"))
        batch = bring(tmp_path, lines("P-2,C-1,redeem,150,2026-03-01,"))
        account, survivor = account_of("C-1"), make_account()
        merge = merged(survivor, account)
        assert sums(survivor) == (50, 0, 0)
        take_back(batch)
        assert (sums(account), sums(survivor)) == ((0, 0, 0), (200, 0, 0))
        merges.undo_merge(merge, by=None, at=NOW)
        assert (sums(account), sums(survivor)) == ((200, 0, 0), (0, 0, 0))

    def test_what_expired_or_was_reversed_since_is_not_taken_twice(self, tmp_path: Path) -> None:
        batch = bring(
            tmp_path,
            lines("P-1,C-1,earn,100,2026-02-01,2026-05-12", "P-2,C-1,earn,50,2026-02-01,"),
        )
        account = account_of("C-1")
        given: dict[str, Any] = {"source": None, "occurred_at": NOW, "detail": {}, "by": None, "at": NOW}
        earning.take_back(PointsEntry.objects.get(points=50), points=20, **given)
        later = NOW + timedelta(days=3)
        expiring.settle_due(account, at=later)
        assert sums(account) == (30, 0, 0)
        take_back(batch, at=later)
        assert sums(account) == (0, 0, 0)

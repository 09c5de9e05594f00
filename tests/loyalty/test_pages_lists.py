"""Overview, lists, files and the ledger's page; and what a customer's own page shows of points."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Customer, User
from loyalty.ledger import sealing
from loyalty.models import LedgerCheck, OrderEarning, PointsAccount, Programme, TierMove
from loyalty.pages import charts, figures
from loyalty.rewards import redeeming
from retention.timeline import timeline
from tests.factories import NOW, CustomerFactory, ago, day, findable
from tests.loyalty.earning import bought, make_rule
from tests.loyalty.factories import earn, make_account, redeem
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def boss(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def text(answer: Any) -> str:
    page: str = answer.content.decode()
    return page.split("<main")[1].split("</main")[0]


def names(answer: Any) -> list[str]:
    """Return the customers of a list of accounts, from the first to the last."""
    cells = text(answer).split('<th scope="row"')[1:]
    return [cell.split("</a>")[0].rpartition(">")[2] for cell in cells]


# --- Overview ----------------------------------------------------------------------------------------
def test_the_overview_says_what_is_owed_expires_and_waits(boss: Client, programme: Programme) -> None:
    account = make_account(CustomerFactory(name="Blue Lake"))
    earn(account, 1000, at=ago(40), expires_day=day(NOW) + 29)
    earn(account, 500, expires_day=day(NOW) + 30)
    earn(account, 70, usable_day=day(NOW) + 5)
    redeem(account, 300, at=ago(10))
    page = text(boss.get("/loyalty/"))
    assert '<span class="stat-value">1,200</span>' in page  # outstanding
    assert '<span class="stat-value">¥12.70</span>' in page  # with what is pending
    within = [part.split("</span>")[0] for part in page.split("Expire within ")[1:]]
    assert within == ["30 days", "60 days", "90 days"]
    for span, points in ((30, "700"), (60, "1,200"), (90, "1,200")):
        shown = page.split(f"Expire within {span} days</span>")[1].split("</div>")[0]
        assert f'<span class="stat-value">{points}</span>' in shown


def test_figures_of_the_firm_are_not_shown_to_managers(
    client: Client, programme: Programme, manager: User
) -> None:
    earn(make_account(), 1234)
    client.force_login(manager)
    page = text(client.get("/loyalty/"))
    assert "1,234" not in page and "Adjustments to decide" in page


def test_months_add_up_backwards_from_what_is_outstanding(programme: Programme) -> None:
    account = make_account(at=ago(400))
    earn(account, 900, at=ago(380), expires_day=day(NOW) + 500)
    earn(account, 100, at=ago(35), expires_day=day(NOW) + 500)
    redeem(account, 40, at=ago(1))
    found = figures.by_month(programme, today=day(NOW), now_outstanding=960)
    assert [month.first.isoformat() for month in found][0::11] == ["2025-06-01", "2026-05-01"]
    april = next(month for month in found if month.first.month == 4)
    assert (april.earned, april.redeemed, april.outstanding) == (100, 0, 1000)
    assert (found[-1].redeemed, found[-1].outstanding, found[-1].worth) == (40, 960, 960)
    assert found[0].outstanding == 900


@pytest.mark.parametrize(("value", "step"), [(0, 1), (1, 1), (2, 2), (21, 30), (260, 300), (9999, 10000)])
def test_a_scale_ends_at_a_round_number(value: int, step: int) -> None:
    assert charts._round_up(value) == step


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((0, "0"), (7, "7"), (950, "950"), (999, "999"), (1_000, "1k"), (1_234, "1.23k"), (12_000, "12k")),
        *((999_499, "999k"), (999_600, "1M"), (999_999, "1M"), (-999_999, "\u22121M"), (1_500_000, "1.5M")),
        *((999_999_999, "1G"), (10**12, "1,000G"), (12 * 10**12, "12,000G")),
    ],
)
def test_a_scale_writes_no_powers(value: int, shown: str) -> None:
    assert charts.short(value) == shown


# --- Accounts ----------------------------------------------------------------------------------------
def test_accounts_are_filtered_searched_sorted_and_paged(
    boss: Client, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = make_tier("gold", 100)
    for number, (name, points) in enumerate((("Red Hill", 5), ("Blue Lake", 30), ("Green Field", 20))):
        account = make_account(CustomerFactory(name=name), at=ago(9 - number))
        earn(account, points, at=ago(9 - number))
    PointsAccount.objects.filter(customer__name="Red Hill").update(tier=gold)
    findable()
    assert names(boss.get("/loyalty/accounts/")) == ["Green Field", "Blue Lake", "Red Hill"]
    assert names(boss.get("/loyalty/accounts/?sort=points")) == ["Blue Lake", "Green Field", "Red Hill"]
    assert names(boss.get("/loyalty/accounts/?sort=idle")) == ["Red Hill", "Blue Lake", "Green Field"]
    assert names(boss.get(f"/loyalty/accounts/?tier={gold.pk}")) == ["Red Hill"]
    assert names(boss.get("/loyalty/accounts/?tier=none")) == ["Green Field", "Blue Lake"]
    assert names(boss.get("/loyalty/accounts/?q=blue")) == ["Blue Lake"]
    assert "No account found" in text(boss.get("/loyalty/accounts/?q=nobody"))
    monkeypatch.setattr("loyalty.pages.accounts.PAGE", 1)
    seen, address = [], "/loyalty/accounts/?sort=points"
    for _page in range(3):
        page = boss.get(address)
        seen += names(page)
        address = "/loyalty/accounts/" + page.context["older"] if page.context["older"] else ""
    assert seen == ["Blue Lake", "Green Field", "Red Hill"] and not address
    for odd in ("?after=x~y", "?after=~", "?sort=magic", "?tier=²", "?after=99999999999999999999~1"):
        assert boss.get(f"/loyalty/accounts/{odd}").status_code == 200


def test_accounts_below_zero_are_paged_too(
    boss: Client, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More came back in a window than was bought: what counts for the tier is below zero."""
    monkeypatch.setattr("loyalty.pages.accounts.PAGE", 1)
    for name, basis in (("Red Hill", -5), ("Blue Lake", -5), ("Green Field", 3), ("Low Land", -7)):
        PointsAccount.objects.filter(pk=make_account(CustomerFactory(name=name)).pk).update(tier_basis=basis)
    seen, address = [], "/loyalty/accounts/?sort=basis"
    while address and len(seen) < 9:
        page = boss.get(address)
        seen += names(page)
        address = "/loyalty/accounts/" + page.context["older"] if page.context["older"] else ""
    assert seen == ["Green Field", "Blue Lake", "Red Hill", "Low Land"]


def test_redemptions_are_searched_by_customer_and_the_search_is_kept(
    boss: Client, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty.pages.redemptions.PAGE", 1)
    reward = make_reward(points=1)
    for name in ("Red Hill", "Blue Lake"):
        account = make_account(CustomerFactory(name=name))
        earn(account, 10)
        for key in "ab":
            redeeming.ask_reward(account, reward, key=key, by=None, at=NOW)
    findable()
    page = boss.get("/loyalty/redemptions/?q=blue")
    row = page.context["rows"][0].row
    assert row.customer.name == "Blue Lake" and "Red Hill" not in text(page)
    assert page.context["older"] == "/loyalty/redemptions/?q=blue&page=2"
    assert [view["count"] for view in page.context["views"]] == [2, 0, 0, None, None]
    done = boss.post(f"/loyalty/redemptions/{row.pk}/ready/?q=blue&page=2", {"next": ""})
    assert done["Location"] == "/loyalty/redemptions/?q=blue"
    assert "Nothing here" in text(boss.get("/loyalty/redemptions/?q=nobody"))


def test_lists_ask_as_often_for_three_rows_as_for_one(boss: Client, programme: Programme) -> None:
    pages = ("", "accounts/", "redemptions/", "adjustments/", "rewards/", "tiers/", "ledger/")
    counts: list[list[int]] = []
    for place in range(2):
        for number in range(1 + 2 * place):
            account = make_account(CustomerFactory())
            earn(account, 500)
            reward = make_reward(points=10)
            boss.post(f"/loyalty/accounts/{account.pk}/redeem/", {"reward": reward.pk, "key": "k"})
            boss.post(f"/loyalty/accounts/{account.pk}/adjust/", {"points": 9000, "reason": "x", "key": "k"})
            make_tier(f"t{place}{number}", 100 * place + number)
        LedgerCheck.objects.create(began_at=NOW, ended_at=NOW)
        asked = []
        for page in pages:
            with CaptureQueriesContext(connection) as found:
                assert boss.get(f"/loyalty/{page}").status_code == 200
            asked.append(len(found))
        counts.append(asked)
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 20


# --- Files -------------------------------------------------------------------------------------------
def test_files_hold_what_the_filter_shows_and_no_formula(
    client: Client, programme: Programme, lead: User
) -> None:
    gold = make_tier("gold", 0)
    for name in ("=1+1", "Blue Lake"):
        earn(make_account(CustomerFactory(name=name)), 70)
    PointsAccount.objects.filter(customer__name="=1+1").update(tier=gold)
    client.force_login(lead)

    def lines(query: str) -> list[str]:
        answer = client.get(f"/loyalty/accounts/export/?format=csv&{query}")
        written = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        return written.strip().splitlines()[1:]

    whole = lines("")
    assert len(whole) == 2 and any("'=1+1" in line for line in whole)
    assert len(lines(f"tier={gold.pk}")) == 1
    moved = lines(f"what=entries&tier={gold.pk}")
    assert len(moved) == 1 and "'=1+1" in moved[0] and ",earn,70," in moved[0]


def test_a_filter_that_is_wrong_takes_nothing_away(boss: Client, programme: Programme) -> None:
    gold = make_tier("gold", 0)
    earn(make_account(CustomerFactory()), 70)
    gold.is_retired = True
    gold.save()
    answer = boss.get(f"/loyalty/accounts/export/?format=csv&tier={gold.pk}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/loyalty/accounts/?") and f"tier={gold.pk}" in answer["Location"]
    assert not AuditEvent.objects.filter(act="export.run").exists()
    assert "Nothing was taken away" in boss.get(answer["Location"]).content.decode()


# --- What could not be taken back --------------------------------------------------------------------
def test_points_that_could_not_be_taken_back_are_shown_and_settled(
    client: Client, customer: Customer, manager: User, lead: User, outsider: User, programme: Programme
) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"})
    bought(customer, ("A", 1, 100))
    account = PointsAccount.objects.get(customer=customer)
    redeem(account, 70)
    bought(customer, ("A", -1, 100), at=NOW + timedelta(hours=1))
    row = OrderEarning.objects.get(short=70)
    settle = f"/loyalty/shortfalls/{row.pk}/settle/"
    client.force_login(outsider)
    assert "/loyalty/shortfalls/" not in text(client.get("/loyalty/"))
    assert "Nothing is open" in text(client.get("/loyalty/shortfalls/"))
    client.force_login(manager)
    assert "/loyalty/shortfalls/" in text(client.get("/loyalty/"))
    page = text(client.get("/loyalty/shortfalls/"))
    assert f"/loyalty/accounts/{account.pk}/" in page and "<b>70</b>" in page and settle not in page
    assert client.post(settle, {"note": "Left.", "is_taken": "no"}).status_code == 403
    client.force_login(lead)
    assert settle in text(client.get("/loyalty/shortfalls/"))
    assert (
        "Say in a sentence"
        in client.post(settle, {"note": "", "is_taken": "no"}, follow=True).content.decode()
    )
    assert "Settled" in client.post(settle, {"note": "Left.", "is_taken": "no"}, follow=True).content.decode()
    assert "Nothing is open" in text(client.get("/loyalty/shortfalls/"))
    assert "/loyalty/shortfalls/" not in text(client.get("/loyalty/"))
    assert client.post("/loyalty/shortfalls/999999999/settle/", {"note": "x"}).status_code == 404


def test_tiers_and_rewards_are_called_by_their_names_in_the_language_of_the_reader(
    client: Client, customer: Customer, manager: User, programme: Programme
) -> None:
    gold = make_tier("gold", 0, name_alt="金卡")
    reward = make_reward(name="Tea cup", name_alt="茶杯", tier=gold, points=1)
    account = make_account(customer)
    earn(account, 50)
    other = make_reward(name="Spoon", points=1, tier=make_tier("diamond", 9, name_alt="钻石卡"))
    PointsAccount.objects.update(tier=gold)
    account.refresh_from_db()
    asked = redeeming.ask_reward(account, reward, key="a", by=manager, at=NOW)
    manager.language = "zh-hans"
    manager.save(update_fields=["language"])
    client.force_login(manager)
    assert 'tag-accent">金卡' in text(client.get("/loyalty/accounts/"))
    assert f'<option value="{gold.pk}">金卡' in client.get("/loyalty/accounts/").content.decode()
    assert "茶杯" in text(client.get("/loyalty/")) and "Tea cup" not in text(client.get("/loyalty/"))
    acts = text(client.get("/loyalty/redemptions/")).split(f"/redemptions/{asked.pk}/ready/")[1]
    assert "茶杯" in acts and "Tea cup" not in acts
    for address in ("/loyalty/rewards/", f"/loyalty/rewards/{reward.pk}/"):
        page = text(client.get(address))
        assert "金卡" in page and ">Gold" not in page and page.index("茶杯") < page.index("Tea cup")
    with translation.override("zh-hans"), pytest.raises(redeeming.RewardForTier, match="钻石卡"):
        redeeming.ask_reward(account, other, key="b", by=manager, at=NOW)


# --- The ledger --------------------------------------------------------------------------------------
def test_the_ledger_page_tells_of_a_damaged_row(boss: Client, programme: Programme) -> None:
    assert "Not checked yet" in text(boss.get("/loyalty/ledger/"))
    account = make_account()
    earn(account, 70)
    sealing.seal(NOW)
    sealing.verify(at=NOW)
    page = text(boss.get("/loyalty/ledger/"))
    assert "Everything agrees" in page and "0 entries written since" in page
    PointsAccount.objects.filter(pk=account.pk).update(balance=71)
    sealing.verify(at=NOW)
    page = text(boss.get("/loyalty/ledger/"))
    assert "Everything agrees" not in page
    assert "A balance differs from the sum of its entries" in page and f"{account.pk}</span>" in page


# --- A customer's own page ---------------------------------------------------------------------------
def test_a_customers_page_shows_points_tier_and_next_expiry(
    client: Client, customer: Customer, manager: User, programme: Programme
) -> None:
    client.force_login(manager)
    before = client.get(f"/customers/{customer.pk}/")
    assert "Open an account" in text(before)
    opened = client.post(f"/loyalty/customers/{customer.pk}/open/")
    account = PointsAccount.objects.get(customer=customer)
    assert opened["Location"] == f"/loyalty/accounts/{account.pk}/"
    earn(account, 1500)
    PointsAccount.objects.update(tier=make_tier("gold", 0))
    with CaptureQueriesContext(connection) as with_points:
        page = text(client.get(f"/customers/{customer.pk}/"))
    assert "1,500" in page and ">Gold</span>" in page and f"/loyalty/accounts/{account.pk}/" in page
    assert not [
        q for q in with_points.captured_queries if "loyalty_" in q["sql"] and "SELECT (SELECT" not in q["sql"]
    ]


def test_nothing_of_points_is_shown_before_a_programme_runs(
    client: Client, customer: Customer, manager: User
) -> None:
    client.force_login(manager)
    assert "Points to use" not in text(client.get(f"/customers/{customer.pk}/"))
    assert client.post(f"/loyalty/customers/{customer.pk}/open/")["Location"] == "/loyalty/"
    assert not PointsAccount.objects.exists()


def test_no_account_is_opened_for_somebody_elses_customer(
    client: Client, customer: Customer, outsider: User, programme: Programme
) -> None:
    client.force_login(outsider)
    assert client.post(f"/loyalty/customers/{customer.pk}/open/").status_code == 404
    assert not PointsAccount.objects.exists()


def test_points_and_tiers_stand_on_the_timeline(
    customer: Customer, manager: User, programme: Programme
) -> None:
    account = make_account(customer)
    gold = make_tier("gold", 100)
    earn(account, 1500, at=ago(5))
    redeem(account, 200, at=ago(4), note="For tea.")
    move = {
        "account": account,
        "customer": customer,
        "basis": 0,
        "occurred_day": day(NOW),
        "recorded_at": NOW,
    }
    TierMove.objects.create(
        **move, to_tier=gold, to_rank=1, reason="reached", occurred_at=NOW - timedelta(days=3)
    )
    TierMove.objects.create(
        **move, from_tier=gold, from_rank=1, reason="fell", occurred_at=NOW - timedelta(days=1)
    )
    found = [
        entry
        for entry in timeline(customer, user=manager).entries
        if entry.kind.startswith(("points", "tier"))
    ]
    assert [(entry.kind, entry.title, entry.text) for entry in found] == [
        ("tier_lost", "Lost the tier Gold", ""),
        ("tier", "In the tier Gold now", ""),
        ("points", "Redeemed 200 points", "For tea."),
        ("points", "Earned 1,500 points", ""),
    ]

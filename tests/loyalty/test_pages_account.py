"""The page of an account: what it shows, what is done by hand on it, and by whom."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.ground import clock, localtime
from customers.models import Customer, User
from loyalty.models import (
    BenefitUse,
    Membership,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    Redemption,
    Referral,
)
from loyalty.tiers import editing, membership
from tests.factories import NOW, CustomerFactory, day
from tests.loyalty.earning import bought, make_rule
from tests.loyalty.factories import earn, make_account, sums
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(programme: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def mine(customer: Customer, programme: Any) -> PointsAccount:
    """The account of the manager's customer, with 500 points."""
    account = make_account(customer)
    earn(account, 500)
    return account


def path(account: PointsAccount, act: str = "") -> str:
    return f"/loyalty/accounts/{account.pk}/{act}/" if act else f"/loyalty/accounts/{account.pk}/"


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    page: str = answer.content.decode()
    return page.split("<main")[1].split("</main")[0]


# --- Who ---------------------------------------------------------------------------------------------
def test_an_account_is_seen_by_those_who_see_its_customer(
    client: Client, mine: PointsAccount, manager: User, lead: User, analyst: User, outsider: User
) -> None:
    for user, status in ((manager, 200), (lead, 200), (analyst, 200), (outsider, 404)):
        assert signed_in(client, user).get(path(mine)).status_code == status
    assert client.post(path(mine, "adjust"), {"points": 5, "reason": "x"}).status_code == 404
    listed = client.get("/loyalty/accounts/").content.decode()
    assert "Blue Lake" not in listed
    assert "Blue Lake" in signed_in(client, manager).get("/loyalty/accounts/").content.decode()


def test_an_analyst_reads_and_changes_nothing(client: Client, mine: PointsAccount, analyst: User) -> None:
    signed_in(client, analyst)
    assert "<form" not in text(client.get(path(mine))).replace('<form class="cluster" method="get"', "")
    for act in ("adjust", "reverse", "redeem", "use", "sell", "refer", "renew"):
        assert client.post(path(mine, act), {}).status_code == 403


def test_unknown_acts_and_accounts_are_not_found(client: Client, mine: PointsAccount, manager: User) -> None:
    signed_in(client, manager)
    assert client.post(path(mine, "steal"), {}).status_code == 404
    assert client.get("/loyalty/accounts/999999999/").status_code == 404
    assert client.get(path(mine, "adjust")).status_code == 405


# --- Adjusting -------------------------------------------------------------------------------------
def test_what_a_manager_adjusts_waits_and_a_lead_grants_it(
    client: Client, mine: PointsAccount, manager: User, lead: User
) -> None:
    form = {"points": 300, "reason": "The parcel came late.", "key": "one"}
    signed_in(client, manager)
    for _time in range(2):  # a double press
        assert client.post(path(mine, "adjust"), form).status_code == 302
    row = PointsAdjustment.objects.get()
    assert (row.state, row.points, sums(mine)) == ("asked", 300, (500, 0, 0))
    assert client.post(f"/loyalty/adjustments/{row.pk}/grant/").status_code == 403
    signed_in(client, lead)
    assert "The parcel came late." in text(client.get("/loyalty/adjustments/"))
    assert client.post(f"/loyalty/adjustments/{row.pk}/grant/").status_code == 302
    assert sums(mine) == (800, 0, 0)
    assert "The parcel came late." in text(client.get(path(mine)))


def test_who_asked_does_not_decide_herself(client: Client, mine: PointsAccount, lead: User) -> None:
    signed_in(client, lead)
    client.post(path(mine, "adjust"), {"points": 5000, "reason": "Much.", "key": "big"})
    row = PointsAdjustment.objects.get()
    assert row.state == "asked"
    assert "somebody else decides" in text(client.get("/loyalty/adjustments/"))
    refused = client.post(f"/loyalty/adjustments/{row.pk}/grant/", follow=True)
    assert "Somebody else decides this" in refused.content.decode()
    assert sums(mine) == (500, 0, 0)


@pytest.mark.parametrize(
    ("form", "field", "says"),
    [
        ({"points": "0", "reason": "x"}, "points", "above or below zero"),
        ({"points": "1.5", "reason": "x"}, "points", "whole number"),
        ({"points": "", "reason": "x"}, "points", "required"),
        ({"points": "5", "reason": " "}, "reason", "required"),
        ({"points": "-501", "reason": "x"}, "points", "There are 500 points"),
    ],
)
def test_what_cannot_be_adjusted_says_so_at_its_field(
    client: Client, mine: PointsAccount, lead: User, form: dict[str, str], field: str, says: str
) -> None:
    answer = signed_in(client, lead).post(path(mine, "adjust"), {**form, "key": "k"})
    assert answer.status_code == 422
    page = text(answer)
    errors = page.split(f'id="adjust_{field}_error"')[1].split("</ul>")[0]
    assert says in errors
    assert 'aria-labelledby="adjust-t" data-open' in page
    assert sums(mine) == (500, 0, 0)


# --- Reversing -------------------------------------------------------------------------------------
def test_a_lead_reverses_an_earning_and_a_manager_cannot(
    client: Client, mine: PointsAccount, manager: User, lead: User
) -> None:
    entry = PointsEntry.objects.get()
    form = {"entry": entry.pk, "reason": "Entered twice.", "key": "r"}
    assert 'name="entry"' not in text(signed_in(client, manager).get(path(mine)))
    assert client.post(path(mine, "reverse"), form).status_code == 404
    assert sums(mine) == (500, 0, 0)
    assert f'name="entry" value="{entry.pk}"' in text(signed_in(client, lead).get(path(mine)))
    assert client.post(path(mine, "reverse"), form).status_code == 302
    assert sums(mine) == (0, 0, 0)
    page = text(client.get(path(mine)))
    assert "Entered twice." in page and "Taken back" in page


def test_an_entry_of_another_account_is_not_found(client: Client, mine: PointsAccount, lead: User) -> None:
    other = earn(make_account(), 70)
    answer = signed_in(client, lead).post(path(mine, "reverse"), {"entry": other.pk, "reason": "x"})
    assert answer.status_code == 404


def test_a_refused_reversal_says_why_in_a_sheet(client: Client, mine: PointsAccount, lead: User) -> None:
    signed_in(client, lead)
    form = {"entry": PointsEntry.objects.get().pk, "reason": "x"}
    client.post(path(mine, "reverse"), {**form, "key": "a"})
    again = client.post(path(mine, "reverse"), {**form, "key": "b"})
    assert again.status_code == 422
    assert "It was not reversed" in text(again)


# --- The statement ---------------------------------------------------------------------------------
def test_the_statement_says_why_and_reads_as_of_a_day(
    client: Client, customer: Customer, manager: User, programme: Any
) -> None:
    make_rule(programme, {"kind": "amount", "points": "4", "per": "1"}, name="Four a yuan")
    bought(customer, ("A", 1, 52), at=NOW - timedelta(days=3))
    account = PointsAccount.objects.get(customer=customer)
    earn(account, 111, at=NOW - timedelta(days=1))
    page = text(signed_in(client, manager).get(path(account)))
    assert "+208" in page and "Four a yuan" in page and "319" in page
    before = localtime.day_of(day(NOW) - 2).isoformat()
    then = text(client.get(path(account), {"as_of": before}))
    assert "+208" in then and "+111" not in then
    assert "At the end of that day there were 208 points" in then
    odd = client.get(path(account), {"as_of": "0001-01-01"})
    assert odd.status_code == 200 and "Enter a year between 2000 and 2100." in text(odd)


# --- Rewards ---------------------------------------------------------------------------------------
def test_a_reward_is_redeemed_and_cancelled_and_the_points_come_back(
    client: Client, mine: PointsAccount, manager: User
) -> None:
    reward = make_reward(name="Tea cup", points=200, stock=1)
    signed_in(client, manager)
    assert "Tea cup" in text(client.get(path(mine)))
    form = {"reward": reward.pk, "key": "one"}
    for _time in range(2):
        assert client.post(path(mine, "redeem"), form).status_code == 302
    row = Redemption.objects.get()
    assert sums(mine) == (300, 0, 0)
    assert "Tea cup" in text(client.get("/loyalty/redemptions/"))
    client.post(f"/loyalty/redemptions/{row.pk}/sent/", {"tracking": "SF123", "state": "asked"})
    assert (Redemption.objects.get().state, Redemption.objects.get().tracking) == ("sent", "SF123")
    refused = client.post(f"/loyalty/redemptions/{row.pk}/cancel/", {"reason": ""}, follow=True)
    assert "Say in a sentence why" in refused.content.decode()
    client.post(f"/loyalty/redemptions/{row.pk}/cancel/", {"reason": "Broken.", "next": "account"})
    assert (Redemption.objects.get().state, sums(mine)) == ("cancelled", (500, 0, 0))
    assert client.post(f"/loyalty/redemptions/{row.pk}/vanish/").status_code == 404


def test_too_dear_a_reward_says_so_at_its_field(client: Client, mine: PointsAccount, manager: User) -> None:
    reward = make_reward(points=501)
    answer = signed_in(client, manager).post(path(mine, "redeem"), {"reward": reward.pk, "key": "k"})
    assert answer.status_code == 422
    assert "There are 500 points" in text(answer).split('id="redeem_reward_error"')[1].split("</ul>")[0]
    other = client.post(path(mine, "redeem"), {"reward": "999", "key": "k"})
    assert other.status_code == 422 and not Redemption.objects.exists()


# --- Tier, membership, referral --------------------------------------------------------------------
def test_what_a_tier_brings_is_used_and_taken_back(
    client: Client, mine: PointsAccount, manager: User, admin: User
) -> None:
    gold = make_tier("gold", 0)
    benefit = editing.create_benefit(gold, kind="training", name="Training", a_year=1, by=admin, at=NOW)
    PointsAccount.objects.update(tier=gold)
    signed_in(client, manager)
    assert "1 of 1 left" in text(client.get(path(mine)))
    assert client.post(path(mine, "use"), {"benefit": benefit.pk, "key": "a"}).status_code == 302
    again = client.post(path(mine, "use"), {"benefit": benefit.pk, "key": "b"})
    assert again.status_code == 422 and "are used in 2026" in text(again)
    use = BenefitUse.objects.get()
    assert client.post(path(mine, "undo-use"), {"number": use.pk}).status_code == 302
    assert "1 of 1 left" in text(client.get(path(mine)))
    assert client.post(path(mine, "undo-use"), {"number": "²"}).status_code == 404


def test_a_membership_is_sold_renewed_and_ended(
    client: Client, mine: PointsAccount, manager: User, admin: User, programme: Any
) -> None:
    plan = membership.create_plan(
        programme, code="plus", name="Plus", price=9900, months=12, tier=None, by=admin, at=NOW
    )
    signed_in(client, manager)
    cheap = client.post(path(mine, "sell"), {"plan": plan.pk, "price": "0", "key": "a"})
    assert cheap.status_code == 422
    assert "for another price" in text(cheap).split('id="sell_price_error"')[1].split("</ul>")[0]
    early = client.post(path(mine, "sell"), {"plan": plan.pk, "starts_day": "2026-01-01", "key": "a"})
    assert "in the past" in text(early).split('id="sell_starts_day_error"')[1].split("</ul>")[0]
    assert client.post(path(mine, "sell"), {"plan": plan.pk, "key": "a"}).status_code == 302
    first = Membership.objects.get()
    assert first.price == 9900
    twice = client.post(path(mine, "sell"), {"plan": plan.pk, "key": "b"})
    assert twice.status_code == 422 and "Renew that one instead" in text(twice)
    for _time in range(2):
        client.post(path(mine, "renew"), {"number": first.pk})
    second = Membership.objects.get(renews=first)
    assert (second.starts_day, second.price) == (first.ends_day + 1, 9900)
    page = text(client.get(path(mine)))
    assert f'popovertarget="end-{second.pk}"' in page and f'popovertarget="end-{first.pk}"' not in page
    unsaid = client.post(path(mine, "end"), {"number": second.pk, "reason": ""})
    assert unsaid.status_code == 422
    assert f'aria-labelledby="end-{second.pk}-t" data-open' in text(unsaid)
    assert not Membership.objects.filter(cancelled_at__isnull=False).exists()
    assert client.post(path(mine, "end"), {"number": second.pk, "reason": "Dear."}).status_code == 302
    assert Membership.objects.get(renews=first).cancel_reason == "Dear."
    page = text(client.get(path(mine)))
    assert "Dear." in page and page.count(">Renew</button>") == 1
    assert client.post(path(mine, "end"), {"number": second.pk, "reason": "Dear."}).status_code == 422
    for _time in range(2):
        client.post(path(mine, "renew"), {"number": first.pk})
    assert Membership.objects.get(renews=first, cancelled_at=None).starts_day == second.starts_day


def test_of_many_adjustments_that_wait_ten_are_shown(
    client: Client, mine: PointsAccount, manager: User
) -> None:
    signed_in(client, manager)
    for number in range(10):
        client.post(path(mine, "adjust"), {"points": 5, "reason": "x", "key": f"k{number}"})
    page = text(client.get(path(mine)))
    assert page.count("waits for approval") == 10 and "All 10" not in page
    client.post(path(mine, "adjust"), {"points": 5, "reason": "x", "key": "one more"})
    page = text(client.get(path(mine)))
    assert page.count("waits for approval") == 10 and "All 11" in page


def test_who_came_by_the_code_is_listed_to_who_may_see_them(
    client: Client, mine: PointsAccount, manager: User, lead: User, programme: Any
) -> None:
    theirs = CustomerFactory(name="Red Hill")
    own = CustomerFactory(name="Green Field", owner=manager)
    given = {"referrer": mine, "programme": programme, "at": NOW}
    Referral.objects.create(customer=theirs, state="refused", reason="self", **given)
    Referral.objects.create(customer=own, **given)
    page = text(signed_in(client, manager).get(path(mine)))
    assert "2 customers came by this code" in page
    assert "Green Field" in page and "waits for the first order" in page and "Red Hill" not in page
    page = text(signed_in(client, lead).get(path(mine)))
    assert "Green Field" in page and "refused: the two are the same customer" in page and "Red Hill" in page


def test_handing_over_takes_two_presses(client: Client, mine: PointsAccount, manager: User) -> None:
    redeem_it = {"reward": make_reward(name="Tea cup", points=200, stock=1).pk, "key": "one"}
    signed_in(client, manager).post(path(mine, "redeem"), redeem_it)
    row = Redemption.objects.get()
    for page in (text(client.get("/loyalty/redemptions/")), text(client.get(path(mine)))):
        before = page.split(f'action="/loyalty/redemptions/{row.pk}/done/"')[0]
        assert before.count("<details") == before.count("</details>") + 1
        assert "<summary" in before.rpartition("<details")[2]
        assert "only a team lead or admin can take it back" in page


def test_tables_that_scroll_are_reached_by_the_keyboard(
    client: Client, mine: PointsAccount, manager: User
) -> None:
    client.force_login(manager)
    client.post(path(mine, "redeem"), {"reward": make_reward(points=1).pk, "key": "one"})
    client.post(path(mine, "adjust"), {"points": 5, "reason": "x", "key": "one"})
    make_rule(mine.programme, {"kind": "amount", "points": "4", "per": "1"})
    for address in (
        path(mine),
        *(f"/loyalty/{name}/" for name in ("accounts", "redemptions", "adjustments", "rewards", "rules")),
    ):
        page = text(client.get(address))
        found = re.findall(r'<div class="[^"]*table-wrap"[^>]*>', page)
        assert found, address
        assert all('tabindex="0" role="region" aria-label' in one for one in found), address


def test_by_whose_code_a_customer_came(
    client: Client, mine: PointsAccount, manager: User, programme: Any
) -> None:
    programme.referral_referrer = 50
    programme.save(update_fields=["referral_referrer"])
    friend = make_account(CustomerFactory(name="Red Hill", contact__email="red@example.org"))
    signed_in(client, manager)
    wrong = client.post(path(mine, "refer"), {"code": "NOSUCH"})
    assert wrong.status_code == 422
    assert "NOSUCH" in text(wrong).split('id="refer_code_error"')[1].split("</ul>")[0]
    assert client.post(path(mine, "refer"), {"code": friend.referral_code.lower()}).status_code == 302
    assert Referral.objects.get().referrer == friend
    assert "Came by Red Hill" in text(client.get(path(mine)))


# --- What it costs ---------------------------------------------------------------------------------
def test_the_page_asks_as_often_for_many_entries_and_never_writes(
    client: Client, mine: PointsAccount, lead: User
) -> None:
    make_reward(points=10)
    signed_in(client, lead)
    counts = []
    for _time in range(2):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path(mine)).status_code == 200
        counts.append(len(asked))
        assert not [
            q for q in asked.captured_queries if q["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}
        ]
        for number in range(3):
            earn(mine, 5 + number)
            client.post(
                path(mine, "redeem"), {"reward": make_reward(points=1).pk, "key": f"k{number}{_time}"}
            )
    assert counts[1] <= counts[0] + 3  # codes of redemptions, names of rewards
    assert counts[1] <= 34

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
from customers.models import Customer, Order, User
from customers.writing import revise, void
from loyalty import explaining, programmes
from loyalty.ledger import opening
from loyalty.models import (
    BenefitUse,
    Membership,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Referral,
)
from loyalty.rewards import catalogue, codes, redeeming
from loyalty.tiers import editing, membership
from tests.factories import NOW, ContactFactory, CustomerFactory, ago, day
from tests.loyalty.earning import apply, bought, make_rule
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
    told = client.get("/loyalty/adjustments/").content.decode()
    assert "It waits for a team lead or admin, under “Adjustments”." in told
    assert "above the limit of one person" not in told
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
    form = {"points": 5000, "reason": "Much.", "key": "big"}
    told = client.post(path(mine, "adjust"), form, follow=True).content.decode()
    assert "It is above the limit of one person" in told
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
        ({"points": "5", "reason": "a\0b"}, "reason", "Null characters"),
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


def test_a_refused_reversal_keeps_its_words_and_says_why_beside_them(
    client: Client, mine: PointsAccount, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty.pages.account.PAGE", 1)
    signed_in(client, lead)
    entry = PointsEntry.objects.get()
    form = {"entry": entry.pk, "reason": 'Twice, "I think".'}
    client.post(path(mine, "reverse"), {**form, "key": "a"})
    address = path(mine, "reverse") + "?page=2"  # where the entry stands now
    assert f'action="{address}"' in text(client.get(path(mine) + "?page=2"))
    again = client.post(address, {**form, "key": "b"})
    assert again.status_code == 422
    fold = text(again).split('<details class="fold-inline small" open>')[1].split("</details>")[0]
    assert 'value="Twice, &quot;I think&quot;."' in fold
    error = fold.split(f'id="reverse-why-{entry.pk}-error"')[1].split("</ul>")[0]
    assert "<li>" in error
    assert f'href="{path(mine)}?page=1"' in text(again)  # not the address of the act
    gone = client.post(path(mine, "reverse"), {**form, "key": "b"})  # on a page where it does not stand
    assert gone.status_code == 422 and "points of this entry can still be taken back" in gone.content.decode()


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


def test_a_price_that_changed_is_shown_before_it_is_taken(
    client: Client, mine: PointsAccount, manager: User
) -> None:
    make_reward(name="Pen", points=50)
    cup = make_reward(name="Tea cup", points=200)
    signed_in(client, manager)
    assert f'value="{cup.pk}:200"' in text(client.get(path(mine)))
    catalogue.change_reward(cup, points=300, by=None, at=NOW)
    form = {"reward": f"{cup.pk}:200", "key": "one"}
    refused = client.post(path(mine, "redeem"), form)
    assert refused.status_code == 422 and not Redemption.objects.exists()
    page = text(refused)
    assert "costs 300 points now" in page.split('id="redeem_reward_error"')[1].split("</ul>")[0]
    assert f'value="{cup.pk}:300" selected' in page
    assert client.post(path(mine, "redeem"), {**form, "reward": f"{cup.pk}:300"}).status_code == 302
    assert Redemption.objects.get().points == 300
    for odd in ("\0", "²:1", "9" * 40, ""):
        assert client.post(path(mine, "redeem"), {"reward": odd, "key": "k"}).status_code == 422


@pytest.mark.parametrize("where", ["account", ""])
def test_a_refused_act_on_a_redemption_keeps_its_words_beside_the_error(
    client: Client, mine: PointsAccount, manager: User, where: str
) -> None:
    row = redeeming.ask_reward(mine, make_reward(points=1), key="k", by=None, at=NOW)
    signed_in(client, manager)
    address, tracking = f"/loyalty/redemptions/{row.pk}", "S" * 65
    late = client.post(f"{address}/sent/?state=asked", {"tracking": tracking, "next": where})
    assert late.status_code == 422 and f'value="{tracking}"' in text(late)
    assert "at most 64" in text(late).split(f'id="act-{row.pk}-error"')[1].split("</ul>")[0]
    late = client.post(f"{address}/cancel/?state=asked", {"reason": "   ", "next": where})
    assert "Say in a sentence why" in text(late).split(f'id="act-{row.pk}-error"')[1].split("</ul>")[0]
    assert '<details class="fold-inline" open>' in text(late)
    reason = {"reason": "My <reason> " + "x" * 500, "next": where}
    late = client.post(f"{address}/cancel/?state=asked", reason)
    assert late.status_code == 422 and 'value="My &lt;reason&gt; xxx' in text(late)
    redeeming.set_state(
        row, "done", by=None, at=NOW
    )  # from the list it is gone now, and it is said all the same
    late = client.post(f"{address}/cancel/?state=asked", {"reason": "Broken.", "next": where})
    assert late.status_code == 422 and "A team lead or admin can still cancel it" in late.content.decode()
    for act in ("asked", "cancelled"):
        assert client.post(f"{address}/{act}/", {"tracking": "C3"}).status_code == 404


def test_codes_are_shown_to_who_hands_them_on(
    client: Client, mine: PointsAccount, manager: User, analyst: User
) -> None:
    voucher = make_reward(kind="code")
    codes.add_codes(voucher, "SECRET-1", by=None, at=NOW)
    redeeming.ask_reward(mine, voucher, key="k", by=None, at=NOW)
    assert "SECRET-1" in text(signed_in(client, manager).get(path(mine)))
    page = text(signed_in(client, analyst).get(path(mine)))
    assert voucher.name in page and "SECRET-1" not in page


def test_all_redemptions_are_reached_with_whom_they_are_for(
    client: Client, mine: PointsAccount, customer: Customer, manager: User
) -> None:
    li = ContactFactory(customer=customer, name="Li Na", is_main=False)
    first = make_reward(name="The first", points=1)
    row = redeeming.ask_reward(mine, first, key="k", contact=li, by=None, at=NOW)
    redeeming.set_state(row, "ready", by=None, at=NOW)
    signed_in(client, manager)
    shown = text(client.get(path(mine))).split('id="redemptions"')[1].split("</section>")[0]
    assert "Li Na" in shown and "The first" in shown and "All redemptions" not in shown
    other = make_reward(points=1)
    for n in range(10):
        redeeming.ask_reward(mine, other, key=str(n), by=None, at=NOW)
    shown = text(client.get(path(mine))).split('id="redemptions"')[1].split("</section>")[0]
    address = f"/loyalty/redemptions/?account={mine.pk}"
    assert "The first" not in shown and f'href="{address}"' in shown
    listed = client.get(address)
    assert "The first" in text(listed) and "Li Na" in text(listed)
    assert len(listed.context["rows"]) == 11
    stranger = make_account()
    for odd in (stranger.pk, "²", 10**30):
        assert client.get(f"/loyalty/redemptions/?account={odd}").status_code == 404


def test_too_dear_a_reward_says_so_at_its_field(client: Client, mine: PointsAccount, manager: User) -> None:
    reward = make_reward(points=501)
    answer = signed_in(client, manager).post(path(mine, "redeem"), {"reward": reward.pk, "key": "k"})
    assert answer.status_code == 422
    assert "There are 500 points" in text(answer).split('id="redeem_reward_error"')[1].split("</ul>")[0]
    other = client.post(path(mine, "redeem"), {"reward": "999", "key": "k"})
    assert other.status_code == 422 and not Redemption.objects.exists()


# --- Tier, membership, referral --------------------------------------------------------------------
@pytest.mark.parametrize(("basis", "word"), [("points", "earned"), ("spend", "spent")])
def test_it_says_what_keeps_a_tier(
    client: Client, manager: User, mine: PointsAccount, programme: Any, basis: str, word: str
) -> None:
    type(programme).objects.update(tier_basis=basis)
    until = NOW.date().toordinal() + 9
    PointsAccount.objects.update(tier=make_tier("gold", 100_000), grace_until_day=until)
    page = text(signed_in(client, manager).get(path(mine)))
    assert f"If nothing more is {word} it stands through" in page


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
    assert "Dear." in page and page.count(">Renew for ¥99</button>") == 1
    assert client.post(path(mine, "end"), {"number": second.pk, "reason": "Dear."}).status_code == 422
    for _time in range(2):
        client.post(path(mine, "renew"), {"number": first.pk})
    assert Membership.objects.get(renews=first, cancelled_at=None).starts_day == second.starts_day


def test_a_membership_is_sold_at_the_price_that_was_shown(
    client: Client, mine: PointsAccount, manager: User, programme: Any
) -> None:
    said: dict[str, Any] = {"name": "Plus", "months": 1, "tier": None, "by": None, "at": NOW}
    plan = membership.create_plan(programme, code="plus", price=9900, **said)
    signed_in(client, manager)
    page = text(client.get(path(mine)))
    assert f'<option value="{plan.pk}:9900">Plus – ¥99</option>' in page
    membership.change_plan(plan, price=12_000, **said)
    form = {"plan": f"{plan.pk}:9900", "key": "a"}
    refused = client.post(path(mine, "sell"), form)
    assert refused.status_code == 422 and not Membership.objects.exists()
    assert "costs ¥120 now" in text(refused).split('id="sell_plan_error"')[1].split("</ul>")[0]
    assert f'value="{plan.pk}:12000" selected' in text(refused)
    assert client.post(path(mine, "sell"), {**form, "plan": f"{plan.pk}:12000"}).status_code == 302
    first = Membership.objects.get()
    assert first.price == 12_000
    page = text(client.get(path(mine)))
    assert 'name="price" value="12000"' in page and ">Renew for ¥120</button>" in page
    membership.change_plan(plan, price=99_900, **said)
    late = client.post(path(mine, "renew"), {"number": first.pk, "price": "12000"}, follow=True)
    assert "costs ¥999 now" in late.content.decode() and Membership.objects.count() == 1
    client.post(path(mine, "renew"), {"number": first.pk, "price": "99900"})
    assert Membership.objects.get(renews=first).price == 99_900
    for odd in ("\0", "²:1", "9" * 40, ""):
        assert client.post(path(mine, "sell"), {"plan": odd, "key": "k"}).status_code == 422


def test_a_membership_in_another_currency_is_shown_and_sold_in_it(
    client: Client, mine: PointsAccount, admin: User, programme: Any
) -> None:
    plan = membership.create_plan(
        programme, code="plus", name="Plus", price=5000, currency="JPY", tier=None, by=None, at=NOW
    )
    signed_in(client, admin)
    assert f'<option value="{plan.pk}:5000">Plus – JP¥5,000</option>' in text(client.get(path(mine)))
    set_up = client.get(f"/loyalty/memberships/{plan.pk}/").content.decode()
    assert 'value="5000"' in set_up and "JPY" in set_up
    address = f"/loyalty/memberships/{plan.pk}/"
    client.post(address, {"name": "Plus", "price": "5000", "months": "12", "is_on": "on"})
    plan.refresh_from_db()
    assert (plan.price, plan.currency) == (5000, "JPY")
    client.post(path(mine, "sell"), {"plan": f"{plan.pk}:5000", "price": "4800", "key": "a"})
    row = Membership.objects.get()
    assert (row.price, row.currency) == (4800, "JPY")


def test_a_sale_while_the_programme_is_paused_says_that_its_tier_comes_later(
    client: Client, mine: PointsAccount, manager: User, programme: Any
) -> None:
    said: dict[str, Any] = {"name": "Plus", "price": 1, "by": None, "at": NOW}
    plain = membership.create_plan(programme, code="plain", tier=None, **said)
    golden = membership.create_plan(programme, code="golden", tier=make_tier("gold", 100_000), **said)
    programmes.pause_programme(programme, by=None, at=NOW)
    signed_in(client, manager)
    later = "its own comes in the night after the programme goes on"
    told = client.post(path(mine, "sell"), {"plan": golden.pk, "key": "a"}, follow=True).content.decode()
    assert "The membership is sold." in told and later in told
    client.post(path(mine, "end"), {"number": Membership.objects.get().pk, "reason": "x"})
    told = client.post(path(mine, "sell"), {"plan": plain.pk, "key": "b"}, follow=True).content.decode()
    assert "The membership is sold." in told and later not in told


def test_all_memberships_are_reached(
    client: Client, mine: PointsAccount, manager: User, programme: Any
) -> None:
    plan = membership.create_plan(
        programme, code="plus", name="Plus", price=1, months=1, tier=None, by=None, at=NOW
    )
    row = membership.sell(mine, plan, key="0", starts_day=day(NOW) - 3650, by=None, at=NOW)
    for number in range(1, 5):
        row = membership.renew(row, key=str(number), by=None, at=ago(3650 - 31 * number))
    signed_in(client, manager)
    assert "All memberships" not in text(client.get(path(mine)))
    membership.renew(row, key="6", by=None, at=NOW)
    page = client.get(path(mine))
    link = f'href="{path(mine)}?memberships=all#membership"'
    assert link in text(page) and len(page.context["memberships"]) == 5
    page = client.get(path(mine) + "?memberships=all")
    assert link not in text(page) and len(page.context["memberships"]) == 6


def test_a_use_is_taken_back_also_after_a_fall(
    client: Client, mine: PointsAccount, manager: User, admin: User
) -> None:
    gold = make_tier("gold", 0)
    benefit = editing.create_benefit(gold, kind="training", name="Training", a_year=1, by=admin, at=NOW)
    PointsAccount.objects.update(tier=gold)
    signed_in(client, manager)
    client.post(path(mine, "use"), {"benefit": benefit.pk, "key": "a"})
    PointsAccount.objects.update(tier=None)
    page = text(client.get(path(mine)))
    use = BenefitUse.objects.get()
    assert f'name="number" value="{use.pk}"' in page and "/undo-use/" in page
    assert "What it brings" not in page and 'popovertarget="use"' not in page
    client.post(path(mine, "undo-use"), {"number": use.pk})
    assert "/undo-use/" not in text(client.get(path(mine)))


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
        before = page.split(f'action="/loyalty/redemptions/{row.pk}/done/')[0]
        assert before.count("<details") > before.count("</details>")  # folded, in a list within the row's own
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
    friend = make_account(CustomerFactory(name="Red Hill", contact__email="red@example.org", owner=manager))
    signed_in(client, manager)
    wrong = client.post(path(mine, "refer"), {"code": "NOSUCH"})
    assert wrong.status_code == 422
    assert "NOSUCH" in text(wrong).split('id="refer_code_error"')[1].split("</ul>")[0]
    assert client.post(path(mine, "refer"), {"code": friend.referral_code.lower()}).status_code == 302
    assert Referral.objects.get().referrer == friend
    assert "Came by Red Hill" in text(client.get(path(mine)))
    again = client.post(path(mine, "refer"), {"code": friend.referral_code})  # its sheet is gone
    assert again.status_code == 422 and "was referred already" in again.content.decode()
    Customer.objects.filter(pk=friend.customer_id).update(owner=None)
    page = client.get(path(mine)).content.decode()
    assert "Came by another customer" in page and "Red Hill" not in page


def test_nothing_new_is_done_for_an_erased_customer(
    client: Client, mine: PointsAccount, admin: User, programme: Any
) -> None:
    programme.referral_referrer = 50
    programme.save(update_fields=["referral_referrer"])
    friend = make_account(CustomerFactory(contact__email="red@example.org"))
    gold = make_tier("gold", 0)
    benefit = editing.create_benefit(gold, kind="training", name="Training", a_year=1, by=admin, at=NOW)
    PointsAccount.objects.update(tier=gold)
    plan = membership.create_plan(programme, code="plus", name="Plus", price=1, tier=None, by=admin, at=NOW)
    sold = membership.sell(mine, plan, key="s", by=None, at=NOW)
    reward = make_reward()
    signed_in(client, admin)
    assert 'popovertarget="adjust"' in text(client.get(path(mine)))
    Customer.objects.filter(pk=mine.customer_id).update(erased_at=NOW)
    acts: dict[str, dict[str, Any]] = {
        "adjust": {"points": 5, "reason": "Li Na asked."},
        "redeem": {"reward": reward.pk},
        "use": {"benefit": benefit.pk},
        "sell": {"plan": plan.pk, "starts_day": "2028-01-01"},
        "refer": {"code": friend.referral_code},
    }
    for act, form in acts.items():
        answer = client.post(path(mine, act), {**form, "key": act})
        assert answer.status_code == 422, act
        assert "was erased on" in answer.content.decode(), act
    client.post(path(mine, "renew"), {"number": sold.pk})
    assert Membership.objects.count() == 1
    assert not PointsAdjustment.objects.exists() and not Redemption.objects.exists()
    assert not BenefitUse.objects.exists() and not Referral.objects.exists()
    page = text(client.get(path(mine)))
    opened = set(re.findall(r'popovertarget="([^"]+)"', page))
    assert opened == {f"end-{sold.pk}"} and "/renew/" not in page  # what runs can still be ended


def test_no_two_things_of_the_page_have_one_id(client: Client, mine: PointsAccount, lead: User) -> None:
    row = redeeming.ask_reward(mine, make_reward(), key="k", by=None, at=NOW)
    Redemption.objects.filter(pk=row.pk).update(id=PointsEntry.objects.earliest("pk").pk)
    ids = re.findall(r' id="([^"]+)"', text(signed_in(client, lead).get(path(mine))))
    assert len(ids) == len(set(ids)) and len(ids) > 10


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


def test_the_statement_names_orders_by_their_numbers_and_writes_numbers_alike(
    client: Client, customer: Customer, lead: User, programme: Programme, django_assert_max_num_queries: Any
) -> None:
    make_rule(programme, {"kind": "amount", "points": "4", "per": "1"}, name="Four")
    make_rule(programme, {"kind": "cap", "points": 2000, "period": "order"}, name="Cap")
    order = bought(customer, ("A", 1, 1000))
    Order.objects.filter(pk=order.pk).update(number="SO-77")
    back = bought(customer, ("A", -1, 1000), at=NOW)
    apply(void(back, at=NOW))
    other = bought(customer, ("A", 1, 10))
    Order.objects.filter(pk=other.pk).update(number="")
    client.force_login(lead)
    page = text(client.get(f"/loyalty/accounts/{PointsAccount.objects.get().pk}/"))
    assert "Earned by order no. SO-77<" in page and "Earned by order no. SO-77 after it changed" in page
    assert "Taken back: goods of order no. SO-77 came back" in page
    assert f"Earned by order no. {other.pk}" in page and f"order no. {order.pk}" not in page
    assert "2,000 fewer, because at most 2,000 are earned by an order" in page
    assert "the order brings 2,000 points instead of 0" in page
    found = list(PointsEntry.objects.all())
    with django_assert_max_num_queries(4):
        explaining.told_of(found, programme)


def test_the_statement_says_that_an_order_went_to_another_customer(
    client: Client, customer: Customer, lead: User, programme: Programme
) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"})
    order = bought(customer, ("A", 1, 100), number="SO-78")
    bought(customer, ("A", -1, 10), returns_of=order)
    other = CustomerFactory()
    apply(revise(Order.objects.get(pk=order.pk), at=NOW, customer_id=other.pk))
    client.force_login(lead)
    own, theirs = (
        text(client.get(f"/loyalty/accounts/{PointsAccount.objects.get(customer=one).pk}/"))
        for one in (customer, other)
    )
    assert own.count("goods of order no. SO-78 came back") == 1  # the return, and not what moved
    assert own.count("Taken back: order no. SO-78 went to another customer") == 1
    assert "Earned by order no. SO-78" in theirs


def test_points_that_are_past_their_last_day_are_marked_until_the_night_writes_them_off(
    client: Client, customer: Customer, lead: User, programme: Programme
) -> None:
    account = make_account(customer)
    opening.open_balance(
        account, points=1_000, occurred_at=ago(9), expires_day=day(ago(1)), key="o", by=None, at=NOW
    )
    client.force_login(lead)
    here = f"/loyalty/accounts/{account.pk}/"
    page = text(client.get(here))
    assert "1,000 more are past their last day: the next night writes them off" in page
    assert '<span class="tag tag-warn">expired</span>' in page
    PointsLot.objects.update(expires_day=day(NOW))  # the last day itself is good
    page = text(client.get(here))
    assert "past their last day" not in page and ">expired</span>" not in page

"""What pages show after customers were merged: the survivor has it all, and links to the other lead there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from customers import merges
from customers.ground import clock
from customers.models import Customer, User
from loyalty.ledger import adjusting
from loyalty.models import BenefitUse, Membership, PointsAccount, PointsAdjustment, Redemption
from loyalty.pages import figures
from loyalty.rewards import redeeming
from loyalty.tiers import benefits, editing, membership, move_all
from tests.factories import NOW, CustomerFactory
from tests.loyalty.factories import earn, make_account
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(programme: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def own(customer: Customer) -> PointsAccount:
    """The account that survives: of the manager's customer."""
    return make_account(customer)


@pytest.fixture
def other(programme: Any, manager: User) -> PointsAccount:
    """The account that goes into it, with a tier, a membership, a use, a redemption and an adjustment."""
    account = make_account(CustomerFactory(name="Red Hill", owner=manager))
    gold = make_tier("gold", 100)
    benefit = editing.create_benefit(gold, kind="training", name="Training", a_year=2, by=None, at=NOW)
    plan = membership.create_plan(
        programme, code="plus", name="Plus", price=9900, months=1, tier=gold, by=None, at=NOW
    )
    earn(account, 500)
    move_all(at=NOW)
    account.refresh_from_db()
    membership.sell(account, plan, key="m", by=None, at=NOW)
    benefits.use_benefit(account, benefit, key="u", by=None, at=NOW)
    redeeming.ask_reward(account, make_reward(points=10, name="Tea cup"), key="r", by=None, at=NOW)
    adjusting.adjust(account, points=5, reason="The parcel came late.", key="a", by=manager, at=NOW)
    return account


def merge(own: PointsAccount, other: PointsAccount) -> Any:
    kept, gone = Customer.objects.get(pk=own.customer_id), Customer.objects.get(pk=other.customer_id)
    return merges.merge_customers(kept, gone, reason="Same.", by=None, at=NOW)


def path(account: PointsAccount, act: str = "") -> str:
    return f"/loyalty/accounts/{account.pk}/" + (f"{act}/" if act else "")


def test_the_page_of_the_survivor_shows_and_does_what_the_other_had(
    client: Client, own: PointsAccount, other: PointsAccount, lead: User
) -> None:
    client.force_login(lead)
    merge(own, other)
    sold, use = Membership.objects.get(), BenefitUse.objects.get()
    page = client.get(path(own))
    shown = page.context
    assert [row.pk for row, _form in shown["memberships"]] == [sold.pk]
    assert [row.pk for row in shown["uses"]] == [use.pk]
    assert [one.row.reward.name for one in shown["redemptions"]] == ["Tea cup"]
    assert [row.reason for row in shown["waiting"]] == ["The parcel came late."]
    client.post(path(own, "renew"), {"number": sold.pk, "price": "9900"})
    second = Membership.objects.get(renews=sold)
    assert second.account_id == own.pk
    for row in (second, sold):
        assert client.post(path(own, "end"), {"number": row.pk, "reason": "Dear."}).status_code == 302
    assert not Membership.objects.filter(cancelled_at=None).exists()
    client.post(path(own, "undo-use"), {"number": use.pk})
    use.refresh_from_db()
    assert use.undone_at is not None
    refused = client.post(
        f"/loyalty/redemptions/{Redemption.objects.get().pk}/cancel/", {"reason": "", "next": "account"}
    )
    assert refused.status_code == 422 and "Say in a sentence why" in refused.content.decode()


def test_what_others_have_is_not_found_on_the_page(
    client: Client, own: PointsAccount, other: PointsAccount, lead: User
) -> None:
    client.force_login(lead)
    sold, use = Membership.objects.get(), BenefitUse.objects.get()
    assert not client.get(path(own)).context["memberships"]
    for act, row in (("renew", sold), ("end", sold), ("undo-use", use)):
        assert client.post(path(own, act), {"number": row.pk, "reason": "x"}).status_code == 404
    made = merge(own, other)
    merges.undo_merge(made, by=None, at=NOW)
    assert not client.get(path(own)).context["memberships"]
    assert client.get(path(other)).context["memberships"]


def test_links_to_the_account_that_is_gone_lead_to_the_survivors(
    client: Client, own: PointsAccount, other: PointsAccount, manager: User, admin: User, outsider: User
) -> None:
    merge(own, other)
    for user in (manager, admin):
        client.force_login(user)
        for listed in ("", "adjustments/", "redemptions/"):
            assert path(other) in client.get(f"/loyalty/{listed}").content.decode()
        assert client.get(path(other)).headers["Location"] == path(own)
        assert client.get(path(other), follow=True).status_code == 200
    form = {"points": "7", "reason": "Kind.", "key": "k"}
    assert client.post(path(other, "adjust"), form).headers["Location"] == path(own)
    assert PointsAdjustment.objects.get(key="k").account_id == own.pk
    client.force_login(outsider)
    for account in (own, other):
        assert client.get(path(account)).status_code == 404
        assert client.post(path(account, "adjust"), form).status_code == 404


def test_an_account_that_is_gone_is_not_listed_counted_or_taken_away(
    client: Client, own: PointsAccount, other: PointsAccount, admin: User, programme: Any
) -> None:
    client.force_login(admin)
    before = client.get("/loyalty/accounts/")
    assert ({row.pk for row, _due in before.context["rows"]}, before.context["total"]) == (
        {own.pk, other.pk},
        2,
    )
    merge(own, other)
    after = client.get("/loyalty/accounts/")
    assert ([row.pk for row, _due in after.context["rows"]], after.context["total"]) == ([own.pk], 1)
    tiers = client.get("/loyalty/tiers/").context
    assert ([number for _tier, _brings, number in tiers["tiers"]], tiers["without"]) == ([1], 0)
    held = figures.outstanding(programme)
    assert (held.accounts, held.points) == (1, 490)

    def taken(what: str) -> list[list[str]]:
        answer: Any = client.get(f"/loyalty/accounts/export/?what={what}")
        return [line.split(",") for line in b"".join(answer.streaming_content).decode().splitlines()[1:]]

    assert [line[0] for line in taken("")] == [str(own.pk)]
    moved = taken("entries")  # the history of the other one among them
    assert sorted(line[3] for line in moved) == ["earn", "redeem", "transfer_in", "transfer_out"]
    assert {line[1] for line in moved} == {str(own.customer_id)}
    assert sum(int(line[4]) for line in moved) == 490

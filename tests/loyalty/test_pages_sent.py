"""Forms that are sent twice, late, or with one press too few; and acts that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Customer, User
from loyalty.earning import rules
from loyalty.ledger import adjusting
from loyalty.models import (
    EarningRule,
    EarningRuleVersion,
    MembershipPlan,
    OrderEarning,
    PointsAccount,
    PointsAdjustment,
    Programme,
    Redemption,
    Reward,
    Tier,
    TierBenefit,
)
from loyalty.rewards import catalogue, redeeming
from loyalty.tiers import editing, membership
from tests.factories import NOW, CustomerFactory
from tests.loyalty.earning import bought, make_rule
from tests.loyalty.factories import earn, make_account, redeem
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}
LATE = "Somebody else changed this meanwhile"


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def boss(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def filled(client: Client, address: str, name: str = "form") -> dict[str, Any]:
    """Return what a form would send as it is shown."""
    form = client.get(address).context[name]
    values = {field.html_name: field.value() for field in form}
    return {key: value for key, value in values.items() if value not in (None, False)}


def page_of(answer: Any) -> str:
    page: str = answer.content.decode()
    return page


# --- Late --------------------------------------------------------------------------------------------
def test_an_older_form_of_a_tier_writes_nothing_back(boss: Client, programme: Programme) -> None:
    gold = editing.create_tier(programme, code="gold", name="Gold", threshold=100, **WHO)
    address = f"/loyalty/tiers/{gold.pk}/"
    old = filled(boss, address)
    editing.change_tier(gold, name="Gold", threshold=500, multiplier_bp=10_000, **WHO)
    late = boss.post(address, {**old, "name": "Golden"})
    assert late.status_code == 422 and LATE in page_of(late)
    gold.refresh_from_db()
    assert (gold.name, gold.threshold) == ("Gold", 500)
    assert "Golden</h1>" not in page_of(late) and 'value="Golden"' in page_of(late)
    assert AuditEvent.objects.filter(act="tier.change").count() == 1
    new = {**filled(boss, address), "name": "Golden"}
    for _time in range(2):  # the second changes nothing, and is no other's
        assert boss.post(address, new).status_code == 302
    gold.refresh_from_db()
    assert (gold.name, gold.threshold) == ("Golden", 500)


def test_an_older_form_of_a_reward_writes_nothing_back(boss: Client, programme: Programme) -> None:
    reward = make_reward(points=100, stock=5)
    address = f"/loyalty/rewards/{reward.pk}/"
    old = filled(boss, address)
    catalogue.add_stock(reward, -1, **WHO)  # one was taken: no change of what the form shows
    assert boss.post(address, {**old, "name": "Tea"}).status_code == 302
    old = filled(boss, address)
    catalogue.change_reward(reward, points=200, **WHO)
    late = boss.post(address, {**old, "name": "Tea cup"})
    assert late.status_code == 422 and LATE in page_of(late)
    reward.refresh_from_db()
    assert (reward.name, reward.points) == ("Tea", 200)


def test_an_older_form_of_a_benefit_or_plan_writes_nothing_back(boss: Client, programme: Programme) -> None:
    gold = editing.create_tier(programme, code="gold", name="Gold", threshold=100, **WHO)
    benefit = editing.create_benefit(gold, kind="training", name="Training", a_year=2, **WHO)
    plan = membership.create_plan(programme, code="plus", name="Plus", price=9900, tier=gold, **WHO)
    of_benefit, of_plan = f"/loyalty/benefits/{benefit.pk}/", f"/loyalty/memberships/{plan.pk}/"
    old_benefit, old_plan = filled(boss, of_benefit), filled(boss, of_plan)
    editing.change_benefit(benefit, kind="training", name="Training", a_year=5, **WHO)
    membership.change_plan(plan, name="Plus", price=19_900, months=12, tier=gold, **WHO)
    for address, old in ((of_benefit, old_benefit), (of_plan, old_plan)):
        late = boss.post(address, {**old, "name": "Another"})
        assert late.status_code == 422 and LATE in page_of(late)
        assert boss.post(address, {**filled(boss, address), "name_alt": "另一个"}).status_code == 302
    benefit.refresh_from_db()
    plan.refresh_from_db()
    assert (benefit.name, benefit.name_alt, benefit.a_year) == ("Training", "另一个", 5)
    assert (plan.name, plan.name_alt, plan.price, plan.tier, plan.is_on) == (
        *("Plus", "另一个", 19_900, gold, True),
    )


# --- Twice -------------------------------------------------------------------------------------------
def test_a_rule_that_is_sent_twice_is_one_rule(boss: Client, programme: Programme) -> None:
    address = "/loyalty/rules/new/?kind=amount"
    form = {"name": "One a yuan", "points": "1", "per": "1", "is_on": "on"}
    assert boss.post(address, form).status_code == 302
    again = boss.post(address, form)
    assert again.status_code == 422 and "“One a yuan” says the same already" in page_of(again)
    other = boss.post(address, {**form, "name": "Another name", "points": "1.0"})
    assert other.status_code == 422  # it says the same, so everybody would earn twice
    assert len(rules.current_rules(programme)) == 1
    assert boss.post(address, {**form, "points": "2"}).status_code == 302
    first = EarningRule.objects.get(code="one-a-yuan")
    rules.turn_rule(first, is_on=False, **WHO)
    assert boss.post(address, {**form, "name": "Instead"}).status_code == 302  # what is off does not count


def test_a_rule_that_waits_is_not_made_twice(boss: Client, programme: Programme) -> None:
    address, form = "/loyalty/rules/new/?kind=first_order", {"name": "Welcome", "points": "50"}
    assert [boss.post(address, form).status_code for _time in range(2)] == [302, 422]
    assert boss.post(address, {**form, "name": "A draft"}).status_code == 302


def test_rewards_plans_and_benefits_that_are_sent_twice_are_one(boss: Client, programme: Programme) -> None:
    gold = make_tier("gold", 100)
    for address, form, model in (
        ("memberships/new/", {"name": "Plus", "price": "99", "months": 12}, MembershipPlan),
        ("rewards/new/", {"name": "Tea", "points": 5, "kind": "goods"}, Reward),
        (f"tiers/{gold.pk}/benefit/", {"name": "Class", "kind": "training", "a_year": 2}, TierBenefit),
    ):
        assert boss.post(f"/loyalty/{address}", form).status_code == 302
        again = boss.post(f"/loyalty/{address}", form)
        assert again.status_code == 422 and f"“{form['name']}” stands already" in page_of(again)
        assert model.objects.count() == 1
        assert boss.post(f"/loyalty/{address}", {**form, "name": "Another"}).status_code == 302
    # what was withdrawn leaves its name to another one
    editing.retire_benefit(TierBenefit.objects.get(name="Class"), **WHO)
    MembershipPlan.objects.filter(name="Plus").update(is_on=False)
    for address, form in (
        ("memberships/new/", {"name": "Plus", "price": "99", "months": 12}),
        ("rewards/new/", {"name": "Tea", "points": 8, "kind": "goods"}),
        (f"tiers/{gold.pk}/benefit/", {"name": "Class", "kind": "training", "a_year": 2}),
    ):
        assert boss.post(f"/loyalty/{address}", form).status_code == 302, address


def test_stock_that_is_sent_twice_is_added_once(boss: Client, programme: Programme) -> None:
    reward = make_reward(stock=None)
    page = f"/loyalty/rewards/{reward.pk}/"
    for expected in (20, 40):
        form = {**filled(boss, page, "stock_form"), "count": "20"}
        assert boss.post(f"{page}stock/", form).status_code == 302
        again = boss.post(f"{page}stock/", form)
        assert again.status_code == 422 and f"it is “{expected}” now" in page_of(again)
        reward.refresh_from_db()
        assert reward.stock == expected
    form = {field.html_name: field.value() for field in again.context["stock_form"]}
    assert form == {"stock": "40", "count": "20"}  # pressed again, it is meant
    assert boss.post(f"{page}stock/", form).status_code == 302
    reward.refresh_from_db()
    assert reward.stock == 60


# --- Tiers that were retired ---------------------------------------------------------------------------
def test_a_rule_of_a_retired_tier_does_not_become_everybodys(boss: Client, programme: Programme) -> None:
    gold = editing.create_tier(programme, code="gold", name="Gold", threshold=100, **WHO)
    editing.create_tier(programme, code="silver", name="Silver", threshold=50, **WHO)
    rule = make_rule(programme, {"kind": "multiplier", "times": "2", "tiers": ["gold"]}, code="double")
    refused = boss.post(f"/loyalty/tiers/{gold.pk}/retire/", follow=True)
    assert "The rule “double” counts in this tier" in page_of(refused)
    assert not Tier.objects.get(code="gold").is_retired
    Tier.objects.filter(pk=gold.pk).update(is_retired=True)
    form = filled(boss, "/loyalty/rules/double/edit/")
    assert form["tiers"] == ["gold"] and "Gold (retired)" in page_of(boss.get("/loyalty/rules/double/edit/"))
    assert boss.post("/loyalty/rules/double/edit/", {**form, "times": "3"}).status_code == 302
    rule.refresh_from_db()
    assert rules.newest(rule).document == {"kind": "multiplier", "times": "3", "tiers": ["gold"]}
    new = boss.get("/loyalty/rules/new/?kind=multiplier").context["form"]
    assert new.fields["tiers"].choices == [("silver", "Silver")]


def test_a_tier_of_a_rule_that_is_off_or_spoke_of_it_before_is_retired(programme: Programme) -> None:
    gold = editing.create_tier(programme, code="gold", name="Gold", threshold=100, **WHO)
    silver = editing.create_tier(programme, code="silver", name="Silver", threshold=50, **WHO)
    rule = make_rule(programme, {"kind": "multiplier", "times": "2", "tiers": ["gold", "silver"]})
    with pytest.raises(editing.TierOfRule):
        editing.retire_tier(silver, **WHO)
    only = {"kind": "multiplier", "times": "2", "tiers": ["gold"]}
    rules.change_rule(rule, document=only, **WHO)
    assert editing.retire_tier(silver, **WHO).is_retired
    rules.turn_rule(rule, is_on=False, **WHO)
    assert editing.retire_tier(gold, **WHO).is_retired


def test_a_reward_of_a_retired_tier_is_not_offered(boss: Client, programme: Programme) -> None:
    gold = editing.create_tier(programme, code="gold", name="Gold", threshold=100, **WHO)
    reward = make_reward(tier=gold, is_on=False)
    editing.retire_tier(gold, **WHO)
    answer = boss.post(f"/loyalty/rewards/{reward.pk}/offer/", follow=True)
    assert "was retired" in page_of(answer)
    reward.refresh_from_db()
    assert not reward.is_on and not AuditEvent.objects.filter(act="reward.offer").exists()
    catalogue.change_reward(reward, tier=None, **WHO)
    assert catalogue.offer_reward(reward, **WHO).is_on
    assert AuditEvent.objects.filter(act="reward.offer").count() == 1


# --- Redemptions -------------------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["account", ""])
def test_nothing_is_handed_over_by_one_press(
    client: Client, customer: Customer, manager: User, programme: Programme, where: str
) -> None:
    who = make_account(customer)
    earn(who, 500)
    row = redeeming.ask_reward(who, make_reward(points=10), key="r", **WHO)
    client.force_login(manager)
    address = f"/loyalty/redemptions/{row.pk}"
    once = client.post(f"{address}/done/?state=asked", {"state": "asked", "next": where})
    assert once.status_code == 422 and "Press once more" in page_of(once)
    assert '<details class="fold-inline" open>' in page_of(once)
    assert page_of(once).count('name="sure" value="1"') == 1
    assert Redemption.objects.get().state == "asked"
    for _time in range(2):
        sure = client.post(f"{address}/done/", {"state": "asked", "sure": "1", "next": where})
        assert sure.status_code == 302
    assert Redemption.objects.get().state == "done"
    assert AuditEvent.objects.filter(act="redemption.done").count() == 1


def test_a_row_that_moved_meanwhile_is_looked_at_again(
    client: Client, customer: Customer, manager: User, lead: User, programme: Programme
) -> None:
    who = make_account(customer)
    earn(who, 500)
    row = redeeming.ask_reward(who, make_reward(points=10), key="r", **WHO)
    redeeming.set_state(row, "ready", **WHO)
    client.force_login(manager)
    address = f"/loyalty/redemptions/{row.pk}"
    late = client.post(f"{address}/sent/", {"state": "asked", "tracking": "SF1"})
    assert late.status_code == 422 and "is “ready” by now" in page_of(late)
    assert client.post(f"{address}/sent/", {"state": "lost"}).status_code == 422
    assert client.post(f"{address}/sent/", {"state": "ready", "tracking": "SF1"}).status_code == 302
    again = {"state": "ready", "tracking": "SF1"}
    assert client.post(f"{address}/sent/", again).status_code == 302  # the same press again
    other = client.post(f"{address}/sent/", {"state": "ready", "tracking": "SF2"})  # a number of another page
    assert other.status_code == 422 and Redemption.objects.get().tracking == "SF1"
    assert client.post(f"{address}/sent/", {"state": "sent", "tracking": "SF2"}).status_code == 302
    assert Redemption.objects.get().tracking == "SF2"
    redeeming.set_state(row, "done", **WHO)
    client.force_login(lead)
    late = client.post(f"{address}/cancel/", {"state": "asked", "reason": "Not wanted."})
    assert late.status_code == 422 and Redemption.objects.get().state == "done"
    for _time in range(2):
        gone = client.post(f"{address}/cancel/", {"state": "done", "reason": "Not wanted."})
        assert gone.status_code == 302
    assert Redemption.objects.get().state == "cancelled"


# --- Adjustments, accounts ----------------------------------------------------------------------------
def test_an_act_on_an_adjustment_that_nobody_knows_declines_nothing(
    boss: Client, manager: User, programme: Programme
) -> None:
    row = adjusting.adjust(make_account(), points=5, reason="x", key="k", by=manager, at=NOW)
    for act in ("approve", "granted", "asked"):
        assert boss.post(f"/loyalty/adjustments/{row.pk}/{act}/").status_code == 404
    row.refresh_from_db()
    assert row.state == "asked"
    assert boss.post(f"/loyalty/adjustments/{row.pk}/decline/").status_code == 302
    row.refresh_from_db()
    assert row.state == "declined"


def test_points_are_not_granted_to_an_erased_customer_but_declined(
    boss: Client, manager: User, customer: Customer, programme: Programme
) -> None:
    who = make_account(customer)
    row = adjusting.adjust(who, points=5, reason="x", key="k", by=manager, at=NOW)
    Customer.objects.filter(pk=customer.pk).update(erased_at=NOW)
    refused = boss.post(f"/loyalty/adjustments/{row.pk}/grant/", follow=True)
    assert "was erased on" in page_of(refused)
    assert PointsAdjustment.objects.get().state == "asked"
    boss.post(f"/loyalty/adjustments/{row.pk}/decline/")
    assert PointsAdjustment.objects.get().state == "declined"


def test_no_account_is_opened_for_an_erased_customer(
    boss: Client, customer: Customer, programme: Programme
) -> None:
    Customer.objects.filter(pk=customer.pk).update(erased_at=NOW)
    answer = boss.post(f"/loyalty/customers/{customer.pk}/open/", follow=True)
    assert "was erased on" in page_of(answer) and not PointsAccount.objects.exists()
    had = make_account(customer)
    answer = boss.post(f"/loyalty/customers/{customer.pk}/open/")  # leads to the one that it has
    assert answer["Location"] == f"/loyalty/accounts/{had.pk}/"


# --- What came short ---------------------------------------------------------------------------------
def test_settled_is_what_was_seen_and_a_refusal_keeps_the_note(
    client: Client, customer: Customer, lead: User, programme: Programme
) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"})
    bought(customer, ("A", 1, 100))
    redeem(PointsAccount.objects.get(customer=customer), 70)
    bought(customer, ("A", -1, 100))
    row = OrderEarning.objects.get(short=70)
    OrderEarning.objects.filter(pk=row.pk).update(short=90)  # more came back while the page was open
    client.force_login(lead)
    settle = f"/loyalty/shortfalls/{row.pk}/settle/"
    assert (
        client.post(settle, {"note": "Left.", "short": "70", "is_taken": "no"})["Location"]
        == "/loyalty/shortfalls/"
    )
    row.refresh_from_db()
    assert (row.short, row.settled) == (90, 70)
    late = client.post(
        settle, {"note": "Left <it>.", "short": "70", "is_taken": "no"}
    )  # sent twice: 20 more are not settled
    assert late.status_code == 422 and "Load the page anew to see what is open." in page_of(late)
    assert "Left &lt;it&gt;.</textarea>" in page_of(late) and 'value="90"' in page_of(late)
    assert late.context["open_sheet"] == f"settle-{row.pk}"
    empty = client.post(f"{settle}?page=1", {"note": " ", "short": "90", "is_taken": "no"})
    assert empty.status_code == 422 and "Say in a sentence" in page_of(empty)
    unsaid = client.post(settle, {"note": "Left.", "short": "90", "is_taken": ""})
    assert unsaid.status_code == 422 and "Say what becomes" in page_of(unsaid)
    long = client.post(settle, {"note": "x" * 501, "short": "90", "is_taken": "no"})
    assert long.status_code == 422 and "x" * 501 in page_of(long)
    assert client.post(settle, {"note": "Left.", "short": "900", "is_taken": "no"}).status_code == 302
    row.refresh_from_db()
    assert (row.short, row.settled) == (90, 90)
    gone = client.post(settle, {"note": "Left.", "short": "90", "is_taken": "no"})
    assert gone.status_code == 422 and "Load the page anew to see what is open." in page_of(gone)


def test_taking_what_came_short_is_one_press_and_stands_with_its_note_where_staff_look(
    client: Client, customer: Customer, lead: User, programme: Programme
) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"})
    order = bought(customer, ("A", 1, 100))
    account = PointsAccount.objects.get(customer=customer)
    redeem(account, 100)
    bought(customer, ("A", -1, 100), at=NOW)
    row = OrderEarning.objects.get(short=100)
    client.force_login(lead)
    here = f"/loyalty/accounts/{account.pk}/"
    open_page = page_of(client.get(here))
    assert f"100 points of order {order.number or order.pk} could not be taken back" in open_page
    assert 'href="/loyalty/shortfalls/"' in open_page
    earn(account, 60)
    settle, said = f"/loyalty/shortfalls/{row.pk}/settle/", {"note": "Agreed.", "short": "100"}
    refused = client.post(settle, {**said, "is_taken": "yes"})
    assert refused.status_code == 422
    assert "The account holds 60 points to use, and 100 are to be taken." in page_of(refused)
    assert refused.context["rows"][0].holds == 60
    earn(account, 1_040)
    done = client.post(settle, {**said, "is_taken": "yes"}, follow=True)
    assert "The points are taken" in page_of(done) and "Agreed." not in page_of(done)
    assert client.post(settle, {**said, "is_taken": "yes"}).status_code == 422
    account.refresh_from_db()
    assert account.balance == 1_000
    for address in ("/loyalty/shortfalls/?state=settled", here):
        page = page_of(client.get(address))
        assert "Agreed." in page and "100 taken" in page
    assert "could not be taken back</div>" not in page


def test_the_lists_of_what_came_short_ask_as_much_for_three_rows_as_for_one(
    client: Client, lead: User, programme: Programme
) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"})
    asked: dict[str, list[int]] = {"": [], "?state=settled": []}
    client.force_login(lead)
    client.get("/loyalty/shortfalls/")  # what is read once and kept
    for count in (1, 2):
        for _one in range(count):
            bought(CustomerFactory(), ("A", 1, 100))
        OrderEarning.objects.update(short=10, settled=5, settled_by=lead, settled_at=NOW)
        for query, sums in asked.items():
            with CaptureQueriesContext(connection) as queries:
                client.get(f"/loyalty/shortfalls/{query}")
            sums.append(len(queries))
    assert all(len(set(sums)) == 1 for sums in asked.values()), asked


def test_who_asked_for_an_adjustment_withdraws_it_on_the_list_and_the_account(
    client: Client, customer: Customer, manager: User, lead: User, programme: Programme
) -> None:
    account = make_account(customer)
    given: dict[str, Any] = {"points": 5_000, "reason": "A gift.", "at": NOW}
    row = adjusting.adjust(account, key="one", by=manager, **given)
    withdraw = f"/loyalty/adjustments/{row.pk}/withdraw/"
    pages = ("/loyalty/adjustments/", f"/loyalty/accounts/{account.pk}/")
    client.force_login(lead)
    assert all(withdraw not in page_of(client.get(page)) for page in pages)
    assert "Only who asked" in page_of(client.post(withdraw, follow=True))
    client.force_login(manager)
    assert all(withdraw in page_of(client.get(page)) for page in pages)
    assert "The adjustment is withdrawn." in page_of(client.post(withdraw, {"next": "account"}, follow=True))
    assert PointsAdjustment.objects.get().state == "withdrawn"
    assert "A gift." in page_of(client.get("/loyalty/adjustments/?state=withdrawn"))


def test_settling_comes_back_to_the_page_of_the_list(
    client: Client, customer: Customer, lead: User, programme: Programme, monkeypatch: Any
) -> None:
    monkeypatch.setattr("loyalty.pages.shortfalls.PAGE", 1)
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"})
    for _order in range(2):
        bought(customer, ("A", 1, 100))
    OrderEarning.objects.update(short=10)
    client.force_login(lead)
    second = client.get("/loyalty/shortfalls/?page=2")
    row = second.context["rows"][0].row
    settle = f"/loyalty/shortfalls/{row.pk}/settle/?page=2"
    assert settle in page_of(second) and "Page 2 of 2" in page_of(second)
    refused = client.post(settle, {"note": "", "short": "10", "is_taken": "no"})
    assert refused.context["page"].number == 2 and 'href="/loyalty/shortfalls/"' in page_of(refused)
    assert (
        client.post(settle, {"note": "Left.", "short": "10", "is_taken": "no"})["Location"]
        == "/loyalty/shortfalls/?page=2"
    )


# --- Reasons -----------------------------------------------------------------------------------------
def test_a_reason_that_is_too_long_is_not_dropped(boss: Client, programme: Programme) -> None:
    rule = make_rule(programme, {"kind": "first_order", "points": 5}, code="first")
    answer = boss.post("/loyalty/rules/first/off/", {"reason": "x" * 501}, follow=True)
    assert "at most 500" in page_of(answer)
    rule.refresh_from_db()
    assert (rule.is_on, rule.version) == (True, 1)
    boss.post("/loyalty/rules/first/off/", {"reason": "x" * 500})
    rule.refresh_from_db()
    assert not rule.is_on and rules.newest(rule).reason == "x" * 500
    boss.post("/loyalty/programme/step/pause/", {"reason": "Stocktaking"})
    late = boss.post("/loyalty/programme/step/pause/", {"reason": "x" * 501}, follow=True)
    assert "at most 500" in page_of(late)


def test_rules_read_their_newest_versions_alone(boss: Client, programme: Programme, monkeypatch: Any) -> None:
    rule = make_rule(programme, {"kind": "first_order", "points": 5}, code="first")
    rules.change_rule(rule, document={"kind": "first_order", "points": 7}, **WHO)
    old = make_rule(programme, {"kind": "first_order", "points": 9}, code="old")
    rules.turn_rule(old, is_on=False, **WHO)
    of_database, read = EarningRuleVersion.from_db, []

    def from_db(*row: Any) -> EarningRuleVersion:
        read.append(of_database(*row))
        return read[-1]

    monkeypatch.setattr(EarningRuleVersion, "from_db", from_db)
    page = page_of(boss.get("/loyalty/rules/"))
    assert "7 points" in page and "5 points" not in page and "9 points" in page
    assert [one.document["points"] for one in rules.current_rules(programme)] == [7]
    tried = {"go": "1", "l0-quantity": "1", "l0-amount": "10", "is_first": "on", "rule": [rule.pk, old.pk]}
    assert boss.get("/loyalty/simulator/", tried).context["earned"].points == 16
    assert {(row.rule_id, row.number) for row in read} == {(rule.pk, 2), (old.pk, 2)}


# --- Files -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["", "entries", "lots"])
def test_a_look_at_a_files_head_takes_nothing_away(boss: Client, programme: Programme, what: str) -> None:
    make_account()
    address = f"/loyalty/accounts/export/?what={what}"
    looked = boss.head(address)
    assert looked.status_code == 200 and "attachment" in looked["Content-Disposition"]
    assert not AuditEvent.objects.filter(act="export.run").exists()
    boss.get(address)
    assert AuditEvent.objects.filter(act="export.run").count() == 1

"""The pages on which a programme is set up: settings, earning rules, tiers, rewards, and who opens them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from customers.models import User
from loyalty import programmes
from loyalty.earning import rules
from loyalty.models import (
    EarningRule,
    MembershipPlan,
    PointsEntry,
    Programme,
    Reward,
    RewardCode,
    Tier,
    TierBenefit,
)
from loyalty.tiers import membership
from tests.factories import NOW, CustomerFactory, ProductFactory
from tests.loyalty.earning import make_rule, record
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db
PAGES = (
    "",
    "accounts/",
    "redemptions/",
    "adjustments/",
    "rewards/",
    "tiers/",
    "rules/",
    "programme/",
    "simulator/",
)


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


def error_at(answer: Any, field: str) -> str:
    """Return what the answer says at a field; nothing where it says nothing there."""
    assert answer.status_code == 422
    parts = text(answer).split(f'id="{field}_error"')
    return parts[1].split("</ul>")[0] if len(parts) > 1 else ""


# --- Who ---------------------------------------------------------------------------------------------
def test_everybody_reads_and_only_admins_set_up(
    client: Client, programme: Programme, manager: User, lead: User, analyst: User
) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"}, name="One")
    rule = EarningRule.objects.get()
    reward, tier = make_reward(), make_tier("gold", 100)
    writes = {
        "programme/edit/": {},
        "programme/step/pause/": {},
        "rules/new/?kind=cap": {},
        f"rules/{rule.code}/off/": {},
        "rewards/new/": {},
        f"rewards/{reward.pk}/retire/": {},
        "tiers/new/": {},
        f"tiers/{tier.pk}/retire/": {},
        "memberships/new/": {},
    }
    for user in (manager, lead, analyst):
        client.force_login(user)
        for page in (*PAGES, f"rules/{rule.code}/", f"rewards/{reward.pk}/", f"tiers/{tier.pk}/"):
            assert client.get(f"/loyalty/{page}").status_code == 200, page
        for page, form in writes.items():
            assert client.post(f"/loyalty/{page}", form).status_code == 403, page
        for page in (f"rewards/{reward.pk}/", f"tiers/{tier.pk}/"):  # shown to all, written by admins
            assert client.post(f"/loyalty/{page}", {"name": "x"}).status_code == 404
    client.force_login(manager)
    assert client.get("/loyalty/ledger/").status_code == 403
    assert client.get("/loyalty/accounts/export/").status_code == 403
    client.force_login(analyst)
    assert client.get("/loyalty/ledger/").status_code == 200


def test_without_a_programme_every_page_leads_to_where_one_is_made(boss: Client) -> None:
    assert "No loyalty programme yet" in text(boss.get("/loyalty/"))
    assert "Make the programme" in text(boss.get("/loyalty/programme/"))
    for page in PAGES[1:]:
        if page != "programme/":
            assert boss.get(f"/loyalty/{page}")["Location"] == "/loyalty/", page


def test_reading_writes_nothing(boss: Client, programme: Programme) -> None:
    make_rule(programme, {"kind": "amount", "points": "1", "per": "1"}, name="One")
    make_reward()
    for page in (*PAGES, "ledger/", "simulator/?go=1&l0-amount=52&l0-quantity=1", "rewards/new/"):
        with CaptureQueriesContext(connection) as asked:
            assert boss.get(f"/loyalty/{page}").status_code == 200
        written = [
            q["sql"] for q in asked.captured_queries if q["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}
        ]
        assert written == [], page


# --- The programme ---------------------------------------------------------------------------------
def test_a_programme_is_made_changed_started_paused_and_resumed(boss: Client) -> None:
    made = {
        "name": "Tea club",
        "name_alt": "茶友会",
        "worth_of_100": "1.50",
        "pending_days": "7",
        "expiry": "months",
        "expiry_months": "12",
        "with_ready_rules": "on",
    }
    bad = boss.post("/loyalty/programme/new/", {**made, "expiry_months": "0"})
    assert "1" in error_at(bad, "id_expiry_months")
    assert boss.post("/loyalty/programme/new/", made).status_code == 302
    programme = Programme.objects.get()
    assert (programme.code, programme.worth_of_100, programme.state) == ("tea-club", 150, "draft")
    assert EarningRule.objects.filter(is_on=True).count() == 1
    assert boss.post("/loyalty/programme/new/", made).status_code == 302
    assert Programme.objects.count() == 1  # no second one from an old page

    boss.post("/loyalty/programme/step/start/", {"starts_on": "2026-05-01"})
    programme.refresh_from_db()
    assert (programme.state, programme.starts_day) == ("live", 739737)
    page = boss.get("/loyalty/programme/edit/").content.decode()
    assert ('value="30, 15, 7, 1"' in page and 'value="1.5"' in page) or 'value="1.50"' in page
    form = {name: getattr(programme, name) for name in programmes.SETTINGS}
    form |= {"worth_of_100": "2", "remind_days": "14, 3", "breakage_bp": "12.5", "recovery_budget": ""}
    form |= {"reason": "Dearer tea.", "version": programme.version}
    assert boss.post("/loyalty/programme/edit/", form).status_code == 302
    programme.refresh_from_db()
    assert (programme.worth_of_100, programme.remind_days, programme.breakage_bp) == (200, [14, 3], 1250)
    stale = boss.post("/loyalty/programme/edit/", {**form, "worth_of_100": "3"})
    assert stale.status_code == 422 and "Somebody else changed the programme" in text(stale)
    shown = text(boss.get("/loyalty/programme/"))
    assert "Dearer tea." in shown and "¥1.50" in shown and "¥2" in shown and "12.5 %" in shown

    boss.post("/loyalty/programme/step/pause/", {"reason": "Stocktaking"})
    assert Programme.objects.get().state == "paused"
    again = boss.post("/loyalty/programme/step/pause/", {}, follow=True)
    assert "this step is not possible" in again.content.decode()
    boss.post("/loyalty/programme/step/resume/", {})
    assert Programme.objects.get().state == "live"
    assert boss.post("/loyalty/programme/step/sell/", {}).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("remind_days", "30, x", "Reminders are"),
        ("remind_days", "400", "Reminders are"),
        ("breakage_bp", "101", "100"),
        ("worth_of_100", "-1", "0"),
        ("expiry", "someday", "valid choice"),
        ("tier_window_days", "0", "1"),
        ("name", "", "required"),
    ],
)
def test_a_setting_that_cannot_be_says_so_at_its_field(
    boss: Client, programme: Programme, field: str, value: str, says: str
) -> None:
    form = {name: getattr(programme, name) for name in programmes.SETTINGS}
    form |= {
        "worth_of_100": "1",
        "remind_days": "30",
        "breakage_bp": "",
        "recovery_budget": "",
        "version": "0",
    }
    answer = boss.post("/loyalty/programme/edit/", {**form, field: value})
    assert says in error_at(answer, f"id_{field}")
    assert Programme.objects.get().version == 0


# --- Earning rules ---------------------------------------------------------------------------------
def test_a_rule_is_written_changed_compared_taken_back_and_switched(
    boss: Client, programme: Programme
) -> None:
    ProductFactory(code="cup", name="Tea cup", category="red")
    form = {
        "name": "Double cups",
        "times": "2",
        "products": "Tea cup\ncup",
        "labels": "",
        "weekdays": ["6", "7"],
    }
    assert boss.post("/loyalty/rules/new/?kind=multiplier", form).status_code == 302
    rule = EarningRule.objects.get()
    assert not rule.is_on
    assert rules.newest(rule).document == {
        "kind": "multiplier",
        "times": "2",
        "products": ["cup"],
        "weekdays": [6, 7],
    }
    page = text(boss.get(f"/loyalty/rules/{rule.code}/"))
    assert "Points by amount × 2" in page and "Saturday, Sunday" in page
    changed = {**form, "times": "3", "reason": "A festival.", "version": "1"}
    assert boss.post(f"/loyalty/rules/{rule.code}/edit/", changed).status_code == 302
    assert rules.newest(EarningRule.objects.get()).document["times"] == "3"
    page = text(boss.get(f"/loyalty/rules/{rule.code}/"))
    assert "<del>2</del> → <ins>3</ins>" in page and "A festival." in page
    stale = boss.post(f"/loyalty/rules/{rule.code}/edit/", {**changed, "times": "4"})
    assert stale.status_code == 422 and "Somebody else changed this rule" in text(stale)
    boss.post(f"/loyalty/rules/{rule.code}/revert/", {"number": "1"})
    assert rules.newest(EarningRule.objects.get()).document["times"] == "2"
    boss.post(f"/loyalty/rules/{rule.code}/on/", {"next": "list"})
    assert EarningRule.objects.get().is_on
    assert boss.post(f"/loyalty/rules/{rule.code}/explode/", {}).status_code == 404
    assert boss.get("/loyalty/rules/new/?kind=magic")["Location"] == "/loyalty/rules/"


@pytest.mark.parametrize(
    ("kind", "form", "field", "says"),
    [
        ("amount", {"points": "0", "per": "1"}, "points", "greater than or equal"),
        ("amount", {"points": "1.00001", "per": "1"}, "points", "decimal places"),
        ("amount", {"points": "1"}, "per", "required"),
        ("item", {"points": "5", "products": "Nothing like it"}, "products", "No product has this code"),
        ("item", {"points": "5"}, "products", "Say which products or labels"),
        ("multiplier", {"times": "1"}, "times", "changes nothing"),
        (
            "multiplier",
            {"times": "2", "from": "2026-06-02", "until": "2026-06-01"},
            "until",
            "must not lie before",
        ),
        ("event", {"event": "sneeze", "points": "5"}, "event", "valid choice"),
        ("first_order", {"points": "1.5"}, "points", "“Points” must be a whole number"),
    ],
)
def test_what_no_rule_can_say_is_refused_at_its_field(
    boss: Client, programme: Programme, kind: str, form: dict[str, str], field: str, says: str
) -> None:
    answer = boss.post(f"/loyalty/rules/new/?kind={kind}", {"name": "X", **form})
    assert says in error_at(answer, f"id_{field}")
    assert not EarningRule.objects.exists()


def test_the_order_of_rules_is_changed_by_pressing(boss: Client, programme: Programme) -> None:
    for name in ("One", "Two", "Three"):
        make_rule(programme, {"kind": "first_order", "points": 5}, name=name, code=name.lower())
    boss.post("/loyalty/rules/three/up/")
    assert [rule.name for rule in EarningRule.objects.all()] == ["One", "Three", "Two"]
    boss.post("/loyalty/rules/one/up/")
    assert [rule.name for rule in EarningRule.objects.all()] == ["One", "Three", "Two"]


def test_the_simulator_says_what_a_basket_would_earn_and_why(boss: Client, programme: Programme) -> None:
    rule = make_rule(programme, {"kind": "amount", "points": "4", "per": "1"}, name="Four a yuan")
    off = make_rule(programme, {"kind": "first_order", "points": 100}, name="Welcome", is_on=False)
    basket = {"go": "1", "l0-quantity": "1", "l0-amount": "60", "l1-quantity": "1", "l1-amount": "-8"}
    page = text(boss.get("/loyalty/simulator/", {**basket, "rule": [rule.pk]}))
    assert '<span class="points-big">208 ' in page and "Four a yuan" in page
    tried = {**basket, "rule": [rule.pk, off.pk], "is_first": "on"}
    assert '<span class="points-big">308 ' in text(boss.get("/loyalty/simulator/", tried))
    assert "Enter the amount" in text(boss.get("/loyalty/simulator/", {"go": "1"}))
    odd = boss.get("/loyalty/simulator/", {**basket, "l0-amount": "much"})
    assert odd.status_code == 422 and "Enter a number." in text(odd)
    assert boss.get("/loyalty/simulator/", {**basket, "rule": ["x"], "tier": "99"}).status_code == 422


def test_the_simulator_refuses_a_product_that_is_not_there_and_a_quantity_of_nothing(
    boss: Client, programme: Programme
) -> None:
    make_rule(programme, {"kind": "amount", "points": "4", "per": "1"}, name="Four a yuan")
    ProductFactory(code="TEA", name="Green tea", category="tea")
    basket = {"go": "1", "l0-quantity": "1", "l0-amount": "60"}
    for there in ("TEA", "Green tea", ""):
        assert boss.get("/loyalty/simulator/", {**basket, "l0-product": there}).context["earned"] is not None
    typo = boss.get("/loyalty/simulator/", {**basket, "l0-product": "TEAA"})
    assert typo.context["earned"] is None
    assert "No product has the code or name “TEAA”." in error_at(typo, "l0-product")
    for quantity in ("0", "-1"):
        none = boss.get("/loyalty/simulator/", {**basket, "l0-quantity": quantity})
        assert none.context["earned"] is None and "above zero" in error_at(none, "l0-quantity")


def test_the_simulator_counts_the_orders_of_the_past_year(boss: Client, programme: Programme) -> None:
    rule = make_rule(programme, {"kind": "amount", "points": "2", "per": "1"}, name="Two a yuan")
    customer = CustomerFactory()
    for days in (1, 364, 365):
        record(customer, ("", 1, 100), at=NOW - timedelta(days=days))
    page = text(boss.get("/loyalty/simulator/", {"go": "1", "year": "1", "rule": [rule.pk]}))
    assert '<span class="points-big">400 ' in page and "a liability of ¥4" in page and "Two a yuan" in page
    assert "The orders of the last 365 days" in page
    assert not PointsEntry.objects.exists()


# --- Tiers -----------------------------------------------------------------------------------------
def test_a_tier_is_made_changed_given_benefits_and_retired(boss: Client, programme: Programme) -> None:
    form = {"name": "Gold", "name_alt": "金卡", "threshold": "5000", "percent": "150"}
    assert boss.post("/loyalty/tiers/new/", form).status_code == 302
    gold = Tier.objects.get()
    assert (gold.code, gold.threshold, gold.multiplier_bp) == ("gold", 500_000, 15_000)
    twin = boss.post("/loyalty/tiers/new/", {**form, "name": "Silver"})
    assert "begins at the same threshold" in error_at(twin, "id_threshold")
    assert boss.post(f"/loyalty/tiers/{gold.pk}/", {**form, "percent": "125.5"}).status_code == 302
    assert Tier.objects.get().multiplier_bp == 12_550
    shown = boss.get(f"/loyalty/tiers/{gold.pk}/").content.decode().split('name="percent"')[1].split(">")[0]
    assert 'value="125.5"' in shown
    assert "decimal places" in error_at(
        boss.post(f"/loyalty/tiers/{gold.pk}/", {**form, "percent": "125.555"}), "id_percent"
    )
    assert boss.post(f"/loyalty/tiers/{gold.pk}/", {**form, "percent": "200"}).status_code == 302
    benefit = {"name": "Training", "kind": "training", "a_year": "2"}
    bad = boss.post(f"/loyalty/tiers/{gold.pk}/benefit/", {**benefit, "a_year": "0"})
    assert "greater than or equal" in error_at(bad, "benefit_a_year")
    boss.post(f"/loyalty/tiers/{gold.pk}/benefit/", benefit)
    row = TierBenefit.objects.get()
    page = text(boss.get("/loyalty/tiers/"))
    assert "earns 200 % of the points" in page and "2 times a year" in page and "¥5,000" in page
    boss.post(f"/loyalty/benefits/{row.pk}/", {**benefit, "a_year": "3"})
    row.refresh_from_db()
    assert row.a_year == 3
    boss.post(f"/loyalty/benefits/{row.pk}/", {"act": "retire"})
    assert TierBenefit.objects.get().is_retired
    boss.post(f"/loyalty/tiers/{gold.pk}/retire/")
    assert Tier.objects.get().is_retired
    assert boss.get(f"/loyalty/tiers/{gold.pk}/").status_code == 404


def test_a_membership_is_offered_for_a_price_in_whole_units(boss: Client, programme: Programme) -> None:
    form = {"name": "Plus", "price": "99.50", "months": "12"}
    assert "required" in error_at(boss.post("/loyalty/memberships/new/", {**form, "price": ""}), "id_price")
    boss.post("/loyalty/memberships/new/", form)
    plan = MembershipPlan.objects.get()
    assert (plan.price, plan.currency, plan.is_on) == (9950, "CNY", True)
    assert 'value="99.50"' in boss.get(f"/loyalty/memberships/{plan.pk}/").content.decode()
    boss.post(f"/loyalty/memberships/{plan.pk}/", form)
    assert not MembershipPlan.objects.get().is_on


# --- Rewards ---------------------------------------------------------------------------------------
def test_a_retired_tier_is_not_left_out_unseen(boss: Client, programme: Programme) -> None:
    gold = make_tier("gold", 100)
    reward = make_reward(tier=gold)
    retire = f"/loyalty/tiers/{gold.pk}/retire/"
    assert "is for this tier" in boss.post(retire, follow=True).content.decode()
    boss.post(f"/loyalty/rewards/{reward.pk}/retire/")
    plan = membership.create_plan(programme, code="plus", name="Plus", price=100, tier=gold, by=None, at=NOW)
    MembershipPlan.objects.update(is_on=False)
    boss.post(retire)
    assert Tier.objects.get().is_retired
    for address, form in (
        (f"/loyalty/rewards/{reward.pk}/", {"name": "Mug", "points": "250"}),
        (f"/loyalty/memberships/{plan.pk}/", {"name": "Plus", "price": "2", "months": "6", "is_on": "on"}),
    ):
        assert f'value="{gold.pk}" selected' in boss.get(address).content.decode()
        kept = boss.post(address, {**form, "tier": gold.pk})
        assert kept.status_code == 422 and "id_tier_error" in kept.content.decode()
        assert boss.post(address, {**form, "tier": ""}).status_code == 302  # said so, and not by accident
    assert (Reward.objects.get().tier, MembershipPlan.objects.get().tier) == (None, None)


def test_a_reward_is_made_offered_stocked_and_withdrawn(boss: Client, programme: Programme) -> None:
    form = {"name": "Tea cup", "kind": "goods", "points": "200", "stock": "3", "from_day": "2026-05-01"}
    assert "greater than or equal" in error_at(
        boss.post("/loyalty/rewards/new/", {**form, "points": "0"}), "id_points"
    )
    early = boss.post("/loyalty/rewards/new/", {**form, "until_day": "2026-04-01"})
    assert "lies before the first" in error_at(early, "id_until_day")
    assert boss.post("/loyalty/rewards/new/", form).status_code == 302
    cup = Reward.objects.get()
    assert (cup.code, cup.stock, cup.is_on) == ("tea-cup", 3, False)
    boss.post(f"/loyalty/rewards/{cup.pk}/offer/")
    boss.post(f"/loyalty/rewards/{cup.pk}/stock/", {"count": "-2"})
    cup.refresh_from_db()
    assert (cup.stock, cup.is_on) == (1, True)
    low = boss.post(f"/loyalty/rewards/{cup.pk}/stock/", {"count": "-2"})
    assert "1 are in stock" in error_at(low, "stock_count")
    boss.post(f"/loyalty/rewards/{cup.pk}/", {"name": "Tea mug", "points": "250", "per_customer": "1"})
    cup.refresh_from_db()
    assert (cup.name, cup.points, cup.per_customer, cup.stock) == ("Tea mug", 250, 1, 1)
    boss.post(f"/loyalty/rewards/{cup.pk}/uncount/")
    boss.post(f"/loyalty/rewards/{cup.pk}/retire/")
    cup.refresh_from_db()
    assert (cup.stock, cup.is_on) == (None, False)
    assert boss.post(f"/loyalty/rewards/{cup.pk}/burn/").status_code == 404


def test_codes_come_typed_and_as_a_file(boss: Client, programme: Programme) -> None:
    reward = make_reward(kind="code")
    address = f"/loyalty/rewards/{reward.pk}/codes/"
    assert "There is no code here" in error_at(boss.post(address, {"text": ""}), "codes_text")
    file = SimpleUploadedFile("codes.csv", b"code\nC3\nA1\n", content_type="text/csv")
    said = boss.post(address, {"text": "A1\nB2", "file": file}, follow=True).content.decode()
    assert "3 codes were added." in said and "1 stood there already." in said
    assert sorted(RewardCode.objects.values_list("secret", flat=True)) == ["A1", "B2", "C3"]
    broken = SimpleUploadedFile("codes.csv", b"\xff\xfe\x00\x81", content_type="text/csv")
    assert "no text in UTF-8" in error_at(boss.post(address, {"file": broken}), "codes_file")


def test_a_new_tier_says_when_it_counts_and_figures_say_what_they_are_in(
    boss: Client, programme: Programme
) -> None:
    assert "the next night places every customer who reaches it" in text(boss.get("/loyalty/tiers/new/"))
    assert "as measured" in text(boss.get("/loyalty/programme/"))
    assert f"Worth of outstanding points, in {programme.currency}" in text(boss.get("/loyalty/"))

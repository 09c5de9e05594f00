"""The customer's own page: what it shows, what a press does, and that a dead link says nothing."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from customers import complaints, consents, merges, objections
from customers import contact as contacting
from customers.contact import Limit
from customers.ground import clock, drain
from customers.ground.models import AuditEvent, Company, Event
from customers.models import Complaint, Consent, Contact, Customer, Order, User
from customers.writing import revise
from loyalty import links
from loyalty.models import (
    MemberLink,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Referral,
    Reward,
    Tier,
    TierBenefit,
)
from loyalty.rewards import catalogue, codes, redeeming
from retention.improving import attaching
from retention.models import LoopClosure
from retention.pages import member_links
from retention.pages.member import points as shown_points
from retention.pages.member import told as shown_told
from retention.pages.member import visit as visits
from surveys.models import SurveyResponse
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory, ago, day
from tests.loyalty.earning import SPEND, apply, bought, make_rule
from tests.loyalty.factories import ProgrammeFactory, earn, make_account
from tests.retention import improvers
from tests.retention.improvers import done
from tests.retention.improving import test_telling as improving
from tests.retention.loop.world import drained, filed
from tests.surveys.makers import answered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> None:
    clock.fix(NOW)


@pytest.fixture
def contact(customer: Customer) -> Contact:
    found = customer.contacts.first()
    assert found is not None
    return found


@pytest.fixture
def token(contact: Contact) -> str:
    return links.token_of(links.make_link(contact, by=None, at=NOW, now=clock.real_now()))


@pytest.fixture
def programme(customer: Customer) -> Programme:
    return ProgrammeFactory(name="Lake Club", name_alt="湖会", worth_of_100=100)


@pytest.fixture
def account(programme: Programme, customer: Customer) -> PointsAccount:
    account = make_account(customer, at=ago(200))
    earn(account, 500, at=ago(100))
    return account


def reward(programme: Programme, **values: Any) -> Reward:
    given = {"code": "mug", "name": "Mug", "points": 200, "is_on": True, **values}
    return catalogue.create_reward(programme, **given, by=None, at=NOW)


def at(token: str, route: str = "member", *args: Any, query: str = "") -> str:
    return reverse(f"retention:{route}", args=[token, *args]) + query


def every_page(token: str, programme: Programme) -> list[str]:
    row = Redemption.objects.first()
    return [
        at(token),
        at(token, "member_statement"),
        at(token, "member_told"),
        at(token, "member_reward", Reward.objects.get().pk),
        at(token, "member_redemption", row.pk if row is not None else 1),
    ]


# --- Who gets in ----------------------------------------------------------------------------------
def test_every_dead_link_looks_the_same(
    client: Client, contact: Contact, token: str, account: PointsAccount, programme: Programme
) -> None:
    reward(programme)
    old = links.find(token, at=NOW, now=clock.real_now())
    expired = links.token_of(links.make_link(ContactFactory(is_main=True), by=None, at=NOW, now=ago(4000)))
    second = links.token_of(links.make_link(contact, by=None, at=NOW, now=clock.real_now()))
    assert old is not None
    texts = set()
    for dead in ("x", token, expired, old.token_hash, old.salt):
        for url in every_page(dead, programme):
            response = client.get(url)
            assert response.status_code == 404
            texts.add(response.text)
        assert client.post(at(dead, "member_contact"), {"stop": "1"}).status_code == 404
    assert len(texts) == 1
    assert client.get(at(second)).status_code == 200
    links.revoke(MemberLink.objects.latest("pk"), by=None, at=NOW, now=clock.real_now())
    assert client.get(at(second)).text in texts
    assert not Consent.objects.exists()


def test_what_belongs_to_another_customer_looks_like_a_dead_link(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    other = make_account(CustomerFactory(), at=ago(200))
    earn(other, 500, at=ago(100))
    mug = reward(programme)
    hers = redeeming.ask_reward(other, mug, key="k", by=None, at=NOW)
    dead = client.get(at("x")).text
    for method in (client.get, client.post):
        response = method(at(token, "member_redemption", hers.pk), {"cancel": "1"})
        assert (response.status_code, response.text) == (404, dead)
    hers.refresh_from_db()
    assert hers.state == "asked"
    hidden = reward(programme, code="hidden", is_on=False)
    for pk in (hidden.pk, 999):
        response = client.post(at(token, "member_reward", pk), {"key": "k"})
        assert (response.status_code, response.text) == (404, dead)


def test_page_sets_no_cookie_is_kept_nowhere_and_runs_no_script(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    redeeming.ask_reward(account, reward(programme), key="k", by=None, at=NOW)
    for url in every_page(token, programme):
        response = client.get(url)
        assert response.status_code == 200 and response.cookies == {}
        assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert "<script" not in response.text and "style=" not in response.text
        assert "csrfmiddlewaretoken" not in response.text


def test_looking_writes_nothing(
    client: Client, token: str, account: PointsAccount, programme: Programme, customer: Customer
) -> None:
    account.refresh_from_db()
    earn(account, 70, at=ago(500))  # its day is over, and nobody said so yet
    redeeming.ask_reward(account, reward(programme, points=1), key="k", by=None, at=ago(99))
    complaints.file_complaint(customer, text="Late.", by=None, at=ago(1))
    before = counts()
    for url in every_page(token, programme):
        for query in ("", "?cancel=1&key=x&stop=1", "?said=kept&lang=zh-hans"):
            assert client.get(url + query).status_code == 200
            assert client.head(url + query).status_code == 200
    assert client.get(at(token, "member_contact")).status_code == 405
    assert counts() == before


def counts() -> tuple[Any, ...]:
    return (
        Event.objects.count(),
        AuditEvent.objects.count(),
        PointsEntry.objects.count(),
        Consent.objects.count(),
        list(PointsAccount.objects.order_by("pk").values()),
        list(Redemption.objects.order_by("pk").values()),
        list(MemberLink.objects.values()),
    )


def test_page_without_programme_shows_the_rest(client: Client, token: str, customer: Customer) -> None:
    response = client.get(at(token))
    assert response.status_code == 200
    assert "You have no points account" in response.text and "How we may contact you" in response.text
    assert "Nothing that you told us is open." in response.text
    assert client.get(at(token, "member_statement")).status_code == 404


def test_page_without_account_opens_none(client: Client, token: str, programme: Programme) -> None:
    reward(programme)
    assert "You have no points account" in client.get(at(token)).text
    mug = Reward.objects.get()
    assert client.post(at(token, "member_reward", mug.pk), {"key": "k"}).status_code == 404
    assert not PointsAccount.objects.exists()


def test_slowed_press_leads_to_her_page_and_a_slowed_look_to_itself(
    client: Client, token: str, account: PointsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "VISITS_A_MINUTE", 0)
    for route in ("member_contact", "member_referral"):
        response = client.post(at(token, route), {"stop": "1"}, REMOTE_ADDR="203.0.113.9")
        assert response.status_code == 429
        assert f'<form method="get" action="{at(token)}">' in response.text
    look = client.get(at(token, "member_statement"), REMOTE_ADDR="203.0.113.9")
    assert look.status_code == 429 and '<form method="get">' in look.text
    monkeypatch.undo()
    assert client.get(at(token)).status_code == 200 and not Consent.objects.exists()


# --- Points ---------------------------------------------------------------------------------------
def test_sums_are_those_of_the_day_though_the_night_is_still_due(
    account: PointsAccount, programme: Programme
) -> None:
    today = day(NOW)
    earn(account, 70, at=ago(90), expires_day=today - 1)
    earn(account, 30, at=ago(90), expires_day=today)
    earn(account, 11, at=ago(9), usable_day=today, expires_day=None)
    earn(account, 5, at=ago(9), usable_day=today + 1, expires_day=None)
    earn(account, 6, at=ago(9), usable_day=today + 3, expires_day=None)
    account.refresh_from_db()
    sums = shown_points.sums_of(account, today=today)
    assert sums == shown_points.Sums(
        usable=500 + 30 + 11, pending=11, pending_until=today + 1, next_day=today, next_points=30
    )


def test_sums_of_an_idle_account_end_with_its_last_day(account: PointsAccount, programme: Programme) -> None:
    Programme.objects.update(expiry="inactivity", expiry_months=1)
    PointsLot.objects.update(expires_day=None)
    PointsAccount.objects.update(moved_day=day(NOW) - 20)
    account = PointsAccount.objects.select_related("programme").get()
    sums = shown_points.sums_of(account, today=day(NOW))
    assert (sums.usable, sums.next_points) == (500, 500)
    assert sums.next_day is not None and sums.next_day > day(NOW)
    assert shown_points.sums_of(account, today=sums.next_day).usable == 500
    assert shown_points.sums_of(account, today=sums.next_day + 1).usable == 0


def test_page_says_balance_worth_next_expiry_and_what_is_on_its_way(
    client: Client, token: str, account: PointsAccount
) -> None:
    earn(account, 1_234, at=NOW, usable_day=day(NOW) + 7)
    text = client.get(at(token)).text
    assert ">500</b> points" in text and "¥5" in text
    assert "1,234 more are on their way" in text and "500 of them can be used until" in text


def test_tier_says_what_is_missing_to_keep_it_and_what_it_brings(
    client: Client, token: str, account: PointsAccount, programme: Programme, customer: Customer
) -> None:
    Programme.objects.update(tier_basis="spend", tier_window="rolling", tier_window_days=365)
    gold = Tier.objects.create(programme=programme, code="gold", name="Gold", threshold=100_000)
    TierBenefit.objects.create(tier=gold, kind="training", name="Training days", a_year=2)
    OrderFactory(customer=customer, sold=68_000, occurred_at=ago(10))
    PointsAccount.objects.update(tier=gold, grace_until_day=day(NOW) + 5, tier_since_day=day(NOW) - 99)
    text = client.get(at(token)).text
    assert "¥320 to keep Gold" in text and "Training days" in text and "2 of 2 left this year" in text


def test_rewards_say_what_can_be_had_and_what_is_missing(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    gold = Tier.objects.create(programme=programme, code="gold", name="Gold", threshold=100_000)
    reward(programme, code="cheap", name="Cheap", points=500)
    reward(programme, code="dear", name="Dear", points=501)
    reward(programme, code="gone", name="Gone", points=1, stock=0)
    reward(programme, code="golden", name="Golden", points=1, tier=gold)
    had = reward(programme, code="once", name="Once", points=1, per_customer=1)
    redeeming.ask_reward(account, had, key="k", by=None, at=NOW)
    earn(account, 1, at=NOW)
    found = {o.name: o.missing for o, _url in client.get(at(token)).context["offers"]}
    assert found == {
        "Cheap": "",
        "Dear": "1 point is missing.",
        "Gone": "None is left.",
        "Once": "You have had it as often as it is given.",
    }


# --- Redeeming ------------------------------------------------------------------------------------
def confirm(client: Client, token: str, mug: Reward) -> dict[str, str]:
    response = client.get(at(token, "member_reward", mug.pk))
    assert "Take it for 200 points" in response.text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', response.text))
    assert form == {"key": response.context["key"], "points": "200"}
    return form


def test_press_on_the_confirmation_redeems_once_however_often_it_is_pressed(
    client: Client, token: str, account: PointsAccount, programme: Programme, contact: Contact
) -> None:
    mug = reward(programme, stock=1)
    form = confirm(client, token, mug)
    assert not Redemption.objects.exists()
    first, second = (client.post(at(token, "member_reward", mug.pk), form) for _press in range(2))
    made = Redemption.objects.get()
    assert (made.contact, made.by, made.points) == (contact, None, 200)
    assert first.status_code == 302 and first["Location"] == second["Location"]
    assert first["Location"] == at(token, "member_redemption", made.pk)
    account.refresh_from_db()
    assert account.balance == 300
    again = client.get(at(token, "member_reward", mug.pk))
    assert "None is left." in again.text and "<button" not in again.text


def test_each_confirmation_is_its_own_wish(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    mug = reward(programme)
    client.post(at(token, "member_reward", mug.pk), confirm(client, token, mug))
    asked = client.get(at(token, "member_reward", mug.pk))
    assert "This was taken a moment ago" in asked.text
    form = {"key": asked.context["key"], "points": "200", "again": str(Redemption.objects.get().pk)}
    assert 'name="again"' in asked.text
    client.post(at(token, "member_reward", mug.pk), form)
    assert Redemption.objects.count() == 2


def test_second_press_on_a_page_that_knew_of_no_first_asks_once_more(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    mug, cup = reward(programme, points=100), reward(programme, code="cup", points=100)
    address = at(token, "member_reward", mug.pk)
    for press in range(2):
        answer = client.post(address, {"key": f"tab-{press}", "points": "100"})
    assert answer.status_code == 200 and "This was taken a moment ago" in answer.text
    assert Redemption.objects.count() == 1
    other = client.post(at(token, "member_reward", cup.pk), {"key": "cup", "points": "100"})
    assert other.status_code == 302  # of another reward nothing was taken
    Redemption.objects.update(at=F("at") - timedelta(minutes=10))
    assert client.post(address, {"key": "later", "points": "100"}).status_code == 302
    Redemption.objects.update(state="cancelled")
    assert "a moment ago" not in client.get(address).text


@pytest.mark.parametrize("key", ["", "x" * 65, "a\0b", "a b", "a\n", "键"])
def test_press_without_a_key_asks_again(
    client: Client, token: str, account: PointsAccount, programme: Programme, key: str
) -> None:
    mug = reward(programme)
    response = client.post(at(token, "member_reward", mug.pk), {"key": key, "points": "200"})
    assert response.status_code == 200 and "Take it for" in response.text
    assert not Redemption.objects.exists()


def test_press_for_another_price_than_was_shown_asks_again(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    mug = reward(programme)
    form = confirm(client, token, mug)
    catalogue.change_reward(mug, points=300, by=None, at=NOW)
    response = client.post(at(token, "member_reward", mug.pk), form)
    assert response.status_code == 409 and "costs 300 points now" in response.text
    assert "Take it for 300 points" in response.text and response.context["key"] != form["key"]
    for unsaid in ({}, {"points": ""}, {"points": "x"}):
        response = client.post(at(token, "member_reward", mug.pk), {"key": "k", **unsaid})
        assert response.status_code == 200 and "Take it for 300 points" in response.text
    assert not Redemption.objects.exists()
    client.post(at(token, "member_reward", mug.pk), {"key": "k", "points": "300"})
    assert Redemption.objects.get().points == 300


def test_everything_that_was_taken_is_reached_page_by_page(
    client: Client,
    token: str,
    account: PointsAccount,
    programme: Programme,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shown_points, "MOST_REDEMPTIONS", 2)
    mug = reward(programme, points=1)
    made = [redeeming.ask_reward(account, mug, key=str(n), by=None, at=NOW).pk for n in range(5)]
    seen, address = [], at(token, query="?lang=en")
    while address and len(seen) < 9:
        response = client.get(address)
        seen += [taken.row.pk for taken, _url in response.context["redemptions"]]
        address = response.context["taken_pages"]["older"]
        assert not address or address.replace("&", "&amp;") in response.text
    assert seen == made[::-1]


def test_press_that_comes_too_late_says_why_and_takes_nothing(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    mug = reward(programme)
    form = confirm(client, token, mug)
    redeeming.ask_reward(account, reward(programme, code="b", points=400), key="other", by=None, at=NOW)
    response = client.post(at(token, "member_reward", mug.pk), form)
    assert response.status_code == 409 and "100 points are missing." in response.text
    assert Redemption.objects.count() == 1


@pytest.mark.parametrize("is_code", [False, True])
def test_what_she_took_is_hers_also_after_a_merge_and_as_that_is_taken_back(
    client: Client, token: str, account: PointsAccount, programme: Programme, contact: Contact, is_code: bool
) -> None:
    mug = reward(programme, kind="code" if is_code else "goods")
    if is_code:
        codes.add_codes(mug, "SPRING-1", by=None, at=NOW)
    form = confirm(client, token, mug)
    first = client.post(at(token, "member_reward", mug.pk), form)["Location"]
    survivor = ContactFactory().customer
    theirs, other = token_for(survivor.contacts.get()), CustomerFactory()
    strange = make_account(other, at=ago(200))
    earn(strange, 500, at=ago(100))
    foreign = redeeming.ask_reward(strange, reward(programme, code="b"), key=form["key"], by=None, at=NOW)
    account.customer.refresh_from_db()
    made = merges.merge_customers(survivor, account.customer, reason="The same.", by=None, at=NOW)
    page = client.get(at(token))
    assert [taken.row.key for taken, _url in page.context["redemptions"]] == [form["key"]]
    assert ("SPRING-1" in page.text) == is_code and client.get(first).status_code == 200
    again = client.post(at(token, "member_reward", mug.pk), form)
    assert again["Location"] == first and Redemption.objects.count() == 2
    assert client.get(at(token, "member_redemption", foreign.pk)).status_code == 404
    seen = client.get(at(theirs, "member_redemption", Redemption.objects.earliest("pk").pk))
    assert seen.status_code == 200 and "SPRING-1" not in seen.text  # a colleague's now
    merges.undo_merge(made, by=None, at=NOW + timedelta(hours=1))
    assert client.get(first).status_code == 200
    assert client.get(seen.wsgi_request.path).status_code == 404


def test_what_she_took_before_a_merge_is_cancelled_after_it(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    row = redeeming.ask_reward(account, reward(programme), key="k", by=None, at=NOW)
    survivor = CustomerFactory()
    account.customer.refresh_from_db()
    merges.merge_customers(survivor, account.customer, reason="The same.", by=None, at=NOW)
    url = at(token, "member_redemption", row.pk)
    assert client.post(url, {"cancel": "1"})["Location"] == url
    assert "You can use 500 points today." in client.get(url).text


def test_reward_that_is_withdrawn_between_look_and_press_is_told_on_her_page(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    mug = reward(programme)
    form, url = confirm(client, token, mug), at(token, "member_reward", mug.pk)
    catalogue.retire_reward(mug, by=None, at=NOW)
    for _press in range(2):
        response = client.post(url, form)
        assert response.status_code == 409 and "This reward is not offered today." in response.text
        assert response.context["account"] == shown_points.account_of(response.context["visit"])
    assert client.get(url).status_code == 404  # a look is no press
    other = ProgrammeFactory(code="old", state="draft")
    for pk in (reward(other).pk, 999):
        assert client.post(at(token, "member_reward", pk), form).status_code == 404
    catalogue.offer_reward(mug, by=None, at=NOW)
    assert client.post(url, form).status_code == 302


def test_reward_of_a_tier_that_was_lost_between_look_and_press_is_told_on_her_page(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    gold = Tier.objects.create(programme=programme, code="gold", name="Gold", threshold=100_000)
    PointsAccount.objects.update(tier=gold)
    mug = reward(programme, tier=gold)
    form = confirm(client, token, mug)
    PointsAccount.objects.update(tier=None)
    response = client.post(at(token, "member_reward", mug.pk), form)
    assert response.status_code == 409 and "from the tier “Gold” on" in response.text
    assert not Redemption.objects.exists()


def test_cancelling_gives_the_points_back_into_their_lots_until_it_is_sent(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    before = list(PointsLot.objects.values_list("pk", "left", "expires_day"))
    mug = reward(programme)
    row = redeeming.ask_reward(account, mug, key="a", by=None, at=NOW)
    url = at(token, "member_redemption", row.pk)
    assert "I do not want it any more" in client.get(url).text
    assert client.post(url, {}).status_code == 200  # a press on nothing cancels nothing
    assert client.post(url, {"cancel": "1"})["Location"] == url
    assert client.post(url, {"cancel": "1"}).status_code == 302
    text = client.get(url).text
    assert "came back as they were" in text and "I do not want it any more" not in text
    assert list(PointsLot.objects.values_list("pk", "left", "expires_day")) == before

    sent = redeeming.ask_reward(account, mug, key="b", by=None, at=NOW)
    redeeming.set_state(sent, "sent", tracking="SF 1234", by=None, at=NOW)
    url = at(token, "member_redemption", sent.pk)
    response = client.get(url)
    assert "I do not want it any more" not in response.text and "SF 1234" in response.text
    response = client.post(url, {"cancel": "1"})
    assert response.status_code == 409 and "moved on" in response.text
    sent.refresh_from_db()
    assert sent.state == "sent"


def test_code_is_shown_to_who_took_it(
    client: Client, token: str, account: PointsAccount, programme: Programme
) -> None:
    voucher = reward(programme, kind="code", code="voucher", name="Voucher")
    codes.add_codes(voucher, "SPRING-1\nSPRING-2", by=None, at=NOW)
    assert "SPRING" not in client.get(at(token)).text
    response = client.post(at(token, "member_reward", voucher.pk), {"key": "k", "points": "200"}, follow=True)
    assert "SPRING-1" in response.text and "SPRING-2" not in response.text
    assert "SPRING-1" in client.get(at(token)).text


@pytest.fixture
def colleague(customer: Customer) -> Contact:
    return ContactFactory(customer=customer, is_main=False)


def token_for(contact: Contact) -> str:
    return links.token_of(links.make_link(contact, by=None, at=NOW, now=clock.real_now()))


def test_code_that_a_colleague_was_given_is_seen_by_nobody_else(
    client: Client,
    token: str,
    account: PointsAccount,
    programme: Programme,
    contact: Contact,
    colleague: Contact,
) -> None:
    voucher = reward(programme, kind="code", code="voucher", name="Voucher", points=100)
    codes.add_codes(voucher, "SPRING-1\nSPRING-2\nSPRING-3", by=None, at=NOW)
    theirs = token_for(colleague)
    given = {
        who: redeeming.ask_reward(account, voucher, key=str(n), contact=who, by=None, at=NOW)
        for n, who in enumerate((contact, colleague, None))
    }
    secrets = codes.codes_of(list(given.values()))
    for one, hers in ((token, contact), (theirs, colleague)):
        texts = [client.get(at(one)).text]
        texts += [client.get(at(one, "member_redemption", row.pk)).text for row in given.values()]
        seen = {secret for secret in secrets.values() if any(secret in text for text in texts)}
        assert seen == {secrets[given[hers].pk], secrets[given[None].pk]}


def test_what_a_colleague_took_is_cancelled_by_her_and_the_main_contact_only(
    client: Client,
    token: str,
    account: PointsAccount,
    programme: Programme,
    contact: Contact,
    colleague: Contact,
) -> None:
    mug, theirs = reward(programme), token_for(colleague)

    def url(one: str, taker: Contact) -> str:
        key = str(Redemption.objects.count())
        row = redeeming.ask_reward(account, mug, key=key, contact=taker, by=None, at=NOW)
        return at(one, "member_redemption", row.pk)

    of_main = url(theirs, contact)
    assert "I do not want it any more" not in client.get(of_main).text
    assert client.post(of_main, {"cancel": "1"}).status_code == 404
    assert Redemption.objects.get().state == "asked"
    of_colleague = url(token, colleague)
    assert "I do not want it any more" in client.get(of_colleague).text
    assert client.post(of_colleague, {"cancel": "1"}).status_code == 302
    assert Redemption.objects.latest("pk").state == "cancelled"


# --- Who recommended us -----------------------------------------------------------------------------
@pytest.fixture
def referrer(programme: Programme) -> PointsAccount:
    Programme.objects.update(referral_referrer=200, referral_referred=100)
    return make_account(CustomerFactory(), at=ago(50))


def test_new_customer_enters_a_referral_code_and_has_an_account(
    client: Client, token: str, customer: Customer, referrer: PointsAccount
) -> None:
    page = client.get(at(token))
    assert at(token, "member_referral") in page.text and "Enter the code" in page.text
    form = {"code": f" {referrer.referral_code.lower()} "}
    done = client.post(at(token, "member_referral"), form)
    assert done.status_code == 302 and done["Location"] == at(token) + "#referred"
    referral = Referral.objects.get()
    assert (referral.referrer, referral.customer, referral.by) == (referrer, customer, None)
    assert PointsAccount.objects.filter(customer=customer).count() == 1
    after = client.get(at(token))
    assert "after your first order you get 100 points." in after.text
    assert at(token, "member_referral") not in after.text
    assert client.post(at(token, "member_referral"), form).status_code == 409
    assert Referral.objects.count() == 1


@pytest.mark.parametrize("code", ["", " ", "\0", "NOBODYS-CODE", "x" * 5000])
def test_code_that_is_refused_is_told_at_its_field(
    client: Client, token: str, referrer: PointsAccount, code: str
) -> None:
    response = client.post(at(token, "member_referral"), {"code": code, "lang": "en"})
    assert response.status_code == 409
    refused = response.context["referred"].refused
    assert refused and f'id="code-error">{escape(refused)}<' in response.text
    assert f'value="{code.strip(" " + chr(0))[:40]}" maxlength' in response.text
    assert response.context["error"] == "" and not Referral.objects.exists()
    assert PointsAccount.objects.count() == 1


def test_code_of_her_own_company_is_refused(
    client: Client, token: str, account: PointsAccount, referrer: PointsAccount
) -> None:
    response = client.post(at(token, "member_referral"), {"code": account.referral_code})
    assert response.status_code == 409 and "Nobody refers herself" in response.context["referred"].refused


def test_no_code_is_asked_where_none_would_be_taken(
    client: Client, token: str, customer: Customer, referrer: PointsAccount
) -> None:
    def asks() -> bool:
        return at(token, "member_referral") in client.get(at(token)).text

    assert asks()
    Programme.objects.update(referral_referrer=0, referral_referred=0)
    assert not asks()
    Programme.objects.update(referral_referrer=1)
    assert asks()
    order = OrderFactory(customer=customer, occurred_at=ago(10))
    assert not asks()
    Order.objects.filter(pk=order.pk).update(void=True)
    assert asks()
    Programme.objects.update(state="draft")
    assert not asks()


# --- Statement ------------------------------------------------------------------------------------
def test_statement_is_paged_newest_first_and_names_her_order(
    client: Client, token: str, account: PointsAccount, customer: Customer
) -> None:
    order = OrderFactory(customer=customer, number="A-77", occurred_at=ago(3))
    for n in range(24):
        earn(account, n + 1, at=ago(50 - n))
    earn(account, 77, at=ago(2), source=("order", order.pk))
    first = client.get(at(token, "member_statement"))
    second = client.get(at(token, "member_statement", query="?page=2"))
    lines = [line.points for page in (first, second) for line in page.context["lines"]]
    assert lines == [77, *range(24, 0, -1), 500]
    assert first.context["lines"][0].text == "Earned by your order A-77"
    assert first.context["lines"][0].balance == 500 + 300 + 77
    assert 'rel="next"' in first.text and 'rel="prev"' in second.text and 'rel="next"' not in second.text
    home = client.get(at(token))
    assert len(home.context["lines"]) == 5 and home.context["more_lines"] == at(token, "member_statement")


def test_statement_names_her_order_also_when_it_earned_anew_or_went_to_another_customer(
    client: Client, token: str, programme: Programme, customer: Customer
) -> None:
    make_rule(programme, SPEND, at=ago(100))
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 50), at=ago(3), number="A-78")
    for one in (other, customer):
        apply(revise(Order.objects.get(pk=order.pk), at=ago(2), customer_id=one.pk), at=ago(2))
    with CaptureQueriesContext(connection) as asked:
        page = client.get(at(token, "member_statement"))
    texts = [line.text for line in page.context["lines"]]
    assert texts.count("Earned by your order A-78") == 2
    assert texts.count("Taken back: order no. A-78 went to another customer") == 1
    numbers = [query for query in asked if '"customers_order"."number"' in query["sql"]]
    assert len(numbers) <= 2  # whatever is on the page


def test_queries_do_not_grow_with_what_is_shown(
    client: Client,
    token: str,
    account: PointsAccount,
    programme: Programme,
    customer: Customer,
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(at(token)).status_code == 200
        # how often an address may look is taken in parts, so that only some requests write it down
        return sum("ground_ratecounter" not in one["sql"] for one in seen.captured_queries)

    mug = reward(programme, points=1, per_customer=9)
    redeeming.ask_reward(account, mug, key="k", by=None, at=NOW)
    filed(customer)
    asked()
    few = asked()
    for n in range(6):
        reward(programme, code=f"r{n}", points=1, per_customer=9)
        redeeming.ask_reward(account, mug, key=f"k{n}", by=None, at=NOW)
        filed(customer)
    assert asked() == few


# --- What she told us -----------------------------------------------------------------------------
def test_open_complaints_are_hers_with_how_far_they_are_and_without_words(
    client: Client, token: str, customer: Customer, contact: Contact
) -> None:
    mine = filed(customer)
    filed(customer, contact=ContactFactory(customer=customer, is_main=False), text="Of a colleague.")
    done = filed(customer, kind="suggestion")
    assert done.complaint is not None and mine.complaint is not None
    Complaint.objects.filter(pk=done.complaint.pk).update(state="resolved")
    response = client.get(at(token))
    found = response.context["complaints"]
    assert [one.label for one in found] == ["complaint"]
    assert "You will hear from us by" in found[0].came.text
    assert found[0].came.address.endswith("/") and "/c/" in found[0].came.address
    assert "It arrived broken." not in response.text and "Of a colleague." not in response.text


def test_what_we_wrote_to_another_is_not_shown(
    client: Client, token: str, customer: Customer, contact: Contact
) -> None:
    mine = filed(customer)
    LoopClosure.objects.update(state="asked", asked_at=NOW, contacted_at=NOW, message_text="Dear Ms Wang")
    came = client.get(at(token)).context["complaints"][0].came
    assert came.message == "Dear Ms Wang" and came.address
    LoopClosure.objects.filter(pk=mine.pk).update(contact=ContactFactory(customer=customer, is_main=False))
    response = client.get(at(token))
    came = response.context["complaints"][0].came
    assert (came.text, came.message, came.address) == (
        "We did something. Please say whether it is solved.",
        "",
        "",
    )
    assert "Dear Ms Wang" not in response.text and "/c/" not in response.text


def test_what_was_done_about_her_answer_stands_beside_it_once_she_was_told(
    client: Client, company: Company
) -> None:
    contacting.set_limits({"care": Limit(None, 1), "together": Limit(None, 1)}, by=None, at=NOW)
    her = improving.person()
    row = answered(her, text="Always late.")
    other = answered(her, text="Too dear.")
    drained()
    made = done(told_en="We deliver within a day.", told_zh="我们当天送达。")
    attaching.attach(made, loop=loop_of(row), by=None, at=NOW)
    token = token_for(her)

    def beside() -> dict[str, list[str]]:
        return {one.comment: one.improved for one in client.get(at(token)).context["answers"]}

    assert beside() == {"Always late.": [], "Too dear.": []}
    assert improving.tell(made) == {"Wang Wei": ("written", "")}
    assert beside() == {"Always late.": ["We deliver within a day."], "Too dear.": []}
    assert "We acted on it: We deliver within a day." in client.get(at(token)).text
    assert "我们当天送达。" in client.get(at(token, query="?lang=zh-hans")).text
    colleague = ContactFactory(customer=her.customer, is_main=False)
    SurveyResponse.objects.filter(pk__in=[row.pk, other.pk]).update(contact=colleague)
    token = token_for(colleague)
    assert beside() == {"Always late.": [], "Too dear.": []}


def loop_of(row: SurveyResponse) -> LoopClosure:
    """Return the loop of an answer."""
    found = LoopClosure.objects.filter(response=row).first()
    values = {"contact": row.contact, "customer": row.customer}
    return found or improvers.loop(source="response", response=row, **values)


def test_complaint_of_nobody_is_seen_by_the_main_contact_only(
    client: Client, token: str, customer: Customer, contact: Contact
) -> None:
    complaints.file_complaint(customer, text="Late.", by=None, at=NOW)
    drained()
    assert len(client.get(at(token)).context["complaints"]) == 1
    Contact.objects.filter(pk=contact.pk).update(is_main=False)
    assert client.get(at(token)).context["complaints"] == []
    Customer.objects.filter(pk=customer.pk).update(kind="person")
    assert len(client.get(at(token)).context["complaints"]) == 1


def test_words_of_hers_are_shown_as_words(
    client: Client, token: str, customer: Customer, contact: Contact
) -> None:
    answered(contact, text="<script>alert(1)</script> & more")
    text = client.get(at(token)).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text and "<script>alert" not in text


def test_answers_are_hers_paged_and_say_what_came_of_them(
    client: Client, token: str, customer: Customer, contact: Contact
) -> None:
    for n in range(shown_told.PAGE + 1):
        answered(contact, text=f"Words {n}.")
    answered(ContactFactory(customer=customer, is_main=False), text="Of a colleague.")
    home = client.get(at(token))
    assert len(home.context["answers"]) == 3 and "Of a colleague." not in home.text
    assert "You gave 3 of 10." in home.text
    pages = [client.get(at(token, "member_told", query=f"?page={n}")) for n in (1, 2)]
    assert [len(page.context["answers"]) for page in pages] == [shown_told.PAGE, 1]
    assert all("Of a colleague." not in page.text for page in pages)


# --- How she may be contacted ---------------------------------------------------------------------
def boxes(response: Any) -> dict[str, bool]:
    rows = response.context["wishes"].rows
    return {way.value: way.is_on for wish in rows for way in wish.ways}


def sent(response: Any, **change: bool) -> dict[str, Any]:
    """Return what the browser sends of the form when some boxes were ticked or cleared."""
    stood = boxes(response)
    now = stood | {name.replace("_", ":"): value for name, value in change.items()}
    is_profiled = response.context["wishes"].is_profiled
    form: dict[str, Any] = {
        "shown": list(stood),
        "was": [name for name, is_on in stood.items() if is_on],
        "may": [name for name, is_on in now.items() if is_on],
        "profiling_shown": "1",
    }
    often = response.context["wishes"].frequency
    form |= {"often": often, "often_was": often}
    return form | ({"profiling": "1", "profiling_was": "1"} if is_profiled else {})


def standing(contact: Contact) -> dict[tuple[str, str], bool | None]:
    return {pair: state.is_given for pair, state in consents.states([contact.pk])[contact.pk].items()}


def test_boxes_stand_as_things_stand(client: Client, token: str, contact: Contact) -> None:
    said: dict[str, Any] = {"source": "form", "by": None, "at": ago(1)}
    consents.record_consent(contact, purposes=["offer"], channels=["email"], is_given=True, **said)
    consents.record_consent(contact, purposes=["service"], channels=["phone"], is_given=False, **said)
    found = boxes(client.get(at(token)))
    assert {name for name, is_on in found.items() if is_on} == {
        "offer:email",
        "service:email",
        "service:sms",
    }
    assert {name.partition(":")[2] for name in found} == {"phone", "email", "sms"}  # what we know of her


def test_what_she_changes_is_recorded_and_nothing_else(client: Client, token: str, contact: Contact) -> None:
    said: dict[str, Any] = {"source": "form", "by": None, "at": ago(1)}
    consents.record_consent(contact, purposes=["offer"], channels=["email", "sms"], is_given=True, **said)
    form = sent(client.get(at(token)), offer_email=False, care_phone=True)
    response = client.post(at(token, "member_contact"), form)
    assert response["Location"] == at(token) + "?said=kept#contact"
    new = Consent.objects.filter(source="link")
    assert {(row.purpose, row.channel, row.is_given) for row in new} == {
        ("offer", "email", False),
        ("care", "phone", True),
    }
    assert client.post(at(token, "member_contact"), form).status_code == 302
    assert new.count() == 2
    assert "Noted. It counts from now on." in client.get(response["Location"]).text


def test_form_that_is_old_does_not_undo_what_was_said_since(
    client: Client, token: str, contact: Contact
) -> None:
    form = sent(client.get(at(token)), care_phone=True)
    said: dict[str, Any] = {"source": "call", "by": None, "at": NOW}
    consents.record_consent(contact, purposes=["offer"], channels=["email"], is_given=True, **said)
    client.post(at(token, "member_contact"), form)
    assert standing(contact) == {("offer", "email"): True, ("care", "phone"): True}


def test_one_press_ends_all_but_what_she_needs_anyway(client: Client, token: str, contact: Contact) -> None:
    said: dict[str, Any] = {"source": "form", "by": None, "at": ago(1)}
    consents.record_consent(contact, purposes=["offer"], channels=["messenger"], is_given=True, **said)
    for _press in range(2):
        client.post(at(token, "member_contact"), {"stop": "1"})
    found = standing(contact)
    assert set(found.values()) == {False} and len(found) == 15
    assert not any(purpose == "service" for purpose, _way in found)
    assert Consent.objects.count() == 16


def test_press_that_ends_all_keeps_what_was_unticked_and_gives_nothing(
    client: Client, token: str, contact: Contact, customer: Customer
) -> None:
    form = sent(client.get(at(token)), service_email=False, offer_email=True, care_sms=True)
    form.pop("profiling")
    client.post(at(token, "member_contact"), form | {"stop": "1"})
    found = standing(contact)
    assert found[("service", "email")] is False and ("service", "sms") not in found
    assert found.pop(("profiling", "")) is False and set(found.values()) == {False}
    assert len(found) == 15 + 1
    assert objections.standing_of(customer).filter(contact=contact).count() == 1
    allowed = sent(client.get(at(token)), service_email=True) | {"profiling": "1", "stop": "1"}
    client.post(at(token, "member_contact"), allowed)
    assert objections.standing_of(customer).exists() and standing(contact)[("service", "email")] is False


def test_form_that_is_refused_stands_as_she_sent_it(
    client: Client, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_values: Any) -> None:
        raise objections.Erased

    form = sent(client.get(at(token)), offer_email=True, service_sms=False)
    form.pop("profiling")
    with monkeypatch.context() as patch:
        patch.setattr(consents, "record_consent", refuse)
        response = client.post(at(token, "member_contact"), form)
    assert response.status_code == 409
    wishes = response.context["wishes"]
    ticked = {way.value for wish in wishes.rows for way in wish.ways if way.is_ticked}
    assert ticked == set(form["may"]) and "offer:email" in ticked and "service:sms" not in ticked
    assert not wishes.is_profiling_ticked and wishes.is_profiled
    assert 'value="offer:email" checked' in response.text
    assert 'name="was" value="service:sms"' in response.text  # what stands is still what stood
    assert 'name="was" value="offer:email"' not in response.text


def test_profiling_is_objected_to_and_allowed_again(
    client: Client, token: str, contact: Contact, customer: Customer
) -> None:
    form = sent(client.get(at(token)))
    form.pop("profiling")
    client.post(at(token, "member_contact"), form)
    assert [row.contact for row in objections.standing_of(customer)] == [contact]
    response = client.get(at(token))
    assert not response.context["wishes"].is_profiled
    client.post(at(token, "member_contact"), sent(response) | {"profiling": "1"})
    assert not objections.standing_of(customer).exists()


def test_objection_of_the_whole_customer_is_not_hers_to_take_back(
    client: Client, token: str, customer: Customer
) -> None:
    objections.object_to_profiling(customer, by=None, at=ago(1))
    response = client.get(at(token))
    assert "somebody objected for the whole company" in response.text
    client.post(at(token, "member_contact"), {"profiling_shown": "1", "profiling": "1"})
    assert objections.standing_of(customer).count() == 1


@pytest.mark.parametrize("value", ["profiling:", "offer:", "offer:pigeon", "x:email", "\0"])
def test_purposes_and_channels_that_do_not_exist_are_left_out(client: Client, token: str, value: str) -> None:
    form = {"shown": [value], "may": [value]}
    assert client.post(at(token, "member_contact"), form).status_code == 302
    assert not Consent.objects.exists()


def test_limits_that_apply_are_told(client: Client, token: str) -> None:
    often = {wish.label: wish.often for wish in client.get(at(token)).context["wishes"].rows}
    assert often["Offers"] == often["Care"] == "At most 2 times in 30 days."
    assert "told us something: At most once in 30 days." in often["Questions"]
    assert often["Questions"].endswith("In general: At most once in 90 days.")
    assert client.get(at(token)).context["wishes"].quiet == "Never between 21:00 and 08:00."


# --- Language -------------------------------------------------------------------------------------
def test_page_speaks_her_language_and_keeps_the_one_she_chose(
    client: Client, token: str, account: PointsAccount, contact: Contact, programme: Programme
) -> None:
    mug = reward(programme, name_alt="马克杯")
    Contact.objects.filter(pk=contact.pk).update(language="zh-hans")
    assert "马克杯" in client.get(at(token)).text
    english = client.get(at(token, query="?lang=en"))
    assert "Mug" in english.text and "马克杯" not in english.text
    assert at(token, "member_reward", mug.pk) + "?lang=en" in english.text
    form = {"key": "k", "points": "200", "lang": "en"}
    done = client.post(at(token, "member_reward", mug.pk), form)
    assert done["Location"].endswith("?lang=en")
    assert '<html lang="zh-hans">' in client.get(at(token, query="?lang=tlh")).text


@pytest.mark.parametrize(("hers", "browser", "shown"), [("", "en", "en"), ("", "zh-CN", "zh-hans")])
def test_page_speaks_as_the_browser_where_her_language_is_not_known(
    client: Client, token: str, hers: str, browser: str, shown: str
) -> None:
    Company.objects.update(language="zh-hans")
    for rows in (Contact.objects, Customer.objects):
        rows.update(language=hers)
    assert client.get(at(token), HTTP_ACCEPT_LANGUAGE=browser).context["words"] == shown
    Contact.objects.update(language="en")
    assert client.get(at(token), HTTP_ACCEPT_LANGUAGE=browser).context["words"] == "en"


def test_language_leads_to_the_same_page_also_after_a_press_that_was_refused(
    client: Client, token: str, account: PointsAccount, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_values: Any) -> None:
        raise objections.Erased

    chinese = {
        page: f'href="{page}?lang=zh-hans"' for page in every_page_without_redemption(token, programme)
    }
    for page, address in chinese.items():
        assert address in client.get(page).text
        assert client.get(page + "?lang=zh-hans").status_code == 200
    for n in range(24):
        earn(account, n + 1, at=ago(50 - n))
    second = client.get(at(token, "member_statement", query="?page=2&lang=en"))
    assert at(token, "member_statement", query="?lang=zh-hans&amp;page=2") in second.text
    monkeypatch.setattr(consents, "record_consent", refuse)
    for route, form in (("member_contact", {"stop": "1"}), ("member_referral", {"code": "X"})):
        response = client.post(at(token, route), form)
        assert response.status_code == 409 and chinese[at(token)] in response.text


def every_page_without_redemption(token: str, programme: Programme) -> list[str]:
    reward(programme)
    return every_page(token, programme)[:4]


# --- The links, for colleagues --------------------------------------------------------------------
def test_colleague_makes_copies_and_revokes_a_link(
    client: Client, customer: Customer, contact: Contact, manager: User
) -> None:
    client.force_login(manager)
    page = reverse("retention:customer_member", args=[customer.pk])
    assert "/m/" not in client.get(page).text
    make = reverse("retention:customer_member_make", args=[customer.pk])
    made = client.post(make, {"contact": contact.pk})
    link = MemberLink.objects.get()
    assert link.by == manager and made.status_code == 302
    assert made["Location"] == f"{page}#contact-{contact.pk}"
    assert "Press “Show the link”" in client.get(page).text
    link.refresh_from_db()
    assert link.revoked_at is None and MemberLink.objects.count() == 1  # what was loaded again made none
    show = reverse("retention:customer_member_show", args=[customer.pk, link.pk])
    assert links.address_of(link) in client.post(show).text
    client.post(reverse("retention:customer_member_revoke", args=[customer.pk, link.pk]))
    link.refresh_from_db()
    assert link.revoked_at is not None and "/m/" not in client.get(page).text
    assert client.post(show).status_code == 404


def test_link_is_shown_by_a_press_only_and_each_is_audited(
    client: Client, customer: Customer, contact: Contact, manager: User
) -> None:
    link = links.make_link(contact, by=None, at=NOW, now=clock.real_now())
    colleague = links.make_link(
        ContactFactory(customer=customer, is_main=False), by=None, at=NOW, now=clock.real_now()
    )
    client.force_login(manager)
    shows = AuditEvent.objects.filter(act="member_link.show")
    page = client.get(reverse("retention:customer_member", args=[customer.pk]))
    assert links.token_of(link) not in page.text and "data:image" not in page.text
    show = reverse("retention:customer_member_show", args=[customer.pk, link.pk])
    assert client.get(show).status_code == 405 and not shows.exists()
    response = client.post(show)
    assert links.token_of(link) in response.text and links.token_of(colleague) not in response.text
    assert "no-store" in response["Cache-Control"]
    for name, mime, kind in (("svg", "image/svg+xml", b"<svg"), ("png", "image/png", b"\x89PNG")):
        address = getattr(response.context["shown"], name)
        assert f'href="{address}"' in response.text
        head, _comma, content = address.partition(",")
        assert head == f"data:{mime};base64" and base64.b64decode(content).startswith(kind)
    event = shows.get()
    assert (event.actor_id, event.customer_id, event.object_id) == (manager.pk, customer.pk, link.pk)
    assert event.codes == {"contact": contact.pk}
    make = reverse("retention:customer_member_make", args=[customer.pk])
    made = client.post(make, {"contact": contact.pk}, follow=True)
    token = links.token_of(MemberLink.objects.latest("pk"))
    assert shows.count() == 1 and token not in made.text
    assert all(token not in address for address, _status in made.redirect_chain)


@override_settings(SECRET_KEY="another")
def test_link_of_another_secret_is_not_shown(
    client: Client, customer: Customer, contact: Contact, manager: User
) -> None:
    with override_settings(SECRET_KEY="the first"):
        link = links.make_link(contact, by=None, at=NOW, now=clock.real_now())
    client.force_login(manager)
    response = client.post(reverse("retention:customer_member_show", args=[customer.pk, link.pk]))
    assert "cannot be shown again" in response.text and "/m/" not in response.text
    assert not AuditEvent.objects.filter(act="member_link.show").exists()


def test_contacts_whose_link_opens_are_listed_on_pages(
    client: Client, customer: Customer, contact: Contact, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_links, "PAGE", 2)
    today = NOW.date()
    leaves = ContactFactory(customer=customer, is_main=False, left_on=today + timedelta(days=1))
    ContactFactory(customer=customer, is_main=False, left_on=today)
    ContactFactory(customer=customer, is_main=False, erased_at=NOW)
    last = ContactFactory(customer=customer, is_main=False)
    client.force_login(manager)
    page = reverse("retention:customer_member", args=[customer.pk])
    first, second = client.get(page), client.get(page + "?page=2")
    assert [row[0] for row in first.context["rows"]] == [contact, leaves]
    assert [row[0] for row in second.context["rows"]] == [last]
    assert f'href="{page}?page=2"' in first.text and f'href="{page}"' in second.text
    form = {"contact": last.pk, "page": "2"}
    made = client.post(reverse("retention:customer_member_make", args=[customer.pk]), form)
    assert made["Location"] == f"{page}?page=2#contact-{last.pk}"
    show = reverse("retention:customer_member_show", args=[customer.pk, MemberLink.objects.get().pk])
    assert links.address_of(MemberLink.objects.get()) in client.post(show, {"page": "2"}).text


def test_link_of_who_left_is_not_shown_but_can_be_revoked(
    client: Client, customer: Customer, contact: Contact, manager: User
) -> None:
    link = links.make_link(contact, by=None, at=NOW, now=clock.real_now())
    Contact.objects.filter(pk=contact.pk).update(left_on=NOW.date())
    client.force_login(manager)
    show = reverse("retention:customer_member_show", args=[customer.pk, link.pk])
    assert client.post(show).status_code == 404
    assert not AuditEvent.objects.filter(act="member_link.show").exists()
    client.post(reverse("retention:customer_member_revoke", args=[customer.pk, link.pk]))
    link.refresh_from_db()
    assert link.revoked_at is not None


def test_link_of_another_customer_is_not_there(client: Client, customer: Customer, manager: User) -> None:
    stranger = ContactFactory()
    link = links.make_link(stranger, by=None, at=NOW, now=clock.real_now())
    client.force_login(manager)
    make = reverse("retention:customer_member_make", args=[customer.pk])
    assert client.post(make, {"contact": stranger.pk}).status_code == 404
    for pk in (customer.pk, stranger.customer_id):
        assert client.post(reverse("retention:customer_member_revoke", args=[pk, link.pk])).status_code == 404
        assert client.post(reverse("retention:customer_member_show", args=[pk, link.pk])).status_code == 404
    assert MemberLink.objects.get().revoked_at is None


def test_analyst_makes_no_link_and_sees_none(client: Client, customer: Customer, analyst: User) -> None:
    client.force_login(analyst)
    assert client.get(reverse("retention:customer_member", args=[customer.pk])).status_code == 403
    make = reverse("retention:customer_member_make", args=[customer.pk])
    assert client.post(make, {}).status_code == 403
    page = client.get(reverse("retention:customer", args=[customer.pk])).text
    assert reverse("retention:customer_member", args=[customer.pk]) not in page


# --- How often she may be contacted at most ---------------------------------------------------------
def often(contact: Contact) -> int | None:
    return Contact.objects.values_list("at_most_once_in_days", flat=True).get(pk=contact.pk)


def chosen(response: Any) -> list[str]:
    return [one.value for one in response.context["wishes"].frequencies if one.is_chosen]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["How often at most", "As you usually do", "At most once in 30 days"]),
        ("zh-hans", ['name="often" value="30"', 'name="often" value="90"']),
    ],
)
def test_she_says_how_often_at_most_and_it_counts(
    client: Client, token: str, contact: Contact, language: str, words: list[str]
) -> None:
    first = client.get(at(token, query=f"?lang={language}"))
    assert all(one in first.text for one in words) and chosen(first) == [""]
    assert often(contact) is None and not AuditEvent.objects.filter(act="contact.set_frequency").exists()
    answer = client.post(at(token, "member_contact"), sent(first) | {"often": "90"})
    assert (answer.status_code, often(contact)) == (302, 90)
    event = AuditEvent.objects.get(act="contact.set_frequency")
    assert (event.actor_id, event.channel, event.codes) == (
        None,
        "page",
        {"fields": ["at_most_once_in_days"]},
    )
    after = client.get(at(token))
    assert chosen(after) == ["90"] and 'value="90" checked' in after.text
    client.post(at(token, "member_contact"), sent(after) | {"often": ""})
    assert often(contact) is None and not Consent.objects.exists()


def test_a_form_that_is_old_does_not_undo_how_often(client: Client, token: str, contact: Contact) -> None:
    old = sent(client.get(at(token)), care_phone=True)
    client.post(at(token, "member_contact"), old | {"often": "30"})
    client.post(at(token, "member_contact"), old)  # her other tab, where she changed something else
    assert often(contact) == 30
    client.post(at(token, "member_contact"), old | {"often": "90"})  # there she chose, too: the later word
    assert often(contact) == 90
    without = {name: value for name, value in old.items() if not name.startswith("often")}
    client.post(at(token, "member_contact"), without)  # a page of before an update
    assert often(contact) == 90


@pytest.mark.parametrize("wrong", ["7", "31", "-30", "x", "30 ", "9" * 30, "²"])
def test_a_wrong_frequency_is_refused_with_its_reason_and_nothing_is_kept(
    client: Client, token: str, contact: Contact, wrong: str
) -> None:
    form = sent(client.get(at(token)), offer_email=True) | {"often": wrong}
    response = client.post(at(token, "member_contact"), form)
    assert response.status_code == 409
    assert "Choose one of these: as usual, at most once in 30 days" in response.text
    assert chosen(response) == [""] and 'value="offer:email" checked' in response.text
    assert often(contact) is None and not Consent.objects.exists()


def test_press_that_ends_all_keeps_less_often_and_begins_no_more_often(
    client: Client, token: str, contact: Contact
) -> None:
    form = sent(client.get(at(token))) | {"stop": "1"}
    client.post(at(token, "member_contact"), form | {"often": "30"})
    assert often(contact) == 30
    client.post(at(token, "member_contact"), form | {"often": "", "often_was": "30"})
    assert often(contact) == 30


def test_what_waits_for_her_goes_on_when_she_allows_more(
    client: Client, token: str, contact: Contact
) -> None:
    said: dict[str, Any] = {"purposes": ["offer"], "channels": ["email"], "is_given": True}
    consents.record_consent(contact, **said, source="form", by=None, at=ago(1))
    contacting.set_frequency(contact, days=90, by=None, at=NOW)
    asked: dict[str, Any] = {"purpose": "offer", "channel": "email", "by": None, "at": NOW}
    made, waits = (contacting.reserve_contact(contact, key=key, **asked) for key in "ab")
    assert [made.state, waits.state] == ["granted", "deferred"]
    client.post(at(token, "member_contact"), sent(client.get(at(token))) | {"often": ""})
    drain.until_empty(at=NOW + timedelta(minutes=1))
    waits.refresh_from_db()
    assert waits.state == "granted"

"""Pages of improvements: who sees and may do what, bad input, few queries, the sheet for the huddle."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from customers.ground import clock, outbox
from customers.models import Message, User
from retention import tasks
from retention.improving import attaching, huddle, planning, telling, watching
from retention.models import ImprovementAction, LoopClosure, RiseAlarm
from tests.customers.test_contact import agreeing
from tests.factories import (
    NOW,
    ComplaintFactory,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    ago,
)
from tests.retention.improvers import TODAY, complaint, done, improvement, loop
from tests.retention.makers import cause

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def form(**said: Any) -> dict[str, Any]:
    return {
        "title": "Deliver within a day",
        "due_on": "2026-06-11",
        "moves": "complaints",
        "causes": [cause("late_delivery").pk],
    } | said


def alarm(product: Any = None, customer: Any = None) -> RiseAlarm:
    sold = product or ProductFactory(name="Kettle")
    for _n in range(6):
        ComplaintFactory(customer=customer or CustomerFactory(), product=sold, occurred_at=ago(5))
    watching.watch(at=NOW)
    return RiseAlarm.objects.get(product=sold)


# --- Planning ---------------------------------------------------------------------------------
def test_planning_makes_it_and_leads_to_it(manager):
    client = signed_in(manager)
    answer = client.post("/improvements/new/", form(owner=manager.pk, cost="12.5"))
    made = ImprovementAction.objects.get()
    assert answer.url == f"/improvements/{made.pk}/"
    assert (made.cost, made.owner, [one.code for one in made.causes.all()]) == (
        1250,
        manager,
        ["late_delivery"],
    )


def test_new_one_is_filled_in_from_a_loop_which_then_hangs_on_it(manager, customer):
    product = ProductFactory(code="K1")
    said = complaint(customer, about="", product=product, lot="L7")
    theirs = loop(source="complaint", complaint=said, customer=customer, cause=cause("late_delivery"))
    client = signed_in(manager)
    page = client.get(f"/improvements/new/?loop={theirs.pk}").context["form"].initial
    assert (page["causes"], page["product"], page["lot"]) == ([cause("late_delivery").pk], "K1", "L7")
    client.post(f"/improvements/new/?loop={theirs.pk}", form(owner=manager.pk))
    assert [row.complaint for row in ImprovementAction.objects.get().feedback.all()] == [said]


def test_one_that_cannot_hang_on_what_it_answers_is_not_planned(manager, customer, monkeypatch):
    def failing(*_args: Any, **_said: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(attaching, "attach", failing)
    with pytest.raises(RuntimeError):
        signed_in(manager).post(
            f"/improvements/new/?complaint={complaint(customer).pk}", form(owner=manager.pk)
        )
    assert not ImprovementAction.objects.exists()


def test_complaint_of_a_customer_that_one_may_not_see_fills_in_nothing(outsider, customer):
    said = complaint(customer)
    client = signed_in(outsider)
    for address in (f"complaint={said.pk}", "complaint=x", "loop=99999999999999999999", "loop=1"):
        assert client.get(f"/improvements/new/?{address}").context["form"].initial["causes"] == []
    client.post(f"/improvements/new/?complaint={said.pk}", form(owner=outsider.pk))
    assert not ImprovementAction.objects.get().feedback.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"product": "nope"},
        {"owner": "x"},
        {"due_on": "31.12.2026"},
        {"causes": []},
        {"cost": "-1"},
        {"moves": "mood"},
    ],
)
def test_bad_input_is_shown_with_what_was_typed(manager, wrong):
    answer = signed_in(manager).post("/improvements/new/", form(owner=manager.pk) | wrong)
    assert answer.status_code == 422
    assert "Deliver within a day" in answer.content.decode()
    assert not ImprovementAction.objects.exists()


# --- Who may ----------------------------------------------------------------------------------
def test_everybody_sees_improvements_and_words_only_of_customers_one_may_see(
    manager, outsider, analyst, customer
):
    made = improvement()
    attaching.attach(made, complaint=complaint(customer, text="Zebra"), **WHO)
    url = f"/improvements/{made.pk}/"
    assert "Zebra" in text_of(signed_in(manager), url)
    assert "Zebra" in text_of(signed_in(analyst), url)
    hidden = text_of(signed_in(outsider), url)
    assert "Zebra" not in hidden and customer.name not in hidden
    people = text_of(signed_in(outsider), f"{url}people/")
    assert customer.contacts.get(is_main=True).name not in people


@pytest.mark.parametrize("act", ["begin", "finish", "say", "drop", "match"])
def test_only_owner_leads_and_admins_act(act, manager, teammate, lead, analyst):
    made = improvement(owner=manager)
    url = f"/improvements/{made.pk}/{act}/"
    data = {"reason": "x", "told_en": "x", "since": "2026-01-01"}
    assert signed_in(teammate).post(url, data).status_code == 403
    assert signed_in(analyst).post(url, data).status_code == 403
    assert signed_in(manager).get(url).status_code == 405
    assert signed_in(manager).post(url, data).status_code == 302


def test_only_leads_and_admins_tell_take_up_and_dismiss(manager, lead):
    made, risen = done(owner=manager, told_en="x"), alarm()
    urls = [f"/improvements/{made.pk}/tell/"]
    urls += [f"/improvements/watch/{risen.pk}/{act}/" for act in ("take-up", "dismiss")]
    for url in urls:
        assert signed_in(manager).post(url, {"reason": "x"}).status_code == 403
    risen.refresh_from_db()
    assert risen.state == "open"
    assert signed_in(lead).post(urls[0]).status_code == 302


# --- The life of one --------------------------------------------------------------------------
def test_from_complaint_to_you_said_we_did(lead):
    person = agreeing(email="wang@example.org", name="Wang Wei", language="zh-hans")
    complaint(person.customer, contact=person)
    client, made = signed_in(lead), improvement(owner=lead)
    url = f"/improvements/{made.pk}/"
    client.post(f"{url}match/", {"since": "2026-01-01"})
    client.post(f"{url}begin/")
    assert client.post(f"{url}finish/", {"told_zh": "我们改进了包装。"}).url == url
    assert Message.objects.count() == 0
    page = client.get(f"{url}people/")
    assert [(one.contact, one.obstacle) for one in page.context["rows"]] == [(person, "")]
    client.post(f"{url}tell/")
    while outbox.drain(at=clock.now()):
        pass
    assert "我们改进了包装。" in Message.objects.get().text
    assert client.get(f"{url}people/").context["written"] == 1


def test_preview_says_why_somebody_cannot_be_told(lead):
    made = done(owner=lead, told_en="x")
    attaching.attach(made, complaint=complaint(CustomerFactory(owner=lead, team=lead.team)), **WHO)
    assert "not agreed to" in text_of(signed_in(lead), f"/improvements/{made.pk}/people/")


def test_refused_act_says_so_on_the_page(lead):
    made = done(owner=lead)
    answer = signed_in(lead).post(f"/improvements/{made.pk}/begin/", follow=True)
    assert "not possible any more" in answer.content.decode()
    assert signed_in(lead).post(f"/improvements/{made.pk}/drop/", {"reason": ""}).status_code == 422
    assert signed_in(lead).post(f"/improvements/{made.pk}/finish/", {"told_en": "x" * 601}).status_code == 422
    assert signed_in(lead).post(f"/improvements/{made.pk}/match/", {"since": "x"}).status_code == 422


def test_effect_is_printed_with_its_caveat_and_hidden_when_there_is_too_little(lead):
    made, one = done(at=NOW - timedelta(days=31), owner=lead), CustomerFactory()
    url = f"/improvements/{made.pk}/"
    for _n in range(29):
        complaint(one, occurred_at=ago(40))
    few = text_of(signed_in(lead), url)
    assert "Too little to show" in few and "no control group" in few
    complaint(one, occurred_at=ago(10))
    shown = text_of(signed_in(lead), url)
    assert "−28.0" in shown and "no control group" in shown


def test_detach_takes_off_what_one_may_see(manager, customer):
    made = improvement(owner=manager)
    mine = attaching.attach(made, complaint=complaint(customer), **WHO)
    other = attaching.attach(made, complaint=complaint(CustomerFactory()), **WHO)
    client = signed_in(manager)
    assert client.post(f"/improvements/{made.pk}/feedback/{other.pk}/detach/").status_code == 404
    assert client.post(f"/improvements/{made.pk}/feedback/{mine.pk}/detach/").status_code == 302
    assert list(made.feedback.all()) == [other]


# --- Lists ------------------------------------------------------------------------------------
def test_list_shows_each_state_in_its_view(manager):
    planned, ended = improvement(title="Planned"), done(title="Ended")
    dropped = planning.drop(improvement(title="Dropped"), reason="no", **WHO)
    client = signed_in(manager)
    for query, expected in (
        ("", planned),
        ("?state=done", ended),
        ("?state=dropped", dropped),
        ("?state=x", planned),
    ):
        assert [one for one, _moves in client.get(f"/improvements/{query}").context["rows"]] == [expected]


def test_export_has_a_line_for_each(lead, manager):
    made = improvement(title="=1+1", cost=1250)
    attaching.attach(made, complaint=complaint(CustomerFactory()), **WHO)
    client = signed_in(lead)
    lines = b"".join(client.get("/improvements/export/").streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "12.50" in lines[1] and lines[1].endswith(",1")
    assert ",=1+1," not in lines[1]  # a sheet must not count it
    assert signed_in(manager).get("/improvements/export/").status_code == 403


@pytest.mark.parametrize("name", ["list", "people", "one", "watch", "rise", "huddle"])
def test_pages_take_the_same_few_queries_for_one_row_and_for_three(name, lead):
    made, product = done(owner=lead, told_en="x"), ProductFactory()
    risen = alarm(product, CustomerFactory(owner=lead, team=lead.team))
    urls = {
        "list": "/improvements/?state=done",
        "people": f"/improvements/{made.pk}/people/",
        "one": f"/improvements/{made.pk}/",
        "watch": "/improvements/watch/",
        "rise": f"/improvements/watch/{risen.pk}/",
        "huddle": "/improvements/huddle/",
    }
    client, counts = signed_in(lead), []
    for rows in (1, 3):
        for _n in range(rows):
            one = CustomerFactory(owner=lead, team=lead.team)
            attaching.attach(made, complaint=complaint(one, product=product, occurred_at=ago(3)), **WHO)
            done(owner=lead)
            improvement(owner=lead, due_on=TODAY)
            loop(source="complaint", complaint=complaint(one), customer=one, owner=lead, due_at=ago(1))
            alarm()
        client.get(urls[name])
        with CaptureQueriesContext(
            connection,
        ) as took:
            assert client.get(urls[name]).status_code == 200
        counts.append(len(took))
    assert counts[0] == counts[1] <= 22


def test_pages_are_in_chinese_and_print(lead):
    lead.language = "zh-hans"
    lead.save(update_fields=["language"])
    assert "改进" in text_of(signed_in(lead), "/improvements/")


# --- The watch and the huddle -----------------------------------------------------------------
def test_rise_shows_whom_it_concerns_and_is_taken_up_in_one_press(lead, outsider):
    product = ProductFactory(name="Kettle")
    seen, hidden = CustomerFactory(owner=lead, team=lead.team), CustomerFactory(owner=outsider)
    risen = alarm(product, seen)
    ComplaintFactory(customer=hidden, product=product, occurred_at=ago(5))
    client = signed_in(lead)
    page = client.get(f"/improvements/watch/{risen.pk}/")
    assert [one.pk for one in page.context["page"]] == [seen.pk]
    answer = client.post(f"/improvements/watch/{risen.pk}/take-up/")
    action = ImprovementAction.objects.get()
    assert answer.url == f"/improvements/{action.pk}/"
    assert action.feedback.count() == 7


def test_rise_is_dismissed_with_a_reason_only(lead):
    risen, client = alarm(), signed_in(lead)
    url = f"/improvements/watch/{risen.pk}/dismiss/"
    assert client.post(url, {"reason": " "}).status_code == 422
    assert client.post(url, {"reason": "a recall"}).status_code == 302
    assert "a recall" in text_of(client, "/improvements/watch/?state=decided")
    assert "Kettle" not in text_of(client, "/improvements/watch/")


def test_huddle_holds_what_is_to_be_talked_about_and_nothing_else(lead, outsider):
    mine = CustomerFactory(owner=lead, team=lead.team)
    complaint(mine, about="late_delivery", occurred_at=ago(1))
    complaint(mine, about="price_raised", occurred_at=ago(1))
    complaint(mine, about="price_raised", occurred_at=ago(10))
    complaint(mine, about="late_delivery", occurred_at=ago(36))  # before the four weeks
    complaint(CustomerFactory(owner=outsider), about="hidden_cost", occurred_at=ago(1))  # not hers
    late = loop(source="complaint", complaint=complaint(mine, about=""), customer=mine, due_at=ago(1))
    waits = loop(source="complaint", complaint=complaint(mine, about=""), customer=mine, respond_by=ago(1))
    loop(source="complaint", complaint=complaint(mine, about=""), customer=mine)
    ended = loop(source="complaint", complaint=complaint(mine, about=""), customer=mine, due_at=ago(1))
    LoopClosure.objects.filter(pk=ended.pk).update(state="confirmed", ended_at=NOW)
    due, risen = improvement(due_on=TODAY + timedelta(days=7)), alarm()
    improvement(due_on=TODAY + timedelta(days=8))
    sheet = huddle.huddle(lead, at=NOW)
    assert [(one.cause.code, one.now, one.before, one.is_new) for one in sheet.causes] == [
        ("late_delivery", 1, 0, True),
        ("price_raised", 1, 1, False),
    ]
    assert (set(sheet.loops), sheet.alarms, sheet.actions) == ({late, waits}, [risen], [due])
    assert set(sheet.more.values()) == {0}


def test_huddle_says_how_many_more_there_are(lead):
    for _n in range(23):
        improvement(due_on=TODAY)
    sheet = huddle.huddle(lead, at=NOW)
    assert (len(sheet.actions), sheet.more["actions"]) == (20, 3)
    assert "and 3 more" in text_of(signed_in(lead), "/improvements/huddle/")


def test_task_and_command_watch():
    product = ProductFactory(code="K1")
    order = OrderFactory(customer=CustomerFactory(), occurred_at=ago(5))
    OrderLineFactory(order=order, customer=order.customer, product=ProductFactory())
    for _n in range(6):
        ComplaintFactory(customer=CustomerFactory(), product=product, occurred_at=ago(5))
    tasks.watch_rises()
    assert RiseAlarm.objects.count() == 1
    out = StringIO()
    call_command("rises", "--json", stdout=out)
    said = json.loads(out.getvalue().splitlines()[-1])
    assert (said["raised"], said["risen"], [one["product"] for one in said["open"]]) == (0, 1, ["K1"])
    out = StringIO()
    call_command("rises", stdout=out)
    assert "K1" in out.getvalue()


def test_every_address_has_a_name():
    assert reverse("retention:huddle") == "/improvements/huddle/"
    assert telling.TELL in outbox.handlers()
    assert translation.get_language() == "en"

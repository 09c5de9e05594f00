"""Working cases in the browser: who may, what is refused in words, what happens twice."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from customers import causes
from customers.ground import clock, drain
from customers.ground.models import AuditEvent, Event
from customers.models import Complaint, Interaction
from retention import cases
from retention.models import CustomerMeasures, FollowUpCall, Loss, RetentionCase
from tests.factories import NOW, CustomerFactory, TeamFactory, UserFactory, findable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def case(manager, customer):
    return cases.open_case(customer, kind="save", severity=2, reason="Looks around.", by=manager, at=NOW)


def at(name, case, *args):
    return reverse(f"retention:{name}", args=[case.pk, *args])


def planned(case):
    return FollowUpCall.objects.get(case=case, status="planned")


# --- Calls ------------------------------------------------------------------------------------
def test_no_answer_is_two_clicks_and_plans_the_next_attempt(client, manager, case):
    client.force_login(manager)
    first = planned(case)
    client.post(at("case_call", case), {"call": first.pk, "outcome": "no_answer"})
    first.refresh_from_db()
    assert (first.status, first.outcome) == ("done", "no_answer")
    assert planned(case).attempt == 2
    assert Interaction.objects.get().reached is False


def test_a_double_click_logs_one_call(client, manager, case):
    client.force_login(manager)
    said = {"call": planned(case).pk, "outcome": "no_answer"}
    client.post(at("case_call", case), said)
    client.post(at("case_call", case), said)
    assert Interaction.objects.count() == 1
    assert FollowUpCall.objects.filter(case=case).count() == 2


def test_call_me_later_without_a_moment_is_refused_and_keeps_the_note(client, manager, case):
    client.force_login(manager)
    said = {"call": planned(case).pk, "outcome": "call_later", "note": "Is in a meeting"}
    response = client.post(at("case_call", case), said)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Say when the customer wants to be called" in page and "Is in a meeting" in page
    assert planned(case).attempt == 1


def test_call_me_later_takes_the_moment_in_local_time(client, manager, case):
    client.force_login(manager)
    said = {"call": planned(case).pk, "outcome": "call_later", "next_at": "2026-05-13T10:30"}
    client.post(at("case_call", case), said)
    assert planned(case).due_at.isoformat() == "2026-05-13T02:30:00+00:00"


def test_an_outcome_that_does_not_exist_is_refused(client, manager, case):
    client.force_login(manager)
    assert client.post(at("case_call", case), {"outcome": "sang"}).status_code == 422
    assert not Interaction.objects.exists()


def test_page_says_beforehand_what_each_outcome_will_do(client, manager, case):
    client.force_login(manager)
    page = client.get(at("case", case)).content.decode()
    assert "next attempt today" in page or "next attempt tomorrow" in page
    assert "no calls any more" in page


# --- Closing ----------------------------------------------------------------------------------
def test_closing_needs_a_reason(client, manager, case):
    client.force_login(manager)
    response = client.post(at("case_close", case), {"outcome": "saved", "reason": ""})
    assert response.status_code == 422 and "data-open" in response.content.decode()
    case.refresh_from_db()
    assert case.is_open


def test_lost_needs_a_diagnosis_and_then_records_the_loss(client, manager, case):
    client.force_login(manager)
    gone = {"outcome": "lost", "reason": "Went to a cheaper supplier."}
    assert client.post(at("case_close", case), gone).status_code == 422
    cause = causes.choices().first()
    client.post(
        at("case_diagnose", case), {"churn_type": "competitive", "causes": [cause.pk], "main": cause.pk}
    )
    client.post(at("case_close", case), gone)
    case.refresh_from_db()
    assert (case.status, case.outcome) == ("closed", "lost")
    assert Loss.objects.get().churn_type == "competitive"
    page = client.get(at("case", case)).content.decode()
    assert "Went to a cheaper supplier." in page and "case-call" not in page


def test_recovered_by_itself_cannot_be_chosen_by_hand(client, manager, case):
    client.force_login(manager)
    assert client.post(at("case_close", case), {"outcome": "recovered", "reason": "x"}).status_code == 422


def test_closed_case_refuses_every_act_in_words(client, manager, case):
    client.force_login(manager)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=NOW)
    said = {"case_plan": {"due_at": "2026-05-13T10:30"}, "case_call": {"outcome": "reached", "note": "x"}}
    for name, values in said.items():
        page = client.post(at(name, case), values, follow=True).content.decode()
        assert "closed and stays closed" in page


@pytest.fixture
def held(client, lead, teammate, case):
    """A case whose holder sees the customer for as long as it is open."""
    cases.assign(case, to=teammate, by=lead, at=NOW)
    client.force_login(teammate)
    assert client.get(at("case", case)).status_code == 200
    return case


def test_closing_leads_to_the_queue_when_her_access_ended_with_it(client, held):
    response = client.post(at("case_close", held), {"outcome": "saved", "reason": "Stays."}, follow=True)
    assert response.redirect_chain == [(reverse("retention:queue"), 302)]
    assert "The case is closed." in response.content.decode()
    assert client.get(at("case", held)).status_code == 404


def test_closing_leads_back_to_the_case_when_she_still_sees_it(client, manager, case):
    client.force_login(manager)
    response = client.post(at("case_close", case), {"outcome": "saved", "reason": "Stays."}, follow=True)
    assert response.redirect_chain == [(at("case", case), 302)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("case_close", {"outcome": "saved", "reason": "Stays."}),
        ("case_plan", {"due_at": "2026-05-13T10:30"}),
        ("case_plan", {"due_at": ""}),
        ("case_call", {"outcome": "reached", "note": "x"}),
        ("case_call", {"outcome": "sang"}),
        ("case_take", {}),
    ],
)
def test_what_she_held_leads_to_the_queue_when_it_was_closed_meanwhile(client, lead, held, name, values):
    cases.close_case(RetentionCase.objects.get(), outcome="saved", reason="Stays.", by=lead, at=NOW)
    response = client.post(at(name, held), values, follow=True)
    assert response.redirect_chain == [(reverse("retention:queue"), 302)]
    assert held.customer.name not in response.content.decode()
    assert not Interaction.objects.exists()


# --- Who may ----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["case", "customer"])
def test_what_belongs_to_others_answers_404(client, outsider, case, name):
    client.force_login(outsider)
    pk = case.pk if name == "case" else case.customer_id
    assert client.get(reverse(f"retention:{name}", args=[pk])).status_code == 404


ACTS = ["case_call", "case_plan", "case_diagnose", "case_close", "case_take"]


@pytest.mark.parametrize("name", ACTS)
def test_acts_on_others_cases_answer_404_and_change_nothing(client, outsider, case, name):
    client.force_login(outsider)
    before = AuditEvent.objects.count()
    assert client.post(at(name, case), {"outcome": "no_answer"}).status_code == 404
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("name", ["customer_interaction", "customer_complaint", "customer_case"])
def test_acts_on_others_customers_answer_404(client, outsider, customer, name):
    client.force_login(outsider)
    assert client.post(reverse(f"retention:{name}", args=[customer.pk]), {"text": "x"}).status_code == 404
    assert not Event.objects.filter(kind__in=["complaint.filed", "interaction.logged"]).exists()


def test_analyst_reads_and_may_not_act(client, analyst, case):
    client.force_login(analyst)
    page = client.get(at("case", case)).content.decode()
    assert "actbar" not in page
    assert client.post(at("case_call", case), {"outcome": "reached"}).status_code == 403


def test_lists_show_nothing_of_others(client, outsider, case):
    client.force_login(outsider)
    for name in ("home", "queue", "customer_list", "complaint_list"):
        assert case.customer.name not in client.get(reverse(f"retention:{name}")).content.decode()


def test_manager_may_not_assign_but_her_lead_may(client, manager, lead, teammate, case):
    client.force_login(manager)
    assert client.post(at("case_assign", case), {"to": teammate.pk}).status_code == 403
    client.force_login(lead)
    client.post(at("case_assign", case), {"to": teammate.pk})
    case.refresh_from_db()
    assert case.assignee == teammate


def test_lead_cannot_give_a_case_to_somebody_of_another_team(client, lead, outsider, case):
    client.force_login(lead)
    assert client.post(at("case_assign", case), {"to": outsider.pk}).status_code == 422
    client.post(reverse("retention:queue_assign"), {"case": [case.pk], "to": outsider.pk})
    case.refresh_from_db()
    assert case.assignee != outsider


def test_bulk_assign_gives_the_chosen_cases_and_no_others(client, lead, teammate, manager, case):
    other = cases.open_case(
        CustomerFactory(owner=manager), kind="save", severity=1, reason="x", by=manager, at=NOW
    )
    client.force_login(lead)
    client.post(
        reverse("retention:queue_assign"), {"case": [case.pk], "to": teammate.pk, "query": "?kind=save"}
    )
    case.refresh_from_db(), other.refresh_from_db()
    assert (case.assignee, other.assignee) == (teammate, manager)


def test_bulk_assign_without_choice_says_so(client, lead, case):
    client.force_login(lead)
    page = client.post(reverse("retention:queue_assign"), {"to": ""}, follow=True).content.decode()
    assert "Select at least one case" in page


def test_unassigned_case_is_in_the_queue_of_every_lead_and_can_be_taken(client, company, customer):
    stray = CustomerFactory(name="Stray Ltd")
    case = cases.open_case(stray, kind="save", severity=2, reason="x", by=None, at=NOW)
    assert case.assignee is None
    lead = UserFactory(role="team_lead", team=TeamFactory())
    client.force_login(lead)
    assert "Stray Ltd" in client.get(reverse("retention:queue")).content.decode()
    client.post(at("case_take", case))
    case.refresh_from_db()
    assert case.assignee == lead


def test_case_that_a_colleague_holds_cannot_be_taken(client, lead, manager, teammate, case):
    cases.assign(case, to=teammate, by=lead, at=NOW)
    client.force_login(manager)
    page = client.post(at("case_take", case), follow=True).content.decode()
    case.refresh_from_db()
    assert case.assignee == teammate
    assert "holds this case" in page


# --- The list ---------------------------------------------------------------------------------
def cases_with_margins(manager, margins):
    made = []
    for number, margin in enumerate(margins):
        customer = CustomerFactory(owner=manager, name=f"No{number:03d}")
        CustomerMeasures.objects.create(customer=customer, as_of=NOW, margin_365d=margin)
        made.append(cases.open_case(customer, kind="save", severity=2, reason="x", by=manager, at=NOW))
    return made


def names_in(page):
    return re.findall(r"data-row-link>(No\d{3})", page)


def test_paging_shows_every_case_once_in_the_same_order(client, manager, monkeypatch):
    from retention.pages import queue as page_of_queue

    monkeypatch.setattr(page_of_queue, "PAGE", 4)
    cases_with_margins(manager, [5, 5, 5, 90, 1, 5, 40, 5, 5, 70, 5])
    client.force_login(manager)
    seen, address = [], reverse("retention:queue")
    for _page in range(5):
        page = client.get(address).content.decode()
        seen += names_in(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        if not older:
            break
        address = reverse("retention:queue") + older.group(1).replace("&amp;", "&")
    assert seen[:3] == ["No003", "No009", "No006"]
    assert sorted(seen) == [f"No{n:03d}" for n in range(11)]


def test_missed_deadline_comes_before_any_margin(client, manager):
    late, _rich = cases_with_margins(manager, [1, 1000])
    RetentionCase.objects.filter(pk=late.pk).update(due_at=NOW - timedelta(hours=1))
    client.force_login(manager)
    assert names_in(client.get(reverse("retention:queue")).content.decode()) == ["No000", "No001"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=No001", ["No001"]),
        ("q=no00", ["No001", "No000"]),
        ("q=o00", ["No001", "No000"]),
        ("q=nothing", []),
        ("kind=save", ["No001", "No000"]),
        ("kind=recovery", []),
        ("severity=2", ["No001", "No000"]),
        ("severity=3", []),
        ("due=overdue", []),
        ("due=none", []),
        ("status=assigned", ["No001", "No000"]),
        ("status=working", []),
        ("kind=emperor", []),
        ("after=rubbish", ["No001", "No000"]),
    ],
)
def test_filters_match_and_nearly_match(client, manager, query, expected):
    cases_with_margins(manager, [1, 2])
    findable()
    client.force_login(manager)
    response = client.get(reverse("retention:queue") + "?" + query)
    assert response.status_code == 200
    found = names_in(response.content.decode())
    assert found == expected or query == "kind=emperor"


def test_customer_search_finds_part_of_either_name_only(client, manager):
    CustomerFactory(owner=manager, name="Hongda Packaging", name_alt="宏达包装")
    CustomerFactory(owner=manager, name="Lin's Kitchen", name_alt="林记厨房")
    findable()
    client.force_login(manager)
    for wanted in ("hongda", "达包"):
        page = client.get(reverse("retention:customer_list"), {"q": wanted}).content.decode()
        assert "Hongda Packaging" in page and "Lin&#x27;s Kitchen" not in page


def test_customer_list_pages_show_every_customer_once(client, manager, monkeypatch):
    from retention.pages import customers as page_of_customers

    monkeypatch.setattr(page_of_customers, "PAGE", 3)
    for name in ["No004", "No001", "No001", "No003", "No002", "No001", "No001"]:
        CustomerFactory(owner=manager, name=name)
    client.force_login(manager)
    seen, address = [], reverse("retention:customer_list")
    for _page in range(5):
        page = client.get(address).content.decode()
        seen += re.findall(r'href="/customers/(\d+)/" data-row-link', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        if not older:
            break
        address = reverse("retention:customer_list") + older.group(1).replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 7


# --- By hand ----------------------------------------------------------------------------------
def test_interaction_is_logged_and_stands_on_the_timeline(client, manager, customer):
    client.force_login(manager)
    said = {
        "kind": "visit",
        "direction": "out",
        "text": "Saw the new shop.",
        "contact": customer.contacts.get().pk,
    }
    response = client.post(reverse("retention:customer_interaction", args=[customer.pk]), said, follow=True)
    assert "Saw the new shop." in response.content.decode()
    assert Interaction.objects.get().by == manager


def test_interaction_in_the_future_is_refused_in_words(client, manager, customer):
    client.force_login(manager)
    said = {"kind": "call", "direction": "out", "text": "x", "occurred_at": "2026-06-01T10:00"}
    response = client.post(reverse("retention:customer_interaction", args=[customer.pk]), said)
    assert "lies in the future" in response.content.decode()
    assert not Interaction.objects.exists()


def test_contact_of_another_customer_is_refused(client, manager, customer):
    stranger = CustomerFactory().contacts.get()
    client.force_login(manager)
    said = {"kind": "call", "direction": "out", "text": "x", "contact": stranger.pk}
    assert client.post(reverse("retention:customer_interaction", args=[customer.pk]), said).status_code == 422
    assert not Interaction.objects.exists()


def test_complaint_filed_by_hand_opens_a_recovery_case_by_the_next_drain(client, manager, customer):
    client.force_login(manager)
    said = {"text": "Broken on arrival.", "channel": "phone", "severity": 3}
    client.post(reverse("retention:customer_complaint", args=[customer.pk]), said)
    drain.until_empty(at=clock.now())
    case = RetentionCase.objects.get()
    assert (case.kind, case.severity, case.assignee) == ("recovery", 3, manager)
    assert customer.name in client.get(reverse("retention:queue")).content.decode()
    refused = client.post(at("case_close", case), {"outcome": "saved", "reason": "Said sorry."})
    assert refused.status_code == 422


def test_complaint_is_resolved_and_reopened_and_not_twice(client, manager, customer):
    client.force_login(manager)
    client.post(
        reverse("retention:customer_complaint", args=[customer.pk]),
        {"text": "x", "channel": "web", "severity": 1},
    )
    complaint = Complaint.objects.get()

    def act(name):
        address = reverse("retention:complaint_act", kwargs={"pk": complaint.pk, "act": name})
        return client.post(address, follow=True).content.decode()

    assert "is changed" in act("resolve")
    assert "resolved already" in act("resolve")
    assert "is changed" in act("reopen")
    assert "nothing to reopen" in act("reopen")


def test_getting_a_page_writes_nothing(client, manager, case):
    client.force_login(manager)
    before = AuditEvent.objects.count(), Event.objects.count(), FollowUpCall.objects.count()
    for name in ("home", "queue", "customer_list", "complaint_list"):
        client.get(reverse(f"retention:{name}"))
    for name in ("case", *ACTS):
        client.get(at(name, case))
    assert (AuditEvent.objects.count(), Event.objects.count(), FollowUpCall.objects.count()) == before


def test_next_case_goes_down_the_queue_and_around(client, manager):
    from retention.pages.case import next_case

    first, second, third = cases_with_margins(manager, [30, 20, 10])
    assert next_case(first, user=manager, at=NOW) == second
    assert next_case(third, user=manager, at=NOW) == first


def test_customer_page_shows_the_newest_value_of_each_attribute(client, manager, customer):
    from customers.models import Attribute, AttributeValue

    size = Attribute.objects.create(code="staff", kind="number", label_en="Staff", label_zh="员工数")
    since = Attribute.objects.create(code="opened", kind="date", label_en="Opened on", label_zh="开业日")
    moments = {"occurred_day": 1, "recorded_at": NOW, "customer": customer}
    for days, number in ((9, "1200"), (2, "1350.5")):
        AttributeValue.objects.create(
            attribute=size, number=number, occurred_at=NOW - timedelta(days=days), **moments
        )
    AttributeValue.objects.create(attribute=since, day=738000, occurred_at=NOW, **moments)
    AttributeValue.objects.create(attribute=since, day=738001, occurred_at=NOW, **{**moments, "void": True})
    client.force_login(manager)
    page = client.get(reverse("retention:customer", args=[customer.pk])).content.decode()
    assert "<dt>Staff</dt><dd>1,350.5</dd>" in page and "1,200" not in page
    assert "<dt>Opened on</dt><dd>29 Jul 2021</dd>" in page


# --- Rules ------------------------------------------------------------------------------------
def test_admin_switches_a_rule_off_and_others_may_not(client, admin, lead):
    from retention.models import WarningRule

    rule = WarningRule.objects.first()
    address = reverse("retention:rule_switch", args=[rule.pk])
    client.force_login(lead)
    WarningRule.objects.filter(pk=rule.pk).update(is_enabled=True)
    assert client.post(address, {"switch": "off"}).status_code == 403
    client.force_login(admin)
    for switch, expected in (("nonsense", True), ("off", False), ("off", False)):
        client.post(address, {"switch": switch})
        rule.refresh_from_db()
        assert rule.is_enabled is expected

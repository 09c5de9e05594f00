"""The timeline: everything told once, newest first, page by page, to those who may see it only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from customers import complaints, ownership
from customers.ground import drain
from customers.models import Cause, Customer, User
from retention import calls, cases
from retention import loop as looping
from retention.models import LoopClosure, RetentionCase
from retention.timeline import Page, UnknownPlace, timeline
from tests.factories import (
    NOW,
    CommunityMembershipFactory,
    CompetitorFactory,
    ComplaintFactory,
    ContractFactory,
    CustomerFactory,
    IndicatorValueFactory,
    InteractionFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    MentionFactory,
    OrderFactory,
    ProductFactory,
    SightingFactory,
    TeamFactory,
    UsageFactory,
    UserFactory,
    ago,
    day,
)
from tests.retention.makers import make_case, make_rule, make_run, make_warning, planned_call

HOUR = timedelta(hours=1)


def titles(page: Page) -> list[str]:
    return [entry.title for entry in page.entries]


def live_through_everything(customer: Customer, *, manager: User, teammate: User, lead: User) -> None:
    """Let one of each kind happen to a customer."""
    OrderFactory(customer=customer, number="A1", sold=120000, occurred_at=ago(30))
    OrderFactory(customer=customer, number="A2", sold=0, returned=5000, occurred_at=ago(20))
    OrderFactory(customer=customer, number="A3", status="cancelled", occurred_at=ago(19))
    ContractFactory(
        customer=customer,
        number="K1",
        occurred_at=ago(100),
        renewed_day=day(ago(15)),
        terminated_day=day(ago(14)),
    )
    UsageFactory(customer=customer, occurred_at=ago(12), quantity=1500)
    IndicatorValueFactory(customer=customer, indicator__unit="pts", number=72, occurred_at=ago(11.96))
    CommunityMembershipFactory(
        customer=customer, community__name="Tea", occurred_at=ago(12.5), left_at=ago(11.95)
    )
    UsageFactory(
        customer=customer,
        occurred_at=ago(11),
        code="balance",
        quantity=7,
        product=ProductFactory(name="Fund"),
    )
    MentionFactory(customer=customer, text="Wet again.", occurred_at=ago(3.5))
    rival = CompetitorFactory(name="Rival")
    SightingFactory(customer=customer, competitor=rival, seen=90, ours=99, occurred_at=ago(10.9))
    invoice = InvoiceFactory(customer=customer, number="R1", occurred_at=ago(11.9))
    InvoiceEventFactory(invoice=invoice, kind="failed", occurred_at=ago(11.8))
    InvoiceEventFactory(invoice=invoice, amount=4000, occurred_at=ago(11.7))
    InvoiceEventFactory(invoice=invoice, kind="written_off", amount=6000, occurred_at=ago(11.6))
    InteractionFactory(customer=customer, occurred_at=ago(10), text="Asked about prices.", by=manager)
    InteractionFactory(customer=customer, occurred_at=ago(9), reached=False, text="")
    InteractionFactory(customer=customer, occurred_at=ago(8), direction="in", kind="email", text="Hello?")
    ComplaintFactory(customer=customer, occurred_at=ago(5), resolved_at=ago(4), text="Box was wet.")
    run = make_run()
    make_warning(
        customer, run=run, rule=make_rule(name_en="Complaints open", name_zh="有未解决投诉", severity=3)
    )
    cases.open_for_warnings(run, at=NOW)
    case = RetentionCase.objects.get(customer=customer)
    calls.log_call(planned_call(case), outcome="no_answer", note="Rang out.", by=manager, at=NOW + HOUR)
    case.refresh_from_db()
    cases.assign(case, to=teammate, by=lead, at=NOW + 2 * HOUR)
    rival = Cause.objects.get(code="competitor")
    cases.diagnose(case, churn_type="competitive", causes=[rival], by=teammate, at=NOW + 3 * HOUR)
    cases.close_case(case, outcome="saved", reason="New price.", by=teammate, at=NOW + 4 * HOUR)
    ownership.assign_owner(customer, user=teammate, by=lead, at=NOW + 5 * HOUR)


def test_timeline_tells_everything_once_newest_first(
    customer: Customer, manager: User, teammate: User, lead: User
) -> None:
    live_through_everything(customer, manager=manager, teammate=teammate, lead=lead)
    page = timeline(customer, user=lead, limit=40)
    assert titles(page) == [
        f"{teammate} looks after the customer now",
        "Case closed: saved",
        "Diagnosis entered",
        f"Case given to {teammate}",
        "Follow-up call: no answer",
        "Warning: Complaints open",
        f"Case given to {manager}",
        "Case opened (save)",
        "Wrote in public (Dianping): negative",
        "Complaint resolved",
        "Complained",
        "E-mail: they contacted us",
        "Call: nobody reached",
        "Call: we contacted them",
        "Competitor seen: Rival, at ¥90 against our ¥99",
        "Balance held: 7",
        "Invoice R1: ¥60 written off",
        "Invoice R1: ¥40 paid",
        "Invoice R1: payment of ¥100 failed",
        "Invoice R1 issued, ¥100",
        "Left the community Tea",
        "Health score: 72 pts",
        "Logins: 1,500",
        "Joined the community Tea",
        "Terminated contract K1",
        "Renewed contract K1",
        "Cancelled order A3, ¥100",
        "Returned goods A2, −¥50",
        "Ordered A1, ¥1,200",
        "Signed contract K1, ¥12,000",
        f"{manager} looks after the customer now",
    ]
    assert page.older == ""
    by_title = {entry.title: entry for entry in page.entries}
    assert by_title["Complained"].text == "Box was wet."
    assert by_title["Balance held: 7"].text == "Fund"
    assert by_title["Competitor seen: Rival, at ¥90 against our ¥99"].text == "10 % off"
    assert by_title["Case closed: saved"].text == "New price."
    assert by_title["Case closed: saved"].by == str(teammate)
    assert by_title["Follow-up call: no answer"].text == "Rang out."
    assert by_title["Warning: Complaints open"].severity == 3
    assert by_title["Warning: Complaints open"].text
    assert {entry.kind for entry in page.entries} == {
        "order", "return", "interaction", "complaint", "contract", "owner", "usage", "invoice",
        "competitor", "mention",
        "payment_failed", "community", "community_left", "indicator", "warning", "case", "call"
    }  # fmt: skip
    assert len({entry.key for entry in page.entries}) == len(page.entries)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_timeline_pages_add_up_to_the_whole(
    customer: Customer, manager: User, teammate: User, lead: User, limit: int
) -> None:
    live_through_everything(customer, manager=manager, teammate=teammate, lead=lead)
    for number in range(5):  # many sources at one moment
        OrderFactory(customer=customer, number=f"B{number}", occurred_at=ago(10))
        InteractionFactory(customer=customer, occurred_at=ago(10), text=str(number))
    whole = [entry.key for entry in timeline(customer, user=lead, limit=200).entries]
    assert len(whole) == 41
    read: list[str] = []
    before = ""
    while True:
        page = timeline(customer, user=lead, before=before, limit=limit)
        assert len(page.entries) <= limit
        read += [entry.key for entry in page.entries]
        before = page.older
        if not before:
            break
    assert read == whole


@pytest.mark.parametrize("text", ["x", "2026-01-01~order~1", "2026-01-01T00:00:00+00:00~order", "a~b~c"])
def test_timeline_is_refused_for_a_place_that_there_is_not(
    customer: Customer, manager: User, text: str
) -> None:
    with pytest.raises(UnknownPlace):
        timeline(customer, user=manager, before=text)


def test_timeline_tells_neither_withheld_nor_baseline_warnings_nor_voided_facts(
    customer: Customer, manager: User
) -> None:
    run = make_run()
    shown = make_rule(name_en="Shown")
    make_warning(customer, run=run, rule=shown)
    cases.open_for_warnings(run, at=NOW)
    make_warning(customer, run=run, state="withheld")
    make_warning(customer, run=run, state="closed", closed_at=NOW, closed_because="sign_gone")  # was withheld
    make_warning(customer, run=run, is_baseline=True)
    OrderFactory(customer=customer, void=True)
    ComplaintFactory(customer=customer, void=True).events.update(void=True)
    told = titles(timeline(customer, user=manager))
    assert [title for title in told if title.startswith(("Warning", "The sign"))] == ["Warning: Shown"]
    assert not [title for title in told if title.startswith(("Ordered", "Complain"))]


def test_timeline_tells_warnings_of_rules_that_warn_only(customer: Customer, manager: User) -> None:
    run = make_run()
    warning = make_warning(customer, run=run, rule=make_rule(name_en="Only"), no_case_because="warns")
    make_warning(customer, run=run, rule=make_rule(name_en="Held"), no_case_because="held_out")
    told = timeline(customer, user=manager).entries
    assert [(one.title, one.case_id) for one in told if one.kind == "warning"] == [("Warning: Only", None)]
    warning.state, warning.closed_because, warning.closed_at = "closed", "sign_gone", NOW + HOUR
    warning.save()
    assert titles(timeline(customer, user=manager))[0] == "The sign is gone: Only"


def test_timeline_tells_that_a_sign_is_gone(customer: Customer, manager: User) -> None:
    run = make_run()
    warning = make_warning(customer, run=run, rule=make_rule(name_en="Quiet"))
    cases.open_for_warnings(run, at=NOW)
    warning.refresh_from_db()
    warning.state, warning.closed_because, warning.closed_at = "closed", "sign_gone", NOW + HOUR
    warning.save()
    cases.recovered_by_itself([warning.case_id], at=NOW + HOUR)
    told = titles(timeline(customer, user=manager))
    assert told[:2] == ["The sign is gone: Quiet", "Case closed: the signs are gone"]


def test_timeline_tells_a_logged_call_once(customer: Customer, manager: User) -> None:
    calls.log_call(planned_call(make_case(customer)), outcome="reached", note="Fine.", by=manager, at=NOW)
    told = [entry for entry in timeline(customer, user=manager).entries if "Fine." in entry.text]
    assert [entry.kind for entry in told] == ["call"]


def test_timeline_speaks_chinese_names(customer: Customer, manager: User) -> None:
    run = make_run()
    make_warning(customer, run=run, rule=make_rule(name_en="Quiet", name_zh="久未联系"))
    cases.open_for_warnings(run, at=NOW)
    with translation.override("zh-hans"):
        told = titles(timeline(customer, user=manager))
    assert any("久未联系" in title for title in told)
    assert not any("Quiet" in title for title in told)


def test_timeline_is_empty_for_those_who_may_not_see_the_customer(
    customer: Customer, manager: User, teammate: User, lead: User, outsider: User, admin: User
) -> None:
    live_through_everything(customer, manager=manager, teammate=teammate, lead=lead)
    for user in (lead, admin, teammate):
        assert timeline(customer, user=user).entries
    for user in (outsider, manager):  # manager owns it no more, and her case went to another
        assert timeline(customer, user=user) == Page([], "")


def test_timeline_opens_to_a_lead_whose_queue_shows_the_unassigned_case(
    customer: Customer, manager: User, lead: User
) -> None:
    other_lead = UserFactory(role="team_lead", team=TeamFactory())
    assert timeline(customer, user=other_lead).entries == []
    User.objects.filter(pk__in=[manager.pk, lead.pk]).update(capacity=0)
    make_case(customer)
    assert timeline(customer, user=other_lead).entries


def _fill(customer: Customer, number: int, *, by: User) -> None:
    admin = UserFactory(role="admin")
    for _ in range(number):
        OrderFactory(customer=customer)
        ContractFactory(customer=customer)
        InteractionFactory(customer=customer)
        complaints.file_complaint(customer, text="Late.", by=by, at=NOW)
        run = make_run()
        make_warning(customer, run=run)
        cases.open_for_warnings(run, at=NOW)
        drain.until_empty(at=NOW)
        case = RetentionCase.objects.open().get(customer=customer)
        calls.log_call(planned_call(case), outcome="no_answer", by=by, at=NOW)
        case.refresh_from_db()
        for loop in LoopClosure.objects.open().filter(case=case):  # type: ignore[attr-defined]
            looping.withdraw(loop, reason="Test.", by=admin, at=NOW)
        cases.close_case(case, outcome="not_pursued", reason="Test.", by=by, at=NOW)


def test_timeline_needs_as_many_queries_for_3_of_each_as_for_1(team: Any, manager: User) -> None:
    counts = []
    for number in (1, 3):
        customer = CustomerFactory(owner=manager)
        _fill(customer, number, by=manager)
        with CaptureQueriesContext(connection) as captured:
            timeline(customer, user=manager, limit=200)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 14

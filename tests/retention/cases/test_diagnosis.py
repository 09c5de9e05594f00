"""The diagnosis: type of churn and causes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Cause, Customer, User
from retention import cases, losses
from retention.models import RetentionCase
from retention.pages.forms import grouped
from retention.timeline import told
from tests.factories import NOW
from tests.retention.makers import (
    cause,
    in_status,
    make_case,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)


def test_diagnose_begins_the_work_and_keeps_type_and_causes(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    price, rival = cause("price"), cause("competitor")
    cases.diagnose(case, churn_type="competitive", causes=[price, rival], main=rival, by=manager, at=LATER)
    assert (case.status, case.churn_type) == ("working", "competitive")
    assert {(row.cause, row.is_main) for row in case.casecause_set.all()} == {(price, False), (rival, True)}
    assert steps(case)[-2:] == ["working", "diagnosed"]

    cases.diagnose(case, churn_type="", causes=[price], by=manager, at=LATER)
    assert [(row.cause, row.is_main) for row in case.casecause_set.all()] == [(price, True)]


def test_diagnose_is_refused_when_the_main_cause_is_not_chosen(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    with pytest.raises(cases.MainCauseMissing):
        cases.diagnose(
            case, churn_type="active", causes=[cause("price")], main=cause("competitor"), by=manager, at=LATER
        )
    assert case.status == "assigned"


def test_diagnose_is_refused_for_a_retired_cause_unless_it_stood_already(
    customer: Customer, manager: User
) -> None:
    case = make_case(customer)
    cases.diagnose(case, churn_type="active", causes=[cause("price")], by=manager, at=LATER)
    Cause.objects.filter(code__in=["price", "competitor"]).update(is_retired=True)
    cases.diagnose(case, churn_type="passive", causes=[cause("price")], by=manager, at=LATER)
    with pytest.raises(cases.CauseRetired):
        cases.diagnose(case, churn_type="passive", causes=[cause("competitor")], by=manager, at=LATER)


def test_diagnose_is_refused_when_closed(customer: Customer, manager: User) -> None:
    case = in_status(customer, Status.CLOSED, by=manager)
    with pytest.raises(cases.CaseClosed):
        cases.diagnose(case, churn_type="active", causes=[], by=manager, at=LATER)


def test_diagnose_keeps_what_the_customer_says_apart_from_what_we_see(
    customer: Customer, manager: User
) -> None:
    case = make_case(customer)
    price, moved, rival = cause("price"), cause("moved_away"), cause("competitor")
    cases.diagnose(
        case, churn_type="active", causes=[rival], stated=[price, moved, rival], by=manager, at=LATER
    )
    assert {row.cause for row in case.casecause_set.all()} == {rival}
    assert {row.cause for row in case.stated.all()} == {price, moved, rival}
    newest = case.moves.last()
    assert newest.codes["stated"] == sorted(c.pk for c in (price, moved, rival))

    cases.diagnose(case, churn_type="active", causes=[price], by=manager, at=LATER)
    assert {row.cause for row in case.stated.all()} == {price, moved, rival}
    cases.diagnose(case, churn_type="active", causes=[price], stated=[], by=manager, at=LATER)
    assert not case.stated.exists()


def test_diagnose_is_refused_for_a_detail_of_a_retired_cause_on_either_side(
    customer: Customer, manager: User
) -> None:
    case = make_case(customer)
    cases.diagnose(case, churn_type="active", causes=[cause("outage")], by=manager, at=LATER)
    Cause.objects.filter(code="price").update(is_retired=True)
    hidden = Cause.objects.select_related("parent").get(code="hidden_cost")
    with pytest.raises(cases.CauseRetired):
        cases.diagnose(case, churn_type="active", causes=[hidden], by=manager, at=LATER)
    with pytest.raises(cases.CauseRetired):
        cases.diagnose(
            case, churn_type="active", causes=[cause("outage")], stated=[hidden], by=manager, at=LATER
        )
    assert {row.cause.code for row in case.casecause_set.all()} == {"outage"}
    assert not case.stated.exists()


def test_case_is_not_lost_when_only_the_customer_named_a_cause(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    cases.diagnose(case, churn_type="active", causes=[], stated=[cause("price")], by=manager, at=LATER)
    with pytest.raises(losses.DiagnosisMissing):
        cases.close_case(case, outcome="lost", reason="Left.", by=manager, at=LATER)


# --- The form -----------------------------------------------------------------------------------
def test_page_of_a_case_shows_both_sides_and_what_is_retired_stays_ticked(
    client: Client, customer: Customer, manager: User
) -> None:
    case = make_case(customer)
    Cause.objects.filter(code="hidden_cost").update(name_en="Zhidden")
    cases.diagnose(
        case,
        churn_type="active",
        causes=[cause("outage")],
        stated=[cause("hidden_cost")],
        by=manager,
        at=LATER,
    )
    Cause.objects.filter(code__in=["hidden_cost", "late_delivery"]).update(is_retired=True)
    client.force_login(manager)
    page = client.get(reverse("retention:case", args=[case.pk])).content.decode()
    assert "Zhidden" in page and "retired" in page
    assert f'name="stated" value="{cause("hidden_cost").pk}"' in page
    assert f'value="{cause("late_delivery").pk}"' not in page
    said = {"churn_type": "passive", "stated": [cause("hidden_cost").pk], "causes": [cause("price").pk]}
    assert client.post(reverse("retention:case_diagnose", args=[case.pk]), said).status_code == 302
    assert {row.cause.code for row in case.stated.all()} == {"hidden_cost"}
    again = {**said, "causes": [cause("hidden_cost").pk]}  # the other side is another choice
    assert client.post(reverse("retention:case_diagnose", args=[case.pk]), again).status_code == 422
    other = {**said, "causes": [cause("late_delivery").pk]}
    assert client.post(reverse("retention:case_diagnose", args=[case.pk]), other).status_code == 422


@pytest.mark.django_db
def test_form_groups_causes_with_what_belongs_to_them() -> None:
    groups = dict(choice for choice in grouped(Cause.objects.order_by("pk")) if isinstance(choice[1], list))
    assert [label for _pk, label in groups["Price"]] == [
        "Price", "Price raised", "Too expensive", "Hidden cost",
    ]  # fmt: skip
    assert "Competitor" not in groups


def test_timeline_tells_what_the_customer_says_and_what_we_see(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    cases.diagnose(
        case, churn_type="active", causes=[cause("outage")], stated=[cause("price")], by=manager, at=LATER
    )
    texts = [entry.text for entry in told(customer, limit=20).entries]
    assert "The customer says: Price. We see: Outage." in texts

"""Many people at once: one wins, the others are told, nothing happens twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.models import Access, User
from retention import cases
from retention.models import EarlyWarning, FollowUpCall, RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, TeamFactory, UserFactory
from tests.retention.makers import (
    make_case,
    make_rule,
    make_run,
    make_warning,
    steps,
)
from tests.retention.racing import race

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def desk(transactional_db: None) -> dict[str, Any]:
    """People, a customer and its case, committed."""
    CompanyFactory()
    team = TeamFactory()
    people = {name: UserFactory(team=team, username=name) for name in ("anna", "ben")}
    lead = UserFactory(team=team, role="team_lead")
    customer = CustomerFactory(owner=people["anna"])
    return {**people, "lead": lead, "customer": customer}


@pytest.mark.services
@pytest.mark.parametrize("_round", range(5))
def test_race_of_two_people_on_one_case_lets_one_win_and_tells_the_other(
    desk: dict[str, Any], _round: int
) -> None:
    case = make_case(desk["customer"])
    seen = [RetentionCase.objects.get(pk=case.pk) for _ in range(2)]

    results = race(
        lambda: cases.close_case(seen[0], outcome="saved", reason="Stays.", by=desk["anna"], at=LATER),
        lambda: cases.assign(seen[1], to=desk["ben"], by=desk["lead"], at=LATER),
    )

    refusals = [result for result in results if isinstance(result, Exception)]
    assert len(refusals) == 1
    assert isinstance(refusals[0], cases.MovedMeanwhile | cases.CaseClosed)
    stored = RetentionCase.objects.get()
    assert len(steps(stored)) == 3
    assert Access.objects.filter(ends_at__isnull=True).count() == (0 if stored.status == "closed" else 1)


@pytest.mark.services
@pytest.mark.parametrize("_round", range(3))
def test_race_of_eight_openings_makes_one_case(desk: dict[str, Any], _round: int) -> None:
    customer = desk["customer"]
    results = race(*[lambda: make_case(customer).pk for _ in range(8)])
    assert len(set(results)) == 1
    assert sorted(steps(RetentionCase.objects.get())) == ["assigned"] + ["joined"] * 7 + ["opened"]
    assert FollowUpCall.objects.count() == 1


@pytest.mark.services
def test_race_for_the_last_place_gives_nobody_more_than_agreed(desk: dict[str, Any]) -> None:
    User.objects.filter(pk=desk["anna"].pk).update(capacity=2)
    User.objects.exclude(pk=desk["anna"].pk).update(capacity=0)
    customers = [CustomerFactory(owner=desk["anna"]) for _ in range(6)]
    race(*[lambda one=one: make_case(one) for one in customers])
    assert RetentionCase.objects.count() == 6
    assert RetentionCase.objects.filter(assignee=desk["anna"]).count() == 2


@pytest.mark.services
def test_race_of_two_sweeps_opens_one_case_each(desk: dict[str, Any]) -> None:
    runs = [make_run(), make_run()]
    customers = [CustomerFactory(owner=desk["anna"]) for _ in range(10)]
    for run in runs:
        rule = make_rule()
        for one in customers:
            make_warning(one, run=run, rule=rule)
    results = race(*[lambda run=run: cases.open_for_warnings(run, at=NOW) for run in runs])
    assert sum(opened for opened, _planned in results) == 10
    assert RetentionCase.objects.count() == 10
    assert not EarlyWarning.objects.filter(case__isnull=True).exists()

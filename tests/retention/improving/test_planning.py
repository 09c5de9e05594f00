"""Improvements are planned, begun, finished and given up, each once and by who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from customers.ground.models import AuditEvent
from customers.models import User
from retention.improving import planning
from retention.models import ImprovementAction
from tests.factories import NOW, ProductFactory, UserFactory
from tests.retention.improvers import TODAY, improvement, plan
from tests.retention.makers import cause
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Every test has a company."""


def test_plan_keeps_what_it_was_given(manager):
    product = ProductFactory()
    made = planning.plan_improvement(
        plan(manager, causes=[cause("late_delivery")], product=product, lot=" L7 ", cost=12_00),
        by=manager,
        at=NOW,
    )
    made.refresh_from_db()
    assert (made.title, made.lot, made.cost, made.state) == ("Deliver within a day", "L7", 1200, "planned")
    assert [one.code for one in made.causes.all()] == ["late_delivery"]
    assert AuditEvent.objects.filter(act="improvement.plan", object_id=made.pk).count() == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"begins_on": TODAY + timedelta(days=29)}, "due before"),
        ({"cost": -1}, "cost"),
        ({"lot": "L7"}, "product"),
        ({"moves": "mood"}, "figure"),
        ({"moves": "score"}, "survey"),
        ({"moves": "returns"}, "product"),
        ({"causes": []}, "causes or a product"),
        ({"moves": "mean", "measure": "last_order_day"}, "measure"),  # a day has no mean that says anything
    ],
)
def test_plan_is_refused_in_words_when_something_is_missing(wrong, says):
    with pytest.raises(planning.ImprovementRefused, match=says):
        planning.plan_improvement(plan(**wrong), **WHO)
    assert not ImprovementAction.objects.exists()


def test_plan_is_refused_when_its_owner_is_gone_or_a_program(manager):
    User.objects.filter(pk=manager.pk).update(is_active=False)
    manager.refresh_from_db()
    for owner in (manager, UserFactory(role="integration"), UserFactory(role="analyst")):
        with pytest.raises(planning.ImprovementRefused, match="owner"):
            planning.plan_improvement(plan(owner), **WHO)


@pytest.mark.parametrize(
    "near",
    [
        {"title": "x" * 200},
        {"begins_on": TODAY + timedelta(days=28)},
        {"cost": 0},
        {"moves": "mean", "measure": "orders_90d"},
    ],
)
def test_plan_is_taken_at_its_edges(near):
    assert planning.plan_improvement(plan(**near), **WHO).state == "planned"


def test_plan_keeps_survey_and_measure_only_where_they_are_meant():
    survey = live()
    made = planning.plan_improvement(plan(survey=survey, measure="orders_90d"), **WHO)
    assert (made.survey, made.measure) == (None, "")
    assert planning.plan_improvement(plan(moves="score", survey=survey), **WHO).survey == survey


def test_every_state_has_a_line_in_the_table_and_ended_ones_lead_nowhere():
    assert set(planning.TRANSITIONS) == set(ImprovementAction.State.values)
    assert {one for one, to in planning.TRANSITIONS.items() if not to} == {"done", "dropped"}


@pytest.mark.parametrize("start", ["planned", "running", "done", "dropped"])
@pytest.mark.parametrize("act", ["begin", "finish", "drop"])
def test_act_happens_exactly_when_the_table_allows_it(start, act):
    made = improvement()
    ended = {"ended_at": NOW, "ended_on": TODAY} if start in ("done", "dropped") else {}
    ImprovementAction.objects.filter(pk=made.pk).update(state=start, **ended)
    target = {"begin": "running", "finish": "done", "drop": "dropped"}[act]
    verb: Any = {"begin": planning.begin, "finish": planning.finish, "drop": planning.drop}[act]
    reason = {"reason": "too dear"} if act == "drop" else {}
    if target in planning.TRANSITIONS[start]:
        assert verb(made, **reason, by=None, at=LATER).state == target
        return
    with pytest.raises(planning.ImprovementState):
        verb(made, **reason, by=None, at=LATER)
    made.refresh_from_db()
    assert made.state == start


def test_finish_keeps_the_local_day_and_what_is_told():
    made = planning.finish(improvement(), told_en=" We pack better. ", told_zh="", by=None, at=LATER)
    assert (made.ended_on, made.told_en, made.telling_at) == (
        TODAY + timedelta(days=1),
        "We pack better.",
        None,
    )


@pytest.mark.parametrize("text", ["x" * 601, "See {{survey_link}}"])
def test_text_is_refused_when_it_is_long_or_holds_a_place(text):
    made = improvement()
    with pytest.raises(planning.TextRefused):
        planning.finish(made, told_en=text, **WHO)
    made.refresh_from_db()
    assert made.state == "planned"


def test_drop_needs_a_reason():
    made = improvement()
    with pytest.raises(planning.NoReason):
        planning.drop(made, reason="  ", **WHO)
    assert planning.drop(made, reason="too dear", **WHO).reason == "too dear"


def test_say_is_refused_once_people_are_told_and_when_it_was_given_up():
    made = planning.finish(improvement(), told_en="a", **WHO)
    assert planning.say(made, told_en="b", told_zh="", **WHO).told_en == "b"
    ImprovementAction.objects.filter(pk=made.pk).update(telling_at=NOW)
    with pytest.raises(planning.ImprovementState):
        planning.say(made, told_en="c", told_zh="", **WHO)
    dropped = planning.drop(improvement(), reason="no", **WHO)
    with pytest.raises(planning.ImprovementState):
        planning.say(dropped, told_en="c", told_zh="", **WHO)


def test_change_is_refused_when_it_ended():
    made = improvement()
    assert planning.change_improvement(made, plan(title="New"), **WHO).title == "New"
    planning.finish(made, **WHO)
    with pytest.raises(planning.ImprovementState):
        planning.change_improvement(made, plan(title="Newer"), **WHO)


def test_owner_leads_and_admins_may_change(manager, teammate, lead, admin, analyst):
    made = improvement(owner=manager)
    may = {
        one.username for one in (manager, teammate, lead, admin, analyst) if planning.may_change(one, made)
    }
    assert may == {manager.username, lead.username, admin.username}
    # an analyst owns none, even where an old row says so
    made.owner = analyst
    assert not planning.may_change(analyst, made)


@pytest.mark.parametrize(
    "wrong",
    [{"state": "done"}, {"moves": "score"}, {"moves": "returns"}, {"moves": "mean"}, {"telling_at": NOW}],
)
def test_database_refuses_rows_that_cannot_be(wrong):
    made = improvement()
    with pytest.raises(IntegrityError), transaction.atomic():
        ImprovementAction.objects.filter(pk=made.pk).update(**wrong)

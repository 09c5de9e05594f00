"""Earning rules: what a document may say, and how rules are changed by versions."""

from __future__ import annotations

from typing import Any

import pytest

from customers.ground.models import AuditEvent
from loyalty.earning import documents, rules
from loyalty.models import EarningRule, EarningRuleVersion
from tests.factories import NOW, UserFactory, ago
from tests.loyalty.earning import SPEND, make_rule

WHO: dict[str, Any] = {"by": None, "at": NOW}


# --- Documents --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("document", "written"),
    [
        (
            {"kind": "amount", "points": "4.50", "per": 1000},
            {"kind": "amount", "points": "4.5", "per": "1000"},
        ),
        (
            {"kind": "amount", "points": "1", "per": "1", "labels": ["b", " a "]},
            {"kind": "amount", "points": "1", "per": "1", "labels": ["a", "b"]},
        ),
        (
            {"kind": "item", "points": "2", "products": ["x"]},
            {"kind": "item", "points": "2", "products": ["x"]},
        ),
        (
            {
                "kind": "multiplier",
                "times": "0.5",
                "weekdays": [7, 1, 1],
                "from": "2026-01-01",
                "until": "2026-01-01",
            },
            {
                "kind": "multiplier",
                "times": "0.5",
                "from": "2026-01-01",
                "until": "2026-01-01",
                "weekdays": [1, 7],
            },
        ),
        ({"kind": "first_order", "points": "100"}, {"kind": "first_order", "points": 100}),
        (
            {"kind": "event", "event": "survey_answered", "points": 5, "times_a_year": 1},
            {"kind": "event", "event": "survey_answered", "points": 5, "times_a_year": 1},
        ),
    ],
)
def test_documents_have_one_written_form(document, written):
    assert documents.check(document) == written
    assert documents.check(written) == written


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "kind"),
        ([], "kind"),
        ({}, "kind"),
        ({"kind": "gift"}, "kind"),
        ({"kind": ["amount"]}, "kind"),
        ({**SPEND, "score": 9}, "score"),
        ({"kind": "event", "event": "survey_answered", "points": 5, "min_score": 9}, "min_score"),
        ({"kind": "amount", "points": "1"}, "per"),
        ({**SPEND, "points": 1.5}, "points"),
        ({**SPEND, "points": True}, "points"),
        ({**SPEND, "points": "0"}, "points"),
        ({**SPEND, "points": "-1"}, "points"),
        ({**SPEND, "points": "NaN"}, "points"),
        ({**SPEND, "points": "1_0"}, "points"),
        ({**SPEND, "points": "１"}, "points"),
        ({**SPEND, "points": "1000001"}, "points"),
        ({**SPEND, "points": "0.00001"}, "points"),
        ({**SPEND, "per": "Infinity"}, "per"),
        ({**SPEND, "products": []}, "products"),
        ({**SPEND, "products": "tea"}, "products"),
        ({**SPEND, "products": ["tea", "tea"]}, "products"),
        ({**SPEND, "products": [""]}, "products"),
        ({**SPEND, "labels": [3]}, "labels"),
        ({"kind": "item", "points": "1"}, "products"),
        ({"kind": "exclusion"}, "products"),
        ({"kind": "exclusion", "labels": ["x"], "why": "because"}, "why"),
        ({"kind": "multiplier", "times": "1"}, "times"),
        ({"kind": "multiplier", "times": "1.0"}, "times"),
        ({"kind": "multiplier", "times": "101"}, "times"),
        ({"kind": "multiplier", "times": "2", "weekdays": [0]}, "weekdays"),
        ({"kind": "multiplier", "times": "2", "weekdays": []}, "weekdays"),
        ({"kind": "multiplier", "times": "2", "from": "2026-02-30"}, "from"),
        ({"kind": "multiplier", "times": "2", "from": "2026-02-02", "until": "2026-02-01"}, "until"),
        ({"kind": "multiplier", "times": "2", "birthday": "week"}, "birthday"),
        ({"kind": "first_order", "points": "1.5"}, "points"),
        ({"kind": "event", "event": "login", "points": 5}, "event"),
        ({"kind": "event", "event": "birthday", "points": 5, "times_a_year": 0}, "times_a_year"),
        ({"kind": "cap", "points": 5}, "period"),
        ({"kind": "cap", "points": 5, "period": "week"}, "period"),
    ],
)
def test_documents_that_cannot_be_are_refused_at_the_field(document, field):
    with pytest.raises(documents.DocumentRefused) as refused:
        documents.check(document)
    assert refused.value.field == field
    assert str(refused.value)


def test_every_kind_has_a_name():
    assert set(documents.KINDS) == set(documents._SHAPES)
    assert documents.fields_of("cap") == ["points", "period"]


# --- Versions ---------------------------------------------------------------------------------
pytestmark = pytest.mark.django_db


def test_a_rule_stands_at_the_end_with_its_first_version(programme):
    admin = UserFactory(role="admin")
    make_rule(programme, SPEND, code="one")
    rule = make_rule(programme, {**SPEND, "points": 2}, code="two", is_on=False, by=admin, reason="Try")
    assert (rule.position, rule.version, rule.is_on) == (2, 1, False)
    version = rule.versions.get()
    assert version.document == {"kind": "amount", "points": "2", "per": "1"}
    assert (version.is_on, version.by, version.reason, version.at) == (False, admin, "Try", NOW)
    assert AuditEvent.objects.filter(act="earning_rule.create", actor_id=admin.pk).count() == 1


def test_codes_names_and_documents_are_refused_before_anything_is_written(programme):
    make_rule(programme, SPEND, code="one")
    with pytest.raises(rules.RuleCodeTaken):
        make_rule(programme, SPEND, code="one")
    for bad in ({"code": "Big"}, {"name": " "}, {"name": "x" * 101}, {"name_alt": "x" * 101}):
        with pytest.raises(rules.RuleName):
            make_rule(programme, SPEND, **bad)
    with pytest.raises(documents.DocumentRefused):
        make_rule(programme, {"kind": "gift"})
    assert EarningRule.objects.count() == EarningRuleVersion.objects.count() == 1


def test_there_are_not_endlessly_many(programme, monkeypatch):
    monkeypatch.setattr(rules, "MOST_RULES", 1)
    make_rule(programme, SPEND)
    with pytest.raises(rules.TooManyRules):
        make_rule(programme, SPEND)


def test_a_change_is_a_new_version_and_leaves_the_old_one(programme):
    rule = make_rule(programme, SPEND)
    rules.change_rule(rule, document={**SPEND, "points": "2"}, reason="Autumn", version=1, **WHO)
    assert rule.version == 2
    assert [row.document["points"] for row in rule.versions.order_by("number")] == ["1", "2"]
    assert rules.difference(rule, 1, 2) == [rules.Difference("points", "1", "2")]


def test_a_new_name_is_no_version(programme):
    rule = make_rule(programme, SPEND)
    rules.change_rule(rule, name="Points", name_alt="积分", **WHO)
    assert (rule.name, rule.name_alt, rule.version) == ("Points", "积分", 1)
    assert AuditEvent.objects.get(act="earning_rule.change").codes["changed"] == ["name", "name_alt"]
    with pytest.raises(rules.RuleName):
        rules.change_rule(rule, name=" ", **WHO)


def test_a_change_of_nothing_or_of_what_another_changed_is_refused(programme):
    rule = make_rule(programme, SPEND)
    with pytest.raises(rules.RuleUnchanged):
        rules.change_rule(rule, document={**SPEND, "points": "1.0"}, name=rule.name, **WHO)
    rules.change_rule(rule, document={**SPEND, "points": "2"}, version=1, **WHO)
    with pytest.raises(rules.RuleChanged):
        rules.change_rule(rule, document={**SPEND, "points": "3"}, version=1, **WHO)


def test_turning_on_and_off_are_versions(programme):
    rule = make_rule(programme, SPEND)
    rules.turn_rule(rule, is_on=False, **WHO)
    assert (rule.is_on, rule.version) == (False, 2)
    with pytest.raises(rules.RuleUnchanged):
        rules.turn_rule(rule, is_on=False, **WHO)
    assert rules.difference(rule, 1, 2) == [rules.Difference("is_on", True, False)]
    assert AuditEvent.objects.filter(act="earning_rule.turn_off").count() == 1


def test_an_earlier_version_comes_back_as_a_new_one(programme):
    rule = make_rule(programme, SPEND)
    rules.change_rule(rule, document={"kind": "cap", "points": 5, "period": "day"}, **WHO)
    rules.turn_rule(rule, is_on=False, **WHO)
    rules.revert_rule(rule, number=1, reason="Was better", **WHO)
    newest = rules.newest(rule)
    assert (newest.number, newest.document, newest.is_on) == (4, SPEND, False)
    with pytest.raises(rules.RuleUnchanged):
        rules.revert_rule(rule, number=1, **WHO)
    with pytest.raises(rules.NoSuchVersion):
        rules.revert_rule(rule, number=9, **WHO)
    assert [one.field for one in rules.difference(rule, 2, 4)] == ["kind", "per", "period", "points", "is_on"]
    with pytest.raises(rules.NoSuchVersion):
        rules.difference(rule, 1, 9)


def test_the_order_names_every_rule_once(programme):
    one, two, three = (make_rule(programme, SPEND) for _n in range(3))
    rules.order_rules(programme, [three.pk, one.pk, two.pk], **WHO)
    assert list(programme.rules.all()) == [three, one, two]
    for bad in ([one.pk, two.pk], [one.pk, one.pk, two.pk], [one.pk, two.pk, three.pk, 0]):
        with pytest.raises(rules.OrderIncomplete):
            rules.order_rules(programme, bad, **WHO)


def test_which_versions_count_at_a_moment(programme):
    def points(found: rules.evaluate.Rules) -> list[str]:
        return [one.rule.document["points"] for one in found.by_kind["amount"]]

    first = make_rule(programme, SPEND, at=ago(10))
    upto = rules.History(programme).upto
    rules.change_rule(first, document={**SPEND, "points": "2"}, by=None, at=ago(5))
    second = make_rule(programme, {**SPEND, "points": "7"}, is_on=False, at=ago(8))
    rules.turn_rule(second, is_on=True, by=None, at=ago(3))
    history = rules.History(programme)
    assert points(history.at(ago(20))) == ["1", "7"]  # before all: the first that is on
    assert points(history.at(ago(7))) == ["1"]  # the second is off
    assert points(history.at(ago(5))) == ["2"]  # at the moment itself
    assert points(history.at(ago(1))) == ["2", "7"]
    assert points(history.in_force(ago(20))) == []
    assert points(history.until(upto).at(ago(1))) == ["1"]
    assert [one.document["points"] for one in rules.current_rules(programme)] == ["2", "7"]
    assert history.at(ago(1)) is history.at(NOW)

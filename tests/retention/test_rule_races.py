"""Admins at once: one proposal adopted twice or under an edit, a measure made of what is just retired."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from customers import attributes, in_use
from customers.models import Attribute
from retention import backtest, rules
from retention.measures import making
from retention.models import OwnMeasure, WarningRule
from tests.factories import NOW, CompanyFactory
from tests.retention.backtest.past import QUIET
from tests.retention.makers import make_rule
from tests.retention.racing import race
from tests.retention.test_rule_health_pages import tried

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


class Meanwhile:
    """A step in one act that gives others time to come in between, if nothing holds them up."""

    def __init__(self, step: Any) -> None:
        self.step, self.reached, self.passed = step, threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        self.passed.wait(timeout=1)
        return self.step(*args, **kwargs)

    def after(self, act: Any) -> Any:
        """Return an act that begins once the step is reached."""

        def late() -> Any:
            assert self.reached.wait(timeout=10)
            done = act()
            self.passed.set()
            return done

        return late


@pytest.fixture
def rule(transactional_db: None) -> WarningRule:
    CompanyFactory()
    return make_rule(code="quiet", name_en="Quiet for long", condition=QUIET)


def test_two_admins_who_adopt_one_proposal_get_one_draft(rule: WarningRule) -> None:
    run = tried(rule)
    proposal = backtest.advise(rule).proposal
    assert proposal is not None

    def adopt() -> Any:
        return backtest.adopt(rule, run=run.pk, value=proposal.value, by=None, at=NOW)

    told = race(*[adopt] * 4)
    assert sorted(is_new for _draft, is_new in told) == [False, False, False, True]
    assert {draft.pk for draft, _new in told} == {rule.replacements.get().pk}


def test_a_proposal_is_not_adopted_for_a_version_that_is_just_edited(
    rule: WarningRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tried(rule)
    proposal = backtest.advise(rule).proposal
    assert proposal is not None
    meanwhile = Meanwhile(rules.saving.keep_version)
    monkeypatch.setattr("retention.rules.saving.keep_version", meanwhile)

    def adopt() -> Any:
        return backtest.adopt(rule, run=run.pk, value=proposal.value, by=None, at=NOW)

    _revised, adopted = race(
        lambda: rules.revise(WarningRule.objects.get(pk=rule.pk), severity=3, by=None, at=NOW),
        meanwhile.after(adopt),
    )
    assert isinstance(adopted, backtest.ProposalGone)
    assert not rule.replacements.exists()


def test_no_measure_is_made_of_an_attribute_that_is_just_retired(
    rule: WarningRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    wealth = attributes.define_attribute(
        code="wealth", kind="number", label_en="Wealth", label_zh="规模", by=None, at=NOW
    )
    meanwhile = Meanwhile(making._refuse_more)
    monkeypatch.setattr("retention.measures.making._refuse_more", meanwhile)
    names = {"label_en": "Wealth now", "label_zh": "现在的规模"}
    made, retired = race(
        lambda: making.make(code="wealth", way="number", attribute=wealth, **names, by=None, at=NOW),
        meanwhile.after(lambda: attributes.retire_attribute(wealth, is_retired=True, by=None, at=NOW)),
    )
    assert isinstance(made, OwnMeasure)
    assert isinstance(retired, in_use.StillRead)
    assert Attribute.objects.get().retired_at is None

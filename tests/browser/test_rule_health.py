"""A threshold that the health of a rule proposes, in a real browser: adopted, and launched in its place."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from customers.ground import clock
from retention import rules
from retention.models import BacktestRun, WarningRule
from tests.factories import NOW, UserFactory
from tests.retention.backtest.past import QUIET
from tests.retention.test_rule_health_pages import tried

SAID = {
    "en": {
        "moved": "“Days since the last order” is at least 60 days.",
        "proposed": "60 → 80 days: −31 % cases, −3 % caught",
        "counted": "276 instead of 400 cases",
        "adopt": "Adopt as a draft",
        "beside": "This draft stands beside “Quiet for long”, which goes on as it is.",
        "draft": "Quiet for long (80 days)",
        "stands": "It stands as the draft “Quiet for long (80 days)”.",
        "launched": "It stands in the place of “Quiet for long”, which is off.",
        "taken": "“Quiet for long (80 days)” takes its place.",
        "off": "Only rules that open cases, live or limited, are advised.",
    },
    "zh-hans": {
        "moved": "“距上次下单天数”至少为 60 天。",
        "proposed": "60 → 80 天：个案 −31 %，提前预警的流失 −3 %",
        "counted": "个案由 400 变为 276",
        "adopt": "采纳为草稿",
        "beside": "此草稿与“长期沉默”并存，后者照旧运行。",
        "draft": "长期沉默（80 天）",
        "stands": "已有草稿“长期沉默（80 天）”。",
        "launched": "本规则已取代“长期沉默”，后者未启用。",
        "taken": "由“长期沉默（80 天）”取代。",
        "off": "只对会开个案的规则（启用或限量）给出建议。",
    },
}


def accessible(page: Any) -> None:
    """Check the page; the checker writes styles of its own, which the policy refuses, rightly."""
    assert page.problems == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.problems.clear()


@pytest.fixture
def rule(company: Any) -> WarningRule:
    """A rule that opens cases, with a backtest that proposes 80 days."""
    clock.fix(NOW)
    made = WarningRule(code="quiet", name_en="Quiet for long", name_zh="长期沉默", condition=QUIET)
    rules.save(made, by=None, at=NOW)
    rules.enable(made, open_existing=True, by=None, at=NOW)
    BacktestRun.objects.filter(pk=tried(made).pk).update(finished_at=NOW)
    return made


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])
def test_a_proposal_is_adopted_launched_and_takes_the_place_of_its_rule(
    sign_in: Any, live_server: Any, rule: WarningRule, language: str, width: int
) -> None:
    said, health = SAID[language], live_server.url + reverse("retention:rule_health", args=["quiet"])
    page = sign_in(UserFactory(role="admin"), language=language, width=width)
    page.goto(health)
    proposal = page.locator("section[aria-labelledby=proposal]")
    for text in ("moved", "proposed", "counted"):
        expect(proposal).to_contain_text(said[text])
    accessible(page)
    adopt = page.get_by_role("button", name=said["adopt"])
    adopt.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rules/quiet-next/")
    expect(page.get_by_text(said["beside"])).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(said["draft"])
    draft = WarningRule.objects.get(code="quiet-next")
    assert (draft.state, draft.replaces, draft.condition) == ("draft", rule, {**QUIET, "value": 80})

    page.goto(health)
    expect(page.get_by_role("button", name=said["adopt"])).to_have_count(0)
    page.get_by_role("link", name=said["stands"]).click()
    page.wait_for_url("**/rules/quiet-next/")
    page.click('[data-move="live"] > summary')
    expect(page.locator('[data-move="live"] [name=replaced]')).to_have_value("1")
    accessible(page)
    with page.expect_navigation():
        page.click('[data-move="live"] form button')
    expect(page.get_by_role("link", name=said["launched"])).to_be_visible()
    rule.refresh_from_db()
    draft.refresh_from_db()
    assert (draft.state, rule.state) == ("live", "retired")

    page.goto(live_server.url + reverse("retention:rule", args=["quiet"]))
    expect(page.locator("section[aria-labelledby=moves]")).to_contain_text(said["taken"])
    page.goto(health)
    expect(page.locator("section[aria-labelledby=proposal]")).to_contain_text(said["off"])
    assert page.problems == []

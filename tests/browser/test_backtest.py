"""A rule tried on the past in a real browser: started, watched until it is done, read."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from customers.ground import clock, drain
from tests.factories import NOW, UserFactory
from tests.retention.backtest.past import buyer, lose, quiet_rule


@pytest.mark.parametrize(
    ("language", "button", "waits", "result"),
    [
        ("en", "Run the backtest", "Waiting for its turn", "Can the team carry it?"),
        ("zh-hans", "开始回测", "正在排队", "团队承担得了吗？"),
    ],
)
def test_a_backtest_is_started_and_its_page_shows_the_result_by_itself(
    sign_in: Any, live_server: Any, company: Any, language: str, button: str, waits: str, result: str
) -> None:
    clock.fix(NOW)
    lose(buyer("lost", 500), 180)
    quiet_rule()
    page = sign_in(UserFactory(role="admin"), language=language, width=390)
    page.goto(live_server.url + reverse("retention:rule_backtest", args=["quiet"]))
    page.get_by_role("button", name=button).click()
    page.get_by_text(waits).wait_for()
    drain.until_empty(at=NOW)
    page.get_by_role("heading", name=result).wait_for()
    assert page.locator("svg.chart").is_visible()
    assert page.problems == []

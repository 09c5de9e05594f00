"""Loyalty's lists on a phone: the tab one is on in sight, rows that are short, their acts behind a press."""

from __future__ import annotations

from typing import Any

import pytest

from customers.models import Customer, User
from loyalty.rewards import redeeming
from tests.factories import NOW, CompanyFactory, CustomerFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account
from tests.loyalty.rewarding import make_reward

MOST_HIGH = 120  # pixels of a row: three lines and what is between


@pytest.fixture
def asked(admin: User) -> Customer:
    CompanyFactory()
    programme = ProgrammeFactory()
    account = make_account(CustomerFactory(name="Blue Lake Trading"))
    earn(account, 900)
    reward = make_reward(code="mug", name="Mug", points=100)
    for n in range(3):
        redeeming.ask_reward(account, reward, key=str(n), by=None, at=NOW)
    assert programme.pk == account.programme_id
    return account.customer


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_redemptions_are_short_and_their_tab_is_in_sight(
    sign_in: Any, live_server: Any, admin: User, asked: Customer, language: str, tmp_path: Any
) -> None:
    page = sign_in(admin, language=language, width=390)
    page.goto(f"{live_server.url}/loyalty/redemptions/")
    rows = page.locator("main tbody tr")
    assert rows.count() == 3
    assert max(row.bounding_box()["height"] for row in rows.all()) < MOST_HIGH
    tab = page.locator(".tabs [aria-current]").bounding_box()
    assert tab["x"] >= 0 and tab["x"] + tab["width"] <= 390
    act = rows.first.locator("form button").first
    assert not act.is_visible()
    rows.first.locator("summary").first.click()
    assert act.is_visible()
    page.screenshot(path=str(tmp_path / f"redemptions-{language}.png"), full_page=True)
    page.goto(f"{live_server.url}/loyalty/accounts/{asked.points_accounts.get().pk}/")
    lines = page.locator(".statement tbody tr")
    assert max(line.bounding_box()["height"] for line in lines.all()) < MOST_HIGH
    page.screenshot(path=str(tmp_path / f"statement-{language}.png"), full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/loyalty/redemptions/")
    assert page.locator("main tbody form button").first.is_visible()  # on a screen nothing is folded
    page.screenshot(path=str(tmp_path / f"desk-{language}.png"), full_page=True)
    assert page.problems == []

"""The company's page and the first week: an admin of an empty database is led to her first warnings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import first_week
from customers.ground.models import AuditEvent, Company
from customers.models import User
from tests.factories import CustomerFactory, OrderFactory, UserFactory

pytestmark = pytest.mark.django_db
CODES = ["company", "calendar", "people", "import", "rules"]
SAID = {
    "name": "Blue Lake",
    "language": "zh-hans",
    "base_currency": "CNY",
    "time_zone": "Asia/Shanghai",
    "margin": "27.5",
}


@pytest.fixture
def boss(db: None) -> User:
    """The first admin; there is no company yet."""
    return UserFactory(username="boss", role="admin")


def test_company_is_set_up_and_the_first_week_goes_on(client: Client, boss: User) -> None:
    client.force_login(boss)
    page = client.get(reverse("customers:company"))
    assert page.status_code == 200
    answer = client.post(reverse("customers:company"), SAID)
    assert (answer.status_code, answer["Location"]) == (302, reverse("customers:first_week"))
    firm = Company.objects.get()
    assert (firm.name, firm.base_currency, firm.time_zone) == ("Blue Lake", "CNY", "Asia/Shanghai")
    assert (firm.language, firm.default_margin_bp, firm.is_demo) == ("zh-hans", 2750, False)
    assert AuditEvent.objects.filter(act="company.set_up", actor_id=boss.pk).count() == 1


@pytest.mark.parametrize(
    "wrong",
    [{"base_currency": "XYZ"}, {"time_zone": "Mars/Base"}, {"margin": "101"}, {"margin": "-1"}, {"name": ""}],
)
def test_wrong_values_are_refused_and_kept_in_the_form(
    client: Client, boss: User, wrong: dict[str, str]
) -> None:
    client.force_login(boss)
    answer = client.post(reverse("customers:company"), {**SAID, **wrong})
    assert answer.status_code == 422
    assert ('value="Blue Lake"' in answer.content.decode()) == ("name" not in wrong)
    assert not Company.objects.exists()


def test_currency_and_zone_stay_once_facts_exist(client: Client, admin: User) -> None:
    client.force_login(admin)
    changed = {**SAID, "base_currency": "EUR", "time_zone": "Europe/Berlin"}
    client.post(reverse("customers:company"), changed)
    assert Company.objects.get().base_currency == "EUR"
    client.post(reverse("customers:company"), SAID)
    OrderFactory()
    page = client.get(reverse("customers:company")).content.decode()
    assert "facts were recorded with them" in page
    client.post(reverse("customers:company"), {**changed, "name": "Red Lake"})
    firm = Company.objects.get()
    assert (firm.name, firm.base_currency, firm.time_zone) == ("Red Lake", "CNY", "Asia/Shanghai")


def test_demo_company_stays_one_when_it_is_changed(client: Client, admin: User) -> None:
    Company.objects.update(is_demo=True)
    client.force_login(admin)
    client.post(reverse("customers:company"), SAID)
    assert Company.objects.get().is_demo


@pytest.mark.parametrize("path", ["company", "first_week"])
@pytest.mark.parametrize("role", ["lead", "manager", "analyst"])
def test_only_admins_set_up(client: Client, request: pytest.FixtureRequest, role: str, path: str) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get(reverse(f"customers:{path}")).status_code == 403


# --- The first week -----------------------------------------------------------------------------
def stages() -> list[tuple[str, bool, bool]]:
    return [(stage.step.code, stage.is_done, stage.is_next) for stage in first_week.stages()]


def test_steps_are_done_one_by_one(boss: User, company: Any) -> None:
    Company.objects.all().delete()
    assert [code for code, _done, _next in stages()] == CODES
    assert [code for code, done, _next in stages() if done] == []
    assert [code for code, _done, is_next in stages() if is_next] == ["company"]


@pytest.mark.parametrize("more", [1, 3])
def test_steps_take_one_query(company: Any, more: int, django_assert_num_queries: Any) -> None:
    CustomerFactory.create_batch(more)
    UserFactory.create_batch(more)
    with django_assert_num_queries(1):
        found = stages()
    assert {code for code, done, _next in found if done} == {"company", "people", "import"}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["First week", "Go on", "Warning rules"]), ("zh-hans", ["第一周", "继续", "预警规则"])],
)
def test_page_shows_what_is_next_in_both_languages(
    client: Client, boss: User, language: str, words: list[str]
) -> None:
    User.objects.filter(pk=boss.pk).update(language=language)
    client.force_login(boss)
    for path in (reverse("customers:first_week"), "/", reverse("customers:settings")):
        page = client.get(path).content.decode()
        assert words[0] in page, path
        assert reverse("customers:company") in page, path
    assert all(word in client.get(reverse("customers:first_week")).content.decode() for word in words)


def test_pages_lead_the_admin_to_the_company_and_tell_others_whom_to_ask(client: Client, boss: User) -> None:
    client.force_login(boss)
    page = client.get(reverse("retention:queue"))
    assert (page.status_code, reverse("customers:company") in page.content.decode()) == (409, True)
    client.force_login(UserFactory())
    for path in (reverse("retention:queue"), "/"):
        text = client.get(path).content.decode()
        assert reverse("customers:company") not in text
        assert "Ask an admin" in text

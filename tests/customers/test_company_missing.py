"""Before the company is set up every page says calmly what to do."""

from __future__ import annotations

import json

import pytest
from django.test import RequestFactory

from customers.company import NoCompany
from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.pages.company_missing import CompanyMissingMiddleware
from tests.factories import UserFactory

WORDS = "The company is not set up yet"


def middleware() -> CompanyMissingMiddleware:
    return CompanyMissingMiddleware(lambda request: None)  # type: ignore[arg-type, return-value]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/queue/", "/customers/", "/rules/"])
def test_pages_say_what_to_do_when_there_is_no_company(client, path):
    client.force_login(UserFactory(role="admin"))
    Company.objects.all().delete()
    response = client.get(path)
    assert WORDS in response.content.decode()
    assert response.status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/queue/", "/customers/", "/rules/"])
def test_pages_open_when_there_is_a_company(client, admin, path):
    client.force_login(admin)
    response = client.get(path)
    assert response.status_code == 200
    assert WORDS not in response.content.decode()


def test_programs_are_answered_in_json() -> None:
    answer = middleware().process_exception(RequestFactory().get("/api/v1/cases/"), NoCompany())
    assert answer is not None
    assert answer.status_code == 409
    assert json.loads(answer.content)["code"] == "no_company"


def test_other_refusals_are_left_alone() -> None:
    assert middleware().process_exception(RequestFactory().get("/queue/"), Refused()) is None

"""Renewals by API: what waits for an answer, and the answers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from customers import contracts
from customers.ground import clock
from customers.models import Contract
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 5, 11)


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def agreed(customer, *, ends):
    ends_on = TODAY + timedelta(days=ends)
    starts_on = ends_on - timedelta(days=364)
    return contracts.record_contract(
        customer, starts_on=starts_on, ends_on=ends_on, value=100, by=None, at=NOW - timedelta(days=300)
    )


def test_api_lists_what_waits_and_takes_the_answers(caller, manager, outsider, customer):
    first, second = agreed(customer, ends=40), agreed(customer, ends=20)
    agreed(CustomerFactory(owner=outsider), ends=10)
    mine = caller(manager)

    def post(contract, act, **body):
        return mine("post", f"renewals/{contract.pk}/{act}/", body)

    def waiting(**query):
        return [row["id"] for row in mine.get("renewals/", **query).json()["results"]]

    assert waiting() == [second.pk, first.pk]
    assert waiting(ends_until="2026-05-31") == [second.pk]
    said = post(second, "renegotiate", value="99.50").json()
    assert (said["renews"], said["renewal"], said["value"]) == (second.pk, "renegotiated", "99.50")
    assert post(second, "renew").json()["code"] == "contract_decided"
    assert post(first, "extend", ends_on="2026-01-01").json()["code"] == "contract_term_not_longer"
    assert post(first, "lapse").json()["terminated_on"] == "2026-05-11"
    assert waiting() == [said["id"]]
    new = Contract.objects.get(pk=said["id"])
    assert caller(outsider)("post", f"renewals/{new.pk}/renew/", {}).status_code == 404

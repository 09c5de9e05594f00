"""Every resource of customers answers, leads with few queries, and shows only what one may see."""

from __future__ import annotations

import pytest

from tests.factories import (
    CommunityMembershipFactory,
    ComplaintFactory,
    ContractFactory,
    IndicatorValueFactory,
    InteractionFactory,
    InvoiceFactory,
    MentionFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    SightingFactory,
    UsageFactory,
)

LISTS = [
    "customers",
    "contacts",
    "orders",
    "contracts",
    "interactions",
    "complaints",
    "compensations",
    "consents",
    "consent-texts",
    "objections",
    "usage",
    "invoices",
    "usage-metrics",
    "competitors",
    "competitor-sightings",
    "mentions",
    "communities",
    "community-memberships",
    "indicators",
    "indicator-values",
    "products",
    "attributes",
    "attribute-values",
    "references",
    "exchange-rates",
    "causes",
    "users",
    "teams",
    "imports",
]


def facts_of(customer):
    return {
        "orders": OrderLineFactory(order=OrderFactory(customer=customer), product=ProductFactory()).order,
        "contracts": ContractFactory(customer=customer),
        "interactions": InteractionFactory(customer=customer),
        "complaints": ComplaintFactory(customer=customer, due_day=739000),
        "community-memberships": CommunityMembershipFactory(customer=customer),
        "indicator-values": IndicatorValueFactory(customer=customer),
        "usage": UsageFactory(customer=customer),
        "competitor-sightings": SightingFactory(customer=customer, seen=9, ours=8),
        "mentions": MentionFactory(customer=customer, rating="1.5"),
        "invoices": InvoiceFactory(customer=customer),
        "contacts": customer.contacts.get(),
        "customers": customer,
    }


@pytest.mark.parametrize("path", LISTS)
def test_lists_answer(program, customer, path):
    facts_of(customer)
    response = program.get(f"{path}/")
    assert response.status_code == 200, response.content
    for row in response.json()["results"]:
        assert program.get(f"{path}/{row['id']}/").status_code == 200


def test_single_answers(program, customer):
    assert program.get("me/").json()["user"]["username"] == "program"
    assert program.get("company/").json()["base_currency"] == "CNY"
    assert {kind["code"] for kind in program.get("import-kinds/").json()["results"]} >= {"orders", "rates"}

"""Lists: by key, in few queries, never counted, closed to what they do not know."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.test_resources import LISTS, facts_of
from tests.factories import NOW, CustomerFactory, OrderFactory, findable


def pages(program, path, **query):
    found, said = [], program.get(path, **query).json()
    while True:
        found.append([row["id"] for row in said["results"]])
        if said["next"] is None:
            return found
        assert said["next"].startswith("http://testserver/api/v1/")
        said = follow(program, said["next"])


def follow(program, address):
    return program.client.get(address, headers={"Authorization": f"Bearer {program.secret}"}).json()


@pytest.mark.parametrize("order", ["id", "-id"])
def test_pages_show_every_row_once(program, customer, order):
    ids = [OrderFactory(customer=customer).pk for _ in range(5)]
    found = pages(program, "orders/", page_size=2, order=order, customer=customer.pk)
    expected = [ids[0:2], ids[2:4], ids[4:]] if order == "id" else [ids[4:2:-1], ids[2:0:-1], ids[:1]]
    assert found == expected


def test_pages_by_a_name_that_repeats_show_every_row_once(program):
    made = [CustomerFactory(name=name).pk for name in ("B", "A", "A", "A", "C")]
    found = pages(program, "customers/", page_size=2, order="name")
    assert [pk for page in found for pk in page] == [made[1], made[2], made[3], made[0], made[4]]


def test_rows_that_come_and_go_neither_repeat_nor_hide_others(program, customer):
    ids = [OrderFactory(customer=customer).pk for _ in range(4)]
    first = program.get("orders/", page_size=2, order="-id").json()
    OrderFactory(customer=customer)
    rest = follow(program, first["next"])
    assert [row["id"] for row in rest["results"]] == [ids[1], ids[0]]


def forged(*said):
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("customers/", {"cursor": "x"}),
        ("customers/", {"cursor": "é"}),
        ("customers/", {"cursor": forged("name", "A", 1)}),  # of another order
        ("customers/", {"cursor": forged("id", 10**30)}),
        ("customers/", {"cursor": forged("id", "1; DROP TABLE")}),
        ("customers/", {"cursor": forged("id", [1])}),
        ("customers/", {"cursor": forged("id", True)}),
        ("customers/", {"cursor": forged("id")}),
        ("customers/", {"order": "name", "cursor": forged("name", "A\0", 1)}),
        ("customers/", {"order": "name", "cursor": forged("name", "\ud800", 1)}),
        ("losses/", {"cursor": forged("newest", "0001-01-01T00:00:00+14:00", 1)}),
        ("customers/", {"order": "notes"}),
        ("customers/", {"page_size": "0"}),
        ("customers/", {"page_size": "101"}),
        ("customers/", {"page_size": "²"}),
        ("customers/", {"unknown": "1"}),
        ("customers/", {"owner__password": "x"}),
        ("customers/", {"owner": "x"}),
        ("customers/", {"kind": "dog"}),
        ("customers/", {"q": "a\0b"}),
        ("customers/", {"kind": ["company", "person"]}),
        ("orders/", {"void": "maybe"}),
        ("exchange-rates/", {"since": "0001-01-01"}),
        ("me/", {"page_size": "5"}),
    ],
)
def test_what_an_address_does_not_know_is_400(program, path, query):
    answer = program.get(path, **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter"), answer.content
    assert {error["parameter"] for error in answer.json()["errors"]} <= set(query)


def queries_of(program, path):
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert program.get(path).status_code == 200
    return [query["sql"] for query in seen if "ratecounter" not in query["sql"]]


@pytest.mark.parametrize("path", LISTS)
def test_lists_take_as_many_queries_for_three_as_for_one_and_count_nothing(program, customer, path):
    facts_of(customer)
    program.get(f"{path}/")  # what is looked up once for a process
    one = queries_of(program, f"{path}/")
    for _ in range(2):
        facts_of(CustomerFactory(owner=customer.owner))
    three = queries_of(program, f"{path}/")
    assert len(three) == len(one) <= 5, three
    assert not [sql for sql in three if "COUNT(" in sql.upper()]


def test_filters_match_and_miss(program, customer, manager):
    other = CustomerFactory(name="Red Hill", segment="retail")
    findable()
    old = OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=2))
    new = OrderFactory(customer=other, occurred_at=NOW - timedelta(days=1))

    def ids(path, **query):
        return {row["id"] for row in program.get(path, **query).json()["results"]}

    assert ids("customers/", q="蓝湖") == {customer.pk}
    assert ids("customers/", segment="retail") == {other.pk}
    assert ids("customers/", owner=manager.pk) == {customer.pk}
    moment = (NOW - timedelta(days=1)).isoformat()
    assert ids("orders/", occurred_since=moment) == {new.pk}
    assert ids("orders/", occurred_before=moment) == {old.pk}
    assert ids("orders/", void="true") == set()
    assert ids("orders/", customer=other.pk) == {new.pk}

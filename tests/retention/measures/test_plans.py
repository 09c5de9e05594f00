"""How each pass is read: from its covering index, in its order, with no sort and no hash over facts."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from customers.company import today
from retention.measures import Source, compute, dialect, sources
from retention.measures.passes import Customers, parameters, source_pass, wide_select
from tests.factories import NOW, CompanyFactory

CUSTOMERS, SHARD, FACTS = 500, 50, 20_000
INDEXES = {
    "orders": "order_pass",
    "contracts": "contract_pass",
    "interactions": "interaction_pass",
    "complaints": "complaint_event_pass",
    "deliveries": "order_delivery_pass",
    "invoices": "invoice_event_pass",
    "usage": "usage_pass",
    "balances": "balance_pass",
    "sightings": "sighting_pass",
    "communities": "community_pass",
    "indicators": "indicator_pass",
    "answers": "answer_newest",
    "asked": "asked_pass",
    "mentions": "mention_pass",
    "ownership": "ownership_pass",
    "addresses": "address_pass",
    "main_contact": "main_contact_pass",
    "standing": "standing_pass",
    "points": "points_pass",
    "tiers": "tier_move_pass",
    "memberships": "membership_pass",
}


FEW = {"products", "expiring"}
"""Sources of which no row is read but the few that are looked for: lines of withdrawn products, lots that
expire soon."""


@pytest.fixture(autouse=True)
def _company(db: None, request: pytest.FixtureRequest) -> None:
    """A company with some thousand facts of the kind asked for, or of each, counted by the database."""
    CompanyFactory()
    asked = getattr(request.node, "callspec", None)
    codes = [asked.params["code"]] if asked else list(sources())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # rows that stand for others; their keys lead nowhere
            cursor.execute("SET LOCAL session_replication_role = replica")
            for code in codes:
                cursor.execute(_many(sources()[code]))
        cursor.execute("ANALYZE")


def _many(source: Source) -> str:
    """Return a statement that makes many facts of a source, each column by its kind."""
    fields = [f for f in apps.get_model(source.fact)._meta.concrete_fields if not f.primary_key]
    made = {
        "customer_id": f"1 + n % {CUSTOMERS}",
        "occurred_at": "now() - n * interval '1 minute'",
        "recorded_at": "now() - n * interval '1 minute'",
        "ingested_at": "now()",
        "promised_day": "n",  # else the index of those that have one is empty
        "external_id": "'x' || n",  # names one row
        "source_type": "''",  # of no source, as source_id says
        "key": "''",
    }
    kinds = {"BooleanField": "false", "CharField": "'x'", "DateTimeField": "now()", "JSONField": "'[]'"}
    values = {
        f.column: made.get(f.column, "NULL" if f.null else kinds.get(f.get_internal_type(), "n"))
        for f in fields
    }
    names = ", ".join(f'"{name}"' for name in values)
    return (
        f"INSERT INTO {apps.get_model(source.fact)._meta.db_table} ({names}) "
        f"SELECT {', '.join(values.values())} FROM generate_series(1, {FACTS}) n"
    )


def plan_of(sql: str, customers: Customers) -> str:
    """Return how the database would read a live pass over ``customers``."""
    word = "EXPLAIN (COSTS OFF)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    bound: dict[str, Any] = parameters(
        as_of=dialect.bind_moment(NOW), today=today(NOW).number, customers=customers
    )
    with transaction.atomic(), connection.cursor() as cursor, dialect.in_order(cursor):
        cursor.execute(f"{word} {sql}", bound)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def is_read_in_order(plan: str, source: Source) -> bool:
    """Say whether a plan reads a source's facts from its covering index alone, as they stand there."""
    index, table = INDEXES[source.code], apps.get_model(source.fact)._meta.db_table
    if connection.vendor == "sqlite":
        return f"SEARCH {table} USING COVERING INDEX {index} (customer_id" in plan
    sorts = [line for line in plan.split("\n") if "Sort Key" in line and f"{table}." in line]
    return f"Index Only Scan using {index} on {table}" in plan and not sorts and "Hash" not in plan


@pytest.mark.parametrize("code", INDEXES)
def test_pass_reads_a_shard_from_its_covering_index_in_order(code: str) -> None:
    source = sources()[code]
    customers = compute.between(1, SHARD)
    assert is_read_in_order(plan_of(source_pass(source, customers, mode="live"), customers), source)


@pytest.mark.parametrize("code", INDEXES)
def test_pass_reads_given_customers_from_its_covering_index(code: str) -> None:
    source, customers = sources()[code], compute.only(range(1, CUSTOMERS, 10))
    assert is_read_in_order(plan_of(source_pass(source, customers, mode="live"), customers), source)


def test_wide_rows_are_merged_in_order_of_customer() -> None:
    customers = compute.between(1, SHARD)
    plan = plan_of(wide_select(customers, mode="live"), customers)
    assert all(is_read_in_order(plan, source) for source in sources().values() if source.code not in FEW)


def test_without_its_index_a_pass_is_read_otherwise() -> None:
    source, customers = sources()["orders"], compute.between(1, SHARD)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX order_pass")
        assert not is_read_in_order(plan_of(source_pass(source, customers, mode="live"), customers), source)
        transaction.set_rollback(True)


def test_every_source_has_its_index_named_here() -> None:
    assert set(INDEXES) == set(sources()) - FEW


def test_lines_are_read_by_the_index_of_the_few_products_that_are_withdrawn() -> None:
    source, customers = sources()["products"], compute.between(1, SHARD)
    plan = plan_of(source_pass(source, customers, mode="live"), customers)
    if connection.vendor == "sqlite":
        assert "SEARCH customers_orderline USING INDEX customers_orderline_product_id" in plan
    else:
        assert "One-Time Filter" in plan  # nothing is read where no product is withdrawn
        assert "Index Scan using customers_orderline_product_id" in plan
        assert "Seq Scan on customers_orderline" not in plan


def test_lots_are_read_by_the_index_of_those_that_expire_soon() -> None:
    source, customers = sources()["expiring"], compute.between(1, SHARD)
    if (
        connection.vendor == "postgresql"
    ):  # a lot has an allocation or two: of an empty table the plan is by chance
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO loyalty_lotallocation (entry_id, lot_id, points) "
                f"SELECT n, n, -1 FROM generate_series(1, {FACTS}) n"
            )
            cursor.execute("ANALYZE loyalty_lotallocation")
    plan = plan_of(source_pass(source, customers, mode="live"), customers)
    if connection.vendor == "sqlite":
        assert "SEARCH l USING INDEX points_lot_customer (customer_id" in plan
        assert "SEARCH a USING INDEX lot_allocation_lot (lot_id=?)" in plan
    else:
        assert "Index Scan using points_lot_customer on loyalty_pointslot" in plan
        assert "Index Scan using lot_allocation_lot on loyalty_lotallocation" in plan
    assert "Seq Scan" not in plan and "SCAN l" not in plan

"""The SQL of one pass a source: which versions of the facts are visible, and what is made of them.

Live passes read the current rows. A pass as of a past moment reads, of each fact, the one version
that was known then (decision 2): current rows recorded before it, and earlier versions recorded
before it that had not yet been superseded. Either way a fact counts only when it occurred and was
recorded before the moment, and was not void. The rows of a ledger are never changed: both passes
read them alike.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.apps import apps

from customers.facts import TWINS
from customers.models import Customer, Order, Product, TouchedCustomer, UserActivity
from retention.measures import Measure, Source, aggregated, dialect, sources
from retention.models.measures import CustomerMeasures

Mode = Literal["live", "past"]


@dataclass(frozen=True)
class Customers:
    """Whom a pass is about: everyone, an id range (both ends included), or some ids."""

    low: int | None = None
    high: int | None = None
    ids: tuple[int, ...] | None = None

    def condition(self, column: str) -> str:
        """Return the SQL condition on a column that holds the customer's id."""
        if self.ids is not None:
            return dialect.among(column, "ids")
        if self.low is None:
            return "true"
        return f"{column} BETWEEN %(low)s AND %(high)s"

    def parameters(self) -> dict[str, Any]:
        """Return what the condition binds."""
        if self.ids is not None:
            return {"ids": dialect.bind_ids(self.ids)}
        return {} if self.low is None else {"low": self.low, "high": self.high}


EVERYONE = Customers()


def between(low: int, high: int) -> Customers:
    """Return the customers whose ids lie in a range, both ends included (a shard)."""
    return Customers(low=low, high=high)


def only(ids: Sequence[int]) -> Customers:
    """Return the customers with these ids."""
    return Customers(ids=tuple(sorted(set(ids))))


def known_before(source: str) -> str:
    """Return the recorded-time filter of a source: the company knew of the row before the moment."""
    return "recorded_at < %(as_of)s"


def not_yet_superseded(source: str) -> str:
    """Return the other half of the filter, for earlier versions: they still stood at the moment."""
    return "superseded_at >= %(as_of)s"


def visible_facts(source: Source, customers: Customers, *, mode: Mode) -> str:
    """Return a select of the source's visible rows: ``id``, ``customer_id`` and its columns."""
    model = apps.get_model(source.fact)
    columns = ", ".join(source.columns)
    stands = "" if source.is_ledger else "AND NOT void "
    conditions = (
        f"{known_before(source.code)} AND occurred_at < %(as_of)s {stands}"
        f"AND {customers.condition('customer_id')}"
    )
    current = f"SELECT id, customer_id, {columns} FROM {model._meta.db_table} WHERE {conditions}"
    if mode == "live" or source.is_ledger:
        return current
    twin = TWINS[model]._meta.db_table
    return (
        f"{current} UNION ALL SELECT fact_id, customer_id, {columns} FROM {twin} "
        f"WHERE {conditions} AND {not_yet_superseded(source.code)}"
    )


def latest_activity() -> str:
    """Return a select of ``user_id, is_active`` as last known before the moment (append-only)."""
    return (
        "SELECT user_id, is_active FROM (SELECT user_id, is_active,"
        " row_number() OVER (PARTITION BY user_id ORDER BY occurred_at DESC, id DESC) AS back"
        f" FROM {UserActivity._meta.db_table}"
        f" WHERE {known_before('activity')} AND occurred_at < %(as_of)s) a WHERE back = 1"
    )


def withdrawn_product(column: str) -> str:
    """Return the condition that a product was withdrawn, and known to be, before the moment.

    Nothing is read of the facts where no product is, which is first asked.
    """
    known = (
        f"FROM {Product._meta.db_table} p WHERE p.withdrawn_day <= %(today)s"
        f" AND p.withdrawn_known_at < %(as_of)s"
    )
    return f"(EXISTS (SELECT 1 {known}) AND {dialect.one_of(column, f'SELECT p.id {known}')})"


def source_pass(source: Source, customers: Customers, *, mode: Mode) -> str:
    """Return the select that gives every stored measure of one source, a row a customer."""
    rows = source.rows.replace("{facts}", visible_facts(source, customers, mode=mode)).replace(
        "{latest_activity}", latest_activity()
    )
    if "{orders}" in rows:
        orders = Source(source.code, "", Order._meta.label, ("status",))
        rows = rows.replace("{orders}", visible_facts(orders, customers, mode=mode))
    rows = rows.replace("{withdrawn}", withdrawn_product("product_id"))
    rows = rows.replace("{within}", customers.condition("customer_id"))
    aggregates = ", ".join(f"{m.aggregate} AS {m.code}" for m in _of(source))
    return f"SELECT customer_id, {aggregates} FROM ({rows}) s GROUP BY customer_id"


def wide_select(customers: Customers, *, mode: Mode, columns: Collection[str] | None = None) -> str:
    """Return the select of the whole wide table: one pass a source, joined in order of customer.

    With ``columns`` only these are given, and only their sources read.
    """
    wanted = [measure for measure in aggregated() if columns is None or measure.code in columns]
    needed = {measure.source for measure in wanted}
    joins = " ".join(
        f"LEFT JOIN ({source_pass(source, customers, mode=mode)}) {source.code}"
        f" ON {source.code}.customer_id = c.id"
        for source in sources().values()
        if source.code in needed
    )
    values = "".join(f', {_value(measure)} AS "{measure.code}"' for measure in wanted)
    moment = dialect.moment("%(as_of)s")
    return (
        f"SELECT c.id AS customer_id, {moment} AS as_of{values} FROM {Customer._meta.db_table} c {joins} "
        f"WHERE {customers.condition('c.id')} AND c.gone_at IS NULL ORDER BY c.id"
    )


def changes_select(rows: str, customers: Customers) -> str:
    """Return, of the rows of a live :func:`wide_select`, those that differ from what stands.

    Those of marked customers are among them in any case: who sweeps the marks goes by their ``as_of``.
    """
    wide, marks = CustomerMeasures._meta.db_table, TouchedCustomer._meta.db_table
    codes = [measure.code for measure in aggregated()]
    columns = ", ".join(f'"{code}"' for code in codes)
    differ = dialect.differ([f'n."{code}"' for code in codes], [f'w."{code}"' for code in codes])
    return (
        f"SELECT n.* FROM (SELECT customer_id, as_of, {columns} FROM ({rows}) r) n"
        f" LEFT JOIN {wide} w ON w.customer_id = n.customer_id AND {customers.condition('w.customer_id')}"
        f" WHERE w.customer_id IS NULL OR (w.as_of < n.as_of AND ({differ}"
        f" OR EXISTS (SELECT 1 FROM {marks} t WHERE t.customer_id = n.customer_id)))"
        " ORDER BY n.customer_id"
    )


def _value(measure: Measure) -> str:
    column = f"{measure.source}.{measure.code}"
    return column if measure.empty is None else f"coalesce({column}, {measure.empty})"


def _of(source: Source) -> list[Measure]:
    return [measure for measure in aggregated() if measure.source == source.code]


def parameters(*, as_of: Any, today: int, customers: Customers = EVERYONE) -> dict[str, Any]:
    """Return all that a pass binds: the moment, the local day, the edges of every window."""
    edges = {f"back_{n}": today - n for measure in aggregated() for n in measure.edges}
    return {"as_of": as_of, "today": today, **edges, **customers.parameters()}

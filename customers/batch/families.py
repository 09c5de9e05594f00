"""What of a customer's file follows from a batch: where it is, its parent, who left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from customers import addresses, groups, regions
from customers.batch import keeping
from customers.batch.keeping import Before
from customers.batch.landing import Row, State
from customers.batch.records import CustomerRecord, Reference, Refusal
from customers.batch.references import UnknownCustomer
from customers.models import Customer, ImportBatch


def wrong_parents(records: Sequence[CustomerRecord], ids: Mapping[Reference, int]) -> dict[int, Refusal]:
    """Return, by the place of the record, those whose parent is unknown, in a circle or too far up.

    ``ids`` are our numbers of the customers and parents that are known; a parent may also be a record of
    the same batch. Nobody else may change a parent until the end of the transaction.
    """
    named = {number: record for number, record in enumerate(records) if record.parent}
    if not named:
        return {}
    groups.hold()
    own = {record.external_id for record in records}
    wanted = {_node(record.external_id, ids): _node(record.parent, ids) for record in named.values()}  # type: ignore[arg-type]
    found = {}
    for number, record in named.items():
        parent = record.parent
        if parent not in ids and parent not in own:
            found[number] = Refusal(record, "parent", UnknownCustomer(name=parent))
        elif (why := _why_not(_node(record.external_id, ids), wanted, str(parent))) is not None:
            found[number] = Refusal(record, "parent", why)
    return found


def _node(name: Reference, ids: Mapping[Reference, int]) -> Reference:
    return ids.get(name, name)


def _why_not(
    start: Reference, wanted: Mapping[Reference, Reference], name: str
) -> groups.ParentInCircle | groups.GroupTooDeep | None:
    """Walk up from a customer over what shall stand, else over what stands."""
    here: Reference | None = start
    for _level in range(groups.MOST_LEVELS):
        if here is not None and here in wanted:
            here = wanted[here]
        elif isinstance(here, int):
            here = Customer.objects.filter(pk=here).values_list("parent_id", flat=True).first()
        else:
            here = None
        if here is None:
            return None
        if here == start:
            return groups.ParentInCircle(name=name)
    return groups.GroupTooDeep(most=groups.MOST_LEVELS)


def settle(
    records: Sequence[CustomerRecord],
    rows: Sequence[Row],
    ids: Mapping[Reference, int],
    *,
    batch: ImportBatch | None,
    at: datetime,
) -> None:
    """Give the customers of a batch their parents, and note who moved."""
    made = {record.external_id: row.obj.pk for record, row in zip(records, rows, strict=True)}
    since: dict[int, datetime] = {}
    moved, changed, before = [], [], []
    for record, row in zip(records, rows, strict=True):
        if record.parent:
            parent = ids.get(record.parent) or made.get(str(record.parent))
            if row.obj.parent_id != parent:
                if row.state is not State.CREATED:
                    stood = {"parent_id": row.obj.parent_id, "updated_at": row.obj.updated_at}
                    before.append(Before(row.obj, stood, at=at))
                row.obj.parent_id, row.obj.updated_at = parent, at
                changed.append(row)
        if not {"country", "region"} & set(record.values):
            continue
        if not regions.is_region(row.obj.country, row.obj.region):  # another country came without a region
            row.obj.region, row.obj.updated_at = "", at
            changed.append(row)
        moved.append(row.obj)
        if record.address_since is not None:
            since[row.obj.pk] = addresses.start_of(record.address_since)
    keeping.note_changed(before, batch=batch)
    if changed:
        pending: list[Any] = list({row.obj.pk: row.obj for row in changed}.values())
        Customer.objects.bulk_update(pending, ["parent", "region", "updated_at"], batch_size=200)
    for row in changed:
        if row.state is State.UNCHANGED:
            row.state = State.UPDATED
    if moved:
        addresses.follow(moved, since=since, batch=batch, at=at)

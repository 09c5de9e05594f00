"""Lists of customers: who is on them since when, as dated facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from customers import touched
from customers.company import current
from customers.ground import audit, events, localtime
from customers.models import CustomerList, CustomerListMember, ImportBatch, User
from customers.writing import InTheFuture, Moments

CHUNK = 2_000


def make(code: str, *, by: User | None, at: datetime) -> CustomerList:
    """Make an empty list; the caller sees to it that nothing else has the code."""
    made = CustomerList.objects.create(code=code, made_at=at)
    audit.record("list.make", obj=made, by=by, at=at, codes={"list": code})
    return made


def put(
    listed: CustomerList,
    customer_ids: Iterable[int],
    *,
    is_member: bool = True,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> int:
    """Put customers on the list from ``occurred_at`` (now) on, or take them off it; return how many changed.

    Who is (or is not) on it already at that moment stays as it is. Side effects: a dated row for each
    that changes, marks on them, event ``list.changed`` and audit
    ``list.put``.
    """
    occurred_at = occurred_at or at
    if occurred_at > at:
        raise InTheFuture()
    when = Moments(occurred_at, at)
    return put_many(listed, dict.fromkeys(customer_ids, (is_member, when)), by=by, at=at)


@transaction.atomic
def put_many(
    listed: CustomerList,
    wanted: Mapping[int, tuple[bool, Moments]],
    *,
    batch: ImportBatch | None = None,
    by: User | None,
    at: datetime,
) -> int:
    """Put each customer on the list or take it off from a moment of its own on; see :func:`put`."""
    CustomerList.objects.select_for_update(no_key=True).get(pk=listed.pk)  # one writer at a time
    ids, changed = sorted(wanted), 0
    for start in range(0, len(ids), CHUNK):
        changed += _put(listed, {pk: wanted[pk] for pk in ids[start : start + CHUNK]}, batch=batch, at=at)
    if changed:
        codes = {"list": listed.code, "customers": changed, "batch": batch.pk if batch else None}
        events.record("list.changed", customer_id=None, subject=listed, occurred_at=at, data={})
        audit.record("list.put", obj=listed, by=by, at=at, codes=codes)
    return changed


def _put(
    listed: CustomerList,
    wanted: Mapping[int, tuple[bool, Moments]],
    *,
    batch: ImportBatch | None,
    at: datetime,
) -> int:
    zone = current().time_zone
    standing: dict[int, list[tuple[datetime, bool]]] = {}
    rows = CustomerListMember.objects.filter(list=listed, customer__in=list(wanted), void=False)
    for customer, occurred_at, is_member in rows.order_by("occurred_at", "id").values_list(
        "customer_id", "occurred_at", "is_member"
    ):
        standing.setdefault(customer, []).append((occurred_at, is_member))
    new = [
        CustomerListMember(
            list=listed,
            customer_id=customer,
            is_member=is_member,
            occurred_at=when.occurred_at,
            occurred_day=localtime.day_number(when.occurred_at, zone),
            recorded_at=when.recorded_at,
            recorded_assumed=when.assumed,
            batch=batch,
        )
        for customer, (is_member, when) in wanted.items()
        if _was(standing.get(customer, []), when.occurred_at) != is_member
    ]
    CustomerListMember.objects.bulk_create(new)
    touched.mark([row.customer_id for row in new], at=at)
    return len(new)


def _was(rows: Iterable[tuple[datetime, bool]], moment: datetime) -> bool:
    """Say whether the customer was on the list at a moment; rows are in order."""
    found = False
    for occurred_at, is_member in rows:
        if occurred_at <= moment:
            found = is_member
    return found

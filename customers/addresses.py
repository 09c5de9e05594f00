"""Where a customer is, since when: moving is a dated fact, correcting a mistake is a version of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from customers import company, regions, touched, writing
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import Address, Customer, ImportBatch


class MovedBeforeThat(Refused):
    code = "moved_before_that"
    message = _(
        "The address that stands counts from %(day)s. Choose a later day, or say that it was a mistake."
    )


def moment_of(day: date | None, *, at: datetime) -> datetime:
    """Return the moment from which an address counts that was entered at ``at``."""
    if day is None:
        return at
    start = start_of(day)
    if start > at:
        raise writing.InTheFuture()
    return start


def start_of(day: date) -> datetime:
    """Return the moment at which a day begins for the company."""
    return localtime.start_of_day(day.toordinal(), company.current().time_zone)


def move(customer: Customer, *, since: date | None = None, corrects: bool = False, at: datetime) -> None:
    """Note where the customer's file now says that it is.

    Args:
        since: the day from which it counts, today when unknown; never in the future.
        corrects: nobody moved, the address was wrong: the newest fact gets a new version.

    Raises :class:`MovedBeforeThat` and ``InTheFuture``. Side effects: an ``Address``, the customer touched.
    """
    newest = _newest([customer.pk]).get(customer.pk)
    there = {
        "country": customer.country,
        "region": customer.region,
        "place": regions.place(customer.country, customer.region),
    }
    if newest is not None and (newest.country, newest.region) == (customer.country, customer.region):
        return
    if newest is not None and corrects:
        writing.revise(newest, at=max(at, newest.recorded_at), **there)
        return
    moment = moment_of(since, at=at)
    if newest is not None and moment <= newest.occurred_at:
        if since is not None:
            day = lazystr(date_format(localtime.day_of(newest.occurred_day), "DATE_FORMAT"))
            raise MovedBeforeThat(day=day)
        moment = at
    writing.write(Address, customer_id=customer.pk, when=writing.Moments(moment, at), **there)


def follow(
    customers: Iterable[Customer],
    *,
    since: Mapping[int, datetime] | None = None,
    batch: ImportBatch | None,
    at: datetime,
) -> int:
    """Note for many customers where their files now say that they are; return how many moved.

    ``since``: by customer, the moment from which it counts; what lies before the newest is ``at``.
    """
    known = {customer.pk: customer for customer in customers}
    newest = _newest(list(known))
    moved, day = [], company.today(at).number
    for pk, customer in known.items():
        stands = newest.get(pk)
        was = (stands.country, stands.region) if stands else ("", "")
        if was == (customer.country, customer.region):
            continue
        moment = (since or {}).get(pk, at)
        if moment > at or (stands and moment <= stands.occurred_at):
            moment = at
        moved.append(
            Address(
                customer=customer,
                country=customer.country,
                region=customer.region,
                place=regions.place(customer.country, customer.region),
                occurred_at=moment,
                occurred_day=day if moment == at else company.today(moment).number,
                recorded_at=at,
                batch=batch,
            )
        )
    Address.objects.bulk_create(moved)
    touched.mark([fact.customer_id for fact in moved], at=at)
    return len(moved)


def _newest(customer_ids: list[int]) -> dict[int, Address]:
    facts = Address.objects.filter(customer_id__in=customer_ids, void=False)
    return {fact.customer_id: fact for fact in facts.order_by("occurred_at", "pk")}

"""Losing the main contact: leaving and following are dated facts, kept from what the contacts say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from customers import company, touched, writing
from customers.ground import localtime
from customers.models import Contact, ImportBatch, MainContactChange

LEFT, FOLLOWED = MainContactChange.Kind.LEFT, MainContactChange.Kind.FOLLOWED


def follow(customer_ids: Iterable[int], *, batch: ImportBatch | None = None, at: datetime) -> None:
    """Bring the facts of these customers in line with their contacts; what fits already stays.

    A main contact with a day of leaving left on that day; without one any more, she never did. Another
    main contact who is there after that followed at ``at``. Side effects: ``MainContactChange`` facts,
    customers touched.
    """
    ids = sorted(set(customer_ids))
    facts = MainContactChange.objects.filter(customer_id__in=ids, void=False)
    told = list(facts.order_by("occurred_at", "pk"))
    leavings = {fact.contact_id: fact for fact in told if fact.kind == LEFT}
    people = Contact.objects.filter(customer_id__in=ids)
    people = people.filter(is_main=True, left_on__isnull=False) | people.filter(pk__in=leavings)
    zone = company.current().time_zone
    new = []
    for person in people:
        fact = leavings.get(person.pk)
        if person.left_on is None:
            if fact is not None:
                writing.void(fact, at=max(at, fact.recorded_at))
            continue
        moment = localtime.start_of_day(person.left_on.toordinal(), zone)
        if fact is not None:
            if fact.occurred_at != moment:
                writing.revise(fact, at=max(at, fact.recorded_at), occurred_at=moment)
        elif person.is_main:
            new.append(_fact(person, LEFT, moment, batch=batch, at=at))
    MainContactChange.objects.bulk_create(new)
    new += _followers(ids, batch=batch, at=at)
    touched.mark({fact.customer_id for fact in new}, at=at)


def _followers(
    customer_ids: list[int], *, batch: ImportBatch | None, at: datetime
) -> list[MainContactChange]:
    """Note who followed a main contact who left; return the facts."""
    facts = MainContactChange.objects.filter(customer_id__in=customer_ids, void=False)
    newest = {fact.customer_id: fact for fact in facts.order_by("occurred_at", "pk")}
    gone = {pk: fact for pk, fact in newest.items() if fact.kind == LEFT}
    here = Contact.objects.filter(customer_id__in=gone, is_main=True, left_on=None)
    new = [
        _fact(person, FOLLOWED, max(at, gone[person.customer_id].occurred_at), batch=batch, at=at)
        for person in here
        if gone[person.customer_id].contact_id != person.pk
    ]
    MainContactChange.objects.bulk_create(new)
    return new


def _fact(
    person: Contact, kind: str, moment: datetime, *, batch: ImportBatch | None, at: datetime
) -> MainContactChange:
    return MainContactChange(
        customer_id=person.customer_id,
        contact=person,
        kind=kind,
        occurred_at=moment,
        occurred_day=company.today(moment).number,
        recorded_at=at,
        batch=batch,
    )

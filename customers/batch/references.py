"""Whom and what records mean by the names of their source, and how their facts shall stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import stubs
from customers.batch import inserting
from customers.batch.landing import Row, State, Wanted, find_refs
from customers.batch.records import FactRecord, Landed, Reference, Refusal
from customers.erasure.names import WasErased, erased
from customers.ground import drain, localtime
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Team, TouchedCustomer, User

Names = Iterable[Reference | None]
_PERSONS: dict[str, Any] = {"customer": Customer, "contact": Contact}


class UnknownCustomer(Refused):
    code = "unknown_customer"
    message = _(
        "There is no customer “%(name)s”. Import the customer first, or let missing customers be created."
    )


class NoCustomer(Refused):
    code = "no_customer"
    message = _("The line names no customer. Write the customer's id.")


class UnknownContact(Refused):
    code = "unknown_contact"
    message = _("The customer has no contact “%(name)s”. Import the contact first.")


class UnknownOrder(Refused):
    code = "unknown_order"
    message = _("The customer has no order “%(name)s”. Import the order first.")


class UnknownUser(Refused):
    code = "unknown_user"
    message = _("There is no colleague “%(name)s”. Write a user name or e-mail address of this system.")


class UnknownTeam(Refused):
    code = "unknown_team"
    message = _("There is no team “%(name)s”. Make the team first.")


class UnknownAttribute(Refused):
    code = "unknown_attribute"
    message = _("There is no attribute “%(name)s”.")


class ContactMoved(Refused):
    code = "contact_moved"
    message = _("The contact “%(name)s” belongs to another customer already. Give it an id of its own.")


class Numbers(dict[Reference, int]):
    """Our number of each record named; ``erased`` has those who were erased, and since when."""

    erased: dict[Reference, datetime]


def numbers_of(kind: str, names: Names, *, source: str) -> Numbers:
    """Return our number of each record named; a number stands for itself. Nobody erased is among them.

    Customers are held against merging to the end of the transaction; one that was merged away is the one
    that it went into.
    """
    listed = [name for name in names if name not in (None, "")]
    found = Numbers({name: name for name in listed if isinstance(name, int)})
    texts = {name for name in listed if isinstance(name, str)}
    refs = find_refs(kind, texts, source=source)
    found.erased = dict(erased(kind, texts - refs.keys(), source=source).items())
    if found and (model := _PERSONS.get(kind)) is not None:
        gone = model._default_manager.filter(pk__in=list(found), erased_at__isnull=False)
        found.erased.update(gone.values_list("pk", "erased_at"))
    for name in found.erased:
        found.pop(name, None)
    found.update(refs)
    if kind == "customer":
        now = stubs.resolved(found.values())
        found.update({name: now[pk] for name, pk in found.items()})
    return found


def without_erased(kind: str, records: Sequence[Any], landed: Landed, *, source: str) -> list[Any]:
    """Return the records of people whom nobody erased; refuse the others in ``landed``."""
    gone = erased(kind, (record.external_id for record in records), source=source)
    for record in records:
        if record.external_id in gone:
            reason = WasErased(name=record.external_id, at=gone[record.external_id])
            landed.refused.append(Refusal(record, "external_id", reason))
    return [record for record in records if record.external_id not in gone]


def users_named(names: Names) -> dict[Reference, User]:
    """Return the users that have one of the names: user name, e-mail address or number."""
    listed = {name for name in names if name not in (None, "")}
    if not listed:
        return {}
    texts = [name for name in listed if isinstance(name, str)]
    numbers = [name for name in listed if isinstance(name, int)]
    found: dict[Reference, User] = {}
    for user in [*User.objects.filter(email__in=texts), *User.objects.filter(username__in=texts)]:
        found.update({name: user for name in (user.email, user.username) if name in listed})
    found.update(User.objects.in_bulk(numbers).items() if numbers else ())
    return found


def wanted_fact(record: FactRecord, customer_id: int, *, zone: str, **fields: Any) -> Wanted:
    """Return how the fact of a record shall stand; ``zone`` is the company's."""
    if record.void is not None:
        fields["void"] = record.void
    return Wanted(
        record.external_id,
        {
            "customer_id": customer_id,
            "occurred_at": record.occurred_at,
            "occurred_day": localtime.day_number(record.occurred_at, zone),
            **record.values,
            **fields,
        },
        recorded_at=record.recorded_at,
        recorded_assumed=record.recorded_assumed,
    )


def mark_changed(rows: Iterable[Row], *, at: datetime) -> None:
    """Mark the customers of rows that were created or updated, and those that rows left."""
    changed = [row for row in rows if row.state is not State.UNCHANGED]
    customers = {row.obj.customer_id for row in changed} | {row.left for row in changed if row.left}
    mark(customers, at=at)


def mark(customers: Iterable[int], *, at: datetime) -> None:
    """Mark many customers as touched."""
    moment = inserting.moment_text(at)
    rows = [(pk, moment, "") for pk in sorted(set(customers))]
    inserting.insert(TouchedCustomer, ("customer_id", "recorded_at", "lease_token"), rows)
    if rows:
        transaction.on_commit(drain.wake)


def known(records: Sequence[Any], ids: Numbers, landed: Landed) -> list[Any]:
    """Return the records whose customer is known; refuse the others in ``landed``."""
    kept = []
    for record in records:
        if record.customer in ids:
            kept.append(record)
        elif record.customer in ("", None):
            landed.refused.append(Refusal(record, "customer", NoCustomer()))
        elif record.customer in ids.erased:
            reason: Refused = WasErased(name=record.customer, at=ids.erased[record.customer])
            landed.refused.append(Refusal(record, "customer", reason))
        else:
            landed.refused.append(Refusal(record, "customer", UnknownCustomer(name=record.customer)))
    return kept


def teams_named(names: Names) -> dict[Reference, Team]:
    listed = {name for name in names if name not in (None, "")}
    if not listed:
        return {}
    texts = [name for name in listed if isinstance(name, str)]
    numbers = [name for name in listed if isinstance(name, int)]
    found: dict[Reference, Team] = {team.name: team for team in Team.objects.filter(name__in=texts)}
    found.update(Team.objects.in_bulk(numbers).items() if numbers else ())
    return found

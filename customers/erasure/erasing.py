"""Erasing a person: keys destroyed, names and words blanked, facts left under a number (decision 16)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, movers
from customers.erasure import files, log, names
from customers.ground import audit, events, outbox, sealed
from customers.ground.api import idempotency
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.ground.models import OutboxRow
from customers.models import Contact, Customer, ErasureReceipt, ExternalRef, User
from customers.search import index

Person = Contact | Customer
Reason = ErasureReceipt.Reason
ENDING = "customers.erasure_ended"
DERIVED = {"customers.SearchToken"}  # made anew of what is left


class NoSuchPerson(Refused):
    code = "no_such_person"
    message = _(
        "There is no %(kind)s “%(ref)s”. Write our number (%(kind)s:12) or the id of a source (crm:C-1001)."
    )


class ConfirmationWrong(Refused):
    code = "confirmation_wrong"
    message = _("To confirm, write “%(name)s” exactly as it stands here.")


def find(kind: str, ref: str) -> Any:
    """Return the contact or customer called ``ref``: ``contact:12``, or a source and its id, ``crm:K-7``.

    Raises :class:`NoSuchPerson`.
    """
    model = {"contact": Contact, "customer": Customer}[kind]
    source, _colon, name = ref.partition(":")
    if source == kind and name.isdecimal() and len(name) < 19:
        row = model._default_manager.filter(pk=int(name)).first()
    else:
        known = ExternalRef.objects.filter(source=source, kind=kind, external_id=name)
        row = model._default_manager.filter(pk__in=known.values("object_id")).first()
    if row is None:
        raise NoSuchPerson(kind=kind, ref=ref)
    return row


def confirmed(person: Person, *, typed: str) -> None:
    """Raise :class:`ConfirmationWrong` unless somebody wrote the person's name, letter by letter."""
    if typed.strip() != person.name:
        raise ConfirmationWrong(name=person.name)


def erase_person(contact: Contact, *, reason: str, by: User | None, at: datetime) -> ErasureReceipt:
    """Erase a contact; the main contact of a private customer is that customer, so it goes with her.

    Facts stay, with numbers and moments only. Returns the receipt, that of the first time when there is
    nothing left to erase. Side effects: see :func:`erase_customer`.
    """
    customer = contact.customer
    if contact.is_main and customer.kind == Customer.Kind.PERSON:
        return _erase(contact, _all_of(customer), reason=reason, by=by, at=at)
    return _erase(contact, [("contact", contact.pk)], reason=reason, by=by, at=at)


def erase_customer(customer: Customer, *, reason: str, by: User | None, at: datetime) -> ErasureReceipt:
    """Erase a customer with all of its contacts; its facts stay under a number, so that sums hold.

    One transaction: all of it or nothing. Side effects: every eraser, sealed values and their keys
    destroyed, kept answers of the API emptied, the ids of other systems refused from now on; a receipt;
    event ``person.erased``, audit ``person.erase``; after the commit a line in the log outside the
    database, and the person's lines and files below ``MEDIA_ROOT`` go.
    """
    return _erase(customer, _all_of(customer), reason=reason, by=by, at=at)


def finish(receipt: ErasureReceipt, *, at: datetime) -> None:
    """Do now what comes after an erasure (files, log), where no worker may be at hand."""
    waiting = OutboxRow.objects.filter(dedupe_key=f"erasure:{receipt.number}", done_at__isnull=True)
    while waiting.filter(dead_at__isnull=True, lease_until__isnull=True).exists():
        if not outbox.drain(at=at):
            return


def erase_again(
    person: Person, *, number: str, reason: str, erased_at: datetime, at: datetime
) -> ErasureReceipt:
    """Erase somebody whom a restored backup brought back, under the receipt of the first time."""
    people = _all_of(person) if isinstance(person, Customer) else _people_of(person)
    return _erase(person, people, reason=reason, by=None, at=at, number=number, erased_at=erased_at)


def _people_of(contact: Contact) -> list[tuple[str, int]]:
    if contact.is_main and contact.customer.kind == Customer.Kind.PERSON:
        return _all_of(contact.customer)
    return [("contact", contact.pk)]


def _all_of(customer: Customer) -> list[tuple[str, int]]:
    contacts = customer.contacts.order_by("pk").values_list("pk", flat=True)
    return [*(("contact", pk) for pk in contacts), ("customer", customer.pk)]


def _erase(
    person: Person,
    people: Sequence[tuple[str, int]],
    *,
    reason: str,
    by: User | None,
    at: datetime,
    number: str = "",
    erased_at: datetime | None = None,
) -> ErasureReceipt:
    kind = person._meta.model_name or ""
    customer_id = person.pk if isinstance(person, Customer) else person.customer_id
    words = files.words_of(people)
    found = files.holding(words)  # slow, and read only: before anything is locked
    with transaction.atomic():
        list(Customer.objects.select_for_update().filter(pk=customer_id).values_list("pk"))
        made = _records_of(people)
        found += files.attached(people)
        hashed = [name for who, pk in people for name in names.of_refs(who, [pk])]
        counts = _blank(people)
        for ending in movers.endings():
            ending(at)
        counts["customers.ImportBatch"] = files.forget(words)
        index.write([customer_id])
        before = ErasureReceipt.objects.filter(person=kind, object_id=person.pk).first()
        if not (+counts).keys() - DERIVED and before is not None and not number:
            return before
        counts["files"] = files.count(found)
        _mark(people, at=erased_at or at)
        names.remember(hashed, at=erased_at or at)
        receipt = ErasureReceipt.objects.create(
            number=number or _number(at),
            person=kind,
            object_id=person.pk,
            reason=Reason(reason),
            counts={name: rows for name, rows in sorted(counts.items()) if rows},
            names=len(hashed),
            by=by,
            at=erased_at or at,
            is_replay=bool(number),
        )
        said: dict[str, Any] = {"customer_id": customer_id}
        events.record("person.erased", subject=person, occurred_at=at, data={"receipt": receipt.pk}, **said)
        codes = {"receipt": receipt.number, "reason": receipt.reason}
        audit.record("person.erase", obj=person, by=by, at=at, codes=codes, **said)
        line = {
            "book": log.book(),
            "receipt": receipt.number,
            "person": kind,
            "id": person.pk,
            "reason": receipt.reason,
            "at": receipt.at.isoformat(),
            "people": made,
            "names": hashed,
        }
        outbox.add(
            ENDING, due_at=at, dedupe_key=f"erasure:{receipt.number}", payload={"line": line, "files": found}
        )
        transaction.on_commit(lambda: log.append(line), robust=True)  # the outbox makes it up
    person.refresh_from_db()
    return receipt


def _blank(people: Sequence[tuple[str, int]]) -> Counter[str]:
    """Do to every table what it declared; return how many rows of each were changed."""
    counts: Counter[str] = Counter()
    for kind, pk in people:
        for model, erase in movers.erasers().items():
            if rows := erase(kind, pk):
                counts[model._meta.label] += rows
        if rows := sealed.destroy(f"{kind}:{pk}"):
            counts["ground.SealedValue"] += rows
    if counts and (rows := idempotency.empty_answers()):
        counts["ground.ApiAnswer"] += rows
    return counts


def _records_of(people: Sequence[tuple[str, int]]) -> list[list[Any]]:
    """Return who it is in a way that a restored database can be asked: kind, number, moment of creation."""
    contacts = dict(
        Contact.objects.filter(pk__in=[pk for kind, pk in people if kind == "contact"]).values_list(
            "pk", "created_at"
        )
    )
    customers = dict(
        Customer.objects.filter(pk__in=[pk for kind, pk in people if kind == "customer"]).values_list(
            "pk", "created_at"
        )
    )
    made = {"contact": contacts, "customer": customers}
    return [[kind, pk, made[kind][pk].isoformat()] for kind, pk in people]


def _mark(people: Sequence[tuple[str, int]], *, at: datetime) -> None:
    for model, kind in ((Contact, "contact"), (Customer, "customer")):
        rows = model._default_manager.filter(pk__in=[pk for who, pk in people if who == kind])
        rows.filter(erased_at__isnull=True).update(erased_at=at)
        rows.update(updated_at=at)  # whoever edits an older copy is told


def _number(at: datetime) -> str:
    """Return the number of a receipt; drawn, because a restored database would count anew."""
    return f"{day_of(company.today(at).number):%Y%m%d}-{secrets.token_hex(4).upper()}"

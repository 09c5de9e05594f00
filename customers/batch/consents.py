"""Landing what people agreed to: statements that are never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers import consents
from customers.batch import references
from customers.batch.landing import add_refs, find_refs, in_chunks
from customers.batch.records import ConsentRecord, Landed, Reference, Refusal
from customers.erasure.names import WasErased
from customers.ground.errors import Refused
from customers.models import Consent, ConsentText, Contact, ImportBatch, Purpose

Statement = tuple[int, str, str, bool, datetime, int | None]


class ConsentFixed(Refused):
    code = "consent_fixed"
    message = _(
        "The consent “%(name)s” was recorded with another content. What somebody said is never changed: "
        "give the new statement an id of its own."
    )


class UnknownText(Refused):
    code = "unknown_consent_text"
    message = _(
        "There is no consent text “%(name)s”. Add it under Settings, Privacy, or leave the cell empty."
    )


def upsert_consents(
    records: Iterable[ConsentRecord], *, source: str, batch: ImportBatch | None, at: datetime
) -> Landed:
    """Record statements of contacts (a customer's main contact, if none is named).

    A statement that is known already stays; one of the same id that says something else is refused.
    Profiling taken back is an objection from its landing on.
    """

    def land(chunk: list[ConsentRecord]) -> Landed:
        landed = Landed()
        ids = references.numbers_of("customer", (record.customer for record in chunk), source=source)
        known = references.known(chunk, ids, landed)
        contacts, gone = _contacts(known, ids, source=source)
        texts = {str(text): text for text in ConsentText.objects.all()}
        present = find_refs("consent", (record.external_id for record in known), source=source)
        stored = Consent.objects.in_bulk(list(present.values()))
        new: list[tuple[str, Consent]] = []
        for record in known:
            contact_id = contacts.get(record.external_id)
            if record.contact in gone:
                erased: Refused = WasErased(name=record.contact, at=gone[record.contact])
                landed.refused.append(Refusal(record, "contact", erased))
                continue
            if contact_id is None:
                reason: Refused = references.UnknownContact(name=record.contact or record.customer)
                landed.refused.append(Refusal(record, "contact", reason))
                continue
            if record.text and record.text not in texts:
                landed.refused.append(Refusal(record, "text", UnknownText(name=record.text)))
                continue
            text = texts.get(record.text)
            said = _statement(record, contact_id, text.pk if text else None)
            old = stored.get(present.get(record.external_id, 0))
            if old is None:
                new.append((record.external_id, _row(record, said, batch=batch)))
            elif _said(old) == said:
                landed.unchanged += 1
            else:
                landed.refused.append(Refusal(record, "external_id", ConsentFixed(name=record.external_id)))
        rows = Consent.objects.bulk_create([row for _name, row in new])
        add_refs("consent", ((name, row.pk) for name, row in new), source=source)
        landed.created += len(rows)
        _follow_profiling(rows, at=at)
        return landed

    return in_chunks(records, land)


def _contacts(
    records: Sequence[ConsentRecord], ids: Mapping[Reference, int], *, source: str
) -> tuple[dict[str, int], Mapping[Any, datetime]]:
    """Return the contact that each record means, by the record's id; none of another
    customer's; and the contacts who were erased, since when.
    """
    named = references.numbers_of("contact", (record.contact for record in records), source=source)
    customers = {ids[record.customer] for record in records}
    holders = dict(Contact.objects.filter(pk__in=named.values()).values_list("pk", "customer_id"))
    main = dict(Contact.objects.filter(customer__in=customers, is_main=True).values_list("customer_id", "pk"))
    found: dict[str, int] = {}
    for record in records:
        customer_id = ids[record.customer]
        pk = main.get(customer_id) if not record.contact else named.get(record.contact)
        if pk is not None and (not record.contact or holders.get(pk) == customer_id):
            found[record.external_id] = pk
    return found, named.erased


def _statement(record: ConsentRecord, contact_id: int, text_id: int | None) -> Statement:
    channel = "" if record.purpose == Purpose.PROFILING else record.channel
    return contact_id, record.purpose, channel, record.is_given, record.occurred_at, text_id


def _said(row: Consent) -> Statement:
    return row.contact_id, row.purpose, row.channel, row.is_given, row.occurred_at, row.text_id


def _row(record: ConsentRecord, said: Statement, *, batch: ImportBatch | None) -> Consent:
    contact_id, purpose, channel, is_given, occurred_at, text_id = said
    return Consent(
        contact_id=contact_id,
        purpose=purpose,
        channel=channel,
        is_given=is_given,
        source=Consent.Source.IMPORT,
        text_id=text_id,
        occurred_at=occurred_at,
        recorded_at=record.recorded_at,
        batch=batch,
    )


def _follow_profiling(rows: Sequence[Consent], *, at: datetime) -> None:
    """Let what was said of profiling count: one by one, since few say anything of it."""
    about = {row.contact_id: row for row in rows if row.purpose == Purpose.PROFILING}
    for contact in (
        Contact.objects.filter(pk__in=about).select_related("customer").order_by("customer_id", "pk")
    ):
        row = about[contact.pk]
        consents.follow_profiling(contact, source=row.source, by=None, at=at)

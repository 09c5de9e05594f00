"""What customers need, prefer and dislike: noted when learnt, withdrawn when no longer true."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import addresses, writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Need, User


class NeedWithoutText(Refused):
    code = "need_without_text"
    message = _("Write what exactly the customer needs or prefers.")


def note_need(
    customer: Customer,
    *,
    kind: str,
    topic: str,
    source: str,
    text: str,
    contact: Contact | None = None,
    learnt_on: date | None = None,
    by: User | None,
    at: datetime,
) -> Need:
    """Note something that the customer, or one contact, needs, prefers or dislikes.

    ``learnt_on`` is the day since which it is so, today unless said; never in the future. Raises
    :class:`NeedWithoutText` and ``InTheFuture``. Side effects: event ``need.noted``, audit ``need.note``.
    """
    if not text.strip():
        raise NeedWithoutText()
    with transaction.atomic():
        need = writing.write(
            Need,
            customer_id=customer.pk,
            when=writing.Moments(addresses.moment_of(learnt_on, at=at), at),
            kind=Need.Kind(kind),
            topic=Need.Topic(topic),
            source=Need.Source(source),
            contact=contact,
            text=text.strip(),
        )
        codes = {"kind": need.kind, "topic": need.topic}
        events.record(
            "need.noted", customer_id=customer.pk, subject=need, occurred_at=need.occurred_at, data=codes
        )
        audit.record("need.note", obj=need, by=by, at=at, customer_id=customer.pk, codes=codes)
    return need


def withdraw_need(need: Need, *, by: User | None, at: datetime) -> Need:
    """Note that it is no longer so, from ``at`` on. Side effects: audit ``need.withdraw``."""
    if need.void:
        return need
    with transaction.atomic():
        writing.void(need, at=max(at, need.recorded_at))
        audit.record("need.withdraw", obj=need, by=by, at=at, customer_id=need.customer_id)
    return need

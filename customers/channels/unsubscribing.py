"""Taking consent back by a link in a mail (RFC 8058) or by a word in a reply."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from customers import consents
from customers.models import Consent, Contact, Message, Purpose, UnsubscribeLink

LASTS = timedelta(days=2 * 365)
PURPOSES = (Purpose.SURVEY, Purpose.OFFER, Purpose.CARE)
WORDS = frozenset({"退订", "退訂", "td", "拒收", "stop", "unsubscribe"})


def link_for(message: Message, *, now: datetime) -> str:
    """Make a link for the contact and channel of ``message`` and return its address.

    Args:
        now: the real time.
    """
    secret = secrets.token_urlsafe(32)
    UnsubscribeLink.objects.create(
        customer_id=message.customer_id,
        contact_id=message.contact_id,
        channel=message.channel,
        secret_hash=_hash(secret),
        expires_at=now + LASTS,
    )
    return settings.PUBLIC_BASE_URL + reverse("customers:unsubscribe", args=[secret])


def find(secret: str, *, now: datetime) -> UnsubscribeLink | None:
    """Return the link that opens with ``secret``, or nothing."""
    live = UnsubscribeLink.objects.filter(secret_hash=_hash(secret), expires_at__gt=now)
    return live.filter(contact__erased_at=None).select_related("contact__customer").first()


def withdraw(contact: Contact, *, channel: str, source: str, at: datetime) -> list[Consent]:
    """Take back surveys, offers and care by a channel; service stays.

    Does nothing where all three are taken back already. Side effects: those of ``record_consent``.
    """
    known = consents.states([contact.pk])[contact.pk]
    left = [one for one in PURPOSES if (said := known.get((one, channel))) is None or said.is_given]
    if not left:
        return []
    return consents.record_consent(
        contact, purposes=left, channels=[channel], is_given=False, source=source, by=None, at=at
    )


def is_opt_out(text: str) -> bool:
    """Say whether a reply is one of the words that end messages, whatever its width, case or punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    while plain and not plain[0].isalnum():
        plain = plain[1:]
    while plain and not plain[-1].isalnum():
        plain = plain[:-1]
    return plain in WORDS


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

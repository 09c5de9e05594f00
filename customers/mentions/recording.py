"""One mention: recorded by hand or by program, its sentiment corrected, removed when entered wrongly."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.mentions import landing
from customers.mentions.landing import MentionRecord
from customers.mentions.matching import MentionRefused, locked, match_mention
from customers.models import Aspect, Contact, Customer, Mention, TextReading, User
from customers.text import correct_reading, read_soon

MOST_OF_TEXT = 20_000
MOST_STARS = Decimal(5)
_SCHEMES = ["http", "https"]


class NothingSaid(Refused):
    code = "mention_empty"
    message = _("A mention needs a text or stars.")


class StarsRefused(Refused):
    code = "mention_stars"
    message = _("Stars are a number from 0 to 5.")


class AddressRefused(Refused):
    code = "mention_url"
    message = _("Write an address that begins with https:// or http://, at most 1,000 letters long.")


def check(*, text: str, rating: Decimal | None, url: str) -> None:
    """Raise :class:`NothingSaid`, :class:`StarsRefused` or :class:`AddressRefused` for what is no mention."""
    if not text.strip() and rating is None:
        raise NothingSaid()
    if rating is not None and not 0 <= rating <= MOST_STARS:
        raise StarsRefused()
    if url and not is_address(url):
        raise AddressRefused()


def is_address(url: str) -> bool:
    """Say whether a text is the address of a web page."""
    try:
        URLValidator(schemes=_SCHEMES)(url)
    except ValidationError:
        return False
    return len(url) <= 1000


def record_mention(
    *,
    platform: str,
    external_id: str = "",
    handle: str = "",
    url: str = "",
    text: str = "",
    rating: Decimal | None = None,
    customer: Customer | None = None,
    contact: Contact | None = None,
    source: str = "form",
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Mention:
    """Record a public post or review; the same one again changes nothing, an edit of it is a version.

    What is not given of a known one stays as it is; one that was removed counts again.

    Args:
        external_id: the platform's id; the address when there is none.
        handle: the author's name on the platform. ``rating``: of five stars.
        customer, contact: whose it is; without them it is matched by the name, or kept open.
        occurred_at: when it was posted.

    Raises :class:`NothingSaid`, :class:`StarsRefused`, :class:`AddressRefused`, ``InTheFuture``,
    ``MentionErased``, :class:`MentionRefused` for one of a customer whom ``by`` does not see. Side effects:
    those of ``landing.upsert_mentions``, audit ``mention.record``; its text is read within seconds.
    """
    url, text = url.strip(), text.strip()[:MOST_OF_TEXT]
    check(text=text, rating=rating, url=url)
    if contact is not None and (customer is None or contact.customer_id != customer.pk):
        raise MentionRefused(_("That contact belongs to another customer."))
    when = writing.moments(at=at, occurred_at=occurred_at)
    name = landing.name_of(external_id.strip() or url)
    _refuse_hidden(platform, name, by=by)
    said = {"handle": handle, "url": url, "text": text, "rating": rating}
    record = MentionRecord(
        external_id=name,
        platform=Mention.Platform(platform),
        occurred_at=when.occurred_at if occurred_at is not None else None,
        recorded_at=when.recorded_at,
        values={name: value for name, value in said.items() if value not in ("", None)},
        customer=customer.pk if customer is not None else None,
        contact=contact.pk if contact is not None else None,
    )
    with transaction.atomic():
        landed = landing.upsert_mentions([record], source=source, revives=True, at=at)
        if landed.refused:
            raise landed.refused[0].reason
        mention = Mention.objects.get(pk=record.pk)
        if customer is not None and mention.customer_id is None:
            mention = match_mention(mention, customer=customer, contact=contact, by=by, at=at)
        if landed.created or landed.updated:
            audit.record("mention.record", obj=mention, by=by, at=at, customer_id=mention.customer_id)
            read_soon(mention, at=at)
    return mention


def _refuse_hidden(platform: str, external_id: str, *, by: User | None) -> None:
    """Refuse to change, or tell whose it is, what a colleague's customer wrote."""
    known = Mention.objects.filter(platform=platform, external_id=external_id)
    if by is None or not external_id or not known.exists():
        return
    if not known.visible_to(by).exists():  # type: ignore[attr-defined]
        raise MentionRefused(_("This post is known already, as that of a customer whom you do not see."))


def correct_sentiment(mention: Mention, *, sentiment: str, by: User | None, at: datetime) -> Mention:
    """Say whether a mention is content with us; this stands above stars and text, and the reader learns it.

    Raises :class:`MentionRefused` for a removed one. Side effects: a mark on the customer, event
    ``mention.judged`` when it turns negative or is it no more, audit ``mention.correct``.
    """
    wanted = Mention.Sentiment(sentiment)
    with transaction.atomic():
        mention = locked(mention)
        if mention.void:
            raise MentionRefused(_("This mention was removed. Enter it again if it counts."))
        was = mention.sentiment
        if (was, mention.judged) == (wanted, Mention.Judged.PERSON):
            return mention
        mention = writing.revise(mention, at=at, sentiment=wanted, judged=Mention.Judged.PERSON)
        if (was == landing.NEGATIVE) != (wanted == landing.NEGATIVE):
            events.record_many([landing.told("mention.judged", mention, at=at)])
        codes = {"sentiment": wanted.value, "before": was}
        audit.record(
            "mention.correct", obj=mention, by=by, at=at, customer_id=mention.customer_id, codes=codes
        )
        _teach(mention, wanted, by=by, at=at)
    return mention


def remove_mention(mention: Mention, *, by: User | None, at: datetime) -> Mention:
    """Remove a mention that was entered wrongly: from ``at`` on it counts no more.

    Side effects: a mark on the customer, event ``mention.removed``, audit ``mention.remove``; nothing when it
    is removed already.
    """
    with transaction.atomic():
        mention = locked(mention)
        if not mention.void:
            mention = writing.void(mention, at=at)
            events.record_many([landing.told("mention.removed", mention, at=at)])
            audit.record("mention.remove", obj=mention, by=by, at=at, customer_id=mention.customer_id)
    return mention


def _teach(mention: Mention, wanted: Mention.Sentiment, *, by: User | None, at: datetime) -> None:
    """Let the reader of texts learn what a colleague said, if the text was read already."""
    reading = TextReading.objects.filter(
        subject_kind="mention", subject_id=mention.pk, aspect=Aspect.SENTIMENT
    ).first()
    if reading is not None:
        code = "" if wanted == Mention.Sentiment.UNSURE else wanted.value
        correct_reading(reading, code=code, by=by, at=at)

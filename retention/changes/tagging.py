"""A crisis gathers what is said about it: new complaints and mentions are tagged while it is open."""

from __future__ import annotations

import re
from datetime import datetime

from customers.ground import events, outbox
from customers.ground.models import OutboxRow
from customers.models import Complaint, Mention, OrderLine
from retention.models import BusinessChange, ChangeTag

_SPACED = r"0-9a-z\u00aa-\u052f"
"""Digits and the small letters of Latin, Greek and Cyrillic: words of these are set apart by spaces."""
COMPLAINT, MENTION = "retention.change_tags_complaint", "retention.change_tags_mention"


def subscribe() -> None:
    """Look at what comes in (called once, when the app is ready)."""
    events.subscribe("complaint.filed", COMPLAINT)
    events.subscribe("mention.recorded", MENTION)


@outbox.handler(COMPLAINT)
def tag_complaint(row: OutboxRow, at: datetime) -> None:
    """Tag a new complaint with the open crises that it is about: by its product or order, or by its words."""
    event = row.event
    if event is None or event.data.get("history"):
        return
    crises = _open()
    if not crises:
        return
    complaint = Complaint.objects.filter(pk=event.subject_id, void=False).first()
    if complaint is None:
        return
    products = {complaint.product_id} if complaint.product_id else set()
    if complaint.order_id:
        lines = OrderLine.objects.filter(order=complaint.order_id, void=False, product__isnull=False)
        products |= set(lines.values_list("product_id", flat=True))
    _tag(
        [one for one in crises if products & _products(one) or _says(one, complaint.text)],
        complaint=complaint,
        at=at,
    )


@outbox.handler(MENTION)
def tag_mention(row: OutboxRow, at: datetime) -> None:
    """Tag a new mention with the open crises whose words it says."""
    if row.event is None or row.event.data.get("history"):
        return
    crises = _open()
    mention = Mention.objects.filter(pk=row.event.subject_id, void=False).first() if crises else None
    if mention is None:
        return
    _tag(
        [one for one in crises if _says(one, mention.text)],
        mention=mention,
        at=at,
    )


def _open() -> list[BusinessChange]:
    crises = BusinessChange.objects.filter(is_crisis=True, state__in=BusinessChange.OPEN)
    return list(crises.prefetch_related("about__product").order_by("pk"))


def _products(change: BusinessChange) -> set[int]:
    return {one.product_id for one in change.about.all()}


def _says(change: BusinessChange, text: str) -> bool:
    """Say whether a text has one of the words of a crisis, or names one of its products."""
    said = text.casefold()
    names = [name for one in change.about.all() for name in (one.product.name, one.product.name_alt)]
    return any(_has(said, word.casefold()) for word in (*change.words, *names) if len(word) > 1)


def _has(said: str, word: str) -> bool:
    """Say whether a word stands in a text, both in small letters: not as a part of another word.

    Chinese has no spaces, so what begins or ends with another sign or letter may stand anywhere.
    """
    if word not in said:
        return False
    before = f"(?<![{_SPACED}])" if re.match(f"[{_SPACED}]", word) else ""
    after = f"(?![{_SPACED}])" if re.match(f"[{_SPACED}]", word[-1]) else ""
    return re.search(before + re.escape(word) + after, said) is not None


def _tag(
    changes: list[BusinessChange],
    *,
    complaint: Complaint | None = None,
    mention: Mention | None = None,
    at: datetime,
) -> None:
    ChangeTag.objects.bulk_create(
        [ChangeTag(change=one, complaint=complaint, mention=mention, tagged_at=at) for one in changes],
        ignore_conflicts=True,
    )

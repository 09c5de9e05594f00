"""Whose mention it is: known by the name on the platform, or said by a colleague; else it stays open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from customers import handles, writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Mention, SocialHandle, User
from customers.text import read_soon

Name = tuple[str, str]  # platform and handle
SHARED = frozenset(Mention.Platform.values) & frozenset(SocialHandle.Platform.values) - {"other"}
"""The platforms of which one name is one person; "other" may be any."""


class MentionRefused(Refused):
    code = "mention_refused"


@dataclass(frozen=True)
class Poster:
    """Who posted; ``contact_id`` is empty where the name is the customer's own."""

    customer_id: int
    contact_id: int | None


def plain(handle: str) -> str:
    """Return a name as it is kept: without the at sign and blanks around it, at most 100 letters."""
    return handle.strip().lstrip("@＠").strip()[:100]


def key_of(platform: str, handle: str) -> Name:
    """Return what two spellings of a name have in common."""
    return platform, plain(handle).lower()


def posters(names: Iterable[Name]) -> dict[Name, Poster]:
    """Return who is called so, by :func:`key_of`; a name that two customers have is nobody's. One query."""
    wanted = {key_of(*name) for name in names}
    wanted = {(platform, handle) for platform, handle in wanted if handle and platform in SHARED}
    if not wanted:
        return {}
    said = {handle for _platform, handle in wanted}
    rows = (
        SocialHandle.objects.annotate(key=Lower("handle"))
        .filter(Q(key__in=said), platform__in={platform for platform, _handle in wanted})
        .filter(customer__gone_at=None, customer__erased_at=None)
        .order_by("id")
        .values_list("platform", "handle", "customer_id", "contact_id")
    )
    found: dict[Name, set[tuple[int, int | None]]] = {}
    for platform, handle, customer_id, contact_id in rows:
        found.setdefault(key_of(platform, handle), set()).add((customer_id, contact_id))
    known: dict[Name, Poster] = {}
    for name in wanted & found.keys():
        customers = {customer_id for customer_id, _contact in found[name]}
        contacts = {contact_id for _customer, contact_id in found[name] if contact_id is not None}
        if len(customers) == 1:
            known[name] = Poster(customers.pop(), contacts.pop() if len(contacts) == 1 else None)
    return known


def match_mention(
    mention: Mention,
    *,
    customer: Customer,
    contact: Contact | None = None,
    remember: bool = False,
    by: User | None,
    at: datetime,
) -> Mention:
    """Say whose mention it is; from ``at`` on it counts for that customer.

    Args:
        contact: who of the customer wrote it, if that is known.
        remember: keep the name as the customer's on that platform, so that the next ones are matched.

    Raises :class:`MentionRefused` for a removed one or a contact of somebody else. Does nothing when it is
    theirs already. Side effects: marks on both customers, event ``mention.matched``, audit
    ``mention.match``; with ``remember`` a social handle.
    """
    if contact is not None and contact.customer_id != customer.pk:
        raise MentionRefused(_("That contact belongs to another customer."))
    with transaction.atomic():
        mention = locked(mention, customer.pk)
        if mention.void:
            raise MentionRefused(_("This mention was removed. Enter it again if it counts."))
        before = (mention.customer_id, mention.contact_id)
        if before != (customer.pk, contact and contact.pk):
            mention = writing.revise(
                mention, at=at, customer_id=customer.pk, contact_id=contact and contact.pk
            )
            _tell("mention.matched", mention, left=before[0], at=at)
            audit.record("mention.match", obj=mention, by=by, at=at, customer_id=customer.pk)
            read_soon(mention, at=at)
        if remember and mention.handle and mention.platform in SHARED:
            handles.add_handle(
                customer, platform=mention.platform, handle=mention.handle, contact=contact, by=by, at=at
            )
    return mention


def unmatch_mention(mention: Mention, *, by: User | None, at: datetime) -> Mention:
    """Say that a mention is not that customer's after all; it is open again.

    Side effects: a mark on the customer, event ``mention.matched`` of nobody, audit ``mention.unmatch``;
    nothing when it is nobody's.
    """
    with transaction.atomic():
        mention = locked(mention)
        left = mention.customer_id
        if left is not None:
            mention = writing.revise(mention, at=at, customer_id=None, contact_id=None)
            _tell("mention.matched", mention, left=left, at=at)
            audit.record("mention.unmatch", obj=mention, by=by, at=at, customer_id=left)
            read_soon(mention, at=at)
    return mention


def locked(mention: Mention, *customers: int) -> Mention:
    """Hold the customers concerned, then the mention, and return it as it stands."""
    ids = {pk for pk in (mention.customer_id, *customers) if pk is not None}
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    return Mention.objects.select_for_update(of=("self",)).get(pk=mention.pk)


def _tell(kind: str, mention: Mention, *, left: int | None, at: datetime) -> None:
    data = {"negative": mention.sentiment == Mention.Sentiment.NEGATIVE, "left": left}
    events.record(kind, customer_id=mention.customer_id, subject=mention, occurred_at=at, data=data)

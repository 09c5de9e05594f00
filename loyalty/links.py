"""Links by which a contact opens the customer's own page: unguessable, stored as a hash, revocable.

The token follows from a salt and the server's secret, so that every letter brings the same link. A contact
has one live link at a time. Its moments are real time, as those of every link.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company, objections
from customers.ground import audit, link_tokens
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.models import Contact, User
from loyalty.models import MemberLink

LASTS = timedelta(days=365)
"""So long a link opens the page, from the day on which it was made or a letter carried it last."""
RENEWED_BEFORE = timedelta(days=180)
"""A letter renews a link that has less than this left."""
_KIND = "loyalty.member"
_page: list[Callable[[str], str]] = []


def register_page(make: Callable[[str], str]) -> None:
    """Enter how the path of the page is made from a token (in ``ready()``): an upper app shows it."""
    _page[:] = [make]


class HasLeft(Refused):
    code = "member_link_left"
    message = _("%(name)s left on %(day)s. Make the link for somebody who is still there.")


class HolderGone(Refused):
    code = "member_link_gone"
    message = _(
        "The customer is gone meanwhile: merged into another customer, or the import was taken back. Look "
        "for the customer and make the link there."
    )


def make_link(contact: Contact, *, by: User | None, at: datetime, now: datetime) -> MemberLink:
    """Make a new link for ``contact`` and revoke the one before; :func:`address_of` gives its address.

    Args:
        now: the real time, by which links live.

    Raises :class:`HasLeft`, :class:`HolderGone`, ``Erased``. Side effects: audit ``member_link.make``.
    """
    with transaction.atomic():
        contact = _held(contact).get()
        objections.refuse_erased(contact)
        objections.refuse_erased(contact.customer)
        if contact.customer.gone_at is not None:
            raise HolderGone()
        if contact.left_on is not None and contact.left_on <= _today(at):
            raise HasLeft(name=contact.name, day=contact.left_on.isoformat())
        return _made(contact, by=by, at=at, now=now)


def link_for(contact: Contact, *, at: datetime, now: datetime) -> str:
    """Return the address that a letter to ``contact`` carries; the link is made when there is none.

    One that ends soon is renewed, so that no letter carries a link that opens nothing next month. Who has
    left, is gone or was erased gets none: the address is empty. Side effects: as :func:`make_link` when it
    is made.
    """
    with transaction.atomic():
        held = _held(contact).filter(there(at=at)).first()
        if held is None:
            return ""
        link = live(held, now=now)
        if link is None or not token_of(link):
            link = _made(held, by=None, at=at, now=now)
        elif link.expires_at - now < RENEWED_BEFORE:
            link.expires_at = now + LASTS
            link.save(update_fields=["expires_at"])
    return address_of(link)


def revoke(link: MemberLink, *, by: User | None, at: datetime, now: datetime) -> bool:
    """Let a link open nothing from now on; return whether it was open. Audit ``member_link.revoke``."""
    with transaction.atomic():
        if not MemberLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now):
            return False
        audit.record(
            "member_link.revoke",
            obj=link,
            by=by,
            at=at,
            customer_id=link.customer_id,
            codes={"contact": link.contact_id},
        )
    return True


def show(link: MemberLink, *, by: User | None, at: datetime) -> str:
    """Return the address of a link to a colleague who hands it on: with it one acts as the customer.

    Nothing once the server's secret has changed. Audit ``member_link.show``.
    """
    address = address_of(link)
    if address:
        audit.record(
            "member_link.show",
            obj=link,
            by=by,
            at=at,
            customer_id=link.customer_id,
            codes={"contact": link.contact_id},
        )
    return address


def find(token: str, *, at: datetime, now: datetime) -> MemberLink | None:
    """Return the link that a token opens, with its contact and customer; nothing for every other token.

    It opens nothing once it is revoked or too old, nor for who was erased, is gone or has left.
    """
    found = MemberLink.objects.filter(
        there(at=at, contact="contact__"),
        token_hash=link_tokens.hash_of(_KIND, token),
        revoked_at=None,
        expires_at__gt=now,
    )
    return found.select_related("contact__customer").first()


def there(*, at: datetime, contact: str = "") -> Q:
    """Return the condition for contacts whose link opens: not left by the day of ``at``, nor erased or gone.

    Neither she nor her customer, that is. ``contact``: the way to the contact, as in a filter.
    """
    stays = Q(**{f"{contact}left_on": None}) | Q(**{f"{contact}left_on__gt": _today(at)})
    ends = ("erased_at", "customer__erased_at", "customer__gone_at")
    return Q(**{f"{contact}{one}": None for one in ends}) & stays


def live(contact: Contact, *, now: datetime) -> MemberLink | None:
    """Return the link of a contact that opens at ``now``, the newest where a merge brought two."""
    return all_live(now=now).filter(contact=contact).order_by("-id").first()


def live_of(customer_id: int, *, now: datetime) -> dict[int, MemberLink]:
    """Return the live link of each contact of a customer; one query."""
    return {link.contact_id: link for link in all_live(now=now).filter(customer=customer_id).order_by("id")}


def token_of(link: MemberLink) -> str:
    """Return the token of a link; nothing once the server's secret has changed."""
    token = link_tokens.token_of(_KIND, link.salt)
    return token if link_tokens.is_same(token, kind=_KIND, stored=link.token_hash) else ""


def address_of(link: MemberLink) -> str:
    """Return the address of a link; nothing once the server's secret has changed."""
    token = token_of(link)
    return settings.PUBLIC_BASE_URL + _page[0](token) if token and _page else ""


def all_live(*, now: datetime) -> QuerySet[MemberLink]:
    """Return the links that are neither revoked nor too old at ``now`` (real time)."""
    return MemberLink.objects.filter(revoked_at=None, expires_at__gt=now)


def _made(contact: Contact, *, by: User | None, at: datetime, now: datetime) -> MemberLink:
    MemberLink.objects.filter(contact=contact, revoked_at=None).update(revoked_at=now)
    salt = secrets.token_hex(16)
    link = MemberLink.objects.create(
        customer_id=contact.customer_id,
        contact=contact,
        salt=salt,
        token_hash=link_tokens.hash_of(_KIND, link_tokens.token_of(_KIND, salt)),
        made_at=now,
        by=by,
        expires_at=now + LASTS,
    )
    audit.record(
        "member_link.make",
        obj=link,
        by=by,
        at=at,
        customer_id=contact.customer_id,
        codes={"contact": contact.pk},
    )
    return link


def _held(contact: Contact) -> QuerySet[Contact]:
    """Return the contact, held as she stands: one at a time makes a link of her, so that one is live."""
    rows = Contact.objects.select_for_update(no_key=True, of=("self",)).select_related("customer")
    return rows.filter(pk=contact.pk)


def _today(at: datetime) -> date:
    return day_of(company.today(at).number)

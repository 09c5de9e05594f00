"""Who joins and leaves a community, entered by hand or by program, and the catalogue of communities."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import writing
from customers.company import today
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Community, CommunityMembership, Contact, Customer, Platform, User


class CommunityExists(Refused):
    code = "community_exists"
    message = _("There is a community with the code “%(community)s” already. Choose another code.")


class CommunityRetired(Refused):
    code = "community_retired"
    message = _("The community “%(community)s” is retired. Take it up again first, or choose another one.")


class AlreadyMember(Refused):
    code = "already_member"
    message = _("Such a membership of “%(community)s” stands already. Record first that it was left.")


class AlreadyLeft(Refused):
    code = "already_left"
    message = _("The community “%(community)s” was left already. Record a new membership if they are back.")


class LeftBeforeJoined(Refused):
    code = "left_before_joined"
    message = _("Nobody leaves a community before joining it. Enter a later moment.")


class NotTheirContact(Refused):
    code = "not_their_contact"
    message = _("That contact belongs to another customer. Choose one of this customer's.")


def join_community(
    customer: Customer,
    *,
    community: Community,
    contact: Contact | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> CommunityMembership:
    """Record that a customer, or one of its contacts, joined at ``occurred_at`` (``at`` when unknown).

    Raises :class:`CommunityRetired`, :class:`NotTheirContact`, :class:`AlreadyMember`, ``InTheFuture``.
    Side effects: touches the customer, event ``community.joined``, audit ``community.join``.
    """
    if community.is_retired:
        raise CommunityRetired(community=str(community))
    if contact is not None and contact.customer_id != customer.pk:
        raise NotTheirContact()
    when = writing.moments(at=at, occurred_at=occurred_at)
    with transaction.atomic():
        list(Customer.objects.select_for_update().filter(pk=customer.pk).values_list("pk"))  # one at a time
        standing = CommunityMembership.objects.filter(
            customer=customer, community=community, contact=contact, left_at=None, void=False
        )
        if standing.exists():
            raise AlreadyMember(community=str(community))
        joined = writing.write(
            CommunityMembership, customer_id=customer.pk, when=when, community=community, contact=contact
        )
        events.record(
            "community.joined", customer_id=customer.pk, subject=joined, occurred_at=joined.occurred_at
        )
        audit.record("community.join", obj=joined, by=by, at=at, customer_id=customer.pk)
    return joined


def leave_community(
    membership: CommunityMembership, *, left_at: datetime | None = None, by: User | None, at: datetime
) -> CommunityMembership:
    """Record that a membership ended at ``left_at`` (``at`` when unknown).

    Raises :class:`AlreadyLeft`, :class:`LeftBeforeJoined`, ``InTheFuture``, ``OlderThanKnown``. Side
    effects: touches the customer, event ``community.left``, audit ``community.leave``.
    """
    left_at = left_at or at
    if membership.left_at is not None or membership.void:
        raise AlreadyLeft(community=str(membership.community))
    if left_at > at:
        raise writing.InTheFuture()
    if left_at < membership.occurred_at:
        raise LeftBeforeJoined()
    with transaction.atomic():
        left = writing.revise(membership, at=at, left_at=left_at, left_day=today(left_at).number)
        events.record("community.left", customer_id=left.customer_id, subject=left, occurred_at=left_at)
        audit.record("community.leave", obj=left, by=by, at=at, customer_id=left.customer_id)
    return left


def remove_membership(
    membership: CommunityMembership, *, by: User | None, at: datetime
) -> CommunityMembership:
    """Remove a membership that was entered wrongly: from ``at`` on it never was."""
    with transaction.atomic():
        before = membership.recorded_at
        membership = writing.void(membership, at=at)
        if membership.recorded_at != before:
            audit.record("community.remove", obj=membership, by=by, at=at, customer_id=membership.customer_id)
    return membership


# --- The catalogue -----------------------------------------------------------------------------
def communities() -> Any:
    """Return the communities that can be joined, by name."""
    return Community.objects.filter(is_retired=False)


def add_community(*, code: str, name: str, platform: str, by: User | None, at: datetime) -> Community:
    """Add a community. Raises :class:`CommunityExists`. Audit ``community.add``."""
    with transaction.atomic():
        community, is_new = Community.objects.get_or_create(
            code=code, defaults={"name": name, "platform": Platform(platform)}
        )
        if not is_new:
            raise CommunityExists(community=code)
        audit.record("community.add", obj=community, by=by, at=at, codes={"community": code})
    return community


def change_community(
    community: Community, *, name: str, platform: str, is_retired: bool, by: User | None, at: datetime
) -> Community:
    """Rename a community, say where it meets, retire it or take it up again. Audit ``community.change``."""
    wanted = {"name": name, "platform": Platform(platform), "is_retired": is_retired}
    with transaction.atomic():
        community = Community.objects.select_for_update().get(pk=community.pk)
        changed = sorted(name for name, value in wanted.items() if getattr(community, name) != value)
        if changed:
            for field in changed:
                setattr(community, field, wanted[field])
            community.save(update_fields=changed)
            audit.record("community.change", obj=community, by=by, at=at, codes={"changed": changed})
    return community

"""Links by which a calendar program reads somebody's renewals: unguessable, stored as a hash, revocable."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from customers.ground import audit
from customers.models import CalendarLink, User
from customers.tokens import hash_of


def make_link(user: User, *, by: User, at: datetime) -> tuple[CalendarLink, str]:
    """Make a new link for ``user`` and revoke the one before; return it with its secret, stored nowhere.

    Side effects: audit ``calendar_link.make``.
    """
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        CalendarLink.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=at)
        link = CalendarLink.objects.create(user=user, secret_hash=hash_of(secret), created_at=at)
        audit.record("calendar_link.make", obj=link, by=by, at=at, codes={"user": user.pk})
    return link, secret


def revoke_link(user: User, *, by: User, at: datetime) -> bool:
    """Revoke the link of ``user`` at once; return whether there was one. Audit ``calendar_link.revoke``."""
    with transaction.atomic():
        link = CalendarLink.objects.filter(user=user, revoked_at__isnull=True).first()
        if link is None or not CalendarLink.objects.filter(pk=link.pk, revoked_at__isnull=True).update(
            revoked_at=at
        ):
            return False
        audit.record("calendar_link.revoke", obj=link, by=by, at=at, codes={"user": user.pk})
    return True


def user_of(secret: str) -> User | None:
    """Return whose link this is; unknown and revoked ones, and those of people who left, are nobody's."""
    link = (
        CalendarLink.objects.filter(
            secret_hash=hash_of(secret), revoked_at__isnull=True, user__is_active=True
        )
        .select_related("user")
        .first()
    )
    return link.user if link else None

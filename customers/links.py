"""Links that work once: made, shown once, used once. Unknown, used, expired and voided ones look the same.

Their moments are real time, as those of tokens are; what comes of them is dated by the product's clock.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import people
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import OneTimeLink, User
from customers.models.people import Role

LASTS = timedelta(days=7)
Purpose = OneTimeLink.Purpose


class LinkDead(Refused):
    code = "link_dead"
    message = _("This link does not work any more. Ask for a new one.")


class AdminThere(Refused):
    code = "admin_there"
    message = _("There is an admin already, who makes accounts and links for others under Settings → Users.")


class NoPasswordForPrograms(Refused):
    code = "program_without_password"
    message = _("“%(name)s” is a program: it calls the API with a token and needs no password.")


def first_admin_link(*, now: datetime, at: datetime) -> str:
    """Make the link by which the first admin is made, and return its secret; older ones work no more.

    Args:
        now: the real time. ``at``: the product's, for the audit.

    Raises :class:`AdminThere`. Side effects: audit ``link.make``.
    """
    if has_admin():
        raise AdminThere()
    return _make(Purpose.FIRST_ADMIN, user=None, by=None, now=now, at=at)


def password_link(user: User, *, by: User | None, now: datetime, at: datetime) -> str:
    """Make a link by which ``user`` sets her password, and return its secret; older ones work no more.

    Raises :class:`NoPasswordForPrograms`. Side effects: audit ``link.make``.
    """
    if user.role == Role.INTEGRATION:
        raise NoPasswordForPrograms(name=str(user))
    return _make(Purpose.PASSWORD, user=user, by=by, now=now, at=at)


def find(secret: str, *, purpose: str, now: datetime) -> OneTimeLink | None:
    """Return the link that opens with ``secret``, or nothing."""
    live: Any = OneTimeLink.objects.live(now)  # type: ignore[attr-defined]
    found: OneTimeLink | None = (
        live.filter(secret_hash=_hash(secret), purpose=purpose).select_related("user").first()
    )
    if found is not None and purpose == Purpose.FIRST_ADMIN and has_admin():
        return None
    return found


def make_first_admin(
    secret: str,
    *,
    email: str,
    password: str,
    first_name: str = "",
    last_name: str = "",
    language: str = "en",
    now: datetime,
    at: datetime,
) -> User:
    """Use the link: make the first admin, who signs in by her address. Of two who try, one succeeds.

    Raises :class:`LinkDead`, and ``ValidationError`` for a password that the rules refuse (then the link
    still works). Side effects: as ``people.create_user``; audit ``link.use``.
    """
    with transaction.atomic():
        link = _use(secret, purpose=Purpose.FIRST_ADMIN, now=now)
        if has_admin():
            raise LinkDead()
        user = people.create_user(
            username=email,
            email=email,
            password=password,
            first_name=first_name,
            last_name=last_name,
            role=Role.ADMIN,
            language=language,
            by=None,
            at=at,
        )
        audit.record("link.use", obj=link, by=user, at=at, codes={"user": user.pk})
    return user


def set_password(secret: str, *, password: str, now: datetime, at: datetime) -> User:
    """Use the link: set the password of whom it was made for.

    Raises :class:`LinkDead`, and ``ValidationError`` for a password that the rules refuse (then the link
    still works). Side effects: her sessions elsewhere end; audit ``link.use``.
    """
    with transaction.atomic():
        link = _use(secret, purpose=Purpose.PASSWORD, now=now)
        user = User.objects.get(pk=link.user_id)
        validate_password(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.record("link.use", obj=link, by=user, at=at, codes={"user": user.pk})
    return user


def void(user: User, *, now: datetime) -> None:
    """Let the links of ``user`` open nothing any more: she has another password now."""
    OneTimeLink.objects.filter(user=user, used_at=None, voided_at=None).update(voided_at=now)


def has_admin() -> bool:
    """Say whether somebody can set the company up."""
    return User.objects.filter(role=Role.ADMIN, is_active=True).exists()


def _make(purpose: str, *, user: User | None, by: User | None, now: datetime, at: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        older = OneTimeLink.objects.filter(purpose=purpose, user=user, used_at=None, voided_at=None)
        older.update(voided_at=now)
        link = OneTimeLink.objects.create(
            purpose=purpose,
            user=user,
            secret_hash=_hash(secret),
            made_by=by,
            made_at=now,
            expires_at=now + LASTS,
        )
        codes = {"purpose": str(purpose), "user": user.pk if user else None}
        audit.record("link.make", obj=link, by=by, at=at, codes=codes)
    return secret


def _use(secret: str, *, purpose: str, now: datetime) -> OneTimeLink:
    """Take the link, once: the guarded update decides who was first."""
    link = find(secret, purpose=purpose, now=now)
    standing = OneTimeLink.objects.filter(pk=link.pk if link else None, used_at=None, voided_at=None)
    if link is None or not standing.update(used_at=now):
        raise LinkDead()
    return link


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""API tokens: made once, shown once, revoked for ever."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.api import scopes as known_scopes
from customers.ground.errors import Refused
from customers.models import ApiToken, User
from customers.models.people import Role

PREFIX = "liuke_"
SHOWN = len(PREFIX) + 6
LONGEST = timedelta(days=365)


class UnknownScope(Refused):
    code = "unknown_scope"
    message = _("Choose at least one of the listed rights.")


class BadExpiry(Refused):
    code = "token_expiry"
    message = _("A token must expire: after now, and within a year.")


class BadNetwork(Refused):
    code = "bad_network"
    message = _("“%(text)s” is not an address or a network, like 203.0.113.7 or 203.0.113.0/24.")


class NotYourToken(Refused):
    code = "token_for_others"
    message = _("You can make tokens for yourself; an admin also for programs (role integration).")


def create_token(
    user: User,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime,
    addresses: Sequence[str] = (),
    by: User,
    at: datetime,
) -> tuple[ApiToken, str]:
    """Make a token for ``user`` and return it with its secret, which is stored nowhere.

    Args:
        scopes: what it is good for, within what the user's role allows.
        addresses: addresses or networks that it may be used from; none = from anywhere.
        at: the real time, as ``expires_at`` is.

    Raises :class:`UnknownScope`, :class:`BadExpiry`, :class:`BadNetwork`, :class:`NotYourToken`. Side
    effects: audit ``token.create``.
    """
    if user.pk != by.pk and not (by.role == Role.ADMIN and user.role == Role.INTEGRATION):
        raise NotYourToken()
    if not scopes or set(scopes) - set(known_scopes.every()):
        raise UnknownScope()
    if not at < expires_at <= at + LONGEST:
        raise BadExpiry()
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name.strip(),
            prefix=secret[:SHOWN],
            secret_hash=hash_of(secret),
            scopes=sorted(set(scopes)),
            addresses=[_network(text) for text in addresses],
            created_at=at,
            expires_at=expires_at,
        )
        audit.record("token.create", obj=token, by=by, at=at, codes={"user": user.pk, "scopes": token.scopes})
    return token, secret


def revoke(token: ApiToken, *, by: User, at: datetime) -> bool:
    """Revoke a token at once; return whether it was not revoked before. Audit ``token.revoke``."""
    with transaction.atomic():
        is_new = bool(ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=at))
        if is_new:
            audit.record("token.revoke", obj=token, by=by, at=at, codes={"user": token.user_id})
    token.refresh_from_db()
    return is_new


def hash_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def may_come_from(token: ApiToken, address: str) -> bool:
    """Say whether the token may be used from an address."""
    if not token.addresses:
        return True
    try:
        asking = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(asking, "ipv4_mapped", None) or asking
    return any(mapped in ipaddress.ip_network(network) for network in token.addresses)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise BadNetwork(text=text) from error

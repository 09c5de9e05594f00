"""Tokens of links that are brought again: they follow from a salt and the server's secret.

Only a hash is stored, made so that the token of one kind of link never opens another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.conf import settings

BYTES = 32


def token_of(purpose: str, salt: str, *, size: int = BYTES) -> str:
    """Return the token of ``salt`` among the links of ``purpose``; ``size`` in bytes, at most 32."""
    digest = hmac.digest(f"{purpose}:{settings.SECRET_KEY}".encode(), salt.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:size]).decode().rstrip("=")


def hash_of(kind: str, token: str) -> str:
    """Return what is stored of a token of one kind of link."""
    return hashlib.sha256(f"{kind}:{token}".encode()).hexdigest()


def is_same(token: str, *, kind: str, stored: str) -> bool:
    """Say whether ``stored`` is the hash of ``token``: not once the server's secret has changed."""
    return bool(token) and hmac.compare_digest(hash_of(kind, token), stored)

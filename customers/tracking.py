"""Links by which people follow what became of what they told us.

The token follows from a salt and the server's secret, so that each message brings the same link; only its
hash is stored, made so that the token of another kind of link opens nothing here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from django.conf import settings

_PURPOSE = "feedback.tracking"


def new_salt() -> str:
    """Return a salt for a new link."""
    return secrets.token_hex(16)


def token_of(salt: str) -> str:
    """Return the token, of 256 bits, that belongs to a salt."""
    token = hmac.digest(f"{_PURPOSE}:{settings.SECRET_KEY}".encode(), salt.encode(), "sha256")
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def hash_of(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(f"{_PURPOSE}:{token}".encode()).hexdigest()


def sent_token(salt: str, token_hash: str) -> str:
    """Return the token of a link; nothing once the server's secret has changed."""
    token = token_of(salt) if salt else ""
    return token if token and hmac.compare_digest(hash_of(token), token_hash) else ""

"""Links by which people follow what became of what they told us.

The token follows from a salt and the server's secret, so that each message brings the same link; only its
hash is stored, made so that the token of another kind of link opens nothing here.
"""

from __future__ import annotations

import secrets

from customers.ground import link_tokens

_PURPOSE = "feedback.tracking"


def new_salt() -> str:
    """Return a salt for a new link."""
    return secrets.token_hex(16)


def token_of(salt: str) -> str:
    """Return the token, of 256 bits, that belongs to a salt."""
    return link_tokens.token_of(_PURPOSE, salt)


def hash_of(token: str) -> str:
    """Return what is stored of a token."""
    return link_tokens.hash_of(_PURPOSE, token)


def sent_token(salt: str, token_hash: str) -> str:
    """Return the token of a link; nothing once the server's secret has changed."""
    token = token_of(salt) if salt else ""
    return token if link_tokens.is_same(token, kind=_PURPOSE, stored=token_hash) else ""

"""Loud readers of the environment: a value that cannot be read stops the start, in plain words."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """Return the variable, trimmed; an empty one counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    """Return a yes-or-no variable; raise on any other word."""
    word = text(name).lower()
    if not word:
        return default
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={word!r} is neither yes nor no: write 1 or 0.")


def whole_number(name: str, *, default: int, least: int = 0) -> int:
    """Return a whole number of at least ``least``; raise on anything else."""
    word = text(name)
    if not word:
        return default
    try:
        number = int(word)
    except ValueError:
        number = least - 1
    if number < least:
        raise ImproperlyConfigured(f"{name}={word!r} must be a whole number of at least {least}.")
    return number


def words(name: str) -> list[str]:
    """Return a comma-separated list without blanks."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def networks(name: str) -> list[str]:
    """Return a comma-separated list of networks such as ``10.1.0.0/16``; raise on anything else."""
    found = words(name)
    for word in found:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name}={word!r} must be networks such as 10.1.0.0/16, with commas between them."
            ) from error
    return found


def moment(name: str) -> str:
    """Return an ISO moment with a time zone, as written; raise on anything else."""
    word = text(name)
    if not word:
        return ""
    try:
        parsed = datetime.fromisoformat(word)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ImproperlyConfigured(
            f"{name}={word!r} must be a moment with a time zone, for example 2011-12-10T00:00:00Z."
        )
    return word


def base_url(name: str, *, default: str) -> str:
    """Return an http(s) address without a trailing slash; raise on anything else."""
    word = text(name, default).rstrip("/")
    parts = urlsplit(word)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name}={word!r} must be an address such as https://liuke.example.com.")
    return word


def redis_url(name: str) -> str:
    """Return the address of Redis or ``""``; raise on another scheme."""
    word = text(name)
    if word and urlsplit(word).scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured(f"{name} must begin with redis://, rediss:// or unix://.")
    return word


def database(name: str, *, default: str) -> dict[str, Any]:
    """Return Django's entry for a database address; only SQLite and PostgreSQL are known."""
    read: Callable[[str], dict[str, Any]] = environ.Env.db_url_config
    parsed = read(text(name, default))
    if parsed.get("ENGINE") not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
        raise ImproperlyConfigured(f"{name} must begin with sqlite:/// or postgres://.")
    return parsed


def email(name: str, *, default: str) -> dict[str, Any]:
    """Return Django's mail settings for an address such as ``smtp+tls://user:pass@host:587``."""
    read: Callable[[str], dict[str, Any]] = environ.Env.email_url_config
    try:
        parsed = read(text(name, default))
    except ImproperlyConfigured as error:
        raise ImproperlyConfigured(
            f"{name} must begin with smtp://, smtp+tls://, smtp+ssl://, filemail:// or consolemail://."
        ) from error
    return parsed


def secret(name: str, *, kept_in: Path | None) -> str:
    """Return the secret; generate and keep one in the file ``kept_in`` when that is allowed.

    Args:
        kept_in: where a generated secret may be kept (mode 0600); None where none may be made up.

    Raises:
        ImproperlyConfigured: the variable is unset and none may be made up, or it is too short.
    """
    word = text(name)
    if word:
        if len(word) < 32:
            raise ImproperlyConfigured(f"{name} must have at least 32 characters.")
        return word
    if kept_in is None:
        raise ImproperlyConfigured(
            f"{name} is not set. Outside the embedded run and DEBUG it must be given: "
            'python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    kept_in.parent.mkdir(parents=True, exist_ok=True)
    draft = kept_in.with_name(f"{kept_in.name}.{os.getpid()}")
    if not kept_in.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(draft, kept_in)  # atomic: of two processes that start together, one wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return kept_in.read_text().strip()


def token(name: str, *, least: int = 16) -> str:
    """Return a shared secret or ``""``; raise when it is too short to be one."""
    word = text(name)
    if word and len(word) < least:
        raise ImproperlyConfigured(f"{name} must have at least {least} characters.")
    return word

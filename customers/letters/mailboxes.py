"""Mailboxes: set up by admins, their passwords under seal; put into use they are looked into every minute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.channels.mailing import NONE, STARTTLS, TLS
from customers.channels.senders import PASSWORD
from customers.ground import audit, sealed
from customers.ground.errors import Refused
from customers.letters import fetching
from customers.models import FeedbackKind, Mailbox, User

MOST = 20
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")


class MailboxRefused(Refused):
    """Something of a mailbox makes no sense; ``field`` says what."""

    code = "mailbox_refused"

    def __init__(self, field: str, message: str | Promise, **values: object) -> None:
        self.field = field
        super().__init__(message, **values)


class TooManyMailboxes(Refused):
    code = "too_many_mailboxes"
    message = _("There are %(most)s mailboxes already. Change one of them.")


def add_mailbox(
    *, name: str, kind: str, config: Mapping[str, Any], password: str, by: User | None, at: datetime
) -> Mailbox:
    """Add a mailbox, which is not in use yet.

    Raises :class:`MailboxRefused`, :class:`TooManyMailboxes`. Side effects: audit ``mailbox.add``.
    """
    config = checked(config)
    if not password:
        raise MailboxRefused("password", _("Write the password."))
    with transaction.atomic():
        if Mailbox.objects.count() >= MOST:
            raise TooManyMailboxes(most=MOST)
        row = Mailbox.objects.create(
            name=name.strip(), kind=FeedbackKind(kind), config=config, made_at=at, changed_at=at
        )
        _keep(row, password)
        audit.record("mailbox.add", obj=row, by=by, at=at, codes={"kind": row.kind})
    return row


def change_mailbox(
    row: Mailbox,
    *,
    name: str,
    kind: str,
    config: Mapping[str, Any],
    password: str = "",
    by: User | None,
    at: datetime,
) -> Mailbox:
    """Change a mailbox; without a password it keeps the one it has.

    Another host, user or folder is another mailbox: only letters from now on are read, and the password has
    to be written again, so that nobody sends it to a server of her own. Raises :class:`MailboxRefused`. Side
    effects: audit ``mailbox.change``.
    """
    config = checked(config)
    moved = [one for one in ("host", "username", "folder") if row.config.get(one) != config[one]]
    weaker = row.config.get("security") != config["security"] or row.config.get("port") != config["port"]
    if not password and ({"host", "username"} & set(moved) or weaker):
        raise MailboxRefused("password", _("Write the password again: it is for another server or user now."))
    with transaction.atomic():
        row.name, row.kind, row.config, row.changed_at = name.strip(), FeedbackKind(kind), config, at
        fresh = _fresh(at) if moved else {"trouble": ""}
        for field, value in fresh.items():
            setattr(row, field, value)
        row.save(update_fields=["name", "kind", "config", "changed_at", *fresh])
        if password:
            _keep(row, password)
        codes = {"moved": bool(moved), "password": bool(password)}
        audit.record("mailbox.change", obj=row, by=by, at=at, codes=codes)
    return row


def use_mailbox(row: Mailbox, *, is_active: bool, by: User | None, at: datetime) -> Mailbox:
    """Look into a mailbox from now on, or no more; letters that lie there already are not read.

    Side effects: audit ``mailbox.use``.
    """
    with transaction.atomic():
        rows = Mailbox.objects.filter(pk=row.pk, is_active=not is_active)
        if rows.update(is_active=is_active, next_at=at, **_fresh(at)):
            audit.record("mailbox.use", obj=row, by=by, at=at, codes={"active": is_active})
    row.refresh_from_db()
    return row


def try_out(row: Mailbox, *, by: User, at: datetime) -> str:
    """Look into a mailbox once and take nothing; return what was in the way, or nothing.

    Side effects: audit ``mailbox.try``; what was in the way stands with the mailbox.
    """
    trouble = ""
    try:
        fetching.fetch(row.config, password=password_of(row), most=0)
    except fetching.NotFetched as error:
        trouble = error.trouble
    with transaction.atomic():
        Mailbox.objects.filter(pk=row.pk).update(checked_at=at, trouble=trouble)
        audit.record("mailbox.try", obj=row, by=by, at=at, codes={"trouble": str(trouble)})
    row.refresh_from_db()
    return str(trouble)


def password_of(row: Mailbox) -> str:
    """Return the password, opened; for looking into the mailbox only, never for a page."""
    return str(sealed.unseal(row.sealed).get(PASSWORD, "")) if row.sealed is not None else ""


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with every key: ``host port security username folder``.

    Raises :class:`MailboxRefused`.
    """
    host = str(config.get("host", "")).strip()
    if not _HOST.fullmatch(host):
        raise MailboxRefused("host", _("Write the name of the mail server, for example imap.example.com."))
    port = int(config.get("port") or 993)
    if not 1 <= port <= 65_535:
        raise MailboxRefused("port", _("A port is a number from 1 to 65535."))
    security = config.get("security", TLS)
    if security not in (NONE, STARTTLS, TLS):
        raise MailboxRefused("security", _("Choose how the connection is encrypted."))
    said = {name: str(config.get(name, "")).strip() for name in ("username", "folder")}
    if not said["username"] or not said["username"].isprintable():
        raise MailboxRefused("username", _("Write the user name, often the whole e-mail address."))
    folder = said["folder"] or "INBOX"
    if not folder.isprintable() or len(folder) > 200:
        raise MailboxRefused("folder", _("Write the name of one folder."))
    return {"host": host, "port": port, "security": security, "username": said["username"], "folder": folder}


def _fresh(at: datetime) -> dict[str, Any]:
    """Return the values of a mailbox of which letters are read that come from ``at`` on."""
    none: dict[str, Any] = dict.fromkeys(("validity", "read_at", "stuck_uid"))
    return {**none, "last_uid": 0, "stuck_looks": 0, "trouble": "", "used_at": at}


def _keep(row: Mailbox, password: str) -> None:
    """Seal the password anew; the one before goes."""
    old = row.sealed
    row.sealed = sealed.seal(sealed.holder_of(row), subject=row, values={PASSWORD: password})
    row.save(update_fields=["sealed"])
    if old is not None:
        old.delete()

"""Senders: set up by admins, their secrets under seal, one in use for each channel."""

from __future__ import annotations

import json
import re
import secrets as drawing
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.channels import filling, mailing
from customers.channels.signing import KEYS, Signature
from customers.ground import audit, sealed
from customers.ground.errors import Refused
from customers.models import Message, Sender, User

PASSWORD = "password"  # noqa: S105 — the name of a secret
WEBHOOK = "webhook"
MOST_SECRETS = 20
MOST_OF_SECRET = 4000
MOST_BODY = 10_000
_SECRET_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_NOT_SET = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class SenderRefused(Refused):
    """Something of a sender makes no sense; ``field`` says what."""

    code = "sender_refused"

    def __init__(self, field: str, message: str | Promise, **values: object) -> None:
        self.field = field
        super().__init__(message, **values)


class SenderInUse(Refused):
    code = "sender_in_use"
    message = _("Another sender of this channel was put into use at the same moment. Load the page again.")


def in_use(channel: str) -> Sender | None:
    """Return the sender by which messages of a channel leave, if there is one."""
    return Sender.objects.filter(channel=channel, is_active=True).first()


def channels_in_use() -> frozenset[str]:
    """Return the channels by which messages can leave."""
    return frozenset(Sender.objects.filter(is_active=True).values_list("channel", flat=True))


def secrets_of(sender: Sender) -> dict[str, str]:
    """Return the secrets of a sender, opened; for sending only, never for a page."""
    return dict(sealed.unseal(sender.sealed)) if sender.sealed is not None else {}


def add_sender(
    *,
    name: str,
    channel: str,
    kind: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    by: User | None,
    at: datetime,
) -> Sender:
    """Add a sender; it is not in use yet.

    Args:
        config: see :func:`checked`; ``secrets``: by name, stored under seal and never shown again. A
            secret for signed webhooks is drawn when none is given.

    Raises :class:`SenderRefused`. Side effects: audit ``sender.add``.
    """
    kept = {WEBHOOK: f"whsec_{drawing.token_urlsafe(32)}", **_sound_secrets(secrets)}
    config = checked(kind, config, names=kept)
    with transaction.atomic():
        sender = Sender(
            name=name.strip(),
            channel=channel,
            kind=Sender.Kind(kind),
            config=config,
            hook=drawing.token_urlsafe(24),
            made_at=at,
            changed_at=at,
        )
        sender.save()
        _keep(sender, kept)
        audit.record("sender.add", obj=sender, by=by, at=at, codes=_told(sender))
    return sender


def change_sender(
    sender: Sender,
    *,
    name: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    by: User | None,
    at: datetime,
) -> Sender:
    """Change a sender; secrets that are not named stay, an empty one goes. Raises :class:`SenderRefused`.

    Side effects: audit ``sender.change`` with the names of the fields and secrets that changed.
    """
    with transaction.atomic():
        sender = Sender.objects.select_for_update().get(pk=sender.pk)
        before, old = {"name": sender.name, **sender.config}, secrets_of(sender)
        kept = {**old, **_sound_secrets(secrets)}
        kept = {known: value for known, value in kept.items() if value}
        sender.config = checked(sender.kind, config, names=kept)
        sender.name, sender.changed_at, sender.paused_until = name.strip(), at, None
        after = {"name": sender.name, **sender.config}
        changed, new = _differing(before, after), _differing(old, kept)
        sender.save()
        if new:
            _keep(sender, kept)
        if changed or new:
            codes = {**_told(sender), "changed": changed, "secrets": new}
            audit.record("sender.change", obj=sender, by=by, at=at, codes=codes)
    return sender


def use_sender(sender: Sender, *, is_active: bool, by: User | None, at: datetime) -> Sender:
    """Put a sender into use, instead of the one that was, or out of use.

    Raises :class:`SenderInUse`. Side effects: messages that wait for a sender leave; audit ``sender.use``.
    """
    try:
        with transaction.atomic():
            others = Sender.objects.filter(channel=sender.channel, is_active=True).exclude(pk=sender.pk)
            if is_active:
                others.update(is_active=False)
                waiting = Message.objects.filter(channel=sender.channel, state=Message.State.WAITING)
                waiting.filter(reason=Message.Reason.NO_SENDER, due_at__gt=at).update(due_at=at)
            Sender.objects.filter(pk=sender.pk).update(is_active=is_active, changed_at=at)
            codes = {**_told(sender), "is_active": is_active}
            audit.record("sender.use", obj=sender, by=by, at=at, codes=codes)
    except IntegrityError as error:
        raise SenderInUse() from error
    sender.refresh_from_db()
    return sender


# --- What a sender may say ---------------------------------------------------------------------
def checked(kind: str, config: Mapping[str, Any], *, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration that can be used, with every key; raise :class:`SenderRefused`.

    smtp: ``host port security username from_address from_name reply_to``. http: ``url body_kind body
    headers signature templates default_template ok_path ok_value id_path code_path retry_codes
    dead_codes``.
    """
    return _smtp(config) if kind == Sender.Kind.SMTP else _http(config, names=names)


def _smtp(config: Mapping[str, Any]) -> dict[str, Any]:
    host = str(config.get("host", "")).strip()
    if not host or len(host) > 253 or not re.fullmatch(r"[A-Za-z0-9.:-]+", host):
        raise SenderRefused("host", _("Write the name of the mail server, for example smtp.example.com."))
    security = config.get("security", mailing.STARTTLS)
    if security not in (mailing.NONE, mailing.STARTTLS, mailing.TLS):
        raise SenderRefused("security", _("Choose how the connection is encrypted."))
    made: dict[str, Any] = {"host": host, "port": int(config.get("port") or 587), "security": security}
    for field in ("from_address", "reply_to"):
        made[field] = str(config.get(field, "")).strip()
        if made[field] or field == "from_address":
            try:
                validate_email(made[field])
            except ValidationError as error:
                raise SenderRefused(field, _("Write an e-mail address.")) from error
    for field in ("username", "from_name"):
        made[field] = " ".join(str(config.get(field, "")).split())
    return made


def _http(config: Mapping[str, Any], *, names: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "url": str(config.get("url", "")).strip(),
        "body_kind": config.get("body_kind", "json"),
        "body": str(config.get("body", "")).strip(),
        "headers": [[str(name), str(value)] for name, value in config.get("headers", [])],
        "signature": config.get("signature", Signature.NONE),
        "templates": {str(k): str(v) for k, v in dict(config.get("templates", {})).items()},
        "retry_codes": list(map(str, config.get("retry_codes", []))),
        "dead_codes": list(map(str, config.get("dead_codes", []))),
    }
    for field in ("default_template", "ok_path", "ok_value", "id_path", "code_path"):
        made[field] = str(config.get(field, "")).strip()
    _refuse_address(made["url"], names=names)
    _refuse_body(made, names=names)
    for name, value in made["headers"]:
        if not _HEADER.fullmatch(name) or name.lower() in _NOT_SET or not value.isprintable():
            raise SenderRefused("headers", _("“%(name)s” cannot be a header."), name=name)
        _placeholders("headers", value, known=filling.IN_HEADERS, names=names)
    if made["signature"] not in KEYS:
        raise SenderRefused("signature", _("Choose how calls are signed."))
    for name in KEYS[made["signature"]]:
        if name not in names:
            raise SenderRefused("secrets", _("This signature needs the secret “%(name)s”."), name=name)
    if bool(made["ok_path"]) != bool(made["ok_value"]):
        raise SenderRefused("ok_value", _("Name where the answer says that all is well, and what it says."))
    return made


def _refuse_address(url: str, *, names: Mapping[str, Any]) -> None:
    parts = urlsplit(url)
    try:
        is_sound = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_sound = False
    is_plain = is_sound and parts.scheme in ("https", "http") and not parts.username
    is_plain = is_plain and url.isascii() and url.isprintable()
    has_blank = " " in filling.PLACEHOLDER.sub("", url)
    if not is_plain or has_blank or filling.PLACEHOLDER.search(parts.netloc):
        raise SenderRefused("url", _("Write an address that begins with https://, without user or password."))
    _placeholders("url", url, known=filling.IN_ADDRESS, names=names)


def _refuse_body(made: Mapping[str, Any], *, names: Mapping[str, Any]) -> None:
    if len(made["body"]) > MOST_BODY:
        raise SenderRefused("body", _("The body has at most 10,000 letters."))
    try:
        if made["body_kind"] == "json":
            json.loads(made["body"])
        elif made["body_kind"] == "form":
            filling.form_lines(made["body"])
        else:
            raise SenderRefused("body_kind", _("Choose JSON or a form."))
    except ValueError as error:
        raise SenderRefused(
            "body", _("The body cannot be read: JSON with texts in quotes, or lines name=value for a form.")
        ) from error
    _placeholders("body", made["body"], known=filling.PLAIN, names=names, open_=True)


def _placeholders(
    field: str, text: str, *, known: frozenset[str], names: Mapping[str, Any], open_: bool = False
) -> None:
    try:
        filling.check(text, known=known, secrets=names, open_=open_)
    except filling.UnknownPlaceholder as error:
        raise SenderRefused(field, _("There is no placeholder “%(name)s” here."), name=error.name) from error


def _sound_secrets(secrets: Mapping[str, str]) -> dict[str, str]:
    if len(secrets) > MOST_SECRETS:
        raise SenderRefused("secrets", _("A sender has at most 20 secrets."))
    for name, value in secrets.items():
        if not _SECRET_NAME.fullmatch(name) or len(value) > MOST_OF_SECRET or not value.isprintable():
            raise SenderRefused(
                "secrets", _("Write a line name=value for each secret, names in small letters, digits and _.")
            )
    return dict(secrets)


# --- Keeping -----------------------------------------------------------------------------------
def _keep(sender: Sender, secrets: Mapping[str, str]) -> None:
    """Seal the secrets anew; what was sealed before goes."""
    old = sender.sealed
    sender.sealed = sealed.seal(sealed.holder_of(sender), subject=sender, values=dict(secrets))
    sender.secret_names = sorted(secrets)
    sender.save(update_fields=["sealed", "secret_names"])
    if old is not None:
        old.delete()


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _told(sender: Sender) -> dict[str, Any]:
    return {"channel": sender.channel, "kind": sender.kind}

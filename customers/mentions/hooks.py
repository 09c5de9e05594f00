"""Hooks: addresses to which programs send mentions, each call signed, none taken twice."""

from __future__ import annotations

import json
import secrets as drawing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.channels import signing
from customers.ground import audit, rows, sealed
from customers.ground.errors import Refused
from customers.mentions.landing import MentionRecord, name_of, upsert_mentions
from customers.mentions.recording import MOST_OF_TEXT, MOST_STARS, is_address
from customers.models import Mention, MentionCall, MentionHook, User

MOST_BYTES = 1024 * 1024
MOST_ITEMS = 500
MOST_HOOKS = 50
KEPT = timedelta(days=2)  # far longer than a signature is good for
SECRET = "secret"  # noqa: S105 — the name of one
_LENGTHS = {"id": 200, "author": 100, "url": 1000, "text": MOST_OF_TEXT, "posted_at": 40}
_FIELDS = {"author": "handle", "url": "url", "text": "text"}


class NotSigned(Refused):
    code = "webhook_not_signed"
    message = _("The signature is missing, wrong or older than five minutes.")


class Replayed(Refused):
    code = "webhook_replayed"
    message = _("This call was taken already.")


class TooManyHooks(Refused):
    code = "mention_hooks"
    message = _("There are 50 addresses already. Use one of them again.")


class NotReadable(Refused):
    code = "webhook_not_readable"
    message = _("%(where)s is not what docs/mentions.md describes.")


@dataclass(frozen=True, slots=True)
class Taken:
    """How many mentions of a call were new, changed, as they stood, and of erased people."""

    created: int
    updated: int
    unchanged: int
    refused: int


def add_hook(*, name: str, by: User | None, at: datetime) -> tuple[MentionHook, str]:
    """Make an address and the secret that signs calls of it, which is shown this once.

    Raises :class:`TooManyHooks`. Side effects: audit ``mention_hook.add``.
    """
    if MentionHook.objects.count() >= MOST_HOOKS:
        raise TooManyHooks()
    secret = f"whsec_{drawing.token_urlsafe(32)}"
    with transaction.atomic():
        hook = MentionHook(name=name.strip(), hook=drawing.token_urlsafe(24), made_at=at)
        hook.save()
        hook.sealed = sealed.seal(sealed.holder_of(hook), subject=hook, values={SECRET: secret})
        hook.save(update_fields=["sealed"])
        audit.record("mention_hook.add", obj=hook, by=by, at=at)
    return hook, secret


def use_hook(hook: MentionHook, *, is_active: bool, by: User | None, at: datetime) -> MentionHook:
    """Take calls of a hook, or refuse them from now on. Side effects: audit ``mention_hook.use``."""
    with transaction.atomic():
        if MentionHook.objects.filter(pk=hook.pk).exclude(is_active=is_active).update(is_active=is_active):
            audit.record("mention_hook.use", obj=hook, by=by, at=at, codes={"is_active": is_active})
    hook.refresh_from_db()
    return hook


def receive(hook: str, *, headers: Mapping[str, str], body: bytes, now: datetime, at: datetime) -> Taken:
    """Take a call: its signature checked, each mention landed as by file; all of it or nothing.

    Args:
        hook: the part of the address that names it. ``headers``: names in small letters.
        now: the real time, for the signature, which is good for five minutes.

    Raises :class:`NotSigned` (an unknown or unused hook, too), :class:`NotReadable` with the place, and
    :class:`Replayed` for a call that was taken before.
    """
    row = MentionHook.objects.filter(hook=hook, is_active=True).select_related("sealed").first()
    secret = sealed.unseal(row.sealed)[SECRET] if row is not None and row.sealed is not None else ""
    if row is None or not secret or not signing.is_standard(secret, headers=headers, body=body, at=now):
        raise NotSigned()
    records = _records(body, at=at)
    with transaction.atomic():
        call = MentionCall(hook=row, call_id=headers["webhook-id"][:200], at=now)
        if not rows.insert_new([call], known_by="call_id"):
            raise Replayed()
        MentionCall.objects.filter(at__lt=now - KEPT).delete()
        MentionHook.objects.filter(pk=row.pk).update(called_at=now)
        landed = upsert_mentions(records, source="webhook", at=at)
    return Taken(landed.created, landed.updated, landed.unchanged, len(landed.refused))


def _records(body: bytes, *, at: datetime) -> list[MentionRecord]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotReadable(where="#") from error
    items = data.get("mentions") if isinstance(data, dict) else None
    if not isinstance(items, list) or not 0 < len(items) <= MOST_ITEMS:
        raise NotReadable(where="#/mentions")
    return [_record(item, f"#/mentions/{number}", at=at) for number, item in enumerate(items)]


def _record(item: Any, where: str, *, at: datetime) -> MentionRecord:
    if not isinstance(item, dict):
        raise NotReadable(where=where)
    said = {name: _text(item, name, where) for name in _LENGTHS}
    stars = _stars(item.get("rating"), where)
    platform = item.get("platform")
    if platform not in Mention.Platform.values:
        raise NotReadable(where=f"{where}/platform")
    if not (name := name_of(said["id"] or said["url"])):
        raise NotReadable(where=f"{where}/id")
    if said["url"] and not is_address(said["url"]):
        raise NotReadable(where=f"{where}/url")
    if stars is None and not said["text"]:
        raise NotReadable(where=f"{where}/text")
    values: dict[str, Any] = {field: said[name] for name, field in _FIELDS.items() if name in item}
    if "rating" in item:
        values["rating"] = stars
    return MentionRecord(
        external_id=name,
        platform=platform,
        occurred_at=_moment(said["posted_at"], where, at=at),
        recorded_at=at,
        values=values,
    )


def _text(item: Mapping[str, Any], name: str, where: str) -> str:
    text = item.get(name, "")
    if not isinstance(text, str) or len(text) > _LENGTHS[name] or "\0" in text:
        raise NotReadable(where=f"{where}/{name}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()  # no half letters


def _stars(said: Any, where: str) -> Decimal | None:
    if said is None:
        return None
    try:
        stars = Decimal(str(said)[:10]) if not isinstance(said, bool) else Decimal("NaN")
    except InvalidOperation as error:
        raise NotReadable(where=f"{where}/rating") from error
    if not stars.is_finite() or not 0 <= stars <= MOST_STARS:
        raise NotReadable(where=f"{where}/rating")
    return stars.quantize(Decimal("0.1"))


def _moment(said: str, where: str, *, at: datetime) -> datetime | None:
    """Return when it was posted; nothing when that lies after ``at``: their clock may be ahead of ours."""
    if not said:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise NotReadable(where=f"{where}/posted_at") from error
    if moment.tzinfo is None or not 2000 <= moment.year <= 2100:
        raise NotReadable(where=f"{where}/posted_at")
    return moment if moment <= at else None

"""The append-only record of who did what, written in the transaction of the act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

from django.db import models

from customers.ground import context, sealed
from customers.ground.models import AuditEvent


class Actor(Protocol):
    """Whoever acts: a user, or ``None`` for the system itself."""

    pk: Any


def record(
    act: str,
    *,
    obj: models.Model | None,
    by: Actor | None,
    at: datetime,
    customer_id: int | None = None,
    codes: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    holder: str = "",
) -> AuditEvent:
    """Write one audit event.

    Args:
        act: ``object.verb``, for example ``complaint.file``.
        codes: ids, codes and numbers only (checked); they stand in the open.
        before, after: values of any kind; sealed with ``holder``'s key, so ``holder`` is then needed.

    Side effects: one ``AuditEvent`` and, for before/after, one ``SealedValue``.
    """
    origin = context.current()
    event = AuditEvent.objects.create(
        at=at,
        actor_id=by.pk if by is not None else None,
        act=act,
        object_type=obj._meta.label_lower if obj is not None else "",
        object_id=obj.pk if obj is not None else None,
        customer_id=customer_id,
        channel=origin.channel,
        address=origin.address or None,
        request_id=origin.request_id,
        caused_by=origin.caused_by,
        codes=only_codes(codes or {}),
    )
    if before or after:
        if not holder:
            raise ValueError("before/after values need the holder whose key seals them")
        sealed.seal(holder, subject=event, values={"before": before or {}, "after": after or {}})
    return event


def record_many(
    act: str,
    *,
    objs: Iterable[models.Model],
    by: Actor | None,
    at: datetime,
    codes_of: Callable[[Any], dict[str, Any]] | None = None,
) -> list[AuditEvent]:
    """Write one audit event for each of ``objs`` (one act over a set), as :func:`record` does.

    ``codes_of`` gives the codes of each; its customer is its ``customer_id``, if it has one.
    """
    origin = context.current()
    return AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                at=at,
                actor_id=by.pk if by is not None else None,
                act=act,
                object_type=obj._meta.label_lower,
                object_id=obj.pk,
                customer_id=getattr(obj, "customer_id", None),
                channel=origin.channel,
                address=origin.address or None,
                request_id=origin.request_id,
                caused_by=origin.caused_by,
                codes=only_codes(codes_of(obj)) if codes_of else {},
            )
            for obj in objs
        ],
        batch_size=1000,
    )


def only_codes(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``data`` if it holds only ids, codes, numbers, dates (and lists of them); else raise.

    Append-only tables must never hold what erasure would have to reach (decision 16).
    """
    for name, value in data.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, str) and not (len(item) <= 64 and item.isascii() and " " not in item):
                raise ValueError(f"{name} is not an id, code or number")
            if not isinstance(item, str | int | float | bool | None):
                raise ValueError(f"{name} is not an id, code or number")
    return data

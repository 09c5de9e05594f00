"""Losses by hand, recorded when a case closes as lost and ended when it is regained; what is known of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events, outbox
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.ground.rows import update_rows
from customers.models import Customer, Objection, User
from retention.losses.completing import complete
from retention.models import CaseCause, Loss, LossKind, RetentionCase

INTERVIEWS = "retention.losses_recorded"
"""The handler that looks for exit interviews of customers who were lost since (retention/interviews.py)."""


class DiagnosisMissing(Refused):
    code = "loss_without_diagnosis"
    message = _(
        "A loss needs its type and at least one cause, so that we learn from it. Enter the diagnosis first; "
        "“unknown” is a cause too."
    )


def record_loss(case: RetentionCase, *, by: User | None, at: datetime) -> Loss:
    """Record that the customer of ``case`` left, with the type, the causes and the margin of the case.

    A customer that is lost already stays so: the loss that stands is returned; one that was found by a
    definition learns its case and type. A partial loss ends, unless the case says that it is one: hidden
    churn is a partial loss, which a person ends, since nothing says what was spent before.
    Raises :class:`DiagnosisMissing`. Side effects: one ``Loss``, audit and event ``loss.record``.
    """
    if not case.churn_type or not CaseCause.objects.filter(case=case).exists():
        raise DiagnosisMissing()
    with transaction.atomic():
        is_partial = case.churn_type == RetentionCase.ChurnType.HIDDEN
        if not is_partial:
            end_partial([case.customer_id], at=at)
        new = Loss(
            customer_id=case.customer_id,
            case=case,
            occurred_at=at,
            recorded_at=at,
            churn_type=case.churn_type,
            margin_365d=case.margin_365d,
            definition=LossKind.PARTIAL if is_partial else LossKind.HAND,
        )
        complete([new])
        loss, is_new = Loss.objects.get_or_create(
            customer_id=case.customer_id,
            ended_at=None,
            defaults={f.name: getattr(new, f.name) for f in Loss._meta.concrete_fields if not f.primary_key},
        )
        if is_new:
            _write_down(loss, "record", by=by, at=at)
            _ask_interviews([loss], at=at)
        elif loss.case_id is None and not Loss.objects.filter(case=case).exists():
            # found by a definition; now it is known why
            loss.case, loss.churn_type = case, case.churn_type
            loss.save(update_fields=["case", "churn_type"])
    return loss


def end_loss(customer: Customer, *, by: User | None, at: datetime) -> Loss | None:
    """Note that a lost customer has returned; return the loss that ended, or nothing.

    Side effects: ``ended_at``, audit and event ``loss.end``.
    """
    with transaction.atomic():
        loss = Loss.objects.filter(customer=customer, ended_at__isnull=True).first()
        ended = {"ended_at": at, "end_recorded_at": at, "ended_because": Loss.Ended.HAND}
        if loss is None or not Loss.objects.filter(pk=loss.pk, ended_at__isnull=True).update(**ended):
            return None
        loss.ended_at = loss.end_recorded_at = at
        _write_down(loss, "end", by=by, at=at)
    return loss


def write_down_many(found: Iterable[Loss], *, at: datetime) -> None:
    """Write audit and event of losses that the night recorded, and look for what interviews told of them."""
    rows = list(found)
    _write_many("record", rows, at=at)
    _ask_interviews(rows, at=at)


def end_many(found: Iterable[Loss], *, at: datetime) -> int:
    """End standing losses as their rows say; return how many. Audit and event ``loss.end`` each.

    In the caller's transaction. One that somebody ended meanwhile stays as it is.
    """
    rows = list(found)
    fields = ["ended_at", "end_recorded_at", "ended_because"]
    standing = set(
        Loss.objects.select_for_update(no_key=True)
        .filter(pk__in=[loss.pk for loss in rows], ended_at__isnull=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    rows = [loss for loss in rows if loss.pk in standing]
    update_rows(rows, fields)
    _write_many("end", rows, at=at)
    return len(rows)


def end_partial(customer_ids: Iterable[int], *, at: datetime) -> int:
    """End the partial losses of customers that left altogether; return how many."""
    partial = Loss.objects.filter(
        customer_id__in=list(customer_ids), ended_at__isnull=True, definition=LossKind.PARTIAL
    )
    rows = list(partial)
    for loss in rows:
        loss.ended_at = loss.end_recorded_at = at
        loss.ended_because = Loss.Ended.TOTAL
    return end_many(rows, at=at) if rows else 0


def _write_many(act: str, rows: list[Loss], *, at: datetime) -> None:
    audit.record_many(f"loss.{act}", objs=rows, by=None, at=at, codes_of=_codes)
    events.record_many(
        Event(
            kind=f"loss.{act}",
            customer_id=loss.customer_id,
            subject_type=Loss._meta.label_lower,
            subject_id=loss.pk,
            occurred_at=at,
            data=_codes(loss),
        )
        for loss in rows
    )


def known_at(moment: datetime) -> QuerySet[Loss]:
    """Return the losses that had occurred and were recorded before ``moment``, in order.

    ``ended_at`` is as it stands today; :func:`standing_at` leaves out those whose end was known.
    """
    known = Loss.objects.filter(occurred_at__lt=moment, recorded_at__lt=moment)
    return known.order_by("occurred_at", "id")


def standing_at(moment: datetime) -> QuerySet[Loss]:
    """Return the losses that were known before ``moment`` and whose end was not."""
    over = Q(ended_at__lt=moment) & (Q(end_recorded_at__isnull=True) | Q(end_recorded_at__lt=moment))
    return known_at(moment).exclude(over)


def between(after: datetime, until: datetime) -> QuerySet[Loss]:
    """Return the losses that occurred later than ``after``, and at ``until`` at the latest, in order.

    As known today, whenever they were found: what a warning of the past is judged by.
    """
    return Loss.objects.filter(occurred_at__gt=after, occurred_at__lte=until).order_by("occurred_at", "id")


@dataclass(frozen=True)
class Spell:
    """A time in which a customer was lost; ``definition`` says what told that it was."""

    customer_id: int
    began_at: datetime
    ended_at: datetime | None
    definition: str


def spells(*, since: datetime, until: datetime) -> list[Spell]:
    """Return the spells, as known today, that began before ``until`` and had not ended at ``since``.

    In order of customer and beginning. Left out are partial losses, whose customers are still there to be
    lost, and who objects to profiling: no rule speaks of them.
    """
    lasting = Loss.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=since), occurred_at__lt=until)
    objecting = Objection.objects.filter(lifted_at__isnull=True).values("customer_id")
    total = lasting.exclude(customer_id__in=objecting).exclude(definition=LossKind.PARTIAL)
    rows = total.order_by("customer_id", "occurred_at", "id")
    values = rows.values_list("customer_id", "occurred_at", "ended_at", "contract_id", "definition")
    return [
        Spell(customer, began, ended, definition or (LossKind.CONTRACT if contract else LossKind.HAND))
        for customer, began, ended, contract, definition in values.iterator()
    ]


def _write_down(loss: Loss, act: str, *, by: User | None, at: datetime) -> None:
    codes = _codes(loss)
    audit.record(f"loss.{act}", obj=loss, by=by, at=at, customer_id=loss.customer_id, codes=codes)
    events.record(f"loss.{act}", customer_id=loss.customer_id, subject=loss, occurred_at=at, data=codes)


def _ask_interviews(found: Sequence[Loss], *, at: datetime) -> None:
    """Have the causes that customers named in exit interviews before written on their losses."""
    if found:
        ids = sorted(loss.pk for loss in found)
        key = f"losses:{ids[0]}:{ids[-1]}"
        outbox.add(INTERVIEWS, due_at=at, dedupe_key=key, payload={"losses": ids})


def _codes(loss: Loss) -> dict[str, Any]:
    return {
        "case": loss.case_id,
        "contract": loss.contract_id,
        "churn_type": loss.churn_type,
        "margin_365d": loss.margin_365d,
        "definition": loss.found_by.value,
    }

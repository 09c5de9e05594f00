"""Losses: a customer that left, recorded when a case closes as lost, ended when the customer returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.models import Customer, Objection, User
from retention.models import CaseCause, Loss, RetentionCase


class DiagnosisMissing(Refused):
    code = "loss_without_diagnosis"
    message = _(
        "A loss needs its type and at least one cause, so that we learn from it. Enter the diagnosis first; "
        "“unknown” is a cause too."
    )


def record_loss(case: RetentionCase, *, by: User | None, at: datetime) -> Loss:
    """Record that the customer of ``case`` left, with the type, the causes and the margin of the case.

    A customer that is lost already stays so: the loss that stands is returned; one that a lapsed contract
    brought learns its case and type.
    Raises :class:`DiagnosisMissing`. Side effects: one ``Loss``, audit and event ``loss.record``.
    """
    if not case.churn_type or not CaseCause.objects.filter(case=case).exists():
        raise DiagnosisMissing()
    with transaction.atomic():
        loss, is_new = Loss.objects.get_or_create(
            customer_id=case.customer_id,
            ended_at=None,
            defaults={
                "case": case,
                "occurred_at": at,
                "recorded_at": at,
                "churn_type": case.churn_type,
                "margin_365d": case.margin_365d,
            },
        )
        if is_new:
            _write_down(loss, "record", by=by, at=at)
        elif loss.case_id is None and not Loss.objects.filter(case=case).exists():
            # a contract had lapsed; now it is known why
            loss.case, loss.churn_type = case, case.churn_type
            loss.save(update_fields=["case", "churn_type"])
    return loss


def end_loss(customer: Customer, *, by: User | None, at: datetime) -> Loss | None:
    """Note that a lost customer has returned; return the loss that ended, or nothing.

    Side effects: ``ended_at``, audit and event ``loss.end``.
    """
    with transaction.atomic():
        loss = Loss.objects.filter(customer=customer, ended_at__isnull=True).first()
        if loss is None or not Loss.objects.filter(pk=loss.pk, ended_at__isnull=True).update(ended_at=at):
            return None
        loss.ended_at = at
        _write_down(loss, "end", by=by, at=at)
    return loss


def write_down_many(found: Iterable[Loss], *, at: datetime) -> None:
    """Write audit and event of losses that the night recorded."""
    rows = list(found)
    audit.record_many("loss.record", objs=rows, by=None, at=at, codes_of=_codes)
    events.record_many(
        Event(
            kind="loss.record",
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

    ``ended_at`` is as it stands today.
    """
    known = Loss.objects.filter(occurred_at__lt=moment, recorded_at__lt=moment)
    return known.order_by("occurred_at", "id")


@dataclass(frozen=True)
class Spell:
    """A time in which a customer was lost; ``definition`` says what told that it was."""

    customer_id: int
    began_at: datetime
    ended_at: datetime | None
    definition: str


def spells(*, since: datetime, until: datetime) -> list[Spell]:
    """Return the spells, as known today, that began before ``until`` and had not ended at ``since``.

    In order of customer and beginning. Left out is who objects to profiling: no rule speaks of them.
    """
    lasting = Loss.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=since), occurred_at__lt=until)
    objecting = Objection.objects.filter(lifted_at__isnull=True).values("customer_id")
    rows = lasting.exclude(customer_id__in=objecting).order_by("customer_id", "occurred_at", "id")
    values = rows.values_list("customer_id", "occurred_at", "ended_at", "contract_id")
    return [
        Spell(customer, began, ended, "contract" if contract else "case")
        for customer, began, ended, contract in values.iterator()
    ]


def _write_down(loss: Loss, act: str, *, by: User | None, at: datetime) -> None:
    codes = _codes(loss)
    audit.record(f"loss.{act}", obj=loss, by=by, at=at, customer_id=loss.customer_id, codes=codes)
    events.record(f"loss.{act}", customer_id=loss.customer_id, subject=loss, occurred_at=at, data=codes)


def _codes(loss: Loss) -> dict[str, Any]:
    return {
        "case": loss.case_id,
        "contract": loss.contract_id,
        "churn_type": loss.churn_type,
        "margin_365d": loss.margin_365d,
    }

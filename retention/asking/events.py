"""A case that was closed well, and a customer that was lost, as events that a survey asks after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from retention.models import Loss, LossKind, MoveKind, RetentionCase
from surveys.distributions import triggers
from surveys.distributions.triggers import Found, Occasion

ASKED_AFTER = (RetentionCase.Outcome.SAVED, RetentionCase.Outcome.REGAINED)
"""Outcomes of cases in which we dealt with somebody who stays; who was lost is asked as such."""

FOUND_WITHIN = timedelta(days=30)
"""Who left longer before we found it is history, as of a file that reaches years back: nobody asks why."""


def register() -> None:
    """Enter both."""
    triggers.register(
        triggers.Trigger(
            code="case_closed",
            label=_("a case was closed with the customer kept or regained"),
            model=RetentionCase,
            kinds=(f"case.{MoveKind.CLOSED}",),
            find=_closed,
            count=_count_closed,
        )
    )
    triggers.register(
        triggers.Trigger(
            code="customer_lost",
            label=_("a customer was lost"),
            model=Loss,
            kinds=("loss.record",),
            find=_lost,
            count=_count_lost,
        )
    )


def _cases() -> QuerySet[RetentionCase]:
    """Return the cases that a person closed and that kept the customer."""
    return RetentionCase.objects.filter(
        status=RetentionCase.Status.CLOSED, outcome__in=ASKED_AFTER, closed_at__isnull=False
    )


def _closed(ids: Sequence[int]) -> Found:
    rows = _cases().filter(pk__in=ids)
    found = rows.values_list("pk", "customer_id", "complaint__contact", "closed_at")
    return {pk: Occasion(pk, customer, contact, at) for pk, customer, contact, at in found if at is not None}


def _count_closed(among: QuerySet[Customer], since: datetime) -> int:
    return _cases().filter(closed_at__gte=since, customer__in=among.values("pk")).count()


def _losses() -> QuerySet[Loss]:
    """Return the losses that last and are whole: who still buys something has not left."""
    return Loss.objects.filter(ended_at=None).exclude(definition=LossKind.PARTIAL)


def _lost(ids: Sequence[int]) -> Found:
    fresh = _losses().filter(pk__in=ids, occurred_at__gte=F("recorded_at") - FOUND_WITHIN)
    rows = fresh.values_list("pk", "customer_id", "recorded_at")
    return {pk: Occasion(pk, customer, None, at) for pk, customer, at in rows}


def _count_lost(among: QuerySet[Customer], since: datetime) -> int:
    fresh = _losses().filter(recorded_at__gte=since, occurred_at__gte=F("recorded_at") - FOUND_WITHIN)
    return fresh.filter(customer__in=among.values("pk")).count()

"""The queue: which open cases a person looks at, in which order, and why in words.

The order for now: what is past its deadline first, then severity × margin of 12 months, then what is
due soonest, then the id, so that the order is total and a page can go on after any row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import BigIntegerField, Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers import company
from customers.ground.money import format_money
from customers.ground.templatetags.ui import span
from customers.models import User
from customers.models.people import Role
from retention.cases import moves
from retention.models import RetentionCase

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for the deadline of a case without a planned call: after all others."""


@dataclass(frozen=True)
class Place:
    """Where a row stands in the order of one queue read at one moment; see :func:`place_of`."""

    missed: int
    weight: int
    due: datetime
    pk: int


def queue(user: User, *, at: datetime) -> QuerySet[RetentionCase]:
    """Return the open cases that ``user`` works through, in order.

    An account manager's are those she holds; a lead's also her team's, those of her team's customers
    and all that nobody could take; admins and analysts get all. Each row carries ``missed`` (1 when
    its deadline lies before ``at``), ``weight`` and ``due``.
    """
    cases = RetentionCase.objects.visible_to(user).filter(status__in=moves.OPEN)  # type: ignore[attr-defined]
    if user.role == Role.ACCOUNT_MANAGER:
        cases = cases.filter(assignee=user)
    return in_order(cases, at=at)


def in_order(cases: QuerySet[RetentionCase], *, at: datetime) -> QuerySet[RetentionCase]:
    """Return ``cases`` in the order of the queue, with the values that make it."""
    whole = BigIntegerField()
    return cases.annotate(
        missed=Case(When(due_at__lt=at, then=Value(1)), default=Value(0), output_field=whole),
        weight=Case(
            When(margin_365d__gt=0, then=F("severity") * F("margin_365d")),
            default=Value(0),
            output_field=whole,
        ),
        due=Coalesce("due_at", Value(NEVER), output_field=DateTimeField()),
    ).order_by("-missed", "-weight", "due", "pk")


def place_of(case: Any) -> Place:
    """Return the place of a row of :func:`queue`, from which :func:`after` goes on."""
    return Place(case.missed, case.weight, case.due, case.pk)


def after(cases: QuerySet[RetentionCase], place: Place) -> QuerySet[RetentionCase]:
    """Return the rows of a queue behind ``place``; both pages are read with the same ``at``."""
    same_missed = Q(missed=place.missed)
    same_weight = same_missed & Q(weight=place.weight)
    return cases.filter(
        Q(missed__lt=place.missed)
        | (same_missed & Q(weight__lt=place.weight))
        | (same_weight & Q(due__gt=place.due))
        | (same_weight & Q(due=place.due, pk__gt=place.pk))
    )


def why_here(case: RetentionCase, at: datetime, *, currency: str | None = None) -> str:
    """Say in words why a case stands where it does: deadline, severity, margin.

    ``currency`` is the company's; give it where many rows are shown, it saves a query for each.
    """
    parts = [
        _deadline(case, at),
        _("severity %(severity)s") % {"severity": case.get_severity_display()},
        _money(case, currency or company.current().base_currency),
    ]
    return " · ".join(parts)


def _deadline(case: RetentionCase, at: datetime) -> str:
    if case.due_at is None:
        return _("no call planned")
    if case.due_at < at:
        return _("deadline missed %(time)s ago") % {"time": span(at - case.due_at)}
    return _("call due in %(time)s") % {"time": span(case.due_at - at)}


def _money(case: RetentionCase, currency: str) -> str:
    if case.margin_365d <= 0:
        return _("no margin known")
    return _("margin %(amount)s a year") % {
        "amount": format_money(case.margin_365d, currency, get_language() or "en")
    }

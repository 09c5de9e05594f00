"""Silences: for a time a rule opens no case, for one customer or for all; each ends by itself."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from customers.models import Customer
from retention.models import Silence, WarningRule

LONGEST_DAYS = 366


class SilenceRefused(Refused):
    code = "silence_refused"
    message = _("Give a reason and a last day, from today on and within a year.")


@transaction.atomic
def silence(
    rule: WarningRule,
    *,
    customer: Customer | None = None,
    until: date | None,
    reason: str,
    by: Actor | None,
    at: datetime,
) -> Silence:
    """Let a rule open no case up to and including the local day ``until``; return the silence.

    ``customer``: for this one alone; for all when not given. Warnings and cases that stand stay as they are.
    Raises :class:`SilenceRefused`. Side effect: an audit event.
    """
    today = company.today(at).number
    if until is None or not reason.strip() or not today <= until.toordinal() <= today + LONGEST_DAYS:
        raise SilenceRefused()
    made = Silence.objects.create(
        rule=rule,
        customer=customer,
        starts_at=at,
        until_day=until.toordinal(),
        reason=reason.strip()[:300],
        by_id=by.pk if by is not None else None,
    )
    codes = {"rule": rule.code, "until": until.isoformat(), "customer": customer.pk if customer else None}
    audit.record("rule.silence", obj=rule, by=by, at=at, codes=codes)
    return made


@transaction.atomic
def end(made: Silence, *, by: Actor | None, at: datetime) -> bool:
    """End a silence before its time; return whether it still stood. Side effect: an audit event."""
    author = by.pk if by is not None else None
    standing = in_force(Silence.objects.filter(pk=made.pk), at=at)
    if not standing.update(ended_at=at, ended_by_id=author):
        return False
    audit.record("rule.speak", obj=made.rule, by=by, at=at, codes={"rule": made.rule.code})
    return True


def in_force(silences: QuerySet[Silence], *, at: datetime) -> QuerySet[Silence]:
    """Return those of ``silences`` that stood at the moment ``at``."""
    not_ended = Q(ended_at__isnull=True) | Q(ended_at__gt=at)
    return silences.filter(not_ended, starts_at__lte=at, until_day__gte=company.today(at).number)

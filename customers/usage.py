"""Recording usage by hand or by program, and the catalogue of what is counted."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Customer, Product, Usage, UsageKind, UsageMetric, User
from customers.models.usage import THOUSANDTHS

MOST = Decimal(10) ** 12
"""Below this a quantity must lie, so that many add up without overflow."""

METRICS: tuple[tuple[str, str, str, str], ...] = (
    ("logins", UsageKind.USE, "Logins", "登录次数"),
    ("visits", UsageKind.USE, "Visits to a shop", "到店次数"),
    ("transactions", UsageKind.USE, "Transactions", "交易笔数"),
    ("minutes", UsageKind.USE, "Minutes of use", "使用分钟数"),
    ("balance", UsageKind.BALANCE, "Balance held", "持有余额"),
)
"""Code, kind, English and Chinese name of what is delivered, in order of display."""


class UsageRefused(Refused):
    code = "usage_quantity"
    message = _(
        "A quantity is a number with at most three decimals below 1,000,000,000,000; only a balance can be "
        "below 0."
    )


class MetricExists(Refused):
    code = "metric_exists"
    message = _("There is a metric with the code “%(metric)s” already. Choose another code.")


class MetricRetired(Refused):
    code = "metric_retired"
    message = _("The metric “%(metric)s” is retired. Take it up again first, or choose another one.")


def milli_of(quantity: Decimal, *, kind: str) -> int:
    """Return a quantity in thousandths; raise :class:`UsageRefused` for what cannot be counted."""
    if not quantity.is_finite() or abs(quantity) >= MOST or (quantity < 0 and kind == UsageKind.USE):
        raise UsageRefused()
    return int((quantity * THOUSANDTHS).to_integral_value(ROUND_HALF_UP))


def record_usage(
    customer: Customer,
    *,
    metric: UsageMetric,
    quantity: Decimal,
    product: Product | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Usage:
    """Record how much of a metric was counted at ``occurred_at`` (``at`` when unknown).

    Raises :class:`UsageRefused`, :class:`MetricRetired`, ``InTheFuture``. Side effects: touches the
    customer, event ``usage.recorded``, audit ``usage.record``.
    """
    if metric.is_retired:
        raise MetricRetired(metric=str(metric))
    milli = milli_of(quantity, kind=metric.kind)
    with transaction.atomic():
        usage = writing.write(
            Usage,
            customer_id=customer.pk,
            when=writing.moments(at=at, occurred_at=occurred_at),
            metric=metric,
            kind=metric.kind,
            product=product,
            milli=milli,
        )
        events.record("usage.recorded", customer_id=customer.pk, subject=usage, occurred_at=usage.occurred_at)
        audit.record("usage.record", obj=usage, by=by, at=at, customer_id=customer.pk)
    return usage


def remove_usage(usage: Usage, *, by: User | None, at: datetime) -> Usage:
    """Remove usage that was entered wrongly: from ``at`` on it counts no more."""
    with transaction.atomic():
        before = usage.recorded_at
        usage = writing.void(usage, at=at)
        if usage.recorded_at != before:
            audit.record("usage.remove", obj=usage, by=by, at=at, customer_id=usage.customer_id)
    return usage


# --- The catalogue -----------------------------------------------------------------------------
def metrics() -> Any:
    """Return the metrics that new usage may name, in order."""
    return UsageMetric.objects.filter(is_retired=False)


def add_metric(
    *, code: str, kind: str, name_en: str, name_zh: str, by: User | None, at: datetime
) -> UsageMetric:
    """Add a metric; its kind never changes. Raises :class:`MetricExists`. Audit ``metric.add``."""
    with transaction.atomic():
        metric, is_new = UsageMetric.objects.get_or_create(
            code=code,
            defaults={
                "kind": UsageKind(kind),
                "name_en": name_en,
                "name_zh": name_zh,
                "position": UsageMetric.objects.count() + 1,
            },
        )
        if not is_new:
            raise MetricExists(metric=code)
        audit.record("metric.add", obj=metric, by=by, at=at, codes={"metric": code})
    return metric


def change_metric(
    metric: UsageMetric, *, name_en: str, name_zh: str, is_retired: bool, by: User | None, at: datetime
) -> UsageMetric:
    """Rename a metric, retire it (old usage stays readable) or take it up again. Audit ``metric.change``."""
    wanted = {"name_en": name_en, "name_zh": name_zh, "is_retired": is_retired}
    with transaction.atomic():
        metric = UsageMetric.objects.select_for_update().get(pk=metric.pk)
        changed = sorted(name for name, value in wanted.items() if getattr(metric, name) != value)
        if changed:
            for name in changed:
                setattr(metric, name, wanted[name])
            metric.save(update_fields=changed)
            audit.record("metric.change", obj=metric, by=by, at=at, codes={"changed": changed})
    return metric


def sync(**_kwargs: Any) -> int:
    """Add the delivered metrics that are missing; return how many are delivered.

    What a person renamed, moved or retired stays as it is.
    """
    UsageMetric.objects.bulk_create(
        [
            UsageMetric(code=code, kind=kind, name_en=english, name_zh=chinese, position=position)
            for position, (code, kind, english, chinese) in enumerate(METRICS, start=1)
        ],
        ignore_conflicts=True,
    )
    return len(METRICS)

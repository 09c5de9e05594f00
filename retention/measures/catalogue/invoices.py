"""What customers owe, and payments that failed, read from the dated steps of their invoices."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source


def _owed(column: str) -> str:
    """Return SQL for what was issued less what was paid and written off."""
    return (
        f"sum(CASE kind WHEN 'issued' THEN {column} WHEN 'paid' THEN -{column}"
        f" WHEN 'written_off' THEN -{column} ELSE 0 END)"
    )


# One row of each invoice, over the index in order of customer and invoice.
_INVOICES = (
    f"SELECT customer_id, invoice_id, {_owed('amount')} AS owed, {_owed('amount_base')} AS owed_base,"
    " max(due_day) AS due_day,"
    " max(occurred_day) FILTER (WHERE kind = 'failed') AS last_failed_day,"
    " count(*) FILTER (WHERE kind = 'failed' AND occurred_day > %(back_30)s) AS failed,"
    " count(*) FILTER (WHERE kind = 'failed' AND occurred_day > %(back_60)s) AS failed_60"
    " FROM ({facts}) f GROUP BY customer_id, invoice_id"
)
_OPEN = "owed > 0 AND due_day IS NOT NULL"

declare_source(
    Source(
        code="invoices",
        label=_("Invoices and payments"),
        fact="customers.InvoiceEvent",
        columns=("invoice_id", "occurred_day", "kind", "amount", "amount_base", "due_day"),
        rows=_INVOICES,
        crossings=(("due_day", 1),),
    )
)

declare(
    Measure(
        code="invoices_open",
        label=_("Open invoices"),
        unit=Unit.COUNT,
        source="invoices",
        help=_("Invoices of which less was paid and written off than they were issued over."),
        aggregate=f"count(*) FILTER (WHERE {_OPEN})",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="invoices_overdue",
        label=_("Overdue invoices"),
        unit=Unit.COUNT,
        source="invoices",
        help=_("Open invoices whose due day has passed."),
        aggregate=f"count(*) FILTER (WHERE {_OPEN} AND due_day < %(today)s)",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="amount_overdue",
        label=_("Amount overdue"),
        unit=Unit.MONEY,
        source="invoices",
        help=_("What is still to be paid of overdue invoices, in the base currency."),
        aggregate=f"sum(owed_base) FILTER (WHERE {_OPEN} AND due_day < %(today)s)",
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="invoice_due_day",
        label=_("Next invoice due"),
        unit=Unit.DAY,
        source="invoices",
        help=_("Earliest day by whose end an open invoice must be paid."),
        aggregate=f"min(due_day) FILTER (WHERE {_OPEN})",
    )
)
declare(
    Measure(
        code="payments_failed_30d",
        label=_("Failed payments in 30 days"),
        unit=Unit.COUNT,
        source="invoices",
        help=_("Payments of the last 30 days that failed, whether or not one came later."),
        aggregate="sum(failed) FILTER (WHERE last_failed_day > %(back_30)s)",
        window=30,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="payments_failed_60d",
        label=_("Failed payments in 60 days"),
        unit=Unit.COUNT,
        source="invoices",
        help=_("Payments of the last 60 days that failed, whether or not one came later."),
        aggregate="sum(failed_60) FILTER (WHERE last_failed_day > %(back_60)s)",
        window=60,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="failures_60d",
        label=_("Failures in 60 days"),
        unit=Unit.COUNT,
        source="invoices",
        help=_(
            "What went wrong in the last 60 days: complaints, late deliveries and failed payments together. "
            "At 2 a second failure came within 60 days of the first."
        ),
        form=Col("complaints_60d") + Col("deliveries_late_60d") + Col("payments_failed_60d"),
        window=60,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="days_invoice_overdue",
        label=_("Days an invoice is overdue"),
        unit=Unit.DAYS,
        source="invoices",
        help=_("Days since the earliest due day of an open invoice; below 0 while there is time left."),
        form=TODAY - Col("invoice_due_day"),
        higher_is_worse=True,
    )
)

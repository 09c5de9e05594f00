"""What is agreed with customers and when it ends."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col, Known
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

# Renewing and terminating count from their day on: a file of old contracts knows them all along, and
# as of a moment before that day nobody did.
_RUNNING = (
    "starts_day <= %(today)s AND ends_day >= %(today)s"
    " AND (renewed_day IS NULL OR renewed_day > %(today)s)"
    " AND (terminated_day IS NULL OR terminated_day > %(today)s)"
)

declare_source(
    Source(
        code="contracts",
        label=_("Contracts"),
        fact="customers.Contract",
        columns=(
            "occurred_day",
            "starts_day",
            "ends_day",
            "auto_renew",
            "renewed_day",
            "terminated_day",
            "value_base",
        ),
        rows=f"SELECT f.*, CASE WHEN {_RUNNING} THEN 1 ELSE 0 END AS running FROM ({{facts}}) f",
        crossings=(("starts_day", 0), ("ends_day", 1), ("renewed_day", 0), ("terminated_day", 0)),
    )
)

declare(
    Measure(
        code="contracts_running",
        label=_("Running contracts"),
        unit=Unit.COUNT,
        source="contracts",
        help=_("Contracts that have begun, have not ended, and were neither renewed nor terminated."),
        aggregate="count(*) FILTER (WHERE running = 1)",
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="contract_value_running",
        label=_("Value of running contracts"),
        unit=Unit.MONEY,
        source="contracts",
        help=_("Value of the running contracts over their whole terms, in the base currency."),
        aggregate="sum(value_base) FILTER (WHERE running = 1)",
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="contract_end_day",
        label=_("Next contract end"),
        unit=Unit.DAY,
        source="contracts",
        help=_("Earliest end of a running contract that does not renew itself."),
        aggregate="min(ends_day) FILTER (WHERE running = 1 AND NOT auto_renew)",
    )
)
declare(
    Measure(
        code="first_contract_day",
        label=_("First contract signed"),
        unit=Unit.DAY,
        source="contracts",
        help=_("Day on which the first contract was signed."),
        aggregate="min(occurred_day)",
    )
)
declare(
    Measure(
        code="days_to_contract_end",
        label=_("Days to the contract's end"),
        unit=Unit.DAYS,
        source="contracts",
        help=_(
            "Days until the next running contract that does not renew itself ends; 0 on its last day. "
            "Unknown without one."
        ),
        form=Col("contract_end_day") - TODAY,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="tenure_days",
        label=_("Days as a customer"),
        unit=Unit.DAYS,
        source="contracts",
        help=_("Days since the first order or the first signed contract, whichever came first."),
        form=TODAY - Known(True, Col("first_order_day"), Col("first_contract_day")),
        higher_is_worse=False,
    )
)

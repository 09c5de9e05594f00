"""When we last spoke: calls, visits, messages. An order is no contact."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col, Ratio
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

declare_source(
    Source(
        code="interactions",
        label=_("Interactions"),
        fact="customers.Interaction",
        columns=("occurred_day", "reached", "direction"),
        # An unanswered call is no contact.
        rows="SELECT * FROM ({facts}) f WHERE reached",
    )
)

declare(
    Measure(
        code="contacts_90d",
        label=_("Contacts in 90 days"),
        unit=Unit.COUNT,
        source="interactions",
        help=_("Contacts of the last 90 days in either direction. An unanswered call is no contact."),
        aggregate="count(*) FILTER (WHERE occurred_day > %(back_90)s)",
        window=90,
        spark="contacts",
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="contacts_prev_90d",
        label=_("Contacts in the 90 days before"),
        unit=Unit.COUNT,
        source="interactions",
        help=_("Contacts of the 90 days before the last 90 days."),
        aggregate="count(*) FILTER (WHERE occurred_day > %(back_180)s AND occurred_day <= %(back_90)s)",
        window=180,
        higher_is_worse=False,
    )
)
declare(
    Measure(
        code="contacts_in_90d",
        label=_("Contacts by the customer in 90 days"),
        unit=Unit.COUNT,
        source="interactions",
        help=_("Contacts of the last 90 days that the customer began."),
        aggregate="count(*) FILTER (WHERE direction = 'in' AND occurred_day > %(back_90)s)",
        window=90,
        higher_is_worse=None,
    )
)
declare(
    Measure(
        code="last_contact_day",
        label=_("Last contact"),
        unit=Unit.DAY,
        source="interactions",
        help=_("Day of the last contact in either direction. An order or an unanswered call is no contact."),
        aggregate="max(occurred_day)",
    )
)
declare(
    Measure(
        code="days_since_last_contact",
        label=_("Days since the last contact"),
        unit=Unit.DAYS,
        source="interactions",
        help=_("Days that have passed since the last contact. Unknown when there never was one."),
        form=TODAY - Col("last_contact_day"),
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="contacts_90d_vs_previous",
        label=_("Contacts in 90 days against the 90 before"),
        unit=Unit.RATIO,
        source="interactions",
        help=_(
            "Contacts of the last 90 days divided by those of the 90 days before. Unknown without any then."
        ),
        form=Ratio(Col("contacts_90d"), Col("contacts_prev_90d")),
        window=180,
        higher_is_worse=False,
    )
)

"""Addresses of this app's API, below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from customers.api import (
    attributes,
    audit,
    calendar,
    causes,
    colleagues,
    communities,
    company,
    competitors,
    complaints,
    consents,
    contacting,
    customers,
    erasure,
    feedback,
    file,
    imports,
    indicators,
    invoices,
    keeping,
    mentions,
    merges,
    messages,
    people,
    recurring,
    reminders,
    talk,
    texts,
    trade,
    usage,
)
from customers.api.batch import Batch, batch_of

RESOURCES = (
    ("customers", customers.Customers, "customer"),
    ("merges", merges.Merges, "merge"),
    ("duplicates", merges.Duplicates, "duplicate"),
    ("contacts", people.Contacts, "contact"),
    ("orders", trade.Orders, "order"),
    ("contracts", trade.Contracts, "contract"),
    ("interactions", talk.Interactions, "interaction"),
    ("complaints", complaints.Complaints, "complaint"),
    ("compensations", complaints.Compensations, "compensation"),
    ("feedback", feedback.Feedback, "feedback"),
    ("text-readings", texts.Readings, "text-reading"),
    ("text-models", texts.Models, "text-model"),
    ("reminders", reminders.Reminders, "reminder"),
    ("consents", consents.Consents, "consent"),
    ("consent-texts", consents.Texts, "consent-text"),
    ("objections", consents.Objections, "objection"),
    ("contact-reservations", contacting.Reservations, "contact-reservation"),
    ("messages", messages.Messages, "message"),
    ("erasures", erasure.Erasures, "erasure"),
    ("invoices", invoices.Invoices, "invoice"),
    ("usage", usage.Usages, "usage"),
    ("usage-metrics", usage.Metrics, "usage-metric"),
    ("competitors", competitors.Competitors, "competitor"),
    ("competitor-sightings", competitors.Sightings, "competitor-sighting"),
    ("mentions", mentions.Mentions, "mention"),
    ("community-memberships", communities.Memberships, "community-membership"),
    ("communities", communities.Communities, "community"),
    ("indicator-values", indicators.IndicatorValues, "indicator-value"),
    ("indicators", indicators.Indicators, "indicator"),
    ("products", trade.Products, "product"),
    ("attributes", attributes.Attributes, "attribute"),
    ("attribute-values", attributes.Values, "attribute-value"),
    ("addresses", file.Addresses, "address"),
    ("needs", file.Needs, "need"),
    ("social-handles", file.Handles, "social-handle"),
    ("attachments", file.Attachments, "attachment"),
    ("references", company.References, "reference"),
    ("exchange-rates", company.Rates, "exchange-rate"),
    ("calendar-exceptions", calendar.Exceptions, "calendar-exception"),
    ("causes", causes.Causes, "cause"),
    ("users", colleagues.Users, "user"),
    ("teams", colleagues.Teams, "team"),
    ("imports", imports.Imports, "import"),
    ("audit-events", audit.Audit, "audit-event"),
)
"""Path, resource, and the stem of its route names (``customer-list``, ``customer-detail`` …)."""

_MOMENT = "2026-05-11T09:30:00+08:00"
BATCHES = {
    "customers": (
        "customers:write",
        {"external_id": "C-1", "name": "Blue Lake Trading", "segment": "wholesale"},
    ),
    "contacts": ("customers:write", {"external_id": "K-1", "customer": "C-1", "name": "Wang Jing"}),
    "attributes": (
        "customers:write",
        {
            "external_id": "C-1-industry",
            "customer": "C-1",
            "attribute": "industry",
            "value": "retail",
            "occurred_at": _MOMENT,
        },
    ),
    "products": ("company:write", {"code": "P-100", "name": "Tea, 100 g"}),
    "rates": ("company:write", {"currency": "EUR", "day": "2026-05-11", "rate": "7.8412"}),
    "orders": (
        "facts:write",
        {
            "external_id": "SO-1017",
            "customer": "C-1",
            "occurred_at": _MOMENT,
            "currency": "CNY",
            "lines": [{"product": "P-100", "quantity": "2", "unit_price": "49.90"}],
        },
    ),
    "contracts": (
        "facts:write",
        {"external_id": "V-1", "customer": "C-1", "starts_on": "2026-06-01", "ends_on": "2027-05-31"},
    ),
    "interactions": (
        "facts:write",
        {"external_id": "I-1", "customer": "C-1", "occurred_at": _MOMENT, "kind": "call"},
    ),
    "complaints": (
        "facts:write",
        {"external_id": "T-1", "customer": "C-1", "occurred_at": _MOMENT, "text": "Two boxes were wet."},
    ),
    "consents": (
        "privacy:write",
        {
            "external_id": "E-1",
            "customer": "C-1",
            "contact": "K-1",
            "purpose": "offer",
            "channel": "email",
            "is_given": True,
            "occurred_at": _MOMENT,
        },
    ),
    "usage": (
        "facts:write",
        {
            "external_id": "U-1",
            "customer": "C-1",
            "occurred_at": _MOMENT,
            "metric": "logins",
            "quantity": "12",
        },
    ),
    "sightings": (
        "facts:write",
        {
            "external_id": "S-1",
            "customer": "C-1",
            "occurred_at": _MOMENT,
            "competitor": "Acme Ltd",
            "offered": "10 % off for a year",
            "price_seen": "90.00",
            "price_ours": "99.00",
            "learnt_from": "visit",
        },
    ),
    "mentions": (
        "mentions:write",
        {
            "external_id": "r-1017",
            "platform": "dianping",
            "occurred_at": _MOMENT,
            "handle": "tea_lover",
            "text": "Two boxes were wet.",
            "rating": "2",
            "url": "https://www.example.com/r/1017",
        },
    ),
    "communities": (
        "facts:write",
        {"external_id": "M-1", "customer": "C-1", "occurred_at": _MOMENT, "community": "tea-friends"},
    ),
    "indicators": (
        "facts:write",
        {
            "external_id": "H-1",
            "customer": "C-1",
            "occurred_at": _MOMENT,
            "indicator": "health-score",
            "value": "72.5",
        },
    ),
    "payments": (
        "facts:write",
        {
            "external_id": "INV-7",
            "customer": "C-1",
            "occurred_at": _MOMENT,
            "due_on": "2026-06-10",
            "total": "1200.00",
            "payments": [{"paid_at": "2026-05-11T10:00:00+08:00", "amount": "600.00", "outcome": "paid"}],
        },
    ),
}
"""Kind → the scope that its batches need, and an example of one record."""


def _batch(kind: str, scope: str, record: dict[str, object]) -> type[Batch]:
    source = {} if kind in {"products", "rates"} else {"source": "shop"}
    return batch_of(kind, scope=scope, example={**source, "records": [record]})


PATHS = [
    path("me/", people.Me.as_view({"get": "show"}), name="me"),
    path("company/", company.TheCompany.as_view({"get": "show", "put": "set_up"}), name="company"),
    path("calendar/", calendar.TheCalendar.as_view({"get": "show", "put": "set_week"}), name="calendar"),
    path(
        "keep-periods/",
        keeping.KeepPeriods.as_view({"get": "show", "put": "set_periods"}),
        name="keep-periods",
    ),
    path(
        "contact-limits/",
        contacting.ContactLimits.as_view({"get": "show", "put": "set_limits"}),
        name="contact-limits",
    ),
    path("personal-copies/", erasure.Copies.as_view({"post": "make"}), name="personal-copies"),
    path(
        "imports/recurring/",
        recurring.RecurringUploads.as_view({"post": "create"}),
        name="recurring-upload",
    ),
    path("import-kinds/", imports.Kinds.as_view({"get": "show"}), name="import-kinds"),
    *(
        path(f"batch/{kind}/", _batch(kind, *said).as_view({"post": "upsert"}), name=f"batch-{kind}")
        for kind, said in BATCHES.items()
    ),
]

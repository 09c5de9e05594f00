"""The demo company's records as rows of the database.

Each function answers with the names of the columns and the rows in that order. Ids are counted on from
what stands in the table, so that rows can point to each other before they are written.
"""

from __future__ import annotations

from django.db import models

from customers.demo.company import CURRENCY
from customers.demo.rows.people import SEGMENTS, People
from customers.demo.rows.posts import Posts
from customers.demo.rows.talk import Talk
from customers.demo.rows.trade import Trade
from customers.models import (
    AttributeValue,
    CommunityMembership,
    CompetitorSighting,
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    IndicatorValue,
    Interaction,
    Invoice,
    InvoiceEvent,
    Mention,
    Order,
    OrderLine,
    Ownership,
    Usage,
)

SAME = {"currency": CURRENCY}


class Builder(People, Trade, Talk, Posts):
    """Makes all rows of one world, in the order of `WRITTEN` and then of `CHANGED`."""


WRITTEN: tuple[tuple[str, type[models.Model]], ...] = (
    ("customer_rows", Customer),
    ("contact_rows", Contact),
    ("ownership_rows", Ownership),
    ("attribute_value_rows", AttributeValue),
    ("order_rows", Order),
    ("line_rows", OrderLine),
    ("return_rows", Order),
    ("return_line_rows", OrderLine),
    ("invoice_rows", Invoice),
    ("invoice_event_rows", InvoiceEvent),
    ("usage_rows", Usage),
    ("sighting_rows", CompetitorSighting),
    ("mention_rows", Mention),
    ("membership_rows", CommunityMembership),
    ("indicator_rows", IndicatorValue),
    ("contract_rows", Contract),
    ("interaction_rows", Interaction),
    ("complaint_rows", Complaint),
    ("complaint_event_rows", ComplaintEvent),
)
DERIVED = frozenset(
    {
        "invoice_rows",
        "invoice_event_rows",
        "usage_rows",
        "sighting_rows",
        "mention_rows",
        "membership_rows",
        "indicator_rows",
    }
)
CHANGED: tuple[tuple[str, type[models.Model]], ...] = (
    ("changed_orders", Order),
    ("changed_lines", OrderLine),
    ("ended_contracts", Contract),
    ("void_interactions", Interaction),
    ("left_memberships", CommunityMembership),
)

__all__ = ["CHANGED", "DERIVED", "SAME", "SEGMENTS", "WRITTEN", "Builder"]

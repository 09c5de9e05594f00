"""The demo company's records as rows of the database.

Each function answers with the names of the columns and the rows in that order. Ids are counted on from
what stands in the table, so that rows can point to each other before they are written.
"""

from __future__ import annotations

from django.db import models

from customers.demo.company import CURRENCY
from customers.demo.rows.people import SEGMENTS, People
from customers.demo.rows.talk import Talk
from customers.demo.rows.trade import Trade
from customers.models import (
    AttributeValue,
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    Interaction,
    Invoice,
    InvoiceEvent,
    Order,
    OrderLine,
    Ownership,
    Usage,
)

SAME = {"currency": CURRENCY}


class Builder(People, Trade, Talk):
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
    ("contract_rows", Contract),
    ("interaction_rows", Interaction),
    ("complaint_rows", Complaint),
    ("complaint_event_rows", ComplaintEvent),
)
DERIVED = frozenset({"invoice_rows", "invoice_event_rows", "usage_rows"})
CHANGED: tuple[tuple[str, type[models.Model]], ...] = (
    ("changed_orders", Order),
    ("changed_lines", OrderLine),
    ("ended_contracts", Contract),
    ("void_interactions", Interaction),
)

__all__ = ["CHANGED", "DERIVED", "SAME", "SEGMENTS", "WRITTEN", "Builder"]

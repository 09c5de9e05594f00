"""What the records are called that imports make and change."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_NAMES: dict[str, tuple[str | Promise, str | Promise]] = {
    "customers.customer": (_("customer"), _("Customers")),
    "customers.contact": (_("contact"), _("Contacts")),
    "customers.product": (_("product"), _("Products")),
    "customers.order": (_("order"), _("Orders")),
    "customers.orderline": (_("order line"), _("Order lines")),
    "customers.contract": (_("contract"), _("Contracts")),
    "customers.interaction": (_("interaction"), _("Interactions")),
    "customers.complaint": (_("complaint"), _("Complaints")),
    "customers.complaintevent": (_("step of a complaint"), _("Steps of complaints")),
    "customers.competitorsighting": (_("sighting of a competitor"), _("Sightings of competitors")),
    "customers.mention": (_("mention"), _("Mentions")),
    "customers.usage": (_("usage"), _("Usage")),
    "customers.communitymembership": (_("membership of a community"), _("Memberships of communities")),
    "customers.indicatorvalue": (_("value of an indicator"), _("Values of indicators")),
    "customers.invoice": (_("invoice"), _("Invoices")),
    "customers.invoiceevent": (_("step of an invoice"), _("Steps of invoices")),
    "customers.address": (_("address"), _("Addresses")),
    "customers.maincontactchange": (_("change of main contact"), _("Changes of main contact")),
    "customers.ownership": (_("change of owner"), _("Changes of owner")),
    "customers.attributevalue": (_("value of an attribute"), _("Values of attributes")),
    "customers.customerlistmember": (_("membership of a list"), _("Memberships of lists")),
    "customers.need": (_("need of a customer"), _("Needs of customers")),
    "ground.exchangerate": (_("exchange rate"), _("Exchange rates")),
}


def register(label: str, one: str | Promise, many: str | Promise) -> None:
    """Enter (in ``AppConfig.ready()``) what the records of another model are called."""
    _NAMES[label] = (one, many)


def one_of(model: type[Any]) -> str:
    """Return what one record is called, in lower case where the language has it."""
    return str(_NAMES.get(model._meta.label_lower, (model._meta.verbose_name, ""))[0])


def many_of(model: type[Any]) -> str:
    """Return what records are called, as a heading."""
    return str(_NAMES.get(model._meta.label_lower, ("", model._meta.verbose_name_plural))[1])

"""Making and changing customers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import addresses, changing, contacts, groups, ownership, regions, registration
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Customer, User
from customers.models.people import Role
from customers.search import index
from customers.search.words import sort_key


class NoName(Refused):
    code = "no_name"
    message = _("A customer needs a name.")


def create_customer(
    *,
    name: str,
    kind: str = Customer.Kind.COMPANY,
    contact: dict[str, Any] | None = None,
    owner: User | None = None,
    by: User | None,
    at: datetime,
    **values: Any,
) -> Customer:
    """Create a customer with at least one contact (decision 12).

    Args:
        contact: the main contact's fields (name, role, phone, email …); without it, it bears the
            customer's name.
        owner: who looks after it; an account manager who makes it does so herself unless said.
        values: any other field of the file: name_alt, segment, city, language, since, notes, country,
            region, street, postal_code, registration_number, source, source_note, parent.

    Raises :class:`NoName`, ``MayNotOwn``, and what ``regions``, ``registration`` and ``groups`` refuse.
    Side effects: event ``customer.created``, audit ``customer.create``, an ``Address`` and an
    ``Ownership`` where there is one.
    """
    if not name.strip():
        raise NoName()
    with transaction.atomic():
        customer = Customer(name=name.strip(), kind=Customer.Kind(kind), created_at=at, updated_at=at)
        customer.sort_key = sort_key(customer.name)
        for field, value in _checked(customer, values).items():
            setattr(customer, field, value)
        customer.save(force_insert=True)
        contacts.first_of(customer, values=contact or {}, at=at)
        index.write([customer.pk])
        events.record("customer.created", customer_id=customer.pk, subject=customer, occurred_at=at)
        audit.record("customer.create", obj=customer, by=by, at=at, customer_id=customer.pk)
        if customer.country:
            addresses.move(customer, at=at)
        if owner is None and by is not None and by.role == Role.ACCOUNT_MANAGER:
            owner = by
        if owner is not None:
            ownership.assign_owner(customer, user=owner, by=by, at=at)
    return customer


def change_customer(
    customer: Customer,
    *,
    moved_on: date | None = None,
    corrects: bool = False,
    by: User | None,
    at: datetime,
    **values: Any,
) -> Customer:
    """Change fields of a customer's file; old personal values are sealed beside the audit event.

    Args:
        moved_on: the day since which another country or region counts, today unless said.
        corrects: another country or region was right all along: nobody moved.

    Raises ``ChangedMeanwhile`` when somebody else wrote since ``customer`` was read, :class:`NoName`,
    and what ``regions``, ``registration``, ``groups`` and ``addresses`` refuse.
    """
    with transaction.atomic():
        # the row first: whoever changes parents locks customers before the company
        list(Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk).values_list("pk"))
        values = _checked(customer, values)
        was = (customer.country, customer.region)
        changing.change(customer, act="customer.change", customer_id=customer.pk, by=by, at=at, values=values)
        if (customer.country, customer.region) != was:
            addresses.move(customer, since=moved_on, corrects=corrects, at=at)
    return customer


def _checked(customer: Customer, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as they are kept; raise what does not go together with what stays."""
    if "name" in values and not values["name"].strip():
        raise NoName()
    country = values.get("country", customer.country)
    if "country" in values or "region" in values:
        if "region" not in values and country != customer.country:
            values["region"] = ""
        regions.check(country, values.get("region", customer.region))
    if values.get("registration_number"):
        values["registration_number"] = registration.checked(values["registration_number"], country=country)
    if values.get("parent") is not None and values["parent"].pk != customer.parent_id:
        groups.hold()
        groups.check_parent(customer, values["parent"])
    return values

"""Making and changing the people at a customer: who is asked first, who left, who followed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import birthdays, changing, company, mainstays
from customers.contact import frequency
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Contact, Customer, User
from customers.search import index


class ContactWithoutName(Refused):
    code = "contact_without_name"
    message = _("A contact needs a name.")


class LeavesInFuture(Refused):
    code = "leaves_in_future"
    message = _("That day has not come yet. Enter it when the contact has really left.")


class HasLeft(Refused):
    code = "contact_has_left"
    message = _("%(name)s has left. Choose somebody who is still there.")


class NotASuccessor(Refused):
    code = "not_a_successor"
    message = _("The successor must be another contact of the same customer.")


def first_of(customer: Customer, *, values: dict[str, Any], at: datetime) -> Contact:
    """Make the main contact of a new customer; without a name it bears the customer's."""
    named = {"name": customer.name, "language": customer.language, **values}
    named["name"] = named["name"].strip() or customer.name
    return Contact.objects.create(customer=customer, is_main=True, created_at=at, updated_at=at, **named)


def create_contact(
    customer: Customer, *, name: str, is_main: bool = False, by: User | None, at: datetime, **values: Any
) -> Contact:
    """Add a contact to a customer; the first one is its main contact.

    Raises :class:`ContactWithoutName`, ``FrequencyRefused``, and of a birthday what
    ``birthdays.columns_of`` raises.
    Side effects: event ``contact.created``, audit ``contact.create``,
    and those of :func:`name_main`.
    """
    if not name.strip():
        raise ContactWithoutName()
    frequency.check(values.get("at_most_once_in_days"))
    values |= birthdays.columns_of(values, at=at)
    with transaction.atomic():
        _hold(customer.pk)
        contact = Contact.objects.create(
            customer=customer, name=name.strip(), created_at=at, updated_at=at, **values
        )
        events.record("contact.created", customer_id=customer.pk, subject=contact, occurred_at=at)
        index.write([customer.pk])
        audit.record("contact.create", obj=contact, by=by, at=at, customer_id=customer.pk)
        if is_main or not customer.contacts.filter(is_main=True).exists():
            name_main(contact, by=by, at=at)
    return contact


def change_contact(contact: Contact, *, by: User | None, at: datetime, **values: Any) -> Contact:
    """Change fields of a contact; old personal values are sealed beside the audit event.

    The successor of a main contact who left becomes the main contact. Raises ``ChangedMeanwhile`` when
    somebody else wrote since ``contact`` was read,
    :class:`ContactWithoutName`, :class:`LeavesInFuture`, :class:`NotASuccessor`, :class:`HasLeft`,
    ``FrequencyRefused``, and of a birthday what ``birthdays.columns_of`` raises.
    Side effects: when the main contact left or is back, the facts of ``mainstays``; event ``contact.left``;
    those of ``frequency.follow``.
    """
    if "name" in values and not values["name"].strip():
        raise ContactWithoutName()
    if values.get("left_on") and values["left_on"].toordinal() > company.today(at).number:
        raise LeavesInFuture()
    successor = values.get("successor")
    if successor is not None and (successor.pk == contact.pk or successor.customer_id != contact.customer_id):
        raise NotASuccessor()
    frequency.check(values.get("at_most_once_in_days"))
    values |= birthdays.columns_of(values, stands=contact, at=at)
    with transaction.atomic():
        _hold(contact.customer_id)
        was, often = contact.left_on, contact.at_most_once_in_days
        changing.change(
            contact, act="contact.change", customer_id=contact.customer_id, by=by, at=at, values=values
        )
        frequency.follow(contact, was=often, at=at)
        if contact.left_on != was:
            mainstays.follow([contact.customer_id], at=at)
        if contact.left_on is not None and contact.left_on != was:
            events.record("contact.left", customer_id=contact.customer_id, subject=contact, occurred_at=at)
        if contact.left_on is not None and contact.is_main and contact.successor is not None:
            name_main(contact.successor, by=by, at=at)
            contact.refresh_from_db()
    return contact


def name_main(contact: Contact, *, by: User | None, at: datetime) -> Contact:
    """Make this contact the one who is asked first; the one before stays a contact.

    Raises :class:`HasLeft`. Side effects: audit ``contact.name_main``; when the one before had left, the
    fact that somebody followed.
    """
    if contact.left_on is not None:
        raise HasLeft(name=contact.name)
    with transaction.atomic():
        _hold(contact.customer_id)
        others = Contact.objects.filter(customer_id=contact.customer_id, is_main=True).exclude(pk=contact.pk)
        for other in others:
            changing.change(
                other,
                act="contact.change",
                customer_id=other.customer_id,
                by=by,
                at=at,
                values={"is_main": False},
            )
        changing.change(
            contact,
            act="contact.name_main",
            customer_id=contact.customer_id,
            by=by,
            at=at,
            values={"is_main": True},
        )
        mainstays.follow([contact.customer_id], at=at)
    return contact


def _hold(customer_id: int) -> None:
    """Lock the customer: who is its main contact is settled by one at a time."""
    list(Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).values_list("pk"))

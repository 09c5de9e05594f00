"""Making and changing customers and their contacts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import writing
from customers.ground import audit, events, sealed
from customers.ground.errors import Refused
from customers.models import Contact, Customer, User
from customers.search import index
from customers.search.words import sort_key

FOUND_BY = {"name", "name_alt", "phone", "email"}


class NoName(Refused):
    code = "no_name"
    message = _("A customer needs a name.")


class ChangedMeanwhile(Refused):
    code = "changed_meanwhile"
    message = _(
        "Somebody else changed this record meanwhile. Load the page again and make your change there."
    )


def create_customer(
    *,
    name: str,
    kind: str = Customer.Kind.COMPANY,
    name_alt: str = "",
    segment: str = "",
    city: str = "",
    language: str = "",
    since: date | None = None,
    notes: str = "",
    contact: dict[str, Any] | None = None,
    by: User | None,
    at: datetime,
) -> Customer:
    """Create a customer with at least one contact (decision 12).

    ``contact`` gives the main contact's fields (name, role, phone, email …); without it, it bears the
    customer's name. Raises :class:`NoName`. Side effects: event ``customer.created``, audit
    ``customer.create``.
    """
    if not name.strip():
        raise NoName()
    with transaction.atomic():
        customer = Customer.objects.create(
            name=name.strip(),
            kind=Customer.Kind(kind),
            name_alt=name_alt,
            sort_key=sort_key(name),
            segment=segment,
            city=city,
            language=language,
            since=since,
            notes=notes,
            created_at=at,
            updated_at=at,
        )
        Contact.objects.create(
            customer=customer,
            is_main=True,
            created_at=at,
            updated_at=at,
            **{"name": customer.name, "language": language, **(contact or {})},
        )
        index.write([customer.pk])
        events.record("customer.created", customer_id=customer.pk, subject=customer, occurred_at=at)
        audit.record("customer.create", obj=customer, by=by, at=at, customer_id=customer.pk)
    return customer


def change_customer(customer: Customer, *, by: User | None, at: datetime, **values: Any) -> Customer:
    """Change fields of a customer's file; old personal values are sealed beside the audit event.

    Raises :class:`ChangedMeanwhile` when somebody else wrote since ``customer`` was read.
    """
    return _change(customer, act="customer.change", customer_id=customer.pk, by=by, at=at, values=values)


def change_contact(contact: Contact, *, by: User | None, at: datetime, **values: Any) -> Contact:
    """Change fields of a contact; see :func:`change_customer`."""
    return _change(
        contact, act="contact.change", customer_id=contact.customer_id, by=by, at=at, values=values
    )


def _change(
    row: Any, *, act: str, customer_id: int, by: User | None, at: datetime, values: dict[str, Any]
) -> Any:
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return row
    personal = set(writing.personal_fields(type(row)))
    before = {name: getattr(row, name) for name in changed if name in personal}
    after = {name: value for name, value in changed.items() if name in personal}
    with transaction.atomic():
        guarded = type(row)._default_manager.filter(pk=row.pk, updated_at=row.updated_at)
        if not guarded.update(**changed, updated_at=at):
            raise ChangedMeanwhile()
        if FOUND_BY & changed.keys():
            index.write([customer_id])
        row.refresh_from_db()
        audit.record(
            act,
            obj=row,
            by=by,
            at=at,
            customer_id=customer_id,
            codes={"fields": sorted(changed)},
            before=before,
            after=after,
            holder=sealed.holder_of(row),
        )
    return row

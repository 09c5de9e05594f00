"""Objecting to profiling: from its commit on no rule looks at the customer, whatever is running."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.models import Consent, Contact, Customer, Objection, User
from customers.writing import InTheFuture

Hook = Callable[[int, datetime], None]  # (customer id, at): what an upper app does in the same transaction
_hooks: dict[str, Hook] = {}


class NotTheirs(Refused):
    code = "contact_of_another"
    message = _("This contact belongs to another customer.")


class Erased(Refused):
    code = "erased"
    message = _("This person was erased on %(day)s. Nothing new is recorded about her.")


def refuse_erased(row: Customer | Contact) -> None:
    """Raise :class:`Erased` for a customer or contact whose name and words were erased."""
    if row.erased_at is not None:
        raise Erased(day=day_of(company.today(row.erased_at).number).isoformat())


def register(name: str, hook: Hook) -> None:
    """Enter what an upper app does when somebody objects, inside the same transaction (in ``ready()``)."""
    _hooks[name] = hook


def object_to_profiling(
    customer: Customer,
    *,
    contact: Contact | None = None,
    source: str = Consent.Source.FORM,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Objection:
    """Keep a customer out of rules from now on, because a contact (or the customer as a whole) objects.

    Returns the standing objection if there is one already. Complaints and promises go on as ever. Raises
    :class:`NotTheirs`, :class:`Erased`, ``InTheFuture``. Side effects: the hooks (open warnings close), event
    ``profiling.objected``, audit ``profiling.object``.
    """
    refuse_erased(contact or customer)
    if contact is not None and contact.customer_id != customer.pk:
        raise NotTheirs()
    if occurred_at is not None and occurred_at > at:
        raise InTheFuture()
    with transaction.atomic():
        hold(customer.pk)
        standing = Objection.objects.filter(customer=customer, contact=contact).standing()  # type: ignore[attr-defined]
        if (known := standing.first()) is not None:
            return known
        objection = Objection.objects.create(
            customer=customer,
            contact=contact,
            source=Consent.Source(source),
            occurred_at=occurred_at or at,
            recorded_at=at,
            by=by,
        )
        for hook in _hooks.values():
            hook(customer.pk, at)
        said: dict[str, Any] = {"customer_id": customer.pk}
        events.record("profiling.objected", subject=objection, occurred_at=at, **said)
        audit.record(
            "profiling.object", obj=objection, by=by, at=at, codes={"source": objection.source}, **said
        )
    return objection


def lift(customer: Customer, *, contact: Contact | None = None, by: User | None, at: datetime) -> int:
    """Take back the objection of a contact, or that of the customer as a whole; return how many stood.

    Side effects: event ``profiling.objection_lifted``, audit ``profiling.lift``; the next sweep judges
    the customer again unless another objection stands.
    """
    with transaction.atomic():
        hold(customer.pk)
        standing = Objection.objects.filter(customer=customer, contact=contact).standing()  # type: ignore[attr-defined]
        lifted = standing.update(lifted_at=at, lifted_by=by)
        if lifted:
            said: dict[str, Any] = {"customer_id": customer.pk}
            events.record("profiling.objection_lifted", subject=customer, occurred_at=at, **said)
            audit.record("profiling.lift", obj=customer, by=by, at=at, **said)
    return lifted


def standing_of(customer: Customer) -> QuerySet[Objection]:
    """Return the objections that keep a customer out of rules."""
    standing: QuerySet[Objection] = Objection.objects.filter(customer=customer).standing()  # type: ignore[attr-defined]
    return standing.select_related("contact", "by").order_by("occurred_at", "id")


def hold(customer_id: int) -> None:
    """Keep sweeps from raising a warning for the customer until the transaction ends.

    Whoever raised one before is waited for, and its warning is then seen; whoever raises one later waits
    for us and looks for objections after that (``retention.warnings``). SQLite has one writer at a time.
    """
    list(Customer.objects.select_for_update().filter(pk=customer_id).values_list("pk"))

"""Everything that is stored about one person, to hand to her."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction

from customers import movers
from customers.ground import audit, sealed
from customers.ground.models import SealedValue
from customers.models import Contact, Customer, User

Told = dict[str, Any]


def export_person(person: Contact | Customer, *, by: User | None, at: datetime) -> Told:
    """Return everything stored about a contact, or a customer with its contacts, table by table.

    Values that were overwritten are opened from under their seal (``earlier_values``). Side effects:
    audit ``person.export``.
    """
    people = [(person._meta.model_name or "", person.pk)]
    if isinstance(person, Customer):
        people += [("contact", pk) for pk in person.contacts.order_by("pk").values_list("pk", flat=True)]
    tables: dict[str, list[dict[str, Any]]] = {}
    for kind, pk in people:
        for model, export in sorted(movers.exporters().items(), key=lambda pair: pair[0]._meta.label):
            for row in export(kind, pk):
                rows = tables.setdefault(model._meta.label, [])
                plain = {name: _plain(value) for name, value in row.items()}
                if plain not in rows:  # a contact's fact is its customer's too
                    rows.append(plain)
    with transaction.atomic():
        audit.record(
            "person.export",
            obj=person,
            by=by,
            at=at,
            customer_id=person.pk if isinstance(person, Customer) else person.customer_id,
            codes={"rows": sum(map(len, tables.values()))},
        )
    return {
        "person": f"{people[0][0]}:{person.pk}",
        "exported_at": at.isoformat(),
        "tables": tables,
        "earlier_values": _earlier(people),
    }


def _earlier(people: list[tuple[str, int]]) -> list[dict[str, Any]]:
    rows = SealedValue.objects.filter(holder__in=[f"{kind}:{pk}" for kind, pk in people]).order_by("pk")
    return [{"subject": f"{row.subject_type}:{row.subject_id}", "values": sealed.unseal(row)} for row in rows]


def _plain(value: Any) -> Any:
    """Return a value as JSON can say it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)

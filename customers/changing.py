"""How a record of the file is changed: guarded by the version that was read, audited, old values sealed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import writing
from customers.ground import audit, sealed
from customers.ground.errors import Refused
from customers.models import Contact, Customer, User
from customers.search import index

Row = TypeVar("Row", Customer, Contact)
FOUND_BY = {"name", "name_alt", "phone", "email"}
_TICK = timedelta(microseconds=1)


class ChangedMeanwhile(Refused):
    code = "changed_meanwhile"
    message = _(
        "Somebody else changed this record meanwhile. Load the page again and make your change there."
    )


def differing(row: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return those of ``values`` that differ from what ``row`` says."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}


def change(
    row: Row, *, act: str, customer_id: int, by: User | None, at: datetime, values: dict[str, Any]
) -> Row:
    """Write the values that differ; ``updated_at`` of ``row`` says which version was read.

    Raises :class:`ChangedMeanwhile` when somebody else wrote since. Side effects: audit ``act``, its old
    and new personal values sealed with the row's key.
    """
    changed = differing(row, values)
    if not changed:
        return row
    personal = set(writing.personal_fields(type(row)))
    before = {name: getattr(row, name) for name in changed if name in personal}
    after = {name: value for name, value in changed.items() if name in personal}
    with transaction.atomic():
        guarded = type(row)._default_manager.filter(pk=row.pk, updated_at=row.updated_at)
        # always later than the version before, else who read that one would not notice
        if not guarded.update(**changed, updated_at=max(at, row.updated_at + _TICK)):
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

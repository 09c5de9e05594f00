"""Who followed contacts that left, as a batch says it: one of the same customer, by the id of its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from customers.batch import keeping, references
from customers.batch.keeping import Before
from customers.batch.landing import Row, State
from customers.batch.records import ContactRecord, Landed, Reference, Refusal
from customers.contacts import NotASuccessor
from customers.erasure.names import WasErased
from customers.ground.errors import Refused
from customers.models import Contact, ImportBatch


def with_right_ones(
    records: Sequence[ContactRecord], ids: Mapping[Reference, int], landed: Landed, *, source: str
) -> tuple[list[ContactRecord], dict[str, int]]:
    """Return the records whose successor is another contact of their customer; refuse the others.

    With them our numbers of the successors that stand already. A successor may also be a record of the
    same chunk, if that one is not refused itself. ``ids``: our numbers of the customers.
    """
    named = [record.successor for record in records if record.successor]
    if not named:
        return list(records), {}
    known = references.numbers_of("contact", named, source=source)
    holders = dict(Contact.objects.filter(pk__in=known.values()).values_list("pk", "customer_id"))
    belongs: dict[str, int] = {str(name): holders[pk] for name, pk in known.items() if pk in holders}
    kept = list(records)
    while True:
        there = belongs | {record.external_id: ids[record.customer] for record in kept}
        wrong = {}
        for record in kept:
            if record.successor:
                why = _why_not(record, there.get(record.successor), ids[record.customer], known)
                if why is not None:
                    wrong[record.external_id] = Refusal(record, "successor", why)
        if not wrong:
            return kept, {str(name): pk for name, pk in known.items()}
        landed.refused += wrong.values()
        kept = [record for record in kept if record.external_id not in wrong]


def _why_not(
    record: ContactRecord, holder: int | None, customer_id: int, known: references.Numbers
) -> Refused | None:
    """Return why somebody cannot follow; ``holder``: the customer whose contact she is."""
    if record.successor in known.erased:
        return WasErased(name=record.successor, at=known.erased[record.successor])
    if holder is None:
        return references.UnknownContact(name=record.successor)
    if record.successor == record.external_id or holder != customer_id:
        return NotASuccessor()
    return None


def settle(
    records: Sequence[ContactRecord],
    rows: Sequence[Row],
    known: Mapping[str, int],
    *,
    is_new: Mapping[str, bool],
    batch: ImportBatch | None,
    at: datetime,
) -> None:
    """Give contacts their successors; who follows a main contact that left becomes the main contact.

    Unless the record itself says that the one who left is the main contact. ``is_new``: whether the
    import made the contact, by the id of its source.
    """
    made = {record.external_id: row.obj for record, row in zip(records, rows, strict=True)}
    named = {str(record.successor) for record in records if record.successor}
    if not named and all(record.successor is None for record in records):
        return
    standing = Contact.objects.select_for_update().order_by("pk")
    others = standing.in_bulk([known[name] for name in named - made.keys()])
    changes = _Changes({obj.pk for name, obj in made.items() if is_new[name]}, at=at)
    followed: list[tuple[ContactRecord, Row, Contact]] = []
    for record, row in zip(records, rows, strict=True):
        if record.successor is None:
            continue
        successor = made.get(record.successor) or others.get(known.get(record.successor, 0))
        pk = successor and successor.pk
        if row.obj.successor_id != pk:
            changes.put(row.obj, "successor_id", pk)
            if row.state is State.UNCHANGED:
                row.state = State.UPDATED
        if successor is not None:
            followed.append((record, row, successor))
    for record, row, successor in followed:
        left = row.obj
        gave_up = left.left_on is not None and left.is_main and not record.values.get("is_main")
        if gave_up and successor.left_on is None:
            changes.put(left, "is_main", False)
            changes.put(successor, "is_main", True)
            row.state = State.UPDATED if row.state is State.UNCHANGED else row.state
    changes.write(batch=batch)


class _Changes:
    """Contacts that change, with what they held before; those that the import made held nothing."""

    def __init__(self, made: set[int], *, at: datetime) -> None:
        self.made, self.at = made, at
        self.changed: dict[int, Contact] = {}
        self.before: dict[int, dict[str, Any]] = {}

    def put(self, contact: Contact, name: str, value: Any) -> None:
        """Set a column of a contact."""
        contact = self.changed.setdefault(contact.pk, contact)
        before = self.before.setdefault(contact.pk, {"updated_at": contact.updated_at})
        before.setdefault(name, getattr(contact, name))
        setattr(contact, name, value)
        contact.updated_at = self.at

    def write(self, *, batch: ImportBatch | None) -> None:
        """Note what stood before and write; a customer has one main contact at every moment."""
        if not self.changed:
            return
        noted = (
            Before(contact, self.before[pk], at=self.at)
            for pk, contact in self.changed.items()
            if pk not in self.made
        )
        keeping.note_changed(noted, batch=batch)
        gave_up = [pk for pk, contact in self.changed.items() if not contact.is_main]
        Contact.objects.filter(pk__in=gave_up, is_main=True).update(is_main=False)
        Contact.objects.bulk_update(
            self.changed.values(), ["successor", "is_main", "updated_at"], batch_size=200
        )

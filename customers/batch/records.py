"""What a batch brings: plain records with the names that their source gives to things.

``values`` holds model fields by name, and only those that the source knows: what is not in it stays
as it stands. A reference (customer, contact, order) is a source's name for it (``str``) or our own
number (``int``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from customers.ground.errors import Refused

Reference = str | int


@dataclass(slots=True, kw_only=True)
class CustomerRecord:
    """A customer. ``owner``, ``team`` and ``parent`` are names; ``None`` leaves them as they are.

    ``address_since`` is the day from which a country or region that differs counts.
    """

    external_id: str
    values: Mapping[str, Any]
    owner: str | None = None
    team: str | None = None
    parent: str | None = None
    address_since: date | None = None


@dataclass(slots=True, kw_only=True)
class ContactRecord:
    """``successor``: who followed, by the id of her source; "" for nobody, ``None`` leaves that as it is."""

    external_id: str
    customer: Reference
    values: Mapping[str, Any]
    successor: str | None = None


@dataclass(slots=True, kw_only=True)
class ProductRecord:
    code: str
    values: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class FactRecord:
    """What every dated fact has. ``void`` removes it (or brings it back); ``None`` leaves that as it is."""

    external_id: str
    customer: Reference
    occurred_at: datetime
    recorded_at: datetime
    recorded_assumed: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    void: bool | None = None
    new_customer: Mapping[str, Any] = field(default_factory=dict)  # its fields if it must be created


@dataclass(slots=True)
class Line:
    """One line of an order: ``quantity`` negative for a return, prices in major units."""

    line_no: int
    quantity: Decimal
    unit_price: Decimal
    product: str = ""  # its code; unknown ones are created
    description: str = ""
    unit_cost: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class OrderRecord(FactRecord):
    """An order with all of its lines; with ``adds`` they join the lines that it has."""

    currency: str
    lines: Sequence[Line]
    adds: bool = False


@dataclass(slots=True, kw_only=True)
class ContractRecord(FactRecord):
    """A contract; ``values["value"]`` in minor units of ``currency``."""

    currency: str


@dataclass(slots=True, kw_only=True)
class InteractionRecord(FactRecord):
    contact: Reference | None = None
    by: Reference | None = None  # a user's name or number


@dataclass(slots=True, kw_only=True)
class Step:
    """One dated step of a complaint; ``kind`` as in ``ComplaintEvent.Kind``.

    ``due_day`` is one that somebody stated; of ``usual_day`` a step is that has none yet.
    """

    kind: str
    occurred_at: datetime
    recorded_at: datetime
    recorded_assumed: bool = False
    due_day: int | None = None
    usual_day: int | None = None


@dataclass(slots=True, kw_only=True)
class ComplaintRecord(FactRecord):
    """A complaint or other feedback with its steps, the first of them ``opened``, whatever its kind.

    ``product`` and ``cause`` are codes. ``history`` tells nobody to act.
    """

    contact: Reference | None = None
    order: Reference | None = None
    product: str | None = None  # "" for none; None leaves it as it is
    cause: str | None = None  # the same
    steps: Sequence[Step] = ()
    history: bool = False


@dataclass(slots=True, kw_only=True)
class OwnershipRecord(FactRecord):
    user: Reference | None = None
    team: Reference | None = None


@dataclass(slots=True, kw_only=True)
class AttributeRecord(FactRecord):
    """A typed attribute's value; ``values`` holds ``number``, ``choice``, ``day`` or ``text``."""

    attribute: str


@dataclass(slots=True, kw_only=True)
class ConsentRecord:
    """What a contact said about a purpose and a channel; without a contact it is the main one."""

    external_id: str
    customer: Reference
    contact: Reference | None
    purpose: str
    channel: str
    is_given: bool
    text: str  # code and version, "newsletter 2"
    occurred_at: datetime
    recorded_at: datetime


@dataclass(slots=True)
class Refusal:
    """A record that could not land: which one, the field at fault, and why."""

    record: Any
    field: str
    reason: Refused


@dataclass(slots=True)
class Landed:
    """How many records were created, updated and left unchanged, and which were refused."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)

    def __iadd__(self, other: Landed) -> Landed:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.refused += other.refused
        return self

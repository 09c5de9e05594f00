"""Landing customers, contacts, owners and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F

from customers import mainstays, stubs, touched
from customers.batch import families, keeping, references, successors
from customers.batch.keeping import Before
from customers.batch.landing import (
    Row,
    SomebodyWasQuicker,
    State,
    Wanted,
    add_refs,
    count,
    find_refs,
    in_chunks,
    land_rows,
)
from customers.batch.records import (
    AttributeRecord,
    ContactRecord,
    CustomerRecord,
    FactRecord,
    Landed,
    OwnershipRecord,
    Reference,
    Refusal,
)
from customers.company import current
from customers.ground import events, localtime
from customers.ground.models import Event
from customers.models import (
    Attribute,
    AttributeValue,
    Contact,
    Customer,
    ExternalRef,
    ImportBatch,
    Ownership,
    Team,
    User,
)
from customers.ownership import hold
from customers.search import index
from customers.search.words import sort_key

Names = Iterable[Reference | None]


def upsert_customers(
    records: Iterable[CustomerRecord], *, source: str, batch: ImportBatch | None, at: datetime
) -> Landed:
    """Create or change customers; each new one gets a main contact of its name (decision 12).

    An owner or team that differs becomes an ``Ownership`` from ``at`` on. Side effects: events
    ``customer.created`` and ``customer.owner_changed``, marks on the customers touched.
    """

    def land(chunk: list[CustomerRecord]) -> Landed:
        users = references.users_named(record.owner for record in chunk)
        teams = references.teams_named(record.team for record in chunk)
        landed, kept = Landed(), []
        for record in references.without_erased("customer", chunk, landed, source=source):
            if record.owner and record.owner not in users:
                landed.refused.append(Refusal(record, "owner", references.UnknownUser(name=record.owner)))
            elif record.team and record.team not in teams:
                landed.refused.append(Refusal(record, "team", references.UnknownTeam(name=record.team)))
            else:
                kept.append(record)
        parents = [name for r in kept if r.parent for name in (r.external_id, r.parent)]
        ids = references.numbers_of("customer", parents, source=source)
        wrong = families.wrong_parents(kept, ids)
        landed.refused += wrong.values()
        kept = [record for number, record in enumerate(kept) if number not in wrong]
        rows = _land_customers(
            [(record.external_id, record.values) for record in kept], source=source, batch=batch, at=at
        )
        families.settle(kept, rows, ids, batch=batch, at=at)
        _give_owners(kept, rows, users=users, teams=teams, batch=batch, at=at)
        changed = [row.obj.pk for row in rows if row.state is not State.UNCHANGED]
        if stubs.among(changed):
            raise SomebodyWasQuicker
        touched.mark(changed, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def upsert_contacts(
    records: Iterable[ContactRecord], *, source: str, batch: ImportBatch | None, at: datetime
) -> Landed:
    """Create or change contacts of customers that exist.

    The first contact of a customer takes the place of the one that was made with it, if nobody has
    filled that in yet. Who follows a main contact that left becomes the main contact.
    """

    def land(chunk: list[ContactRecord]) -> Landed:
        ids = references.numbers_of("customer", (record.customer for record in chunk), source=source)
        landed = Landed()
        kept = references.without_erased(
            "contact", references.known(chunk, ids, landed), landed, source=source
        )
        refs = find_refs("contact", (record.external_id for record in kept), source=source)
        owner_of = dict(Contact.objects.filter(pk__in=refs.values()).values_list("pk", "customer_id"))
        staying = []
        for record in kept:
            holder = owner_of.get(refs.get(record.external_id, 0))
            if holder not in (None, ids[record.customer]):
                landed.refused.append(
                    Refusal(record, "external_id", references.ContactMoved(name=record.external_id))
                )
            else:
                staying.append(record)
        staying, followers = successors.with_right_ones(staying, ids, landed, source=source)
        fresh = {ids[r.customer]: r.external_id for r in reversed(staying) if r.external_id not in refs}
        taken = _take_placeholders(fresh, source=source, batch=batch)
        _clear_main(staying, ids, refs | taken, batch=batch)
        rows = land_rows(
            Contact,
            "contact",
            [
                Wanted(
                    record.external_id,
                    {"customer_id": ids[record.customer], **record.values},
                    first={"created_at": at},
                )
                for record in staying
            ],
            source=source,
            batch=batch,
            at=at,
        )
        is_new = {
            record.external_id: row.state is State.CREATED for record, row in zip(staying, rows, strict=True)
        }
        successors.settle(staying, rows, followers, is_new=is_new, batch=batch, at=at)
        for record, row in zip(staying, rows, strict=True):
            if record.external_id in taken:
                row.state = State.CREATED
        mainstays.follow(
            {row.obj.customer_id for row in rows if row.state is not State.UNCHANGED}, batch=batch, at=at
        )
        index.write(row.obj.customer_id for row in rows if row.state is not State.UNCHANGED)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def upsert_ownerships(
    records: Iterable[OwnershipRecord], *, source: str, batch: ImportBatch | None, at: datetime
) -> Landed:
    """Create or change dated ownerships; the customer's owner for pages follows the newest one."""
    zone = current().time_zone

    def land(chunk: list[OwnershipRecord]) -> Landed:
        ids = references.numbers_of("customer", (record.customer for record in chunk), source=source)
        users = references.users_named(record.user for record in chunk)
        teams = references.teams_named(record.team for record in chunk)
        landed, kept = Landed(), []
        for record in references.known(chunk, ids, landed):
            if record.user is not None and record.user not in users:
                landed.refused.append(Refusal(record, "owner", references.UnknownUser(name=record.user)))
            elif record.team is not None and record.team not in teams:
                landed.refused.append(Refusal(record, "team", references.UnknownTeam(name=record.team)))
            else:
                kept.append(record)
        wanted = []
        for record in kept:
            user = users[record.user] if record.user is not None else None
            team_id = teams[record.team].pk if record.team is not None else user and user.team_id
            wanted.append(
                references.wanted_fact(
                    record, ids[record.customer], zone=zone, user_id=user and user.pk, team_id=team_id
                )
            )
        rows = land_rows(Ownership, "ownership", wanted, source=source, batch=batch, at=at)
        changed = {row.obj.customer_id for row in rows if row.state is not State.UNCHANGED}
        _refresh_owners(changed, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def upsert_attributes(
    records: Iterable[AttributeRecord], *, source: str, batch: ImportBatch | None, at: datetime
) -> Landed:
    """Create or change dated values of typed attributes that exist."""
    zone = current().time_zone

    def land(chunk: list[AttributeRecord]) -> Landed:
        ids = references.numbers_of("customer", (record.customer for record in chunk), source=source)
        attributes = dict(
            Attribute.objects.filter(code__in={r.attribute for r in chunk}).values_list("code", "pk")
        )
        landed, kept = Landed(), []
        for record in references.known(chunk, ids, landed):
            if record.attribute in attributes:
                kept.append(record)
            else:
                landed.refused.append(
                    Refusal(record, "attribute", references.UnknownAttribute(name=record.attribute))
                )
        rows = land_rows(
            AttributeValue,
            "attribute",
            [
                references.wanted_fact(
                    record, ids[record.customer], zone=zone, attribute_id=attributes[record.attribute]
                )
                for record in kept
            ],
            source=source,
            batch=batch,
            at=at,
        )
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def customers_for(
    records: Sequence[FactRecord],
    *,
    source: str,
    create_missing: bool,
    batch: ImportBatch | None = None,
    at: datetime,
    landed: Landed,
) -> tuple[references.Numbers, list[Any]]:
    """Return the customers' numbers and the records whose customer is known.

    With ``create_missing`` an unknown customer is made, named by ``new_customer`` or its id. The
    others are refused in ``landed``.
    """
    ids = references.numbers_of("customer", (record.customer for record in records), source=source)
    missing = {
        record.customer: record.new_customer
        for record in reversed(records)
        if isinstance(record.customer, str)
        and record.customer
        and record.customer not in ids
        and record.customer not in ids.erased
    }
    if missing and create_missing:
        rows = _land_customers(
            [(str(name), missing[name]) for name in sorted(missing, key=str)],
            source=source,
            batch=batch,
            at=at,
        )
        ids.update(zip(sorted(missing, key=str), (row.obj.pk for row in rows), strict=True))
    return ids, references.known(records, ids, landed)


# --- Writing -----------------------------------------------------------------------------------
def _land_customers(
    named: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
) -> list[Row]:
    rows = land_rows(
        Customer,
        "customer",
        [
            Wanted(
                name,
                dict(values),
                first={
                    "created_at": at,
                    "sort_key": sort_key(values.get("name") or name),
                    **({} if values.get("name") else {"name": name}),
                },
            )
            for name, values in named
        ],
        source=source,
        batch=batch,
        at=at,
    )
    new = [row.obj for row in rows if row.state is State.CREATED]
    contacts = Contact.objects.bulk_create(
        [
            Contact(
                customer=customer,
                name=customer.name,
                language=customer.language,
                is_main=True,
                created_at=at,
                updated_at=at,
            )
            for customer in new
        ]
    )
    index.write(row.obj.pk for row in rows if row.state is not State.UNCHANGED)
    keeping.note_new(contacts, batch=batch, at=at)
    events.record_many(
        Event(
            kind="customer.created",
            customer_id=customer.pk,
            subject_type=Customer._meta.label_lower,
            subject_id=customer.pk,
            occurred_at=at,
        )
        for customer in new
    )
    return rows


def _give_owners(
    records: Sequence[CustomerRecord],
    rows: Sequence[Row],
    *,
    users: Mapping[Reference, User],
    teams: Mapping[Reference, Team],
    batch: ImportBatch | None,
    at: datetime,
) -> None:
    """Write an ownership for each customer whose owner or team differs from the one that stands."""
    changing: list[Row] = []
    before: list[Before] = []
    for record, row in zip(records, rows, strict=True):
        user = users[record.owner] if record.owner else None
        team_id = teams[record.team].pk if record.team else (user.team_id if user else None)
        if not (record.owner or record.team):
            continue
        user_id = user.pk if user else row.obj.owner_id
        if (row.obj.owner_id, row.obj.team_id) != (user_id, team_id):
            if row.state is not State.CREATED:
                before.append(_owned(row.obj, at=at))
            row.obj.owner_id, row.obj.team_id, row.obj.updated_at = user_id, team_id, at
            changing.append(row)
    if not changing:
        return
    keeping.note_changed(before, batch=batch)
    day = localtime.day_number(at, current().time_zone)
    facts = Ownership.objects.bulk_create(
        [
            Ownership(
                customer=row.obj,
                user_id=row.obj.owner_id,
                team_id=row.obj.team_id,
                occurred_at=at,
                occurred_day=day,
                recorded_at=at,
                batch=batch,
            )
            for row in changing
        ]
    )
    hold([row.obj.pk for row in changing])
    Customer.objects.bulk_update(
        [row.obj for row in changing], ["owner", "team", "updated_at"], batch_size=200
    )
    events.record_many(
        Event(
            kind="customer.owner_changed",
            customer_id=fact.customer_id,
            subject_type=Ownership._meta.label_lower,
            subject_id=fact.pk,
            occurred_at=at,
            data={"user": fact.user_id},
        )
        for fact in facts
    )
    for row in changing:
        if row.state is State.UNCHANGED:
            row.state = State.UPDATED


def _owned(customer: Customer, *, at: datetime) -> Before:
    """Return by whom a customer is owned, before that changes."""
    names = ("owner_id", "team_id", "updated_at")
    return Before(customer, {name: getattr(customer, name) for name in names}, at=at)


def _refresh_owners(customer_ids: set[int], *, batch: ImportBatch | None, at: datetime) -> None:
    newest: dict[int, tuple[int | None, int | None]] = {}
    for customer_id, user_id, team_id in (
        Ownership.objects.filter(customer_id__in=customer_ids, void=False, occurred_at__lte=at)
        .order_by("customer_id", "occurred_at", "id")
        .values_list("customer_id", "user_id", "team_id")
    ):
        newest[customer_id] = (user_id, team_id)
    changing, before = [], []
    for customer in Customer.objects.filter(pk__in=customer_ids):
        owned_by = newest.get(customer.pk, (None, None))
        if (customer.owner_id, customer.team_id) != owned_by:
            before.append(_owned(customer, at=at))
            (customer.owner_id, customer.team_id), customer.updated_at = owned_by, at
            changing.append(customer)
    if changing:
        keeping.note_changed(before, batch=batch)
        hold([customer.pk for customer in changing])
        Customer.objects.bulk_update(changing, ["owner", "team", "updated_at"], batch_size=200)


def _take_placeholders(fresh: Mapping[int, str], *, source: str, batch: ImportBatch | None) -> dict[str, int]:
    """Let new contacts take the contact that was made with their customer and never filled in."""
    bare = Contact.objects.filter(
        customer_id__in=fresh, is_main=True, phone="", email="", role="", name=F("customer__name")
    )
    found = {contact.pk: contact for contact in bare.order_by("pk").only("pk", "customer_id")}
    named = set(
        ExternalRef.objects.filter(kind="contact", object_id__in=list(found)).values_list(
            "object_id", flat=True
        )
    )
    taken = {fresh[contact.customer_id]: pk for pk, contact in found.items() if pk not in named}
    refs = add_refs("contact", taken.items(), source=source)
    keeping.note_changed(
        (Before(found[ref.object_id], {keeping.REFS: [ref.pk]}) for ref in refs), batch=batch
    )
    return taken


def _clear_main(
    records: Sequence[ContactRecord],
    ids: Mapping[Reference, int],
    refs: Mapping[str, int],
    *,
    batch: ImportBatch | None,
) -> None:
    """Make room for new main contacts: a customer has one at most."""
    wants = {ids[r.customer]: refs.get(r.external_id, 0) for r in records if r.values.get("is_main")}
    for record in records:
        if record.values.get("is_main") and wants[ids[record.customer]] != refs.get(record.external_id, 0):
            record.values = {**record.values, "is_main": False}
    if wants:
        others = Contact.objects.filter(customer_id__in=wants, is_main=True).exclude(
            pk__in=[pk for pk in wants.values() if pk]
        )
        keeping.note_changed(
            (Before(contact, {"is_main": True}) for contact in others.only("pk")), batch=batch
        )
        others.update(is_main=False)

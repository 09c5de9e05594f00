"""Merging: everything of one customer moves to another, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from customers import addresses, duplicates, groups, mainstays, movers, regions, touched, writing
from customers.changing import ChangedMeanwhile
from customers.customers import NoName
from customers.ground import audit, events, sealed
from customers.ground.again import tried_again
from customers.ground.errors import Refused
from customers.merges import keeping
from customers.merges.agreeing import agree
from customers.models import (
    Access,
    Address,
    Contact,
    Customer,
    ExternalRef,
    MainContactChange,
    Merge,
    Ownership,
    User,
)

_NOT_CHOSEN = {"id", "created_at", "updated_at", "owner", "team"}
FIELDS = tuple(
    field.name for field in Customer._meta.concrete_fields if field.editable and field.name not in _NOT_CHOSEN
)
"""The fields of a customer's file of which one chooses whose value stays; the owner, with the team, too."""


class MergedWithItself(Refused):
    code = "merge_with_itself"
    message = _("A customer cannot be merged with itself. Choose two customers.")


class MergedAlready(Refused):
    code = "merged_already"
    message = _(
        "One of the two is gone meanwhile: it was merged into another customer, or its import was taken "
        "back. Look for the customer and go on from there."
    )


class MergeReasonMissing(Refused):
    code = "merge_without_reason"
    message = _("Say how you know that the two are one customer; it stands beside the merge.")


class ErasedSince(Refused):
    code = "merge_erased_since"
    message = _("The customer was erased since, so nothing is left to tell the two apart by.")


def merge_customers(
    survivor: Customer,
    other: Customer,
    *,
    values: Mapping[str, Any] | None = None,
    reason: str,
    by: User | None,
    at: datetime,
) -> Merge:
    """Make one customer of two: all of ``other`` moves to ``survivor``, and ``other`` stays as a stub.

    Args:
        values: what shall stand in the survivor's file, by field of :data:`FIELDS` or ``owner`` (a
            user or ``None``, whose team comes along); what is not given stays as it is.
        reason: in words, how one knows that they are one.

    It may be taken back for 30 days (:func:`undo_merge`). Raises :class:`MergedWithItself`,
    :class:`MergedAlready`, :class:`MergeReasonMissing`, ``NoName`` and ``ChangedMeanwhile`` when one of
    the two was changed since it was read. Side effects: facts with their versions, cases, contacts,
    references, news and audit of ``other`` point to the survivor; two open cases become one; of the
    consents of one person in both the stricter wins; who owns the survivor, where
    it is and who is its main contact is stated as a fact where the newest says otherwise; the survivor is
    touched; the pair counts as settled; audit and event ``customer.merge``.
    """
    values = dict(values or {})
    if unknown := set(values) - {*FIELDS, "owner"}:
        raise ValueError(f"not chosen here: {unknown}")
    if survivor.pk == other.pk:
        raise MergedWithItself()
    if not reason.strip():
        raise MergeReasonMissing()
    if not str(values.get("name", survivor.name)).strip():
        raise NoName()
    return tried_again(lambda: _merge(survivor, other, values, reason=reason.strip(), by=by, at=at))


def lock_pair(first: int, second: int) -> dict[int, Customer]:
    """Lock two customers, what the upper apps hold of them, and then close them to writers; return them.

    In that order, for whoever writes facts holds a customer lightly (``stubs``), often after its case.
    """
    pair = Customer.objects.select_for_update(no_key=True).filter(pk__in=[first, second])
    found = {customer.pk: customer for customer in pair.order_by("pk")}
    groups.hold()
    for joining in movers.joinings():
        joining.lock(first, second)
    if connection.features.has_select_for_update:
        closed = Customer.objects.select_for_update().filter(pk__in=[first, second]).order_by("pk")
        list(closed.values_list("pk", flat=True))
    return found


def _merge(
    survivor: Customer,
    other: Customer,
    values: dict[str, Any],
    *,
    reason: str,
    by: User | None,
    at: datetime,
) -> Merge:
    pair = lock_pair(survivor.pk, other.pk)
    for given in (survivor, other):
        if pair[given.pk].gone_at is not None:
            raise MergedAlready()
        if pair[given.pk].updated_at != given.updated_at:
            raise ChangedMeanwhile()
    merge = Merge.objects.create(survivor=survivor, merged=other, reason=reason, by=by, at=at)
    keeping.note_pointers(merge)
    _change_files(merge, pair[survivor.pk], pair[other.pk], values)
    absorb(merge)
    _state_what_stands(merge)
    merge.save(update_fields=["made"])
    duplicates.joined(merge)
    touched.mark([survivor.pk], at=at)
    codes = {"merge": merge.pk, "merged": other.pk, "rows": sum(merge.moved.values())}
    events.record(
        "customer.merge", customer_id=survivor.pk, subject=merge, occurred_at=at, data={"merged": other.pk}
    )
    audit.record("customer.merge", obj=merge, by=by, at=at, customer_id=survivor.pk, codes=codes)
    for given in (survivor, other):
        given.refresh_from_db()
    return merge


def absorb(merge: Merge) -> None:
    """Move what points to the customer who is merged away, both locked and the pointers noted."""
    agree(merge)
    _keep_what_stands_once(merge)
    for joining in movers.joinings():
        joining.join(merge)
    _end_double_accesses(merge)
    for label, rows in _move(merge).items():
        merge.moved[label] = merge.moved.get(label, 0) + rows
    for joining in movers.joinings():
        joining.settle(merge)
    keeping.close(merge)
    merge.save(update_fields=["moved", "made"])


def _keep_what_stands_once(merge: Merge) -> None:
    """Keep which contact of the other was its main one: the survivor keeps its own."""
    keeping.keep(merge, Contact.objects.filter(customer_id=merge.merged_id), "is_main")


def _end_double_accesses(merge: Merge) -> None:
    """End the accesses of the other that somebody has to the survivor as well."""
    theirs = Access.objects.filter(customer_id=merge.survivor_id, ends_at__isnull=True)
    has = set(theirs.values_list("user_id", "reason"))
    others = Access.objects.filter(customer_id=merge.merged_id, ends_at__isnull=True)
    double = [access for access in others if (access.user_id, access.reason) in has]
    keeping.keep(merge, double, "ends_at")
    Access.objects.filter(pk__in=[access.pk for access in double]).update(ends_at=merge.at)


def _move(merge: Merge) -> dict[str, int]:
    """Re-point everything; return how many rows of each model moved, but those that nobody is told of."""
    hiding = movers.hiding()
    moved = {}
    for model, move in movers.movers().items():
        rows = move("customer", merge.merged_id, merge.survivor_id)
        if model not in hiding:
            moved[model._meta.label] = rows
    names = ExternalRef.objects.filter(kind="customer", object_id=merge.merged_id)
    moved[ExternalRef._meta.label] = names.update(object_id=merge.survivor_id)
    return {label: rows for label, rows in sorted(moved.items()) if rows}


def _change_files(merge: Merge, survivor: Customer, other: Customer, values: dict[str, Any]) -> None:
    """Write the chosen values, make a stub of the other; the values from before are sealed."""
    owner = values.pop("owner", survivor.owner)
    chosen: dict[str, Any] = {
        Customer._meta.get_field(name).attname: getattr(value, "pk", value)  # type: ignore[union-attr]
        for name, value in values.items()
    }
    if owner != survivor.owner:
        chosen |= {"owner_id": owner and owner.pk, "team_id": owner and owner.team_id}
    chosen["parent_id"] = _parent_of(survivor, other, chosen.get("parent_id", survivor.parent_id))
    if {"country", "region"} & chosen.keys():
        regions.check(chosen.get("country", survivor.country), chosen.get("region", survivor.region))
    changed = {name: value for name, value in chosen.items() if getattr(survivor, name) != value}
    stub = {"owner_id": other.owner_id, "team_id": other.team_id, "parent_id": other.parent_id}
    before = {name: getattr(survivor, name) for name in changed}
    said = {"before": before, "after": changed, "stub": stub}
    sealed.seal(sealed.holder_of(survivor), subject=merge, values=said)
    Customer.objects.filter(pk=other.pk).update(
        merged_into=survivor, gone_at=merge.at, **dict.fromkeys(stub), updated_at=merge.at
    )
    Customer.objects.filter(pk=survivor.pk).update(**changed, updated_at=merge.at)


def _parent_of(survivor: Customer, other: Customer, parent: int | None) -> int | None:
    """Return the parent that the survivor may have when the two are one: nobody stands above herself."""
    if parent == other.pk:
        parent = other.parent_id
    if parent is None or {survivor.pk, other.pk} & set(groups.above(parent)):
        return None
    return parent


STATING = (Ownership, Address, MainContactChange)
"""Facts of which the newest says how things stand."""


def _state_what_stands(merge: Merge) -> None:
    """Say as facts who owns the survivor, where it is and who its main contact is from now on.

    Unless the newest of the facts of both says so. What is written is void again when the merge is undone.
    """
    last = {model: model._default_manager.aggregate(last=Max("pk"))["last"] or 0 for model in STATING}
    survivor = Customer.objects.get(pk=merge.survivor_id)
    _state_owner(survivor, at=merge.at)
    if Address.objects.filter(customer=survivor, void=False).exists():
        addresses.move(survivor, at=merge.at)
    mainstays.follow([survivor.pk], at=merge.at)
    for model, before in last.items():
        new = model._default_manager.filter(customer=survivor, pk__gt=before)
        if ids := list(new.values_list("pk", flat=True)):
            merge.made[model._meta.label] = ids


def _state_owner(survivor: Customer, *, at: datetime) -> None:
    facts = Ownership.objects.filter(customer=survivor, void=False, occurred_at__lte=at)
    newest = facts.order_by("-occurred_at", "-pk").values_list("user_id", "team_id").first()
    if (newest or (None, None)) == (survivor.owner_id, survivor.team_id):
        return
    fact = writing.write(
        Ownership,
        customer_id=survivor.pk,
        when=writing.moments(at=at),
        user_id=survivor.owner_id,
        team_id=survivor.team_id,
    )
    data = {"user": survivor.owner_id}
    events.record("customer.owner_changed", customer_id=survivor.pk, subject=fact, occurred_at=at, data=data)

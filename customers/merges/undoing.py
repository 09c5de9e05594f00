"""Taking a merge back: every row goes where it came from, unless something since stands in the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import duplicates, movers, touched, writing
from customers.ground import audit, events, sealed
from customers.ground.again import tried_again
from customers.ground.errors import Refused
from customers.ground.models import HolderKey, SealedValue
from customers.merges import keeping
from customers.merges.merging import STATING, ErasedSince, lock_pair
from customers.models import Customer, Merge, MergedRow, User
from customers.search import index

KEPT_FOR = timedelta(days=30)


class NotMerged(Refused):
    code = "not_merged"
    message = _("This merge was taken back already.")


class MergeTooOld(Refused):
    code = "merge_too_old"
    message = _("A merge can be taken back for 30 days. Make a new customer for what belongs to another one.")


class MergeStandsFast(Refused):
    code = "merge_stands_fast"
    message = _("The merge cannot be taken back: %(why)s")


def until(merge: Merge) -> datetime:
    """Return up to when a merge can be taken back."""
    return merge.at + KEPT_FOR


def what_forbids_undo(merge: Merge) -> list[str]:
    """Return in words what happened since and forbids to take ``merge`` back."""
    said = [what for joining in movers.joinings() for what in joining.blockers(merge)]
    if merge.survivor.merged_into_id is not None:
        said.append(
            gettext("%(name)s was itself merged into another customer since; take that back first.")
            % {"name": merge.survivor.name}
        )
    return said


def undo_merge(merge: Merge, *, by: User | None, at: datetime) -> Merge:
    """Take a merge back within 30 days: each row that moved goes back, each kept value stands again.

    What was recorded since stays with the survivor, but for what belongs to a row that goes back. A
    value changed since keeps its change. Raises :class:`NotMerged`, :class:`MergeTooOld`,
    :class:`MergeStandsFast` with what stands in the way, :class:`ErasedSince`. Side effects: both
    customers touched; audit and event ``customer.unmerge``.
    """
    return tried_again(lambda: _undo(merge, by=by, at=at))


def forget_old(*, at: datetime) -> int:
    """Forget what moved in merges that can no longer be taken back; return how many rows.

    Nothing that is a fact, a case or a record of who did what goes.
    """
    old = Merge.objects.filter(at__lt=at - KEPT_FOR)
    said = SealedValue.objects.filter(subject_type=Merge._meta.label_lower, subject_id__in=old.values("pk"))
    said.delete()
    return int(MergedRow.objects.filter(merge__in=old).delete()[0])


def _undo(merge: Merge, *, by: User | None, at: datetime) -> Merge:
    lock_pair(merge.survivor_id, merge.merged_id)
    merge.refresh_from_db()
    if merge.undone_at is not None:
        raise NotMerged()
    if at > until(merge):
        raise MergeTooOld()
    if why := what_forbids_undo(merge):
        raise MergeStandsFast(why=" ".join(why))
    _restore_files(merge, _said(merge), at=at)
    keeping.point_back(merge)
    keeping.put_back(merge)
    merge.undone_at, merge.undone_by = at, by
    merge.save(update_fields=["undone_at", "undone_by"])
    for joining in movers.joinings():
        joining.part(merge)
    _void_statements(merge, at=at)
    index.part(merge.survivor_id, merge.merged_id)
    duplicates.parted(merge)
    touched.mark([merge.survivor_id, merge.merged_id], at=at)
    codes = {"merge": merge.pk, "merged": merge.merged_id}
    events.record(
        "customer.unmerge",
        customer_id=merge.survivor_id,
        subject=merge,
        occurred_at=at,
        data={"merged": merge.merged_id},
    )
    audit.record("customer.unmerge", obj=merge, by=by, at=at, customer_id=merge.survivor_id, codes=codes)
    return merge


def _said(merge: Merge) -> dict[str, Any]:
    """Return the sealed values of the merge."""
    row = SealedValue.objects.filter(subject_type=merge._meta.label_lower, subject_id=merge.pk).first()
    if row is None:
        raise ErasedSince()
    try:
        return sealed.unseal(row)
    except HolderKey.DoesNotExist as error:
        raise ErasedSince() from error


def _restore_files(merge: Merge, said: dict[str, Any], *, at: datetime) -> None:
    """Bring the stub back to life; give the survivor's file its own values where nobody changed them."""
    Customer.objects.filter(pk=merge.merged_id).update(
        merged_into=None, gone_at=None, updated_at=at, **said["stub"]
    )
    survivor = Customer.objects.get(pk=merge.survivor_id)
    fields = {name: Customer._meta.get_field(name) for name in said["before"]}
    before = {
        name: field.to_python(said["before"][name])  # type: ignore[union-attr]
        for name, field in fields.items()
        if getattr(survivor, name) == field.to_python(said["after"][name])  # type: ignore[union-attr]
    }
    Customer.objects.filter(pk=survivor.pk).update(**before, updated_at=at)


def _void_statements(merge: Merge, *, at: datetime) -> None:
    """Void what the merge itself stated as facts."""
    for model in STATING:
        for fact in model._default_manager.filter(pk__in=merge.made.get(model._meta.label, []), void=False):
            writing.void(fact, at=at)


def erase(person: str, pk: int) -> int:
    """Blank the reasons of a customer's merges; what went into it is erased with it, stub by stub.

    A merge cannot be taken back after that.
    """
    if person != "customer":
        return 0
    changed = Merge.objects.filter(Q(survivor=pk) | Q(merged=pk)).update(reason="")
    for stub in Customer.objects.filter(merged_into=pk).order_by("pk").values_list("pk", flat=True):
        changed += sum(eraser(person, stub) for eraser in movers.erasers().values())
        changed += sealed.destroy(f"customer:{stub}")
    return changed

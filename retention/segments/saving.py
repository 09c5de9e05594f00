"""Segments are made, changed, retired and removed here: each act is audited, none makes a circle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers import lists
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Customer, User
from retention.models import Segment, SegmentUse, SegmentVersion
from retention.rules import terms
from retention.rules.conditions import Condition, InSegment, Json, parse
from retention.segments.asked import distributions_of, plans_of
from retention.segments.counting import note_count

RESERVED = frozenset({"new"})  # an address of its own


class CodeTaken(Refused):
    code = "segment_code_taken"
    message = _("There is a segment with the code “%(code)s” already. Choose another code.")


class NotAList(Refused):
    code = "segment_not_a_list"
    message = _("“%(segment)s” is a segment by a condition: who meets it belongs to it by itself.")


class NotACondition(Refused):
    code = "segment_not_a_condition"
    message = _("“%(segment)s” is a list: change who is on it instead.")


class SegmentInUse(Refused):
    code = "segment_in_use"
    message = _("“%(segment)s” is used by: %(users)s. Take it out of their conditions first.")


class SegmentAsked(SegmentInUse):
    message = _(
        "“%(segment)s” is whom these distributions of surveys ask: %(users)s. End them first, or remove "
        "their drafts."
    )


class SegmentGreeted(SegmentInUse):
    message = _("“%(segment)s” is whom these care plans greet: %(users)s. Change them first.")


class ListHasMembers(Refused):
    code = "segment_list_kept"
    message = _("“%(segment)s” has had members, which are kept. Retire it instead.")


@transaction.atomic
def save(code: str, *, name_en: str, name_zh: str, condition: Json, by: User | None, at: datetime) -> Segment:
    """Make a segment by a condition; return it.

    Raises ``ConditionRefused`` (a part that does not stand, or the segment itself by way of others) and
    :class:`CodeTaken`. Side effects: version 1, the count of the day, audit ``segment.save``.
    """
    _refuse_reserved(code)
    _hold_all()
    read = parsed(condition, code=code)
    segment = Segment(
        code=code,
        name_en=name_en,
        name_zh=name_zh,
        kind=Segment.Kind.CONDITION,
        condition=read.as_json(),
        made_at=at,
    )
    _insert(segment)
    _keep_version(segment, read, by=by, at=at)
    audit.record("segment.save", obj=segment, by=by, at=at, codes={"segment": code, "version": 1})
    note_count(segment, at=at)
    return segment


@transaction.atomic
def make_list(code: str, *, name_en: str, name_zh: str, by: User | None, at: datetime) -> Segment:
    """Make a segment by a list, with nobody on it; raise :class:`CodeTaken`. Audit ``segment.save``."""
    _refuse_reserved(code)
    try:
        with transaction.atomic():
            listed = lists.make(code, by=by, at=at)
    except IntegrityError as error:
        raise CodeTaken(code=code) from error
    segment = Segment(
        code=code, name_en=name_en, name_zh=name_zh, kind=Segment.Kind.LIST, list=listed, made_at=at
    )
    _insert(segment)
    audit.record("segment.save", obj=segment, by=by, at=at, codes={"segment": code, "version": 1})
    note_count(segment, at=at)
    return segment


@transaction.atomic
def revise(segment: Segment, *, condition: Json, by: User | None, at: datetime) -> Segment:
    """Give a segment another condition, as its next version; an equal one changes nothing.

    Raises ``ConditionRefused``, also when the segment would contain itself by way of others, and
    :class:`NotACondition`. Side effects: a version, the count of the day, audit ``segment.revise``.
    """
    if segment.kind != Segment.Kind.CONDITION:
        raise NotACondition(segment=str(segment))
    _hold_all()
    segment.refresh_from_db()
    new = parsed(condition, code=segment.code)
    if new.as_json() == segment.condition:
        return segment
    segment.condition, segment.version = new.as_json(), segment.version + 1
    segment.save(update_fields=["condition", "version"])
    _keep_version(segment, new, by=by, at=at)
    codes = {"segment": segment.code, "version": segment.version}
    audit.record("segment.revise", obj=segment, by=by, at=at, codes=codes)
    note_count(segment, at=at)
    return segment


@transaction.atomic
def rename(segment: Segment, *, name_en: str, name_zh: str, by: User | None, at: datetime) -> Segment:
    """Give a segment other names; nothing happens when they are the same. Audit ``segment.rename``."""
    if (segment.name_en, segment.name_zh) == (name_en, name_zh):
        return segment
    segment.name_en, segment.name_zh = name_en, name_zh
    segment.save(update_fields=["name_en", "name_zh"])
    audit.record("segment.rename", obj=segment, by=by, at=at, codes={"segment": segment.code})
    return segment


@transaction.atomic
def put(
    segment: Segment, customers: Iterable[Customer], *, is_member: bool, by: User | None, at: datetime
) -> int:
    """Put customers on the list of a segment, or take them off it; return how many changed.

    Raises :class:`NotAList`. Side effects: those of ``lists.put`` and the count of the day.
    """
    if segment.list is None:
        raise NotAList(segment=str(segment))
    changed = lists.put(segment.list, [one.pk for one in customers], is_member=is_member, by=by, at=at)
    if changed:
        note_count(segment, at=at)  # at once, for whoever looks next
    return changed


@transaction.atomic
def retire(segment: Segment, *, by: User | None, at: datetime) -> bool:
    """Offer a segment no more; return whether it was offered. Raises :class:`SegmentInUse`.

    It stays readable, with its members on any day. Audit ``segment.retire``.
    """
    _hold_all()
    _refuse_when_used(segment)
    if not Segment.objects.filter(pk=segment.pk, retired_at=None).update(retired_at=at):
        return False
    segment.retired_at = at
    audit.record("segment.retire", obj=segment, by=by, at=at, codes={"segment": segment.code})
    return True


@transaction.atomic
def bring_back(segment: Segment, *, by: User | None, at: datetime) -> bool:
    """Offer a retired segment again; return whether it was retired. Audit ``segment.bring_back``."""
    if not Segment.objects.filter(pk=segment.pk, retired_at__isnull=False).update(retired_at=None):
        return False
    segment.retired_at = None
    audit.record("segment.bring_back", obj=segment, by=by, at=at, codes={"segment": segment.code})
    note_count(segment, at=at)
    return True


@transaction.atomic
def remove(segment: Segment, *, by: User | None, at: datetime) -> None:
    """Remove a segment with its versions and counts. Audit ``segment.remove``.

    Raises :class:`SegmentInUse` and, for a list that ever had members, :class:`ListHasMembers`.
    """
    _hold_all()
    _refuse_when_used(segment)
    listed = segment.list
    if listed is not None and listed.members.exists():
        raise ListHasMembers(segment=str(segment))
    audit.record("segment.remove", obj=segment, by=by, at=at, codes={"segment": segment.code})
    segment.delete()
    if listed is not None:
        listed.delete()


def parsed(condition: Json, *, code: str = "") -> Condition:
    """Read a condition with all terms that there are; ``code``: the segment whose condition it is."""
    return parse(condition, terms=terms.known(), within=code)


def users_of(segment: Segment) -> list[Segment]:
    """Return the segments whose conditions name this one."""
    return list(Segment.objects.filter(uses__used=segment).order_by("code"))


def _hold_all() -> None:
    """Let one writer at a time change how segments use each other, to the end of the transaction.

    Two that were changed at once could make a circle that neither of the two writers sees.
    """
    list(Segment.objects.select_for_update().order_by("pk").values_list("pk", flat=True))


def _refuse_reserved(code: str) -> None:
    if code in RESERVED:
        raise CodeTaken(code=code)


def _insert(segment: Segment) -> None:
    try:
        with transaction.atomic():
            segment.save(force_insert=True)
    except IntegrityError as error:
        raise CodeTaken(code=segment.code) from error


def _keep_version(segment: Segment, condition: Condition, *, by: User | None, at: datetime) -> None:
    SegmentVersion.objects.create(
        segment=segment,
        version=segment.version,
        condition=segment.condition,
        made_at=at,
        by_id=by.pk if by is not None else None,
    )
    named = {leaf.term.code for leaf in condition.leaves() if isinstance(leaf, InSegment)}
    SegmentUse.objects.filter(segment=segment).delete()
    used = Segment.objects.filter(code__in=named)
    SegmentUse.objects.bulk_create([SegmentUse(segment=segment, used=one) for one in used])


def _refuse_when_used(segment: Segment) -> None:
    users = users_of(segment)
    if users:
        raise SegmentInUse(segment=str(segment), users=", ".join(str(one) for one in users))
    if asking := distributions_of(segment):
        raise SegmentAsked(segment=str(segment), users=", ".join(str(one) for one in asking))
    if greeting := plans_of(segment):
        raise SegmentGreeted(segment=str(segment), users=", ".join(str(one) for one in greeting))

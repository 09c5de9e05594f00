"""Changing the catalogue: causes are added, renamed, moved, retired and brought back, never deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from customers.causes.delivered import UNKNOWN
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Cause, User

MOST = 300
_HOLDER = "company:1"


class CauseNameTaken(Refused):
    code = "cause_name_taken"
    message = _("“%(name)s” stands here already. Choose another name, or bring the retired cause back.")


class CauseTooDeep(Refused):
    code = "cause_too_deep"
    message = _("Causes have two levels: put this one under a cause of the first level.")


class CatalogueFull(Refused):
    code = "causes_full"
    message = _("The catalogue holds its most, %(most)s causes. Rename one that nobody chooses instead.")


class ParentRetired(Refused):
    code = "cause_parent_retired"
    message = _("“%(cause)s” is retired, and so is what stands under it. Bring it back first.")


class CauseStays(Refused):
    code = "cause_stays"
    message = _("“%(cause)s” stays: a loss whose cause nobody knows is written down with it.")


def add_cause(
    *, name_en: str, name_zh: str, parent: Cause | None = None, by: User | None, at: datetime
) -> Cause:
    """Add a cause behind the others of its level.

    Args:
        name_en, name_zh: one may be empty; then the other one stands for it.
        parent: the cause of the first level that this one is a detail of.

    Raises :class:`CauseNameTaken`, :class:`CauseTooDeep`, :class:`ParentRetired`,
    :class:`CatalogueFull`. Side effects: audit ``cause.add``.
    """
    english, chinese = _names(name_en, name_zh)
    with _catalogue() as known:
        above = next((cause for cause in known if parent is not None and cause.pk == parent.pk), None)
        if above is not None and above.parent_id is not None:
            raise CauseTooDeep()
        if above is not None and above.is_retired:
            raise ParentRetired(cause=str(above))
        if len(known) >= MOST:
            raise CatalogueFull(most=MOST)
        beside = _beside(known, above.pk if above else None)
        _refuse_taken(beside, english, chinese)
        cause = Cause.objects.create(
            code=_code(english, {row.code for row in known}),
            parent=above,
            name_en=english,
            name_zh=chinese,
            position=max((row.position for row in beside), default=0) + 1,
        )
        audit.record("cause.add", obj=cause, by=by, at=at, codes={"code": cause.code, "parent": _pk(above)})
    return cause


def rename_cause(cause: Cause, *, name_en: str, name_zh: str, by: User | None, at: datetime) -> Cause:
    """Give a cause other names; past diagnoses show them too.

    Raises :class:`CauseNameTaken`. Side effects: audit ``cause.rename``, unless nothing changes.
    """
    english, chinese = _names(name_en, name_zh)
    with _catalogue() as known:
        row = _fresh(known, cause)
        if (row.name_en, row.name_zh) != (english, chinese):
            _refuse_taken([r for r in _beside(known, row.parent_id) if r.pk != row.pk], english, chinese)
            before = {"name_en": row.name_en, "name_zh": row.name_zh}
            row.name_en, row.name_zh = english, chinese
            row.save(update_fields=["name_en", "name_zh"])
            audit.record(
                "cause.rename",
                obj=row,
                by=by,
                at=at,
                before=before,
                after={"name_en": english, "name_zh": chinese},
                holder=_HOLDER,
            )
    cause.name_en, cause.name_zh = row.name_en, row.name_zh
    return cause


def move_cause(cause: Cause, *, steps: int, by: User | None, at: datetime) -> Cause:
    """Move a cause among those of its level: ``steps`` down, or up when negative; not past the ends.

    Side effects: audit ``cause.move``, unless it stands at that end already.
    """
    with _catalogue() as known:
        row = _fresh(known, cause)
        beside = _beside(known, row.parent_id)
        place = [r.pk for r in beside].index(row.pk)
        wanted = min(max(place + steps, 0), len(beside) - 1)
        if wanted != place:
            beside.insert(wanted, beside.pop(place))
            for position, one in enumerate(beside, start=1):
                one.position = position
            Cause.objects.bulk_update(beside, ["position"])
            audit.record("cause.move", obj=row, by=by, at=at, codes={"position": wanted + 1})
    cause.position = row.position
    return cause


def retire_cause(cause: Cause, *, by: User | None, at: datetime) -> Cause:
    """Let nobody choose a cause any more, nor its details; where it was chosen it stays readable.

    Raises :class:`CauseStays` for “unknown”. Side effects: audit ``cause.retire``.
    """
    if cause.code == UNKNOWN:
        raise CauseStays(cause=str(cause))
    return _set_retired(cause, True, "cause.retire", by=by, at=at)


def bring_back(cause: Cause, *, by: User | None, at: datetime) -> Cause:
    """Let a retired cause be chosen again.

    Raises :class:`ParentRetired`. Side effects: audit ``cause.bring_back``.
    """
    return _set_retired(cause, False, "cause.bring_back", by=by, at=at)


def _set_retired(cause: Cause, is_retired: bool, act: str, *, by: User | None, at: datetime) -> Cause:
    with _catalogue() as known:
        row = _fresh(known, cause)
        above = next((one for one in known if one.pk == row.parent_id), None)
        if not is_retired and above is not None and above.is_retired:
            raise ParentRetired(cause=str(above))
        if row.is_retired != is_retired:
            Cause.objects.filter(pk=row.pk).update(is_retired=is_retired)
            audit.record(act, obj=row, by=by, at=at, codes={"code": row.code})
    cause.is_retired = is_retired
    return cause


@contextmanager
def _catalogue() -> Iterator[list[Cause]]:
    """Hold the whole catalogue to the end of the change, so that one change comes after the other."""
    with transaction.atomic():
        yield list(Cause.objects.select_for_update().order_by("pk"))


def _beside(known: list[Cause], parent: int | None) -> list[Cause]:
    return sorted((row for row in known if row.parent_id == parent), key=lambda row: (row.position, row.pk))


def _fresh(known: list[Cause], cause: Cause) -> Cause:
    return next(row for row in known if row.pk == cause.pk)


def _refuse_taken(beside: list[Cause], *names: str) -> None:
    taken = {name.casefold() for row in beside for name in (row.name_en, row.name_zh)}
    for name in names:
        if name.casefold() in taken:
            raise CauseNameTaken(name=name)


def _names(name_en: str, name_zh: str) -> tuple[str, str]:
    english, chinese = name_en.strip(), name_zh.strip()
    return english or chinese, chinese or english


def _code(name: str, taken: set[str]) -> str:
    """Return a code of the name that no cause has; a name without Latin letters is numbered."""
    stem = slugify(name).replace("-", "_")[:56] or "cause"
    candidates = (stem, *(f"{stem}_{number}" for number in range(2, MOST + 3)))
    return next(code for code in candidates if code not in taken)


def _pk(cause: Cause | None) -> int | None:
    return cause.pk if cause else None

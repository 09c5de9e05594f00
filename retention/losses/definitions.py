"""What counts as lost: definitions that an admin turns on and off, each change a row of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from retention.models import LossDefinition, LossKind

DAYS = (7, 1095)
MULTIPLE = (150, 2000)  # percent of the own interval
SHARE = (5, 90)  # percent of last year's spend


class BadDefinition(Refused):
    code = "loss_definition"
    message = _("%(what)s must lie between %(low)s and %(high)s.")


@dataclass(frozen=True)
class Definition:
    """One definition as it stands at a moment; see ``LossDefinition`` for the numbers."""

    kind: LossKind
    is_on: bool
    days: int | None = None
    percent: int | None = None


SHIPPED = {
    LossKind.CONTRACT: Definition(LossKind.CONTRACT, True),
    LossKind.WINDOW: Definition(LossKind.WINDOW, False, days=180),
    LossKind.PERSONAL: Definition(LossKind.PERSONAL, False, days=60, percent=400),
    LossKind.PARTIAL: Definition(LossKind.PARTIAL, False, percent=50),
}


def in_force(moment: datetime) -> dict[LossKind, Definition]:
    """Return the definitions that counted at a moment, by kind. One query."""
    found = dict(SHIPPED)
    for row in LossDefinition.objects.filter(made_at__lte=moment).order_by("made_at", "pk"):
        kind = LossKind(row.kind)
        found[kind] = Definition(kind, row.is_on, row.days, row.percent)
    return found


def define(new: Definition, *, by: User | None, at: datetime) -> Definition:
    """Let a definition count from ``at`` on; what was found by another one stands.

    Raises :class:`BadDefinition`. Side effects, unless nothing changes: a ``LossDefinition``, audit
    ``losses.define``.
    """
    _refuse_unless_sound(new)
    with transaction.atomic():
        if in_force(at)[new.kind] == new:
            return new
        row = LossDefinition.objects.create(
            kind=new.kind, is_on=new.is_on, days=new.days, percent=new.percent, made_at=at, by=by
        )
        codes = {"kind": new.kind.value, "is_on": new.is_on, "days": new.days, "percent": new.percent}
        audit.record("losses.define", obj=row, by=by, at=at, codes=codes)
    return new


def _refuse_unless_sound(new: Definition) -> None:
    if new.kind in (LossKind.WINDOW, LossKind.PERSONAL):
        _within(new.days, DAYS, _("The number of days"))
    if new.kind == LossKind.PERSONAL:
        _within(new.percent, MULTIPLE, _("The percentage"))
    if new.kind == LossKind.PARTIAL:
        _within(new.percent, SHARE, _("The percentage"))


def _within(value: int | None, span: tuple[int, int], what: object) -> None:
    if value is None or not span[0] <= value <= span[1]:
        raise BadDefinition(what=what, low=span[0], high=span[1])

"""Reading the values of a leaf about what admins define: attributes and own measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from django.utils.translation import gettext_lazy as _

from retention.rules.conditions.vocabulary import MOST_NODES, ConditionRefused, Json, Path

Number = Callable[[Json, Path], int]


def values(
    op: str, value: Json, path: Path, *, one: Callable[[Json, Path], int | str], number: Number
) -> tuple[int | str, ...]:
    """Return what a comparison is with: two numbers in order, some values, or one.

    ``one`` and ``number`` read a value and a threshold, each at its path; raises ``ConditionRefused``.
    """
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise ConditionRefused(_("%(path)s: “between” needs two values, the lower one first."), path=path)
        low, high = (number(end, path / n) for n, end in enumerate(value, start=1))
        if low > high:
            raise ConditionRefused(
                _("%(path)s: the first value is greater than the second. Exchange them."), path=path
            )
        return low, high
    if op != "one_of":
        return (one(value, path),)
    if not isinstance(value, list) or not value:
        raise ConditionRefused(_("%(path)s: choose at least one value."), path=path)
    if len(value) > MOST_NODES:
        raise ConditionRefused(
            _("%(path)s: these are more than %(most)d values. Choose fewer."), path=path, most=MOST_NODES
        )
    return tuple(one(each, path / n) for n, each in enumerate(value, start=1))


def choice(value: Json, path: Path, *, codes: Sequence[str], label: str) -> str:
    """Return one of ``codes``; raise ``ConditionRefused`` with all of them."""
    if not isinstance(value, str) or value not in codes:
        raise ConditionRefused(
            _("%(path)s: “%(value)s” is not a choice of “%(measure)s”. Choose one of: %(allowed)s."),
            path=path,
            value=str(value)[:64],
            measure=label,
            allowed=", ".join(codes),
        )
    return value


def day(value: Json, path: Path) -> int:
    """Return a date as the number of its day; raise ``ConditionRefused``."""
    try:
        return date.fromisoformat(value).toordinal()
    except (TypeError, ValueError) as error:
        raise ConditionRefused(
            _("%(path)s: “%(value)s” is not a date. Write it as 2026-05-11."),
            path=path,
            value=str(value)[:32],
        ) from error

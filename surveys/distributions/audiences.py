"""Groups of customers that a distribution can be for: apps that know such groups enter theirs here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.models import Customer
from surveys.models import Distribution


class AudienceGone(Refused):
    code = "audience_gone"
    message = _("The group of customers is not there any more, or cannot be read. Choose another one.")


@dataclass(frozen=True)
class Audience:
    """One kind of group.

    Attributes:
        groups: the groups that are offered, by number and name.
        names: the names of some by number, offered or not; a number that nothing has is left out.
        members: who belongs to one now; to be read inside the block. Raises ``Refused`` when nobody knows.
    """

    code: str
    label: str | Promise
    groups: Callable[[], Sequence[tuple[int, str]]]
    names: Callable[[Sequence[int]], dict[int, str]]
    members: Callable[[int, datetime], AbstractContextManager[QuerySet[Customer]]]


_audiences: dict[str, Audience] = {}


def register(audience: Audience) -> None:
    """Enter a kind of group (in ``AppConfig.ready()``)."""
    _audiences[audience.code] = audience


def offered() -> list[Audience]:
    """Return all kinds of groups."""
    return list(_audiences.values())


def names_of(distributions: Iterable[Distribution]) -> dict[int, str]:
    """Return the name of the group that each distribution is for, by its id; one query a kind of group.

    Those for everybody, and those whose group is gone, are left out.
    """
    asked: dict[str, list[Distribution]] = {}
    for one in distributions:
        if one.audience in _audiences and one.audience_id is not None:
            asked.setdefault(one.audience, []).append(one)
    found: dict[int, str] = {}
    for code, some in asked.items():
        names = _audiences[code].names([one.audience_id for one in some if one.audience_id is not None])
        found.update({one.pk: names[one.audience_id] for one in some if one.audience_id in names})
    return found


def is_offered(code: str, number: int) -> bool:
    """Say whether there is such a group to choose."""
    audience = _audiences.get(code)
    return audience is not None and any(pk == number for pk, _name in audience.groups())


@contextmanager
def customers_of(distribution: Distribution, *, at: datetime) -> Iterator[QuerySet[Customer]]:
    """Yield the customers whom a distribution may ask now, to be read inside the block.

    Raises :class:`AudienceGone`.
    """
    present: QuerySet[Customer] = Customer.objects.present()  # type: ignore[attr-defined]
    if distribution.team_id is not None:
        present = present.filter(team=distribution.team_id)
    if not distribution.audience:
        yield present
        return
    audience, number = _audiences.get(distribution.audience), distribution.audience_id
    if audience is None or number is None or number not in audience.names([number]):
        raise AudienceGone()
    try:
        entered = audience.members(number, at)
        members = entered.__enter__()
    except Refused as refusal:
        raise AudienceGone() from refusal
    try:
        yield present.filter(pk__in=members.order_by().values("pk"))
    finally:
        entered.__exit__(None, None, None)

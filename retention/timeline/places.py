"""What a timeline is made of: entries, the places where they stand, pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.text.showing import Chip


class UnknownPlace(Refused):
    code = "unknown_place"
    message = _("This part of the timeline cannot be found. Open the customer's page again.")


@dataclass(frozen=True, order=True)
class Place:
    """Where an entry stands; a later moment is greater."""

    at: datetime
    source: str
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.source}~{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read what ``str`` wrote; raise :class:`UnknownPlace` otherwise."""
        try:
            moment, source, pk = text.split("~")
            at = datetime.fromisoformat(moment)
            if at.tzinfo is None:
                raise UnknownPlace()
            at = at.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UnknownPlace() from error
        number = whole(pk)
        if number is None:
            raise UnknownPlace()
        return cls(at, source, number)


@dataclass(frozen=True)
class Entry:
    """One line of the timeline, ready to show in the language that was active.

    ``kind`` is order, return, interaction, complaint, feedback, contract, owner, merge, usage, competitor,
    mention, invoice, payment_failed, community, community_left, indicator, survey, care, points,
    points_gone, tier, tier_lost, warning, case or call; ``by`` the name of who did it, ``""`` for the
    system or the customer; ``whom`` the contact spoken with. ``chips``: what its text says.
    """

    key: str
    occurred_at: datetime
    kind: str
    title: str
    text: str = ""
    next_step: str = ""
    whom: str = ""
    by: str = ""
    severity: int | None = None
    case_id: int | None = None
    chips: Sequence[Chip] = ()


@dataclass(frozen=True)
class Page:
    """Entries, newest first, and what to pass as ``before`` for the older ones (``""`` at the end)."""

    entries: list[Entry]
    older: str

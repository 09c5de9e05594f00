"""Where texts come from: upper apps enter theirs by name, as they enter movers and erasers.

Whoever enters a source gets its texts read, corrected and learnt from like those of complaints; he calls
``reading.read_soon`` where one is written. A source may have labels of its own, which people gave elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.models import Complaint, Interaction, Mention


@dataclass(frozen=True)
class Source:
    """One kind of text. The model has ``customer``, ``contact``, ``recorded_at``, ``void`` and the text.

    ``where``: which rows hold what a customer says.
    """

    kind: str
    label: str | Promise
    model: type[Model]
    column: str = "text"
    where: Q = field(default_factory=Q)

    def rows(self) -> QuerySet[Any]:
        """Return the rows that are read: not removed, with words."""
        found: QuerySet[Any] = self.model._default_manager.filter(self.where, void=False)
        return found.exclude(**{self.column: ""})

    def texts(self, ids: Iterable[int]) -> dict[int, str]:
        """Return the texts of some rows that are read, by number."""
        return dict(self.rows().filter(pk__in=list(ids)).values_list("pk", self.column))


@dataclass(frozen=True)
class Label:
    """What a person said elsewhere that a text says; ``at``: when."""

    kind: str
    subject_id: int
    code: str
    at: datetime


Labels = Callable[[str, int], Iterable[Label]]  # (aspect, at most so many, the newest) -> labels
_sources: dict[str, Source] = {}
_labels: dict[str, Labels] = {}


def register(source: Source) -> None:
    """Enter a kind of text (in ``AppConfig.ready()``)."""
    _sources[source.kind] = source


def register_labels(name: str, labels: Labels) -> None:
    """Enter what people say elsewhere about texts (in ``AppConfig.ready()``)."""
    _labels[name] = labels


def every() -> list[Source]:
    """Return the kinds of text in the order in which they were entered."""
    return list(_sources.values())


def named(kind: str) -> Source | None:
    """Return the kind of text of a name, if there is one."""
    return _sources.get(kind)


def of(row: Model) -> Source | None:
    """Return the kind of text that a row is of, if it is one."""
    return next((source for source in _sources.values() if isinstance(row, source.model)), None)


def all_labels() -> list[Labels]:
    """Return what people say elsewhere about texts."""
    return list(_labels.values())


def register_all() -> None:
    """Enter those of this app: complaints, mentions, and what was said when somebody was reached."""
    register(Source("complaint", _("complaint"), Complaint))
    register(Source("mention", _("mention"), Mention))
    register(Source("interaction", _("interaction"), Interaction, where=Q(reached=True)))

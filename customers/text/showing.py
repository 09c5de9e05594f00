"""How readings look: short marks with their confidence, and what a page says of how well texts are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.translation import gettext

from customers.models import Aspect, Cause, Sentiment, TextModel, TextReading, Urgency
from customers.text import sources
from customers.text.training import FEWEST

OF_READING = ("id", "subject_kind", "subject_id", "aspect", "code", "percent", "is_sure", "corrected")
OF_CAUSE = ("code", "name_en", "name_zh")
_TONES = {"sentiment:negative": "bad", "sentiment:positive": "good", "urgency:high": "warn"}
_ORDER = {aspect: place for place, aspect in enumerate(Aspect.values)}


@dataclass(frozen=True)
class Chip:
    """One reading as it is shown. ``code``: what counts, ``""`` while nobody is sure."""

    reading: int
    aspect: str
    label: str
    code: str
    text: str
    note: str
    tone: str
    guess: str = ""
    is_corrected: bool = False


Key = tuple[str, int]  # kind and number of a text


def chips(rows: Iterable[Any], causes: Iterable[Any]) -> dict[Key, list[Chip]]:
    """Return the readings of each text as they are shown, in the active language.

    Args:
        rows: readings, with the values ``OF_READING``.
        causes: the catalogue, with the values ``OF_CAUSE``; those named by a reading at least.
    """
    names = names_of(causes)
    found: dict[Key, list[Chip]] = {}
    for row in sorted(rows, key=lambda one: _ORDER[one.aspect]):
        found.setdefault((row.subject_kind, row.subject_id), []).append(_chip(row, names))
    return found


def names_of(causes: Iterable[Any]) -> dict[str, str]:
    """Return the names of the codes of all aspects in the active language."""
    names = {
        f"{Aspect.CAUSE}:{one.code}": str(Cause(name_en=one.name_en, name_zh=one.name_zh)) for one in causes
    }
    names |= {f"{Aspect.SENTIMENT}:{code}": str(label) for code, label in Sentiment.choices}
    return names | {f"{Aspect.URGENCY}:{code}": str(label) for code, label in Urgency.choices}


def _unsure(label: str) -> str:
    return gettext("%(aspect)s: not sure") % {"aspect": label}


def _chip(row: Any, names: Mapping[str, str]) -> Chip:
    stands = row.corrected or (row.code if row.is_sure else "")
    label = str(Aspect(row.aspect).label)
    text = names.get(f"{row.aspect}:{stands}", stands) if stands else _unsure(label)
    guess = ""
    if row.corrected:
        note = gettext("said by a person")
    elif not row.code:
        note = gettext("no idea")
    else:
        guess = names.get(f"{row.aspect}:{row.code}", row.code)
        note = gettext("by keywords") if row.percent is None else f"{row.percent}%"
        if not row.is_sure:
            note = gettext("perhaps %(guess)s, %(percent)s") % {"guess": guess, "percent": note}
    tone = _TONES.get(f"{row.aspect}:{stands}", "") if stands else "line"
    return Chip(row.id, row.aspect, label, stands, text, note, tone, guess, bool(row.corrected))


# --- How well texts are read -------------------------------------------------------------------
@dataclass(frozen=True)
class Quality:
    """How well one aspect is read: the active training (none: keywords alone) and the newest one.

    ``corrections``: of people, all that stand; ``new``: those since the newest training; ``missing``: how
    many more labelled texts are needed before anything is learnt.
    """

    aspect: str
    label: str
    corrections: int
    new: int
    missing: int
    active: TextModel | None
    newest: TextModel | None


def quality() -> list[Quality]:
    """Return how well each aspect is read; three queries, and what other apps ask for their labels."""
    last = TextModel.objects.values("aspect").annotate(last=Max("id")).values("last")
    rows = list(TextModel.objects.filter(Q(is_active=True) | Q(pk__in=last)).defer("weights").order_by("id"))
    newest = {row.aspect: row for row in rows}
    active = {row.aspect: row for row in rows if row.is_active}
    corrected = TextReading.objects.exclude(corrected="")
    asked = {f"{aspect}_all": Count("id", filter=Q(aspect=aspect)) for aspect in Aspect.values}
    for aspect, row in newest.items():
        asked[f"{aspect}_new"] = Count("id", filter=Q(aspect=aspect, corrected_at__gt=row.trained_at))
    counted = corrected.aggregate(**asked)
    found = []
    for aspect in Aspect:
        corrections = counted[f"{aspect}_all"]
        known = corrections
        if aspect not in newest:
            known += sum(len(list(origin(aspect, FEWEST))) for origin in sources.all_labels())
        found.append(
            Quality(
                aspect=aspect.value,
                label=str(aspect.label),
                corrections=corrections,
                new=counted.get(f"{aspect}_new", corrections),
                missing=max(FEWEST - known, 0) if aspect not in newest else 0,
                active=active.get(aspect),
                newest=newest.get(aspect),
            )
        )
    return found

"""What is learnt from: corrections of readings, and what people say of texts elsewhere."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime

from customers.models import TextReading
from customers.text import sources
from customers.text.learning import Example

MOST = 20_000  # the newest corrections, and as many labels of each other origin
CORRECTION_WEIGHT = 5.0
LABEL_WEIGHT = 1.0


@dataclass(frozen=True)
class Labelled:
    """The labelled texts of one aspect; ``said_at``: by key, when a person said it."""

    examples: list[Example]
    said_at: dict[str, datetime]
    corrections: int


def labelled(aspect: str, *, codes: Container[str]) -> Labelled:
    """Return the texts that people labelled with one of ``codes`` and that are still there.

    A correction stands above a label of the same text from elsewhere.
    """
    said: dict[tuple[str, int], tuple[str, float, datetime]] = {}
    for origin in sources.all_labels():
        for label in origin(aspect, MOST):
            said[label.kind, label.subject_id] = (label.code, LABEL_WEIGHT, label.at)
    corrected = (
        TextReading.objects.filter(aspect=aspect).exclude(corrected="").order_by("-corrected_at", "-id")
    )
    rows = corrected.values_list("subject_kind", "subject_id", "corrected", "corrected_at")[:MOST]
    for kind, pk, code, at in rows:
        assert at is not None  # noqa: S101 — the database says so
        said[kind, pk] = (code, CORRECTION_WEIGHT, at)
    texts = _texts(said)
    kept = {key: value for key, value in sorted(said.items()) if value[0] in codes and key in texts}
    examples = [Example(_key(key), texts[key], code, weight) for key, (code, weight, _at) in kept.items()]
    return Labelled(
        examples,
        {_key(key): at for key, (_code, _weight, at) in kept.items()},
        sum(weight == CORRECTION_WEIGHT for _code, weight, _at in kept.values()),
    )


def _texts(said: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    keys = list(said)
    for source in sources.every():
        ids = [pk for kind, pk in keys if kind == source.kind]
        for first in range(0, len(ids), 500):
            for pk, text in source.texts(ids[first : first + 500]).items():
                found[source.kind, pk] = text
    return found


def _key(key: tuple[str, int]) -> str:
    return f"{key[0]}:{key[1]}"

"""Who reads now: for each aspect the active model with its keywords, or keywords alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from customers.causes import UNKNOWN, choices
from customers.models import Aspect, TextModel
from customers.text import features, lexicons
from customers.text.features import Hashed
from customers.text.keywords import Lexicon
from customers.text.linear import Linear

_KEPT_IN_MEMORY = 6


@dataclass(frozen=True)
class Answer:
    """What a text says in one aspect; ``percent`` is empty for keywords."""

    code: str
    percent: int | None
    is_sure: bool


@dataclass(frozen=True)
class Reader:
    """Reads texts in one aspect. ``codes``: what may be answered."""

    aspect: str
    codes: tuple[str, ...]
    lexicon: Lexicon
    model: Linear | None = None
    model_id: int | None = None
    threshold: float = 1.0

    def read(self, texts: Sequence[str], pieces: Sequence[Hashed]) -> list[Answer]:
        """Return an answer for each text; ``pieces``: the same texts, hashed."""
        if self.model is None:
            return [self._by_keywords(text) for text in texts]
        hinted = [
            features.hinted(one, self.lexicon.hints(text)) for text, one in zip(texts, pieces, strict=True)
        ]
        model = self.model
        may = [place for place, code in enumerate(model.classes) if code in self.codes]
        if not may:
            return [Answer("", None, False) for _text in texts]
        shares = model.probabilities(hinted)[:, may]
        codes = [model.classes[place] for place in may]
        return [
            self._by_shares(dict(zip(codes, row.tolist(), strict=True))) if knows else Answer("", None, False)
            for row, knows in zip(shares, model.knows(hinted), strict=True)
        ]

    def _by_keywords(self, text: str) -> Answer:
        code = self.lexicon.guess(text)
        return Answer(code or "", None, code is not None)

    def _by_shares(self, shares: Mapping[str, float]) -> Answer:
        """Answer the likeliest code; of causes, the first level when only that is sure enough."""
        best = max(shares, key=lambda code: shares[code])
        if shares[best] >= self.threshold or not self.lexicon.parents:
            return _answer(best, shares[best], self.threshold)
        levels: dict[str, float] = {}
        for code, share in shares.items():
            above = self.lexicon.parents.get(code, code)
            levels[above] = levels.get(above, 0.0) + share
        above = max(levels, key=lambda code: levels[code])
        if above in self.codes and levels[above] >= self.threshold:
            return _answer(above, levels[above], self.threshold)
        return _answer(best, shares[best], self.threshold)


def first_answers(model: Linear, lexicon: Lexicon, texts: Sequence[str]) -> list[str]:
    """Return the likeliest code of each text, sure or not."""
    pieces = [features.hinted(features.hashed(text), lexicon.hints(text)) for text in texts]
    return [model.classes[place] for place in np.argmax(model.scores(pieces), axis=1)]


def lexicon_of(aspect: str) -> Lexicon:
    """Return the keywords of an aspect; those of causes are of the catalogue as it stands."""
    if aspect == Aspect.SENTIMENT:
        return lexicons.SENTIMENT
    if aspect == Aspect.URGENCY:
        return lexicons.URGENCY
    rows = choices().exclude(code=UNKNOWN).values_list("code", "parent__code", "name_en", "name_zh")
    return _of_causes(tuple(rows))


def current() -> list[Reader]:
    """Return who reads now, for each aspect; two queries, and one for weights that are not at hand."""
    active = {row.aspect: row for row in TextModel.objects.filter(is_active=True).defer("weights")}
    return [reader_of(aspect, active.get(aspect)) for aspect in Aspect.values]


def reader_of(aspect: str, row: TextModel | None) -> Reader:
    """Return the reader of an aspect with a model, or by keywords alone."""
    lexicon = lexicon_of(aspect)
    codes = tuple(lexicon.phrases)
    if row is None:
        return Reader(aspect, codes, lexicon)
    return Reader(aspect, codes, lexicon, weights_of(row.pk, row.fingerprint), row.pk, row.threshold)


@lru_cache(maxsize=_KEPT_IN_MEMORY)
def weights_of(pk: int, fingerprint: str) -> Linear:
    """Return the weights of a training, which never change.

    ``fingerprint``: of what it learnt from, so that another database in one process is not mistaken for it.
    """
    return Linear.from_bytes(bytes(TextModel.objects.values_list("weights", flat=True).get(pk=pk)))


@cache
def _of_causes(named: tuple[tuple[str, str | None, str, str], ...]) -> Lexicon:
    return lexicons.of_causes(named)


def _answer(code: str, share: float, threshold: float) -> Answer:
    return Answer(code, min(round(100 * share), 100), share >= threshold)

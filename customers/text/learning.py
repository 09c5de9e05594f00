"""Learning from labelled texts: keywords count a little, people's labels more, corrections most.

The phrases of the lexicon are learnt like short texts and stand beside the words of every text, so
that what nobody has labelled yet is still read by its keywords, and labels overrule them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from customers.text import features, judging, linear
from customers.text.features import Hashed
from customers.text.judging import Figures
from customers.text.keywords import Lexicon
from customers.text.linear import Linear

SEED = 20
PHRASE_WEIGHT = 0.3
FOLDS = 5
ONE_FOLD_FROM = 1000
"""With as many labels one fold is held out; with fewer each is, in turn."""


@dataclass(frozen=True)
class Example:
    """A text and what it says. ``key`` decides its fold; ``weight`` says how much it counts."""

    key: str
    text: str
    code: str
    weight: float = 1.0


@dataclass(frozen=True)
class Learnt:
    """A fitted model, from which confidence on it answers, and what it was worth on held-out texts.

    ``held_out`` holds for each held-out example, by key, its first answer.
    """

    model: Linear
    threshold: float
    figures: Figures
    majority_f1: float
    keyword_f1: float
    held_out: dict[str, str]


def learn(
    examples: Sequence[Example], lexicon: Lexicon, *, classes: Sequence[str], seed: int = SEED
) -> Learnt:
    """Fit a model on all examples; temperature, threshold and figures come from texts it had not seen.

    Args:
        examples: each with a code of ``classes``; the order makes no difference.
        classes: what may be answered.
    """
    examples = sorted(examples, key=lambda one: one.key)
    number = {code: place for place, code in enumerate(classes)}
    texts = [pieces_of(one.text, lexicon) for one in examples]
    targets = np.array([number[one.code] for one in examples], np.intp)
    weights = np.array([one.weight for one in examples], np.float32)
    phrases = _Phrases(lexicon, number)
    folds = np.array([fold_of(one.key) for one in examples])
    scores = np.zeros((len(examples), len(classes)), np.float32)
    is_held = np.zeros(len(examples), bool)
    for fold in range(1 if len(examples) >= ONE_FOLD_FROM else FOLDS):
        held = folds == fold
        if held.any():
            rest = np.flatnonzero(~held)
            fitted = phrases.fit([texts[row] for row in rest], targets[rest], weights[rest], seed=seed)
            scores[held] = fitted.scores([texts[row] for row in np.flatnonzero(held)])
            is_held |= held
    rows = np.flatnonzero(is_held)
    temperature = judging.temperature_of(scores[rows], targets[rows])
    shares = linear.softmax(scores[rows] / np.float32(temperature))
    best = shares.argmax(axis=1)
    confidence = shares.max(axis=1).astype(np.float64)
    threshold = judging.threshold_of(confidence, best == targets[rows])
    truth = [examples[row].code for row in rows]
    said = [classes[place] for place in best]
    model = phrases.fit(texts, targets, weights, seed=seed).cooled(temperature)
    return Learnt(
        model=model,
        threshold=threshold,
        figures=judging.figures(truth, said, confidence, threshold=threshold),
        majority_f1=judging.macro_f1(truth, judging.majority(truth)),
        keyword_f1=judging.macro_f1(truth, [lexicon.guess(examples[row].text) for row in rows]),
        held_out={examples[row].key: code for row, code in zip(rows, said, strict=True)},
    )


def pieces_of(text: str, lexicon: Lexicon) -> Hashed:
    """Return the pieces of a text, and what its keywords speak for."""
    return features.hinted(features.hashed(text), lexicon.hints(text))


def fold_of(key: str) -> int:
    """Return the fold of a text: always the same, whatever else is labelled."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % FOLDS


class _Phrases:
    """The phrases of a lexicon as short texts that are learnt with every fold."""

    def __init__(self, lexicon: Lexicon, number: dict[str, int]) -> None:
        pairs = [
            (phrase.rstrip("*"), code)
            for code, phrases in lexicon.phrases.items()
            if code in number
            for phrase in phrases
        ]
        self.texts: list[Hashed] = [pieces_of(phrase, lexicon) for phrase, _code in pairs]
        self.targets = np.array([number[code] for _phrase, code in pairs], np.intp)
        self.classes = tuple(number)

    def fit(
        self,
        texts: Sequence[Hashed],
        targets: NDArray[np.intp],
        weights: NDArray[np.float32],
        *,
        seed: int,
    ) -> Linear:
        """Fit a model on some texts and all phrases."""
        light = np.full(len(self.texts), PHRASE_WEIGHT, np.float32)
        return linear.fit(
            [*texts, *self.texts],
            np.concatenate([targets, self.targets]),
            classes=self.classes,
            weights=np.concatenate([weights, light]),
            seed=seed,
        )

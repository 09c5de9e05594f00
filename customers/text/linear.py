"""A small linear model over hashed pieces: TF-IDF and multinomial logistic regression, in NumPy.

Fitted by AdaGrad (Duchi, Hazan & Singer 2011) on batches whose composition a seed decides, so that the
same labels give the same weights.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from customers.text.features import BITS, Hashed

Matrix = NDArray[np.float32]
_BATCH = 128
_STEPS = 400  # of AdaGrad, at least
_PASSES = (10, 200)  # over all texts: at least, at most
_RATE, _DECAY = 0.1, 1e-6
_IN_TEXTS = 2  # a piece that fewer texts have is not kept


@dataclass(frozen=True)
class Linear:
    """Weights of the kept pieces for each class. ``temperature`` divides the scores before the softmax."""

    classes: tuple[str, ...]
    pieces: NDArray[np.int32]
    idf: Matrix
    weights: Matrix
    bias: Matrix
    temperature: float = 1.0

    def scores(self, texts: Sequence[Hashed]) -> Matrix:
        """Return the score of each class (columns) for each text (rows)."""
        found = np.empty((len(texts), len(self.classes)), np.float32)
        for first in range(0, len(texts), 256):
            columns, dense = _dense(texts[first : first + 256], self.pieces, self.idf)
            found[first : first + 256] = dense @ self.weights[columns] + self.bias
        return found

    def knows(self, texts: Sequence[Hashed]) -> list[bool]:
        """Say of each text whether any piece of it is known; of others only the bias would speak."""
        return [bool(np.isin(text, self.pieces, assume_unique=True).any()) for text in texts]

    def probabilities(self, texts: Sequence[Hashed]) -> Matrix:
        """Return the probability of each class (columns) for each text (rows)."""
        return softmax(self.scores(texts) / np.float32(self.temperature))

    def cooled(self, temperature: float) -> Linear:
        """Return the same model with another temperature."""
        return replace(self, temperature=temperature)

    def to_bytes(self) -> bytes:
        """Return the weights (at half precision) for keeping."""
        kept = io.BytesIO()
        np.savez_compressed(
            kept,
            classes=np.array(self.classes, dtype=np.str_),
            pieces=self.pieces,
            idf=self.idf.astype(np.float16),
            weights=self.weights.astype(np.float16),
            bias=self.bias,
            temperature=np.array(self.temperature),
        )
        return kept.getvalue()

    @classmethod
    def from_bytes(cls, kept: bytes) -> Linear:
        """Return what :meth:`to_bytes` kept."""
        with np.load(io.BytesIO(kept), allow_pickle=False) as read:
            return cls(
                classes=tuple(str(code) for code in read["classes"]),
                pieces=read["pieces"],
                idf=read["idf"].astype(np.float32),
                weights=read["weights"].astype(np.float32),
                bias=read["bias"],
                temperature=float(read["temperature"]),
            )


def softmax(scores: Matrix) -> Matrix:
    """Return each row of scores as probabilities."""
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Matrix = (grown / grown.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def fit(
    texts: Sequence[Hashed],
    targets: NDArray[np.intp],
    *,
    classes: Sequence[str],
    weights: Matrix | None = None,
    seed: int = 0,
) -> Linear:
    """Fit a model.

    Args:
        targets: for each text the number of its class in ``classes``.
        weights: how much each text counts; all the same when not given.
    """
    pieces, idf = _kept_pieces(texts)
    count = np.ones(len(texts), np.float32) if weights is None else weights.astype(np.float32)
    random = np.random.default_rng(seed)
    order, batches = random.permutation(len(texts)), []
    for first in range(0, len(texts), _BATCH):
        some = order[first : first + _BATCH]
        batches.append((some, *_dense([texts[row] for row in some], pieces, idf)))
    size = (len(pieces), len(classes))
    matrix, bias = np.zeros(size, np.float32), np.zeros(len(classes), np.float32)
    seen, seen_bias = np.full(size, 1e-8, np.float32), np.full(len(classes), 1e-8, np.float32)
    passes = int(np.clip(np.ceil(_STEPS / max(len(batches), 1)), *_PASSES))
    for _pass in range(passes):
        for number in random.permutation(len(batches)):
            some, columns, dense = batches[number]
            error = softmax(dense @ matrix[columns] + bias)
            error[np.arange(len(some)), targets[some]] -= 1
            error *= count[some][:, None] / np.float32(len(some))
            slope = dense.T @ error + np.float32(_DECAY) * matrix[columns]
            seen[columns] += slope * slope
            matrix[columns] -= np.float32(_RATE) * slope / np.sqrt(seen[columns])
            tilt = error.sum(axis=0)
            seen_bias += tilt * tilt
            bias -= np.float32(_RATE) * tilt / np.sqrt(seen_bias)
    return Linear(tuple(classes), pieces, idf, matrix, bias)


def _kept_pieces(texts: Sequence[Hashed]) -> tuple[NDArray[np.int32], Matrix]:
    """Return the pieces that several texts have, and the weight of each: rare ones weigh more."""
    every = np.concatenate([*texts, np.empty(0, np.int32)])
    number = np.bincount(every, minlength=1 << BITS)
    pieces = np.flatnonzero(number >= _IN_TEXTS).astype(np.int32)
    idf = np.log((1 + len(texts)) / (1 + number[pieces])) + 1
    return pieces, idf.astype(np.float32)


def _dense(
    texts: Sequence[Hashed], pieces: NDArray[np.int32], idf: Matrix
) -> tuple[NDArray[np.intp], Matrix]:
    """Return the columns that some texts have, and the texts as rows of length 1 over these columns."""
    lengths = [len(text) for text in texts]
    owner = np.repeat(np.arange(len(texts)), lengths)
    every = np.concatenate([*texts, np.empty(0, np.int32)])
    place = np.searchsorted(pieces, every)
    known = np.zeros(len(every), bool)
    inside = place < len(pieces)
    known[inside] = pieces[place[inside]] == every[inside]
    columns, where = np.unique(place[known], return_inverse=True)
    dense = np.zeros((len(texts), len(columns)), np.float32)
    dense[owner[known], where] = idf[place[known]]
    length = np.sqrt((dense * dense).sum(axis=1, keepdims=True))
    dense /= np.where(length > 0, length, np.float32(1))
    return columns, dense

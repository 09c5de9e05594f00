"""How good answers are: macro-F1, calibration, and from which confidence on an answer is given at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from customers.text.linear import Matrix, softmax

RIGHT_WANTED = 0.9
"""Of the answers that are given, this share is to be right."""
NEVER = 1.01
"""The threshold of a model whose answers were not right often enough at any confidence."""


@dataclass(frozen=True)
class Figures:
    """What answers on texts that the model had not seen were worth; shares from 0 to 1.

    ``right``: of all first answers; ``kept``: share that is answered at all, ``right_kept``: of these;
    ``ece``: mean distance between said and found confidence over ten equal bins.
    """

    texts: int
    macro_f1: float
    right: float
    kept: float
    right_kept: float
    ece: float


def macro_f1(truth: Sequence[str], said: Sequence[str | None]) -> float:
    """Return the mean over the classes of ``truth`` of F1 = 2TP ÷ (2TP + FP + FN); ``None`` is no answer."""
    both = Counter(code for code, answer in zip(truth, said, strict=True) if code == answer)
    there, told = Counter(truth), Counter(said)
    if not there:
        return 0.0
    return sum(2 * both[code] / (there[code] + told[code]) for code in there) / len(there)


def majority(truth: Sequence[str]) -> list[str]:
    """Return what somebody says who always gives the most frequent answer."""
    most = max(Counter(truth).items(), key=lambda item: (item[1], item[0]))[0] if truth else ""
    return [most] * len(truth)


def temperature_of(scores: Matrix, targets: NDArray[np.intp]) -> float:
    """Return the temperature under which the right classes are most likely (Guo et al. 2017).

    The least mean of −a ln p − (1 − a) ln(1 − p), with a = (n + 1) ÷ (n + 2) instead of 1 (Platt 1999), so
    that twenty texts that are all right do not make it certain; over 61 temperatures from 0.1 to 10, equally
    far apart on the log scale.
    """
    rows, tried = np.arange(len(targets)), np.logspace(-1, 1, 61)
    sure = (len(targets) + 1) / (len(targets) + 2)
    losses = []
    for one in tried:
        right = softmax(scores / np.float32(one))[rows, targets].astype(np.float64).clip(1e-9, 1 - 1e-9)
        losses.append(-(sure * np.log(right) + (1 - sure) * np.log(1 - right)).mean())
    return float(tried[int(np.argmin(losses))])


def threshold_of(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> float:
    """Return the least confidence from which on answers are right often enough.

    The lower end of the Wilson interval (one standard error) of the share that is right among all answers
    at or above it must reach 90 %; :data:`NEVER` when none does. At most 0.9: with few texts, all right, the
    least that was seen may lie above what calibration promises.
    """
    order = np.argsort(-confidence, kind="stable")
    level = confidence[order]
    number = np.arange(1, len(order) + 1)
    share = np.cumsum(is_right[order]) / number
    spread = np.sqrt(share * (1 - share) / number + 1 / (4 * number**2))
    low = (share + 1 / (2 * number) - spread) / (1 + 1 / number)
    whole = np.append(level[1:] < level[:-1], True) if len(level) else np.empty(0, bool)
    good = np.flatnonzero((low >= RIGHT_WANTED) & whole)  # never between two of one confidence
    return min(float(level[good[-1]]), RIGHT_WANTED) if len(good) else NEVER


def figures(
    truth: Sequence[str], said: Sequence[str], confidence: NDArray[np.float64], *, threshold: float
) -> Figures:
    """Return what answers are worth that are given from ``threshold`` on."""
    is_right = np.array([code == answer for code, answer in zip(truth, said, strict=True)], bool)
    kept = confidence >= threshold
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(is_right[bins == number].mean() - confidence[bins == number].mean()) * (bins == number).mean()
        for number in range(10)
        if (bins == number).any()
    ]
    return Figures(
        texts=len(is_right),
        macro_f1=macro_f1(truth, said),
        right=float(is_right.mean()) if len(is_right) else 0.0,
        kept=float(kept.mean()) if len(kept) else 0.0,
        right_kept=float(is_right[kept].mean()) if kept.any() else 0.0,
        ece=float(sum(gaps)),
    )

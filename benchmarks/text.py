"""How well texts are read, on two public sets that nobody tuned keywords on: see docs/text.md.

Each set is learnt with the product's own verb and judged on a part that it never saw: reviews of food
delivery in Chinese (whether good or bad; a fixed fifth, identical texts on one side) and messages to a bank
in English (Banking77: one of 77 intents; its own test part). The cold start of the intents is their names.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from customers.text import judging, lexicons
from customers.text.judging import Figures
from customers.text.keywords import Lexicon
from customers.text.learning import Example, fold_of, learn, pieces_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "text.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
FILES = ("reviews_zh/delivery_reviews_zh.csv.gz", "service_intents/train.csv", "service_intents/test.csv")
_HELD_FOLD = 4
_SHORT = 4  # letters: a shorter word of an intent's name says nothing by itself

Pairs = list[tuple[str, str]]  # text and code


@dataclass(frozen=True)
class PublicSet:
    """A set of texts in two parts, and the keywords of its cold start."""

    name: str
    train: Pairs
    held_out: Pairs
    lexicon: Lexicon


@dataclass(frozen=True)
class Measured:
    """What a set's held-out part came to; ``seconds``: of a processor."""

    name: str
    classes: int
    trained_on: int
    figures: Figures
    majority_f1: float
    keyword_f1: float
    seconds: float
    milliseconds: float
    megabytes: float


def is_at_hand(folder: Path) -> bool:
    """Say whether both sets lie in the folder."""
    return all((folder / name).is_file() for name in FILES)


def sets(folder: Path) -> Iterable[PublicSet]:
    """Read both sets, one after the other."""
    yield reviews(folder)
    yield intents(folder)


def reviews(folder: Path) -> PublicSet:
    """Return the reviews, cut by a hash of the text."""
    with gzip.open(folder / FILES[0], "rt", encoding="utf-8", newline="") as lines:
        pairs = [
            (row["review"], "positive" if row["label"] == "1" else "negative")
            for row in csv.DictReader(lines)
        ]
    held = [pair for pair in pairs if fold_of(pair[0]) == _HELD_FOLD]
    rest = [pair for pair in pairs if fold_of(pair[0]) != _HELD_FOLD]
    lexicon = Lexicon(
        {code: lexicons.SENTIMENT.phrases[code] for code in ("negative", "positive")},
        opposites=lexicons.SENTIMENT.opposites,
    )
    return PublicSet("reviews_zh", rest, held, lexicon)


def intents(folder: Path) -> PublicSet:
    """Return the messages with the set's own cut."""
    parts = []
    for name in FILES[1:]:
        with (folder / name).open(encoding="utf-8", newline="") as lines:
            parts.append([(row["text"], row["category"]) for row in csv.DictReader(lines)])
    names = sorted({code for _text, code in parts[0]})
    return PublicSet("service_intents", *parts, Lexicon({code: _words_of(code) for code in names}))


def measure(one: PublicSet) -> Measured:
    """Learn the first part of a set and judge the answers on the other."""
    classes = sorted({code for _text, code in one.train})
    examples = [Example(f"{one.name}:{line}", *pair) for line, pair in enumerate(one.train)]
    began = time.process_time()
    learnt = learn(examples, one.lexicon, classes=classes)
    seconds = time.process_time() - began
    truth = [code for _text, code in one.held_out]
    began = time.process_time()
    shares = learnt.model.probabilities([pieces_of(text, one.lexicon) for text, _code in one.held_out])
    each = (time.process_time() - began) * 1000 / len(truth)
    said = [classes[place] for place in shares.argmax(axis=1)]
    confidence = shares.max(axis=1).astype(np.float64)
    return Measured(
        name=one.name,
        classes=len(classes),
        trained_on=len(examples),
        figures=judging.figures(truth, said, confidence, threshold=learnt.threshold),
        majority_f1=judging.macro_f1(truth, judging.majority(truth)),
        keyword_f1=judging.macro_f1(truth, [one.lexicon.guess(text) for text, _code in one.held_out]),
        seconds=seconds,
        milliseconds=each,
        megabytes=len(learnt.model.to_bytes()) / 1e6,
    )


def table(found: Iterable[Measured]) -> str:
    """Return the figures as a table of the documentation."""
    lines = [
        "| set | classes | learnt from | held out | macro-F1 | keywords | majority | kept | right of these "
        "| confidence off by | training | reading a text | kept weights |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        what = one.figures
        lines.append(
            f"| `{one.name}` | {one.classes} | {one.trained_on:,} | {what.texts:,} | **{what.macro_f1:.3f}** "
            f"| {one.keyword_f1:.3f} | {one.majority_f1:.3f} | {what.kept:.1%} | **{what.right_kept:.1%}** "
            f"| {what.ece:.1%} | {one.seconds:.1f} s | {one.milliseconds:.2f} ms | {one.megabytes:.1f} MB |"
        )
    return "\n".join(lines)


def write(found: Iterable[Measured], page: Path = PAGE) -> Path:
    """Put the figures into the documentation, between their marks."""
    text = page.read_text(encoding="utf-8")
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", encoding="utf-8")
    return page


def _words_of(code: str) -> list[str]:
    words = code.replace("?", "").lower().split("_")
    return [" ".join(words), *(word for word in words if len(word) >= _SHORT)]

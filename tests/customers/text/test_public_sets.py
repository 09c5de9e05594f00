"""The two public sets, where they are at hand (``LIUKE_DATA``): the promises of docs/text.md."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import text
from benchmarks.text import PublicSet

DATA = Path(os.environ.get("LIUKE_DATA") or "/nowhere")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not text.is_at_hand(DATA), reason="LIUKE_DATA is not set: the public texts are not at hand"
    ),
]


@pytest.mark.parametrize("read", [text.reviews, text.intents])
def test_held_out_texts_are_read_as_promised(read: Callable[[Path], PublicSet]) -> None:
    one = read(DATA)
    assert (
        not {said for said, _code in one.train} & {said for said, _code in one.held_out}
        or read is text.intents
    )
    found = text.measure(one)
    assert found.figures.macro_f1 >= 0.85
    assert found.figures.macro_f1 > max(found.keyword_f1, found.majority_f1) + 0.1
    assert found.figures.kept >= 0.8
    assert found.figures.right_kept >= 0.9
    assert found.figures.ece <= 0.03

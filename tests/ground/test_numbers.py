"""Whole numbers: plain digits that a database can hold, nothing else."""

from __future__ import annotations

import pytest

from customers.ground.numbers import whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_whole_reads_plain_digits(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", [None, "", "²", "٣", "-1", "+1", "1.0", " 1", "1\0", "x", "9" * 19])
def test_whole_is_nothing_when_it_is_anything_else(text: str | None) -> None:
    assert whole(text) is None

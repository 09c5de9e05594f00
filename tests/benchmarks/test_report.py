"""The report says what a figure is worth: met, missed by how much, refused, stale."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report, results, server
from benchmarks.book import Benchmark, Ratio
from tests.benchmarks.test_pairs import benchmark

PER_ROW = {"buffers": 1.0, "rows read": 12.5, "rows written": 0.1}
RATIOS = {"ours ÷ floor": {"median": 1.5, "min": 1.4, "max": 1.6, "target": "≤ 2", "met": True}}


def result(**more: Any) -> dict[str, Any]:
    return {
        "name": "test",
        "title": "Test",
        "engine": "postgresql",
        "size": "s",
        "state": "worn",
        "commit": "0123456789abcdef",
        "date": "2026-01-01 00:00 UTC",
        "command": "make bench NAME=test",
        "machine": {"cores": 2, "memory_gb": 24, "database": "PG", "python": "3"},
        "load_before": 0.5,
        "load_after": 0.6,
        **results.refused(""),
        "pairs": 5,
        "equal": "every row",
        "ways": {"ours": {"seconds": [3.0, 1.0, 2.0], "per_row": PER_ROW, "figures": {}}},
        "ratios": RATIOS,
        **more,
    }


def told(known: Benchmark, one: dict[str, Any]) -> str:
    return report.text([known], [one], {"test": "It was tried."})


@pytest.fixture
def _nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "changed_since", lambda then, paths: False)


@pytest.mark.usefixtures("_nothing_changed")
def test_a_target_that_is_met() -> None:
    text = told(benchmark(Ratio("ours", "floor", at_most=2)), result())

    assert "| Test | worn | ours ÷ floor | 1.5 (1.4 – 1.6) | ≤ 2 | met |" in text
    assert "| Test | worn | ours | 2 | 1, 12.5, 0.1 | — |" in text
    assert "## PostgreSQL, 10,000 customers" in text
    assert "**Test.** It was tried." in text


@pytest.mark.usefixtures("_nothing_changed")
def test_a_target_that_is_missed_says_by_how_much() -> None:
    ratios = {"ours ÷ floor": {"median": 3.0, "min": 2.9, "max": 3.1, "target": "≤ 2", "met": False}}
    assert "| ≤ 2 | **missed**, 1.5 × the target |" in told(benchmark(), result(ratios=ratios))


@pytest.mark.usefixtures("_nothing_changed")
def test_a_refused_run_is_shown_and_claims_nothing() -> None:
    text = told(benchmark(), result(refused="the floor varied by 41%"))
    assert "| ≤ 2 | refused: the floor varied by 41% |" in text
    assert "| met |" not in text

    text = told(benchmark(), result(refused="the outputs differ: 1 row", ratios={}, ways={}))
    assert "| Test | worn | — | — | — | refused: the outputs differ: 1 row |" in text


def test_a_figure_older_than_its_code_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def changed(then: str, paths: tuple[str, ...]) -> bool:
        asked.append((then, paths))
        return True

    monkeypatch.setattr(results, "changed_since", changed)
    assert "| ≤ 2 | met, stale |" in told(benchmark(), result())
    assert asked == [("0123456789abcdef", ())]


def test_what_changed_since_is_asked_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(["git", *settings, *words], cwd=tmp_path, capture_output=True, check=True)
        return done.stdout.decode().strip()

    monkeypatch.setattr(server, "ROOT", tmp_path)
    git("init", "-q")
    for name in ("ours", "other"):
        (tmp_path / name).write_text("1")
        git("add", name)
        git("commit", "-q", "-m", name)
    then = results.commit()
    assert not results.changed_since(then, ("ours",))

    (tmp_path / "other").write_text("2")
    assert not results.changed_since(then, ("ours",))  # somebody else's change
    assert results.changed_since(then, ("ours", "other"))  # not committed yet
    assert results.commit(("ours",)) == then
    measured_amid_changes = results.commit(("other",))
    assert measured_amid_changes == then + "+"
    assert results.changed_since(measured_amid_changes, ("ours",))
    git("commit", "-q", "-a", "-m", "more")
    assert results.changed_since(then, ("other",))
    assert not results.changed_since(then, ("ours",))
    assert results.changed_since("f" * 40, ("ours",))  # a commit that nobody knows
    assert results.changed_since("", ("ours",))

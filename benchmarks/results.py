"""Results: one small file each, kept in the repository, with all that is needed to judge them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks import pairs, server
from benchmarks.book import Benchmark, Trial
from benchmarks.pairs import Outcome

FOLDER = Path(__file__).parent / "results"


def load(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Return all stored results."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


def of(benchmark: Benchmark, trial: Trial, outcome: Outcome) -> dict[str, Any]:
    """Return what the report needs of a benchmark in one state."""
    ways = {}
    for way in trial.ways:
        seconds = pairs.seconds(outcome.pairs, way)
        counted = outcome.counted.get(way, {})
        ways[way] = {
            "seconds": [round(value, 4) for value in seconds],
            "per_row": {what: round(count / max(1, trial.rows), 3) for what, count in counted.items()},
            "figures": dict(pairs.figures(outcome.pairs, way)),
        }
    return {
        "pairs": len(outcome.pairs),
        "thrown_away": outcome.thrown_away,
        "floor_variation": round(outcome.variation, 3),
        "refused": outcome.refused,
        "equal": outcome.equal,
        "rows": trial.rows,
        "ways": ways,
        "ratios": {which.name: pairs.ratio(outcome.pairs, which) for which in benchmark.ratios},
        "limits": {which.name: pairs.figure(outcome.pairs, which) for which in benchmark.limits},
    }


def refused(why: str) -> dict[str, Any]:
    """Return the result of a run from which nothing can be concluded."""
    return {
        "pairs": 0,
        "thrown_away": 0,
        "floor_variation": 0.0,
        "refused": why,
        "equal": "",
        "ways": {},
        "ratios": {},
        "limits": {},
    }


def store(result: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Write a result; return its file."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{result['engine']}-{result['size']}-{result['name']}-{result['state']}.json"
    file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def machine() -> dict[str, Any]:
    """Return what the figures were measured on, without naming it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9),
        "python": platform.python_version(),
    }


def load_of_machine() -> float:
    """Return the load of the last minute."""
    return round(os.getloadavg()[0], 2)


def commit(paths: tuple[str, ...] = ()) -> str:
    """Return the commit that is checked out; empty outside a repository.

    With changes of ``paths`` that are not committed it is no commit that one could go back to: marked so.
    """
    return _git("rev-parse", "HEAD") + ("+" if paths and _is_dirty(paths) else "")


def changed_since(then: str, paths: tuple[str, ...]) -> bool:
    """Say whether any of ``paths`` changed after the commit ``then``, committed or not."""
    if not then or not _git("cat-file", "-t", then):
        return True
    return bool(_git("log", "--format=%h", f"{then}..HEAD", "--", *paths)) or _is_dirty(paths)


def _is_dirty(paths: tuple[str, ...]) -> bool:
    return bool(_git("status", "--porcelain", "--", *paths))


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=server.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""

"""``docs/performance.md``: written from the stored results and the notes, by nobody's hand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import results, server
from benchmarks.book import SIZES, Benchmark

NOTES = Path(__file__).parent / "notes.toml"
TARGET = server.ROOT / "docs" / "performance.md"

HEAD = """# Performance

<!-- Written by `python -m benchmarks report`. Change benchmarks/notes.toml, or run the benchmarks again. -->

How fast Liuke is, as ratios to what the database needs at least (the *floor*) and to the usual way of
writing it in Django. Each figure is the **median of the ratios of interleaved pairs** in one run, with the
least and the greatest; ways are timed only after their outputs were found equal. How, and how to run it
again: `benchmarks/README.md`.

Targets hold for the state *worn*: after a random 1 % of the facts was corrected and 1 % added, with only
the autovacuum settings that we ship. *fresh* is the same after `VACUUM (ANALYZE)`. The floor of a pass runs
in one process: a `count, sum … GROUP BY customer_id` on the covering index of every source of measures, and
a bare `INSERT … SELECT` of as many rows of the wide table's width. PostgreSQL is the benchmark's own,
durable, with the settings of `docker-compose.yml`.

*refused*: the floor varied by more than 25 % from pair to pair, or outputs differed; nothing may be
concluded. *stale*: code that the benchmark depends on has changed since. Buffers (shared, hit or read) and
rows are per customer, or whatever the work is about.
"""


def write(known: Iterable[Benchmark], target: Path = TARGET) -> Path:
    """Write the report; return its file."""
    target.write_text(text(list(known), results.load(), notes()), encoding="utf-8")
    return target


def notes() -> dict[str, str]:
    """Return what is to be said about benchmarks, by name: why a target is missed, what was tried."""
    return tomllib.loads(NOTES.read_text(encoding="utf-8")) if NOTES.exists() else {}


def text(known: list[Benchmark], stored: list[dict[str, Any]], said: dict[str, str]) -> str:
    """Return the whole report."""
    parts = [HEAD]
    for engine, title in (("postgresql", "PostgreSQL"), ("sqlite", "SQLite")):
        for size in ("l", "m", "s"):
            some = [
                (benchmark, one)
                for benchmark in known
                for one in stored
                if (one["name"], one["engine"], one["size"]) == (benchmark.name, engine, size)
            ]
            if some:
                parts.append(_section(f"{title}, {SIZES[size]:,} customers", some))
    named = {benchmark.name: benchmark for benchmark in known}
    about = [f"**{named[name].title}.** {words.strip()}" for name, words in said.items() if name in named]
    if about:
        parts.append("## Notes\n\n" + "\n\n".join(about) + "\n")
    return "\n".join(parts)


def _section(title: str, some: list[tuple[Benchmark, dict[str, Any]]]) -> str:
    ratios, seconds = [], []
    for benchmark, result in some:
        stale = results.changed_since(result["commit"], benchmark.depends)
        ratios += _ratios(result, stale)
        seconds += _seconds(result)
    return "\n".join(
        [
            f"## {title}\n",
            "| work | state | ratio | median (least – greatest) | target | verdict |",
            "|---|---|---|---|---|---|",
            *ratios,
            "",
            "| work | state | way | seconds (median) | buffers, rows read, rows written | other figures |",
            "|---|---|---|---|---|---|",
            *seconds,
            "",
            "Measured:",
            "",
            *(_measured(result) for _benchmark, result in some),
            "",
        ]
    )


def _ratios(result: dict[str, Any], stale: bool) -> list[str]:
    work = f"| {result['title']} | {result['state']} |"
    found = {**result["ratios"], **result["limits"]}
    if not found:
        return [f"{work} — | — | — | refused: {result['refused']} |"]
    lines = []
    for name, one in found.items():
        value = f"{_short(one['median'])} ({_short(one['min'])} – {_short(one['max'])})"
        word = verdict(one, refused=result["refused"], stale=stale)
        lines.append(f"{work} {name} | {value} | {one['target'] or '—'} | {word} |")
    return lines


def verdict(one: dict[str, Any], *, refused: str, stale: bool) -> str:
    """Return in words what a figure is worth: met, missed and by how much, refused, stale."""
    if refused:
        return f"refused: {refused}"
    word = ""
    if one["met"] is not None:
        target = float(one["target"].split()[-1])
        word = "met" if one["met"] else f"**missed**, {_short(one['median'] / target)} × the target"
    return ", ".join(filter(None, [word, "stale" if stale else ""])) or "—"


def _seconds(result: dict[str, Any]) -> list[str]:
    lines = []
    for name, way in result["ways"].items():
        figures = ", ".join(f"{key} {value:g}" for key, value in way["figures"].items())
        counted = ", ".join(_short(count) for count in way["per_row"].values())
        cells = [
            result["title"],
            result["state"],
            name,
            _short(median(way["seconds"])),
            counted or "—",
            figures or "—",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _measured(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"* `{result['command']}`, {result['state']} — {result['date']}, commit `{_commit(result)}`, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['database']}, "
        f"Python {machine['python']}, load {result['load_before']:g} before, {result['load_after']:g} after; "
        f"{result['pairs']} pairs ({result['thrown_away']} thrown away, floor varied by "
        f"{result['floor_variation']:.0%}). Found equal: {result['equal'] or 'nothing'}."
    )


def _commit(result: dict[str, Any]) -> str:
    dirty = ", changed" if result["commit"].endswith("+") else ""
    return result["commit"].rstrip("+")[:10] + dirty


def _short(value: float) -> str:
    """Return a number in three figures, without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.5f}".rstrip("0")

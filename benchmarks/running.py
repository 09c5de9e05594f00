"""Running benchmarks one after the other: each result is stored before the next one begins."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import book, databases, pairs, results, server, stages
from benchmarks.book import Benchmark


class NoSuchBenchmark(Exception):
    """Nothing of that name stands in the book."""


def run(
    names: Sequence[str],
    *,
    size: str,
    engine: str,
    count: int,
    states: Sequence[str] = book.STATES,
    resume: bool = False,
    folder: Path = results.FOLDER,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Run the named benchmarks, or all, and return their results, a benchmark and state each.

    Each is stored before the next one begins. One whose outputs differ, that fails, or that cannot be
    timed steadily is stored as refused, with the reason. ``resume`` passes over results that are neither
    stale nor refused.
    """
    done = []
    with databases.store(engine) as where:
        databases.set_up_django(where.address, scratch=server.folder() / "var")
        chosen = [
            (benchmark, state)
            for benchmark in _chosen(names, size=size, engine=engine)
            for state in states
            if state in benchmark.states
        ]
        if resume:
            old = results.load(folder)
            chosen = [(one, state) for one, state in chosen if not _stands(one, old, size, engine, state)]
        say(f"{engine}, size {size}: the generated database")
        name = databases.make(where, size, say=say)
        for benchmark, state in chosen:
            say(f"\n{benchmark.name} ({engine}, {size}, {state})")
            result = {
                "name": benchmark.name,
                "title": benchmark.title,
                "engine": engine,
                "size": size,
                "state": state,
                "customers": book.SIZES[size],
                "commit": results.commit(benchmark.depends),
                "date": _today(),
                "command": f"make bench NAME={benchmark.name} SIZE={size} ENGINE={engine}",
                "machine": results.machine(),
                "load_before": results.load_of_machine(),
            }
            with stages.stage(where, name, size=size, engine=engine, state=state) as stage:
                result["machine"]["database"] = _version()
                result |= _one(benchmark, stage, count)
            result["load_after"] = results.load_of_machine()
            _print(result, say)
            results.store(result, folder)
            done.append(result)
    return done


def _one(benchmark: Benchmark, stage: book.Stage, count: int) -> dict[str, Any]:
    from benchmarks import vacuum, worker

    trial = None
    try:
        trial = benchmark.prepare(stage)
        if stage.state == "fresh":
            vacuum.everything()
        else:
            stage.settle()
        with worker.beside(stage.engine):
            count = min(count, benchmark.pairs.get(stage.size, count))
            outcome = pairs.run(benchmark, trial, pairs=count, counters=vacuum.counters)
        return results.of(benchmark, trial, outcome)
    except book.Unequal as error:
        return results.refused(f"the outputs differ: {error}")
    except Exception as error:  # the others are still to be measured
        traceback.print_exc()
        return results.refused(f"it failed: {type(error).__name__}")
    finally:
        if trial is not None and trial.after is not None:
            trial.after()


def _chosen(names: Sequence[str], *, size: str, engine: str) -> list[Benchmark]:
    known = book.every()
    for name in names:
        if name not in known:
            raise NoSuchBenchmark(f"No benchmark is called {name}. There are: {', '.join(known)}")
    asked = [known[name] for name in names] if names else list(known.values())
    return [one for one in asked if size in one.sizes and engine in one.engines]


def _stands(benchmark: Benchmark, old: list[dict[str, Any]], size: str, engine: str, state: str) -> bool:
    mine = (benchmark.name, size, engine, state)
    return any(
        (one["name"], one["size"], one["engine"], one["state"]) == mine
        and not one["refused"]
        and not results.changed_since(one["commit"], benchmark.depends)
        for one in old
    )


def _print(result: dict[str, Any], say: Callable[[str], None]) -> None:
    if result["refused"]:
        say(f"  REFUSED: {result['refused']}")
    if not result["ways"]:
        return
    say(f"  equal: {result['equal']}")
    for name, way in result["ways"].items():
        figures = "".join(f", {key} {value:g}" for key, value in way["figures"].items())
        listed = " ".join(f"{value:.3f}" for value in way["seconds"])
        counted = "".join(f", {count:g} {what} a row" for what, count in way["per_row"].items())
        say(f"  {name:<16} {listed} s{counted}{figures}")
    for name, found in {**result["ratios"], **result["limits"]}.items():
        verdict = {True: "met", False: "MISSED", None: ""}[found["met"]]
        least, most = found["min"], found["max"]
        say(f"  {name}: {found['median']:g} ({least:g} – {most:g}) {found['target']} {verdict}")
    load = f"{result['load_before']:.1f} before, {result['load_after']:.1f} after"
    say(f"  {result['pairs']} pairs, {result['thrown_away']} thrown away, load of the machine {load}")


def _version() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
            return f"PostgreSQL {cursor.fetchone()[0].split()[0]}"
        cursor.execute("SELECT sqlite_version()")
        return f"SQLite {cursor.fetchone()[0]}"


def _today() -> str:
    from customers.ground import clock

    return clock.real_now().strftime("%Y-%m-%d %H:%M UTC")

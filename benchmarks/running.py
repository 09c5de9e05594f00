"""Running benchmarks one after the other: each result is stored before the next one begins."""

from __future__ import annotations

import os
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
    """Run the named benchmarks, or all, and return their results, which are stored at once.

    A benchmark whose outputs differ, or that cannot be timed steadily, is stored as refused: it says why
    and how it went. ``resume`` passes over those that have a result that is not stale.
    """
    done = []
    with databases.store(engine) as where:
        databases.set_up_django(where.address, scratch=server.folder() / "var")
        chosen = _chosen(names, size=size, engine=engine)
        if resume:
            old = results.load(folder)
            chosen = [one for one in chosen if not _stands(one, old, size=size, engine=engine)]
        say(f"{engine}, size {size}: the generated database")
        name = databases.make(where, size, say=say)
        for benchmark in chosen:
            result = {
                "name": benchmark.name,
                "title": benchmark.title,
                "engine": engine,
                "size": size,
                "customers": book.SIZES[size],
                "commit": results.commit(),
                "date": _today(),
                "command": f"make bench NAME={benchmark.name} SIZE={size} ENGINE={engine}",
                "machine": {**results.machine(), "database": _version()},
                "states": {},
            }
            for state in [one for one in states if one in benchmark.states]:
                say(f"\n{benchmark.name} ({engine}, {size}, {state})")
                with stages.stage(where, name, size=size, engine=engine, state=state) as stage:
                    result["states"][state] = _one(benchmark, stage, count)
                _print(result["states"][state], say)
            result["load_after"] = [round(value, 2) for value in os.getloadavg()]
            results.store(result, folder)
            done.append(result)
    return done


def _one(benchmark: Benchmark, stage: book.Stage, count: int) -> dict[str, Any]:
    from benchmarks import vacuum, worker

    trial = benchmark.prepare(stage)
    if stage.state == "fresh":
        vacuum.everything()
    else:
        stage.settle()
    try:
        with worker.beside(stage.engine):
            count = min(count, benchmark.pairs.get(stage.size, count))
            outcome = pairs.run(benchmark, trial, pairs=count, counters=vacuum.counters)
    except book.Unequal as error:
        return {"refused": f"the outputs differ: {error}", "ways": {}, "ratios": {}, "limits": {}}
    finally:
        if trial.after is not None:
            trial.after()
    return results.of_state(benchmark, trial, outcome)


def _chosen(names: Sequence[str], *, size: str, engine: str) -> list[Benchmark]:
    known = book.every()
    for name in names:
        if name not in known:
            raise NoSuchBenchmark(f"No benchmark is called {name}. There are: {', '.join(known)}")
    asked = [known[name] for name in names] if names else list(known.values())
    return [one for one in asked if size in one.sizes and engine in one.engines]


def _stands(benchmark: Benchmark, old: list[dict[str, Any]], *, size: str, engine: str) -> bool:
    return any(
        (one["name"], one["size"], one["engine"]) == (benchmark.name, size, engine)
        and not results.changed_since(one["commit"], benchmark.depends)
        for one in old
    )


def _print(state: dict[str, Any], say: Callable[[str], None]) -> None:
    if state["refused"]:
        say(f"  REFUSED: {state['refused']}")
    if not state["ways"]:
        return
    say(f"  equal: {state['equal']}")
    for name, way in state["ways"].items():
        figures = "".join(f", {key} {value:g}" for key, value in way["figures"].items())
        listed = " ".join(f"{value:.3f}" for value in way["seconds"])
        counted = "".join(f", {count:g} {what} a row" for what, count in way["per_row"].items())
        say(f"  {name:<16} {listed} s{counted}{figures}")
    for name, found in {**state["ratios"], **state["limits"]}.items():
        verdict = {True: "met", False: "MISSED", None: ""}[found["met"]]
        say(
            f"  {name}: {found['median']:g} ({found['min']:g} – {found['max']:g}) {found['target']} {verdict}"
        )
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    say(f"  {state['pairs']} pairs, {state['thrown_away']} thrown away, load of the machine {load}")


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

"""The benchmarks themselves at 1,000 customers: outputs equal, few buffers a customer; never seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import server, shard

pytestmark = pytest.mark.services

MOST_BUFFERS_A_CUSTOMER = {"sweep-full": 60, "sweep-changed": 30, "rules": 20}
"""Two to three times what they are: a plan that turned bad costs ten times as many."""


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        "LIUKE_BENCH": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=server.ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


def results(folder: Path, *names: str, engine: str, state: str = "worn") -> dict[str, dict[str, Any]]:
    """Run benchmarks once at the smallest size; return their results by name."""
    out = folder / "results"
    size = ["--size", "xs", "--engine", engine, "--state", state]
    done = run("run", *names, *size, "--pairs", "1", "--out", str(out), folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(file.read_text()) for file in out.glob("*.json")]
    return {one["name"]: one for one in found}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the unprivileged PostgreSQL may enter; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory(prefix="liuke-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_on_postgresql_outputs_are_equal_and_buffers_few(folder: Path) -> None:
    found = results(folder, "sweep-full", "sweep-changed", "rules", engine="postgresql")

    assert len(found) == 3
    for name, one in found.items():
        assert one["customers"] == 1000
        assert (one["state"], one["refused"]) == ("worn", ""), name
        assert one["equal"], name
        for way, numbers in one["ways"].items():
            assert 0 < numbers["per_row"]["buffers"] < MOST_BUFFERS_A_CUSTOMER.get(name, 10**6), way
            assert numbers["per_row"]["rows read"] > 0
    # what a night changes is found, and is not everybody
    assert "as a full pass finds it" in found["sweep-changed"]["equal"]


def test_on_sqlite_outputs_are_equal(folder: Path) -> None:
    found = results(folder, "sweep-full", "sweep-touched", "rules", "grouped-orm", engine="sqlite")

    assert len(found) == 4
    assert all(one["equal"] and not one["refused"] for one in found.values())


def test_ledger_says_what_its_floors_say_and_a_rerun_changes_nothing(folder: Path) -> None:
    names = ("ledger-statement", "ledger-expiry", "ledger-tiers", "ledger-hot")
    found = results(folder, *names, engine="postgresql", state="fresh")

    assert set(found) == set(names)
    assert all(one["equal"] and not one["refused"] for one in found.values())
    assert found["ledger-expiry"]["equal"] == "500 lots"
    for name, figure in (("ledger-expiry", "entries of a rerun"), ("ledger-tiers", "moves of a rerun")):
        assert found[name]["ways"]["ours"]["figures"][figure] == 0
    assert found["ledger-tiers"]["ways"]["ours"]["figures"]["moves"] > 0
    assert found["ledger-statement"]["ways"]["ours"]["figures"]["queries of a balance"] <= 2


def test_an_unknown_name_is_refused(folder: Path) -> None:
    done = run("run", "no-such", "--size", "xs", "--engine", "sqlite", folder=folder)

    assert done.returncode == 2
    assert "No benchmark is called no-such" in done.stderr


def test_two_runs_in_one_folder_refuse_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_BENCH", str(folder))
    with server.alone():
        done = run("generate", "--size", "xs", "--engine", "sqlite", folder=folder)
    assert done.returncode == 2
    assert "Another benchmark runs" in done.stderr


def test_four_databases_find_what_one_finds(folder: Path) -> None:
    done = run("shard", "--size", "xs", "--databases", "4", folder=folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The union of 4 databases equals the one: 1000 measures" in done.stdout


def test_a_row_that_differs_or_stands_twice_is_seen() -> None:
    one = {"measures": {"A": [1], "B": [2]}, "warnings": {"A overdue": ["open"]}, "cases": {}}
    left = {"measures": {"A": [1]}, "warnings": {"A overdue": ["open"]}, "cases": {}}
    right = {"measures": {"B": [2]}, "warnings": {}, "cases": {}}
    assert shard.compare(one, [left, right]) == {"measures": 2, "warnings": 1, "cases": 0}

    with pytest.raises(shard.Differs, match="measures: 1 differ"):
        shard.compare(one, [left, {**right, "measures": {"B": [3]}}])
    with pytest.raises(shard.Differs, match="measures: 1 differ"):
        shard.compare(one, [left, {**right, "measures": {}}])
    with pytest.raises(shard.Differs, match="stand in two databases"):
        shard.compare(one, [left, {**right, "measures": {"A": [1], "B": [2]}}])


def test_customers_are_spread_over_the_databases() -> None:
    buckets = [shard.bucket(f"C{n:07}", 4) for n in range(1, 1001)]
    assert {number: 200 < buckets.count(number) < 300 for number in range(4)} == dict.fromkeys(range(4), True)


def test_the_server_runs_with_the_settings_that_are_shipped() -> None:
    shipped = server.shipped_settings()
    assert any(word.startswith("-cshared_buffers=") for word in shipped)
    assert not any("fsync" in word or "synchronous_commit" in word for word in shipped)


def test_who_is_told_to_stop_takes_the_server_along(folder: Path) -> None:
    words = [sys.executable, "-m", "benchmarks", "generate", "--size", "xs"]
    env = {**os.environ, "LIUKE_BENCH": str(folder)}
    pid_file = folder / "postgresql" / "data" / "postmaster.pid"
    with subprocess.Popen(words, cwd=server.ROOT, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()  # the first step was told: the server works
        assert pid_file.exists()

        running.terminate()

        assert running.wait(60) == 143
    assert not pid_file.exists()

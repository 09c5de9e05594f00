"""Where a benchmark runs: the generated database of one size, engine and state, ready to be used up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import server
from benchmarks.book import SIZES, Stage
from benchmarks.databases import Store


@contextmanager
def stage(where: Store, name: str, *, size: str, engine: str, state: str) -> Iterator[Stage]:
    """Yield a stage on a copy of a kept database; Django must be set up."""
    from django.db import connection

    from benchmarks import generate, vacuum

    connection.close()
    where.copy(f"{name}_{state}")
    generate.set_clock()
    scratch = server.folder() / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield Stage(
            size=size,
            customers=SIZES[size],
            engine=engine,
            state=state,
            now=generate.NOW,
            scratch=scratch,
            settle=vacuum.settle,
        )
    finally:
        connection.close()
        shutil.rmtree(scratch, ignore_errors=True)

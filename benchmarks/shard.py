"""Growth shown: the customers in several databases by hash, swept apart, against all of them in one.

No fact of one customer bears on another's measures, warnings or case, so a company that outgrows one
database can be cut by customer. Here that is done and compared row by row. SQLite, a process each.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import databases, server

AT_A_TIME = 2  # processes
SOURCE = "bench"
# What every database holds in full: the company, its people, its rules. All else goes by customer.
SHARED = ("company", "calendarexception", "clockoffset", "exchangerate")
SHARED_CUSTOMERS = ("team", "user", "useractivity", "cause", "product", "attribute")
EMPTY = "empty.sqlite3"
COMPARED = ("measures", "warnings", "cases")


class Differs(Exception):
    """The union of the parts is not what one database finds."""


def bucket(external_id: str, count: int) -> int:
    """Return which of ``count`` databases a customer belongs to: by hash of its external id."""
    return int.from_bytes(hashlib.sha256(external_id.encode()).digest()[:8], "big") % count


def show(*, size: str, count: int, say: Callable[[str], None]) -> dict[str, int]:
    """Load, sweep and compare; return how many rows of each kind were found equal, else raise."""
    with databases.store("sqlite") as where:
        databases.set_up_django(where.address, scratch=server.folder() / "var")
        name = databases.make(where, size, say=say)
        from django.core.management import call_command
        from django.db import connection

        folder = server.folder() / "shard"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source = server.folder() / "sqlite" / f"{name}_fresh.sqlite3"
        where.fresh_run()
        call_command("migrate", verbosity=0)
        connection.close()
        shutil.copyfile(where.address.removeprefix("sqlite:///"), folder / EMPTY)
        try:
            whole = _swept(source, folder, 1, say)[0]
            parts = _swept(source, folder, count, say)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return compare(whole, parts)


def compare(whole: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, int]:
    """Compare the union of the parts with the whole, row by row; return how many rows there are."""
    equal = {}
    for kind in COMPARED:
        union: dict[str, Any] = {}
        for part in parts:
            if twice := union.keys() & part[kind].keys():
                raise Differs(f"{kind}: {sorted(twice)[:3]} stand in two databases")
            union |= part[kind]
        if union != whole[kind]:
            wrong = [
                key for key in whole[kind].keys() | union.keys() if union.get(key) != whole[kind].get(key)
            ]
            raise Differs(f"{kind}: {len(wrong)} differ, for example {sorted(wrong)[:3]}")
        equal[kind] = len(union)
    return equal


def _swept(source: Path, folder: Path, count: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Load the customers into ``count`` databases, sweep each in its own process; return what they hold."""

    def one(number: int) -> dict[str, Any]:
        target = folder / f"{count}-{number}.sqlite3"
        shutil.copyfile(folder / EMPTY, target)
        words = [str(target), str(source), str(number), str(count)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.shard", *words],
            cwd=server.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Differs(f"database {number} of {count}: {done.stderr[-800:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    began = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = list(pool.map(one, range(count)))
    sizes = ", ".join(str(len(part["measures"])) for part in found)
    sweeps = ", ".join(f"{part['seconds']:.1f}" for part in found)
    took = time.monotonic() - began
    say(f"{count} database(s): {sizes} customers; swept in {sweeps} s; {took:.1f} s with loading")
    return found


# --- In the process of one database -----------------------------------------------------------


def _load(target: str, source: str, number: int, count: int) -> None:
    """Fill a migrated database with what all share and with the customers of one bucket."""
    from django.apps import apps

    from customers.facts import TWINS
    from retention.models import RuleVersion, WarningRule

    models = [model for model in apps.get_models() if model._meta.app_label in ("ground", "customers")]
    shared = [model for model in models if model._meta.model_name in (*SHARED, *SHARED_CUSTOMERS)]
    facts = [model for model in models if model in TWINS or model in TWINS.values()]
    with sqlite3.connect(target) as base:
        base.execute("ATTACH ? AS whole", (source,))
        base.execute("PRAGMA foreign_keys = OFF")
        base.create_function("bucket", 1, lambda external_id: bucket(external_id, count), deterministic=True)
        base.execute("CREATE TEMPORARY TABLE mine (id integer PRIMARY KEY)")
        base.execute(
            "INSERT INTO mine SELECT object_id FROM whole.customers_externalref "
            "WHERE kind = 'customer' AND source = ? AND bucket(external_id) = ?",
            (SOURCE, number),
        )
        for model in [*shared, WarningRule, RuleVersion]:
            _copy(base, model, "true")
        for model in facts:
            _copy(base, model, "customer_id IN (SELECT id FROM mine)")
        for name, column in (("customer", "id"), ("contact", "customer_id"), ("externalref", "object_id")):
            _copy(base, apps.get_model("customers", name), f"{column} IN (SELECT id FROM mine)")


def _copy(base: sqlite3.Connection, model: Any, where: str) -> None:
    table = model._meta.db_table
    columns = ", ".join(
        f'"{field.column}"' for field in model._meta.concrete_fields if not getattr(field, "generated", False)
    )
    base.execute(f'DELETE FROM main."{table}"')
    base.execute(
        f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM whole."{table}" WHERE {where}'
    )


def _found() -> dict[str, Any]:
    """Return measures, warnings and cases by external id, without the ids of this database."""
    from customers.models import ExternalRef
    from retention.measures import stored
    from retention.models import CustomerMeasures, EarlyWarning, RetentionCase

    names = dict(
        ExternalRef.objects.filter(kind="customer", source=SOURCE).values_list("object_id", "external_id")
    )
    measures = CustomerMeasures.objects.values_list("customer_id", *(measure.code for measure in stored()))
    warned = EarlyWarning.objects.values_list(
        "customer_id", "rule__code", "state", "severity", "evidence", "raised_at"
    )
    cases = RetentionCase.objects.values_list(
        "customer_id", "kind", "status", "severity", "margin_365d", "assignee__username", "due_at"
    )
    return {
        "measures": {names[customer]: rest for customer, *rest in measures},
        "warnings": {f"{names[customer]} {rule}": rest for customer, rule, *rest in warned},
        "cases": {names[customer]: rest for customer, *rest in cases},
    }


def main(target: str, source: str, number: int, count: int) -> None:
    """Load one database, sweep it, print what it holds as JSON."""
    databases.set_up_django(f"sqlite:///{target}", scratch=Path(target).parent)
    from benchmarks.generate import NOW
    from retention import sweep

    _load(target, source, number, count)
    began = time.monotonic()
    sweep.run(as_of=NOW, scope="full")
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, **_found()}, default=str))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

"""Who matches a condition that somebody is editing: the number and the first five, after every change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import connection

from benchmarks.book import Limit, Measured, Stage, Trial, Unequal, bench
from benchmarks.sweeps import DEPENDS
from benchmarks.truth import WIDE
from customers.models import User
from retention.pages.editor import outcome
from retention.rules.conditions import parse

TIMES = 20
SQL = {
    "m.orders_prev_365d >= 5": {"measure": "orders_prev_365d", "op": ">=", "value": 5},
    "m.contacts_90d = 0": {"measure": "contacts_90d", "op": "=", "value": 0},
    "m.orders_365d >= 3 AND (m.contracts_running >= 1 OR NOT coalesce(m.complaints_90d >= 1, false))": {
        "all": [
            {"measure": "orders_365d", "op": ">=", "value": 3},
            {
                "any": [
                    {"measure": "contracts_running", "op": ">=", "value": 1},
                    {"not": {"measure": "complaints_90d", "op": ">=", "value": 1, "unknown": "no"}},
                ]
            },
        ]
    },
    "m.spend_90d * 2 <= m.spend_365d": {
        "measure": "spend_90d",
        "op": "<=",
        "factor": "0.5",
        "other": "spend_365d",
    },
}
"""Conditions, each as plain SQL says it: from few customers to nearly all of them."""


def preview(stage: Stage) -> Trial:
    """What the editor asks for after a change, as an admin who sees everybody."""
    admin = User.objects.get(username="admin")
    conditions = {plain: parse(condition) for plain, condition in SQL.items()}

    def ours() -> Measured:
        times, found = [], {}
        for number in range(TIMES):
            for plain, condition in conditions.items():
                begin = time.perf_counter()
                said = outcome.of(condition, user=admin, at=stage.now, currency="CNY")
                times.append(1000 * (time.perf_counter() - begin))
                found[plain] = said.count if number == 0 else found[plain]
        worst = {"worst ms": round(max(times), 1), "mean ms": round(sum(times) / len(times), 1)}
        return Measured(seconds=sum(times) / 1000, figures=worst, output=found)

    def floor() -> dict[str, int]:
        found: dict[str, int] = {}
        with connection.cursor() as cursor:
            for _ in range(TIMES):
                for plain in SQL:
                    cursor.execute(f'SELECT count(*) FROM "{WIDE}" m WHERE {plain}')
                    found[plain] = cursor.fetchone()[0]
        return found

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["floor"] != outputs["ours"]:
            raise Unequal(f"{outputs['ours']}, plain SQL counts {outputs['floor']}")
        return f"{len(SQL)} conditions of {min(SQL and outputs['ours'].values()):,} customers and more"

    return Trial(ways={"floor": floor, "ours": ours}, same=same, rows=TIMES * len(SQL))


for _name, _sizes, _most, _title in (
    ("preview", ("xs", "s", "m"), 1000, "Preview of a condition in the editor"),
    ("preview-million", ("l",), 3000, "Preview of a condition in the editor, 1,000,000 customers"),
):
    bench(
        _name,
        title=_title,
        ratios=(),
        limits=(Limit("ours", "worst ms", at_most=_most),),
        depends=(*DEPENDS, "retention/pages/editor", "retention/segments", "benchmarks/preview.py"),
        sizes=_sizes,
    )(preview)

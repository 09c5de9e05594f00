"""The documentation of the measures, written from the registry."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils import translation

from retention.measures import Measure, Source, Unit, every, sources

_UNITS = {
    Unit.COUNT: "number",
    Unit.MONEY: "money, minor units of the base currency",
    Unit.DAYS: "days",
    Unit.DAY: "local day",
    Unit.RATIO: "ratio",
    Unit.FLAG: "yes or no",
    Unit.CODE: "choice",
}
_HEAD = """\
# Measures

<!-- Written from the registry by retention/measures/document.py; a test compares the two. -->

A measure is one number, day or yes/no about one customer as of a moment. It is declared once, in
`retention/measures/catalogue/`, and can be computed for any moment: only facts that had occurred, and
that the company knew of, before that moment count.

* Windows are whole local days of the company's zone. "The last 90 days" are today and the 89 days before
  it; "the 90 days before" are the 90 days before those.
* Nothing counted is 0. A day that never was is unknown, and whatever is computed from an unknown is
  unknown; a rule never matches an unknown.
* A stored measure is a column of the wide table. A derived one is computed from stored ones when it is
  read, so that it stays true while the clock runs.
* The own rhythm is unknown before the fourth day with an order: three gaps are the least that tell one.
* A renewal or termination of a contract counts from its day on: before that day nobody knew of it. What
  happens to a complaint is told by its dated events; whoever voids a complaint voids them.
* A ratio is a pair of integers, compared without dividing; it is unknown unless the lower one is above 0.
"""


def document() -> str:
    """Return docs/measures.md: one table a source, in order of declaration."""
    with translation.override("en"):
        parts = [
            _HEAD,
            f"{len(every())} measures, {sum(m.is_stored for m in every().values())} of them stored.",
        ]
        parts += [_table(source) for source in sources().values()]
    return "\n".join(parts).rstrip() + "\n"


def write() -> Path:
    """Write docs/measures.md and return its path."""
    path = Path(settings.BASE_DIR) / "docs" / "measures.md"
    path.write_text(document(), encoding="utf-8")
    return path


def _table(source: Source) -> str:
    rows = [_row(measure) for measure in every().values() if measure.source == source.code]
    head = f"\n## {source.label}\n\n| code | label | unit | kind | counts |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows)


def _row(measure: Measure) -> str:
    kind = (
        "stored"
        if measure.is_stored
        else "derived from " + ", ".join(f"`{code}`" for code in sorted(measure.columns()))
    )
    return f"| `{measure.code}` | {measure.label} | {_UNITS[measure.unit]} | {kind} | {measure.help} |"

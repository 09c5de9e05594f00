"""The documentation of the measures, written from the registry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.utils import translation

from retention.measures import Measure, Source, Unit, every, get, sources, stored

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
  unknown; a rule never matches an unknown, unless its comparison says that unknown counts.
* Each night it is counted of how many customers each measure is known, and how new the facts behind it
  are: the page "Measures" among the settings and `GET /api/v1/measures/` tell, and the page who uses it.
* A stored measure is a column of the wide table. A derived one is computed from stored ones when it is
  read, so that it stays true while the clock runs.
* A computed measure is filled by NumPy from stored ones, for everybody each night, and rounded to whole
  numbers, so that rules compare it exactly on both databases. Some use parameters that are learnt from the
  company's own customers: see "What is learnt" below.
* The own rhythm is unknown before the fourth day with an order: three gaps are the least that tell one.
* A renewal or termination of a contract counts from its day on: before that day nobody knew of it. What
  happens to a complaint is told by its dated events; whoever voids a complaint voids them.
* A ratio is a pair of integers, compared without dividing; it is unknown unless the lower one is above 0.
"""

_TAIL = """
## Own measures

Admins make measures without code: *Settings → Measures → Own measures*, or `POST /api/v1/own-measures/`. One
is made of one attribute or one indicator in one of these ways. What it counts never changes, its names may.

| of | way | unit | is |
|---|---|---|---|
| a number | `number` | number | its number |
| a date | `day` | local day | its day |
| a date | `days_since` | days | days from it to today, below 0 while it is to come |
| a date | `days_until` | days | days from today to it, below 0 once it has passed |
| a choice | `choice` | choice | the code that was chosen |
| a choice | `is_choice` | yes or no | whether one code was chosen; unknown when none was |
| an indicator | `newest` | number | the newest value |
| an indicator | `change` | number | the newest value minus the one that stood so many days ago |
| an indicator | `worst` | number | the worst of the values of the last so many days, by its direction |
| an indicator | `average` | number | the average of these values, cut off at thousandths |
| an indicator | `days_since_value` | days | days since the newest value |

* Conditions name one `own.` and its code: `{"measure": "own.health", "op": "<", "value": 40}`. What its unit
  allows goes, with a value; it is not compared with another measure. Without a value it is unknown,
  which matches nothing, unless the comparison says so.
* It is read from the facts as of the moment: it is there at once, moves with the clock, and sees on a past
  day what was known then (decision 6). Sweep, try, why, backtest, segments, customer pages and the API read
  the same.
* A warning keeps its value with the names that it had then.
* At most 50 count at once. One that is retired stays readable; rules that ask for it are set aside and
  reported, and match nobody, until it is taken up again. What it reads cannot be retired before it.

## What is learnt

Once a week, before the pass of the night, the parameters below are fitted to what was known at the
beginning of that local day. Each fit is a row with its moment; as of any moment the newest one that was
fitted at it or before counts, and before the first one the shipped parameters. So a past moment keeps its
numbers. At most 20,000 customers are read (every k-th by number), and fewer than 100 with a repeated order
teach nothing.

* **Buying rates** (`overdue_score`): the population Gamma(r, α) by maximum likelihood of the BG/NBD model
  (Fader, Hardie, Lee 2005), whose dropout keeps those who left from passing for slow buyers. The score is
  1 − ((α + t_x)/(α + T))^(r + x) with x repeated order days, the last at t_x, the first T days ago. Shipped:
  r = 1, α = 90 days.
* **Season** (`count_decline`, `expected_lost_margin`): an index for each week of the year, and for the
  weeks from 4 before to 4 after Spring Festival and 2 before to 2 after Dragon Boat and Mid-Autumn, which
  move with the moon and then take the place of the calendar's week. It is the company's orders in those
  weeks over what their level, the mean of the 365 days around each day, would have given, with 50 orders at
  the level added, so that weeks with few orders stay near 1. It needs two years of orders; before that
  every day counts the same. A window's exposure is the sum of the index over its days.
* **Decline** (`expected_lost_margin`): rates before are Gamma(a, b) a month by maximum likelihood of the
  orders before the last 90 days (a negative binomial); a rate is now 1, 0.7, 0.5, 0.3 or 0 times what it was,
  how often by expectation and maximisation, the shipped weights (0.8 and 4 × 0.05) counting for 100
  customers. The expected loss is Σ P(d) · E[λ | d] · (1 − d) · 12 months, times the margin a day with an
  order earned in 455 days, at least 0.

`count_decline` is the one-sided mid-p value of a binomial: n₁ order days in the last 90 of n₀ + n₁ in 455,
with the share that the exposures give. Below about one order a month it cannot tell a decline: use the
overdue score.
"""


def document() -> str:
    """Return docs/measures.md: one table a source, in order of declaration."""
    with translation.override("en"):
        parts = [
            _HEAD,
            f"{len(every())} measures, {len([m for m in stored() if not m.is_inner])} of them stored.",
        ]
        parts += [_table(source) for source in sources().values()]
    return "\n".join(parts).rstrip() + "\n" + _TAIL


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
    reads = measure.vector.reads if measure.vector else () if measure.is_stored else measure.columns()
    named = ", ".join(f"`{code}`" for code in sorted(_told(reads)))
    kind = f"computed from {named}" if _is_vector(measure) else f"derived from {named}" if named else "stored"
    return f"| `{measure.code}` | {measure.label} | {_UNITS[measure.unit]} | {kind} | {measure.help} |"


def _is_vector(measure: Measure) -> bool:
    return any(get(code).vector for code in measure.columns())


def _told(codes: Iterable[str]) -> set[str]:
    """Return the columns that are read, those behind inner ones in place of these."""
    found: set[str] = set()
    for code in codes:
        inner = get(code)
        found |= set(inner.vector.reads) if inner.is_inner and inner.vector else {code}
    return found

"""Do the ready rules foresee losses? Demo companies, their hidden truth, and what doing without finds.

A company is made for each seed, and every ready rule is tried on the year before its end: thirteen steps of
four weeks, exactly as ``backtest`` does, against the days on which its customers *really* left. These are
known to the demo alone; no rule, no measure and no definition of a loss reads them. Then the same once more
in a world where signs are pure noise: the same losses, each customer's given to another one by lot.

A rule is **proven** when its precision over all seeds is at least :data:`TIMES` that of *longest silence* at
equal volume, and the 95 % interval of the paired difference of the seeds lies above 0.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from django.core.management.base import CommandError

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "benchmarks" / "proof.json"
PAGE = ROOT / "docs" / "backtest.md"
BEGIN, END = "<!-- proof -->", "<!-- /proof -->"

SEEDS = range(11, 31)
"""Fixed before the first run; the demo that everybody sees is 7."""
UNSEEN = range(31, 51)
"""Fixed after the demo had last been changed, before they were run: nothing was settled on them."""
CUSTOMERS, MONTHS, UNTIL = 2_000, 30, "2026-06-30"
TIMES = 1.5
FEWEST = 30  # judged alarms below which a seed says nothing of an interval
DRAWS = 10_000

Losses = Mapping[int, Sequence[tuple[int, int | None]]]
"""Customer → the days on which it left, each with the day of its return."""


# --- One company -------------------------------------------------------------------------------------
def one_company(seed: int) -> dict[str, Any]:
    """Make the company of a seed in the empty database of this process, try every ready rule, return both.

    Returns ``{"seed", "customers", "losses", "true": {rule: …}, "noise": {rule: …}}``. Side effects: fills
    the database.
    """
    from django.core.management import call_command

    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "truth.json.gz"
        call_command("migrate", verbosity=0)
        call_command(
            "demo",
            seed=seed,
            customers=CUSTOMERS,
            months=MONTHS,
            until=_day(UNTIL),
            truth=told,
            verbosity=0,
        )
        truth = json.loads(gzip.decompress(told.read_bytes()))
    return _tried(seed, truth)


def _day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


def _tried(seed: int, truth: Mapping[str, Any]) -> dict[str, Any]:
    from customers import company
    from customers.ground import clock
    from customers.models import ExternalRef
    from retention import backtest

    ids = dict(ExternalRef.objects.filter(kind="customer").values_list("external_id", "object_id"))
    losses: dict[int, list[tuple[int, int | None]]] = {}
    for customer, *_what, left, returned in truth["departures"]:
        if left:
            losses.setdefault(ids[customer], []).append((left, returned or None))
    at = clock.now()
    span, today = backtest.asked(at=at), company.today(at).number
    seen = list(_steps(span))
    worlds = {"true": losses, "noise": shuffled(losses, sorted(ids.values()), seed=seed)}
    return {
        "seed": seed,
        "customers": len(ids),
        "losses": sum(map(len, losses.values())),
        **{name: _world(seen, span, one, known_until=today - 1) for name, one in worlds.items()},
    }


def shuffled(losses: Losses, customers: Sequence[int], *, seed: int) -> Losses:
    """Return the same losses, each customer's given to another one by lot: no sign can tell of them."""
    others = list(customers)
    Random(seed).shuffle(others)
    given = dict(zip(customers, others, strict=True))
    return {given[customer]: spells for customer, spells in losses.items()}


def _steps(span: Any) -> Iterator[tuple[int, dict[str, set[int]], Any]]:
    """Yield each step's day, whom each ready rule matches, and everybody who was known by then."""
    from dataclasses import replace

    from customers import company
    from retention.backtest.looking import Seen, look
    from retention.measures import compute
    from retention.models import WarningRule
    from retention.rules.compile import compile_rule

    zone = company.current().time_zone
    rules = list(WarningRule.objects.filter(is_ready_made=True).order_by("position", "code"))
    asked = [replace(compile_rule(rule), rule_id=number) for number, rule in enumerate(rules, start=1)]
    for day in span.steps:
        seen = Seen([set() for _rule in asked])
        for customers in compute.shards(1):
            look(asked, seen, customers=customers, as_of=span.moment(day, zone), day=day)
        if seen.failed:
            raise RuntimeError(f"rules failed: {seen.failed}")
        matched = {rule.code: found for rule, found in zip(asked, seen.matched, strict=True)}
        yield day, matched, seen.at_risk


def _world(steps: Sequence[Any], span: Any, losses: Losses, *, known_until: int) -> dict[str, Any]:
    """Return for each rule what it and longest silence found in one world, as a backtest counts it."""
    from retention.backtest.alarms import Fold
    from retention.backtest.baselines import Chance, Ranked
    from retention.backtest.interval import precision_interval
    from retention.backtest.scoring import score
    from retention.models import WarningRule

    starts = {customer: sorted(left for left, _back in spells) for customer, spells in losses.items()}
    rests = dict(WarningRule.objects.filter(is_ready_made=True).values_list("code", "cool_down_days"))
    found = {code: (Fold(rests[code]), Chance(span, starts), Ranked(span)) for code in steps[0][1]}
    for day, matched, at_risk in steps:
        lost = _lost_on(losses, day)
        risk = at_risk(lost)
        for code, (fold, chance, recency) in found.items():
            new = len(fold.step(day, matched[code] - lost))
            chance.step(day, new, risk.ids)
            recency.step(day, new, risk.ids, risk.last_order)
    told = {}
    for code, (fold, chance, recency) in found.items():
        its = score(fold.alarms, starts, span=span, known_until=known_until)
        silent = score(recency.alarms, starts, span=span, known_until=known_until)
        told[code] = {
            "alarms": its.alarms,
            "judged": its.judged,
            "right": its.right,
            "interval": precision_interval(its.by_customer),
            "chance": chance.precision(known_until=known_until),
            "recency_judged": silent.judged,
            "recency_right": silent.right,
        }
    return told


def _lost_on(losses: Losses, day: int) -> set[int]:
    """Return who was gone when a day began."""
    return {
        customer
        for customer, spells in losses.items()
        if any(left < day and (back is None or back >= day) for left, back in spells)
    }


# --- Real orders ---------------------------------------------------------------------------------
RETAIL = "online_retail_full.csv.gz"
RETAIL_FIRST, RETAIL_LAST, RETAIL_STEP, RETAIL_DAYS = "2011-03-01", "2011-09-06", 14, 91


def real_orders(folder: Path) -> dict[str, Any]:
    """Bring Online Retail into the empty database of this process and backtest every ready rule over 2011.

    Lost is who orders nothing for 91 days, on the 91st; an alarm is right when that day lies in the 91 days
    after it. Returns ``{rule: {"alarms", "judged", "right", "precision", "random", "recency", "value"}}``.
    """
    from django.core.management import call_command

    from customers.ground import clock
    from retention import backtest, losses
    from retention.losses.past import write_history
    from retention.management.commands.sweep import moment
    from retention.models import LossKind, WarningRule

    call_command("migrate", verbosity=0)
    call_command(
        *("company", "--currency", "GBP", "--time-zone", "Europe/London"),
        *("--margin", "0.3", "--admin", "admin@example.com"),
    )
    with contextlib.suppress(CommandError, SystemExit):  # some lines are refused
        call_command(
            *("import_data", "orders", str(folder / RETAIL), "--json"),
            *("--mapping", str(ROOT / "docs/tutorial/online_retail_orders.json")),
        )
    at = clock.now()
    losses.define(losses.Definition(LossKind.WINDOW, is_on=True, days=RETAIL_DAYS), by=None, at=at)
    write_history(since=moment("2010-12-01"), at=at)
    first, last = _day(RETAIL_FIRST).toordinal(), _day(RETAIL_LAST).toordinal()
    span = backtest.asked(at=at, first=first, last=last, step=RETAIL_STEP, horizon=RETAIL_DAYS, gap=0)
    found = {}
    for rule in WarningRule.objects.filter(is_ready_made=True).order_by("position", "code"):
        result: dict[str, Any] = backtest.run_now(rule, span=span, by=None, at=at).result or {}
        if result["judged"]:
            other = {name: one["precision"] for name, one in result["baselines"].items()}
            own = {name: result[name] for name in ("alarms", "judged", "right", "precision", "losses")}
            found[rule.code] = {**own, **other}
    return found


# --- What all of them say ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Verdict:
    """What the seeds say of one rule. ``difference`` is precision − that of longest silence, in a seed."""

    rule: str
    judged: int
    precision: float | None
    recency: float | None
    chance: float | None
    times: float | None
    difference: tuple[float, float] | None
    noise_pairs: int  # seeds with enough judged alarms in the world of noise
    noise_held: int  # of these, those whose interval holds what chance gives

    @property
    def is_proven(self) -> bool:
        """Say whether the rule is better than longest silence, by much, and not by luck."""
        ratio, between = self.times, self.difference
        return ratio is not None and between is not None and ratio >= TIMES and between[0] > 0


def verdicts(companies: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """Return what the companies say of each rule, the surest first."""
    codes = companies[0]["true"]
    found = [_verdict(code, companies) for code in codes]
    return sorted(found, key=lambda one: (not one.is_proven, -(one.times or 0), one.rule))


def _verdict(code: str, companies: Sequence[Mapping[str, Any]]) -> Verdict:
    rows = [one["true"][code] for one in companies]
    judged, right = (sum(row[name] for row in rows) for name in ("judged", "right"))
    silent = sum(row["recency_judged"] for row in rows)
    precision = right / judged if judged else None
    recency = sum(row["recency_right"] for row in rows) / silent if silent else None
    by_chance = sum(row["chance"] * row["judged"] for row in rows if row["judged"])
    noise = [row for one in companies if (row := one["noise"][code])["judged"] >= FEWEST]
    pairs = [
        (row["right"] / row["judged"], row["recency_right"] / row["recency_judged"])
        for row in rows
        if row["judged"] and row["recency_judged"]
    ]
    return Verdict(
        rule=code,
        judged=judged,
        precision=precision,
        recency=recency,
        chance=by_chance / judged if judged else None,
        times=precision / recency if precision is not None and recency else None,
        difference=paired_interval([its - other for its, other in pairs]),
        noise_pairs=len(noise),
        noise_held=sum(row["interval"][0] <= row["chance"] <= row["interval"][1] for row in noise),
    )


def paired_interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean difference, by a bootstrap of seeds; nothing below five."""
    if len(differences) < 5:
        return None
    drawn = np.random.default_rng(9).choice(np.array(differences), (DRAWS, len(differences))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


# --- Running and telling -----------------------------------------------------------------------------
def run(seeds: Iterable[int], *, jobs: int, say: Callable[[str], None], name: str = "companies") -> None:
    """Make a company for each seed, ``jobs`` at once, each in a process and a database of its own; keep all.

    ``name``: ``companies``, which decide what is proven, or ``unseen``, which are told beside them.

    Side effect: ``benchmarks/proof.json``.
    """
    found = []
    with ThreadPoolExecutor(jobs) as pool:
        for one in pool.map(_in_a_process, seeds):
            found.append(one)
            say(f"seed {one['seed']}: {one['customers']} customers, {one['losses']} losses")
    _keep(found, name=name)


def _keep(companies: Sequence[Mapping[str, Any]], *, name: str) -> None:
    settings = {"customers": CUSTOMERS, "months": MONTHS, "until": UNTIL}
    before = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    _write({**before, **settings, name: companies})


def _write(about: Mapping[str, Any]) -> None:
    KEPT.write_text(json.dumps(about, indent=1) + "\n")


def run_real_orders(folder: Path) -> None:
    """Try the ready rules on Online Retail. Side effect: ``benchmarks/proof.json``, which must be there."""
    about = json.loads(KEPT.read_text())
    _write({**about, "online_retail": _in_a_process(str(folder), LIUKE_NOW="2011-12-10T08:00:00+00:00")})


def _in_a_process(what: int | str, **more: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/proof.sqlite3",
            "LIUKE_VAR": folder,
            "DEBUG": "true",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **more,
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.proof", str(what)],
            cwd=ROOT,
            env=env,
            check=True,
            stdout=subprocess.PIPE,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def kept() -> list[Verdict]:
    """Return what was found last."""
    return verdicts(json.loads(KEPT.read_text())["companies"])


def table() -> str:
    """Return what was found last as a table, with the command that made it."""
    about = json.loads(KEPT.read_text())
    lines = _of_companies(about, "companies", command="python -m benchmarks proof")
    if about.get("unseen"):
        lines += [
            "",
            "The same once more with seeds that were fixed after the demo had last been changed, and that "
            "nothing was settled on. What is proven is decided by the table above:",
            "",
            *_of_companies(about, "unseen", command="python -m benchmarks proof --unseen"),
        ]
    return "\n".join([*lines, *_of_real_orders(about.get("online_retail", {}))])


def _of_companies(about: Mapping[str, Any], name: str, *, command: str) -> list[str]:
    """Return the table of what some companies say, and what the world of noise says of its intervals."""
    companies = about[name]
    found = verdicts(companies)
    pairs, held = sum(one.noise_pairs for one in found), sum(one.noise_held for one in found)
    worst = max((one.noise_pairs - one.noise_held for one in found), default=0)
    return [
        f"`{command}`: seeds {companies[0]['seed']}–{companies[-1]['seed']}, "
        f"{about['customers']:,} customers and {about['months']} months each, "
        f"{sum(one['losses'] for one in companies):,} customers who left.",
        "",
        "| rule | alarms judged | precision | longest silence | chance | × silence | difference, 95 % "
        "| proven |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(one) for one in found),
        "",
        "In a world where signs are noise, the 95 % interval held what chance gives in "
        f"{held} of {pairs} pairs of rule and seed with at least {FEWEST} judged alarms"
        + (f" ({100 * held / pairs:.1f} %); the worst rule missed in {worst} seeds." if pairs else "."),
    ]


def _of_real_orders(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines on Online Retail: figures, and no verdict."""
    if not found:
        return []
    return [
        "",
        "`python -m benchmarks proof --online-retail FOLDER`: the same rules on a real shop (UCI Online "
        f"Retail), steps of {RETAIL_STEP} days from {RETAIL_FIRST} to {RETAIL_LAST}. Lost is who orders "
        f"nothing for {RETAIL_DAYS} days, on the last of them; an alarm is right when that day comes within "
        f"{RETAIL_DAYS} days. So whoever is silent "
        "longest is by definition lost soonest, and hard to beat. Shown whatever they are:",
        "",
        "| rule | alarms judged | precision | longest silence | chance | greatest margin |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{code}` | {one['judged']:,} | "
            + " | ".join(_percent(one[name]) for name in ("precision", "recency", "random", "value"))
            + " |"
            for code, one in found.items()
        ),
    ]


def _row(one: Verdict) -> str:
    between = " – ".join(f"{100 * end:+.1f}" for end in one.difference) if one.difference else "—"
    shares = (_percent(share) for share in (one.precision, one.recency, one.chance))
    times = f"{one.times:.1f}" if one.times is not None else "—"
    proven = "yes" if one.is_proven else "no"
    return f"| `{one.rule}` | {one.judged:,} | {' | '.join(shares)} | {times} | {between} | {proven} |"


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f} %"


def write() -> Path:
    """Put the table into the manual; return its path."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN, 1)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END, 1)[1]}")
    return PAGE


if __name__ == "__main__":
    import django

    django.setup()
    asked = sys.argv[1]
    print(json.dumps(one_company(int(asked)) if asked.isdigit() else real_orders(Path(asked))))

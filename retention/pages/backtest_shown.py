"""A backtest's result ready to show: shares as percent, days as dates, rules by their names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from customers.ground.errors import Refused
from customers.ground.money import EXPONENTS
from retention import rules
from retention.backtest import Threshold, shown_threshold, thresholds_of
from retention.measures import Unit, get
from retention.models import BacktestRun, LossKind, WarningRule
from retention.pages.backtest_chart import LONGEST_LABEL, Column, draw
from retention.rules.conditions import Compare, Condition

FEW = 30
"""Below so many judged alarms a share says little (``science.md`` §5 and §8)."""


def percent(share: float | None) -> str:
    """Return a share as ``24%``, small ones with a decimal, an unknown one as a dash."""
    if share is None:
        return "–"
    number = 100 * share
    return f"{number:.1f}%" if 0 < number < 9.95 else f"{number:.0f}%"


def number(value: float | None) -> str:
    """Return a number as ``3.2``, from ten on without decimals, an unknown one as a dash."""
    if value is None:
        return "–"
    return f"{value:,.1f}" if 0 < abs(value) < 9.95 else f"{value:,.0f}"


def result_of(run: BacktestRun, *, currency: str) -> dict[str, Any]:
    """Return all that the page shows of a result; one query for the names of rules."""
    result: dict[str, Any] = run.result or {}
    low, high = result["precision_ci"] or (None, None)
    return {
        "alarms_per_week": number(result["alarms_per_week"]),
        "per_person": number(result["alarms_per_person_week"]),
        "hours": number(result["minutes_per_week"] / 60),
        "precision": percent(result["precision"]),
        "interval": f"{percent(low)} – {percent(high)}" if low is not None else "",
        "recall": percent(result["recall"]),
        "median": number(result["lead_days_median"]),
        "p10": number(result["lead_days_p10"]),
        "is_told": result["precision"] is not None or bool(result["losses"]),
        "is_few": result["judged"] < FEW,
        "undecided": result["alarms"] - result["judged"],
        "first_day": result["gap_days"] + 1,
        "last_day": result["gap_days"] + result["horizon_days"],
        "bars": [step["alarms"] for step in result["by_step"]],
        "against": (against := _against(result)),
        "most_precision": max(one["precision_bar"] for one in against) or 1,
        "most_recall": max(one["recall_bar"] for one in against) or 1,
        "thresholds": _thresholds(run, result, currency=currency),
        "overlap": _overlap(result),
        "marginal": percent(result["marginal_recall"]),
        "definitions": _definitions(result["loss_definitions"]),
        "assumed": percent(result["assumed_share"]),
        "failed": ", ".join(sorted(result["failed_rules"])),
        "plain": result,
    }


def comparisons(condition: Condition, *, currency: str) -> list[tuple[int, str]]:
    """Return the comparisons whose threshold can be moved, by number and in words."""
    return [
        (one.number, rules.rule_sentence(one.whole, currency=currency)) for one in thresholds_of(condition)
    ]


def _against(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rule and the baselines, with shares as percent and as lengths of bars."""
    names = {
        "random": (_("Chance"), _("as many customers drawn from all at risk; the expected value")),
        "recency": (_("Longest silence"), _("as many who have not ordered for longest")),
        "value": (_("Greatest margin"), _("as many with the greatest margin of 12 months")),
    }
    return [
        {"name": _("This rule"), "note": "", "is_own": True, **_shares(result)},
        *(
            {"name": name, "note": note, "is_own": False, **_shares(result["baselines"][code])}
            for code, (name, note) in names.items()
        ),
    ]


def _shares(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "precision": percent(given["precision"]),
        "recall": percent(given["recall"]),
        "precision_bar": round(1000 * (given["precision"] or 0)),
        "recall_bar": round(1000 * (given["recall"] or 0)),
    }


def _overlap(result: dict[str, Any]) -> list[dict[str, Any]]:
    codes = [one["rule"] for one in result["overlap"]]
    names = {rule.code: str(rule) for rule in WarningRule.objects.filter(code__in=codes)}
    told = sorted(result["overlap"], key=lambda one: -(one["jaccard"] or 0))
    return [
        {
            "code": one["rule"],
            "name": names.get(one["rule"], one["rule"]),
            "alarms": one["alarms"],
            "jaccard": percent(one["jaccard"]),
            "precision": percent(one["precision"]),
            "recall": percent(one["recall"]),
            "both": one["caught_by_both"],
        }
        for one in told
    ]


def _definitions(counted: dict[str, int]) -> list[tuple[str, int]]:
    names = dict(LossKind.choices)
    return [(str(names.get(code, code)), losses) for code, losses in counted.items()]


def _thresholds(run: BacktestRun, result: dict[str, Any], *, currency: str) -> dict[str, Any] | None:
    told = result["thresholds"]
    if not told:
        return None
    moved = _moved(run, told["comparison"])
    if moved is None:
        return None
    rows = [
        {
            "value": shown_threshold(moved, Decimal(row["value"]), currency=currency),
            "is_present": row["value"] == told["present"],
            "alarms": row["alarms"],
            "per_week": number(row["alarms_per_week"]),
            "precision": percent(row["precision"]),
            "recall": percent(row["recall"]),
            "median": number(row["lead_days_median"]),
        }
        for row in told["rows"]
    ]
    columns = [
        Column(
            _short(moved, row["value"], shown["value"], currency=currency),
            row["precision"],
            row["recall"],
            row["alarms_per_week"],
            shown["is_present"],
        )
        for row, shown in zip(told["rows"], rows, strict=True)
    ]
    sentence = rules.rule_sentence(moved.whole, currency=currency)
    label = _("Precision, losses foreseen and alarms a week at other thresholds of: %(comparison)s") % {
        "comparison": sentence
    }
    return {"sentence": sentence, "rows": rows, "chart": draw(columns, label=label)}


def _moved(run: BacktestRun, number: int) -> Threshold | None:
    """Return the comparison that was moved; nothing when the condition no longer stands."""
    try:
        condition = rules.read(run.condition)
    except Refused:
        return None
    return next((one for one in thresholds_of(condition) if one.number == number), None)


def _short(moved: Threshold, written: str, shown: str, *, currency: str) -> str:
    """Return a label for the chart: the bare number, of money in major units, where what is shown is long."""
    if isinstance(moved.leaf, Compare) and get(moved.leaf.measure).unit == Unit.MONEY:
        written = f"{Decimal(written).scaleb(-EXPONENTS[currency]).normalize():f}"
    return shown if len(shown) <= LONGEST_LABEL or len(written) > LONGEST_LABEL else written

"""``backtest``: what a rule would have said in the past, and what came of it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.ground import clock, context, localtime
from customers.ground.errors import Refused
from retention import backtest, rules
from retention.backtest import span as spans
from retention.models import BacktestRun
from retention.sweep import report
from retention.sweep.trying import Match

CONTRACT = (
    "rule",
    "from",
    "to",
    "steps",
    "alarms",
    "losses",
    "precision",
    "precision_ci",
    "recall",
    "lead_days_median",
    "lead_days_p10",
    "alarms_per_week",
    "baselines",
)
"""The keys of ``--json``: kept stable for programs. The page and the API tell more."""


class BadDay(Refused):
    code = "bad_day"
    message = gettext_lazy("“%(text)s” is not a day. Write 2026-05-11.")


class Command(BaseCommand):
    help = "Counts what a rule would have said in the past, and what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rule", metavar="RULE", help="its code; it may be switched off")
        parser.add_argument("--from", dest="first", metavar="DATE", help="day of the first step")
        parser.add_argument("--to", dest="last", metavar="DATE", help="day after which there is no step")
        parser.add_argument("--step", type=int, default=spans.STEP, metavar="DAYS", help="from step to step")
        parser.add_argument(
            "--horizon",
            type=int,
            default=spans.HORIZON,
            metavar="DAYS",
            help="in which a loss proves it right",
        )
        parser.add_argument(
            "--gap", type=int, default=spans.GAP, metavar="DAYS", help="after an alarm, to act before a loss"
        )
        parser.add_argument(
            "--minutes", type=int, default=backtest.MINUTES_PER_CALL, metavar="MINUTES", help="of a call"
        )
        parser.add_argument(
            "--out", type=Path, metavar="FOLDER", help="the match set of each step, a file each"
        )
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with 0, 1 when a rule had to be set aside, 2 when the backtest was refused."""
        with context.acting(channel="command"):
            try:
                run = self._count(options)
            except backtest.RuleFailed as error:
                raise CommandError(str(error), returncode=1) from error
            except Refused as error:
                raise CommandError(str(error), returncode=2) from error
        result: dict[str, Any] = run.result or {}
        if options["json"]:
            self.stdout.write(json.dumps({key: result[key] for key in CONTRACT}, ensure_ascii=False))
        else:
            self._tell(result)
        if result["failed_rules"]:
            raise CommandError(
                _("Rules set aside because they do not work any more: %(rules)s")
                % {"rules": ", ".join(sorted(result["failed_rules"]))},
                returncode=1,
            )

    def _count(self, options: dict[str, Any]) -> BacktestRun:
        at = clock.now()
        [rule] = rules.get([options["rule"]])
        span = backtest.asked(
            at=at,
            first=_day(options["first"]),
            last=_day(options["last"]),
            step=options["step"],
            horizon=options["horizon"],
            gap=options["gap"],
        )
        wish = backtest.Wish(minutes_per_call=min(max(options["minutes"], 1), 600))
        on_rows = _writer(options["out"]) if options["out"] else None
        return backtest.run_now(rule, span=span, wish=wish, on_rows=on_rows, by=None, at=at)

    def _tell(self, result: dict[str, Any]) -> None:
        say = self.stdout.write
        say(
            _("%(rule)s, %(steps)s steps from %(first)s to %(last)s")
            % {
                "rule": result["rule"],
                "steps": result["steps"],
                "first": result["from"],
                "last": result["to"],
            }
        )
        say(
            _("A loss proves an alarm right that begins more than %(gap)s and at most %(most)s days later.")
            % {"gap": result["gap_days"], "most": result["gap_days"] + result["horizon_days"]}
        )
        say(
            _("Alarms: %(number)s, %(week)s a week")
            % {"number": result["alarms"], "week": f"{result['alarms_per_week']:.1f}"}
        )
        if result["precision"] is None and not result["losses"]:
            say(_("No loss is recorded in this time: whether the alarms were right cannot be said."))
            return
        say(
            _("Precision: %(share)s, 95 %% interval %(interval)s")
            % {
                "share": _percent(result["precision"]),
                "interval": " – ".join(map(_percent, result["precision_ci"] or [None, None])),
            }
        )
        say(
            _("Losses foreseen: %(caught)s of %(losses)s (%(share)s)")
            % {"caught": result["caught"], "losses": result["losses"], "share": _percent(result["recall"])}
        )
        if result["lead_days_median"] is not None:
            say(
                _("Days ahead: %(median)s in the median, at least %(p10)s in nine of ten")
                % {"median": f"{result['lead_days_median']:g}", "p10": f"{result['lead_days_p10']:g}"}
            )
        for name, found in result["baselines"].items():
            say(f"  {name:<10} {_percent(found['precision']):>8} {_percent(found['recall']):>8}")
        say(_("Assumed moments: %(share)s") % {"share": _percent(result["assumed_share"])})


def _writer(folder: Path) -> Callable[[int, Sequence[Match]], None]:
    folder.mkdir(parents=True, exist_ok=True)

    def write(day: int, rows: Sequence[Match]) -> None:
        report.write(folder / f"{localtime.day_of(day).isoformat()}.tsv", rows)

    return write


def _day(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError as error:
        raise BadDay(text=text) from error


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f} %"

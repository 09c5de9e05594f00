"""``sweep``: compute measures, raise warnings, open cases."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import company
from customers.ground import clock, context
from customers.ground.errors import Refused
from retention import sweep
from retention.models import SweepRun


class BadMoment(Refused):
    code = "bad_moment"
    message = gettext_lazy("“%(text)s” is not a moment. Write 2026-05-11 or 2026-05-11T09:00:00+08:00.")


class InTheFuture(Refused):
    code = "moment_in_the_future"
    message = gettext_lazy("%(text)s lies in the future. Leave --as-of out to sweep as of now.")


class RulesAndTouched(Refused):
    code = "rules_and_touched"
    message = gettext_lazy("--touched judges by all rules that are on. Leave --rules out.")


class Command(BaseCommand):
    help = "Computes measures, raises warnings and opens cases."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", metavar="ISO", help="a day, or a moment; a day means its first moment")
        parser.add_argument("--rules", metavar="CODE,…", help="these rules only")
        parser.add_argument("--touched", action="store_true", help="only customers whose data just changed")
        parser.add_argument("--shards", type=int, default=1, metavar="N", help="least number of transactions")
        parser.add_argument("--dry-run", action="store_true", help="write nothing, count who matches")
        parser.add_argument("--out", type=Path, metavar="FILE", help="a line for every match")
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with 0, 1 when rules had to be set aside, 2 when the sweep was refused."""
        with context.acting(channel="command"):
            try:
                done = self._sweep(options)
            except Refused as error:
                raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(done), ensure_ascii=False))
        else:
            self._tell(done, dry_run=options["dry_run"])
        if done.failed_rules:
            raise CommandError(
                _("Rules set aside because they do not work any more: %(rules)s")
                % {"rules": ", ".join(sorted(done.failed_rules))},
                returncode=1,
            )

    def _sweep(self, options: dict[str, Any]) -> SweepRun:
        now = clock.now()
        as_of = moment(options["as_of"]) if options["as_of"] else now
        if as_of > now and not options["dry_run"]:
            raise InTheFuture(text=options["as_of"])
        rules = [code for code in (options["rules"] or "").split(",") if code]
        if options["touched"]:
            if rules:
                raise RulesAndTouched()
            return sweep.sweep_touched(at=as_of, dry_run=options["dry_run"], out=options["out"])
        return sweep.run(
            as_of=as_of,
            rules=rules or None,
            shards=max(1, options["shards"]),
            dry_run=options["dry_run"],
            out=options["out"],
        )

    def _tell(self, done: SweepRun, *, dry_run: bool) -> None:
        self.stdout.write(_("As of %(moment)s") % {"moment": done.as_of.isoformat()})
        self.stdout.write(_("Customers: %(number)s") % {"number": done.customers})
        for code, number in sorted(done.warnings.items()):
            self.stdout.write(f"  {code:<24} {number:>8}")
        if not dry_run:
            self.stdout.write(_("Warnings closed: %(number)s") % {"number": done.warnings_closed})
            self.stdout.write(_("Cases opened: %(number)s") % {"number": done.cases_opened})
            self.stdout.write(_("Calls planned: %(number)s") % {"number": done.calls_created})
        seconds = ", ".join(f"{phase} {number:.2f}" for phase, number in done.seconds.items())
        self.stdout.write(_("Seconds: %(seconds)s") % {"seconds": seconds})


def moment(text: str) -> datetime:
    """Return a moment; a day is its first moment and a time without zone is of the company's zone."""
    try:
        if len(text) == 10:
            return company.local_moment(date.fromisoformat(text), time())
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMoment(text=text) from error
    if parsed.tzinfo is None:
        return company.local_moment(parsed.date(), parsed.time())
    return parsed


def as_json(done: SweepRun) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "as_of": done.as_of.isoformat(),
        "customers": done.customers,
        "seconds": done.seconds,
        "warnings": done.warnings,
        "warnings_closed": done.warnings_closed,
        "cases_opened": done.cases_opened,
        "calls_created": done.calls_created,
        "failed_rules": done.failed_rules,
    }

"""``rules``: list the warning rules, say how they do, switch them on and off."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.ground import clock, context
from customers.ground.errors import Refused
from retention import rules
from retention.models import RuleState, WarningRule
from retention.rules import health
from retention.rules.vitals import Health

_SHARES = ("acted_on", "kept", "lost", "recovered", "dismissed", "flapping")
_STATES = {
    RuleState.DRAFT: gettext_lazy("off"),
    RuleState.RETIRED: gettext_lazy("off"),
    RuleState.SHADOW: RuleState.SHADOW.label,
    RuleState.LIMITED: RuleState.LIMITED.label,
    RuleState.LIVE: gettext_lazy("on"),
}


class Command(BaseCommand):
    help = "Lists the warning rules, says how they do, switches them on and off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        listing = acts.add_parser("list", help="all rules with what they look for")
        listing.add_argument("--json", action="store_true", help="one object on the last line")
        telling = acts.add_parser("health", help="what each rule raised, what came of it, what was noise")
        telling.add_argument("--days", type=int, choices=health.SPANS, default=health.SPANS[0])
        telling.add_argument("--json", action="store_true", help="one object on the last line")
        enabling = acts.add_parser("enable", help="switch rules on")
        enabling.add_argument("codes", nargs="+", metavar="CODE")
        enabling.add_argument(
            "--open-existing", action="store_true", help="open cases for those who match already"
        )
        enabling.add_argument(
            "--holdout", default="0", metavar="SHARE", help="share of new matches that is held out, 0 to 0.5"
        )
        disabling = acts.add_parser("disable", help="switch rules off and close their warnings")
        disabling.add_argument("codes", nargs="+", metavar="CODE")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with 0, or 2 when the request was refused; then nothing was changed."""
        with context.acting(channel="command"):
            try:
                getattr(self, f"_{options['act']}")(options)
            except Refused as error:
                raise CommandError(str(error), returncode=2) from error

    def _list(self, options: dict[str, Any]) -> None:
        listed = [_described(rule) for rule in WarningRule.objects.all()]
        if options["json"]:
            self.stdout.write(json.dumps({"rules": listed}, ensure_ascii=False))
            return
        for rule in listed:
            state = _("set aside") if rule["broken"] else _STATES[rule["state"]]
            self.stdout.write(f"{rule['code']:<20} {state!s:<10} {rule['sentence']}")

    def _health(self, options: dict[str, Any]) -> None:
        found = health.of_rules(WarningRule.objects.all(), days=options["days"], at=clock.now())
        if options["json"]:
            told = {"days": options["days"], "rules": [_healthy(one) for one in found]}
            self.stdout.write(json.dumps(told, ensure_ascii=False))
            return
        for one in found:
            precision = one.untouched.precision
            figures = _(
                "%(fired)s fired, %(cases)s cases, %(acted)s acted on, %(noise)s noise, %(kept)s kept, "
                "%(lost)s lost, %(flapping)s flapping; right where nobody called: %(right)s"
            ) % {
                "fired": one.fired,
                "cases": one.cases,
                "acted": one.acted_on.part,
                "noise": one.dismissed.part,
                "kept": one.kept.part,
                "lost": one.lost.part,
                "flapping": one.flapping.part,
                "right": "—" if precision is None else f"{precision:.0%}",
            }
            self.stdout.write(f"{one.rule.code:<20} {one.rule.state.label!s:<10} {figures}")

    def _enable(self, options: dict[str, Any]) -> None:
        shares = rules.Shares(rule=rules.share_of(options["holdout"]))
        at = clock.now()
        with transaction.atomic():
            for rule in rules.get(options["codes"]):
                was_off = rules.enable(
                    rule, open_existing=options["open_existing"], shares=shares, by=None, at=at
                )
                text = _("Switched on: %(rule)s") if was_off else _("Was on already: %(rule)s")
                self.stdout.write(text % {"rule": rule.code})

    def _disable(self, options: dict[str, Any]) -> None:
        at = clock.now()
        with transaction.atomic():
            for rule in rules.get(options["codes"]):
                was_on = rules.disable(rule, by=None, at=at)
                text = _("Switched off: %(rule)s") if was_on else _("Was off already: %(rule)s")
                self.stdout.write(text % {"rule": rule.code})


def _healthy(one: Health) -> dict[str, Any]:
    shares = {name: asdict(getattr(one, name)) for name in _SHARES}
    precision, interval = one.untouched.precision, one.untouched.interval
    return {
        "code": one.rule.code,
        "state": str(one.rule.state),
        "fired": one.fired,
        "told": one.told,
        "shadow": one.shadow,
        "waiting": one.waiting,
        "cases": one.cases,
        "opened": one.opened,
        "joined": one.joined,
        "closed": one.closed,
        **shares,
        "reasons": one.reasons,
        "untouched": one.untouched.customers if one.untouched.is_enough else None,
        "precision": precision,
        "precision_ci": list(interval) if interval else None,
        "together": [
            {"rule": pair.rule.code, "shared": pair.shared, "either": pair.either} for pair in one.together
        ],
    }


def _described(rule: WarningRule) -> dict[str, Any]:
    try:
        sentence = rules.rule_sentence(rules.read(rule.condition))
    except Refused as error:
        sentence = str(error)
    return {
        "code": rule.code,
        "name_en": rule.name_en,
        "name_zh": rule.name_zh,
        "enabled": rule.is_enabled,
        "state": str(rule.state),
        "broken": rule.broken_since is not None,
        "version": rule.version,
        "sentence": sentence,
    }

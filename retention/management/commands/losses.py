"""``losses``: the customers that left, as known at a moment."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from customers.ground import clock
from customers.ground.errors import Refused
from retention import losses
from retention.management.commands.sweep import moment
from retention.models import Loss
from retention.sweep.report import external_ids


class Command(BaseCommand):
    help = "Lists the customers that left, as known at a moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", metavar="ISO", help="a day, or a moment; now when left out")
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with 0, or 2 when the moment cannot be read."""
        try:
            as_of = moment(options["as_of"]) if options["as_of"] else clock.now()
        except Refused as error:
            raise CommandError(str(error), returncode=2) from error
        known = list(losses.known_at(as_of))
        names = external_ids([loss.customer_id for loss in known])
        rows = [_described(loss, names.get(loss.customer_id, str(loss.customer_id))) for loss in known]
        if options["json"]:
            self.stdout.write(json.dumps({"as_of": as_of.isoformat(), "losses": rows}, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['customer']:<20} {row['occurred_at']}  {row['churn_type'] or '—'}")
        self.stdout.write(_("Losses: %(number)s") % {"number": len(rows)})


def _described(loss: Loss, customer: str) -> dict[str, Any]:
    return {
        "customer": customer,
        "occurred_at": loss.occurred_at.isoformat(),
        "churn_type": loss.churn_type,
        "margin_365d": loss.margin_365d,
        "ended_at": loss.ended_at.isoformat() if loss.ended_at else None,
    }

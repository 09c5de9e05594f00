"""``losses``: find who left and who came back, and list the losses known at a moment."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from customers.ground import clock
from customers.ground.errors import Refused
from retention import losses, standing
from retention.losses.past import write_history
from retention.management.commands.sweep import moment
from retention.models import Loss
from retention.sweep.report import external_ids


class Command(BaseCommand):
    help = "Finds who left by the definitions and who came back; lists the losses known at a moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", metavar="ISO", help="list what was known at a day or moment, and find nothing new"
        )
        parser.add_argument(
            "--history",
            metavar="DATE",
            help="apply today's definitions to the time since DATE, once: spells that would have been "
            "found, and values and stages as of each month",
        )
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with 0, or 2 when the moment cannot be read."""
        at = clock.now()
        done: dict[str, int] = {}
        try:
            as_of = moment(options["as_of"]) if options["as_of"] else at
            if options["history"]:
                since = moment(options["history"])
                done["history"] = write_history(since=since, at=at)
                done["standings"] = standing.write_history(since=since, at=at)
            if not options["as_of"]:
                done |= losses.seek(at=at)
        except Refused as error:
            raise CommandError(str(error), returncode=2) from error
        known = list(
            losses.known_at(as_of) if options["as_of"] else Loss.objects.order_by("occurred_at", "id")
        )
        names = external_ids([loss.customer_id for loss in known])
        lasting = set(losses.standing_at(as_of).values_list("pk", flat=True)) if options["as_of"] else set()
        rows = [
            _described(loss, names.get(loss.customer_id, str(loss.customer_id)), lasts=loss.pk in lasting)
            for loss in known
        ]
        if options["json"]:
            said = {"as_of": as_of.isoformat(), **done, "losses": rows}
            self.stdout.write(json.dumps(said, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(
                f"{row['customer']:<20} {row['occurred_at']}  {row['definition']:<8}  "
                f"{row['churn_type'] or '—'}"
            )
        self.stdout.write(_("Losses: %(number)s") % {"number": len(rows)})


def _described(loss: Loss, customer: str, *, lasts: bool) -> dict[str, Any]:
    """Return a loss in words and numbers; ``lasts``: that it ended was not known at the moment asked for."""
    return {
        "customer": customer,
        "occurred_at": loss.occurred_at.isoformat(),
        "recorded_at": loss.recorded_at.isoformat(),
        "definition": loss.found_by.value,
        "churn_type": loss.churn_type,
        "margin_365d": loss.margin_365d,
        "is_valuable": loss.is_valuable,
        "days_ahead": loss.days_ahead,
        "ended_at": loss.ended_at.isoformat() if loss.ended_at and not lasts else None,
    }

"""``send_invitations``: plan whom the running distributions ask, and ask who is due, now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from customers.ground import clock, context
from surveys.distributions import handing, planning
from surveys.models import PlannedAsk


class Command(BaseCommand):
    help = (
        "Plans whom the running distributions of surveys ask, and hands over who is due; the worker does the "
        "same by itself. Safe to repeat, and to stop anywhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan, hand over until nothing more is due, and say how many."""
        at = clock.now()
        with context.acting(channel="command"):
            before = PlannedAsk.objects.count()
            planning.run(at=at)
            planned = PlannedAsk.objects.count() - before
            self._say(options, _("Planned: %(n)s") % {"n": planned})
            decided = 0
            while done := handing.hand_over_some(at=at, limit=500):
                decided += done
                self._say(options, _("Decided: %(n)s") % {"n": decided})
        waiting = PlannedAsk.objects.filter(state=PlannedAsk.State.PLANNED).count()
        if options["json"]:
            self.stdout.write(json.dumps({"planned": planned, "decided": decided, "waiting": waiting}))
        else:
            self.stdout.write(_("Still to be asked: %(n)s") % {"n": waiting})

    def _say(self, options: dict[str, Any], text: str) -> None:
        if not options["json"]:
            self.stdout.write(text)

"""``rises``: compare products and lots with their own past now, and list what rose."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from customers.ground import clock
from retention.improving import watching
from retention.models import RiseAlarm


class Command(BaseCommand):
    help = "Compares complaints and returns of each product and lot with their own past; lists what rose."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Watch now, whether or not the week was watched already."""
        done = watching.watch(at=clock.now())
        rows = RiseAlarm.objects.filter(state=RiseAlarm.State.OPEN).select_related("product")
        found = [_described(one) for one in rows.order_by("q", "pk")]
        if options["json"]:
            self.stdout.write(json.dumps({**done, "open": found}, ensure_ascii=False))
            return
        for one in found:
            self.stdout.write(
                f"{one['kind']:<10} {one['product']} {one['lot']}  {one['recent']}/{one['recent_of']}  "
                f"{one['before']}/{one['before_of']}  q={one['q']:.4f}"
            )
        self.stdout.write(_("Alarms: %(number)s") % {"number": len(found)})


def _described(alarm: RiseAlarm) -> dict[str, Any]:
    return {
        "kind": alarm.kind,
        "product": alarm.product.code,
        "lot": alarm.lot,
        "recent": alarm.recent,
        "recent_of": alarm.recent_of,
        "before": alarm.before,
        "before_of": alarm.before_of,
        "basis": alarm.basis,
        "p": alarm.p,
        "q": alarm.q,
    }

"""``manage.py undo_import ID``: say what an import did and take it back; see docs/import.md."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from customers import undo
from customers.ground import clock, context
from customers.ground.errors import Refused
from customers.models import ImportBatch

_TOLD = ("voided", "restored", "removed", "left", "lost")


class Command(BaseCommand):
    help = "Take an import back, as if it had never been. Exit codes: 0 done, 1 something stands in the way."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, metavar="ID", help="the import's number")
        parser.add_argument("--reason", default="", help="why it is taken back")
        parser.add_argument(
            "--show", action="store_true", help="say what it did and what stands in the way, change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        batch = ImportBatch.objects.filter(pk=options["id"]).first()
        if batch is None:
            raise CommandError(_("There is no such import."))
        told = self._show(batch) if options["show"] else self._take_back(batch, options["reason"])
        if options["json"]:
            self.stdout.write(json.dumps({"import": batch.pk, **told}))

    def _show(self, batch: ImportBatch) -> dict[str, Any]:
        shares = undo.shares_of(batch)
        for share in shares:
            self.stdout.write(
                _("%(what)s: %(created)s created, %(changed)s changed.")
                % {"what": share.label, "created": f"{share.created:,}", "changed": f"{share.changed:,}"}
            )
        standing = undo.in_the_way(batch)
        for blocker in standing.shown:
            self.stdout.write(_("In the way: %(what)s") % {"what": blocker.text})
        return {
            "records": {share.code: [share.created, share.changed] for share in shares},
            "in_the_way": standing.count,
        }

    def _take_back(self, batch: ImportBatch, reason: str) -> dict[str, Any]:
        try:
            with context.acting(channel="command"):
                undo.undo_import(batch, reason=reason, by=None, at=clock.now())
                batch = undo.finish(batch)
        except Refused as refusal:
            self.stderr.write(str(refusal))
            sys.exit(1)
        except undo.Overtaken:
            self.stdout.write(_("A worker is at it already."))
            return {"status": "undoing"}
        told = {name: batch.progress[name] for name in _TOLD}
        self.stdout.write(
            _(
                "Taken back: %(voided)s facts as if never known, %(restored)s records as they were before, "
                "%(removed)s removed. %(left)s could not be removed, %(lost)s texts were erased meanwhile."
            )
            % told
        )
        return {"status": batch.status, **told}

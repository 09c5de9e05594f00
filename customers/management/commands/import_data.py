"""``manage.py import_data KIND FILE``: bring a file in; see docs/import.md."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from customers.ground import clock, context
from customers.ground.errors import Refused
from customers.imports import batches, kinds, mapping
from customers.imports.run import Progress, Report


class Command(BaseCommand):
    help = "Import a file of customers, orders, complaints … Safe to repeat. Exit codes: 0, 1, 2."

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = " ".join(kind.code for kind in kinds.every())
        parser.add_argument("kind", metavar="KIND", help=names)
        parser.add_argument("file", metavar="FILE", type=Path, help="CSV (also .gz) or XLSX")
        parser.add_argument("--mapping", type=Path, help="JSON: which column holds what; see docs/import.md")
        parser.add_argument(
            "--errors", type=Path, help="where refused lines go (default: FILE.errors.csv here)"
        )
        parser.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
        parser.add_argument("--source", help="whose ids the file has (overrides the mapping)")
        when = parser.add_mutually_exclusive_group()
        when.add_argument(
            "--history",
            action="store_const",
            const=True,
            help="the company knew of each fact as it happened",
        )
        when.add_argument(
            "--no-history",
            dest="history",
            action="store_const",
            const=False,
            help="the company knows of all this only now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        errors_to = options["errors"] or Path(f"{path.name}.errors.csv")
        started = time.monotonic()
        try:
            with context.acting(channel="command"):
                report = self._import(path, errors_to, options)
        except Refused as refusal:
            self.stderr.write(str(refusal))
            if options["json"]:
                self._print_json(path, Report(options["kind"]), time.monotonic() - started)
            sys.exit(2)
        seconds = time.monotonic() - started
        self._print_report(report, seconds)
        if options["json"]:
            self._print_json(path, report, seconds)
        if report.refused:
            sys.exit(1)

    def _import(self, path: Path, errors_to: Path, options: dict[str, Any]) -> Report:
        kind = kinds.named(options["kind"])
        wanted = mapping.read_mapping(options["mapping"]) if options["mapping"] else mapping.Mapping()
        if options["history"] is not None:
            wanted = replace(wanted, history=options["history"])
        if options["source"]:
            wanted = mapping.from_data({**wanted.as_data(), "source": options["source"]})
        with _Shown() as shown:
            return batches.import_file(
                path,
                kind,
                wanted,
                errors_to=errors_to,
                is_dry=options["dry_run"],
                on_progress=shown.show,
                by=None,
                at=clock.now(),
            )

    def _print_report(self, report: Report, seconds: float) -> None:
        landed = report.landed
        self.stdout.write(
            _("%(accepted)s of %(lines)s lines accepted, %(refused)s refused, in %(seconds).1f s.")
            % {
                "accepted": f"{report.accepted:,}",
                "lines": f"{report.lines:,}",
                "refused": f"{report.refused:,}",
                "seconds": seconds,
            }
        )
        self.stdout.write(
            _("Records: %(created)s created, %(updated)s updated, %(unchanged)s unchanged.")
            % {
                "created": f"{landed.created:,}",
                "updated": f"{landed.updated:,}",
                "unchanged": f"{landed.unchanged:,}",
            }
        )
        if report.error_file is not None:
            self.stdout.write(
                ngettext(
                    "The refused line stands with its reason in %(file)s. Mend it and import that file.",
                    "The refused lines stand with their reasons in %(file)s. Mend them and import that file.",
                    report.refused,
                )
                % {"file": report.error_file}
            )

    def _print_json(self, path: Path, report: Report, seconds: float) -> None:
        landed = report.landed
        self.stdout.write(
            json.dumps(
                {
                    "kind": report.kind,
                    "file": str(path),
                    "lines": report.lines,
                    "accepted": report.accepted,
                    "refused": report.refused,
                    "records": {
                        "created": landed.created,
                        "updated": landed.updated,
                        "unchanged": landed.unchanged,
                    },
                    "seconds": round(seconds, 3),
                    "error_file": str(report.error_file) if report.error_file else None,
                }
            )
        )


class _Shown:
    """The progress bar, on the error stream so that the report stays clean."""

    def __init__(self) -> None:
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.names = {
            "unpacking": _("Unpacking"),
            "looking": _("Looking"),
            "reading": _("Reading"),
            "landing": _("Writing"),
            "telling": _("Writing the refused lines"),
        }
        self.phase = ""
        self.task: TaskID | None = None

    def __enter__(self) -> _Shown:
        self.bar.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.bar.stop()

    def show(self, progress: Progress) -> None:
        """Move the bar."""
        if progress.phase != self.phase:
            if self.task is not None:
                self.bar.remove_task(self.task)
            self.phase = progress.phase
            self.task = self.bar.add_task(self.names[progress.phase], total=None)
        if self.task is not None:
            self.bar.update(self.task, completed=progress.done, total=progress.total or None)

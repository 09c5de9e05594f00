"""Count the points again and compare every row with its seal."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from customers.ground import clock
from loyalty.ledger import sealing
from loyalty.models import LedgerCheck


class Command(BaseCommand):
    """Exit 1 when a row is damaged; each is named with its table and number."""

    help = "Count the sums of the points ledger again, compare its rows with their seals; exit 1 if damaged."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command takes."""
        parser.add_argument("--account", type=int, help="only this points account")
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, account: int | None, json: bool, **options: Any) -> None:
        """Verify and print what was found."""
        check = sealing.verify(at=clock.now(), account=account)
        self.stdout.write(_as_json(check) if json else _in_words(check))
        if check.damaged:
            raise SystemExit(1)


def _as_json(check: LedgerCheck) -> str:
    names = ("accounts", "entries", "damaged", "findings")
    return json.dumps({"check": check.pk, **{name: getattr(check, name) for name in names}}, sort_keys=True)


def _in_words(check: LedgerCheck) -> str:
    lines = [f"{check.accounts} accounts, {check.entries} sealed entries: {check.damaged} rows are damaged."]
    lines += [
        f"  {one['table']} {one['id']}: {one['code']}, expected {one['expected']}, found {one['found']}"
        for one in check.findings
    ]
    if check.damaged > len(check.findings):
        lines.append(f"  … and {check.damaged - len(check.findings)} more")
    return "\n".join(lines)

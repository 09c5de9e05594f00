"""After a restore: erase again whom the backup brought back."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from customers import erasure
from customers.ground import clock


class Command(BaseCommand):
    help = "Do again what the log of erasures knows and the database does not. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command takes."""
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, and say what was done."""
        at = clock.now()
        done = erasure.replay(at=at)
        if options["json"]:
            self.stdout.write(json.dumps(done, sort_keys=True))
        elif done["replayed"]:
            self.stdout.write(f"Erasures done again: {done['replayed']}, people: {done['people']}.")

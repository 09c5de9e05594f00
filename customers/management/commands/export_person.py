"""Print everything that is stored about one contact or customer."""

from __future__ import annotations

from json import dumps
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers import erasure
from customers.ground import clock
from customers.ground.errors import Refused


class Command(BaseCommand):
    help = "Print all that is stored about a contact or a customer with its contacts, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command takes."""
        parser.add_argument("ref", help="contact:12, customer:5, or a source and its id: crm:K-7")
        parser.add_argument("--json", action="store_true", help="on one line")

    def handle(self, *args: Any, ref: str, json: bool, **options: Any) -> None:
        """Find, gather, print."""
        try:
            person = _find(ref)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        told = erasure.export_person(person, by=None, at=clock.now())
        self.stdout.write(dumps(told, ensure_ascii=False, indent=None if json else 2))


def _find(ref: str) -> Any:
    if ref.startswith("customer:"):
        return erasure.find("customer", ref)
    try:
        return erasure.find("contact", ref)
    except erasure.NoSuchPerson:
        if ref.startswith("contact:"):
            raise
        return erasure.find("customer", ref)

"""What the two commands that erase have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers import erasure
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import ErasureReceipt


class ErasingCommand(BaseCommand):
    """``REF``: our number (``customer:12``) or a source's id (``crm:C-1001``)."""

    kind: ClassVar[str]
    verb: ClassVar[Callable[..., ErasureReceipt]]

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command takes."""
        parser.add_argument("ref", help=f"{self.kind}:12, or a source and its id: crm:C-1001")
        parser.add_argument(
            "--reason", choices=ErasureReceipt.Reason.values, default=ErasureReceipt.Reason.REQUEST.value
        )
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, ref: str, reason: str, json: bool, **options: Any) -> None:
        """Erase, do what comes after it, and print the receipt."""
        at = clock.now()
        try:
            receipt = type(self).verb(erasure.find(self.kind, ref), reason=reason, by=None, at=at)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        erasure.finish(receipt, at=at)  # a worker would do it too
        self.stdout.write(_told(receipt, as_json=json))


def _told(receipt: ErasureReceipt, *, as_json: bool) -> str:
    said = {
        "receipt": receipt.number,
        "person": f"{receipt.person}:{receipt.object_id}",
        "reason": receipt.reason,
        "at": receipt.at.isoformat(),
        "counts": receipt.counts,
        "refused_ids": receipt.names,
    }
    if as_json:
        return json.dumps(said, sort_keys=True)
    lines = [f"Receipt {receipt.number}: {said['person']} was erased ({receipt.reason})."]
    lines += [f"  {name}: {rows}" for name, rows in receipt.counts.items()]
    return "\n".join([*lines, f"  ids of other systems that are refused from now on: {receipt.names}"])

"""Erase one customer with all of its contacts."""

from __future__ import annotations

from typing import ClassVar

from customers import erasure
from customers.management.commands._erasing import ErasingCommand


class Command(ErasingCommand):
    help = "Erase a customer and its contacts for good: names, numbers and words go, facts stay nameless."
    kind: ClassVar[str] = "customer"
    verb = staticmethod(erasure.erase_customer)

"""Erase one contact; the main contact of a private customer takes the customer with it."""

from __future__ import annotations

from typing import ClassVar

from customers import erasure
from customers.management.commands._erasing import ErasingCommand


class Command(ErasingCommand):
    help = "Erase a contact for good: names, numbers and words go, facts stay nameless. Prints the receipt."
    kind: ClassVar[str] = "contact"
    verb = staticmethod(erasure.erase_person)

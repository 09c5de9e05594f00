"""What people write of themselves where an open link asks who they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from customers.duplicates.keys import phone_key

NAME, REACH = "who.name", "who.reach"
LONGEST_NAME, LONGEST_REACH = 200, 254
_LEAST = 3  # letters of a customer's number


@dataclass(frozen=True)
class Stated:
    """Name, and an e-mail address, a phone number or a customer's number, as they were written."""

    name: str = ""
    reach: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was written."""
        return not (self.name or self.reach)


NOTHING = Stated()


def read(sent: Any) -> Stated:
    """Return what a form sent; without what no database holds, no longer than we keep."""
    name, reach = (" ".join(str(sent.get(field, "")).replace("\0", "").split()) for field in (NAME, REACH))
    return Stated(name[:LONGEST_NAME], reach[:LONGEST_REACH])


def problems(stated: Stated, *, is_required: bool) -> dict[str, str]:
    """Return what is wrong with what was written, by the name of the field."""
    wrong = {}
    if is_required and not stated.name:
        wrong[NAME] = _("Please write your name.")
    if is_required and not stated.reach:
        wrong[REACH] = _("Please write your e-mail address, phone number or customer number.")
    elif stated.reach and not _could_be(stated.reach):
        wrong[REACH] = _("This is no e-mail address, phone number or customer number. Please check it.")
    return wrong


def _could_be(reach: str) -> bool:
    if "@" in reach:
        user, _at, host = reach.partition("@")
        return bool(user) and "." in host and " " not in reach
    return bool(phone_key(reach)) or (len(reach) >= _LEAST and any(one.isalnum() for one in reach))

"""What happened after somebody's last answer, told to her with the next question.

Nobody answers those who do nothing: whoever knows what was done enters a function here, and invitations
say it in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from customers.models import Contact

Teller = Callable[[Contact, datetime], str]
"""``f(contact, at)`` returns one sentence in the language that is active, or nothing."""
_tellers: list[Teller] = []


def register(teller: Teller) -> None:
    """Enter who may have something to tell (in ``ready()``); the first who has is heard."""
    if teller not in _tellers:
        _tellers.append(teller)


def line(contact: Contact, *, at: datetime) -> str:
    """Return what to tell ``contact`` at ``at``; nothing when nobody has anything to tell."""
    return next((said for teller in _tellers if (said := teller(contact, at).strip())), "")

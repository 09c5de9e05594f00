"""All guards by name. ``test_guards_out.py`` runs the named test of each without it and sees it fail."""

from tests.chaos import guards_of_sweeps, guards_of_work  # noqa: F401 — they enter what they hold
from tests.chaos.taking_out import GUARDS, Guard

__all__ = ["GUARDS", "Guard"]

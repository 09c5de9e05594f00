"""What this app enters into the main navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.navigation import Entry, register
from loyalty.pages.roles import SEES_LOYALTY

_BELONG = (
    "account",
    "adjustment",
    "shortfall",
    "redemption",
    "reward",
    "programme",
    "rule",
    "tier",
    "plan",
    "ledger",
)


def enter() -> None:
    """Enter the pages (called in ``ready()``)."""
    register(
        Entry(
            "loyalty:overview",
            _("Loyalty"),
            "gem",
            frozenset(SEES_LOYALTY),
            47,
            also=tuple(f"loyalty:{name}" for name in _BELONG),
        )
    )

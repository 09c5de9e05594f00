"""What this app does by the clock, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.updates import Update, register


def register_all() -> None:
    """Enter it (in ``ready()``)."""
    register(
        Update(
            "loyalty.tasks.keep_books",
            _("Points, tiers and the ledger"),
            _(
                "Points leave their return window or expire, orders that were missed earn, tiers are counted "
                "and notices planned; then the ledger is sealed and its sums are counted again."
            ),
            once_a_day=True,
        )
    )

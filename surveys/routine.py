"""What this app does by the clock, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.updates import Update, register


def register_all() -> None:
    """Enter it (in ``ready()``)."""
    register(
        Update(
            "surveys.tasks.plan_distributions",
            _("Distributions of surveys"),
            _(
                "Whose turn it is, and what files brought, is planned; who was not asked in time is closed. "
                "Whom an event concerns is planned at once, and asked within seconds of being due."
            ),
        )
    )

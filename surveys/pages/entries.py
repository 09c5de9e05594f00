"""What this app enters into the main navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.navigation import Entry, register
from surveys.pages.roles import SEES_INTERVIEWS, SEES_SURVEYS


def enter() -> None:
    """Enter the pages (called in ``ready()``)."""
    asks, talks = frozenset(SEES_SURVEYS), frozenset(SEES_INTERVIEWS)
    register(
        Entry("surveys:survey_list", _("Surveys"), "clipboard-list", asks, 48, also=("surveys:distribution",))
    )
    register(
        Entry(
            "surveys:interview_list",
            _("Interviews"),
            "message-square-quote",
            talks,
            49,
            also=("surveys:guide",),
        )
    )

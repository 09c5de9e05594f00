"""What this app does by the clock, in words, and the limits of it that fill up over the months."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.ground.limits import Limit
from customers.ground.limits import register as limit
from customers.ground.updates import Update, register
from retention.models import Segment, WarningRule
from retention.rules.conditions import MOST_NODES


def register_all() -> None:
    """Enter both (in ``ready()``)."""
    for update in UPDATES:
        register(update)
    for one in LIMITS:
        limit(one)


UPDATES = (
    Update(
        "retention.tasks.flag_warning_signs",
        _("Measures, warnings and cases of everybody"),
        _(
            "Begins soon after the company's midnight and is made up for when the machine was off. "
            "Whose data changes in between is judged anew within seconds."
        ),
        once_a_day=True,
    ),
    Update(
        "retention.tasks.see_to_renewals",
        _("Renewals and lapses of contracts"),
        _("Contracts renew themselves, open cases before their notice date, or count as lost."),
        once_a_day=True,
    ),
    Update(
        "retention.tasks.see_to_changes",
        _("Changes of the business"),
        _("Who came in since a change was announced is told too; who was lost since is noted."),
        once_a_day=True,
    ),
    Update(
        "retention.tasks.see_to_care",
        _("Birthdays, anniversaries, festivals and thanks"),
        _("Finds who is due by each plan that runs; greetings leave as the contact limits allow."),
        once_a_day=True,
    ),
    Update(
        "retention.tasks.assign_follow_up_calls",
        _("Calls and escalations"),
        _("Cases that nobody has are given out, their calls planned, and what is overdue goes one level up."),
    ),
    Update(
        "retention.tasks.see_to_loops",
        _("Feedback without a word"),
        _("What customers were asked and did not answer counts as unconfirmed; nobody's gets an owner."),
    ),
    Update(
        "retention.tasks.watch_rises",
        _("Products and lots whose complaints or returns rise"),
        _("Asks every hour and looks once a week: each is compared with its own past."),
    ),
    Update(
        "retention.tasks.forget_old_sweeps",
        _("Runs of the sweep"),
        _("Runs are kept for 90 days; one that raised a warning stays, without its parts."),
    ),
)


def _nodes(tree: Any) -> int:
    """Return how many conditions and groups a stored tree has."""
    if not isinstance(tree, dict):
        return 0
    inner = [*tree.get("all", []), *tree.get("any", []), *([tree["not"]] if "not" in tree else [])]
    return 1 + sum(_nodes(part) for part in inner)


def _largest_rule() -> int:
    return max(map(_nodes, WarningRule.objects.values_list("condition", flat=True)), default=0)


def _largest_segment() -> int:
    trees = Segment.objects.exclude(condition=None).values_list("condition", flat=True)
    return max(map(_nodes, trees), default=0)


LIMITS = (
    Limit("rule_nodes", _("Conditions of one rule"), MOST_NODES, _largest_rule, "retention:rule_list"),
    Limit(
        "segment_nodes",
        _("Conditions of one segment"),
        MOST_NODES,
        _largest_segment,
        "retention:segment_list",
    ),
)

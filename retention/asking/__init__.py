"""What this floor tells the surveys below: segments to ask, events to ask after, and the team's load."""

from __future__ import annotations

from retention.asking import events, groups, load


def register_all() -> None:
    """Enter all of it with the distributions of surveys (in ``ready()``)."""
    groups.register()
    events.register()
    load.register()

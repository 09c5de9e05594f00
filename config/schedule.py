"""Everything that happens by the clock, on one screen.

Several schedulers may run at once: each of these tasks claims rows of the database, so that the
work itself happens once however often it is called.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    # 02:15 in the zone CELERY_TIMEZONE; the sweep itself asks for the company's local day.
    "flag warning signs nightly": {
        "task": "retention.tasks.flag_warning_signs",
        "schedule": crontab(minute="15", hour="2"),
    },
    "assign follow-up calls": {
        "task": "retention.tasks.assign_follow_up_calls",
        "schedule": 60.0,
    },
}

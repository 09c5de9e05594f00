"""Everything that happens by the clock, on one screen.

Several schedulers may run at once: each of these tasks claims rows of the database, so that the
work itself happens once however often it is called.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    # Asks every ten minutes; the pass over everybody runs once each local day of the company, so it
    # begins soon after its midnight, and is made up for when the machine was off.
    "flag warning signs once a day": {
        "task": "retention.tasks.flag_warning_signs",
        "schedule": crontab(minute="*/10"),
    },
    # Once each local day as well: what lapsed is a loss the same night.
    "see to renewals": {
        "task": "retention.tasks.see_to_renewals",
        "schedule": crontab(minute="5-55/10"),
    },
    # Once each local day: who ordered a product that is being withdrawn is told as the others were.
    "see to changes of the business": {
        "task": "retention.tasks.see_to_changes",
        "schedule": crontab(minute="8-58/10"),
    },
    "assign follow-up calls": {
        "task": "retention.tasks.assign_follow_up_calls",
        "schedule": 60.0,
    },
    # What a customer did not answer for the days that the company waits counts as unconfirmed.
    "see to loops": {
        "task": "retention.tasks.see_to_loops",
        "schedule": crontab(minute="*/10"),
    },
    # What the version before, or a bulk load, wrote beside the search.
    "enter customers into the search": {
        "task": "customers.tasks.fill_search",
        "schedule": crontab(minute=47),
    },
    # Texts, addresses and files that are older than their class is kept: a bounded number a night.
    "clear what was kept long enough": {
        "task": "customers.tasks.clear_old",
        "schedule": crontab(hour=3, minute=37),
    },
    # Asks every hour and looks once each local day; what came to merged customers is looked after each time.
    "look for duplicates": {
        "task": "customers.tasks.look_for_duplicates",
        "schedule": crontab(minute=37),
    },
    # Asks every hour and looks once each local week.
    "watch products and lots for rises": {
        "task": "retention.tasks.watch_rises",
        "schedule": crontab(minute=22),
    },
    # What files and bulk loads brought; what is entered by hand or program is read within seconds.
    "read texts that came in bulk": {
        "task": "customers.tasks.read_texts",
        "schedule": crontab(minute=27),
    },
    # Each mailbox is leased; the letters in it are taken once.
    "fetch letters": {
        "task": "customers.tasks.fetch_letters",
        "schedule": 60.0,
    },
    # Each feed every quarter of an hour, one that fails more and more seldom.
    "look at feeds for mentions": {
        "task": "customers.tasks.look_at_feeds",
        "schedule": crontab(minute="6-56/10"),
    },
    # Asks every hour and learns once each local day.
    "learn to read texts": {
        "task": "customers.tasks.train_texts",
        "schedule": crontab(minute=12),
    },
    # Whose turn it is, and what came without an event; what is due is asked by the drain within seconds.
    "plan distributions of surveys": {
        "task": "surveys.tasks.plan_distributions",
        "schedule": crontab(minute="3-53/10"),
    },
    # Once each local day, soon after its midnight: what is due is released and expires, then the books are
    # sealed and counted again.
    "keep the books of points": {
        "task": "loyalty.tasks.keep_books",
        "schedule": crontab(minute="4-54/10"),
    },
    "forget old runs of the sweep": {
        "task": "retention.tasks.forget_old_sweeps",
        "schedule": crontab(minute=52),
    },
    "bring in next year's holidays": {
        "task": "customers.tasks.keep_working_calendar",
        "schedule": crontab(minute=41),
    },
    "forget old calls of the API": {
        "task": "customers.ground.tasks.forget_api_calls",
        "schedule": crontab(minute=17),
    },
}

"""``demo``: a lifelike company in an empty database, with its first weeks of work done."""

from __future__ import annotations

import gc
import json
import secrets
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from customers import causes, usage
from customers.demo import load, world
from customers.demo.company import ZONE
from customers.demo.people import ACCOUNTS
from customers.demo.seasons import FIRST_YEAR, LAST_YEAR
from customers.demo.truth import write
from customers.ground import clock, context
from customers.ground.errors import Refused
from customers.models import ExternalRef, User
from loyalty import demo as points
from retention import demo, rules
from surveys import demo as asking

OPENS = time(9, 0)
EXPLAINS = ("rival", "price", "apology")
"""What explains a later farewell better than the farewell does."""
TELLING = ("gone", "closing", "rival", "price", "uneasy", "apology")


class UntilLater(Refused):
    code = "demo_until_later"
    message = gettext_lazy(
        "The demo company cannot end on %(until)s: this database's clock says %(today)s, and nothing may be "
        "recorded in the future. Choose an earlier day, or leave --until out."
    )


class NoSuchStory(Refused):
    code = "demo_story"
    message = gettext_lazy(
        "The demo company lives between %(first)s and %(last)s. Choose another day for --until, "
        "or fewer months."
    )


class Command(BaseCommand):
    help = "Builds a lifelike company in an empty database: customers, facts, rules, cases, accounts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=_positive, default=2000, help="how many (default: 2000)")
        parser.add_argument("--months", type=_positive, default=18, help="of history (default: 18)")
        parser.add_argument("--seed", type=int, default=7, help="another seed, another company (default: 7)")
        parser.add_argument(
            "--until", type=_day, metavar="DATE", help="the company's today; sets the clock (default: today)"
        )
        parser.add_argument(
            "--truth", type=Path, metavar="FILE", help="where the hidden truth is written, for tests"
        )
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with 0, or 2 when the request was refused; then nothing was changed."""
        began = perf_counter()
        gc.disable()  # a million small records and no cycles: looking for some takes a fifth of the time
        self.silent = options["json"] or options["verbosity"] == 0
        password = settings.DEMO_PASSWORD or secrets.token_urlsafe(9)
        try:
            load.refuse_unless_empty()
            with context.acting(channel="command"):
                told = self._tell(options)
                self._move_in(told, password=password, options=options)
        except Refused as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            gc.enable()
            clock.forget()  # what a failed run had fixed is rolled back with it
        self._say_goodbye(told, password=password, seconds=perf_counter() - began, as_json=options["json"])

    def _tell(self, options: dict[str, Any]) -> world.World:
        until = options["until"] or _today()
        with self._bar(_("Telling the company's story"), options["customers"]) as tell:
            try:
                told = world.build(
                    seed=options["seed"],
                    customers=options["customers"],
                    months=options["months"],
                    until=until,
                    progress=tell,
                )
            except ValueError as error:
                raise NoSuchStory(first=FIRST_YEAR + 1, last=LAST_YEAR - 1) from error
        write(told.truth, options["truth"] or settings.VAR_DIR / "demo" / "truth.json.gz")
        return told

    @transaction.atomic
    def _move_in(self, told: world.World, *, password: str, options: dict[str, Any]) -> None:
        at = _moment(options["until"])
        causes.sync()
        usage.sync()
        rules.sync(at=at)
        with self._bar(_("Writing what it knows"), load.rows_of(told)) as tell:
            load.load(told, password=password, at=at, progress=lambda _name, count: tell(count))
        with self._bar(_("Asking customers how satisfied they are"), None):
            asking.answer(told, source=load.SOURCE, seed=options["seed"], at=at)
        with self._bar(_("Running the loyalty programme"), None):
            points.run_programme(seed=options["seed"], at=at)
        with self._bar(_("Working the first two weeks"), None):
            demo.live_in(seed=options["seed"], known=_known(told), at=at)
        with self._bar(_("Closing the loop with those who told it something"), None):
            demo.close_loops(seed=options["seed"], at=at)
            demo.improve(at=at)
            demo.change_business(seed=options["seed"], at=at)

    @contextmanager
    def _bar(self, text: str, total: int | None) -> Iterator[Any]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(file=self.stderr, quiet=self.silent)  # type: ignore[arg-type]
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(text, total=total)
            yield lambda count: progress.advance(task, count)

    def _say_goodbye(self, told: world.World, *, password: str, seconds: float, as_json: bool) -> None:
        roles = dict(User.objects.filter(username__in=ACCOUNTS).values_list("username", "role"))
        counted = {
            "customers": len(told.facts.customers),
            "orders": len(told.facts.orders),
            "seconds": round(seconds, 1),
        }
        if as_json:
            accounts = [{"username": name, "role": roles[name], "password": password} for name in ACCOUNTS]
            self.stdout.write(json.dumps({**counted, "accounts": accounts}))
            return
        self.stdout.write(
            _("The demo company is ready: %(customers)d customers, %(orders)d orders, %(seconds)s seconds.")
            % counted
        )
        for name in ACCOUNTS:
            self.stdout.write(f"  {name:<8} {User(role=roles[name]).get_role_display()}")
        self.stdout.write(_("The password of all four: %(password)s") % {"password": password})


def _today() -> date:
    return clock.now().astimezone(ZoneInfo(ZONE)).date()


def _moment(until: date | None) -> datetime:
    """Return the demo's now: the clock's, which `--until` sets once to the morning of that day."""
    if until is None:
        return clock.now()
    morning = datetime.combine(until, OPENS, ZoneInfo(ZONE))
    if not clock.is_fixed():
        clock.fix(morning)
    if _today() < until:
        raise UntilLater(until=until.isoformat(), today=_today().isoformat())
    return clock.now()


def _known(told: world.World) -> dict[int, demo.Known]:
    """Return what the company knows of each customer, by the customer's id."""
    refs = ExternalRef.objects.filter(source=load.SOURCE, kind="customer")
    ids = dict(refs.values_list("external_id", "object_id"))
    notes: dict[int, str] = {}
    for row in told.facts.interactions:  # of one customer in order of time
        customer = ids[row.customer]
        if row.topic in TELLING and not (row.topic == "gone" and notes.get(customer) in EXPLAINS):
            notes[customer] = row.topic
    return {pk: demo.Known(key, notes.get(pk, "")) for key, pk in ids.items()}


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(_("a number of at least 1"))
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(_("a day like 2026-06-30")) from error

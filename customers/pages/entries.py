"""The pages of settings and the steps of the first week that this app enters."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.first_week import Step
from customers.first_week import register as enter_step
from customers.ground.models import AuditEvent, Company
from customers.models import Customer, User
from customers.navigation import Entry, register

ADMINS = frozenset({"admin"})


def enter() -> None:
    """Enter the pages that set a company up, and its first steps."""
    for route, label, icon, position, text in (
        ("company", _("Company"), "building-2", 5, _("Name, language, base currency, time zone, margin.")),
        (
            "calendar",
            _("Working calendar"),
            "calendar-clock",
            10,
            _("Working hours, public holidays and make-up days, and days that differ."),
        ),
        (
            "rate_list",
            _("Exchange rates"),
            "coins",
            30,
            _("For orders and contracts in other currencies than the base one."),
        ),
        (
            "cause_list",
            _("Causes"),
            "list-tree",
            40,
            _("Why customers leave, in two levels: add, rename, put in order, retire."),
        ),
    ):
        register(
            Entry(f"customers:{route}", label, icon, ADMINS, position=position, section="setup", help=text)
        )
    register(
        Entry(
            "customers:schedule",
            _("Schedule and limits"),
            "clock",
            frozenset({"admin", "analyst"}),
            position=85,
            section="setup",
            help=_("What is brought up to date when, and how full what has a limit is."),
        )
    )
    for step in _STEPS:
        enter_step(step)


def _companies() -> QuerySet[Any]:
    return Company.objects.all()


def _calendars() -> QuerySet[Any]:
    """Return the company once somebody looked at its calendar: chose a country, or saved the week."""
    saved = AuditEvent.objects.filter(object_type=Company._meta.label_lower, act="calendar.set")
    return Company.objects.filter(~Q(calendar_country="") | Exists(saved))


def _people() -> QuerySet[Any]:
    working: QuerySet[Any] = User.objects.working()
    return working


def _customers() -> QuerySet[Any]:
    present: QuerySet[Any] = Customer.objects.present()  # type: ignore[attr-defined]
    return present


_STEPS = (
    Step(
        "company",
        _("Company"),
        _("Name, language, base currency, time zone, margin."),
        "customers:company",
        10,
        _companies,
    ),
    Step(
        "calendar",
        _("Working calendar"),
        _("Which hours count for deadlines; public holidays come by themselves."),
        "customers:calendar",
        20,
        _calendars,
    ),
    Step(
        "people",
        _("People and teams"),
        _("Accounts for those who look after customers: by hand, or by a file."),
        "customers:user_list",
        30,
        _people,
    ),
    Step(
        "import",
        _("Import"),
        _("Customers, contacts, orders and complaints from files, as often as you like."),
        "customers:import_list",
        40,
        _customers,
    ),
)

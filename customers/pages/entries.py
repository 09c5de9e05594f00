"""The pages of settings and the steps of the first week that this app enters."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.first_week import Step
from customers.first_week import register as enter_step
from customers.ground.models import AuditEvent, Company
from customers.models import Customer, User
from customers.navigation import Entry, register

ADMINS = frozenset({"admin"})
LEADS = frozenset({"admin", "team_lead"})


def enter() -> None:
    """Enter the pages that set a company up, its imports, and its first steps."""
    for entry in _SETUP:
        register(entry)
    register(
        Entry("customers:import_list", _("Imports"), "upload", LEADS, position=80, section="settings"),
    )
    for step in _STEPS:
        enter_step(step)


def _setup(
    route: str, label: Any, icon: str, position: int, text: Any, roles: frozenset[str] = ADMINS
) -> Entry:
    """Return the entry of a page of settings."""
    return Entry(f"customers:{route}", label, icon, roles, position=position, section="setup", help=text)


_SETUP = (
    _setup("company", _("Company"), "building-2", 5, _("Name, language, base currency, time zone, margin.")),
    _setup(
        "calendar",
        _("Working calendar"),
        "calendar-clock",
        10,
        _("Working hours, public holidays and make-up days, and days that differ."),
    ),
    _setup(
        "user_list",
        _("Users and teams"),
        "users",
        20,
        _("Colleagues, their roles, teams and how much each can carry."),
        LEADS | {"analyst"},
    ),
    _setup(
        "rate_list",
        _("Exchange rates"),
        "coins",
        30,
        _("For orders and contracts in other currencies than the base one."),
    ),
    _setup(
        "cause_list",
        _("Causes"),
        "list-tree",
        40,
        _("Why customers leave, in two levels: add, rename, put in order, retire."),
    ),
    _setup(
        "text_quality",
        _("Text understanding"),
        "message-square-text",
        45,
        _("How well texts are read, and those that wait for somebody to say what they say."),
        LEADS | {"analyst"},
    ),
    _setup(
        "attribute_list",
        _("Attributes"),
        "tags",
        50,
        _("What this business itself wants to know of its customers."),
    ),
    _setup(
        "privacy_settings",
        pgettext_lazy("settings", "Privacy"),
        "shield",
        60,
        _("How long things are kept, the texts people agree to, receipts of erasures."),
    ),
    _setup(
        "metric_list",
        _("Usage metrics"),
        "gauge",
        60,
        _("What is counted of how customers use what they have: logins, visits, balances."),
    ),
    _setup(
        "community_list",
        _("Communities"),
        "messages-square",
        61,
        _("The groups that customers belong to: WeChat, WeCom, QQ, DingTalk, forums."),
    ),
    _setup(
        "indicator_list",
        _("Indicators"),
        "activity",
        62,
        _("Figures of your own about customers, and which way each is bad."),
    ),
    _setup(
        "competitor_list",
        _("Competitors"),
        "swords",
        65,
        _("Who else courts your customers: names and aliases, products, talking points."),
        LEADS,
    ),
    _setup(
        "mention_ways",
        _("Mentions"),
        "megaphone",
        66,
        _("Feeds that are looked at, and addresses to which programs send posts and reviews."),
    ),
    _setup(
        "channel_list",
        _("Channels"),
        "send",
        68,
        _("Mail servers and providers by which messages leave; each is tried out first."),
    ),
    _setup(
        "mailbox_list",
        _("Mailboxes"),
        "mail",
        67,
        _("E-mail addresses to which customers write; their letters come into the inbox."),
    ),
    _setup(
        "public_sheet",
        _("Feedback form"),
        "message-square-warning",
        67,
        _("The address where anybody can write to you, and its QR code to print."),
        LEADS,
    ),
    _setup(
        "message_list",
        _("Messages"),
        "mail",
        69,
        _("What was sent to customers, what waits, and what became of it."),
        LEADS | {"analyst"},
    ),
    _setup(
        "contact_limits",
        _("Contact limits"),
        "clock",
        70,
        _("How often one person is contacted for what, and the quiet hours."),
    ),
    _setup(
        "feedback_deadlines",
        pgettext_lazy("settings", "Feedback"),
        "message-square-text",
        66,
        _("Deadlines of complaints, questions, suggestions and praise; limits of compensation."),
    ),
    _setup(
        "reservation_list",
        _("Contacts asked for"),
        "list-checks",
        71,
        _("What was let through, what waits and why, and what came too late."),
        frozenset({"admin", "team_lead", "analyst"}),
    ),
    _setup(
        "schedule",
        _("Schedule and limits"),
        "clock",
        85,
        _("What is brought up to date when, and how full what has a limit is."),
        frozenset({"admin", "analyst"}),
    ),
)


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

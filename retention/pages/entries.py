"""What retention enters into the main navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.access import ANYBODY_SIGNED_IN
from customers.first_week import Step
from customers.first_week import register as enter_step
from customers.navigation import Entry, register, register_search
from retention.models import WarningRule
from retention.pages import tabs
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS

EVERYBODY = frozenset(ANYBODY_SIGNED_IN)


def enter() -> None:
    """Enter the pages, and the list that the search box asks."""
    register(Entry("retention:home", _("Today"), "house", EVERYBODY, 10))
    register(Entry("retention:queue", _("Queue"), "list-todo", EVERYBODY, 20))
    register(Entry("retention:customer_list", _("Customers"), "building-2", EVERYBODY, 30))
    register(Entry("retention:inbox", _("Inbox"), "inbox", frozenset(SEES_CUSTOMERS), 38))
    register(Entry("retention:complaint_list", _("Complaints"), "message-square-warning", EVERYBODY, 40))
    register(
        Entry(
            "retention:loop_list",
            pgettext_lazy("the loop", "Feedback"),
            "rotate-ccw",
            EVERYBODY,
            42,
            also=("retention:loop",),
        )
    )
    register(Entry("retention:mention_list", _("Mentions"), "megaphone", EVERYBODY, 43))
    register(Entry("retention:contract_list", _("Contracts"), "file-text", EVERYBODY, 45))
    register(Entry("retention:loss_list", _("Lost customers"), "user-x", EVERYBODY, 47))
    register(
        Entry("retention:change_list", pgettext_lazy("of the business", "Changes"), "shuffle", EVERYBODY, 48)
    )
    register(
        Entry(
            "retention:improvement_list",
            _("Improvements"),
            "hammer",
            EVERYBODY,
            49,
            also=("retention:improvement", "retention:rise", "retention:huddle"),
        )
    )
    register(
        Entry(
            "retention:care_list",
            pgettext_lazy("of customers", "Care"),
            "gift",
            frozenset(SEES_CUSTOMERS),
            46,
            also=("retention:care_",),
        )
    )
    early = _("How many days before its notice date a contract becomes a case.")
    admins = frozenset({"admin"})
    register(
        Entry("retention:renewal_settings", _("Renewals"), "calendar-clock", admins, 75, "setup", help=early)
    )
    silent = _("How many days without a word make what a customer was asked unconfirmed.")
    register(
        Entry(
            "retention:loop_settings", _("Closing the loop"), "rotate-ccw", admins, 77, "setup", help=silent
        )
    )
    gone = _("When a customer counts as lost, how value tiers are cut, when the lost are called again.")
    register(
        Entry("retention:definitions", _("What counts as lost"), "user-x", admins, 76, "setup", help=gone)
    )
    rules = frozenset({"team_lead", "admin", "analyst"})
    register(Entry("retention:segment_list", _("Segments"), "group", rules, 50))
    register(Entry("retention:rule_list", _("Rules"), "list-checks", rules, 60, section="settings"))
    counting = _("What each measure counts, of how many customers it is known, and who uses it.")
    register(
        Entry("retention:measure_list", _("Measures"), "ruler", rules, 65, section="setup", help=counting)
    )
    sweeps = frozenset({"admin", "analyst"})
    watching = _("What each sweep found, rule by rule, and how long it took.")
    register(Entry("retention:sweep_list", _("Sweeps"), "radar", sweeps, 70, section="setup", help=watching))
    working = _("What runs, waits, is late or failed, and a button to try it again.")
    register(Entry("retention:work", _("Background work"), "cog", sweeps, 80, section="setup", help=working))
    alike = _("Customers that look like one, to be compared, merged, or put aside.")
    leads = frozenset({"team_lead", "admin"})
    register(
        Entry("retention:duplicate_list", _("Duplicates"), "merge", leads, 60, section="setup", help=alike)
    )
    enter_step(
        Step(
            "rules",
            _("Warning rules"),
            _("Ready ones are there, switched off: look at each, then switch on what fits."),
            "retention:rule_list",
            50,
            lambda: WarningRule.objects.filter(is_enabled=True),
        )
    )
    register_search("retention:customer_list", find="retention:customer_find")
    tabs.register(
        tabs.Tab("retention:customer_privacy", pgettext_lazy("of a customer's page", "Privacy"), 90)
    )
    tabs.register(tabs.Tab("retention:customer", pgettext_lazy("of a customer's page", "Overview"), 10))
    tabs.register(tabs.Tab("retention:customer_file", pgettext_lazy("of a customer's page", "File"), 20))
    tabs.register(tabs.Tab("retention:customer_dealings", _("Dealings"), 30))
    tabs.register(tabs.Tab("retention:customer_surveys", _("Surveys"), 40))
    tabs.register(tabs.Tab("retention:customer_interviews", _("Interviews"), 42))
    own = pgettext_lazy("of a customer's page", "Own page")
    tabs.register(tabs.Tab("retention:customer_member", own, 80, roles=frozenset(WORKERS)))

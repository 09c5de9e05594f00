"""What retention enters into the main navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.access import ANYBODY_SIGNED_IN
from customers.navigation import Entry, register, register_search
from retention.pages import tabs

EVERYBODY = frozenset(ANYBODY_SIGNED_IN)


def enter() -> None:
    """Enter the pages, and the list that the search box asks."""
    register(Entry("retention:home", _("Today"), "house", EVERYBODY, 10))
    register(Entry("retention:queue", _("Queue"), "list-todo", EVERYBODY, 20))
    register(Entry("retention:customer_list", _("Customers"), "building-2", EVERYBODY, 30))
    register(Entry("retention:complaint_list", _("Complaints"), "message-square-warning", EVERYBODY, 40))
    rules = frozenset({"team_lead", "admin", "analyst"})
    register(Entry("retention:segment_list", _("Segments"), "group", rules, 50))
    register(Entry("retention:rule_list", _("Rules"), "list-checks", rules, 60, section="settings"))
    sweeps = frozenset({"admin", "analyst"})
    watching = _("What each sweep found, rule by rule, and how long it took.")
    register(Entry("retention:sweep_list", _("Sweeps"), "radar", sweeps, 70, section="setup", help=watching))
    working = _("What runs, waits, is late or failed, and a button to try it again.")
    register(Entry("retention:work", _("Background work"), "cog", sweeps, 80, section="setup", help=working))
    register_search("retention:customer_list", find="retention:customer_find")
    tabs.register(
        tabs.Tab("retention:customer_privacy", pgettext_lazy("of a customer's page", "Privacy"), 90)
    )
    tabs.register(tabs.Tab("retention:customer", pgettext_lazy("of a customer's page", "Overview"), 10))

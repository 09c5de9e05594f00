"""The scopes of this app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.api import scopes


def register() -> None:
    """Enter the scopes (called in ``ready()``)."""
    scopes.register("measures:read", _("read measures and each customer's values"))
    scopes.register("timeline:read", _("read everything that happened with a customer"))
    scopes.register("cases:read", _("read the queue, cases, calls, warnings and losses"))
    scopes.register("cases:write", _("open, give, diagnose and close cases, plan and log calls"))
    scopes.register("loops:read", _("read the way of feedback back to customers, and its figures"))
    scopes.register("loops:write", _("work on feedback, tell customers, note what they say"))
    scopes.register("rules:read", _("read warning rules and the runs of the sweep"))
    scopes.register("rules:write", _("write warning rules, switch them on and off"))
    scopes.register("improvements:read", _("read improvements, what they moved, and the weekly watch"))
    scopes.register("improvements:write", _("plan and carry out improvements, tell who raised them"))
    scopes.register("segments:read", _("read segments, their members and their counts"))
    scopes.register("segments:write", _("make and change segments, put customers on lists"))
    scopes.register("changes:read", _("read changes of the business and how far customers were followed"))
    scopes.register("changes:write", _("plan, announce, follow and close changes of the business"))
    scopes.register("care:read", _("read care plans, and who was greeted"))

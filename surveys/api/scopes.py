"""The scopes of this app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.api import scopes


def register() -> None:
    """Enter the scopes (called in ``ready()``)."""
    scopes.register("surveys:read", _("read surveys and what they ask"))
    scopes.register("surveys:write", _("write, publish, close and copy surveys"))
    scopes.register("surveys:invite", _("make links by which contacts answer surveys"))
    scopes.register("surveys:distributions", _("read to whom surveys are sent"))
    scopes.register("surveys:distribute", _("make, start and end distributions of surveys"))
    scopes.register("surveys:answers", _("read what customers answered"))
    scopes.register("interviews:read", _("read interviews, and the guides they are held by"))
    scopes.register("interviews:write", _("begin, finish, correct and drop interviews"))
    scopes.register("interviews:guides", _("write and retire guides of interviews"))

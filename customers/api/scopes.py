"""The scopes of this app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.api import scopes


def register() -> None:
    """Enter the scopes (called in ``ready()``)."""
    scopes.register("customers:read", _("read customers, contacts and who looks after them"))
    scopes.register("customers:write", _("make and change customers and contacts, give them to colleagues"))
    scopes.register(
        "facts:read",
        _("read orders, contracts, interactions, complaints, usage, invoices and sightings of competitors"),
    )
    scopes.register(
        "facts:write",
        _("record orders, contracts, interactions, complaints, usage, invoices and sightings of competitors"),
    )
    scopes.register("mentions:read", _("read what people write about the company in public"))
    scopes.register("mentions:write", _("record mentions, say whose they are and how they sound"))
    scopes.register("feedback:read", _("read what came from people who are not known yet"))
    scopes.register("feedback:write", _("take in such feedback, link it to customers, end it without one"))
    scopes.register("imports:read", _("follow imports"))
    scopes.register("imports:write", _("bring in files"))
    scopes.register("company:read", _("read the company, its teams, users, products, rates and catalogues"))
    scopes.register("company:write", _("change products and exchange rates"))
    scopes.register("people:write", _("make and change users and teams"))
    scopes.register("privacy:read", _("read consents and objections to profiling"))
    scopes.register("privacy:write", _("record consents and objections to profiling"))
    scopes.register("privacy:erase", _("hand out and erase what is stored about a person"))
    scopes.register("privacy:keep", _("say for how long texts, addresses and files are kept"))
    scopes.register("contacting:read", _("read who was to be contacted, and how often people may be"))
    scopes.register("contacting:write", _("ask whether somebody may be contacted, and take that back"))
    scopes.register("audit:read", _("read who did what"))

"""The scopes of this app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.api import scopes


def register() -> None:
    """Enter the scopes (called in ``ready()``)."""
    scopes.register("loyalty:read", _("read programmes, points, tiers, rewards and redemptions"))
    scopes.register("loyalty:earn", _("give points for what happened elsewhere, and note referrals"))
    scopes.register("loyalty:redeem", _("redeem points, and handle and cancel redemptions"))
    scopes.register("loyalty:adjust", _("adjust points by hand, and reverse entries"))
    scopes.register("loyalty:rewards", _("write, offer and retire rewards, and add stock and codes"))

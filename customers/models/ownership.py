"""Who looks after a customer since when, and who of us was there to do it: dated facts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground import guards
from customers.ground.privacy import declare


class Ownership(Fact):
    """From ``occurred_at`` on, ``user`` owns the customer (empty: nobody), until a later row."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="ownerships"
    )
    team = models.ForeignKey("customers.Team", null=True, on_delete=models.PROTECT, related_name="+")

    privacy = {**FACT_PRIVACY, **declare(staff_keep="user", none_keep="team")}

    class Meta:
        indexes = [
            models.Index(
                fields=["customer", "occurred_at", "id", "recorded_at", "user", "occurred_day", "void"],
                name="ownership_pass",
            ),
        ]


OwnershipVersion = twin_of(Ownership)


class UserActivity(models.Model):
    """From ``occurred_at`` on the user is active or not (left, blocked), until a later row.

    Append-only: a mistake is corrected by a later row, so no twin is needed.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="activity")
    is_active = models.BooleanField()
    occurred_at = models.DateTimeField()
    occurred_day = models.IntegerField()
    recorded_at = models.DateTimeField()

    privacy = declare(none_keep="id", staff_keep="user is_active occurred_at occurred_day recorded_at")

    class Meta:
        indexes = [models.Index(fields=["user", "occurred_at"], name="user_activity_user")]


guards.append_only(UserActivity)

"""What orders brought: the state of each order in the ledger, as far as we looked at it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from customers.ground.privacy import declare
from customers.models import Customer, Order
from loyalty.models.ledger import OfCustomers, PointsAccount, PointsEntry
from loyalty.models.programme import Programme


class OrderEarning(models.Model):
    """What one order brings by the rules, and what it was judged by; also of an order that brings nothing.

    It can be made anew from the order and the ledger. ``brought`` is what the order brings by the rules,
    before goods came back in other records: it is what counts for caps, so that a return makes no room.
    ``points`` is what it brings now, after returns. Of what should have been taken back, ``short`` was spent
    (a person decides), and ``gone`` had expired or was taken back by hand. ``lines``: by number of line
    product, quantity, amount paid, and the points that it brought before caps.

    Where an order went to another customer, a row that ``is_past`` stays with the one that had it: of what
    was taken back there the ``short`` and the ``gone``, and in ``context`` the ids of the earnings.

    No constraint says that a customer has one first order: it is decided by customer, and an account may
    have two when its customer was merged with another one, earned, and was parted again. Whoever judges
    orders holds their customers (``FOR NO KEY UPDATE``), so that no two decide it at once.
    """

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(
        PointsAccount, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)
    entry = models.ForeignKey(
        PointsEntry, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    occurred_at = models.DateTimeField()
    occurred_day = models.IntegerField()
    seen_at = models.DateTimeField()  # ``recorded_at`` of the order as it was judged
    is_void = models.BooleanField(default=False)  # ``void`` of the order as it was judged
    is_return = models.BooleanField(default=False)
    is_first = models.BooleanField(default=False)
    is_past = models.BooleanField(default=False)
    net = models.BigIntegerField(default=0)  # paid, minor units of the programme's currency
    net_left = models.BigIntegerField(default=0)  # of it what did not come back later
    beyond = models.BigIntegerField(default=0)  # what came back in the order beyond what was sold in it
    brought = models.BigIntegerField(default=0)
    points = models.BigIntegerField(default=0)
    short = models.BigIntegerField(default=0)
    settled = models.BigIntegerField(default=0)  # of ``short``: what was decided
    adjusted = models.BigIntegerField(default=0)  # of ``settled``: what was taken after all
    gone = models.BigIntegerField(default=0)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    settled_at = models.DateTimeField(null=True)
    settled_note = models.TextField(blank=True)
    moves = models.PositiveIntegerField(default=0)  # how often points were taken back or given anew
    raised = models.PositiveSmallIntegerField(default=0)  # how often they were given anew
    exact = models.TextField(default="0")  # fractions: as long as many multipliers make them
    fixed = models.TextField(default="0")
    lines = models.JSONField(default=dict)
    came_back = models.JSONField(default=dict)  # by number of line: share of its worth, and quantity
    context = models.JSONField(default=dict)  # tier, birthday, rules: what it was judged by, kept for changes

    objects: ClassVar[models.Manager[OrderEarning]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id programme account order entry is_past moves raised context",
        conduct_keep="customer occurred_at occurred_day seen_at is_void is_return is_first net net_left "
        "beyond brought points short settled adjusted gone settled_at exact fixed lines came_back",
        staff_keep="settled_by",
        text_blank="settled_note",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "programme"], condition=Q(is_past=False), name="order_earning_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    points__gte=0,
                    brought__gte=0,
                    short__gte=0,
                    settled__gte=0,
                    adjusted__gte=0,
                    gone__gte=0,
                    net__gte=0,
                    beyond__gte=0,
                ),
                name="order_earning_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "occurred_at"], name="order_earning_customer"),
            models.Index(fields=["customer", "occurred_day"], name="order_earning_day"),
            models.Index(
                fields=["programme", "-occurred_at", "-id"],
                condition=Q(short__gt=F("settled")),
                name="order_earning_short",
            ),
            models.Index(fields=["order"], condition=Q(is_past=True), name="order_earning_past"),
            models.Index(  # the list of what was settled
                fields=["programme", "-settled_at", "-id"],
                condition=Q(settled_at__isnull=False),
                name="order_earning_settled",
            ),
        ]

"""What customers bought and returned."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Product(models.Model):
    """Something we sell."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    name_alt = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=64, blank=True)
    margin_bp = models.PositiveIntegerField(null=True)  # basis points of net; empty: category or company rate
    unit_cost = models.BigIntegerField(null=True)  # minor units of the base currency
    is_withdrawn = models.BooleanField(default=False)  # or will be, from ``withdrawn_day`` on
    withdrawn_day = models.IntegerField(null=True)  # local day from which on it cannot be bought any more
    withdrawn_known_at = models.DateTimeField(null=True)  # since when we know of that day

    privacy = declare(
        none_keep="id code name name_alt category margin_bp unit_cost is_withdrawn withdrawn_day "
        "withdrawn_known_at"
    )

    def __str__(self) -> str:
        return self.name


class Order(Fact):
    """One order: what was bought and what came back in it.

    A record whose lines are all negative is a return (``is_purchase`` false). Amounts are in minor
    units: ``sold`` and ``returned`` (both ≥ 0) in ``currency``; ``sold_base``, ``returned_base`` and
    ``margin_base`` in the base currency at the rate of the day, frozen (decision 10). The margin
    is of sold minus returned.
    """

    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        DELIVERED = "delivered", _("delivered")
        CANCELLED = "cancelled", _("cancelled")

    number = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PLACED)
    is_purchase = models.BooleanField(default=True)
    currency = models.CharField(max_length=3)
    sold = models.BigIntegerField(default=0)
    returned = models.BigIntegerField(default=0)
    sold_base = models.BigIntegerField(default=0)
    returned_base = models.BigIntegerField(default=0)
    margin_base = models.BigIntegerField(default=0)
    margin_assumed = models.BooleanField(default=True)
    # Local day numbers: by whose end it should come, and on which it came. Both count from the moment at
    # which they were recorded, the delivery not before its day.
    promised_day = models.IntegerField(null=True)
    delivered_day = models.IntegerField(null=True)
    returns_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="returns")

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="currency margin_assumed",
            reach_blank="number",
            conduct_keep="status is_purchase sold returned sold_base returned_base margin_base returns_of "
            "promised_day delivered_day",
        ),
    }

    class Meta:
        indexes = [
            # Holds all that the measures read, in their order. Columns of the key and not INCLUDE, which
            # SQLite does not know; inner pages do not grow, for PostgreSQL cuts keys there.
            models.Index(
                fields=[
                    "customer",
                    "occurred_day",
                    "occurred_at",
                    "recorded_at",
                    "sold_base",
                    "returned_base",
                    "margin_base",
                    "void",
                    "is_purchase",
                    "status",
                ],
                name="order_pass",
            ),
            # whose orders entered or left a window since the last pass (retention/measures/changes)
            models.Index(fields=["occurred_day", "customer"], name="order_crossing"),
            # what the measures of deliveries read; most companies promise no day for most orders
            models.Index(
                fields=[
                    "customer",
                    "promised_day",
                    "delivered_day",
                    "occurred_at",
                    "recorded_at",
                    "status",
                    "void",
                ],
                condition=Q(promised_day__isnull=False),
                name="order_delivery_pass",
            ),
            models.Index(
                fields=["promised_day", "customer"],
                condition=Q(promised_day__isnull=False),
                name="order_promised",
            ),
            models.Index(
                fields=["delivered_day", "customer"],
                condition=Q(delivered_day__isnull=False),
                name="order_delivered",
            ),
            models.Index(fields=["number"], name="order_number", condition=Q(number__gt="")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(sold__gte=0, returned__gte=0), name="order_amounts_not_negative"
            )
        ]


OrderVersion = twin_of(Order)


class OrderLine(Fact):
    """One line of an order; a negative quantity is a return."""

    # Customer and batch are checked on the order, beneath which alone a line stands: to check them once
    # more for each line would take a third of the time of an import.
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="orderlines", db_constraint=False
    )
    batch = models.ForeignKey(
        "customers.ImportBatch", null=True, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    line_no = models.PositiveIntegerField()
    product = models.ForeignKey(Product, null=True, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(max_length=200, blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)  # major units of the order's currency
    unit_cost = models.DecimalField(
        max_digits=16, decimal_places=4, null=True
    )  # as given; empty: by product or rate
    amount = models.BigIntegerField()  # minor units, signed as the quantity, rounded half up

    privacy = {
        **FACT_PRIVACY,
        **declare(
            conduct_keep="order line_no product quantity unit_price unit_cost amount",
            text_blank="description",
        ),
    }

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "line_no"], name="order_line_once")]


OrderLineVersion = twin_of(OrderLine)

"""Where customers are, since when: a dated fact."""

from __future__ import annotations

from django.db import models

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Address(Fact):
    """From ``occurred_at`` on the customer is in this country and region, until a later row.

    Street and postal code stand in the customer's file: no rule reads them, and erasure empties them.
    ``place`` is what counts as moving away when it changes: the city in China, else the subdivision.
    """

    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=8, blank=True)
    place = models.CharField(max_length=12, blank=True)

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="country region place")}

    class Meta:
        indexes = [
            models.Index(
                fields=["customer", "occurred_at", "id", "recorded_at", "place", "occurred_day", "void"],
                name="address_pass",
            )
        ]


AddressVersion = twin_of(Address)

"""By what a customer is found."""

from __future__ import annotations

from django.db import models

from customers.ground.bytewise import BytewiseField
from customers.ground.privacy import declare
from customers.models.customers import Customer


class SearchToken(models.Model):
    """A beginning of something that a customer is found by; ``customers/search`` writes and reads them.

    ``contact_id`` says whose name or number it is, 0: the customer's own. Rows are made from the files
    of customer and contacts alone (but for former names) and may be made anew at any time.
    """

    class Kind(models.IntegerChoices):
        NAME = 1
        NAME_ALT = 2
        CONTACT = 3
        PINYIN = 4
        INITIALS = 5
        PHONE = 6
        EMAIL = 7
        FORMER = 8

    class Place(models.IntegerChoices):
        START = 0  # the whole name
        WORD = 1  # from the beginning of a word or a syllable on
        INSIDE = 2  # from a letter inside a word on
        TAIL = 3  # digits of a phone number, the last one first

    pk = models.CompositePrimaryKey("customer_id", "contact_id", "kind", "token")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact_id = models.BigIntegerField(default=0)
    kind = models.SmallIntegerField(choices=Kind.choices)
    place = models.SmallIntegerField(choices=Place.choices)
    token = BytewiseField(max_length=48)

    privacy = declare(none_keep="contact_id kind place", conduct_destroy="customer", identity_destroy="token")

    class Meta:
        indexes = [
            # what somebody types is a range of it; the customer stands in it, so that no row is read
            models.Index(fields=["place", "token", "customer"], name="search_token_typed"),
        ]

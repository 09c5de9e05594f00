"""Lists of customers that somebody keeps, by file or by hand: dated memberships."""

from __future__ import annotations

from django.db import models

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class CustomerList(models.Model):
    """A list of customers, known by its code. What it is called and used for is told above."""

    code = models.SlugField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    privacy = declare(none_keep="id code made_at")

    def __str__(self) -> str:
        return self.code


class CustomerListMember(Fact):
    """From ``occurred_at`` on the customer is on the list, or is not, until a later row."""

    list = models.ForeignKey(CustomerList, on_delete=models.PROTECT, related_name="members")
    is_member = models.BooleanField(default=True)

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="list is_member")}

    class Meta:
        indexes = [
            # who is on a list, as of now or of a past moment
            models.Index(fields=["list", "customer", "occurred_at", "id"], name="list_member_list"),
            models.Index(fields=["customer", "list"], name="list_member_customer"),
        ]


CustomerListMemberVersion = twin_of(CustomerListMember)

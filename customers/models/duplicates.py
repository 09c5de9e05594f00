"""Pairs of customers that look like one, by what, and what somebody decided about them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.customers import Customer
from customers.models.people import User


class Sign(models.IntegerChoices):
    """What two customers have in common; the greater says more. Each is a bit of ``signs``."""

    NAME = 1, _("same name and place")
    EMAIL = 2, _("same e-mail address")
    PHONE = 4, _("same phone number")
    REGISTRATION = 8, _("same registration number")


class DuplicateKey(models.Model):
    """What a customer may have in common with another, as a hash of it in its plainest form."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    sign = models.SmallIntegerField(choices=Sign.choices)
    key = models.BigIntegerField()

    privacy = declare(none_keep="id sign", conduct_destroy="customer", reach_destroy="key")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "sign", "key"], name="duplicate_key_once")]
        indexes = [models.Index(fields=["sign", "key", "customer"], name="duplicate_key_shared")]


class ProposalQuerySet(models.QuerySet["DuplicateProposal"]):
    def visible_to(self, user: User) -> ProposalQuerySet:
        """Return the pairs of which ``user`` may see both."""
        seen = Customer.objects.visible_to(user).values("pk")  # type: ignore[attr-defined]
        return self.filter(low__in=seen, high__in=seen)

    def open(self) -> ProposalQuerySet:
        """Return the pairs about which nobody decided yet."""
        return self.filter(state=DuplicateProposal.State.OPEN)

    def of(self, customer: Customer) -> ProposalQuerySet:
        """Return the pairs that a customer is one of."""
        return self.filter(Q(low=customer) | Q(high=customer))


class DuplicateProposal(models.Model):
    """Two customers that look like one; each pair stands once, the smaller number first."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        MERGED = "merged", _("merged")
        NOT_A_DUPLICATE = "not_a_duplicate", _("not a duplicate")

    low = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    high = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    signs = models.SmallIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager[DuplicateProposal]] = ProposalQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id low high signs state found_at decided_at",
        staff_keep="decided_by",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="duplicate_pair_once"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="duplicate_pair_in_order"),
        ]
        indexes = [models.Index(fields=["state", "-signs", "-id"], name="duplicate_list")]

    @property
    def reasons(self) -> list[str]:
        """What the two have in common, in words, what says most first."""
        return [str(sign.label) for sign in reversed(Sign) if self.signs & sign]

    @property
    def codes(self) -> list[str]:
        """What the two have in common, as codes."""
        return [sign.name.lower() for sign in reversed(Sign) if self.signs & sign]


class DuplicateSearch(models.Model):
    """One look through all customers for duplicates: when, and what was left out because many share it."""

    day = models.IntegerField(unique=True)  # local day number
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    found = models.IntegerField(default=0)  # open pairs at its end
    left_out = models.JSONField(default=dict)  # sign -> how many values more customers share than are paired

    privacy = declare(none_keep="id day started_at finished_at found left_out")

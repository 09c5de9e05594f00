"""Rewards: what points buy, how much of it is there, and who asked for it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models import Contact, Customer
from loyalty.models.ledger import OfCustomers, PointsAccount, PointsEntry
from loyalty.models.programme import Programme
from loyalty.models.tiers import Tier


class Reward(models.Model):
    """Something that points buy. ``stock`` empty: as many as wanted."""

    class Kind(models.TextChoices):
        GOODS = "goods", _("goods")
        CODE = "code", _("code or voucher")
        SERVICE = "service", _("service")

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="rewards")
    code = models.SlugField(max_length=40)
    name = models.CharField(_("name"), max_length=120)
    name_alt = models.CharField(_("name in the other language"), max_length=120, blank=True)
    description = models.TextField(_("description"), blank=True)
    description_alt = models.TextField(_("description in the other language"), blank=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.GOODS)
    points = models.PositiveBigIntegerField(_("points"))
    stock = models.IntegerField(_("stock"), null=True)  # of a code: how many codes are free
    per_customer = models.PositiveSmallIntegerField(_("most a customer"), null=True)
    tier = models.ForeignKey(Tier, null=True, on_delete=models.PROTECT, related_name="+")  # from this on
    from_day = models.IntegerField(null=True)
    until_day = models.IntegerField(null=True)  # the last day
    is_on = models.BooleanField(default=False)

    privacy = declare(
        none_keep="id programme code name name_alt description description_alt kind points stock "
        "per_customer tier from_day until_day is_on"
    )

    class Meta:
        ordering = ["points", "id"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="reward_once"),
            models.CheckConstraint(condition=Q(points__gte=1), name="reward_costs"),
            models.CheckConstraint(condition=Q(stock__isnull=True) | Q(stock__gte=0), name="reward_stock"),
        ]

    def __str__(self) -> str:
        return self.name


class Redemption(models.Model):
    """That a customer took a reward for points, and how far it is."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")
        READY = "ready", _("ready")
        SENT = "sent", _("sent")
        DONE = "done", _("handed over")
        CANCELLED = "cancelled", _("cancelled")

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="redemptions")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="+")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="redemptions")
    points = models.PositiveBigIntegerField()
    entry = models.OneToOneField(PointsEntry, null=True, on_delete=models.PROTECT, related_name="redemption")
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    key = models.CharField(max_length=64)
    note = models.TextField(_("note"), blank=True)
    tracking = models.CharField(_("tracking number"), max_length=64, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Redemption]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id account reward points entry state key",
        conduct_keep="customer contact at changed_at",
        staff_keep="by changed_by",
        text_blank="note",
        reach_blank="tracking",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="redemption_once")]
        indexes = [
            models.Index(fields=["customer", "-id"], name="redemption_customer"),
            models.Index(fields=["state", "-id"], name="redemption_state"),
        ]


class RewardCode(models.Model):
    """One code of a reward; given out once. ``secret`` is shown to who redeemed it."""

    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="codes", db_index=False)
    secret = models.CharField(max_length=100)
    redemption = models.OneToOneField(
        Redemption, null=True, on_delete=models.PROTECT, related_name="reward_code"
    )
    is_void = models.BooleanField(default=False)  # its redemption was cancelled: it is not given out again

    privacy = declare(none_keep="id reward redemption is_void", key_keep="secret")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reward", "secret"], name="reward_code_once")]
        indexes = [
            models.Index(
                fields=["reward", "id"],
                condition=Q(redemption__isnull=True, is_void=False),
                name="reward_code_free",
            )
        ]


class Referral(models.Model):
    """That a customer was referred by another; both are rewarded after the first paid order."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for the first order")
        REWARDED = "rewarded", _("both rewarded")
        REFUSED = "refused", _("refused")

    referrer = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="referrals")
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")  # who was referred
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=24, blank=True)  # why it was refused
    order_id = models.BigIntegerField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    privacy = declare(
        none_keep="id referrer programme state reason order_id",
        conduct_keep="customer at ended_at",
        staff_keep="by",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["programme", "customer"], name="referral_once")]


class MemberLink(models.Model):
    """The link by which a contact opens the customer's own page; its moments are real time."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+")
    salt = models.CharField(max_length=40)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[MemberLink]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id made_at expires_at revoked_at",
        conduct_keep="customer contact",
        key_destroy="salt token_hash",
        staff_keep="by",
    )

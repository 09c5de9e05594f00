"""Tiers, what they bring, how accounts moved between them, and paid membership."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare
from customers.models import ContactReservation, Customer, Message
from loyalty.models.ledger import OfCustomers, PointsAccount
from loyalty.models.programme import Programme


class Tier(models.Model):
    """A tier: reached from its threshold on (≥), in points or minor units as the programme says."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="tiers", db_index=False)
    code = models.SlugField(max_length=40)
    name = models.CharField(_("name"), max_length=60)
    name_alt = models.CharField(_("name in the other language"), max_length=60, blank=True)
    threshold = models.PositiveBigIntegerField(_("from"))
    multiplier_bp = models.PositiveIntegerField(_("points earned, in %"), default=10_000)
    is_retired = models.BooleanField(default=False)

    privacy = declare(none_keep="id programme code name name_alt threshold multiplier_bp is_retired")

    class Meta:
        ordering = ["threshold", "id"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="tier_once"),
            models.UniqueConstraint(
                fields=["programme", "threshold"], condition=Q(is_retired=False), name="tier_threshold_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TierBenefit(models.Model):
    """What a tier brings. A service has an entitlement: so many times a year, with what is used counted."""

    class Kind(models.TextChoices):
        DISCOUNT = "discount", _("discount")
        DELIVERY = "delivery", _("delivery")
        GIFT = "gift", _("gift")
        SUPPORT = "support", _("support")
        TRAINING = "training", _("training")
        CONSULTING = "consulting", _("consulting")
        OTHER = "other", _("other")

    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="benefits")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=120)
    name_alt = models.CharField(_("name in the other language"), max_length=120, blank=True)
    a_year = models.PositiveSmallIntegerField(_("times a year"), null=True)  # empty: not counted
    is_retired = models.BooleanField(default=False)

    privacy = declare(none_keep="id tier kind name name_alt a_year is_retired")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class BenefitUse(models.Model):
    """That a customer used a service of its tier; taken back by ``undone_at``."""

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="benefit_uses")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    benefit = models.ForeignKey(TierBenefit, on_delete=models.PROTECT, related_name="uses", db_index=False)
    used_day = models.IntegerField()
    year = models.PositiveSmallIntegerField()  # of the entitlement
    number = models.PositiveSmallIntegerField()  # the first, second … of the year
    key = models.CharField(max_length=64, blank=True)  # idempotency, of who asked
    note = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[BenefitUse]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id account benefit year number key",
        conduct_keep="customer used_day at undone_at",
        staff_keep="by",
        text_blank="note",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "benefit", "year", "number"],
                condition=Q(undone_at__isnull=True),
                name="benefit_use_once",
            ),
            models.UniqueConstraint(
                fields=["account", "key"], condition=Q(key__gt=""), name="benefit_use_key_once"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="benefit_use_counted"),
        ]
        indexes = [models.Index(fields=["customer", "year"], name="benefit_use_year")]


class TierMove(models.Model):
    """That an account came into a tier, fell, or was given grace. Append-only."""

    class Reason(models.TextChoices):
        REACHED = "reached", _("threshold reached")
        GRACE = "grace", _("below the threshold, grace began")
        HELD = "held", _("threshold reached again in grace")
        FELL = "fell", _("grace is over")
        MEMBERSHIP = "membership", _("held by a paid membership")
        LAPSED = "lapsed", _("the paid membership ended")
        PLACED = "placed", _("placed when tiers were first computed")
        CHANGED = "changed", _("its tier was retired")
        MERGED = "merged", _("two customers became one, or were parted again")

    # Customer and tiers are those of the account, which is checked: to check them once more for each row
    # would take a great part of the night on which everybody moves.
    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="tier_moves")
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    from_tier = models.ForeignKey(
        Tier, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    to_tier = models.ForeignKey(
        Tier, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    from_rank = models.PositiveSmallIntegerField(default=0)  # among the tiers of that day: 1 lowest, 0 none
    to_rank = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=10, choices=Reason.choices)
    basis = models.BigIntegerField()
    grace_until_day = models.IntegerField(null=True)
    is_paid = models.BooleanField(default=False)  # a paid membership holds it from then on
    occurred_at = models.DateTimeField()
    occurred_day = models.IntegerField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[models.Manager[TierMove]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id account from_tier to_tier from_rank to_rank reason grace_until_day is_paid",
        conduct_keep="customer basis occurred_at occurred_day recorded_at",
        staff_keep="by",
    )

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "occurred_at",
                    "id",
                    "recorded_at",
                    "occurred_day",
                    "from_rank",
                    "to_rank",
                    "grace_until_day",
                    "account",
                ],
                name="tier_move_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="tier_move_crossing"),
        ]


guards.append_only(TierMove, movable=["customer_id"])


class LoyaltyNotice(models.Model):
    """A message about points or tiers that is to reach a customer, once, and what became of it."""

    class Kind(models.TextChoices):
        EXPIRY = "expiry", _("points expire")
        TIER_UP = "tier_up", _("tier reached")
        GRACE = "grace", _("tier at risk")
        TIER_DOWN = "tier_down", _("tier lost")
        MEMBERSHIP = "membership", _("membership ends")

    class State(models.TextChoices):
        WAITING = "waiting", _("waits")
        HANDED = "handed", _("handed over")
        CLOSED = "closed", _("not sent")

    class Reason(models.TextChoices):
        """Why one was not sent; beside these, what ``ContactReason`` says."""

        USED = "used", _("the points were used")
        OVERTAKEN = "overtaken", _("it is not so any more")
        FAILED = "failed", _("could not be written")

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="notices")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject_id = models.BigIntegerField()  # the tier move, membership, or the day on which points expire
    days_before = models.SmallIntegerField(default=0)
    points = models.BigIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=24, blank=True)  # a Reason or ContactReason: why it was not sent
    latest_day = models.IntegerField()  # the last local day on which it is of use
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()  # when it is handed over, or tried again after a fault
    reservation = models.OneToOneField(
        ContactReservation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    message = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[LoyaltyNotice]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id account kind subject_id days_before state reason latest_day tries due_at reservation "
        "message",
        conduct_keep="customer points at",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "subject_id", "days_before"], name="loyalty_notice_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state="waiting", reservation__isnull=True),
                name="loyalty_notice_due",
            ),
            models.Index(fields=["id"], condition=Q(state="waiting"), name="loyalty_notice_waiting"),
        ]


class MembershipPlan(models.Model):
    """A membership that is paid for: price, period, and the tier that it holds."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="plans")
    code = models.SlugField(max_length=40)
    name = models.CharField(_("name"), max_length=100)
    name_alt = models.CharField(_("name in the other language"), max_length=100, blank=True)
    price = models.PositiveBigIntegerField(_("price"))  # minor units of ``currency``
    currency = models.CharField(max_length=3)
    months = models.PositiveSmallIntegerField(_("months"), default=12)
    tier = models.ForeignKey(Tier, null=True, on_delete=models.PROTECT, related_name="plans")
    is_on = models.BooleanField(default=True)

    privacy = declare(none_keep="id programme code name name_alt price currency months tier is_on")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="membership_plan_once"),
            models.CheckConstraint(condition=Q(months__gte=1), name="membership_plan_lasts"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One paid period of a customer; a renewal is another row that follows it."""

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="memberships")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    plan = models.ForeignKey(MembershipPlan, on_delete=models.PROTECT, related_name="memberships")
    renews = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="renewals", db_index=False
    )
    price = models.PositiveBigIntegerField()  # paid, minor units of ``currency``
    currency = models.CharField(max_length=3)
    starts_day = models.IntegerField()
    ends_day = models.IntegerField()  # the last day
    key = models.CharField(max_length=64)  # idempotency, of who sold it
    cancelled_at = models.DateTimeField(null=True)  # it holds its tier up to then
    cancelled_day = models.IntegerField(null=True)  # the local day of it
    cancel_reason = models.TextField(_("reason"), blank=True)
    lapsed_at = models.DateTimeField(null=True)  # it ran out and was not renewed
    occurred_at = models.DateTimeField()
    occurred_day = models.IntegerField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[models.Manager[Membership]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id account plan renews currency key",
        conduct_keep="customer price starts_day ends_day cancelled_at cancelled_day lapsed_at occurred_at "
        "occurred_day recorded_at",
        staff_keep="by",
        text_blank="cancel_reason",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_day__gte=F("starts_day")), name="membership_lasts"),
            models.UniqueConstraint(fields=["account", "key"], name="membership_key_once"),
            models.UniqueConstraint(
                fields=["renews"],
                condition=Q(renews__isnull=False, cancelled_at__isnull=True),
                name="membership_renewed_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "ends_day",
                    "occurred_at",
                    "recorded_at",
                    "cancelled_at",
                    "cancelled_day",
                ],
                name="membership_pass",
            ),
            models.Index(fields=["ends_day", "customer"], name="membership_crossing"),
            models.Index(
                fields=["cancelled_day", "customer"],
                condition=Q(cancelled_day__isnull=False),
                name="membership_cancelled",
            ),
            models.Index(
                fields=["ends_day"],
                condition=Q(cancelled_at__isnull=True, lapsed_at__isnull=True),
                name="membership_open",
            ),
        ]

"""The ledger: accounts, entries that are never changed, lots, and what took from which lot.

Points are integers. An entry changes up to three sums of its account: ``points`` (usable), ``pending``
(earned, in the return window) and ``debt``. The sums in the account, and ``left`` in a lot, are caches
that ``ledger_verify`` compares with the entries and allocations.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground import guards
from customers.ground.privacy import declare
from customers.models import Contact, Customer, ImportBatch, User
from loyalty.models.programme import Programme


class OfCustomers(models.QuerySet[models.Model]):
    """Rows with a customer."""

    def visible_to(self, user: User) -> OfCustomers:
        """Return those of customers that ``user`` may see."""
        if user.sees_all:
            return self
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(customer__in=visible.order_by().values("pk"))

    def present(self) -> OfCustomers:
        """Return those of customers that are not gone, as who was merged into another one is."""
        return self.exclude(customer__in=gone())


def gone() -> models.QuerySet[Customer, int]:
    """Return the ids of the customers that are gone: few, read from an index of their own."""
    return Customer.objects.filter(gone_at__isnull=False).order_by().values_list("pk", flat=True)


class PointsAccount(models.Model):
    """The points of one customer in a programme, and the tier that it stands in."""

    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="accounts", db_index=False
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="points_accounts")
    balance = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField()
    moved_day = models.IntegerField()  # local day of the last earning, end of a return window, or redemption
    referral_code = models.CharField(max_length=12, unique=True)
    sealed_entry = models.BigIntegerField(default=0)  # id of the last entry that is sealed

    tier = models.ForeignKey(
        "loyalty.Tier", null=True, on_delete=models.PROTECT, related_name="accounts", db_index=False
    )
    tier_since_day = models.IntegerField(null=True)
    is_tier_paid = models.BooleanField(default=False)  # a paid membership holds it, its basis would not
    tier_basis = models.BigIntegerField(default=0)  # points or minor units that counted when last computed
    tier_basis_day = models.IntegerField(null=True)  # since when it is this much
    grace_until_day = models.IntegerField(null=True)  # set while it stands below the threshold of its tier

    objects: ClassVar[models.Manager[PointsAccount]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id programme opened_at sealed_entry referral_code",
        conduct_keep="customer balance pending debt moved_day tier tier_since_day is_tier_paid tier_basis "
        "tier_basis_day grace_until_day",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["programme", "customer"], name="points_account_once"),
            models.CheckConstraint(condition=Q(balance__gte=0), name="points_balance_not_negative"),
            models.CheckConstraint(condition=Q(pending__gte=0), name="points_pending_not_negative"),
            models.CheckConstraint(condition=Q(debt__gte=0), name="points_debt_not_negative"),
        ]
        indexes = [
            models.Index(fields=["tier", "id"], name="points_account_tier"),
            models.Index(
                fields=["grace_until_day"],
                condition=Q(grace_until_day__isnull=False),
                name="points_account_grace",
            ),
            models.Index(fields=["moved_day"], condition=Q(balance__gt=0), name="points_account_moved"),
        ]


class PointsEntry(models.Model):
    """One movement of points. Append-only: what was wrong is set right by another entry.

    ``detail`` explains it in ids, codes and numbers; words of people stand in :class:`EntryNote`.
    """

    class Kind(models.TextChoices):
        OPENING = "opening", _("opening balance")
        EARN = "earn", _("earned")
        RELEASE = "release", _("return window over")  # pending became usable
        REDEEM = "redeem", _("redeemed")
        GIVE_BACK = "give_back", _("redemption cancelled")  # back into the lots that it took
        TAKE_BACK = "take_back", _("earning taken back")  # a return, or an earning reversed by hand
        EXPIRE = "expire", _("expired")
        ADJUST = "adjust", _("adjusted")
        RECOVERY = "recovery", _("recovery points")
        GIFT = "gift", pgettext_lazy("points", "gift")  # earns no tier and shows no activity
        TRANSFER_OUT = "transfer_out", _("moved to another account")
        TRANSFER_IN = "transfer_in", _("moved from another account")

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(
        PointsAccount, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    points = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    occurred_at = models.DateTimeField()
    occurred_day = models.IntegerField()
    recorded_at = models.DateTimeField()
    recorded_assumed = models.BooleanField(default=False)
    ingested_at = models.DateTimeField(auto_now_add=True)
    source_type = models.CharField(max_length=24, blank=True)  # order, response, redemption, referral, …
    source_id = models.BigIntegerField(null=True)
    key = models.CharField(max_length=120, blank=True)  # idempotency, of who asked
    reverses = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="reversed_by", db_index=False
    )
    detail = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(
        ImportBatch, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects: ClassVar[models.Manager[PointsEntry]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id programme account kind recorded_assumed ingested_at source_type source_id key reverses "
        "detail batch",
        conduct_keep="customer points pending debt occurred_at occurred_day recorded_at",
        staff_keep="by",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "source_type", "source_id", "kind"],
                condition=Q(source_id__isnull=False),
                name="points_source_once",
            ),
            models.UniqueConstraint(
                fields=["account", "key"], condition=Q(key__gt=""), name="points_key_once"
            ),
            models.CheckConstraint(
                condition=~Q(points=0, pending=0, debt=0), name="points_entry_moves_something"
            ),
            models.CheckConstraint(
                condition=Q(source_type="", source_id__isnull=True)
                | Q(source_type__gt="", source_id__isnull=False),
                name="points_source_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-occurred_at", "-id"], name="points_statement"),
            models.Index(
                fields=[
                    "customer",
                    "occurred_day",
                    "occurred_at",
                    "recorded_at",
                    "kind",
                    "points",
                    "pending",
                    "id",
                ],
                name="points_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="points_crossing"),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="points_batch"),
            models.Index(fields=["reverses"], condition=Q(reverses__isnull=False), name="points_reverses"),
        ]


guards.append_only(PointsEntry, movable=["customer_id"])


class EntryNote(models.Model):
    """What a person wrote about an entry."""

    entry = models.OneToOneField(PointsEntry, on_delete=models.PROTECT, related_name="note")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("reason"))

    privacy = declare(none_keep="id entry", conduct_keep="customer", text_blank="text")


class PointsLot(models.Model):
    """Points that came in together and go together.

    ``usable_day``: first local day on which they can be used; ``expires_day``: the last one, empty for
    never. ``origin``: the lot of another account that these came from by a transfer.
    """

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="lots", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    entry = models.ForeignKey(PointsEntry, on_delete=models.PROTECT, related_name="lots", db_index=False)
    origin = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    points = models.BigIntegerField()
    left = models.BigIntegerField()
    is_pending = models.BooleanField(default=False)
    earned_day = models.IntegerField()
    usable_day = models.IntegerField()
    expires_day = models.IntegerField(null=True)

    privacy = declare(
        none_keep="id account entry origin",
        conduct_keep="customer points left is_pending earned_day usable_day expires_day",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="points_lot_of_something"),
            models.CheckConstraint(condition=Q(left__gte=0, left__lte=F("points")), name="points_lot_left"),
        ]
        indexes = [
            models.Index(
                fields=["account", "expires_day", "id"], condition=Q(left__gt=0), name="points_lot_open"
            ),
            models.Index(
                fields=["expires_day", "account"],
                condition=Q(left__gt=0, expires_day__isnull=False),
                name="points_lot_due",
            ),
            models.Index(
                fields=["usable_day", "account"],
                condition=Q(is_pending=True, left__gt=0),
                name="points_lot_pending",
            ),
            models.Index(fields=["customer", "expires_day"], name="points_lot_customer"),
            models.Index(fields=["entry"], name="points_lot_entry"),
        ]


class LotAllocation(models.Model):
    """What an entry took from a lot (negative) or put back into it. Append-only."""

    entry = models.ForeignKey(
        PointsEntry, on_delete=models.PROTECT, related_name="allocations", db_index=False
    )
    lot = models.ForeignKey(PointsLot, on_delete=models.PROTECT, related_name="allocations", db_index=False)
    points = models.BigIntegerField()

    privacy = declare(none_keep="id entry lot", conduct_keep="points")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "lot"], name="lot_allocation_once"),
            models.CheckConstraint(condition=~Q(points=0), name="lot_allocation_of_something"),
        ]
        indexes = [models.Index(fields=["lot"], name="lot_allocation_lot")]


guards.append_only(LotAllocation)


class LedgerSeal(models.Model):
    """The entries of an account up to one, chained: a later change of any of them shows. Append-only.

    ``prints`` names each row that is sealed, an entry, lot or allocation, with the beginning of its digest,
    so that the very row that was changed or lost can be told: ``e12:0a1b… l7:99af… a30:…``.
    """

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="seals", db_index=False)
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    entries = models.PositiveIntegerField()
    prints = models.TextField()
    digest = models.CharField(max_length=64)  # SHA-256 over the digest before and the prints
    sealed_at = models.DateTimeField()

    privacy = declare(none_keep="id account first_entry last_entry entries prints digest sealed_at")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "last_entry"], name="ledger_seal_once")]
        indexes = [models.Index(fields=["sealed_at"], name="ledger_seal_moment")]


guards.append_only(LedgerSeal)


class LedgerCheck(models.Model):
    """One comparison of the sums and seals with the entries, and what was found damaged."""

    account = models.ForeignKey(  # empty: of everybody
        PointsAccount, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    accounts = models.PositiveBigIntegerField(default=0)
    entries = models.PositiveBigIntegerField(default=0)
    damaged = models.PositiveBigIntegerField(default=0)
    findings = models.JSONField(default=list)  # the first hundred: code, table, id, expected, found

    privacy = declare(none_keep="id account began_at ended_at accounts entries damaged findings")

    class Meta:
        ordering = ["-id"]


class PointsAdjustment(models.Model):
    """That somebody adjusts points by hand; above the limit a second person must grant it."""

    class State(models.TextChoices):
        ASKED = "asked", _("waits for approval")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")  # by who asked

    account = models.ForeignKey(PointsAccount, on_delete=models.PROTECT, related_name="adjustments")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="+")
    points = models.BigIntegerField()
    reason = models.TextField(_("reason"))
    state = models.CharField(max_length=9, choices=State.choices)
    key = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    entry = models.OneToOneField(PointsEntry, null=True, on_delete=models.PROTECT, related_name="adjustment")

    objects: ClassVar[models.Manager[PointsAdjustment]] = OfCustomers.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id account state key entry",
        conduct_keep="customer contact points at decided_at",
        staff_keep="by decided_by",
        text_blank="reason",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="points_adjustment_once"),
            models.CheckConstraint(condition=~Q(points=0), name="points_adjustment_of_something"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(by__isnull=True) | ~Q(decided_by=F("by")),
                name="points_adjustment_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="asked"), name="points_adjustment_asked")]

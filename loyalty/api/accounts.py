"""Programmes, accounts, what moved their points, and the acts on them, by the API."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import objections
from customers.api.reading import of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.serializers import DayField, Gives, IdField, MaybeJson, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from loyalty import landing, referrals
from loyalty.api.common import ADJUST, DECIDE, EARN, OPEN, READ, SPEND, customer_of, key_of
from loyalty.ledger import accounts, adjusting, redeeming, statement
from loyalty.ledger.statement import Standing
from loyalty.models import (
    EntryNote,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
    Programme,
    Referral,
    Tier,
)
from loyalty.tiers.progress import progress_of

MOST_POINTS = 10**12
_NOTE = {"max_length": 1000, "required": False, "allow_blank": True}


def points_field(**settings: Any) -> serializers.IntegerField:
    """Return the field of a number of points above zero."""
    return serializers.IntegerField(**{"min_value": 1, "max_value": MOST_POINTS, **settings})


# --- Programmes -------------------------------------------------------------------------------
class LoyaltyTierShape(Gives):
    """A tier of a programme."""

    class Meta:
        model = Tier
        fields = ["id", "code", "name", "name_alt", "threshold", "multiplier_bp", "is_retired"]
        extra_kwargs = {
            "threshold": {"help_text": "From this on; points, or minor units of the programme's currency."},
            "multiplier_bp": {"help_text": "What is earned in it, in hundredths of a percent."},
        }


class ProgrammeShape(Gives):
    """A loyalty programme as it stands, and its tiers."""

    starts_on = DayField(source="starts_day", allow_null=True)
    remind_days = serializers.ListField(child=serializers.IntegerField())
    tiers = LoyaltyTierShape(many=True)

    class Meta:
        model = Programme
        fields = [
            *("id", "code", "name", "name_alt", "state", "starts_on", "currency", "pending_days", "rounding"),
            *("worth_of_100", "expiry", "expiry_months", "remind_days", "on_spent_return", "adjust_limit"),
            *("tier_basis", "tier_window", "tier_window_days", "tier_grace_days", "tier_fall"),
            *("referral_referrer", "referral_referred", "version", "tiers"),
        ]
        extra_kwargs = {"worth_of_100": {"help_text": "Minor units of ``currency`` for 100 points."}}


class ProgrammeFilter(filters.FilterSet):
    """Which programmes."""

    state = filters.ChoiceFilter(choices=Programme.State.choices)

    class Meta:
        model = Programme
        fields: list[str] = []


class Programmes(Lists, Details, Resource):
    """What a point is worth, when it counts and when it goes."""

    tag = "loyalty"
    model = Programme
    detail_route = "api:loyalty-programme-detail"
    serializer_class = ProgrammeShape
    filterset_class = ProgrammeFilter
    access = {"list": READ, "retrieve": READ}

    def rows(self) -> QuerySet[Programme]:
        """Return all programmes: they belong to the company."""
        return Programme.objects.prefetch_related("tiers")


# --- Accounts ---------------------------------------------------------------------------------
class AccountShape(Gives):
    """The points of one customer."""

    tier_since_on = DayField(source="tier_since_day", allow_null=True)
    grace_until_on = DayField(
        source="grace_until_day",
        allow_null=True,
        help_text="Set while it stands below the threshold of its tier.",
    )
    moved_on = DayField(source="moved_day", help_text="Of the last earning or redemption.")

    class Meta:
        model = PointsAccount
        fields = [
            *("id", "programme", "customer", "balance", "pending", "debt", "tier", "tier_since_on"),
            *("grace_until_on", "moved_on", "opened_at", "referral_code"),
        ]


class ExpiryShape(serializers.Serializer[Any]):
    """Points that go together."""

    points = serializers.IntegerField()
    last_on = DayField(help_text="The last day on which they can be used.")


class ProgressShape(serializers.Serializer[Any]):
    """How far an account is; amounts are points, or minor units of ``currency`` where money counts."""

    basis = serializers.IntegerField()
    is_spend = serializers.BooleanField(help_text="Money counts, not points.")
    currency = serializers.CharField()
    next_tier = IdField(allow_null=True, source="next_tier.pk", default=None)
    to_next = serializers.IntegerField(allow_null=True, help_text="Missing to the next tier; null: none.")
    to_keep = serializers.IntegerField(help_text="Missing to its own tier; above zero in grace.")
    holds_through_on = DayField(
        source="holds_through",
        allow_null=True,
        help_text="The last day of its tier if nothing is earned; null: no end.",
    )


class AccountDetailShape(AccountShape):
    """An account with what can be used now, what goes next, and how far it is to the next tier."""

    usable = serializers.SerializerMethodField(
        help_text="The balance as it is now: what left its window, and what is past its last day, is counted "
        "as if it were written."
    )
    next_expiry = serializers.SerializerMethodField(help_text="What goes next; null when nothing ever does.")
    tier_progress = serializers.SerializerMethodField()

    class Meta(AccountShape.Meta):
        fields = [*AccountShape.Meta.fields, "usable", "next_expiry", "tier_progress"]

    @extend_schema_field({"type": "integer"})
    def get_usable(self, account: PointsAccount) -> int:
        """Return the points that a redemption could take now."""
        return self._standing(account).points

    @extend_schema_field(ExpiryShape(allow_null=True))
    def get_next_expiry(self, account: PointsAccount) -> Any:
        """Return what goes next."""
        found = self._standing(account)
        if found.expires_day is None:
            return None
        return ExpiryShape({"points": found.expiring, "last_on": found.expires_day}).data

    @extend_schema_field(ProgressShape)
    def get_tier_progress(self, account: PointsAccount) -> Any:
        """Return how far it is to the next tier, and from losing its own."""
        return ProgressShape(progress_of(account, at=clock.now())).data

    def _standing(self, account: PointsAccount) -> Standing:
        context: dict[str, Any] = self.context  # type: ignore[assignment]
        read: dict[int, Standing] = context.setdefault("standing", {})
        if account.pk not in read:
            read[account.pk] = statement.standing(account, at=clock.now())
        return read[account.pk]


class PointsEntryShape(Gives):
    """One movement of points; what was wrong is set right by another one."""

    detail = MaybeJson(help_text="Why: ids, codes and numbers, by kind.")
    note = serializers.SerializerMethodField(help_text="What a person wrote about it.")

    class Meta:
        model = PointsEntry
        fields = [
            *("id", "account", "customer", "kind", "points", "pending", "debt", "occurred_at", "recorded_at"),
            *("source_type", "source_id", "reverses", "detail", "note", "by"),
        ]

    @extend_schema_field({"type": "string"})
    def get_note(self, entry: PointsEntry) -> str:
        """Return what a person wrote."""
        try:
            return entry.note.text
        except EntryNote.DoesNotExist:
            return ""


class StatementShape(PointsEntryShape):
    """A movement, and the points that could be used after it."""

    balance = serializers.IntegerField(source="running")

    class Meta(PointsEntryShape.Meta):
        fields = [*PointsEntryShape.Meta.fields, "balance"]


class MovedShape(PointsEntryShape):
    """A movement, and the sums of the account after it."""

    balance = serializers.IntegerField(source="account.balance")

    class Meta(PointsEntryShape.Meta):
        fields = [*PointsEntryShape.Meta.fields, "balance"]


class OpenAccount(Takes):
    """Whose account."""

    customer = IdField(help_text="Our number of the customer.")


class RedeemPoints(Takes):
    """Points that are used for something that stands in no catalogue."""

    points = points_field()
    note = serializers.CharField(**_NOTE)


class EarnPoints(Takes):
    """Points for what happened elsewhere. ``source`` and ``external_id`` name it: it counts once."""

    points = points_field()
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=64, help_text="The system that the id comes from."
    )
    external_id = serializers.CharField(max_length=190)
    occurred_at = MomentField(required=False, help_text="Now unless said.")
    expires_on = DayField(
        required=False, help_text="The last day of the points; by the programme's rule unless said."
    )


class AdjustPoints(Takes):
    """Points by hand, below zero: taken away."""

    points = serializers.IntegerField(min_value=-MOST_POINTS, max_value=MOST_POINTS)
    reason = serializers.CharField(max_length=1000)


class AccountFilter(filters.FilterSet):
    """Which accounts."""

    customer = filters.IdFilter(field_name="customer_id")
    programme = filters.IdFilter(field_name="programme_id")
    tier = filters.IdFilter(field_name="tier_id")

    class Meta:
        model = PointsAccount
        fields: list[str] = []


class AdjustmentShape(Gives):
    """That somebody adjusts points; above the limit of the programme a second person decides."""

    class Meta:
        model = PointsAdjustment
        fields = [
            *("id", "account", "customer", "points", "reason", "state", "entry", "by", "at", "decided_by"),
            "decided_at",
        ]


class Accounts(Lists, Details, Resource):
    """Whose points."""

    tag = "loyalty"
    model = PointsAccount
    detail_route = "api:points-account-detail"
    serializer_class = AccountDetailShape
    filterset_class = AccountFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": READ,
        "retrieve": READ,
        "create": OPEN,
        "redeem": SPEND,
        "earn": EARN,
        "adjust": ADJUST,
    }
    takes = {"create": OpenAccount, "redeem": RedeemPoints, "earn": EarnPoints, "adjust": AdjustPoints}
    gives = {"list": AccountShape, "redeem": MovedShape, "earn": MovedShape, "adjust": AdjustmentShape}
    answers = {"create": 201, "redeem": 201, "earn": 201, "adjust": 201}
    refuses = {
        "create": ["no_programme", "erased"],
        "redeem": ["not_enough_points", "erased"],
        "earn": ["points_reference_taken", "future"],
        "adjust": ["not_enough_points", "points_amount", "points_reason", "erased"],
    }
    examples = {
        "create": {"customer": 7},
        "redeem": {"points": 100, "note": "A voucher at the counter."},
        "earn": {"points": 50, "source": "training", "external_id": "course-7-li"},
        "adjust": {"points": 200, "reason": "The delivery of 11 May came twice too late."},
    }

    def rows(self) -> QuerySet[PointsAccount]:
        """Return the accounts of customers that the caller may see; listed are those that are not gone."""
        found: Any = PointsAccount.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        if self.action == "list":
            found = found.present()
        rows: QuerySet[PointsAccount] = found.select_related("programme", "customer")
        return rows

    def create(self, request: Request) -> Response:
        """Open the account of a customer in the programme that runs, or give the one that it has."""
        customer = customer_of(request, self.taken()["customer"])
        return self.made(accounts.open_for(customer, at=clock.now()))

    @action(detail=True, methods=["post"])
    def redeem(self, request: Request, pk: str) -> Response:
        """Use points: those that expire first go first. The Idempotency-Key names the act for good."""
        account, values = self.one(), self.taken()
        note = values.get("note", "")
        objections.refuse_erased(account.customer)
        entry = redeeming.redeem(
            account,
            points=values["points"],
            source=None,
            key=key_of(request),
            detail={"way": "api"},
            note=note,
            by=request.user,
            at=clock.now(),
        )
        return self._moved(entry)

    @action(detail=True, methods=["post"])
    def earn(self, request: Request, pk: str) -> Response:
        """Give points for what happened elsewhere; the same id of the same source counts once."""
        account, values = self.one(), self.taken()
        at = clock.now()
        entry = landing.earn_once(account, **{"occurred_at": at, **values}, by=request.user, at=at)
        return self._moved(entry)

    @action(detail=True, methods=["post"])
    def adjust(self, request: Request, pk: str) -> Response:
        """Adjust points by hand, or ask for it where it goes beyond what one person adjusts alone."""
        account, values = self.one(), self.taken()
        row = adjusting.adjust(account, **values, key=key_of(request), by=request.user, at=clock.now())
        return Response(AdjustmentShape(row, context=self.get_serializer_context()).data, status=201)

    def _moved(self, entry: PointsEntry) -> Response:
        entry = PointsEntry.objects.select_related("account", "note").get(pk=entry.pk)
        return Response(MovedShape(entry, context=self.get_serializer_context()).data, status=201)


class OfAccount(Lists, Resource):
    """Rows of the account in the address."""

    def account(self) -> PointsAccount:
        """Return the account, or 404 when the caller may not see it."""
        seen: Any = PointsAccount.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        found: PointsAccount | None = seen.filter(pk=self.kwargs["account"]).first()
        if found is None:
            raise Http404
        return found

    def rows(self) -> QuerySet[Any]:
        """Return its rows."""
        rows: QuerySet[Any] = self.model._default_manager.filter(account=self.account())
        return rows

    def list(self, request: Request, **address: str) -> Response:
        """List them, page by page."""
        return super().list(request)


class EntryFilter(filters.FilterSet):
    """Which entries."""

    as_of = filters.MomentFilter(
        field_name="recorded_at", lookup_expr="lte", label="The statement as it was known at this moment."
    )

    class Meta:
        model = PointsEntry
        fields: list[str] = []


class Entries(OfAccount):
    """The statement of an account."""

    tag = "loyalty"
    model = PointsEntry
    serializer_class = StatementShape
    filterset_class = EntryFilter
    orders = {"-occurred_at": ("-occurred_at", "-id"), "occurred_at": ("occurred_at", "id")}
    access = {"list": READ}

    def rows(self) -> QuerySet[PointsEntry]:
        """Return the entries with what was written about them."""
        return super().rows().select_related("note")

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return the rows of one page, each with the balance after it: one sum more, on any page."""
        page = super().paginate_queryset(queryset)
        downwards = sorted(page or [], key=lambda entry: (entry.occurred_at, entry.pk), reverse=True)
        if downwards:
            newest = downwards[0]
            until = Q(occurred_at__lt=newest.occurred_at) | Q(
                occurred_at=newest.occurred_at, pk__lte=newest.pk
            )
            running = queryset.order_by().filter(until).aggregate(sum=Sum("points"))["sum"]
            for entry in downwards:
                entry.running = running
                running -= entry.points
        return page


class LotShape(Gives):
    """Points that came in together and go together."""

    earned_on = DayField(source="earned_day")
    usable_on = DayField(source="usable_day")
    expires_on = DayField(source="expires_day", allow_null=True, help_text="The last day; null: never.")

    class Meta:
        model = PointsLot
        fields = ["id", "entry", "points", "left", "is_pending", "earned_on", "usable_on", "expires_on"]


class LotFilter(filters.FilterSet):
    """Which lots."""

    is_open = filters.FlagFilter(label="true: only those of which something is left.", method="open")

    class Meta:
        model = PointsLot
        fields: list[str] = []

    def open(self, found: QuerySet[PointsLot], name: str, value: bool) -> QuerySet[PointsLot]:
        """Keep the lots of which something is left, or those that are used up."""
        return found.filter(left__gt=0) if value else found.filter(left=0)


class Lots(OfAccount):
    """Where an account's points came from, and until when they can be used."""

    tag = "loyalty"
    model = PointsLot
    serializer_class = LotShape
    filterset_class = LotFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READ}


# --- Entries by themselves, adjustments, referrals ---------------------------------------------
class ReverseEntry(Takes):
    """Why it is reversed."""

    reason = serializers.CharField(max_length=1000)


class SingleEntries(Details, Resource):
    """One entry."""

    tag = "loyalty"
    model = PointsEntry
    detail_route = "api:points-entry-detail"
    serializer_class = PointsEntryShape
    access = {"retrieve": READ, "reverse": DECIDE}
    takes = {"reverse": ReverseEntry}
    answers = {"reverse": 201}
    refuses = {
        "reverse": [
            *("points_entry_kind", "points_more_than_moved", "points_spent", "points_reason"),
            "points_reverse_redemption",
        ]
    }
    examples = {"reverse": {"reason": "Entered for the wrong customer."}}

    def rows(self) -> QuerySet[PointsEntry]:
        """Return the entries of customers that the caller may see."""
        found: Any = PointsEntry.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[PointsEntry] = found.select_related("note", "account")
        return rows

    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Set an earning, adjustment or redemption right by an entry against it."""
        entry, values = self.one(), self.taken()
        made = adjusting.reverse_entry(entry, **values, key=key_of(request), by=request.user, at=clock.now())
        return self.made(made)


class AdjustmentFilter(filters.FilterSet):
    """Which adjustments."""

    account = filters.IdFilter(field_name="account_id")
    customer = filters.IdFilter(field_name="customer_id")
    state = filters.ChoiceFilter(choices=PointsAdjustment.State.choices)

    class Meta:
        model = PointsAdjustment
        fields: list[str] = []


class Adjustments(Lists, Details, Resource):
    """Points adjusted by hand, and what waits for a second person."""

    tag = "loyalty"
    model = PointsAdjustment
    detail_route = "api:points-adjustment-detail"
    serializer_class = AdjustmentShape
    filterset_class = AdjustmentFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READ, "retrieve": READ, "grant": DECIDE, "decline": DECIDE, "withdraw": ADJUST}
    refuses = {
        name: ["points_adjustment_approver", "points_adjustment_decided"] for name in ("grant", "decline")
    } | {"withdraw": ["points_adjustment_asker", "points_adjustment_decided"]}

    def rows(self) -> QuerySet[PointsAdjustment]:
        """Return the adjustments of customers that the caller may see."""
        found: Any = PointsAdjustment.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[PointsAdjustment] = found
        return rows

    @action(detail=True, methods=["post"])
    def grant(self, request: Request, pk: str) -> Response:
        """Grant an adjustment that somebody else asked for."""
        return self._decided(is_granted=True)

    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: str) -> Response:
        """Decline an adjustment that somebody else asked for."""
        return self._decided(is_granted=False)

    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Withdraw an adjustment that the caller asked for."""
        row = self.one()
        adjusting.withdraw_adjustment(row, by=request.user, at=clock.now())
        return self.shown(row)

    def _decided(self, *, is_granted: bool) -> Response:
        row = self.one()
        adjusting.decide_adjustment(row, is_granted=is_granted, by=self.request.user, at=clock.now())
        return self.shown(row)


class ReferralShape(Gives):
    """That a customer came by another one; both are rewarded after the first paid order."""

    class Meta:
        model = Referral
        fields = [
            *("id", "programme", "referrer", "customer", "state", "reason", "order_id", "by", "at"),
            "ended_at",
        ]
        extra_kwargs = {"referrer": {"help_text": "The account of who referred."}}


class NewReferral(Takes):
    """Who came by whose code."""

    code = serializers.CharField(max_length=40, help_text="The referral code of the account that referred.")
    customer = IdField(help_text="Our number of who was referred.")


class ReferralFilter(filters.FilterSet):
    """Which referrals."""

    customer = filters.IdFilter(field_name="customer_id")
    referrer = filters.IdFilter(field_name="referrer_id")
    state = filters.ChoiceFilter(choices=Referral.State.choices)

    class Meta:
        model = Referral
        fields: list[str] = []


class Referrals(Lists, Details, Resource):
    """Customers who bring customers."""

    tag = "loyalty"
    model = Referral
    detail_route = "api:referral-detail"
    serializer_class = ReferralShape
    filterset_class = ReferralFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READ, "retrieve": READ, "create": OPEN}
    takes = {"create": NewReferral}
    refuses = {
        "create": [
            *("unknown_referral_code", "self_referral", "referred_before", "referred_not_new"),
            *("no_referrals", "no_programme", "erased"),
        ]
    }
    examples = {"create": {"code": "7KQ2M9XPAB", "customer": 7}}

    def rows(self) -> QuerySet[Referral]:
        """Return the referrals of customers that the caller may see, who referred and who was referred."""
        rows = of_visible(Referral, self.request.user)
        found: QuerySet[Referral] = rows & of_visible(
            Referral, self.request.user, field="referrer__customer_id"
        )
        return found

    def create(self, request: Request) -> Response:
        """Note that a customer came by the referral code of another one."""
        values = self.taken()
        customer = customer_of(request, values["customer"])
        return self.made(referrals.refer(values["code"], customer, by=request.user, at=clock.now()))

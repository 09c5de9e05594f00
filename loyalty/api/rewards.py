"""Rewards and redemptions by the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.facts import not_there
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.serializers import DayField, Gives, IdField, Takes
from customers.ground.api.views import Details, Lists, Resource
from loyalty.api.common import READ, REDEEM, WRITE_REWARDS, contact_of, key_of
from loyalty.ledger import accounts
from loyalty.models import PointsAccount, Programme, Redemption, Reward, Tier
from loyalty.rewards import catalogue, codes, redeeming

_WRITING = ("create", "partial_update", "offer", "retire", "add_stock", "add_codes")
_REFUSED = ["reward_name", "reward_points", "reward_days", "reward_per_customer", "reward_tier"]


# --- Rewards ----------------------------------------------------------------------------------
class RewardShape(Gives):
    """Something that points buy."""

    from_on = DayField(source="from_day", allow_null=True)
    until_on = DayField(source="until_day", allow_null=True, help_text="The last day.")

    class Meta:
        model = Reward
        fields = [
            *("id", "programme", "code", "name", "name_alt", "description", "description_alt", "kind"),
            *("points", "stock", "per_customer", "tier", "from_on", "until_on", "is_on"),
        ]
        extra_kwargs = {
            "stock": {"help_text": "null: as many as wanted; of a code: how many codes are free."},
            "tier": {"help_text": "The tier from whose threshold on it can be had; null: any."},
        }


class ChangeReward(Takes):
    """What changes of a reward; what is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    name_alt = serializers.CharField(max_length=120, required=False, allow_blank=True)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    description_alt = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    points = serializers.IntegerField(min_value=1, max_value=catalogue.MOST_POINTS, required=False)
    per_customer = serializers.IntegerField(min_value=1, max_value=1000, required=False, allow_null=True)
    tier = IdField(required=False, allow_null=True)
    from_on = DayField(required=False, allow_null=True)
    until_on = DayField(required=False, allow_null=True)


class NewReward(ChangeReward):
    """A new reward."""

    programme = IdField(required=False, help_text="The one that runs unless said.")
    code = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)
    name = serializers.CharField(max_length=120)
    points = serializers.IntegerField(min_value=1, max_value=catalogue.MOST_POINTS)
    kind = serializers.ChoiceField(Reward.Kind.choices, required=False)
    stock = serializers.IntegerField(
        min_value=0, max_value=catalogue.MOST_STOCK, required=False, allow_null=True
    )
    is_on = serializers.BooleanField(required=False)


class MoreStock(Takes):
    """How many come to the stock; below zero: are taken from it."""

    count = serializers.IntegerField(min_value=-catalogue.MOST_STOCK, max_value=catalogue.MOST_STOCK)


class MoreCodes(Takes):
    """Codes, one a line or in the first column of a CSV."""

    text = serializers.CharField(max_length=2_000_000, trim_whitespace=False)


class CodeLine(serializers.Serializer[Any]):
    """A code that stood before, and the line that names it."""

    line = serializers.IntegerField(source="number")
    code = serializers.CharField(source="secret")


class AddedCodesShape(serializers.Serializer[Any]):
    """What became of codes."""

    added = serializers.IntegerField(source="new")
    twice = CodeLine(many=True)
    known = CodeLine(many=True)
    stock = serializers.IntegerField(help_text="How many codes are free now.")


class RewardFilter(filters.FilterSet):
    """Which rewards."""

    programme = filters.IdFilter(field_name="programme_id")
    kind = filters.ChoiceFilter(choices=Reward.Kind.choices)
    is_on = filters.FlagFilter(label="true: only those that are offered.")

    class Meta:
        model = Reward
        fields: list[str] = []


class Rewards(Lists, Details, Resource):
    """The catalogue."""

    tag = "loyalty"
    model = Reward
    detail_route = "api:reward-detail"
    serializer_class = RewardShape
    filterset_class = RewardFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": READ,
        "retrieve": READ,
        **dict.fromkeys(
            ("create", "partial_update", "offer", "retire", "add_stock", "add_codes"), WRITE_REWARDS
        ),
    }
    takes = {
        "create": NewReward,
        "partial_update": ChangeReward,
        "add_stock": MoreStock,
        "add_codes": MoreCodes,
    }
    gives = {"add_codes": AddedCodesShape}
    needs_match = ("partial_update",)
    refuses = {
        "create": ["reward_code_taken", *_REFUSED, "reward_stock_of_codes", "no_programme"],
        "partial_update": _REFUSED,
        "offer": ["reward_tier"],
        "add_stock": ["reward_stock_of_codes", "reward_stock"],
        "add_codes": ["reward_has_no_codes", "codes_missing", "codes_too_many", "code_refused"],
    }
    examples = {
        "create": {"code": "tea-tin", "name": "Tin of tea", "name_alt": "茶叶罐", "points": 500, "stock": 40},
        "partial_update": {"points": 450},
        "add_stock": {"count": 20},
        "add_codes": {"text": "SPRING-7K2Q\nSPRING-9M4T"},
    }

    def rows(self) -> QuerySet[Reward]:
        """Return all rewards: they belong to the company."""
        return Reward.objects.all()

    def create(self, request: Request) -> Response:
        """Make a reward; it can be asked for once it is offered."""
        values = self._settings(self.taken())
        pk = values.pop("programme", None)
        programme = Programme.objects.filter(pk=pk).first() if pk else accounts.running()
        if programme is None:
            raise not_there("programme", pk)
        return self.made(catalogue.create_reward(programme, **values, by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a reward; what was asked for before costs what it did."""
        reward = self.one(to_change=True)
        values = self._settings(self.taken())
        return self.shown(catalogue.change_reward(reward, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def offer(self, request: Request, pk: str) -> Response:
        """Let customers ask for it."""
        return self.shown(catalogue.offer_reward(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Let nobody ask for it any more; what was asked for stays."""
        return self.shown(catalogue.retire_reward(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"], url_path="stock", url_name="stock")
    def add_stock(self, request: Request, pk: str) -> Response:
        """Add to what is in stock, or take from it."""
        count = self.taken()["count"]
        return self.shown(catalogue.add_stock(self.one(), count, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"], url_path="codes", url_name="codes")
    def add_codes(self, request: Request, pk: str) -> Response:
        """Add codes that are given out; those that stand are named and left alone."""
        reward, text = self.one(), self.taken()["text"]
        added = codes.add_codes(reward, text, by=request.user, at=clock.now())
        said = {"new": added.new, "twice": added.twice, "known": added.known, "stock": reward.stock}
        return Response(AddedCodesShape(said).data)

    def _settings(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values by the names of the verbs; refuse a tier that is not there."""
        named = {"from_on": "from_day", "until_on": "until_day"}
        said = {named.get(name, name): value for name, value in values.items()}
        if said.get("tier") is not None:
            tier = Tier.objects.filter(pk=said["tier"]).first()
            if tier is None:
                raise not_there("tier", said["tier"])
            said["tier"] = tier
        return said


# --- Redemptions ------------------------------------------------------------------------------
class RedemptionShape(Gives):
    """A reward that a customer took."""

    code = serializers.SerializerMethodField(
        help_text="The code that was given out; empty when there is none, it is void, or one may not see it."
    )

    class Meta:
        model = Redemption
        fields = [
            *("id", "account", "customer", "contact", "reward", "points", "entry", "state", "code"),
            *("note", "tracking", "by", "at", "changed_by", "changed_at"),
        ]

    @extend_schema_field({"type": "string"})
    def get_code(self, row: Redemption) -> str:
        """Return the code, for those who may hand it on."""
        if self.context["request"].user.role not in codes.SEES_CODES:
            return ""
        code = getattr(row, "reward_code", None)
        return "" if code is None or code.is_void else str(code.secret)


class AskReward(Takes):
    """Who takes which reward. The Idempotency-Key names the wish: sent again, it is one redemption."""

    account = IdField(help_text="Our number of the account.")
    reward = IdField()
    contact = IdField(required=False, help_text="Who asked.")


class MoveRedemption(Takes):
    """How far it is."""

    state = serializers.ChoiceField(
        [choice for choice in Redemption.State.choices if choice[0] in ("ready", "sent", "done")]
    )
    tracking = serializers.CharField(max_length=64, required=False, allow_blank=True)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class CancelRedemption(Takes):
    """Why it is cancelled."""

    reason = serializers.CharField(max_length=1000)


class RedemptionFilter(filters.FilterSet):
    """Which redemptions."""

    account = filters.IdFilter(field_name="account_id")
    customer = filters.IdFilter(field_name="customer_id")
    reward = filters.IdFilter(field_name="reward_id")
    state = filters.ChoiceFilter(choices=Redemption.State.choices)

    class Meta:
        model = Redemption
        fields: list[str] = []


class Redemptions(Lists, Details, Resource):
    """Who took what for points."""

    tag = "loyalty"
    model = Redemption
    detail_route = "api:redemption-detail"
    serializer_class = RedemptionShape
    filterset_class = RedemptionFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": READ,
        "retrieve": READ,
        "create": REDEEM,
        "state": REDEEM,
        "cancel": REDEEM,
    }
    takes = {"create": AskReward, "state": MoveRedemption, "cancel": CancelRedemption}
    refuses = {
        "create": [
            *("reward_not_offered", "reward_for_tier", "reward_taken", "reward_gone", "reward_elsewhere"),
            *("programme_not_live", "not_enough_points", "erased"),
        ],
        "state": ["redemption_move"],
        "cancel": ["redemption_cancel"],
    }
    examples = {
        "create": {"account": 7, "reward": 3},
        "state": {"state": "sent", "tracking": "SF1029384756"},
        "cancel": {"reason": "The customer chose another size."},
    }

    def rows(self) -> QuerySet[Redemption]:
        """Return the redemptions of customers that the caller may see."""
        found: Any = Redemption.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[Redemption] = found.select_related("reward_code", "account", "entry")
        return rows

    def create(self, request: Request) -> Response:
        """Take a reward for its points: stock, points and code go together or not at all."""
        values = self.taken()
        seen: Any = PointsAccount.objects.visible_to(request.user)  # type: ignore[attr-defined]
        account = seen.filter(pk=values["account"]).first()
        if account is None:
            raise not_there("account", values["account"])
        reward = Reward.objects.filter(pk=values["reward"]).first()
        if reward is None:
            raise not_there("reward", values["reward"])
        contact = contact_of(values, account.customer_id)
        row = redeeming.ask_reward(
            account, reward, key=key_of(request), contact=contact, by=request.user, at=clock.now()
        )
        return self.made(row)

    @action(detail=True, methods=["post"])
    def state(self, request: Request, pk: str) -> Response:
        """Say how far it is: ready, sent or handed over."""
        row, values = self.one(), self.taken()
        return self.shown(redeeming.set_state(row, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel it: the points go back into their lots with the old expiry.

        Once it is handed over, which a code is at once, a team lead or admin alone can.
        """
        row, values = self.one(), self.taken()
        return self.shown(redeeming.cancel(row, **values, by=request.user, at=clock.now()))

"""Customers that look like one, and making one of two."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import duplicates, merges
from customers.api.facts import not_there
from customers.api.reading import LEADS
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Customer, DuplicateProposal, Merge

CHOSEN = [(name, name) for name in (*merges.FIELDS, "owner")]


class MergeShape(Gives):
    """A merge; ``undo_until`` is when it becomes final."""

    undo_until = serializers.SerializerMethodField()

    class Meta:
        model = Merge
        fields = ["id", "survivor", "merged", "reason", "moved", "at", "by", "undo_until"]
        fields += ["undone_at", "undone_by"]

    def get_undo_until(self, merge: Merge) -> MomentField:
        """Return the moment up to which it can be taken back."""
        return MomentField().to_representation(merges.until(merge))  # type: ignore[no-any-return]


class NewMerge(Takes):
    """Who stays, who goes into it, and of which fields the value of the one that goes stays."""

    survivor = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    merged = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    take = serializers.ListField(child=serializers.ChoiceField(CHOSEN), required=False, max_length=50)
    reason = serializers.CharField(max_length=2000)


class MergeFilter(filters.FilterSet):
    survivor = filters.IdFilter(field_name="survivor_id")
    merged = filters.IdFilter(field_name="merged_id")

    class Meta:
        model = Merge
        fields: list[str] = []


class Merges(Lists, Details, Resource):
    tag = "customers"
    model = Merge
    detail_route = "api:merge-detail"
    serializer_class = MergeShape
    filterset_class = MergeFilter
    orders = {"-id": ("-id",), "id": ("id",)}
    access = {
        "list": may(*LEADS, scope="customers:read"),
        "retrieve": may(*LEADS, scope="customers:read"),
        "create": may(*LEADS, scope="customers:write"),
        "undo": may(*LEADS, scope="customers:write"),
    }
    takes = {"create": NewMerge}
    refuses = {
        "create": [
            "merge_with_itself",
            "merged_already",
            "merge_without_reason",
            "changed_meanwhile",
            "no_name",
        ],
        "undo": ["not_merged", "merge_too_old", "merge_stands_fast", "merge_erased_since"],
    }
    examples = {"create": {"survivor": 17, "merged": 42, "take": ["city"], "reason": "Same company."}}

    def rows(self) -> QuerySet[Merge]:
        """Return the merges into customers that the caller may see."""
        found: QuerySet[Merge] = Merge.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    def create(self, request: Request) -> Response:
        """Make one customer of two; all of the second moves to the first."""
        values = self.taken()
        survivor, other = (self._customer(name, values[name]) for name in ("survivor", "merged"))
        chosen = {name: getattr(other, name) for name in values.get("take", [])}
        merge = merges.merge_customers(
            survivor, other, values=chosen, reason=values["reason"], by=request.user, at=clock.now()
        )
        return self.made(merge)

    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take a merge back within 30 days."""
        merge = self.one()
        merges.undo_merge(merge, by=request.user, at=clock.now())
        return self.shown(merge)

    def _customer(self, name: str, pk: int) -> Customer:
        visible = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        customer: Customer | None = visible.select_related("owner", "team").filter(pk=pk).first()
        if customer is None:
            raise not_there(name, pk)
        return customer


class ProposalShape(Gives):
    """Two customers that look like one, and by what."""

    reasons = serializers.ListField(child=serializers.CharField(), source="codes", read_only=True)

    class Meta:
        model = DuplicateProposal
        fields = ["id", "low", "high", "reasons", "state", "found_at", "decided_at", "decided_by"]


class ProposalFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=DuplicateProposal.State.choices)

    class Meta:
        model = DuplicateProposal
        fields: list[str] = []


class Duplicates(Lists, Details, Resource):
    tag = "customers"
    model = DuplicateProposal
    serializer_class = ProposalShape
    filterset_class = ProposalFilter
    orders = {"-id": ("-id",), "id": ("id",)}
    access = {
        "list": may(*LEADS, scope="customers:read"),
        "retrieve": may(*LEADS, scope="customers:read"),
        "dismiss": may(*LEADS, scope="customers:write"),
        "consider_again": may(*LEADS, scope="customers:write"),
    }
    refuses = {"dismiss": ["duplicate_decided"], "consider_again": ["duplicate_decided"]}

    def rows(self) -> QuerySet[DuplicateProposal]:
        """Return the pairs of which the caller may see both."""
        visible = DuplicateProposal.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        found: QuerySet[DuplicateProposal] = visible
        return found

    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Decide that the two are not one customer."""
        return self.shown(duplicates.dismiss(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"], url_path="consider-again")
    def consider_again(self, request: Request, pk: str) -> Response:
        """Propose the two again."""
        return self.shown(duplicates.consider_again(self.one(), by=request.user, at=clock.now()))

"""Communities, and who belongs to them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import communities
from customers.api.catalogues import Catalogue
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import of_visible
from customers.ground.api import filters
from customers.ground.api.serializers import Gives, MomentField, Takes
from customers.models import Community, CommunityMembership, Platform


class CommunityShape(Gives):
    class Meta:
        model = Community
        fields = ["id", "code", "name", "platform", "is_retired"]


class NewCommunity(Takes):
    code = serializers.SlugField(max_length=32)
    name = serializers.CharField(max_length=100)
    platform = serializers.ChoiceField(Platform.choices, help_text="Where it meets.")


class CommunityChange(Takes):
    """What shall be different; what is not sent stays as it is."""

    name = serializers.CharField(max_length=100, required=False)
    platform = serializers.ChoiceField(Platform.choices, required=False, help_text="Where it meets.")
    is_retired = serializers.BooleanField(required=False)


class Communities(Catalogue):
    tag = "communities"
    model = Community
    detail_route = "api:community-detail"
    serializer_class = CommunityShape
    add = communities.add_community
    change = communities.change_community
    changes = ("name", "platform", "is_retired")
    takes = {"create": NewCommunity, "partial_update": CommunityChange}
    refuses = {"create": ["community_exists"]}
    examples = {
        "create": {"code": "tea-friends", "name": "Tea friends", "platform": "wechat"},
        "partial_update": {"is_retired": True},
    }


class MembershipShape(Gives):
    community: Any = serializers.SlugRelatedField("code", read_only=True, help_text="The community's code.")

    class Meta:
        model = CommunityMembership
        fields = [*FACT, "community", "contact", "left_at"]


class NewMembership(NewFact):
    community = serializers.CharField(max_length=32, help_text="Code of a community that exists.")
    contact = serializers.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        help_text="Our number of the contact who joined; without it the customer did.",
    )


class Leaving(Takes):
    left_at = MomentField(required=False, help_text="When it was left; now, when it is not said.")


class MembershipFilter(FactFilter):
    community = filters.TextFilter(field_name="community__code", label="The community's code.")
    has_left = filters.FlagFilter(
        field_name="left_at", lookup_expr="isnull", exclude=True, label="true: only those that were left."
    )


class Memberships(Facts):
    tag = "communities"
    model = CommunityMembership
    detail_route = "api:community-membership-detail"
    serializer_class = MembershipShape
    filterset_class = MembershipFilter
    access = {**READ, "create": RECORD, "leave": RECORD, "remove": RECORD}
    takes = {"create": NewMembership, "leave": Leaving}
    refuses = {
        "create": ["community_retired", "already_member", "not_their_contact", "in_the_future"],
        "leave": ["already_left", "left_before_joined", "in_the_future", "older_than_known"],
        "remove": ["older_than_known"],
    }
    examples = {
        "create": {"customer": 12, "community": "tea-friends"},
        "leave": {"left_at": "2026-05-11T09:30:00+08:00"},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the memberships of the customers that the caller may see."""
        return of_visible(CommunityMembership, self.request.user).select_related("community")

    def create(self, request: Request) -> Response:
        """Record that a customer, or one of its contacts, joined a community."""
        values = self.taken()
        customer = self.customer_of(values)
        code, contact = values["community"], values.get("contact")
        values["community"] = Community.objects.filter(code=code).first()
        if values["community"] is None:
            raise not_there("community", code)
        if contact is not None:
            values["contact"] = customer.contacts.filter(pk=contact).first()
            if values["contact"] is None:
                raise not_there("contact", contact)
        return self.made(communities.join_community(customer, **values, **self.acting()))

    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: str) -> Response:
        """Record that a community was left."""
        return self.shown(communities.leave_community(self.one(), **self.taken(), **self.acting()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove a membership that was entered wrongly: it counts no more from now on."""
        return self.shown(communities.remove_membership(self.one(), **self.acting()))

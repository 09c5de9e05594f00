"""Feedback from people whom we do not know: taken in by program, and the inbox to which it comes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.facts import not_there, theirs
from customers.api.reading import LEADS
from customers.feedback import links, stated, unknown
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, IdField, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Complaint, Contact, Customer, FeedbackKind, Product, UnknownFeedback, User
from customers.models.people import Role

_PEOPLE = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)
_READ = may(*_PEOPLE, Role.ANALYST, scope="feedback:read")
_WORK = may(*_PEOPLE, scope="feedback:write")


class FeedbackShape(Gives):
    name = serializers.CharField(source="stated_name", read_only=True)
    reach = serializers.CharField(
        source="stated_reach", read_only=True, help_text="An e-mail address or phone number."
    )
    order = serializers.CharField(source="stated_order", read_only=True, help_text="As it was written.")
    product: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The product's code."
    )

    class Meta:
        model = UnknownFeedback
        fields = [
            *("id", "kind", "channel", "text", "name", "reach", "order", "product", "severity", "language"),
            *("occurred_at", "recorded_at", "respond_by", "due_at", "state", "owner", "complaint"),
            *("answered", "answer_text", "ended_at", "ended_by"),
        ]


class ReceivedShape(Gives):
    link = serializers.SerializerMethodField()

    class Meta:
        model = UnknownFeedback
        fields = ["id", "state", "respond_by", "link"]

    def get_link(self, row: UnknownFeedback) -> str:
        """Return the address at which whoever wrote follows it: for her alone."""
        return links.address_of(row)


class NewFeedback(Takes):
    external_id = serializers.CharField(
        max_length=200, help_text="Names it where it comes from: the same one again is the same feedback."
    )
    kind = serializers.ChoiceField(FeedbackKind.choices)
    text = serializers.CharField(max_length=unknown.LONGEST, help_text="In the customer's words.")
    channel = serializers.ChoiceField(
        Complaint.Channel.choices, required=False, help_text="The web form unless said."
    )
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    reach = serializers.CharField(
        max_length=254,
        required=False,
        allow_blank=True,
        help_text="An e-mail address or phone number; exactly one customer's, it is linked at once.",
    )
    order = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="The number of an order."
    )
    product = serializers.CharField(max_length=64, required=False, help_text="Code of a product that exists.")
    severity = serializers.ChoiceField(
        Complaint.Severity.choices, required=False, help_text="1 low, 2 medium, 3 high."
    )
    language = serializers.ChoiceField(
        settings.LANGUAGES, required=False, help_text="In which she wrote; the company's unless said."
    )
    occurred_at = MomentField(required=False, help_text="When she said it.")

    def validate_reach(self, value: str) -> str:
        """Refuse what is neither an address nor a number: nobody could be answered there."""
        if value and not stated.is_reach(value):
            raise serializers.ValidationError(_("Write an e-mail address or a phone number."))
        return value


class Linked(Takes):
    customer = IdField(help_text="Our number of the customer.")
    contact = IdField(required=False, help_text="Who at the customer it was.")
    kind = serializers.ChoiceField(
        FeedbackKind.choices, required=False, help_text="What it is in truth; as it came unless said."
    )


class Handled(Takes):
    answered = serializers.ChoiceField(UnknownFeedback.Answer.choices)
    words = serializers.CharField(
        max_length=unknown.LONGEST,
        required=False,
        allow_blank=True,
        help_text="What was answered, and where.",
    )


class Assigned(Takes):
    to = IdField(help_text="Our number of the colleague.")


class FeedbackFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=UnknownFeedback.State.choices)
    kind = filters.ChoiceFilter(choices=FeedbackKind.choices)
    channel = filters.ChoiceFilter(choices=Complaint.Channel.choices)
    owner = filters.IdFilter(field_name="owner_id")
    respond_before = filters.MomentFilter(field_name="respond_by", lookup_expr="lt")
    recorded_since = filters.MomentFilter(field_name="recorded_at", lookup_expr="gte")


class Feedback(Lists, Details, Resource):
    """What people say of whom it is not known who they are; the inbox shows the same."""

    tag = "feedback"
    model = UnknownFeedback
    detail_route = "api:feedback-detail"
    serializer_class = FeedbackShape
    gives = {"create": ReceivedShape}
    filterset_class = FeedbackFilter
    orders = {"id": ("id",), "-id": ("-id",), "respond_by": ("respond_by", "id")}
    access = {
        "list": _READ,
        "retrieve": _READ,
        "create": may(*LEADS, scope="feedback:write"),
        "link": _WORK,
        "handle": _WORK,
        "assign": may(Role.TEAM_LEAD, Role.ADMIN, scope="feedback:write"),
    }
    takes = {"create": NewFeedback, "link": Linked, "handle": Handled, "assign": Assigned}
    refuses = {
        "create": ["feedback_without_text", "was_erased"],
        "link": ["feedback_ended"],
        "handle": [
            "feedback_ended",
            "feedback_not_answered",
            "feedback_without_reach",
            "feedback_with_reach",
        ],
        "assign": ["feedback_ended", "feedback_owner"],
    }
    examples = {
        "create": {
            "external_id": "ticket-7",
            "kind": "complaint",
            "text": "Two boxes were wet.",
            "name": "Wu Lan",
            "reach": "wu@example.com",
            "order": "SO-1017",
        },
        "link": {"customer": 12},
        "handle": {"answered": "direct", "words": "By e-mail: a new box is on its way."},
        "assign": {"to": 3},
    }

    def rows(self) -> QuerySet[Any]:
        """Return what the caller may see: all for leads and who sees everybody, else what is hers."""
        seen: QuerySet[Any] = UnknownFeedback.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return seen.select_related("product")

    def create(self, request: Request) -> Response:
        """Take in what somebody said; who is known exactly is linked at once, the rest comes to the inbox."""
        values = self.taken()
        if (code := values.get("product")) is not None:
            values["product"] = Product.objects.filter(code=code).first()
            if values["product"] is None:
                raise not_there("product", code)
        caller = request.user
        row = unknown.receive_feedback(
            **values, source=f"{unknown.PROGRAM}{caller.pk}", by=caller, at=clock.now()
        )
        data = ReceivedShape(row, context=self.get_serializer_context()).data
        address = reverse(self.detail_route, args=[row.pk])
        return Response(data, status=201, headers={"Location": address})

    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """Say whose feedback it is: it becomes the customer's, with what was promised."""
        row, values = self.one(), self.taken()
        number = values.pop("customer")
        visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        customer = visible.filter(pk=number).first()
        if customer is None:
            raise not_there("customer", number)
        theirs(Contact, customer, values, "contact")
        unknown.link_feedback(row, customer=customer, **values, by=request.user, at=clock.now())
        return self.shown(row)

    @action(detail=True, methods=["post"])
    def handle(self, request: Request, pk: str) -> Response:
        """End feedback that is nobody's, with how it was answered."""
        row, values = self.one(), {"words": "", **self.taken()}
        return self.shown(unknown.handle_without_customer(row, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Say who sees to it."""
        row, number = self.one(), self.taken()["to"]
        to = User.objects.working().visible_to(request.user).filter(pk=number).first()
        if to is None:
            raise not_there("to", number)
        return self.shown(unknown.assign_feedback(row, to=to, by=request.user, at=clock.now()))

"""What the customer's file holds beside its fields: places, needs, names on platforms, attached files."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from customers import attachments, handles, needs
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, not_there
from customers.api.reading import EVERYBODY, WRITERS, of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.parsing import StrictJSONParser
from customers.ground.api.serializers import DateField, Gives, IdField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Address, Attachment, Contact, Customer, Need, SocialHandle

SEES = {"list": may(*EVERYBODY, scope="customers:read"), "retrieve": may(*EVERYBODY, scope="customers:read")}
WRITES = may(*WRITERS, scope="customers:write")


def _customer(resource: Any, values: dict[str, Any]) -> Customer:
    pk = values.pop("customer")
    visible = Customer.objects.visible_to(resource.request.user)  # type: ignore[attr-defined]
    customer: Customer | None = visible.filter(pk=pk).first()
    if customer is None:
        raise not_there("customer", pk)
    return customer


def _contact(customer: Customer, values: dict[str, Any]) -> None:
    pk = values.pop("contact", None)
    if pk is not None:
        values["contact"] = Contact.objects.filter(customer=customer, pk=pk).first()
        if values["contact"] is None:
            raise not_there("contact", pk)


class AddressShape(Gives):
    class Meta:
        model = Address
        fields = [*FACT, "country", "region"]


class Addresses(Facts):
    tag = "customers"
    model = Address
    serializer_class = AddressShape
    filterset_class = FactFilter
    access = READ

    def rows(self) -> QuerySet[Any]:
        """Return where the customers that the caller may see were, since when."""
        return of_visible(Address, self.request.user)


class NeedShape(Gives):
    class Meta:
        model = Need
        fields = [*FACT, "kind", "topic", "source", "contact", "text"]


class NewNeed(Takes):
    customer = IdField(help_text="Our number of the customer.")
    kind = serializers.ChoiceField(Need.Kind.choices)
    topic = serializers.ChoiceField(Need.Topic.choices)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        Need.Source.choices, help_text="Where we know it from."
    )
    text = serializers.CharField(max_length=500)
    contact = IdField(required=False, allow_null=True)
    learnt_on = DateField(required=False, help_text="Since when; today unless said, never in the future.")


class NeedFilter(FactFilter):
    kind = filters.ChoiceFilter(choices=Need.Kind.choices)
    topic = filters.ChoiceFilter(choices=Need.Topic.choices)


class Needs(Facts):
    tag = "needs"
    model = Need
    detail_route = "api:need-detail"
    serializer_class = NeedShape
    filterset_class = NeedFilter
    access = {**READ, "create": RECORD, "withdraw": RECORD}
    takes = {"create": NewNeed}
    refuses = {"create": ["need_without_text", "in_the_future"]}
    examples = {
        "create": {
            "customer": 12,
            "kind": "preference",
            "topic": "delivery",
            "source": "visit",
            "text": "Delivers only before ten.",
        }
    }

    def rows(self) -> QuerySet[Any]:
        """Return the needs of the customers that the caller may see."""
        return of_visible(Need, self.request.user)

    def create(self, request: Request) -> Response:
        """Note a need, preference, dislike or plan."""
        values = self.taken()
        customer = _customer(self, values)
        _contact(customer, values)
        return self.made(needs.note_need(customer, **values, **self.acting()))

    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Note that it is no longer so."""
        need = self.one()
        return self.shown(needs.withdraw_need(need, **self.acting()))


class HandleShape(Gives):
    class Meta:
        model = SocialHandle
        fields = ["id", "customer", "contact", "platform", "handle", "created_at"]


class NewHandle(Takes):
    customer = IdField(help_text="Our number of the customer.")
    contact = IdField(required=False, allow_null=True, help_text="Whose it is; the customer's unless said.")
    platform = serializers.ChoiceField(SocialHandle.Platform.choices)
    handle = serializers.CharField(max_length=100)


class HandleFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    contact = filters.IdFilter(field_name="contact_id")
    platform = filters.ChoiceFilter(choices=SocialHandle.Platform.choices)
    handle = filters.TextFilter()


class Handles(Lists, Details, Resource):
    tag = "social handles"
    model = SocialHandle
    detail_route = "api:social-handle-detail"
    serializer_class = HandleShape
    filterset_class = HandleFilter
    access = {**SEES, "create": WRITES, "drop": WRITES}
    takes = {"create": NewHandle}
    refuses = {"create": ["no_handle"]}
    examples = {"create": {"customer": 12, "platform": "wechat", "handle": "blue-lake"}}

    def rows(self) -> QuerySet[Any]:
        """Return the names of the customers that the caller may see."""
        return of_visible(SocialHandle, self.request.user)

    def create(self, request: Request) -> Response:
        """Add a name on a platform; one that is known stays one."""
        values = self.taken()
        customer = _customer(self, values)
        _contact(customer, values)
        return self.made(handles.add_handle(customer, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def drop(self, request: Request, pk: str) -> Response:
        """Take a name away; the answer is what it was."""
        row = self.one()
        was = self.data_of(row)
        handles.drop_handle(row, by=request.user, at=clock.now())
        return Response(was)


class AttachmentShape(Gives):
    class Meta:
        model = Attachment
        fields = ["id", "customer", "name", "note", "type", "size", "by", "added_at"]


class NewAttachment(Takes):
    """A file (multipart/form-data): PDF, picture, Office document or text, at most 10 MB."""

    customer = IdField(help_text="Our number of the customer.")
    file = serializers.FileField(max_length=255)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class AttachmentFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")


class Attachments(Lists, Details, Resource):
    tag = "attachments"
    model = Attachment
    detail_route = "api:attachment-detail"
    serializer_class = AttachmentShape
    filterset_class = AttachmentFilter
    parser_classes = [StrictJSONParser, MultiPartParser]
    access = {**SEES, "create": WRITES, "remove": WRITES}
    takes = {"create": NewAttachment}
    refuses = {
        "create": ["attachment_too_large", "empty_attachment", "attachment_kind", "too_many_attachments"]
    }

    def rows(self) -> QuerySet[Any]:
        """Return the files of the customers that the caller may see."""
        return of_visible(Attachment, self.request.user)

    def create(self, request: Request) -> Response:
        """Keep a file; its page sends the content."""
        values = self.taken()
        customer = _customer(self, values)
        row = attachments.attach(
            customer, values["file"], note=values.get("note", ""), by=request.user, at=clock.now()
        )
        return self.made(row)

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Take a file away for good; the answer is what it was."""
        row = self.one()
        was = self.data_of(row)
        attachments.detach(row, by=request.user, at=clock.now())
        return Response(was)

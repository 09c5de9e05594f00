"""What people agreed to, the words that they agreed to, and who objects to profiling."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import consents, objections
from customers.api.facts import not_there
from customers.api.reading import ADMINS, EVERYBODY, WRITERS, of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Channel, Consent, ConsentText, Contact, Customer, Objection, Purpose

READ = {"list": may(*EVERYBODY, scope="privacy:read"), "retrieve": may(*EVERYBODY, scope="privacy:read")}
WRITE = may(*WRITERS, scope="privacy:write")
SOURCES = [c for c in Consent.Source.choices if c[0] in {"form", "call", "link"}]


class IdField(serializers.IntegerField):
    """One of our numbers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **kwargs)


class ConsentShape(Gives):
    text = serializers.CharField(
        source="text_name", read_only=True, allow_null=True, help_text="Code and version: “newsletter 2”."
    )

    class Meta:
        model = Consent
        fields = [
            "id",
            "contact",
            "purpose",
            "channel",
            "is_given",
            "source",
            "text",
            "occurred_at",
            "recorded_at",
            "by",
        ]


class NewConsent(Takes):
    """One statement; what was agreed to before is taken back by a new one with ``is_given`` false."""

    contact = IdField(help_text="Our number of the contact.")
    purpose = serializers.ChoiceField(Purpose.choices)
    channel = serializers.ChoiceField(Channel.choices, required=False, help_text="Not for profiling.")
    is_given = serializers.BooleanField()
    source: Any = serializers.ChoiceField(SOURCES, default=Consent.Source.FORM)
    text = serializers.PrimaryKeyRelatedField(
        queryset=ConsentText.objects.all(),
        pk_field=serializers.IntegerField(),
        required=False,
        allow_null=True,
        help_text="The number of the text's version.",
    )
    occurred_at = MomentField(required=False)


class ConsentFilter(filters.FilterSet):
    contact = filters.IdFilter(field_name="contact_id")
    customer = filters.IdFilter(field_name="contact__customer_id")
    purpose = filters.ChoiceFilter(choices=Purpose.choices)
    channel = filters.ChoiceFilter(choices=Channel.choices)
    is_given = filters.FlagFilter()
    recorded_since = filters.MomentFilter(field_name="recorded_at", lookup_expr="gte")


class Consents(Lists, Details, Resource):
    tag = "privacy"
    model = Consent
    detail_route = "api:consent-detail"
    serializer_class = ConsentShape
    filterset_class = ConsentFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {**READ, "create": WRITE}
    takes = {"create": NewConsent}
    refuses = {"create": ["consent_without_purpose", "consent_text_not_valid", "in_the_future", "erased"]}
    examples = {
        "create": {
            "contact": 12,
            "purpose": "offer",
            "channel": "email",
            "is_given": True,
            "source": "form",
        }
    }

    def rows(self) -> QuerySet[Any]:
        """Return the statements of contacts of the customers that the caller may see."""
        found = of_visible(Consent, self.request.user, field="contact__customer_id")
        return found.select_related("text")

    def create(self, request: Request) -> Response:
        """Record that a contact agreed to something, or took it back."""
        values = self.taken()
        contacts = of_visible(Contact, request.user).select_related("customer")
        contact = contacts.filter(pk=values["contact"]).first()
        if contact is None:
            raise not_there("contact", values["contact"])
        channel = values.get("channel")
        rows = consents.record_consent(
            contact,
            purposes=[values["purpose"]],
            channels=[channel] if channel else [],
            is_given=values["is_given"],
            source=values["source"],
            text=values.get("text"),
            occurred_at=values.get("occurred_at"),
            by=request.user,
            at=clock.now(),
        )
        return self.made(rows[0])


class TextShape(Gives):
    class Meta:
        model = ConsentText
        fields = ["id", "code", "version", "text_en", "text_zh", "valid_from"]


class NewText(Takes):
    """A new wording; it gets the next version of its code."""

    code = serializers.SlugField(max_length=64)
    text_en = serializers.CharField(
        max_length=consents.MOST_TEXT, required=False, allow_blank=True, default=""
    )
    text_zh = serializers.CharField(
        max_length=consents.MOST_TEXT, required=False, allow_blank=True, default=""
    )
    valid_from = DateField()


class TextFilter(filters.FilterSet):
    code = filters.TextFilter()


class Texts(Lists, Details, Resource):
    tag = "privacy"
    model = ConsentText
    detail_route = "api:consent-text-detail"
    serializer_class = TextShape
    filterset_class = TextFilter
    access = {**READ, "create": may(*ADMINS, scope="privacy:write")}
    takes = {"create": NewText}
    refuses = {"create": ["consent_text_empty"]}
    examples = {
        "create": {"code": "newsletter", "text_en": "I want the newsletter.", "valid_from": "2026-05-11"}
    }

    def rows(self) -> QuerySet[ConsentText]:
        """Return every version of every text."""
        return ConsentText.objects.all()

    def create(self, request: Request) -> Response:
        """Add a version of the words that people agree to."""
        return self.made(consents.add_text(**self.taken(), by=request.user, at=clock.now()))


class ObjectionShape(Gives):
    class Meta:
        model = Objection
        fields = [
            "id",
            "customer",
            "contact",
            "source",
            "occurred_at",
            "recorded_at",
            "by",
            "lifted_at",
            "lifted_by",
        ]


class NewObjection(Takes):
    """Who objects: a contact of the customer, or (without one) the customer as a whole."""

    customer = IdField(help_text="Our number of the customer.")
    contact = IdField(required=False, allow_null=True)
    source: Any = serializers.ChoiceField(SOURCES, default=Consent.Source.FORM)
    occurred_at = MomentField(required=False)


class ObjectionFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    contact = filters.IdFilter(field_name="contact_id")
    standing = filters.FlagFilter(method="by_standing", label="true: not taken back.")

    def by_standing(self, found: QuerySet[Objection], name: str, value: bool) -> QuerySet[Objection]:
        """Keep those that stand, or those that were taken back."""
        return found.filter(lifted_at__isnull=value)


class Objections(Lists, Details, Resource):
    tag = "privacy"
    model = Objection
    detail_route = "api:objection-detail"
    serializer_class = ObjectionShape
    filterset_class = ObjectionFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {**READ, "create": WRITE, "lift": WRITE}
    takes = {"create": NewObjection}
    refuses = {"create": ["contact_of_another", "in_the_future", "erased"]}
    examples = {"create": {"customer": 12, "source": "call"}}

    def rows(self) -> QuerySet[Any]:
        """Return the objections of the customers that the caller may see."""
        return of_visible(Objection, self.request.user)

    def create(self, request: Request) -> Response:
        """Object to profiling: from now on no rule looks at the customer."""
        values = self.taken()
        visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        customer = visible.filter(pk=values["customer"]).first()
        if customer is None:
            raise not_there("customer", values["customer"])
        contact = None
        if values.get("contact") is not None:
            contact = Contact.objects.filter(customer=customer, pk=values["contact"]).first()
            if contact is None:
                raise not_there("contact", values["contact"])
        return self.made(
            objections.object_to_profiling(
                customer,
                contact=contact,
                source=values["source"],
                occurred_at=values.get("occurred_at"),
                by=request.user,
                at=clock.now(),
            )
        )

    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """Take an objection back."""
        objection = self.one()
        objections.lift(objection.customer, contact=objection.contact, by=request.user, at=clock.now())
        return self.shown(objection)

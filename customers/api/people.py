"""Contacts of customers; and who is calling."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import contacts
from customers.api.colleagues import UserShape
from customers.api.facts import not_there
from customers.api.reading import EVERYBODY, WRITERS, of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, IdField, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import ApiToken, Contact, Customer, User

_OF_BIRTHDAYS = ("birthday_incomplete", "no_such_birthday", "born_in_future")


class ContactShape(Gives):
    class Meta:
        model = Contact
        fields = [
            "id",
            "customer",
            "name",
            "role",
            "phone",
            "email",
            "preferred_channel",
            "at_most_once_in_days",
            "language",
            "is_main",
            "function",
            "is_decision_maker",
            "birth_calendar",
            "birth_year",
            "birth_month",
            "birth_day",
            "birth_is_leap",
            "left_on",
            "successor",
            "created_at",
            "updated_at",
        ]


class ContactFields(Takes):
    """What a contact's file holds."""

    name = serializers.CharField(max_length=200, required=False)
    role = serializers.CharField(max_length=100, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    preferred_channel = serializers.CharField(max_length=16, required=False, allow_blank=True)
    at_most_once_in_days = serializers.ChoiceField(
        Contact.AtMostOnce.choices,
        required=False,
        allow_null=True,
        help_text="Her own limit over all classes of contact but service; null: as the company does.",
    )
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    function = serializers.ChoiceField(Contact.Function.choices, required=False, allow_blank=True)
    is_decision_maker = serializers.BooleanField(required=False)
    birth_calendar = serializers.ChoiceField(
        Contact.BirthCalendar.choices,
        required=False,
        allow_blank=True,
        help_text="Empty with a month and a day: solar.",
    )
    birth_year = serializers.IntegerField(
        required=False, allow_null=True, min_value=1900, max_value=2100, help_text="Of its own calendar."
    )
    birth_month = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=12, help_text="Goes with `birth_day`."
    )
    birth_day = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=31)
    birth_is_leap = serializers.BooleanField(
        required=False, allow_null=True, help_text="Born in a leap month of the lunar calendar."
    )


class ContactChange(ContactFields):
    """What is not sent stays as it is."""

    left_on = DateField(required=False, allow_null=True)
    successor = IdField(
        required=False, allow_null=True, help_text="Takes over when the main contact has left."
    )


class NewContact(ContactFields):
    """A contact of a customer; the first one is its main contact."""

    customer = IdField(help_text="Our number of the customer.")
    name = serializers.CharField(max_length=200)
    is_main = serializers.BooleanField(required=False)


class ContactFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    email = filters.TextFilter(lookup_expr="iexact")
    is_main = filters.FlagFilter()


class Contacts(Lists, Details, Resource):
    tag = "contacts"
    model = Contact
    detail_route = "api:contact-detail"
    serializer_class = ContactShape
    filterset_class = ContactFilter
    access = {
        "list": may(*EVERYBODY, scope="customers:read"),
        "retrieve": may(*EVERYBODY, scope="customers:read"),
        "create": may(*WRITERS, scope="customers:write"),
        "partial_update": may(*WRITERS, scope="customers:write"),
        "main": may(*WRITERS, scope="customers:write"),
    }
    takes = {"create": NewContact, "partial_update": ContactChange}
    refuses = {
        "create": ["contact_without_name", *_OF_BIRTHDAYS],
        "partial_update": [
            *_OF_BIRTHDAYS,
            "changed_meanwhile",
            "contact_without_name",
            "leaves_in_future",
            "not_a_successor",
            "contact_has_left",
        ],
        "main": ["contact_has_left", "changed_meanwhile"],
    }
    examples = {
        "create": {"customer": 12, "name": "Wang Jing", "phone": "+86 10 5550 0100"},
        "partial_update": {"phone": "+86 10 5550 0100"},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the contacts of the customers that the caller may see."""
        return of_visible(Contact, self.request.user)

    def create(self, request: Request) -> Response:
        """Add a contact to a customer."""
        values = self.taken()
        pk = values.pop("customer")
        visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        customer = visible.filter(pk=pk).first()
        if customer is None:
            raise not_there("customer", pk)
        return self.made(contacts.create_contact(customer, **values, by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change fields of a contact."""
        contact = self.one(to_change=True)
        values = self.taken()
        if values.get("successor") is not None:
            number = values["successor"]
            values["successor"] = Contact.objects.filter(customer=contact.customer_id, pk=number).first()
            if values["successor"] is None:
                raise not_there("successor", number)
        contacts.change_contact(contact, **values, by=request.user, at=clock.now())
        return self.shown(contact)

    @action(detail=True, methods=["post"])
    def main(self, request: Request, pk: str) -> Response:
        """Make a contact the one who is asked first."""
        contact = self.one()
        contacts.name_main(contact, by=request.user, at=clock.now())
        return self.shown(contact)


class TokenShape(Gives):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "scopes", "expires_at"]

    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)


class MeShape(serializers.Serializer[Any]):
    """Who calls, and with what rights."""

    user = UserShape()
    token = TokenShape(allow_null=True, help_text="null: a signed-in colleague.")
    now = MomentField(help_text="The product's clock.")


class Me(Resource):
    tag = "users and teams"
    model = User
    serializer_class = MeShape
    access = {"show": may(*EVERYBODY, scope="")}

    def show(self, request: Request) -> Response:
        """Show who calls: to try a token."""
        said = {"user": request.user, "token": request.auth, "now": clock.now()}
        return Response(MeShape(said).data)

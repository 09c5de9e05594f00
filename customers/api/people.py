"""Contacts of customers; the company's own users and teams; and who is calling."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers import contacts
from customers.api.reading import EVERYBODY, WRITERS, of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import ApiToken, Contact, Team, User
from customers.models.people import Role

READ = {"list": may(*EVERYBODY, scope="company:read"), "retrieve": may(*EVERYBODY, scope="company:read")}


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
            "language",
            "is_main",
            "left_on",
            "created_at",
            "updated_at",
        ]


class ContactChange(Takes):
    """What is not sent stays as it is."""

    name = serializers.CharField(max_length=200, required=False)
    role = serializers.CharField(max_length=100, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    preferred_channel = serializers.CharField(max_length=16, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    left_on = DateField(required=False, allow_null=True)


class ContactFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    email = filters.TextFilter(lookup_expr="iexact")
    is_main = filters.FlagFilter()


class Contacts(Lists, Details, Resource):
    tag = "contacts"
    model = Contact
    serializer_class = ContactShape
    filterset_class = ContactFilter
    access = {
        "list": may(*EVERYBODY, scope="customers:read"),
        "retrieve": may(*EVERYBODY, scope="customers:read"),
        "partial_update": may(*WRITERS, scope="customers:write"),
    }
    takes = {"partial_update": ContactChange}
    refuses = {"partial_update": ["changed_meanwhile"]}
    examples = {"partial_update": {"phone": "+86 10 5550 0100"}}

    def rows(self) -> QuerySet[Any]:
        """Return the contacts of the customers that the caller may see."""
        return of_visible(Contact, self.request.user)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change fields of a contact."""
        contact = self.one(to_change=True)
        contacts.change_contact(contact, **self.taken(), by=request.user, at=clock.now())
        return self.shown(contact)


class UserShape(Gives):
    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "first_name",
            "last_name",
            "email",
            "role",
            "team",
            "language",
            "is_active",
        ]


class UserFilter(filters.FilterSet):
    role = filters.ChoiceFilter(choices=Role.choices)
    team = filters.IdFilter(field_name="team_id")
    is_active = filters.FlagFilter()


class Users(Lists, Details, Resource):
    tag = "users and teams"
    model = User
    serializer_class = UserShape
    filterset_class = UserFilter
    access = READ

    def rows(self) -> QuerySet[User]:
        """Return the colleagues that the caller may see."""
        found: QuerySet[User] = User.objects.visible_to(self.request.user)
        return found


class TeamShape(Gives):
    class Meta:
        model = Team
        fields = ["id", "name"]


class Teams(Lists, Details, Resource):
    tag = "users and teams"
    model = Team
    serializer_class = TeamShape
    access = READ

    def rows(self) -> QuerySet[Team]:
        """Return all teams: their names are known to everybody."""
        return Team.objects.all()


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

"""Customers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import customers, ownership
from customers.api.facts import not_there
from customers.api.reading import EVERYBODY, LEADS, WRITERS
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, IdField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Contact, Customer, Team, User
from customers.search.finding import matching

SEARCH = (
    "Words, all of which are found: a part of a name in either language or of a contact's, pinyin, "
    "initials, the beginning of an e-mail address; or the end of a phone number, an external id, "
    "the number of an order."
)

FILE = [
    "unknown_country",
    "unknown_region",
    "wrong_registration_number",
    "wrong_vat_number",
    "parent_in_circle",
    "group_too_deep",
]
"""What every change of a file may be refused for."""


class CustomerShape(Gives):
    class Meta:
        model = Customer
        fields = [
            "id",
            "kind",
            "name",
            "name_alt",
            "segment",
            "city",
            "time_zone",
            "language",
            "since",
            "notes",
            "country",
            "region",
            "street",
            "postal_code",
            "registration_number",
            "source",
            "source_note",
            "parent",
            "owner",
            "team",
            "created_at",
            "updated_at",
        ]


class CustomerValues(Takes):
    """The fields of a customer's file; what is not sent stays as it is."""

    name = serializers.CharField(max_length=200, required=False)
    name_alt = serializers.CharField(max_length=200, required=False, allow_blank=True)
    segment = serializers.CharField(max_length=64, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    since = DateField(required=False, allow_null=True)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    country = serializers.CharField(
        max_length=2, required=False, allow_blank=True, help_text="ISO 3166-1, two letters."
    )
    region = serializers.CharField(
        max_length=8,
        required=False,
        allow_blank=True,
        help_text="In China the code of GB/T 2260 without trailing zeros (320508); elsewhere ISO 3166-2 "
        "without the country (LND).",
    )
    street = serializers.CharField(max_length=300, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    registration_number = serializers.CharField(max_length=40, required=False, allow_blank=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        Customer.Source.choices, required=False, allow_blank=True, help_text="How they came to us."
    )
    source_note = serializers.CharField(max_length=200, required=False, allow_blank=True)
    parent = IdField(  # type: ignore[assignment]
        required=False, allow_null=True, help_text="The parent company."
    )


class CustomerChange(CustomerValues):
    """The fields of a customer's file; what is not sent stays as it is."""

    moved_on = DateField(
        required=False, help_text="With another country or region: the day since which it is there."
    )
    corrects = serializers.BooleanField(
        required=False, help_text="true: another country or region was right all along, nobody moved."
    )


class MainContact(Takes):
    """The person whom one asks for first."""

    name = serializers.CharField(max_length=200)
    role = serializers.CharField(max_length=100, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    function = serializers.ChoiceField(Contact.Function.choices, required=False, allow_blank=True)
    is_decision_maker = serializers.BooleanField(required=False)


class NewCustomer(CustomerValues):
    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(Customer.Kind.choices, default=Customer.Kind.COMPANY)
    contact = MainContact(required=False)
    owner = IdField(
        required=False,
        allow_null=True,
        help_text="Who looks after it; an account manager does so herself.",
    )


class Owner(Takes):
    """Who looks after the customer from now on; null: nobody."""

    user = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.all(), allow_null=True, pk_field=serializers.IntegerField()
    )
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(),
        pk_field=serializers.IntegerField(),
        required=False,
        allow_null=True,
        help_text="The user's unless said.",
    )


class CustomerFilter(filters.FilterSet):
    search = filters.TextFilter(method="by_name", label=SEARCH)
    q = filters.TextFilter(method="by_name", label="The same as `search`.")
    kind = filters.ChoiceFilter(choices=Customer.Kind.choices)
    segment = filters.TextFilter()
    owner = filters.IdFilter(field_name="owner_id")
    team = filters.IdFilter(field_name="team_id")
    country = filters.TextFilter(max_length=2)
    registration_number = filters.TextFilter(max_length=40)
    parent = filters.IdFilter(field_name="parent_id")
    updated_since = filters.MomentFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Customer
        fields: list[str] = []

    def by_name(self, found: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        """Look for names, pinyin, initials, the end of a phone number, e-mail addresses, numbers."""
        return found.filter(matching(value))


class Customers(Lists, Details, Resource):
    moves_when_merged = True
    tag = "customers"
    model = Customer
    detail_route = "api:customer-detail"
    serializer_class = CustomerShape
    filterset_class = CustomerFilter
    orders = {"id": ("id",), "name": ("sort_key", "id"), "updated_at": ("updated_at", "id")}
    access = {
        "list": may(*EVERYBODY, scope="customers:read"),
        "retrieve": may(*EVERYBODY, scope="customers:read"),
        "create": may(*WRITERS, scope="customers:write"),
        "partial_update": may(*WRITERS, scope="customers:write"),
        "owner": may(*LEADS, scope="customers:write"),
    }
    takes = {"create": NewCustomer, "partial_update": CustomerChange, "owner": Owner}
    refuses = {
        "create": ["no_name", "may_not_own", *FILE],
        "partial_update": ["changed_meanwhile", "no_name", "moved_before_that", "in_the_future", *FILE],
        "owner": ["may_not_own"],
    }
    examples = {
        "create": {
            "name": "Blue Lake Trading",
            "kind": "company",
            "segment": "wholesale",
            "contact": {"name": "Wang Jing", "phone": "+86 10 5550 0100"},
        },
        "partial_update": {"segment": "retail"},
        "owner": {"user": 7},
    }

    def rows(self) -> QuerySet[Customer]:
        """Return the customers that the caller may see."""
        found: QuerySet[Customer] = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    def create(self, request: Request) -> Response:
        """Make a customer with its main contact."""
        values = self._read(self.taken())
        if values.get("owner") is not None and request.user.role not in LEADS:
            raise not_there("owner", values["owner"].pk)
        customer = customers.create_customer(**values, by=request.user, at=clock.now())
        return self.made(customer)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change fields of a customer's file."""
        customer = self.one(to_change=True)
        values = self._read(self.taken())
        customers.change_customer(customer, **values, by=request.user, at=clock.now())
        return self.shown(customer)

    def _read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Put customer and colleague in place of their numbers; refuse those that the caller may not see."""
        if values.get("parent") is not None:
            pk = values["parent"]
            values["parent"] = self.rows().filter(pk=pk).first()
            if values["parent"] is None:
                raise not_there("parent", pk)
        if values.get("owner") is not None:
            pk = values["owner"]
            values["owner"] = User.objects.visible_to(self.request.user).filter(pk=pk).first()
            if values["owner"] is None:
                raise not_there("owner", pk)
        return values

    @action(detail=True, methods=["post"])
    def owner(self, request: Request, pk: str) -> Response:
        """Give a customer to a colleague, or to nobody."""
        customer = self.one()
        values = self.taken()
        if values["user"] and not User.objects.visible_to(request.user).filter(pk=values["user"].pk).exists():
            raise not_there("user", values["user"].pk)
        team = values.get("team")
        if team and not request.user.sees_all and team.pk != request.user.team_id:
            raise not_there("team", team.pk)
        ownership.assign_owner(customer, **values, by=request.user, at=clock.now())
        return self.shown(customer)

"""Customers."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import customers, ownership
from customers.api.facts import not_there
from customers.api.reading import EVERYBODY, LEADS, SEES_ALL, WRITERS
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Customer, Team, User
from customers.search.finding import matching

SEARCH = (
    "Words, all of which are found: a part of a name in either language or of a contact's, pinyin, "
    "initials, the beginning of an e-mail address; or the end of a phone number, an external id, "
    "the number of an order."
)


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
            "owner",
            "team",
            "created_at",
            "updated_at",
        ]


class CustomerChange(Takes):
    """The fields of a customer's file; what is not sent stays as it is."""

    name = serializers.CharField(max_length=200, required=False)
    name_alt = serializers.CharField(max_length=200, required=False, allow_blank=True)
    segment = serializers.CharField(max_length=64, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    since = DateField(required=False, allow_null=True)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000)


class MainContact(Takes):
    """The person whom one asks for first."""

    name = serializers.CharField(max_length=200)
    role = serializers.CharField(max_length=100, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)


class NewCustomer(CustomerChange):
    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(Customer.Kind.choices, default=Customer.Kind.COMPANY)
    contact = MainContact(required=False)


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
    updated_since = filters.MomentFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Customer
        fields: list[str] = []

    def by_name(self, found: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        """Look for names, pinyin, initials, the end of a phone number, e-mail addresses, numbers."""
        return found.filter(matching(value))


class Customers(Lists, Details, Resource):
    tag = "customers"
    model = Customer
    detail_route = "api:customer-detail"
    serializer_class = CustomerShape
    filterset_class = CustomerFilter
    orders = {"id": ("id",), "name": ("sort_key", "id"), "updated_at": ("updated_at", "id")}
    access = {
        "list": may(*EVERYBODY, scope="customers:read"),
        "retrieve": may(*EVERYBODY, scope="customers:read"),
        "create": may(*LEADS, scope="customers:write"),
        "partial_update": may(*WRITERS, scope="customers:write"),
        "owner": may(*LEADS, scope="customers:write"),
    }
    takes = {"create": NewCustomer, "partial_update": CustomerChange, "owner": Owner}
    refuses = {"create": ["no_name"], "partial_update": ["changed_meanwhile"], "owner": ["may_not_own"]}
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
        customer = customers.create_customer(**self.taken(), by=request.user, at=clock.now())
        return self.made(customer)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change fields of a customer's file."""
        customer = self.one(to_change=True)
        customers.change_customer(customer, **self.taken(), by=request.user, at=clock.now())
        return self.shown(customer)

    @action(detail=True, methods=["post"])
    def owner(self, request: Request, pk: str) -> Response:
        """Give a customer to a colleague, or to nobody."""
        customer = self.one()
        values = self.taken()
        if values["user"] and not User.objects.visible_to(request.user).filter(pk=values["user"].pk).exists():
            raise not_there("user", values["user"].pk)
        team = values.get("team")
        if team and request.user.role not in SEES_ALL and team.pk != request.user.team_id:
            raise not_there("team", team.pk)
        ownership.assign_owner(customer, **values, by=request.user, at=clock.now())
        return self.shown(customer)

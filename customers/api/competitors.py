"""The catalogue of competitors, and what they were seen to offer."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import competitors, sightings
from customers.api.company import KNOWN
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import ADMINS, LEADS, of_visible
from customers.company import current
from customers.ground import clock, money
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import AmountField, Gives, IdField, NumberField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Competitor, CompetitorSighting, Product


class CompetitorShape(Gives):
    aliases = serializers.SerializerMethodField()

    class Meta:
        model = Competitor
        fields = ["id", "name", "aliases", "products", "talking_points", "is_checked"]

    def get_aliases(self, competitor: Competitor) -> list[str]:
        """Return the other names by which files and forms find it."""
        return competitors.aliases_of(competitor)


class NewCompetitor(Takes):
    name = serializers.CharField(max_length=200)
    aliases = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=competitors.MOST_ALIASES, required=False
    )
    products = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    talking_points = serializers.CharField(max_length=5000, required=False, allow_blank=True)


class CompetitorChange(Takes):
    """What a competitor shall say; what is not sent stays as it is, `aliases` are all of them."""

    name = serializers.CharField(max_length=200, required=False)
    aliases = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=competitors.MOST_ALIASES, required=False
    )
    products = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    talking_points = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    is_checked = serializers.BooleanField(required=False)


class Into(Takes):
    into = IdField(help_text="Our number of the competitor that stays.")


class CompetitorFilter(filters.FilterSet):
    name = filters.TextFilter(method="by_name", label="Part of its name or of an alias.")
    is_checked = filters.FlagFilter(label="false: only those that somebody typed and nobody looked at.")

    def by_name(self, found: QuerySet[Competitor], name: str, value: str) -> QuerySet[Competitor]:
        """Keep those with a name that has the text in it."""
        return competitors.with_text(found, value)


class Competitors(Lists, Details, Resource):
    tag = "competitors"
    model = Competitor
    detail_route = "api:competitor-detail"
    serializer_class = CompetitorShape
    filterset_class = CompetitorFilter
    access = {
        **KNOWN,
        **dict.fromkeys(("create", "partial_update"), may(*LEADS, scope="company:write")),
        **dict.fromkeys(("merge", "remove"), may(*ADMINS, scope="company:write")),
    }
    takes = {"create": NewCompetitor, "partial_update": CompetitorChange, "merge": Into}
    refuses = {
        "create": ["competitor_name", "competitor_name_taken", "too_many_aliases"],
        "partial_update": [
            "competitor_name",
            "competitor_name_taken",
            "competitor_merged",
            "too_many_aliases",
        ],
        "merge": ["same_competitor", "competitor_merged"],
        "remove": ["competitor_in_use", "competitor_merged"],
    }
    examples = {
        "create": {"name": "Acme Ltd", "aliases": ["Acme China"], "products": "Tea, 100 g"},
        "partial_update": {"talking_points": "We deliver the next day."},
        "merge": {"into": 4},
    }

    def rows(self) -> QuerySet[Competitor]:
        """Return the competitors; of two that were made one, the one that stayed."""
        return competitors.standing().prefetch_related("names")

    def create(self, request: Request) -> Response:
        """Add a competitor."""
        return self.made(competitors.add_competitor(**self.taken(), by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what the catalogue says of a competitor; one that was to be checked counts as checked."""
        competitor = self.one(to_change=True)
        values = {
            "name": competitor.name,
            "aliases": competitors.aliases_of(competitor),
            "products": competitor.products,
            "talking_points": competitor.talking_points,
            **self.taken(),
        }
        return self.shown(
            competitors.change_competitor(competitor, **values, by=request.user, at=clock.now())
        )

    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Make two competitors one: the names become aliases of the other, what was seen follows."""
        source, number = self.one(), self.taken()["into"]
        into = competitors.standing().filter(pk=number).first()
        if into is None:
            raise not_there("into", number)
        return self.shown(competitors.merge_competitors(source, into=into, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Take out a competitor that was never seen at a customer; the answer is what it was."""
        competitor = self.one()
        was = self.data_of(competitor)
        competitors.remove_competitor(competitor, by=request.user, at=clock.now())
        return Response(was)


class SightingShape(Gives):
    competitor = serializers.SerializerMethodField()
    competitor_name = serializers.CharField(source="competitor.standing.name", read_only=True)
    product: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The product's code."
    )
    price_seen = AmountField(currency="currency", allow_null=True)
    price_ours = AmountField(currency="currency", allow_null=True)

    class Meta:
        model = CompetitorSighting
        fields = [
            *FACT,
            "competitor",
            "competitor_name",
            "offered",
            "product",
            "currency",
            "price_seen",
            "price_ours",
            "learnt_from",
        ]

    def get_competitor(self, sighting: CompetitorSighting) -> int:
        """Return our number of the competitor; of one that was merged away, of the one that stayed."""
        return sighting.competitor.standing.pk


class NewSighting(NewFact):
    competitor = serializers.CharField(
        max_length=200, help_text="Its name in any spelling; one that nobody knows is entered to be checked."
    )
    offered = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    product = serializers.CharField(max_length=64, required=False, help_text="Code of a product that exists.")
    price_seen = NumberField(max_digits=18, required=False, help_text="In major units.")
    price_ours = NumberField(max_digits=18, required=False, help_text="In major units; empty when not known.")
    currency = serializers.ChoiceField(
        sorted(money.EXPONENTS), required=False, help_text="The company's unless said."
    )
    learnt_from = serializers.ChoiceField(CompetitorSighting.LearntFrom.choices, required=False)


class SightingFilter(FactFilter):
    competitor = filters.IdFilter(method="by_competitor", label="Our number of the competitor.")
    learnt_from = filters.ChoiceFilter(choices=CompetitorSighting.LearntFrom.choices)

    def by_competitor(
        self, found: QuerySet[CompetitorSighting], name: str, value: int
    ) -> QuerySet[CompetitorSighting]:
        """Keep those of a competitor and of what was merged into it."""
        return found.filter(Q(competitor=value) | Q(competitor__merged_into=value))


class Sightings(Facts):
    tag = "competitors"
    model = CompetitorSighting
    detail_route = "api:competitor-sighting-detail"
    serializer_class = SightingShape
    filterset_class = SightingFilter
    access = {**READ, "create": RECORD, "remove": RECORD}
    takes = {"create": NewSighting}
    refuses = {
        "create": [
            "competitor_name",
            "sighting_price",
            "ours_without_theirs",
            "in_the_future",
            "missing_rate",
            "amount_too_large",
        ],
        "remove": ["older_than_known"],
    }
    examples = {
        "create": {
            "customer": 12,
            "competitor": "Acme Ltd",
            "offered": "10 % off for a year",
            "price_seen": "90.00",
            "price_ours": "99.00",
            "learnt_from": "visit",
        }
    }

    def rows(self) -> QuerySet[Any]:
        """Return the sightings at the customers that the caller may see."""
        found = of_visible(CompetitorSighting, self.request.user)
        return found.select_related("competitor__merged_into", "product")

    def create(self, request: Request) -> Response:
        """Record what a competitor was seen to offer."""
        values = self.taken()
        customer = self.customer_of(values)
        if (code := values.get("product")) is not None:
            values["product"] = Product.objects.filter(code=code).first()
            if values["product"] is None:
                raise not_there("product", code)
        currency = values.get("currency") or current().base_currency
        for name in ("price_seen", "price_ours"):
            if name in values:
                values[name] = money.to_minor(values[name], currency)
        return self.made(sightings.record_sighting(customer, **values, **self.acting()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove a sighting that was entered wrongly: it counts no more from now on."""
        return self.shown(sightings.remove_sighting(self.one(), **self.acting()))

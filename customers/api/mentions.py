"""Mentions by program: read, recorded, matched, corrected, removed; many at once by ``batch``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import mentions
from customers.api.facts import FACT, FactFilter, Facts, not_there
from customers.api.reading import EVERYBODY, WRITERS
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, MomentField, NumberField, Takes
from customers.models import Contact, Customer, Mention

_READ = may(*EVERYBODY, scope="mentions:read")
_WRITE = may(*WRITERS, scope="mentions:write")
_NUMBER: dict[str, Any] = {"min_value": 1, "max_value": 2**63 - 1}


class MentionShape(Gives):
    class Meta:
        model = Mention
        fields = [
            *FACT,
            "contact",
            "platform",
            "external_id",
            "handle",
            "url",
            "text",
            "rating",
            "sentiment",
            "judged",
            "source",
        ]


class NewMention(Takes):
    platform = serializers.ChoiceField(Mention.Platform.choices)
    external_id = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="The platform's; else the address."
    )
    handle = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="The author's name on the platform."
    )
    url = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    text = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    rating = NumberField(
        max_digits=2,
        decimal_places=1,
        min_value=Decimal(0),
        max_value=Decimal(5),
        required=False,
        help_text="Of five stars.",
    )
    occurred_at = MomentField(required=False, help_text="When it was posted.")
    customer = serializers.IntegerField(
        **_NUMBER, required=False, help_text="Our number of whose it is; else it is matched by the name."
    )
    contact = serializers.IntegerField(**_NUMBER, required=False, help_text="Who of the customer wrote it.")


class Matched(Takes):
    customer = serializers.IntegerField(**_NUMBER, help_text="Our number of the customer.")
    contact = serializers.IntegerField(**_NUMBER, required=False, help_text="Who of the customer wrote it.")
    remember = serializers.BooleanField(
        required=False, help_text="Keep the name as the customer's on that platform."
    )


class Corrected(Takes):
    sentiment = serializers.ChoiceField(Mention.Sentiment.choices)


class MentionFilter(FactFilter):
    platform = filters.ChoiceFilter(choices=Mention.Platform.choices)
    sentiment = filters.ChoiceFilter(choices=Mention.Sentiment.choices)
    open = filters.FlagFilter(method="by_open", label="true: only those of nobody known.")

    def by_open(self, found: QuerySet[Mention], name: str, value: bool) -> QuerySet[Mention]:
        """Keep those of nobody known, or the others."""
        return found.filter(customer__isnull=value)


class Mentions(Facts):
    tag = "mentions"
    model = Mention
    detail_route = "api:mention-detail"
    serializer_class = MentionShape
    filterset_class = MentionFilter
    access = {
        "list": _READ,
        "retrieve": _READ,
        "create": _WRITE,
        "match": _WRITE,
        "unmatch": _WRITE,
        "correct": _WRITE,
        "remove": _WRITE,
    }
    takes = {"create": NewMention, "match": Matched, "correct": Corrected}
    refuses = {
        "create": [
            "mention_empty",
            "mention_stars",
            "mention_url",
            "mention_refused",
            "mention_erased",
            "in_the_future",
        ],
        "match": ["mention_refused", "older_than_known"],
        "unmatch": ["older_than_known"],
        "correct": ["mention_refused", "older_than_known"],
        "remove": ["older_than_known"],
    }
    examples = {
        "create": {
            "platform": "dianping",
            "external_id": "r-1017",
            "handle": "tea_lover",
            "text": "Two boxes were wet.",
            "rating": "2.0",
            "occurred_at": "2026-05-11T09:30:00+08:00",
        },
        "match": {"customer": 12, "remember": True},
        "correct": {"sentiment": "negative"},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the mentions of customers that the caller may see, and those of nobody known."""
        found: QuerySet[Any] = Mention.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    def create(self, request: Request) -> Response:
        """Record a public post or review; the same one again changes nothing, an edit is a version."""
        values = self._who(self.taken())
        return self.made(mentions.record_mention(**values, source="api", **self.acting()))

    @action(detail=True, methods=["post"])
    def match(self, request: Request, pk: str) -> Response:
        """Say whose mention it is."""
        return self.shown(mentions.match_mention(self.one(), **self._who(self.taken()), **self.acting()))

    @action(detail=True, methods=["post"])
    def unmatch(self, request: Request, pk: str) -> Response:
        """Say that a mention is not that customer's after all."""
        return self.shown(mentions.unmatch_mention(self.one(), **self.acting()))

    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Say how a mention sounds; this stands above stars and text."""
        return self.shown(mentions.correct_sentiment(self.one(), **self.taken(), **self.acting()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove a mention that was entered wrongly: it counts no more from now on."""
        return self.shown(mentions.remove_mention(self.one(), **self.acting()))

    def _who(self, values: dict[str, Any]) -> dict[str, Any]:
        """Put the customer and the contact in the place of their numbers."""
        customer = self.customer_of(values) if "customer" in values else None
        contact = None
        if (number := values.pop("contact", None)) is not None:
            visible = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
            found = Contact.objects.filter(pk=number, customer__in=visible.order_by().values("pk"))
            contact = found.first()
            if contact is None:
                raise not_there("contact", number)
        return {**values, "customer": customer, "contact": contact}

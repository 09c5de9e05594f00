"""Interactions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers import interactions
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, theirs
from customers.api.reading import of_visible
from customers.ground.api import filters
from customers.ground.api.serializers import Gives, IdField, MomentField
from customers.models import Contact, Interaction


class InteractionShape(Gives):
    class Meta:
        model = Interaction
        fields = [*FACT, "kind", "direction", "reached", "contact", "by", "text", "next_step"]


class NewInteraction(NewFact):
    kind = serializers.ChoiceField(Interaction.Kind.choices)
    direction = serializers.ChoiceField(Interaction.Direction.choices, required=False)
    reached = serializers.BooleanField(
        required=False, help_text="false: nobody answered; that is no contact."
    )
    contact = IdField(required=False, allow_null=True)
    text = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    next_step = serializers.CharField(max_length=500, required=False, allow_blank=True)
    next_at = MomentField(required=False, help_text="When the caller is to be reminded of the next step.")


class InteractionFilter(FactFilter):
    kind = filters.ChoiceFilter(choices=Interaction.Kind.choices)
    direction = filters.ChoiceFilter(choices=Interaction.Direction.choices)
    by = filters.IdFilter(field_name="by_id")


class Interactions(Facts):
    tag = "interactions"
    model = Interaction
    detail_route = "api:interaction-detail"
    serializer_class = InteractionShape
    filterset_class = InteractionFilter
    access = {**READ, "create": RECORD}
    takes = {"create": NewInteraction}
    refuses = {"create": ["in_the_future", "next_step_missing", "reminder_in_the_past", "reminder_too_far"]}
    examples = {"create": {"customer": 12, "kind": "call", "text": "Asked for a later delivery."}}

    def rows(self) -> QuerySet[Any]:
        """Return the interactions with the customers that the caller may see."""
        return of_visible(Interaction, self.request.user)

    def create(self, request: Request) -> Response:
        """Log a contact with a customer."""
        values = self.taken()
        customer = self.customer_of(values)
        theirs(Contact, customer, values, "contact")
        return self.made(interactions.log_interaction(customer, **values, **self.acting()))

"""Interactions and complaints."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import complaints, interactions
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import of_visible
from customers.ground.api import filters
from customers.ground.api.serializers import DayField, Gives, IdField, MomentField, Takes
from customers.models import Complaint, ComplaintEvent, Contact, Customer, Interaction, Order


def _theirs(model: Any, customer: Customer, values: dict[str, Any], name: str) -> None:
    """Put the contact or order that ``values`` names in its place; refuse one of another customer."""
    pk = values.pop(name, None)
    if pk is not None:
        values[name] = model.objects.filter(customer=customer, pk=pk).first()
        if values[name] is None:
            raise not_there(name, pk)


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
        _theirs(Contact, customer, values, "contact")
        return self.made(interactions.log_interaction(customer, **values, **self.acting()))


class StepShape(Gives):
    due_on = DayField(source="due_day", allow_null=True)

    class Meta:
        model = ComplaintEvent
        fields = ["kind", "occurred_at", "recorded_at", "due_on"]


class ComplaintShape(Gives):
    class Meta:
        model = Complaint
        fields = [*FACT, "channel", "category", "severity", "contact", "order", "text", "state", "due_at"]


class ComplaintWithSteps(ComplaintShape):
    steps = serializers.SerializerMethodField()

    class Meta(ComplaintShape.Meta):
        fields = [*ComplaintShape.Meta.fields, "steps"]

    def get_steps(self, complaint: Complaint) -> StepShape(many=True):  # type: ignore[valid-type]
        """Return its steps, oldest first."""
        return StepShape([step for step in complaint.events.all() if not step.void], many=True).data


class NewComplaint(NewFact):
    text = serializers.CharField(max_length=20_000, help_text="What went wrong, in the customer's words.")
    channel = serializers.ChoiceField(Complaint.Channel.choices, required=False)
    severity = serializers.ChoiceField(
        Complaint.Severity.choices, required=False, help_text="1 low, 2 medium, 3 high."
    )
    category = serializers.CharField(max_length=64, required=False, allow_blank=True)
    contact = IdField(required=False, allow_null=True)
    order = IdField(required=False, allow_null=True)
    due_on = DayField(required=False, help_text="Five working days from now unless said.")


class Reopened(Takes):
    due_on = DayField(required=False, help_text="Five working days from now unless said.")


class Due(Takes):
    due_on = DayField()


class ComplaintFilter(FactFilter):
    state = filters.ChoiceFilter(choices=Complaint.State.choices)
    severity = filters.ChoiceFilter(choices=Complaint.Severity.choices)
    channel = filters.ChoiceFilter(choices=Complaint.Channel.choices)
    due_before = filters.MomentFilter(field_name="due_at", lookup_expr="lt")


class Complaints(Facts):
    tag = "complaints"
    model = Complaint
    detail_route = "api:complaint-detail"
    serializer_class = ComplaintWithSteps
    gives = {"list": ComplaintShape}
    filterset_class = ComplaintFilter
    access = {
        **READ,
        "create": RECORD,
        "acknowledge": RECORD,
        "resolve": RECORD,
        "reopen": RECORD,
        "set_due": RECORD,
    }
    takes = {"create": NewComplaint, "reopen": Reopened, "set_due": Due}
    refuses = {
        "create": ["complaint_without_text", "in_the_future"],
        **{act: ["complaint_state"] for act in ("acknowledge", "reopen", "set_due")},
        "resolve": ["complaint_state", "loop_unfinished"],
    }
    examples = {
        "create": {"customer": 12, "text": "Two boxes were wet.", "channel": "phone", "severity": 2},
        "reopen": {"due_on": "2026-05-20"},
        "set_due": {"due_on": "2026-05-20"},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the complaints of the customers that the caller may see, one of them with its steps."""
        found = of_visible(Complaint, self.request.user)
        if self.action == "list":
            return found
        steps = ComplaintEvent.objects.order_by("occurred_at", "id")
        return found.prefetch_related(Prefetch("events", queryset=steps))

    def create(self, request: Request) -> Response:
        """File a complaint; it opens a recovery case."""
        values = self.taken()
        customer = self.customer_of(values)
        _theirs(Contact, customer, values, "contact")
        _theirs(Order, customer, values, "order")
        due_day = values.pop("due_on", None)
        return self.made(complaints.file_complaint(customer, due_day=due_day, **values, **self.acting()))

    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Tell that the customer has heard from us."""
        complaint = self.one()
        complaints.acknowledge(complaint, **self.acting())
        return self.shown(complaint)

    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Resolve an open complaint."""
        complaint = self.one()
        complaints.resolve(complaint, **self.acting())
        return self.shown(complaint)

    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Open a resolved complaint again."""
        complaint = self.one()
        complaints.reopen(complaint, due_day=self.taken().get("due_on"), **self.acting())
        return self.shown(complaint)

    @action(detail=True, methods=["post"], url_path="due", url_name="due")
    def set_due(self, request: Request, pk: str) -> Response:
        """Give an open complaint another due day."""
        complaint = self.one()
        complaints.set_due(complaint, due_day=self.taken()["due_on"], **self.acting())
        return self.shown(complaint)

"""Complaints and other feedback, and the compensation that is given for them."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import complaints
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there, theirs
from customers.api.reading import LEADS, of_visible
from customers.company import current
from customers.feedback import compensation
from customers.ground import clock, money
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import (
    AmountField,
    DayField,
    Gives,
    IdField,
    MomentField,
    NumberField,
    Takes,
)
from customers.ground.api.views import Details, Lists, Resource
from customers.models import (
    Cause,
    Compensation,
    Complaint,
    ComplaintEvent,
    Contact,
    FeedbackKind,
    Order,
    Product,
    User,
)

_BY_KIND = "By the deadline of its kind unless said."


def _named(values: dict[str, Any], caller: User) -> dict[str, Any]:
    """Put the cause, product and colleague that ``values`` names in their places; refuse unknown ones."""
    if (code := values.get("product")) is not None:
        values["product"] = Product.objects.filter(code=code).first() if code else None
        if code and values["product"] is None:
            raise not_there("product", code)
    seen = User.objects.working().visible_to(caller)
    for name, rows in (("cause", Cause.objects.select_related("parent")), ("praised", seen)):
        if (pk := values.get(name)) is not None:
            values[name] = rows.filter(pk=pk).first()
            if values[name] is None:
                raise not_there(name, pk)
    return values


class StepShape(Gives):
    due_on = DayField(source="due_day", allow_null=True)

    class Meta:
        model = ComplaintEvent
        fields = ["kind", "occurred_at", "recorded_at", "due_on"]


class ComplaintShape(Gives):
    product: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The product's code."
    )

    class Meta:
        model = Complaint
        fields = [
            *(*FACT, "kind", "channel", "category", "cause", "product", "lot", "praised"),
            *("severity", "escalated", "contact", "order", "text", "state", "respond_by", "due_at"),
        ]


class ComplaintWithSteps(ComplaintShape):
    steps = serializers.SerializerMethodField()

    class Meta(ComplaintShape.Meta):
        fields = [*ComplaintShape.Meta.fields, "steps"]

    def get_steps(self, complaint: Complaint) -> StepShape(many=True):  # type: ignore[valid-type]
        """Return its steps, oldest first."""
        return StepShape([step for step in complaint.events.all() if not step.void], many=True).data


class NewComplaint(NewFact):
    kind = serializers.ChoiceField(
        FeedbackKind.choices, required=False, help_text="A complaint unless said. Only that opens a case."
    )
    text = serializers.CharField(max_length=20_000, help_text="What went wrong, in the customer's words.")
    channel = serializers.ChoiceField(Complaint.Channel.choices, required=False)
    severity = serializers.ChoiceField(
        Complaint.Severity.choices, required=False, help_text="1 low, 2 medium, 3 high."
    )
    category = serializers.CharField(max_length=64, required=False, allow_blank=True)
    cause = IdField(required=False, allow_null=True, help_text="Our own assessment.")
    product = serializers.CharField(max_length=64, required=False, help_text="Code of a product that exists.")
    lot = serializers.CharField(max_length=64, required=False, allow_blank=True)
    praised = IdField(required=False, allow_null=True, help_text="The colleague whom praise is for.")
    contact = IdField(required=False, allow_null=True)
    order = IdField(required=False, allow_null=True)
    respond_by = MomentField(required=False, help_text=_BY_KIND)
    due_on = DayField(required=False, help_text=_BY_KIND)


class Described(Takes):
    severity = serializers.ChoiceField(Complaint.Severity.choices, required=False)
    category = serializers.CharField(max_length=64, required=False, allow_blank=True)
    cause = IdField(required=False, allow_null=True)
    product = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        help_text="Code of a product that exists; empty: none.",
    )
    lot = serializers.CharField(max_length=64, required=False, allow_blank=True)
    praised = IdField(required=False, allow_null=True)


class Reopened(Takes):
    due_on = DayField(required=False, help_text=_BY_KIND)


class Due(Takes):
    due_on = DayField()


class ComplaintFilter(FactFilter):
    kind = filters.ChoiceFilter(choices=FeedbackKind.choices)
    cause = filters.IdFilter(field_name="cause_id")
    product = filters.TextFilter(field_name="product__code", label="Code of a product.")
    lot = filters.TextFilter()
    praised = filters.IdFilter(field_name="praised_id")
    state = filters.ChoiceFilter(choices=Complaint.State.choices)
    severity = filters.ChoiceFilter(choices=Complaint.Severity.choices)
    channel = filters.ChoiceFilter(choices=Complaint.Channel.choices)
    respond_before = filters.MomentFilter(field_name="respond_by", lookup_expr="lt")
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
        "describe": RECORD,
    }
    takes = {"create": NewComplaint, "reopen": Reopened, "set_due": Due, "describe": Described}
    refuses = {
        "create": ["complaint_without_text", "in_the_future", "praised_without_praise", "cause_retired"],
        "describe": ["praised_without_praise", "cause_retired", "older_than_known"],
        **{act: ["complaint_state"] for act in ("acknowledge", "reopen", "set_due")},
        "resolve": ["complaint_state", "loop_unfinished"],
    }
    examples = {
        "create": {"customer": 12, "text": "Two boxes were wet.", "channel": "phone", "severity": 2},
        "reopen": {"due_on": "2026-05-20"},
        "set_due": {"due_on": "2026-05-20"},
        "describe": {"category": "delivery", "lot": "L-7"},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the complaints of the customers that the caller may see, one of them with its steps."""
        found = of_visible(Complaint, self.request.user).select_related("product")
        if self.action == "list":
            return found
        steps = ComplaintEvent.objects.order_by("occurred_at", "id")
        return found.prefetch_related(Prefetch("events", queryset=steps))

    def create(self, request: Request) -> Response:
        """File a complaint, which opens a recovery case, or other feedback."""
        values = self.taken()
        customer = self.customer_of(values)
        theirs(Contact, customer, values, "contact")
        theirs(Order, customer, values, "order")
        values = _named(values, self.request.user)
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

    @action(detail=True, methods=["post"])
    def describe(self, request: Request, pk: str) -> Response:
        """Say more exactly what it is about; what is not named stays."""
        complaint = self.one()
        complaints.describe(complaint, **_named(self.taken(), self.request.user), **self.acting())
        return self.shown(complaint)


class CompensationShape(Gives):
    amount = AmountField(currency="currency")
    amount_base = AmountField(help_text="In the company's currency, at the rate of the day.")

    class Meta:
        model = Compensation
        fields = [
            *("id", "complaint", "kind", "amount", "currency", "amount_base", "reason", "state"),
            *("by", "at", "approved_by", "decided_at"),
        ]


class NewCompensation(Takes):
    complaint = IdField(help_text="Our number of the complaint or question.")
    kind = serializers.ChoiceField(Compensation.Kind.choices)
    amount = NumberField(
        max_digits=18, min_value=0, help_text="In major units; of goods and points what they are worth."
    )
    currency = serializers.ChoiceField(
        sorted(money.EXPONENTS), required=False, help_text="The company's unless said."
    )
    reason = serializers.CharField(max_length=1000)
    key = serializers.CharField(
        max_length=64, help_text="Names this giving: the same key on the same complaint gives once."
    )


class CompensationFilter(filters.FilterSet):
    complaint = filters.IdFilter(field_name="complaint_id")
    state = filters.ChoiceFilter(choices=Compensation.State.choices)
    kind = filters.ChoiceFilter(choices=Compensation.Kind.choices)


class Compensations(Lists, Details, Resource):
    """What customers got to make up for failures, and what waits for approval."""

    tag = "complaints"
    model = Compensation
    detail_route = "api:compensation-detail"
    serializer_class = CompensationShape
    filterset_class = CompensationFilter
    access = {
        **READ,
        "create": RECORD,
        "grant": may(*LEADS, scope="facts:write"),
        "decline": may(*LEADS, scope="facts:write"),
    }
    orders = {"id": ("id",), "-id": ("-id",)}
    takes = {"create": NewCompensation}
    refuses = {
        "create": ["compensation_amount", "compensation_reason", "compensation_kind", "missing_rate"],
        "grant": ["compensation_approver", "compensation_decided"],
        "decline": ["compensation_approver", "compensation_decided"],
    }
    examples = {
        "create": {
            "complaint": 12,
            "kind": "refund",
            "amount": "50.00",
            "reason": "Two boxes were wet.",
            "key": "ticket-7-refund",
        }
    }

    def rows(self) -> QuerySet[Any]:
        """Return the compensation of the customers that the caller may see."""
        return of_visible(Compensation, self.request.user).select_related("complaint")

    def create(self, request: Request) -> Response:
        """Give compensation, or ask for it where it goes beyond the caller's limit."""
        values = self.taken()
        pk = values.pop("complaint")
        complaint = of_visible(Complaint, self.request.user).filter(pk=pk, void=False).first()
        if complaint is None:
            raise not_there("complaint", pk)
        values["currency"] = values.get("currency") or current().base_currency
        values["amount"] = money.to_minor(values["amount"], values["currency"])
        return self.made(compensation.give(complaint, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def grant(self, request: Request, pk: str) -> Response:
        """Grant compensation that waits."""
        return self._decided(is_granted=True)

    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: str) -> Response:
        """Decline compensation that waits."""
        return self._decided(is_granted=False)

    def _decided(self, *, is_granted: bool) -> Response:
        row = self.one()
        compensation.decide(row, is_granted=is_granted, by=self.request.user, at=clock.now())
        return self.shown(row)

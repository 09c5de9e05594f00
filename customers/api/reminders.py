"""The caller's own reminders."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import reminders
from customers.api.facts import not_there
from customers.api.reading import WRITERS
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Customer, Reminder

READS = may(*WRITERS, scope="customers:read")
WRITES = may(*WRITERS, scope="customers:write")
NEAR = ["reminder_in_the_past", "reminder_too_far"]


class ReminderShape(Gives):
    class Meta:
        model = Reminder
        fields = ["id", "customer", "text", "due_at", "made_at", "done_at"]


class NewReminder(Takes):
    text = serializers.CharField(max_length=500)
    due_at = MomentField()
    customer = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, allow_null=True)


class Move(Takes):
    due_at = MomentField()


class ReminderFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    is_done = filters.FlagFilter(method="by_state")
    due_before = filters.MomentFilter(field_name="due_at", lookup_expr="lt")

    def by_state(self, found: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Keep what is done, or what waits."""
        return found.filter(done_at__isnull=not value)


class Reminders(Lists, Details, Resource):
    tag = "reminders"
    model = Reminder
    detail_route = "api:reminder-detail"
    serializer_class = ReminderShape
    filterset_class = ReminderFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READS, "retrieve": READS, "create": WRITES, "move": WRITES, "finish": WRITES}
    takes = {"create": NewReminder, "move": Move}
    refuses = {
        "create": ["reminder_without_text", *NEAR],
        "move": ["reminder_done", *NEAR],
        "finish": ["reminder_done"],
    }
    examples = {
        "create": {"customer": 12, "text": "Send the new list.", "due_at": "2026-05-12T10:00:00+08:00"},
        "move": {"due_at": "2026-05-13T10:00:00+08:00"},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the caller's own reminders."""
        mine: QuerySet[Any] = Reminder.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return mine

    def create(self, request: Request) -> Response:
        """Set a reminder for oneself."""
        values = self.taken()
        pk = values.pop("customer", None)
        if pk is not None:
            visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
            values["customer"] = visible.filter(pk=pk).first()
            if values["customer"] is None:
                raise not_there("customer", pk)
        return self.made(reminders.set_reminder(request.user, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Move a reminder to another moment."""
        return self.shown(
            reminders.move_reminder(self.one(), **self.taken(), by=request.user, at=clock.now())
        )

    @action(detail=True, methods=["post"])
    def finish(self, request: Request, pk: str) -> Response:
        """Note that a reminder is done."""
        return self.shown(reminders.finish_reminder(self.one(), by=request.user, at=clock.now()))

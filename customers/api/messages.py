"""Messages to customers: what was sent, what waits, what became of it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from customers.api.reading import EVERYBODY, of_visible
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Channel, ContactClass, Message

READ = may(*EVERYBODY, scope="contacting:read")


class MessageShape(Gives):
    class Meta:
        model = Message
        fields = [
            "id",
            "customer",
            "contact",
            "reservation",
            "purpose",
            "channel",
            "to",
            "subject",
            "state",
            "reason",
            "code",
            "tries",
            "made_at",
            "due_at",
            "ended_at",
        ]


class MessageFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    contact = filters.IdFilter(field_name="contact_id")
    purpose = filters.ChoiceFilter(choices=ContactClass.choices)
    channel = filters.ChoiceFilter(choices=Channel.choices)
    state = filters.ChoiceFilter(choices=Message.State.choices)


class Messages(Lists, Details, Resource):
    tag = "contacting"
    model = Message
    detail_route = "api:message-detail"
    serializer_class = MessageShape
    filterset_class = MessageFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READ, "retrieve": READ}

    def rows(self) -> QuerySet[Any]:
        """Return the messages to the customers that the caller may see; no tests of senders."""
        return of_visible(Message, self.request.user).filter(contact__isnull=False)

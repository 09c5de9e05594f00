"""Contacts that were asked for, and how often people are contacted."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import contact as contacting
from customers.api.facts import not_there
from customers.api.reading import ADMINS, EVERYBODY, WRITERS, of_visible
from customers.contact import budget
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, IdField, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Channel, Contact, ContactClass, ContactLimit, ContactReservation

READ = may(*EVERYBODY, scope="contacting:read")
WRITE = may(*WRITERS, scope="contacting:write")


class ReservationShape(Gives):
    class Meta:
        model = ContactReservation
        fields = [
            "id",
            "customer",
            "contact",
            "purpose",
            "channel",
            "key",
            "state",
            "reason",
            "asked_at",
            "due_at",
            "latest_at",
            "ended_at",
        ]


class NewReservation(Takes):
    """Asking before a program contacts somebody; the same once more gives the first answer again."""

    contact = IdField(help_text="Our number of the contact.")
    purpose = serializers.ChoiceField(ContactClass.choices)
    channel = serializers.ChoiceField(Channel.choices)
    key = serializers.CharField(
        max_length=90,
        help_text="What it is about, for example shop:order:17: once for a contact.",
    )
    latest_at = MomentField(required=False, help_text="After that it is of no use.")


class ReservationFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    contact = filters.IdFilter(field_name="contact_id")
    purpose = filters.ChoiceFilter(choices=ContactClass.choices)
    state = filters.ChoiceFilter(choices=ContactReservation.State.choices)


class Reservations(Lists, Details, Resource):
    tag = "contacting"
    model = ContactReservation
    detail_route = "api:contact-reservation-detail"
    serializer_class = ReservationShape
    filterset_class = ReservationFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READ, "retrieve": READ, "create": WRITE, "take_back": WRITE}
    takes = {"create": NewReservation}
    refuses = {"take_back": ["reservation_ended"]}
    examples = {"create": {"contact": 12, "purpose": "offer", "channel": "email", "key": "shop:spring"}}

    def rows(self) -> QuerySet[Any]:
        """Return the reservations for the customers that the caller may see."""
        return of_visible(ContactReservation, self.request.user)

    def create(self, request: Request) -> Response:
        """Ask whether a contact may be reached, and book it when so."""
        values = self.taken()
        number = values.pop("contact")
        contact = of_visible(Contact, request.user).select_related("customer").filter(pk=number).first()
        if contact is None:
            raise not_there("contact", number)
        values["key"] = f"api:{contact.pk}:{values['key']}"  # a program's keys meet nobody else's
        return self.made(contacting.reserve_contact(contact, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"], url_path="take-back", url_name="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Close a deferred contact that nobody needs any more."""
        return self.shown(contacting.take_back(self.one(), by=request.user, at=clock.now()))


class LimitShape(serializers.Serializer[Any]):
    """How many contacts of one person within how many local days."""

    code = serializers.CharField(help_text="A class of contact, or together.")
    most = serializers.IntegerField(allow_null=True, help_text="null: as many as wanted.")
    days = serializers.IntegerField()


class LimitsShape(serializers.Serializer[Any]):
    """All limits, and the quiet hours in minutes since midnight."""

    limits = LimitShape(many=True)
    quiet_starts = serializers.IntegerField()
    quiet_ends = serializers.IntegerField()


class LimitTakes(Takes):
    """One limit as it shall be."""

    code = serializers.ChoiceField(budget.CODES)
    most = serializers.IntegerField(min_value=1, max_value=budget.MOST, allow_null=True)
    days = serializers.IntegerField(min_value=1, max_value=budget.MOST_DAYS)


class LimitsTakes(Takes):
    """The limits to change; what is not sent stays as it is."""

    limits = LimitTakes(many=True, required=False, max_length=len(budget.CODES))  # type: ignore[call-arg]
    quiet_starts = serializers.IntegerField(min_value=0, max_value=1439, required=False)
    quiet_ends = serializers.IntegerField(min_value=0, max_value=1439, required=False)


class ContactLimits(Resource):
    tag = "contacting"
    model = ContactLimit
    serializer_class = LimitsShape
    access = {
        "show": may(*EVERYBODY, scope="contacting:read"),
        "set_limits": may(*ADMINS, scope="company:write"),
    }
    takes = {"set_limits": LimitsTakes}
    examples = {"set_limits": {"limits": [{"code": "offer", "most": 1, "days": 30}]}}

    def show(self, request: Request) -> Response:
        """Show how often people are contacted, and when not."""
        return _all()

    def set_limits(self, request: Request) -> Response:
        """Say how often people are contacted, and when not; contacts that wait are decided anew."""
        values = self.taken()
        said = {one["code"]: contacting.Limit(one["most"], one["days"]) for one in values.get("limits", [])}
        now = contacting.quiet_hours()
        quiet = contacting.Quiet(values.get("quiet_starts", now.starts), values.get("quiet_ends", now.ends))
        contacting.set_limits(said, quiet=quiet, by=request.user, at=clock.now())
        return _all()


def _all() -> Response:
    quiet = contacting.quiet_hours()
    said = [
        {"code": code, "most": limit.most, "days": limit.days} for code, limit in contacting.limits().items()
    ]
    shape = LimitsShape({"limits": said, "quiet_starts": quiet.starts, "quiet_ends": quiet.ends})
    return Response(shape.data)

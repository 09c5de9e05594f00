"""Handing out and erasing what is stored about a person; receipts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers import erasure
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Contact, Customer, ErasureReceipt
from customers.models.people import Role

ADMIN = may(Role.ADMIN, scope="privacy:erase")


class ReceiptShape(Gives):
    counts = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="Table → rows emptied or destroyed."
    )
    names = serializers.IntegerField(
        read_only=True, help_text="Ids of other systems that are refused from now on."
    )

    class Meta:
        model = ErasureReceipt
        fields = ["id", "number", "person", "object_id", "reason", "counts", "names", "by", "at", "is_replay"]


class NewErasure(Takes):
    """Whom to erase for good; her name stands in for the confirmation that a page asks for."""

    person = serializers.ChoiceField(ErasureReceipt.Person.choices)
    object_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Our number of the contact or customer."
    )
    reason = serializers.ChoiceField(
        [c for c in ErasureReceipt.Reason.choices if c[0] != ErasureReceipt.Reason.PERIOD]
    )
    confirm = serializers.CharField(max_length=200, help_text="The name, letter by letter.")


class ErasureFilter(filters.FilterSet):
    person = filters.ChoiceFilter(choices=ErasureReceipt.Person.choices)
    object_id = filters.IdFilter()


class Erasures(Lists, Details, Resource):
    tag = "privacy"
    model = ErasureReceipt
    detail_route = "api:erasure-detail"
    serializer_class = ReceiptShape
    filterset_class = ErasureFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": ADMIN, "retrieve": ADMIN, "create": ADMIN}
    takes = {"create": NewErasure}
    refuses = {"create": ["no_such_person", "confirmation_wrong", "erasure_key_missing"]}
    examples = {"create": {"person": "contact", "object_id": 12, "reason": "request", "confirm": "Wang Jing"}}

    def rows(self) -> QuerySet[ErasureReceipt]:
        """Return the receipts."""
        return ErasureReceipt.objects.all()

    def create(self, request: Request) -> Response:
        """Erase a contact, or a customer with all of its contacts; answers with the receipt."""
        values: dict[str, Any] = self.taken()
        kind = values["person"]
        person: Contact | Customer = erasure.find(kind, f"{kind}:{values['object_id']}")
        erasure.confirmed(person, typed=values["confirm"])
        said = {"reason": values["reason"], "by": request.user, "at": clock.now()}
        if isinstance(person, Customer):
            return self.made(erasure.erase_customer(person, **said))
        return self.made(erasure.erase_person(person, **said))


class NewCopy(Takes):
    """About whom."""

    person = serializers.ChoiceField(ErasureReceipt.Person.choices)
    object_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class Copy(serializers.Serializer[Any]):
    """All that is stored about one person."""

    person = serializers.CharField()
    exported_at = serializers.DateTimeField()
    tables = serializers.DictField(help_text="Table → rows.")
    earlier_values = serializers.ListField(help_text="What was overwritten since.")


class Copies(Resource):
    tag = "privacy"
    model = ErasureReceipt
    serializer_class = Copy
    access = {"make": ADMIN}
    takes = {"make": NewCopy}
    refuses = {"make": ["no_such_person"]}
    examples = {"make": {"person": "contact", "object_id": 12}}

    def make(self, request: Request) -> Response:
        """Hand out all that is stored about a contact, or a customer with its contacts; audited."""
        values = self.taken()
        person = erasure.find(values["person"], f"{values['person']}:{values['object_id']}")
        return Response(erasure.export_person(person, by=request.user, at=clock.now()))

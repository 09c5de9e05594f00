"""Who did what: the audit, for admins."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.models import AuditEvent
from customers.models.people import Role


class AuditShape(Gives):
    codes = serializers.DictField(read_only=True, help_text="Ids, codes and numbers that explain the act.")

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "at",
            "actor_id",
            "act",
            "object_type",
            "object_id",
            "customer_id",
            "channel",
            "address",
            "request_id",
            "codes",
        ]


class AuditFilter(filters.FilterSet):
    act = filters.TextFilter(max_length=64)
    actor = filters.IdFilter(field_name="actor_id")
    customer = filters.IdFilter(field_name="customer_id")
    since = filters.MomentFilter(field_name="at", lookup_expr="gte")
    before = filters.MomentFilter(field_name="at", lookup_expr="lt")


class Audit(Lists, Details, Resource):
    tag = "audit"
    model = AuditEvent
    serializer_class = AuditShape
    filterset_class = AuditFilter
    orders = {"-id": ("-id",), "id": ("id",)}
    access = {
        "list": may(Role.ADMIN, scope="audit:read"),
        "retrieve": may(Role.ADMIN, scope="audit:read"),
    }

    def rows(self) -> QuerySet[AuditEvent]:
        """Return every act; only admins may read them."""
        return AuditEvent.objects.all()

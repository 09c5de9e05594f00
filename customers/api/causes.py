"""The catalogue of why customers leave: read by all, changed by admins."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import causes
from customers.api.company import KNOWN
from customers.ground import clock
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Cause
from customers.models.people import Role


class CauseShape(Gives):
    parent: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The code of the level above."
    )

    class Meta:
        model = Cause
        fields = ["id", "code", "parent", "name_en", "name_zh", "position", "is_retired"]


class CauseTakes(Takes):
    """The names of a cause; what is not sent stays as it is."""

    name_en = serializers.CharField(max_length=100, required=False)
    name_zh = serializers.CharField(max_length=100, required=False)


class NewCause(Takes):
    """A new cause; `parent` is the code of the cause that it is a detail of."""

    name_en = serializers.CharField(max_length=100)
    name_zh = serializers.CharField(max_length=100)
    parent: Any = serializers.SlugRelatedField(
        "code", queryset=Cause.objects.all(), required=False, allow_null=True
    )


class MoveCause(Takes):
    """How far: places down, or up when negative; never past the ends."""

    steps = serializers.IntegerField(min_value=-causes.MOST, max_value=causes.MOST)


class Causes(Lists, Details, Resource):
    tag = "company"
    model = Cause
    serializer_class = CauseShape
    detail_route = "api:cause-detail"
    access = {
        **KNOWN,
        **dict.fromkeys(
            ("create", "partial_update", "move", "retire", "bring_back"),
            may(Role.ADMIN, scope="company:write"),
        ),
    }
    takes = {"create": NewCause, "partial_update": CauseTakes, "move": MoveCause}
    refuses = {
        "create": ["cause_name_taken", "cause_too_deep", "cause_parent_retired", "causes_full"],
        "partial_update": ["cause_name_taken", "changed_meanwhile"],
        "retire": ["cause_stays"],
        "bring_back": ["cause_parent_retired"],
    }
    examples = {
        "create": {"name_en": "Parking", "name_zh": "停车不便", "parent": "service_experience"},
        "partial_update": {"name_en": "No parking"},
        "move": {"steps": -1},
    }

    def rows(self) -> QuerySet[Cause]:
        """Return the catalogue of why customers leave."""
        return Cause.objects.select_related("parent")

    def create(self, request: Request) -> Response:
        """Add a cause, behind the others of its level."""
        return self.made(causes.add_cause(**self.taken(), by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename a cause; past diagnoses show the new names too."""
        cause = self.one(to_change=True)
        names = {"name_en": cause.name_en, "name_zh": cause.name_zh, **self.taken()}
        return self.shown(causes.rename_cause(cause, **names, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Move a cause among those of its level."""
        cause = self.one()
        return self.shown(causes.move_cause(cause, **self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Let nobody choose a cause any more, nor its details; where it was chosen it stays readable."""
        return self.shown(causes.retire_cause(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"], url_path="bring-back", url_name="bring-back")
    def bring_back(self, request: Request, pk: str) -> Response:
        """Let a retired cause be chosen again."""
        return self.shown(causes.bring_back(self.one(), by=request.user, at=clock.now()))

"""Files brought in by programs: upload, start with a mapping, watch, read what was refused."""

from __future__ import annotations

import csv
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from customers import undo
from customers.api.reading import LEADS
from customers.ground import audit, clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.parsing import StrictJSONParser
from customers.ground.api.serializers import Gives, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.imports import background, kinds, mapping, uploads
from customers.models import ImportBatch

MOST_ERRORS = 1000
MOST_NAMED = 100
READ = may(*LEADS, scope="imports:read")
WRITE = may(*LEADS, scope="imports:write")
KINDS = [kind.code for kind in kinds.every()]


class ImportShape(Gives):
    progress = serializers.DictField(read_only=True, help_text="phase, done and total while it runs.")

    class Meta:
        model = ImportBatch
        fields = [
            "id",
            "kind",
            "status",
            "file_name",
            "size",
            "progress",
            "lines",
            "accepted",
            "refused",
            "created",
            "updated",
            "unchanged",
            "problem",
            "by",
            "made_at",
            "started_at",
            "finished_at",
            "undo_reason",
            "undone_by",
            "undo_asked_at",
            "undone_at",
        ]


class Upload(Takes):
    """A CSV (also .gz) or XLSX file with the names of the columns in its first line."""

    kind = serializers.ChoiceField(KINDS)
    file = serializers.FileField(max_length=255)


@extend_schema_field({"type": "object", "additionalProperties": True})
class MappingField(serializers.JSONField):
    """A mapping, as docs/import.md describes it."""


class Start(Takes):
    mapping = MappingField(
        required=False, help_text="As in docs/import.md; columns are guessed unless named."
    )


class Undo(Takes):
    reason = serializers.CharField(max_length=500, help_text="Why the import is taken back.")


class ChangedByImportShape(serializers.Serializer[Any]):
    """What an import did to the records of one model."""

    model = serializers.CharField()
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    created_ids = serializers.ListField(
        child=serializers.IntegerField(), help_text=f"Of the first {MOST_NAMED}."
    )
    changed_ids = serializers.ListField(child=serializers.IntegerField())


class InTheWayShape(serializers.Serializer[Any]):
    """One thing that keeps an import from being taken back."""

    text = serializers.CharField()
    customer = serializers.IntegerField(allow_null=True)


class ChangesShape(serializers.Serializer[Any]):
    """What an import did, and what keeps it from being taken back."""

    models = ChangedByImportShape(many=True)
    in_the_way = InTheWayShape(many=True, help_text="The first of them.")
    in_the_way_count = serializers.IntegerField(help_text="Counted up to 1,000.")


class LineErrorShape(serializers.Serializer[Any]):
    """One refused line."""

    line = serializers.IntegerField(help_text="The physical line in the file.")
    column = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(help_text="In the language of whoever started it.")
    values = serializers.ListField(
        child=serializers.CharField(allow_blank=True), help_text="The line's cells."
    )


class ErrorsShape(serializers.Serializer[Any]):
    """The first refused lines of an import."""

    columns = serializers.ListField(child=serializers.CharField())
    lines = LineErrorShape(many=True)
    truncated = serializers.BooleanField(help_text="There are more; the import's page has them all.")


class ImportFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=[(code, code) for code in KINDS])
    status = filters.ChoiceFilter(choices=ImportBatch.Status.choices)


class Imports(Lists, Details, Resource):
    tag = "imports"
    model = ImportBatch
    detail_route = "api:import-detail"
    serializer_class = ImportShape
    filterset_class = ImportFilter
    parser_classes = [StrictJSONParser, MultiPartParser]
    orders = {"-id": ("-id",), "id": ("id",)}
    access = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "start": WRITE,
        "refused_lines": READ,
        "changes": READ,
        "undo": WRITE,
    }
    takes = {"create": Upload, "start": Start, "undo": Undo}
    gives = {"refused_lines": ErrorsShape, "changes": ChangesShape}
    refuses = {
        "create": [
            "import_kind_for_others",
            "upload_too_large",
            "empty_file",
            "not_text",
            "encoding",
            "old_workbook",
            "damaged_file",
        ],
        "start": [
            "import_started",
            "import_kind_for_others",
            "bad_mapping",
            "bad_value",
            "fields_missing",
            "ambiguous_dates",
            "when_known",
        ],
        "undo": [
            "undo_without_reason",
            "undo_not_now",
            "undo_nothing_kept",
            "undo_accounts_stay",
            "undo_blocked",
        ],
    }
    examples = {
        "start": {"mapping": {"source": "shop", "history": True}},
        "undo": {"reason": "The file of another shop."},
    }

    def rows(self) -> QuerySet[Any]:
        """Return the imports that the caller may see."""
        found: QuerySet[Any] = ImportBatch.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    def create(self, request: Request) -> Response:
        """Upload a file (multipart/form-data)."""
        values = self.taken()
        batch = uploads.keep_upload(values["file"], kind=values["kind"], by=request.user, at=clock.now())
        return self.made(batch)

    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Start the import of an uploaded file; a worker does it."""
        batch = self.one()
        if batch.status != ImportBatch.Status.UPLOADED:
            raise uploads.NotWaiting()
        wanted = mapping.from_data(self.taken().get("mapping") or {})
        return self.shown(uploads.start_import(batch, wanted, by=request.user, at=clock.now()))

    @action(detail=True, methods=["get"])
    def changes(self, request: Request, pk: str) -> Response:
        """Read what an import made and changed, and what keeps it from being taken back."""
        batch = self.one()
        standing = undo.in_the_way(batch)
        told = []
        for share in undo.shares_of(batch):
            rows = undo.records_of(batch, share.code, after=0, most=MOST_NAMED)
            told.append(
                {
                    "model": share.code,
                    "created": share.created,
                    "changed": share.changed,
                    "created_ids": [row.object_id for row in rows if row.is_new],
                    "changed_ids": [row.object_id for row in rows if not row.is_new],
                }
            )
        way = [{"text": blocker.text, "customer": blocker.customer_id} for blocker in standing.shown]
        return Response({"models": told, "in_the_way": way, "in_the_way_count": standing.count})

    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take an import back, as if it had never been; a worker does it."""
        batch = self.one()
        return self.shown(
            undo.undo_import(batch, reason=self.taken()["reason"], by=request.user, at=clock.now())
        )

    @action(detail=True, methods=["get"], url_path="errors", url_name="errors")
    def refused_lines(self, request: Request, pk: str) -> Response:
        """Read the first 1,000 refused lines."""
        batch = self.one()
        path = background.error_file(batch)
        columns: list[str] = []
        lines: list[list[str]] = []
        if path is not None:
            audit.record("import.download_errors", obj=batch, by=request.user, at=clock.now())
            with path.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.reader(stream)
                columns = next(reader, [])[:-4]
                lines = [
                    row for row, _n in zip(reader, range(MOST_ERRORS + 1), strict=False) if len(row) >= 4
                ]
        told = [
            {"line": int(r[-4]), "column": r[-2], "reason": r[-1], "values": r[:-4]}
            for r in lines[:MOST_ERRORS]
        ]
        return Response({"columns": columns, "lines": told, "truncated": len(lines) > MOST_ERRORS})


class KindFieldShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]


class KindShape(serializers.Serializer[Any]):
    """What a file of one kind can hold."""

    code = serializers.CharField()
    fields_ = KindFieldShape(many=True)

    def get_fields(self) -> dict[str, Any]:
        """Call the member ``fields``, which a serializer cannot."""
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class KindsShape(serializers.Serializer[Any]):
    results = KindShape(many=True)


class Kinds(Resource):
    tag = "imports"
    model = ImportBatch
    serializer_class = KindsShape
    access = {"show": READ}

    def show(self, request: Request) -> Response:
        """List the kinds of data that can be imported, with their fields."""
        told = [
            {
                "code": kind.code,
                "fields": [
                    {"name": f.name, "type": f.type.value, "required": f.required} for f in kind.fields
                ],
            }
            for kind in kinds.every()
        ]
        return Response({"results": told})

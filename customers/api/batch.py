"""Many records at once, by the names that their source gives them: good ones land, others say why.

A batch takes what an import takes, field by field (``customers.imports.kinds``), and lands by the same
verbs; so a file and a program that say the same thing write the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.api import traces
from customers.api.reading import ADMINS
from customers.api.records import record_shape
from customers.ground import audit, clock
from customers.ground.api.access import may
from customers.ground.api.problems import leaves
from customers.ground.api.serializers import Takes
from customers.ground.api.views import Resource
from customers.imports import kinds
from customers.imports.kinds import CellRefused, Context, Group, Row
from customers.models import Customer, ImportBatch

MOST = 1000
STATUSES = ("created", "updated", "unchanged", "refused")


class ItemError(serializers.Serializer[Any]):
    """Why one record did not land."""

    pointer = serializers.CharField(help_text="Where in the body, as a JSON pointer.")
    code = serializers.CharField()
    message = serializers.CharField(help_text="In the caller's language.")


class ItemResult(serializers.Serializer[Any]):
    """What became of one record."""

    index = serializers.IntegerField(help_text="Its place in the batch, from 0.")
    external_id = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(STATUSES)
    id = serializers.IntegerField(allow_null=True, help_text="Our number of the record.")
    errors = ItemError(many=True)  # type: ignore[assignment]


class BatchResult(serializers.Serializer[Any]):
    """What became of a batch; the sum of the four counts is the number of records."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = ItemResult(many=True)


class Batch(Resource):
    """One kind of record; subclasses are made by :func:`batch_of`."""

    tag = "batch"
    model = ImportBatch
    kind: ClassVar[str]
    shape: ClassVar[type[serializers.Serializer[Any]]]
    serializer_class = BatchResult
    answers = {"upsert": 200}
    access = {"upsert": may(*ADMINS, scope="facts:write")}

    def upsert(self, request: Request) -> Response:
        """Create or change records by the ids of their source."""
        head = self.taken()
        at, firm, kind = clock.now(), company.current(), kinds.named(self.kind)
        batch = traces.batch_of_today(self.kind, by=request.user, at=at)
        where = Context(
            source=head.get("source", ""),
            at=at,
            firm=firm,
            batch=batch,
            currency=firm.base_currency,
            zone=firm.time_zone,
            create_missing=head.get("on_missing_customer") == "create",
            history=head.get("history", False),
        )
        reading = Reading(self.shape(), kind, where, head["records"])
        trace = traces.Trace(self.kind, list(reading.groups), source=where.source, groups=reading.groups)
        outcome = kind.land([*reading.groups.values()], where)
        for refusal in outcome.refused:
            reading.refuse(refusal.number, refusal.field, refusal.reason.code, str(refusal.reason))
        stands = trace.after(outcome.landed)
        results = [reading.result(index, stands) for index in range(len(head["records"]))]
        counts = {status: sum(r["status"] == status for r in results) for status in STATUSES}
        traces.count(batch, counts)
        audit.record("batch.upsert", obj=batch, by=request.user, at=at, codes={"kind": self.kind, **counts})
        return Response({**counts, "results": results})


class Reading:
    """The records of a batch: those that can be read as groups to land, the others with their errors."""

    def __init__(self, shape: Any, kind: kinds.Kind, where: Context, records: list[Any]) -> None:
        self.kind, self.where = kind, where
        self.groups: dict[str, Group] = {}
        self.keys: dict[int, str] = {}
        self.errors: dict[int, list[dict[str, str]]] = {}
        for index, said in enumerate(records):
            try:
                values = shape.run_validation(said)
            except serializers.ValidationError as error:
                for path, item in leaves(error.detail):
                    self._note(index, "/".join(path), getattr(item, "code", "invalid"), str(item))
                if isinstance(said, Mapping):
                    self.keys[index] = "-".join(str(said.get(name, ""))[:190] for name in kind.key)
                continue
            self._take(index, values)
        self._know_customers()

    def _take(self, index: int, values: dict[str, Any]) -> None:
        key = self.keys[index] = "-".join(str(values[name]) for name in self.kind.key)
        if key in self.groups:
            self._note(index, self.kind.key[0], "duplicate", _("The batch names this record twice."))
            return
        if self.kind.has_customer:
            number = values.pop("customer_id", None)
            values.setdefault("customer", number)
        lines = values.pop(self.kind.parts_name, [{}])
        rows = [Row(index, place, {**values, **line}) for place, line in enumerate(lines, start=1)]
        for row in rows:
            try:
                if self.kind.check is not None:
                    self.kind.check(row.values, self.where)
            except CellRefused as refusal:
                inside = (
                    f"{self.kind.parts_name}/{row.position - 1}/"
                    if self.kind.is_grouped and refusal.field not in values
                    else ""
                )
                self._note(index, inside + refusal.field, refusal.reason.code, str(refusal.reason))
                return
        self.groups[key] = Group(key, rows)

    def _know_customers(self) -> None:
        """Refuse records that name a number of ours which no customer has."""
        named = {key: group.first.values.get("customer") for key, group in self.groups.items()}
        numbers = {number for number in named.values() if isinstance(number, int)}
        standing = Q(gone_at__isnull=True) | Q(merged_into__isnull=False)  # whose facts are the survivor's
        found = Customer.objects.filter(standing, pk__in=numbers)
        known = set(found.values_list("pk", flat=True)) if numbers else set()
        for key, number in named.items():
            if isinstance(number, int) and number not in known:
                index = self.groups.pop(key).first.number
                self._note(index, "customer_id", "unknown_customer", _("There is no such customer."))

    def refuse(self, index: int, field: str, code: str, message: str) -> None:
        """Note why a record that could be read did not land."""
        self._note(index, field, code, message)

    def _note(self, index: int, field: str, code: str, message: str) -> None:
        place = f"#/records/{index}" + (f"/{field}" if field else "")
        said = {"pointer": place, "code": code or "invalid", "message": message}
        noted = self.errors.setdefault(index, [])
        if said not in noted:
            noted.append(said)

    def result(self, index: int, stands: Mapping[str, tuple[str, int | None]]) -> dict[str, Any]:
        """Return what became of the record at ``index``."""
        key, errors = self.keys.get(index, ""), self.errors.get(index, [])
        status, number = ("refused", None) if errors else stands.get(key, ("refused", None))
        return {"index": index, "external_id": key, "status": status, "id": number, "errors": errors}


def batch_of(code: str, *, scope: str, example: Any) -> type[Batch]:
    """Make the resource of one kind of record."""
    kind = kinds.named(code)
    name = "".join(word.title() for word in code.split("_"))
    shape = record_shape(kind, name=f"{name}Record")
    head: dict[str, Any] = {"__doc__": f"A batch of {code}."}
    if "external_id" in kind.fields_by_name:
        head["source"] = serializers.CharField(max_length=64, help_text="The system that the ids come from.")
    if kind.has_customer and code != "contacts":
        if code != "attributes":
            head["on_missing_customer"] = serializers.ChoiceField(
                ["refuse", "create"],
                required=False,
                help_text="A record of a customer that the source never named.",
            )
        head["history"] = serializers.BooleanField(
            required=False,
            help_text="true: the company knew of each fact when it happened; nobody is called to act.",
        )
    # Only for the documentation: at run time each record is read by itself, so that the others land.
    listed: Any = serializers.ListSerializer(child=shape(), min_length=1, max_length=MOST)
    documented = type(f"{name}Batch", (Takes,), {**head, "records": listed})
    read = type(f"{name}Head", (Takes,), {**head, "records": Records()})
    return type(
        f"{name}Upsert",
        (Batch,),
        {
            "kind": code,
            "shape": shape,
            "takes": {"upsert": read},
            "documents": {"upsert": documented},
            "examples": {"upsert": example},
            "access": {"upsert": may(*ADMINS, scope=scope)},
        },
    )


class Records(serializers.ListField):
    """1 to 1,000 records, not yet read."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=MOST, **kwargs)

    def run_child_validation(self, data: Any) -> Any:
        """Leave each record as it came."""
        return data

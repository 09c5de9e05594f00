"""What retention knows of one customer: its measures, its year, its timeline."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock, money
from customers.ground.api.access import may
from customers.ground.api.serializers import MomentField
from customers.ground.api.views import Lists, Resource
from customers.ground.localtime import day_of
from customers.models import Customer
from retention import measures
from retention.api.paging import Everything, OwnPages, unknown_cursor
from retention.api.roles import SEES_CASES
from retention.api.shapes import EntryShape, MeasureShape
from retention.measures import Measure, Unit, compute, own
from retention.measures.history import history, months_of
from retention.models import CustomerMeasures, MeasureCoverage, RetentionCase
from retention.timeline import Entry, UnknownPlace, timeline


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": ["integer", "string", "boolean", "null"]}}
)
class ValuesField(serializers.DictField):
    """Values by the code of their measure."""


class MeasuresShape(serializers.Serializer[Any]):
    """The current measures of a customer; ``as_of`` is null before the first pass."""

    customer = serializers.IntegerField()
    as_of = MomentField(allow_null=True)
    currency = serializers.CharField()
    values = ValuesField()


class MonthShape(serializers.Serializer[Any]):
    """One month of a customer."""

    month = serializers.CharField(help_text="For example 2026-05.")
    orders = serializers.IntegerField()
    spend = serializers.CharField()
    contacts = serializers.IntegerField()
    complaints = serializers.IntegerField()


class HistoryShape(serializers.Serializer[Any]):
    """A customer's year by month, the running one last."""

    customer = serializers.IntegerField()
    currency = serializers.CharField()
    months = MonthShape(many=True)


class CustomerMeasuresOf(Resource):
    moves_when_merged = True
    tag = "measures"
    model = Customer
    serializer_class = MeasuresShape
    access = {
        "measures": may(*SEES_CASES, scope="measures:read"),
        "history": may(*SEES_CASES, scope="measures:read"),
    }
    gives = {"history": HistoryShape}

    def rows(self) -> QuerySet[Customer]:
        """Return the customers that the caller may see."""
        found: QuerySet[Customer] = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    @action(detail=True)
    def measures(self, request: Request, pk: str) -> Response:
        """Show a customer's current measures.

        Counts, days and codes as they are; amounts as decimal strings in the company's currency, ratios
        as decimal strings, days of the calendar as YYYY-MM-DD; null is unknown.
        """
        customer, firm = self.one(), company.current()
        today = company.today(clock.now(), firm).number
        row = compute.values_of([customer.pk]).get(customer.pk)
        as_of = compute.known_as_of(customer.pk)
        values = {
            code: _plain(measure, measure.read(row, today=today), firm.base_currency)
            for code, measure in measures.every().items()
            if row is not None
        }
        terms = own.known(also_retired=False)
        made = own.values_of([customer.pk], terms.values(), at=clock.now())[customer.pk]
        values |= {key: terms[key].plain(value) for key, value in made.items()}
        shown = {"customer": customer.pk, "as_of": as_of, "currency": firm.base_currency, "values": values}
        return Response(MeasuresShape(shown).data)

    @action(detail=True)
    def history(self, request: Request, pk: str) -> Response:
        """Show a customer's last twelve months."""
        customer, firm, at = self.one(), company.current(), clock.now()
        course = history(customer.pk, at=at)
        rows = [
            {
                "month": f"{day_of(start):%Y-%m}",
                "orders": orders,
                "spend": str(money.from_minor(spend, firm.base_currency)),
                "contacts": contacts,
                "complaints": complaints,
            }
            for start, orders, spend, contacts, complaints in zip(
                months_of(at),
                course["orders"],
                course["spend"],
                course["contacts"],
                course["complaints"],
                strict=True,
            )
        ]
        shown = {"customer": customer.pk, "currency": firm.base_currency, "months": rows}
        return Response(HistoryShape(shown).data)


class Measures(Lists, Resource):
    tag = "measures"
    model = CustomerMeasures
    serializer_class = MeasureShape
    pagination_class = Everything
    access = {"list": may(*SEES_CASES, scope="measures:read")}

    def rows(self) -> Any:
        """Return the catalogue, which is the same for everybody."""
        return CustomerMeasures.objects.none()

    def filter_queryset(self, queryset: Any) -> Any:
        """Return the measures in the order of their declaration."""
        kept = {row.code: row for row in MeasureCoverage.objects.all()}
        made = [_described_own(term, kept.get(key)) for key, term in own.known(also_retired=False).items()]
        return [_described(measure, kept.get(code)) for code, measure in measures.every().items()] + made

    def list(self, request: Request) -> Response:
        """List the measures that there are, with their units, coverage and freshness."""
        return super().list(request)


class Timeline(Lists, Resource):
    moves_when_merged = True
    tag = "customers"
    model = Customer
    serializer_class = EntryShape
    pagination_class = OwnPages
    access = {"list": may(*SEES_CASES, scope="timeline:read")}

    def rows(self) -> QuerySet[Customer]:
        """Return the customers whose timeline the caller may see: hers, and those of cases that she sees."""
        user = self.request.user
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        of_cases = RetentionCase.objects.visible_to(user)  # type: ignore[attr-defined]
        here = Customer.objects.filter(pk=self.kwargs["customer"])
        found: QuerySet[Customer] = here.filter(pk__in=visible.values("pk")) | here.filter(
            pk__in=of_cases.values("customer")
        )
        return found

    def page(self, found: QuerySet[Customer], cursor: str, size: int) -> tuple[list[Entry], str]:
        """Return a page of the one customer's timeline."""
        customer = found.first()
        if customer is None:
            raise Http404
        try:
            page = timeline(customer, user=self.request.user, before=cursor, limit=size)
        except UnknownPlace as error:
            raise unknown_cursor() from error
        return page.entries, page.older

    def list(self, request: Request, **address: str) -> Response:
        """Tell what happened with a customer, newest first, in the caller's language."""
        return super().list(request)


def _described_own(term: own.OwnTerm, kept: MeasureCoverage | None) -> dict[str, Any]:
    shown = Measure(
        term.key,
        term.label,
        term.unit,
        own.SOURCE,
        term.help,
        window=term.days or None,
        choices=tuple((code, code) for code, _en, _zh in term.choices if term.unit == Unit.CODE),
    )
    return {**_described(shown, kept), "is_stored": False}


def _described(measure: Measure, kept: MeasureCoverage | None) -> dict[str, Any]:
    newest = kept.newest_day if kept else None
    return {
        "known": kept.known if kept else None,
        "customers": kept.customers if kept else None,
        "newest_fact_on": day_of(newest) if newest is not None else None,
        "counted_at": kept.as_of if kept else None,
        "code": measure.code,
        "source": measure.source,
        "unit": measure.unit.value,
        "label": str(measure.label),
        "help": str(measure.help),
        "window": measure.window,
        "is_stored": measure.is_stored,
        "version": measure.version,
        "choices": [code for code, _label in measure.choices],
    }


def _plain(measure: Measure, value: int | Fraction | str | None, currency: str) -> int | str | bool | None:
    """Return a value as JSON holds it without loss; ratios with four decimals."""
    if value is None or isinstance(value, str):
        return value
    match measure.unit:
        case Unit.MONEY:
            return str(money.from_minor(int(value), currency))
        case Unit.DAY:
            return day_of(int(value)).isoformat()
        case Unit.FLAG:
            return bool(value)
        case Unit.RATIO:
            exact = Fraction(value)
            decimal = Decimal(exact.numerator) / Decimal(exact.denominator)
            return str(decimal.quantize(Decimal("0.0001"), ROUND_HALF_UP))
    return int(value)

"""Products, orders and contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import contracts, orders
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import EVERYBODY, of_visible
from customers.company import current
from customers.ground import localtime, money
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import AmountField, DateField, DayField, Gives, NumberField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Contract, Order, OrderLine, Product

MOST_LINES = 1000


class ProductShape(Gives):
    unit_cost = AmountField(allow_null=True, help_text="In the company's currency; null: by margin.")
    margin = serializers.SerializerMethodField(help_text="Share of net amount; null: the company's rate.")
    is_withdrawn = serializers.BooleanField(help_text="It cannot be bought any more, or soon no more.")
    withdrawn_on = DayField(
        source="withdrawn_day",
        allow_null=True,
        help_text="From which day on it cannot be bought; null: it can, or the day is not known.",
    )

    class Meta:
        model = Product
        fields = [
            "id",
            "code",
            "name",
            "name_alt",
            "category",
            "margin",
            "unit_cost",
            "is_withdrawn",
            "withdrawn_on",
        ]

    def get_margin(self, product: Product) -> str | None:
        """Return the margin as a share: ``"0.35"``."""
        return str(Decimal(product.margin_bp) / 10_000) if product.margin_bp is not None else None


class ProductFilter(filters.FilterSet):
    code = filters.TextFilter()
    q = filters.TextFilter(method="by_name", label="A part of the name, in either language.")
    category = filters.TextFilter()
    is_withdrawn = filters.FlagFilter()

    def by_name(self, found: QuerySet[Product], name: str, value: str) -> QuerySet[Product]:
        """Look for a part of either name."""
        return found.filter(Q(name__icontains=value) | Q(name_alt__icontains=value))


class Products(Lists, Details, Resource):
    tag = "products"
    model = Product
    serializer_class = ProductShape
    filterset_class = ProductFilter
    orders = {"id": ("id",), "code": ("code",)}
    access = {
        "list": may(*EVERYBODY, scope="company:read"),
        "retrieve": may(*EVERYBODY, scope="company:read"),
    }

    def rows(self) -> QuerySet[Product]:
        """Return all products: they belong to nobody."""
        return Product.objects.all()


class LineShape(Gives):
    quantity = NumberField()
    unit_price = NumberField()
    unit_cost = NumberField(allow_null=True)
    amount = serializers.SerializerMethodField(help_text="Quantity × unit price, in the order's currency.")
    product: Any = serializers.SlugRelatedField("code", read_only=True, help_text="The product's code.")

    class Meta:
        model = OrderLine
        fields = ["line_no", "product", "description", "quantity", "unit_price", "unit_cost", "amount"]

    def get_amount(self, line: OrderLine) -> str:
        """Return the amount in major units."""
        return str(money.from_minor(line.amount, self.context["order_currency"]))


class OrderShape(Gives):
    sold = AmountField(currency="currency")
    returned = AmountField(currency="currency")
    sold_base = AmountField(help_text="In the company's currency, at the rate of the order's day.")
    returned_base = AmountField(help_text="In the company's currency.")
    margin_base = AmountField(help_text="In the company's currency.")

    promised_on = DayField(source="promised_day", allow_null=True)
    delivered_on = DayField(source="delivered_day", allow_null=True)

    class Meta:
        model = Order
        fields = [
            *FACT,
            "number",
            "status",
            "is_purchase",
            "currency",
            "sold",
            "returned",
            "sold_base",
            "returned_base",
            "margin_base",
            "margin_assumed",
            "promised_on",
            "delivered_on",
            "returns_of",
        ]


class OrderWithLines(OrderShape):
    lines = serializers.SerializerMethodField()

    class Meta(OrderShape.Meta):
        fields = [*OrderShape.Meta.fields, "lines"]

    def get_lines(self, order: Order) -> LineShape(many=True):  # type: ignore[valid-type]
        """Return the lines that stand, in order."""
        rows = [line for line in order.lines.all() if not line.void]
        return LineShape(rows, many=True, context={**self.context, "order_currency": order.currency}).data


class NewLine(Takes):
    product = serializers.CharField(max_length=64, required=False, help_text="Code of a product that exists.")
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    quantity = NumberField(max_digits=14, decimal_places=3, help_text="Below zero: a return.")
    unit_price = NumberField(max_digits=16, decimal_places=4, min_value=0, help_text="In major units.")
    unit_cost = NumberField(max_digits=16, decimal_places=4, min_value=0, required=False)


class NewOrder(NewFact):
    number = serializers.CharField(max_length=64, required=False, allow_blank=True)
    currency = serializers.ChoiceField(
        sorted(money.EXPONENTS), required=False, help_text="The company's unless said."
    )
    promised_on = DateField(required=False, allow_null=True)
    delivered_on = DateField(required=False, allow_null=True)
    lines: Any = serializers.ListSerializer(child=NewLine(), min_length=1, max_length=MOST_LINES)


class Delivery(Takes):
    """What is not said stays; ``null`` empties it."""

    promised_on = DateField(required=False, allow_null=True)
    delivered_on = DateField(required=False, allow_null=True)


class OrderFilter(FactFilter):
    status = filters.ChoiceFilter(choices=Order.Status.choices)
    number = filters.TextFilter()


class Orders(Facts):
    tag = "orders"
    model = Order
    detail_route = "api:order-detail"
    serializer_class = OrderWithLines
    gives = {"list": OrderShape}
    filterset_class = OrderFilter
    access = {**READ, "create": RECORD, "delivery": RECORD}
    takes = {"create": NewOrder, "delivery": Delivery}
    refuses = {
        "create": ["empty_order", "delivered_before", "in_the_future", "missing_rate", "amount_too_large"],
        "delivery": ["delivered_before", "nothing_to_deliver", "older_than_known"],
    }
    examples = {
        "delivery": {"promised_on": "2026-05-20", "delivered_on": "2026-05-22"},
        "create": {
            "customer": 12,
            "number": "SO-1017",
            "occurred_at": "2026-05-11T09:30:00+08:00",
            "currency": "CNY",
            "lines": [{"product": "P-100", "quantity": "2", "unit_price": "49.90"}],
        },
    }

    def rows(self) -> QuerySet[Order]:
        """Return the orders of the customers that the caller may see, one of them with its lines."""
        found = of_visible(Order, self.request.user)
        if self.action == "list":
            return found
        lines = OrderLine.objects.order_by("line_no").select_related("product")
        return found.prefetch_related(Prefetch("lines", queryset=lines))

    def create(self, request: Request) -> Response:
        """Record an order with its lines."""
        values = self.taken()
        codes = {line["product"] for line in values["lines"] if line.get("product")}
        products = {product.code: product for product in Product.objects.filter(code__in=codes)}
        if unknown := sorted(codes - set(products)):
            raise not_there("lines", unknown[0])  # type: ignore[arg-type]
        lines = [
            orders.Line(**{**line, "product": products.get(line.get("product", ""))})
            for line in values.pop("lines")
        ]
        return self.made(
            orders.record_order(self.customer_of(values), lines=lines, **values, **self.acting())
        )

    @action(detail=True, methods=["post"])
    def delivery(self, request: Request, pk: str) -> Response:
        """Say by when an order was promised and when it came."""
        order, values = self.one(), self.taken()
        for name in ("promised", "delivered"):
            day = getattr(order, f"{name}_day")
            values.setdefault(f"{name}_on", None if day is None else localtime.day_of(day))
        orders.set_delivery(order, **values, **self.acting())
        return self.shown(self.one())


class ContractShape(Gives):
    starts_on = DayField(source="starts_day")
    ends_on = DayField(source="ends_day")
    notice_on = DayField(source="notice_day", allow_null=True)
    renewed_on = DayField(source="renewed_day", allow_null=True)
    terminated_on = DayField(source="terminated_day", allow_null=True)
    value = AmountField(currency="currency", help_text="Over the whole term.")
    value_base = AmountField(help_text="In the company's currency.")

    class Meta:
        model = Contract
        fields = [
            *FACT,
            "number",
            "starts_on",
            "ends_on",
            "notice_on",
            "auto_renew",
            "owner",
            "renews",
            "renewal",
            "renewed_on",
            "terminated_on",
            "currency",
            "value",
            "value_base",
        ]


class NewContract(NewFact):
    number = serializers.CharField(max_length=64, required=False, allow_blank=True)
    starts_on = DateField()
    ends_on = DateField()
    notice_on = DateField(required=False, allow_null=True)
    auto_renew = serializers.BooleanField(required=False)
    currency = serializers.ChoiceField(sorted(money.EXPONENTS), required=False)
    value = NumberField(
        max_digits=18, required=False, min_value=0, help_text="In major units, over the whole term."
    )


class ContractFilter(FactFilter):
    ends_from = filters.DayFilter(field_name="ends_day", lookup_expr="gte", numbered=True)
    ends_until = filters.DayFilter(field_name="ends_day", lookup_expr="lte", numbered=True)


class Contracts(Facts):
    tag = "contracts"
    model = Contract
    detail_route = "api:contract-detail"
    serializer_class = ContractShape
    filterset_class = ContractFilter
    access = {**READ, "create": RECORD}
    takes = {"create": NewContract}
    refuses = {"create": ["contract_days", "in_the_future", "missing_rate", "amount_too_large"]}
    examples = {
        "create": {
            "customer": 12,
            "starts_on": "2026-06-01",
            "ends_on": "2027-05-31",
            "value": "12000.00",
            "currency": "CNY",
        }
    }

    def rows(self) -> QuerySet[Any]:
        """Return the contracts of the customers that the caller may see."""
        return of_visible(Contract, self.request.user)

    def create(self, request: Request) -> Response:
        """Record a contract."""
        values = self.taken()
        if "value" in values:
            currency = values.get("currency") or current().base_currency
            values["value"] = money.to_minor(values["value"], currency)
        return self.made(contracts.record_contract(self.customer_of(values), **values, **self.acting()))

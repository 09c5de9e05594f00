"""Whether what a customer buys can still be bought."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from retention.measures.expressions import TODAY, Col
from retention.measures.registry import Measure, Source, Unit, declare, declare_source

BOUGHT_WITHIN = 365
"""A product counts for whoever bought it so many days before its withdrawal, or later."""

# Lines are the largest table. Those of withdrawn products are found by the index of the product, where
# there are any; an index of their own would cost each import more than it is worth. Lines stand and fall
# with their order, by whose days it is told who enters.
declare_source(
    Source(
        code="products",
        label=_("Products"),
        fact="customers.OrderLine",
        columns=("order_id", "product_id", "quantity", "occurred_day"),
        dated_by="customers.Order",
        rows=(
            "SELECT f.*, (SELECT p.withdrawn_day FROM customers_product p WHERE p.id = f.product_id)"
            " AS withdrawn_day FROM ({facts}) f WHERE {withdrawn} AND quantity > 0"
            " AND (SELECT o.status FROM ({orders}) o WHERE o.id = f.order_id LIMIT 1) <> 'cancelled'"
        ),
        moved=(
            "SELECT customer_id FROM customers_orderline WHERE {within} AND product_id IN (SELECT p.id"
            " FROM customers_product p WHERE p.withdrawn_day BETWEEN %(from_day)s AND %(to_day)s)"
        ),
    )
)

declare(
    Measure(
        code="product_withdrawn_day",
        label=_("Product bought was withdrawn"),
        unit=Unit.DAY,
        source="products",
        help=_(
            "Latest day on which a product was withdrawn that the customer bought within the 365 days "
            "before it or later. Cancelled orders and returns do not count."
        ),
        aggregate=f"max(withdrawn_day) FILTER (WHERE occurred_day > withdrawn_day - {BOUGHT_WITHIN})",
    )
)
declare(
    Measure(
        code="withdrawn_products_365d",
        label=_("Products bought in 12 months that are withdrawn"),
        unit=Unit.COUNT,
        source="products",
        help=_("Products that the customer bought in the last 365 days and that are withdrawn by now."),
        aggregate=f"count(DISTINCT product_id) FILTER (WHERE occurred_day > %(back_{BOUGHT_WITHIN})s)",
        window=BOUGHT_WITHIN,
        higher_is_worse=True,
    )
)
declare(
    Measure(
        code="days_since_product_withdrawn",
        label=_("Days since a product bought was withdrawn"),
        unit=Unit.DAYS,
        source="products",
        help=_(
            "Days that have passed since a product was withdrawn that the customer bought within the 365 "
            "days before. Unknown when none ever was."
        ),
        form=TODAY - Col("product_withdrawn_day"),
    )
)

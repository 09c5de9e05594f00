"""Products that a change withdraws: they say so once it is announced, and no more when it is called off."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from customers import touched
from customers.models import Product
from customers.products import buyers_of, withdrawal
from retention.models import BusinessChange, ChangedProduct


def withdraw(change: BusinessChange, *, at: datetime) -> None:
    """Let the products say that they are withdrawn, unless they say so of an earlier day already.

    In the caller's transaction. Side effects: what they said is kept; their buyers are marked.
    """
    moved = []
    for row, product in _held(change):
        row.own_day, row.own_known_at = product.withdrawn_day, product.withdrawn_known_at
        same = _others(row).filter(change__effect_day=product.withdrawn_day).first()
        if same is not None:  # it says so because of that one
            row.own_day, row.own_known_at = same.own_day, same.own_known_at
        row.save(update_fields=["own_day", "own_known_at"])
        if product.withdrawn_day is not None and product.withdrawn_day <= change.effect_day:
            continue
        values = withdrawal(product, {"withdrawn_day": change.effect_day}, at=at)
        Product.objects.filter(pk=product.pk).update(**values)
        moved.append(product.pk)
    touched.mark(buyers_of(moved), at=at)


def give_back(change: BusinessChange, *, at: datetime) -> None:
    """Let the products say what they would without a change that is closed before its day of effect.

    That is the day that another open change withdraws them, or what they said themselves, whichever is
    earlier; a day that somebody gave them since stays. In the caller's transaction. Side effects: their
    buyers are marked.
    """
    moved = []
    for row, product in _held(change):
        if product.withdrawn_day != change.effect_day:
            continue
        others = _others(row).order_by("change__effect_day").values_list("change__effect_day", flat=True)
        day = min((one for one in (row.own_day, others.first()) if one is not None), default=None)
        if day == product.withdrawn_day:
            continue
        values = withdrawal(None, {"withdrawn_day": day}, at=at)
        if day is not None and day == row.own_day:
            values["withdrawn_known_at"] = row.own_known_at
        Product.objects.filter(pk=product.pk).update(**values)
        moved.append(product.pk)
    touched.mark(buyers_of(moved), at=at)


def _held(change: BusinessChange) -> list[tuple[ChangedProduct, Product]]:
    """Return what a change is about, the products held in order."""
    rows = {row.product_id: row for row in change.about.all()}
    products = Product.objects.select_for_update().filter(pk__in=rows).order_by("pk")
    return [(rows[product.pk], product) for product in products]


def _others(row: ChangedProduct) -> QuerySet[ChangedProduct]:
    """Return the rows of the other open withdrawals of the same product."""
    rows = ChangedProduct.objects.filter(
        product=row.product_id,
        change__kind=BusinessChange.Kind.WITHDRAWN,
        change__state__in=BusinessChange.OPEN,
    )
    return rows.exclude(change=row.change_id)

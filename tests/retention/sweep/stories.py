"""Customers who fall silent, rules switched on, and what everybody can see afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps

from customers.models import Customer
from retention import rules
from retention.models import EarlyWarning, WarningRule
from tests.factories import NOW, CustomerFactory, InteractionFactory, ago

DAY = timedelta(days=1)

Found = list[tuple[str, str, str, str]]


def silent(*days: int) -> list[Customer]:
    """Return customers, one for each number of days since the last contact."""
    made = []
    for number in days:
        customer = CustomerFactory(name=f"silent {number}")
        InteractionFactory(customer=customer, occurred_at=ago(number))
        made.append(customer)
    return made


def on(*codes: str, **values: Any) -> list[WarningRule]:
    """Switch rules on with open cases for whoever matches, and perhaps change their columns."""
    found = rules.get(codes)
    for rule in found:
        rules.enable(rule, open_existing=True, by=None, at=NOW)
        if values:
            WarningRule.objects.filter(pk=rule.pk).update(**values)
    return found


def standing() -> Found:
    """Return the warnings as customer, rule, state and evidence."""
    rows = EarlyWarning.objects.values_list("customer__name", "rule__code", "state", "evidence")
    return sorted(rows)


def names_of(state: str = "open") -> list[str]:
    """Return the customers' names of the warnings in a state."""
    return sorted(EarlyWarning.objects.filter(state=state).values_list("customer__name", flat=True))


def all_rows() -> dict[str, list[Any]]:
    """Return every row of every table of the product, to see that nothing was written."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for app in ("ground", "customers", "retention")
        for model in apps.get_app_config(app).get_models()
    }

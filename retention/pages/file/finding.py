"""Naming another customer in a form: its name, or its number behind a #."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground.numbers import whole
from customers.models import Customer, User
from customers.search.finding import matching
from retention.pages.customers import SEES_CUSTOMERS

MOST = 12
_NUMBER = re.compile(r"#\s*(\d+)\)?\s*$")


def written(customer: Customer | None) -> str:
    """Return how a customer is written in the field, so that it is found again."""
    return f"{customer.name} (#{customer.pk})" if customer is not None else ""


class CustomerField(forms.CharField):
    """A customer that the person asking may see; suggestions come while one types."""

    def __init__(self, *, required: bool = False, **kwargs: Any) -> None:
        attrs = {
            "autocomplete": "off",
            "list": "customer-names",
            "hx-get": reverse_lazy("retention:customer_names"),
            "hx-trigger": "input changed delay:200ms",
            "hx-target": "#customer-names",
            "hx-swap": "innerHTML",
        }
        super().__init__(required=required, max_length=230, widget=forms.TextInput(attrs=attrs), **kwargs)
        self.visible: QuerySet[Customer] = Customer.objects.none()

    def clean(self, value: Any) -> Customer | None:  # type: ignore[override]
        """Return the customer; refuse a name that none has, or several."""
        text = " ".join(super().clean(value).replace("\0", "").split())
        if not text:
            return None
        number = _NUMBER.search(text)
        if number is not None:
            found = list(self.visible.filter(pk=whole(number[1]) or 0))
        else:
            found = list(self.visible.filter(Q(name__iexact=text) | Q(name_alt__iexact=text))[:2])
        if not found:
            raise ValidationError(_("You see no customer of this name. Write the whole name."), code="nobody")
        if len(found) > 1:
            raise ValidationError(
                _("Several customers have this name. Write the number of the one you mean, such as #12."),
                code="several",
            )
        return found[0]


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_names(request: HttpRequest) -> HttpResponse:
    """Suggest customers while somebody types a name."""
    text = next((str(v) for name in ("parent", "customer", "q") if (v := request.GET.get(name))), "")
    text = text.replace("\0", "").strip()[:200]
    found = _named(text, request.user) if text else []
    return render(request, "retention/file/names.html", {"names": [written(c) for c in found]})


def _named(text: str, user: User) -> list[Customer]:
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    return list(visible.filter(matching(text)).order_by("name", "pk")[:MOST])

"""What every form of a customer's pages does: call a verb, or come back with the words of its refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Customer

Verb = Callable[[dict[str, Any], datetime], Any]


def customer_of(request: HttpRequest, pk: int) -> Customer:
    """Return a customer that the reader may see, with its owner and team; else 404."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found: Customer = get_object_or_404(visible.select_related("owner", "team"), pk=pk)
    return found


def act(
    request: HttpRequest,
    form: forms.Form,
    verb: Verb,
    *,
    done: str,
    back: tuple[str, int],
    again: Callable[[], HttpResponse],
) -> HttpResponse:
    """Call the verb with what the form holds and go ``back``; ``again`` shows a form that was refused."""
    if form.is_valid():
        try:
            verb(dict(form.cleaned_data), clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            route, pk = back
            return redirect(route, pk=pk)
    return again()

"""Filing what a customer tells us: whose it is, what it is, and whether it was filed already."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers.access import allow
from customers.feedback import filing
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Complaint, Customer
from customers.search import suggesting
from retention.pages.acting import customer_of
from retention.pages.feedback_forms import FeedbackForm, products_of
from retention.pages.forms import WORKERS

LONGEST = 100  # letters that are looked for
AGAIN = "file_again"
"""Sent with the numbers of those that were shown."""


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def feedback_new(request: HttpRequest) -> HttpResponse:
    """File feedback of a customer; without ``?customer=`` she is looked for by ``?q=`` first.

    What may be the same once more is shown before it is filed; a second button files it all the same.
    """
    number = whole(request.GET.get("customer"))
    if number is None:
        return _who(request)
    customer = customer_of(request, number)
    form = FeedbackForm(request.POST or None, customer=customer, user=request.user, initial=_initial(request))
    same: list[Complaint] = []
    if request.method == "POST" and form.is_valid():
        seen = {whole(number) or 0 for number in request.POST.get(AGAIN, "").split(",")}
        said: dict[str, Any] = form.cleaned_data | {"by": request.user, "at": clock.now()}
        try:
            return _filed(request, filing.file_unless_alike(customer, seen=seen, **said))
        except filing.MayBeFiled as found:
            same = found.same
        except Refused as refusal:
            form.add_error(None, str(refusal))
    return _form(request, customer, form, same)


def _who(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:LONGEST]
    user: Any = request.user
    hits = suggesting.suggest(text, user=user) if text else []
    context = {"text": text, "found": [hit.customer for hit in hits]}
    return render(request, "retention/feedback/who.html", context)


def _initial(request: HttpRequest) -> dict[str, Any]:
    return {name: request.GET[name] for name in ("kind", "contact", "order") if name in request.GET}


def _form(
    request: HttpRequest, customer: Customer, form: FeedbackForm, same: list[Complaint]
) -> HttpResponse:
    context = {
        "customer": customer,
        "form": form,
        "same": same,
        "again": AGAIN,
        "seen": ",".join(str(row.pk) for row in same),
        "products": products_of(customer),
        "now": clock.now(),
    }
    status = 409 if same else 422 if form.is_bound and form.errors else 200
    return render(request, "retention/feedback/new.html", context, status=status)


def _filed(request: HttpRequest, made: Complaint) -> HttpResponse:
    messages.success(request, _("It is filed."))
    if made.escalated:
        messages.warning(request, _("This is the second failure within 60 days: its severity is high."))
    return redirect("retention:complaint", pk=made.pk)

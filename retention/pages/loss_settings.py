"""What counts as lost, how value tiers are cut, and when the lost are called again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models.people import Role
from retention.losses import window
from retention.models import LossDefinition
from retention.pages.loss_forms import FORMS
from retention.standing.judging import known_limits

VERSIONS = 10


@require_http_methods(["GET", "HEAD", "POST"])
@allow(Role.ADMIN)
def loss_settings(request: HttpRequest) -> HttpResponse:
    """Say what counts as lost, how tiers are cut, and when the lost are called again."""
    at = clock.now()
    forms = {name: kind(initial=kind.current(at), prefix=name) for name, kind in FORMS.items()}
    which = request.POST.get("form", "")
    if request.method == "POST" and which in FORMS:
        form = forms[which] = FORMS[which](request.POST, prefix=which)
        if form.is_valid():
            try:
                form.act(by=request.user, at=at)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("It counts from the next night on."))
                return redirect("retention:definitions")
    has_errors = any(form.is_bound for form in forms.values())
    found = window.candidates(at=at) if company.find() else []
    context = {
        "forms": forms,
        "candidates": found,
        "proposed": window.proposed(found),
        "limits": known_limits(at),
        "currency": company.current().base_currency,
        "versions": LossDefinition.objects.select_related("by").order_by("-made_at", "-pk")[:VERSIONS],
        "now": at,
    }
    return render(request, "retention/loss_settings.html", context, status=422 if has_errors else 200)

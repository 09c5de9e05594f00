"""How often people are contacted, and every contact that was asked for."""

from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from customers import contact
from customers.access import allow
from customers.contact import budget
from customers.ground import clock
from customers.ground.numbers import whole
from customers.models import ContactReservation

PAGE = 50
READERS = ("admin", "team_lead", "analyst")


class LimitsForm(forms.Form):
    """How many contacts of one person in how many days, and when nobody is contacted."""

    starts = forms.TimeField(
        label=gettext_lazy("Quiet from"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("On the customer's clock. Service is not held back."),
    )
    ends = forms.TimeField(
        label=gettext_lazy("Quiet until"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("The same as above: no quiet hours."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        quiet = contact.quiet_hours()
        self.fields["starts"].initial, self.fields["ends"].initial = _time(quiet.starts), _time(quiet.ends)
        for code, limit in contact.limits().items():
            name = str(budget.label_of(code))
            self.fields[f"most_{code}"] = forms.IntegerField(
                label=_("%(what)s: at most") % {"what": name[:1].upper() + name[1:]},
                required=False,
                min_value=1,
                max_value=budget.MOST,
                initial=limit.most,
            )
            self.fields[f"days_{code}"] = forms.IntegerField(
                label=_("in days"), min_value=1, max_value=budget.MOST_DAYS, initial=limit.days
            )

    def said(self) -> dict[str, contact.Limit]:
        """Return the limits that were written."""
        data = self.cleaned_data
        return {code: contact.Limit(data[f"most_{code}"], data[f"days_{code}"]) for code in budget.CODES}

    def quiet(self) -> contact.Quiet:
        """Return the quiet hours that were written."""
        starts, ends = self.cleaned_data["starts"], self.cleaned_data["ends"]
        return contact.Quiet(starts.hour * 60 + starts.minute, ends.hour * 60 + ends.minute)


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def contact_limits(request: HttpRequest) -> HttpResponse:
    """Show and change how often people are contacted, and when not."""
    form = LimitsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        contact.set_limits(form.said(), quiet=form.quiet(), by=request.user, at=clock.now())
        messages.success(request, _("Saved. Contacts that wait are decided anew."))
        return redirect("customers:contact_limits")
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "customers/contacting/limits.html", {"form": form}, status=status)


@require_safe
@allow(*READERS)
def reservation_list(request: HttpRequest) -> HttpResponse:
    """List the contacts that were asked for, the newest first; ``?state=``, ``?before=`` pages them."""
    found = contact.history(ContactReservation.objects.visible_to(request.user))  # type: ignore[attr-defined]
    state = request.GET.get("state", "")
    if state in ContactReservation.State.values:
        found = found.filter(state=state)
    before = whole(request.GET.get("before"))
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    kept = f"state={state}" if state in ContactReservation.State.values else ""
    context = {
        "rows": rows[:PAGE],
        "state": state,
        "states": ContactReservation.State.choices,
        "older": f"?{kept}&before={rows[PAGE - 1].pk}" if len(rows) > PAGE else None,
        "newer": f"?{kept}" if before is not None else None,
    }
    return render(request, "customers/contacting/reservations.html", context)

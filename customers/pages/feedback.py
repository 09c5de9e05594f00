"""By when feedback is answered and resolved, and how much compensation each role gives alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers import company
from customers.access import allow
from customers.feedback import compensation, deadlines
from customers.ground import clock, money
from customers.models import FeedbackKind
from customers.models.people import Role


class DeadlinesForm(forms.Form):
    """The deadlines of each kind, in working time, and the statute that complaints follow."""

    profile = forms.ChoiceField(
        label=gettext_lazy("Complaints are resolved no later than a statute says"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        standing = deadlines.said()
        profile: Any = self.fields["profile"]
        profile.choices = [("", _("none")), *((p.code, p.label) for p in deadlines.PROFILES.values())]
        profile.initial = standing[FeedbackKind.COMPLAINT].profile
        for kind in FeedbackKind:
            deadline, name = standing[kind], str(kind.label)
            name = name[:1].upper() + name[1:]
            self.fields[f"respond_{kind}"] = forms.IntegerField(
                label=_("%(what)s: first response, working hours") % {"what": name},
                min_value=1,
                max_value=deadlines.MOST_HOURS,
                initial=deadline.respond_hours,
            )
            self.fields[f"resolve_{kind}"] = forms.IntegerField(
                label=_("%(what)s: resolved, working days") % {"what": name},
                min_value=1,
                max_value=deadlines.MOST_DAYS,
                initial=deadline.resolve_days,
            )
        self.order_fields([*(name for name in self.fields if name != "profile"), "profile"])

    def said(self) -> dict[str, deadlines.Deadline]:
        """Return the deadlines that were written."""
        data = self.cleaned_data
        return {
            str(kind): deadlines.Deadline(
                data[f"respond_{kind}"],
                data[f"resolve_{kind}"],
                data["profile"] if kind == FeedbackKind.COMPLAINT else "",
            )
            for kind in FeedbackKind
        }


class LimitsForm(forms.Form):
    """Up to how much each role gives alone, in whole units and their parts; empty: as much as wanted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = company.current().base_currency
        for role, most in self._standing():
            label = str(role.label)
            self.fields[f"most_{role}"] = forms.DecimalField(
                label=f"{label[:1].upper()}{label[1:]} ({self.currency})",
                required=False,
                min_value=0,
                max_digits=14,
                decimal_places=money.exponent_of(self.currency),
                initial=None if most is None else money.from_minor(most, self.currency),
            )

    def said(self) -> dict[str, int | None]:
        """Return the limits that were written, in minor units."""
        written = {role: self.cleaned_data[f"most_{role}"] for role, _most in self._standing()}
        return {
            str(role): None if most is None else money.to_minor(most, self.currency)
            for role, most in written.items()
        }

    def _standing(self) -> Iterator[tuple[Role, int | None]]:
        limits = compensation.limits()
        return ((role, limits[role]) for role in compensation.LIMITED)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def feedback_deadlines(request: HttpRequest) -> HttpResponse:
    """Show and change the deadlines of feedback and the limits of compensation."""
    which = request.POST.get("form")
    sent = request.POST if request.method == "POST" else None
    by_when = DeadlinesForm(sent if which == "deadlines" else None, auto_id="by_%s")
    how_much = LimitsForm(sent if which == "limits" else None, auto_id="up_%s")
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if by_when.is_bound and by_when.is_valid():
        deadlines.set_deadlines(by_when.said(), **who)
    elif how_much.is_bound and how_much.is_valid():
        compensation.set_limits(how_much.said(), **who)
    else:
        bad = by_when.errors if by_when.is_bound else how_much.errors if how_much.is_bound else None
        context = {
            "deadlines_form": by_when,
            "limits_form": how_much,
            "profiles": deadlines.PROFILES.values(),
        }
        return render(request, "customers/feedback/deadlines.html", context, status=422 if bad else 200)
    messages.success(request, _("Saved. It counts for what is filed from now on."))
    return redirect("customers:feedback_deadlines")

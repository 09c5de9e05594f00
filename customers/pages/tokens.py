"""API tokens: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from customers import tokens
from customers.access import ANYBODY_SIGNED_IN, allow
from customers.ground import clock
from customers.ground.api import scopes
from customers.ground.errors import Refused
from customers.ground.models import RateCounter
from customers.ground.numbers import whole
from customers.models import ApiToken, User
from customers.models.people import Role

PAGE = 50
DAYS = (30, 90, 180, 365)


class TokenForm(forms.Form):
    """What the new token is for."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Which program will use it.")
    )
    user = forms.ModelChoiceField(
        label=gettext_lazy("Acts as"), queryset=User.objects.none(), empty_label=None
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"),
        coerce=int,
        choices=lambda: [(days, _("%(days)s days") % {"days": days}) for days in DAYS],
        initial=90,
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Never more than the role of whom it acts as."),
    )
    addresses = forms.CharField(
        label=gettext_lazy("Only from these addresses"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("One address or network a line, like 203.0.113.0/24. Empty: from anywhere."),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = User.objects.filter(pk=by.pk)
        if by.role == Role.ADMIN:
            mine = mine | User.objects.filter(role=Role.INTEGRATION, is_active=True)
        self.fields["user"].queryset = mine.order_by("username")  # type: ignore[attr-defined]
        self.fields["user"].initial = by.pk
        self.fields["scopes"].choices = list(scopes.every().items())  # type: ignore[attr-defined]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*ANYBODY_SIGNED_IN)
def token_list(request: HttpRequest) -> HttpResponse:
    """List tokens and make new ones; the answer to a new one is the only place that shows its secret."""
    form = TokenForm(request.POST or None, by=request.user)
    secret = ""
    if request.method == "POST" and form.is_valid():
        values, now = form.cleaned_data, clock.real_now()
        try:
            _token, secret = tokens.create_token(
                values["user"],
                name=values["name"],
                scopes=values["scopes"],
                addresses=values["addresses"].split(),
                expires_at=now + timedelta(days=values["days"]),
                by=request.user,
                at=now,
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            form = TokenForm(by=request.user)
    status = 422 if form.is_bound and form.errors else 200
    return render(
        request,
        "customers/tokens/list.html",
        {"form": form, "secret": secret, **_page(request)},
        status=status,
    )


@require_POST
@allow(*ANYBODY_SIGNED_IN)
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a token at once."""
    visible = ApiToken.objects.visible_to(request.user)  # type: ignore[attr-defined]
    token = get_object_or_404(visible, pk=pk)
    tokens.revoke(token, by=request.user, at=clock.real_now())
    messages.success(request, _("“%(name)s” opens nothing any more.") % {"name": token})
    return redirect("customers:token_list")


def _page(request: HttpRequest) -> dict[str, Any]:
    """Return one page of the tokens that the person may see, newest first."""
    found = ApiToken.objects.visible_to(request.user).select_related("user").order_by("-id")  # type: ignore[attr-defined]
    before = whole(request.GET.get("before"))
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    now, used = clock.real_now(), last_used(rows)
    return {
        "rows": [(token, _state(token, now), used.get(token.pk)) for token in rows[:PAGE]],
        "older": f"?before={rows[PAGE - 1].pk}" if len(rows) > PAGE else None,
        "newer": "?" if before is not None else None,
        "sees_all": request.user.role == Role.ADMIN,
    }


def last_used(found: Iterable[ApiToken]) -> dict[int, datetime]:
    """Return the minute in which each token last called, by its number; read from the rate counters."""
    names = {f"token:{token.pk}": token.pk for token in found}
    rows = RateCounter.objects.filter(holder__in=names).values_list("holder", "minute")
    return {names[holder]: datetime.fromtimestamp(minute * 60, UTC) for holder, minute in rows}


def _state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if not token.user.is_active:
        return "locked"
    return "expired" if token.expires_at <= now else "live"

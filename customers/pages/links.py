"""The pages behind links that work once: the first admin, and a colleague's password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from customers import links
from customers.access import PUBLIC, allow
from customers.ground import audit, clock
from customers.ground.errors import Refused
from customers.models import User

NEW_PASSWORD = {"autocomplete": "new-password"}


class PasswordForm(forms.Form):
    """A password, typed twice: nobody could mend a slip of the first admin's."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
        help_text=gettext_lazy("At least 10 characters, and no word that others would guess."),
    )
    again = forms.CharField(
        label=gettext_lazy("Once more"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
    )

    def clean(self) -> dict[str, Any]:
        """Compare the two."""
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("The two passwords differ."))
        data.pop("again", None)
        return data


class FirstAdminForm(PasswordForm):
    """Who the first admin is."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=150,
        help_text=gettext_lazy("You sign in with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=150, required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    field_order = ["email", "first_name", "last_name", "language", "password", "again"]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(PUBLIC)
def first_admin(request: HttpRequest, secret: str) -> HttpResponse:
    """Make the first admin and sign her in; looking at the page changes nothing."""
    if links.find(secret, purpose=links.Purpose.FIRST_ADMIN, now=clock.real_now()) is None:
        return _dead(request)
    form = FirstAdminForm(_posted(request), initial={"language": get_language()})
    if form.is_valid():
        try:
            user = links.make_first_admin(secret, **form.cleaned_data, now=clock.real_now(), at=clock.now())
        except links.LinkDead:
            return _dead(request)
        except (Refused, ValidationError) as error:
            _tell(form, error, taken="email")
        else:
            return _signed_in(request, user, to="customers:first_week")
    return render(request, "customers/links/first_admin.html", {"form": form}, status=_status(form))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(PUBLIC)
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Let a colleague set her password, and sign her in; looking at the page changes nothing."""
    link = links.find(secret, purpose=links.Purpose.PASSWORD, now=clock.real_now())
    if link is None:
        return _dead(request)
    form = PasswordForm(_posted(request))
    if form.is_valid():
        try:
            user = links.set_password(secret, **form.cleaned_data, now=clock.real_now(), at=clock.now())
        except links.LinkDead:
            return _dead(request)
        except ValidationError as error:
            _tell(form, error)
        else:
            return _signed_in(request, user, to=settings.LOGIN_REDIRECT_URL)
    context = {"form": form, "colleague": link.user}
    return render(request, "customers/links/join.html", context, status=_status(form))


def _signed_in(request: HttpRequest, user: User, *, to: str) -> HttpResponse:
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    audit.record("user.sign_in", obj=user, by=user, at=clock.now())
    response = redirect(to)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        user.language,
        httponly=True,
        samesite="Lax",
        secure=settings.LANGUAGE_COOKIE_SECURE,
    )
    return response


def _dead(request: HttpRequest) -> HttpResponse:
    return render(request, "customers/links/dead.html", status=404)


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _status(form: forms.Form) -> int:
    return 422 if form.is_bound and form.errors else 200


def _tell(form: forms.Form, error: Refused | ValidationError, *, taken: str = "") -> None:
    if isinstance(error, Refused):
        form.add_error(taken or None, str(error))
    else:
        form.add_error("password", error.messages)

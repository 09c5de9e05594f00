"""Language and look: chosen by a POST, remembered with the user and in a cookie."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from customers import company, people
from customers.access import PUBLIC, allow
from customers.ground import clock

THEMES = {"light", "dark", "auto"}
_YEAR = 365 * 24 * 3600


class UserLanguageMiddleware:
    """Show a signed-in colleague her own language and the company's local time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.language in dict(settings.LANGUAGES):
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language  # type: ignore[attr-defined]
        if not user.is_authenticated:
            return self.get_response(request)
        with company.reading_once():
            firm = company.find()
            with timezone.override(firm.time_zone if firm else None):
                return self.get_response(request)


@require_POST
@allow(PUBLIC)
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language and go back to where one was."""
    language = request.POST.get("language", "")
    response = _back(request)
    if language in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            people.set_language(request.user, language=language, by=request.user, at=clock.now())
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_YEAR,
            httponly=True,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
    return response


@require_POST
@allow(PUBLIC)
def set_theme(request: HttpRequest) -> HttpResponse:
    """Switch between light, dark and the system's look."""
    theme = request.POST.get("theme", "")
    response = _back(request)
    if theme in THEMES:
        response.set_cookie(
            "theme",
            theme,
            max_age=_YEAR,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


def _back(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("next") or request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(wanted if safe else "/")

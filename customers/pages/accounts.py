"""Sign-in rules: nobody signs up, programs sign in by API only."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from customers import links
from customers.ground import audit, clock
from customers.models.people import Role


class AccountAdapter(DefaultAccountAdapter):
    """What allauth asks us."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: admins make the accounts."""
        return False

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """Keep programs out of the pages."""
        if user.role == Role.INTEGRATION:
            messages.error(request, _("This account is for programs. Use the API with its token."))
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **kwargs)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Write the sign-in down and remember the language."""
        audit.record("user.sign_in", obj=user, by=user, at=clock.now())
        response = super().post_login(request, user, **kwargs)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            user.language,
            httponly=True,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
        return response

    def set_password(self, user: Any, password: str) -> None:
        """Set a password chosen by a person; her links for one open nothing any more."""
        super().set_password(user, password)
        links.void(user, now=clock.real_now())

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Write the failed attempt down, without what was typed."""
        audit.record("user.sign_in_failed", obj=None, by=None, at=clock.now())
        super().authentication_failed(request, **credentials)

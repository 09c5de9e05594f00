"""Who calls: a program by its token, or a colleague by her session."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from customers import tokens
from customers.ground import clock, context
from customers.ground.api.problems import CODES, Problem
from customers.models import ApiToken, User
from customers.models.people import Role

SCHEME = "Bearer"


class TokenRefused(Problem):
    """A token that opens nothing, for the reason in ``code``."""

    def __init__(self, code: str) -> None:
        self.status_code, meaning = CODES[code]
        self.default_code = code
        told = (
            {"WWW-Authenticate": f'{SCHEME} realm="liuke", error="invalid_token"'}
            if self.status_code == 401
            else {}
        )
        super().__init__(meaning, headers=told)


class TokenSignIn(BaseAuthentication):
    """``Authorization: Bearer liuke_…``."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the token's user and the token; nothing without the header."""
        scheme, _blank, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != SCHEME.lower():
            raise TokenRefused("token_unknown")
        token = (
            ApiToken.objects.select_related("user").filter(secret_hash=tokens.hash_of(secret.strip())).first()
        )
        if token is None:
            raise TokenRefused("token_unknown")
        if token.revoked_at is not None:
            raise TokenRefused("token_revoked")
        if token.expires_at <= clock.real_now():
            raise TokenRefused("token_expired")
        if not token.user.is_active:
            raise TokenRefused("user_inactive")
        if not tokens.may_come_from(token, context.current().address):
            raise TokenRefused("address_not_allowed")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Tell what to send (401)."""
        return f'{SCHEME} realm="liuke"'


class CsrfFailed(Problem):
    status_code = 403
    default_code = "csrf_failed"
    default_detail = CODES["csrf_failed"][1]


class SessionSignIn(SessionAuthentication):
    """A colleague who is signed in to the pages; what she changes needs the CSRF token."""

    def authenticate(self, request: Request) -> Any:
        """Return the colleague; programs have no session."""
        found = super().authenticate(request)
        if found is not None and found[0].role == Role.INTEGRATION:
            return None
        return found

    def enforce_csrf(self, request: Request) -> None:
        """Refuse a call that a foreign page may have made."""
        try:
            super().enforce_csrf(request)  # type: ignore[arg-type]
        except PermissionDenied as error:
            raise CsrfFailed() from error


class TokenScheme(OpenApiAuthenticationExtension):
    """Describes tokens for OpenAPI."""

    target_class = TokenSignIn
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A token, made under /settings/tokens/."}


class SessionScheme(OpenApiAuthenticationExtension):
    """Describes sessions for OpenAPI."""

    target_class = SessionSignIn
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A signed-in colleague.",
        }

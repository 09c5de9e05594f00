"""Who may open what: every view declares its roles, a view without a declaration is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from customers.models.people import Role

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
ANYBODY_SIGNED_IN = tuple(role for role in Role.values if role != Role.INTEGRATION)


def allow(*roles: str) -> Callable[[View], View]:
    """Declare which roles may call the view; others get 403, people not signed in go to sign-in."""
    unknown = set(roles) - {*Role.values, PUBLIC}
    if unknown or not roles:
        raise ValueError(f"unknown roles: {unknown or 'none given'}")

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if PUBLIC not in roles and getattr(request.user, "role", None) not in roles:
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.roles = frozenset(roles)  # type: ignore[attr-defined]
        guarded.login_required = PUBLIC not in roles  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return declare


class DefaultDenyMiddleware:
    """Refuse every view that neither declares its roles nor stands in the list of foreign views."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Raise ``PermissionDenied`` for a view that nobody declared."""
        declared = hasattr(view, "roles") or hasattr(view, "api_access")
        if not declared and not is_foreign(view):
            raise PermissionDenied
        return None


# Views of libraries, by module: what they do with permissions is their own, well-tested affair.
FOREIGN_MODULES = ("django.contrib.admin", "allauth.account", "django.views.i18n", "django.views.static")


def is_foreign(view: Callable[..., Any]) -> bool:
    """Say whether the view belongs to a library whose own permission checks we rely on."""
    module = getattr(getattr(view, "view_class", view), "__module__", "")
    return module.startswith(FOREIGN_MODULES)

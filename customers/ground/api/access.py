"""Who may call what: each action of a resource declares its roles and its scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from customers.ground.api import scopes
from customers.ground.api.problems import Problem


@dataclass(frozen=True)
class Access:
    """The roles that may call an action, and the scope that their token needs (empty: any token)."""

    roles: frozenset[str]
    scope: str


class RoleNotAllowed(Problem):
    status_code = 403
    default_code = "role_not_allowed"
    default_detail = _("Your role does not allow this.")


class ScopeMissing(Problem):
    status_code = 403
    default_code = "scope_missing"
    default_detail = _("This token lacks the scope “%(scope)s”.")


def may(*roles: str, scope: str) -> Access:
    """Declare the roles and the scope of an action; raises ``ValueError`` for an unknown scope.

    The rights of a call are those of its user's role, cut down to the scopes of the token that it
    brings: a token never allows what its user may not do.
    """
    if not roles or (scope and scope not in scopes.every()):
        raise ValueError(f"unknown scope or no roles: {scope!r}, {roles}")
    return Access(frozenset(roles), scope)


class Declared(BasePermission):
    """Let in whom the action's declaration names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise what is missing: sign-in (401), the verb (405), the role or the scope (403)."""
        if not request.user.is_authenticated:
            raise NotAuthenticated()
        access = view.access.get(view.action)
        if access is None:
            raise MethodNotAllowed(str(request.method))
        if request.user.role not in access.roles:
            raise RoleNotAllowed()
        if request.auth is not None and access.scope and access.scope not in request.auth.scopes:
            raise ScopeMissing(scope=access.scope)
        return True

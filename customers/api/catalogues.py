"""Catalogues of the company's own: read by all, added to, changed and retired by admins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.company import KNOWN
from customers.api.reading import ADMINS
from customers.ground import clock
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource


class Catalogue(Lists, Details, Resource):
    """One catalogue; ``add`` and ``change`` are the verbs that its page calls too.

    ``changes`` names what :attr:`change` wants to hear of an entry; what is not sent stays as it is.
    """

    access = {**KNOWN, **dict.fromkeys(("create", "partial_update"), may(*ADMINS, scope="company:write"))}
    add: ClassVar[Callable[..., Any]]
    change: ClassVar[Callable[..., Any]]
    changes: ClassVar[tuple[str, ...]]

    def rows(self) -> QuerySet[Any]:
        """Return the whole catalogue."""
        found: QuerySet[Any] = self.model._default_manager.all()
        return found

    def create(self, request: Request) -> Response:
        """Add an entry to the catalogue; its code never changes."""
        return self.made(type(self).add(**self.taken(), by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename an entry, retire it (what names it stays readable) or take it up again."""
        entry = self.one(to_change=True)
        wanted = {name: getattr(entry, name) for name in self.changes} | self.taken()
        return self.shown(type(self).change(entry, **wanted, by=request.user, at=clock.now()))

"""What the resources of this app share: which roles read and write, and whose facts one may see."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet

from customers.models import Customer, User
from customers.models.people import Role

EVERYBODY = tuple(Role.values)
WRITERS = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
LEADS = (Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
ADMINS = (Role.ADMIN, Role.INTEGRATION)


def of_visible(model: type[Model], user: User, *, field: str = "customer_id") -> QuerySet[Any]:
    """Return the rows of ``model`` whose customers ``user`` may see."""
    rows = model._default_manager.all()
    if user.sees_all:
        return rows
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    return rows.filter(**{f"{field}__in": visible.values("pk")})

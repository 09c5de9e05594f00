"""Who may do what with loyalty, on pages and by the API."""

from __future__ import annotations

from customers.access import ANYBODY_SIGNED_IN
from customers.models.people import Role

SEES_LOYALTY = ANYBODY_SIGNED_IN
"""Whoever sees accounts sees those of the customers that she may see."""
SEES_FIGURES = (Role.TEAM_LEAD, Role.ADMIN, Role.ANALYST)
WORKS_ACCOUNTS = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)
DECIDES = (Role.TEAM_LEAD, Role.ADMIN)
SETS_UP = (Role.ADMIN,)
EXPORTS = (Role.TEAM_LEAD, Role.ADMIN, Role.ANALYST)

"""Which roles the API of retention lets do what: those of the pages, and programs by their scopes."""

from __future__ import annotations

from customers.models.people import Role

SEES_CASES = tuple(Role.values)
WORKS_CASES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
TAKES_CASES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)
GIVES_CASES = (Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
SEES_RULES = (Role.TEAM_LEAD, Role.ADMIN, Role.ANALYST, Role.INTEGRATION)
WRITES_RULES = (Role.ADMIN,)
SEES_SWEEPS = (Role.ADMIN, Role.ANALYST, Role.INTEGRATION)
SEES_SEGMENTS = tuple(Role.values)
WRITES_SEGMENTS = (Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)

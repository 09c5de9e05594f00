"""Who may do what with surveys and interviews, on pages and by the API."""

from __future__ import annotations

from customers.access import ANYBODY_SIGNED_IN
from customers.models.people import Role

SEES_SURVEYS = ANYBODY_SIGNED_IN
BUILDS_SURVEYS = (Role.ADMIN, Role.ANALYST)
SEES_DISTRIBUTIONS = (Role.ADMIN, Role.TEAM_LEAD, Role.ANALYST)
RUNS_DISTRIBUTIONS = (Role.ADMIN, Role.TEAM_LEAD)
SEES_INTERVIEWS = ANYBODY_SIGNED_IN
HOLDS_INTERVIEWS = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)
WRITES_GUIDES = (Role.TEAM_LEAD, Role.ADMIN)
EXPORTS_ANSWERS = (Role.TEAM_LEAD, Role.ADMIN, Role.ANALYST)

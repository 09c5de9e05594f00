"""How lines become colleagues and teams: line by line, by the verbs of the pages, as files are short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from customers import people
from customers.ground.errors import Refused
from customers.imports.kinds import Context, Group, LineRefusal, Outcome
from customers.models import Team, User
from customers.models.people import Role

_AT_FAULT = {"name_taken": "username", "still_owns": "role", "last_admin": "role"}


def land_people(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change colleagues, known by their address; teams that are missing are made.

    What a file does not hold stays as it is; an empty cell too. New ones have no password: they get a
    link for one.
    """
    outcome = Outcome()
    by = context.batch.by if context.batch is not None else None
    for group in groups:
        row = group.first
        try:
            with transaction.atomic():
                _land(dict(row.values), outcome, by=by, at=context.at, language=context.firm.language)
        except Refused as refusal:
            at_fault = _AT_FAULT.get(refusal.code, "email")
            outcome.refused += [LineRefusal(row.number, at_fault, refusal) for row in group.rows]
    return outcome


def _land(values: dict[str, Any], outcome: Outcome, *, by: User | None, at: Any, language: str) -> None:
    email, username = values.pop("email"), values.pop("username", "")
    said = {name: value for name, value in values.items() if value not in ("", None)}
    if "capacity" in said:
        said["capacity"] = int(said["capacity"])
    user = User.objects.filter(email__iexact=email).order_by("pk").first()
    team_name = str(said.pop("team", "")).strip()
    if team_name:
        said["team"] = _team(team_name, by=by, at=at)
    if user is None:
        said = {"role": Role.ACCOUNT_MANAGER, "language": language, **said}
        people.create_user(username=username or email, password=None, email=email, **said, by=by, at=at)
        outcome.landed.created += 1
    elif any(getattr(user, name) != value for name, value in said.items()):
        people.change_user(user, **said, by=by, at=at)
        outcome.landed.updated += 1
    else:
        outcome.landed.unchanged += 1


def _team(name: str, *, by: User | None, at: Any) -> Team:
    known = Team.objects.filter(name__iexact=name).first()
    return known or people.create_team(name=name, by=by, at=at)

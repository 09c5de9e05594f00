"""Making and changing colleagues and teams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers import ownership
from customers.company import find, today
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Team, User, UserActivity
from customers.models.people import Role

CHANGEABLE = {"first_name", "last_name", "email", "role", "team", "language", "capacity"}


class NameTaken(Refused):
    code = "name_taken"
    message = _("“%(name)s” is taken. Choose another name.")


class LastAdmin(Refused):
    code = "last_admin"
    message = _("This is the last active admin. Make somebody else an admin first.")


class StillOwns(Refused):
    code = "still_owns"
    message = _(
        "%(name)s still owns %(count)s customers, and this role cannot. "
        "Give the customers to somebody else first."
    )


def create_user(
    *,
    username: str,
    password: str | None,
    role: str,
    first_name: str = "",
    last_name: str = "",
    email: str = "",
    team: Team | None = None,
    language: str = "en",
    capacity: int | None = None,
    by: User | None,
    at: datetime,
) -> User:
    """Create a colleague or a program (role integration, which cannot sign in to pages).

    ``password`` is checked by the password rules (raises ``ValidationError``); ``None`` means that it is
    set later by mail. Raises :class:`NameTaken`. Side effects: a ``UserActivity``, audit ``user.create``.
    """
    if User.objects.filter(username__iexact=username).exists():
        raise NameTaken(name=username)
    user = User(
        username=username,
        first_name=first_name,
        last_name=last_name,
        email=email,
        role=Role(role),
        team=team,
        language=language,
        capacity=capacity,
        is_staff=role == Role.ADMIN,
        is_superuser=role == Role.ADMIN,
    )
    if password is None:
        user.set_unusable_password()
    else:
        validate_password(password, user)
        user.set_password(password)
    with _name_may_be_taken(username), transaction.atomic():
        user.save()
        if find() is not None:  # whoever comes before the company is dated when it is set up
            UserActivity.objects.create(
                user=user, is_active=True, occurred_at=at, occurred_day=today(at).number, recorded_at=at
            )
        audit.record("user.create", obj=user, by=by, at=at, codes={"role": user.role})
    return user


def change_user(user: User, *, by: User | None, at: datetime, **values: Any) -> User:
    """Change a colleague's data, role, team or capacity; names and mail are sealed beside the audit.

    Raises :class:`LastAdmin`, :class:`StillOwns`.
    """
    if unknown := set(values) - CHANGEABLE:
        raise ValueError(f"not changeable here: {unknown}")
    changed = {name: value for name, value in values.items() if getattr(user, name) != value}
    if not changed:
        return user
    with transaction.atomic():
        return _change(user, changed, by=by, at=at)


def _change(user: User, changed: dict[str, Any], *, by: User | None, at: datetime) -> User:
    role = changed.get("role")
    if role is not None:
        _refuse_last_admin(user)
        owned = user.customers.count()
        if role not in ownership.MAY_OWN and owned:
            raise StillOwns(name=str(user), count=owned)
        changed["is_staff"] = changed["is_superuser"] = role == Role.ADMIN
    personal = {"first_name", "last_name", "email"}
    before = {name: getattr(user, name) for name in personal & set(changed)}
    codes = {
        name: value.pk if isinstance(value, Team) else value
        for name, value in changed.items()
        if name not in personal
    }
    after = {name: changed[name] for name in before}
    for name, value in changed.items():
        setattr(user, name, value)
    user.save(update_fields=list(changed))
    audit.record(
        "user.change",
        obj=user,
        by=by,
        at=at,
        codes=codes,
        before=before,
        after=after,
        holder=f"user:{user.pk}" if before else "",
    )
    if "team" in changed:
        ownership.move_with_owner(user, by=by, at=at)  # her customers; cases stay where they are
    return user


def set_active(user: User, *, is_active: bool, by: User | None, at: datetime) -> User:
    """Let a colleague in, or lock her out because she left; raises :class:`LastAdmin`."""
    with transaction.atomic():
        if not is_active:
            _refuse_last_admin(user)
        ownership.set_active(user, is_active=is_active, by=by, at=at)
    return user


def create_team(*, name: str, by: User | None, at: datetime) -> Team:
    """Create a team; raise :class:`NameTaken`."""
    if Team.objects.filter(name__iexact=name.strip()).exists():
        raise NameTaken(name=name)
    with _name_may_be_taken(name), transaction.atomic():
        team = Team.objects.create(name=name.strip())
        audit.record("team.create", obj=team, by=by, at=at)
    return team


def rename_team(team: Team, *, name: str, by: User | None, at: datetime) -> Team:
    """Give a team another name; raise :class:`NameTaken`."""
    if Team.objects.filter(name__iexact=name.strip()).exclude(pk=team.pk).exists():
        raise NameTaken(name=name)
    with _name_may_be_taken(name), transaction.atomic():
        Team.objects.filter(pk=team.pk).update(name=name.strip())
        team.name = name.strip()
        audit.record("team.rename", obj=team, by=by, at=at)
    return team


def set_language(user: User, *, language: str, by: User | None, at: datetime) -> User:
    """Remember the language in which a colleague wants her pages."""
    return change_user(user, language=language, by=by, at=at)


@contextmanager
def _name_may_be_taken(name: str) -> Iterator[None]:
    """Say it in words when somebody else was quicker with the name: the constraint decides."""
    try:
        yield
    except IntegrityError as error:
        raise NameTaken(name=name) from error


def _refuse_last_admin(user: User) -> None:
    """Refuse to go on without an admin; the admins are locked, so that two cannot remove each other."""
    if user.role != Role.ADMIN or not user.is_active:
        return
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    if not any(admin.pk != user.pk for admin in admins):
        raise LastAdmin()

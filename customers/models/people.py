"""The company's own people: users, teams, and who may see which customer."""

from __future__ import annotations

import re
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare

_HAN = re.compile(r"[\u3400-\u9fff·]+")


class Team(models.Model):
    """A team of account managers with its leads."""

    name = models.CharField(_("name"), max_length=100, unique=True)

    privacy = declare(none_keep="id name")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ACCOUNT_MANAGER = "account_manager", _("account manager")
    TEAM_LEAD = "team_lead", _("team lead")
    ADMIN = "admin", _("admin")
    ANALYST = "analyst", _("analyst")
    INTEGRATION = "integration", _("integration (API only)")


SEES_ALL = frozenset({Role.ADMIN, Role.ANALYST, Role.INTEGRATION})
"""The roles that see every customer, and all that hangs on one."""


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: User) -> UserQuerySet:
        """Return the colleagues that ``user`` may see: her team, whoever sees every customer everybody."""
        if user.role in SEES_ALL:
            return self
        return self.filter(Q(team_id=user.team_id, team__isnull=False) | Q(pk=user.pk))

    def working(self) -> UserQuerySet:
        """Return those who can be given customers, cases and calls."""
        return self.filter(is_active=True, role__in=[Role.ACCOUNT_MANAGER, Role.TEAM_LEAD])


class Users(UserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes users and asks questions about them."""


class User(AbstractUser):
    """One of the company's people, or a program (role integration)."""

    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.ACCOUNT_MANAGER)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="members", verbose_name=_("team")
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    capacity = models.PositiveSmallIntegerField(_("most open cases"), null=True, blank=True)

    objects: ClassVar[Users] = Users()

    privacy = declare(
        none_keep="id is_superuser is_staff is_active role team language capacity date_joined last_login",
        staff_keep="username first_name last_name email",
        key_keep="password",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def get_full_name(self) -> str:
        """Return the whole name as its bearer writes it: 王丽, with the family name first, but Li Wang."""
        family, given = self.last_name.strip(), self.first_name.strip()
        if family and given and _HAN.fullmatch(family + given):
            return family + given
        return f"{given} {family}".strip()

    @property
    def sees_all(self) -> bool:
        """Say whether there is no customer that this user may not see."""
        return self.is_active and self.role in SEES_ALL


class AccessQuerySet(models.QuerySet["Access"]):
    def holding(self, at: object) -> AccessQuerySet:
        """Return the accesses in force at ``at``."""
        return self.filter(starts_at__lte=at).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))


class Access(models.Model):
    """A user's access to one customer beside ownership: written by assignment and cover."""

    class Reason(models.TextChoices):
        CASE = "case", _("holds an open case")
        COVER = "cover", _("covers an absence")

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="accesses")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="accesses")
    reason = models.CharField(max_length=8, choices=Reason.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Access]] = AccessQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(none_keep="id reason starts_at ends_at", conduct_keep="customer", staff_keep="user")

    class Meta:
        indexes = [
            models.Index(fields=["user", "customer"], name="access_user"),
            models.Index(fields=["user", "customer"], condition=Q(ends_at__isnull=True), name="access_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "user", "reason"], condition=Q(ends_at__isnull=True), name="access_once"
            )
        ]

"""The company's own users and teams: read by all, made and changed by admins; never with a password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import invitations, links, people
from customers.api.facts import not_there
from customers.api.reading import EVERYBODY
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, IdField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.errors import Refused
from customers.models import Team, User
from customers.models.people import Role

READ = {"list": may(*EVERYBODY, scope="company:read"), "retrieve": may(*EVERYBODY, scope="company:read")}
CHANGES = may(Role.ADMIN, scope="people:write")
MOST_CASES = 10_000


class NoAdminsByToken(Refused):
    code = "no_admins_by_token"
    message = _(
        "A token makes no admin and changes none: what it may do would else have no end. "
        "Sign in and use the page “Users and teams”."
    )


class UserShape(Gives):
    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "first_name",
            "last_name",
            "email",
            "role",
            "team",
            "language",
            "capacity",
            "is_active",
        ]


class UserChange(Takes):
    """A colleague's data; what is not sent stays as it is."""

    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    role = serializers.ChoiceField(Role.choices, required=False)
    team = IdField(required=False, allow_null=True, help_text="Our number of the team.")
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    capacity = serializers.IntegerField(
        min_value=0,
        max_value=MOST_CASES,
        required=False,
        allow_null=True,
        help_text="How many open cases at once; null: no limit.",
    )


class NewUser(UserChange):
    """A new colleague, or a program (role integration). There is no password: she chooses it by the link."""

    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(Role.choices)


class LinkShape(serializers.Serializer[Any]):
    """A link that works once, for seven days."""

    link = serializers.CharField(help_text="Hand it over to her alone: who opens it chooses the password.")


class MadeUser(serializers.Serializer[Any]):
    """The new account, and the link by which its password is chosen."""

    user = UserShape()
    link = serializers.CharField(allow_null=True, help_text="Works once, for seven days; null for a program.")


class UserFilter(filters.FilterSet):
    role = filters.ChoiceFilter(choices=Role.choices)
    team = filters.IdFilter(field_name="team_id")
    is_active = filters.FlagFilter()


class Users(Lists, Details, Resource):
    tag = "users and teams"
    model = User
    detail_route = "api:user-detail"
    serializer_class = UserShape
    filterset_class = UserFilter
    access = {
        **READ,
        **dict.fromkeys(("create", "partial_update", "lock", "unlock", "link", "invite"), CHANGES),
    }
    takes = {"create": NewUser, "partial_update": UserChange}
    gives = {"create": MadeUser, "link": LinkShape}
    refuses = {
        "create": ["name_taken", "no_admins_by_token"],
        "partial_update": ["changed_meanwhile", "last_admin", "no_admins_by_token", "still_owns"],
        "lock": ["last_admin", "no_admins_by_token"],
        "unlock": ["no_admins_by_token"],
        "link": ["no_admins_by_token", "program_without_password"],
        "invite": ["no_admins_by_token", "no_mail_address", "program_without_password"],
    }
    examples = {
        "create": {"username": "wang.jing", "role": "account_manager", "email": "wang.jing@example.com"},
        "partial_update": {"role": "team_lead"},
    }

    def rows(self) -> QuerySet[User]:
        """Return the colleagues that the caller may see."""
        found: QuerySet[User] = User.objects.visible_to(self.request.user)
        return found

    def create(self, request: Request) -> Response:
        """Make a colleague, and a link by which she chooses her password."""
        values = self._values()
        self._spare_admins(values["role"])
        user = people.create_user(**values, password=None, by=request.user, at=clock.now())
        is_program = user.role == Role.INTEGRATION
        response = self.made(user)
        response.data = MadeUser({"user": user, "link": None if is_program else self._link(user)}).data
        return response

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a colleague's data, role, team or capacity."""
        user, values = self.one(to_change=True), self._values(of=self.one())
        self._spare_admins(user.role, values.get("role"))
        return self.shown(people.change_user(user, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def lock(self, request: Request, pk: str) -> Response:
        """Lock a colleague out; her customers show as without an active owner."""
        return self._active(is_active=False)

    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, pk: str) -> Response:
        """Let a colleague in again."""
        return self._active(is_active=True)

    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """Make a link by which a colleague sets her password; older ones work no more."""
        return Response(LinkShape({"link": self._link(self._active_one())}).data)

    @action(detail=True, methods=["post"])
    def invite(self, request: Request, pk: str) -> Response:
        """Mail a colleague a link by which she sets her password."""
        user = self._active_one()
        if user.role == Role.INTEGRATION:
            raise links.NoPasswordForPrograms(name=str(user))
        invitations.invite(user, by=request.user, at=clock.now())
        return self.shown(user)

    def _active_one(self) -> User:
        user: User = self.one()
        if not user.is_active:
            raise Http404
        self._spare_admins(user.role)
        return user

    def _spare_admins(self, *roles: str | None) -> None:
        """Refuse what would let a token act as an admin beyond its scopes."""
        if self.request.auth is not None and Role.ADMIN in roles:
            raise NoAdminsByToken()

    def _active(self, *, is_active: bool) -> Response:
        user = self.one()
        self._spare_admins(user.role)
        return self.shown(people.set_active(user, is_active=is_active, by=self.request.user, at=clock.now()))

    def _link(self, user: User) -> str:
        secret = links.password_link(user, by=self.request.user, now=clock.real_now(), at=clock.now())
        return invitations.address_of(secret)

    def _values(self, *, of: User | None = None) -> dict[str, Any]:
        """Return what was sent, with the team itself; refuse an unknown team and an address that is taken."""
        values = self.taken()
        if values.get("team") is not None:
            number = values["team"]
            values["team"] = Team.objects.filter(pk=number).first()
            if values["team"] is None:
                raise not_there("team", number)
        email = values.get("email", "")
        taken = User.objects.filter(email__iexact=email).exclude(pk=of.pk if of else None)
        if email and taken.exists():
            said = _("Another account has this e-mail address.")
            raise serializers.ValidationError({"email": [said]}, code="unique")
        return values


class TeamShape(Gives):
    class Meta:
        model = Team
        fields = ["id", "name"]


class TeamTakes(Takes):
    """The name of a team."""

    name = serializers.CharField(max_length=100)


class Teams(Lists, Details, Resource):
    tag = "users and teams"
    model = Team
    detail_route = "api:team-detail"
    serializer_class = TeamShape
    access = {**READ, "create": CHANGES, "partial_update": CHANGES}
    takes = {"create": TeamTakes, "partial_update": TeamTakes}
    refuses = {"create": ["name_taken"], "partial_update": ["name_taken", "changed_meanwhile"]}
    examples = {"create": {"name": "North"}, "partial_update": {"name": "North and East"}}

    def rows(self) -> QuerySet[Team]:
        """Return all teams: their names are known to everybody."""
        return Team.objects.all()

    def create(self, request: Request) -> Response:
        """Make a team."""
        return self.made(people.create_team(**self.taken(), by=request.user, at=clock.now()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Give a team another name."""
        team = self.one(to_change=True)
        return self.shown(people.rename_team(team, **self.taken(), by=request.user, at=clock.now()))

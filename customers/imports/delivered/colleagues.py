"""Colleagues: accounts and teams from a file. Only admins may bring them in: a role is power."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import LANGUAGES, words
from customers.imports.kinds import Kind
from customers.models.people import Role

_ROLES = {
    **words(
        {code: label for code, label in Role.choices if code != Role.INTEGRATION},
        account_manager="manager accountmanager 客户经理",
        team_lead="lead teamlead 主管 团队主管",
        admin="administrator 管理员",
        analyst="分析员 分析师 经营者",
    ),
    "account manager": Role.ACCOUNT_MANAGER,
    "team lead": Role.TEAM_LEAD,
}

KINDS = (
    Kind(
        "people",
        _("People and teams"),
        (
            Field(
                "email",
                _("e-mail"),
                Type.MAIL,
                required=True,
                guesses=("email", "mail", "邮箱", "电子邮件", "邮件"),
                most=150,
            ),
            Field(
                "username",
                _("user name"),
                guesses=("username", "login", "user", "用户名", "账号", "工号"),
                most=150,
            ),
            Field("first_name", _("first name"), guesses=("firstname", "givenname", "名"), most=150),
            Field("last_name", _("last name"), guesses=("lastname", "surname", "familyname", "姓"), most=150),
            Field(
                "role",
                pgettext_lazy("of a colleague", "role"),
                Type.CHOICE,
                guesses=("role", "角色", "职务", "岗位"),
                choices=_ROLES,
            ),
            Field("team", _("team"), guesses=("team", "group", "团队", "小组"), most=100),
            Field(
                "language",
                _("language"),
                Type.CHOICE,
                guesses=("language", "lang", "语言"),
                choices=LANGUAGES,
            ),
            Field(
                "capacity",
                _("most open cases"),
                Type.NUMBER,
                guesses=("capacity", "mostopencases", "上限", "个案上限"),
                default=None,
            ),
        ),
        landing.land_people,
        key=("email",),
        has_customer=False,
        check=checks.check_colleague,
        roles=frozenset({Role.ADMIN}),
    ),
)

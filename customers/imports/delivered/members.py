"""Who is on which list."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import RECORDED, customer
from customers.imports.kinds import Kind

KINDS = (
    Kind(
        "members",
        _("Members of lists"),
        (
            Field(
                "list",
                _("list's code"),
                Type.ID,
                required=True,
                guesses=("list", "listcode", "segment", "segmentcode", "group", "名单", "分群", "分群代码"),
                most=64,
                example=("vip",),
            ),
            customer(),
            Field(
                "occurred_at",
                _("since"),
                Type.MOMENT,
                guesses=("occurredat", "since", "from", "date", "起始日期", "日期", "加入日期"),
                default=None,
            ),
            Field(
                "is_member",
                _("on the list"),
                Type.FLAG,
                guesses=("ismember", "member", "active", "是否在名单", "成员"),
                default=True,
            ),
            RECORDED,
        ),
        landing.land_members,
        key=("list", "customer"),
        occurred="occurred_at",
        is_grouped=True,
    ),
)

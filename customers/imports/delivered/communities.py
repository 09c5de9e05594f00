"""Where customers belong: memberships of communities."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id
from customers.imports.kinds import Kind

_JOINED = (
    *("occurredat", "joinedat", "joined", "joindate", "since", "date", "time"),
    *("入群时间", "入群日期", "加入时间", "加入日期", "日期", "时间"),
)
_LEFT = ("leftat", "left", "leftdate", "leavedate", "until", "退群时间", "退群日期", "退出时间", "退出日期")

KINDS = (
    Kind(
        "communities",
        _("Memberships of communities"),
        (
            external_id("membershipid", "memberid", "记录编号", "成员编号"),
            customer(),
            Field("occurred_at", _("joined at"), Type.MOMENT, required=True, guesses=_JOINED),
            Field(
                "community",
                _("community"),
                required=True,
                guesses=("community", "group", "chat", "room", "社群", "群", "群名", "群聊", "社群名称"),
                most=100,
                example=("tea-friends",),
            ),
            Field("left_at", _("left at"), Type.MOMENT, guesses=_LEFT, default=None, example=("",)),
            Field(
                "contact",
                _("contact's id"),
                Type.ID,
                guesses=("contact", "contactid", "联系人编号"),
                default=None,
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_communities,
        occurred="occurred_at",
        check=checks.check_membership,
    ),
)

"""Customers and their contacts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.imports import landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import LANGUAGES, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import Customer

_CUSTOMER_KINDS = words(
    dict(Customer.Kind.choices),
    company="公司 企业 b2b business firm",
    person="个人 私人 b2c private individual",
)

KINDS = (
    Kind(
        "customers",
        _("Customers"),
        (
            external_id("customerid", "customerno", "客户编号", "客户号"),
            Field(
                "name",
                _("name"),
                required=True,
                guesses=("name", "customername", "company", "客户名称", "名称", "公司"),
                example=(
                    ("Blue Lake Trading", "蓝湖贸易"),
                    ("Red Hill Foods", "红山食品"),
                    ("Li Na", "李娜"),
                ),
            ),
            Field(
                "name_alt",
                _("name in the other language"),
                guesses=("namealt", "nameen", "英文名", "英文名称"),
                example=(
                    ("蓝湖贸易", "Blue Lake Trading"),
                    ("红山食品", "Red Hill Foods"),
                    ("李娜", "Li Na"),
                ),
            ),
            Field(
                "kind",
                _("company or person"),
                Type.CHOICE,
                guesses=("kind", "type", "类型"),
                choices=_CUSTOMER_KINDS,
                default=Customer.Kind.COMPANY,
                example=(("company", "公司"), ("company", "公司"), ("person", "个人")),
            ),
            Field(
                "segment",
                _("segment"),
                guesses=("segment", "group", "tier", "客户分类", "分类", "级别"),
                most=64,
                example=(("wholesale", "批发"), ("retail", "零售"), ("retail", "零售")),
            ),
            Field(
                "city",
                _("city"),
                guesses=("city", "town", "城市"),
                most=100,
                example=(("Shanghai", "上海"), ("Wuxi", "无锡"), ("Chengdu", "成都")),
            ),
            Field("time_zone", _("time zone"), Type.ZONE, guesses=("timezone", "zone", "时区")),
            Field(
                "language",
                _("language"),
                Type.CHOICE,
                guesses=("language", "lang", "语言"),
                choices=LANGUAGES,
            ),
            Field(
                "since",
                _("customer since"),
                Type.DAY,
                guesses=("since", "customersince", "joined", "成为客户日期"),
                default=None,
                example=(-900, -400, -35),
            ),
            Field(
                "notes",
                _("notes"),
                guesses=("notes", "note", "remarks", "备注"),
                most=5000,
                example=(("Prefers calls before noon", "喜欢上午接电话"), "", ""),
            ),
            Field(
                "owner",
                _("account manager"),
                guesses=("owner", "accountmanager", "manager", "客户经理", "负责人"),
            ),
            Field("team", _("team"), guesses=("team", "团队"), most=100),
        ),
        landing.land_customers,
        has_customer=False,
    ),
    Kind(
        "contacts",
        _("Contacts"),
        (
            external_id("contactid", "联系人编号"),
            customer(),
            Field(
                "name",
                pgettext_lazy("of a person", "name"),
                required=True,
                guesses=("name", "contactname", "fullname", "姓名", "联系人"),
                example=(("Wang Jing", "王静"), ("Zhao Lei", "赵磊"), ("Li Na", "李娜")),
            ),
            Field(
                "role",
                pgettext_lazy("of a contact", "role"),
                guesses=("role", "title", "position", "职务", "职位"),
                most=100,
                example=(("head of purchasing", "采购经理"), ("owner", "老板"), ""),
            ),
            Field(
                "phone",
                _("phone"),
                guesses=("phone", "telephone", "mobile", "tel", "电话", "手机"),
                most=40,
                example=("+86 21 5550 1001", "+86 510 5550 1002", "+86 28 5550 1003"),
            ),
            Field("email", _("e-mail"), Type.MAIL, guesses=("email", "mail", "邮箱", "电子邮件")),
            Field(
                "preferred_channel",
                _("preferred channel"),
                guesses=("channel", "preferredchannel", "首选渠道"),
                most=16,
            ),
            Field(
                "language",
                _("language"),
                Type.CHOICE,
                guesses=("language", "lang", "语言"),
                choices=LANGUAGES,
            ),
            Field(
                "is_main",
                _("main contact"),
                Type.FLAG,
                guesses=("main", "ismain", "primary", "主要联系人"),
                default=False,
                example=(("yes", "是"),),
            ),
            Field("left_on", _("left on"), Type.DAY, guesses=("lefton", "left", "离职日期"), default=None),
        ),
        landing.land_contacts,
    ),
)

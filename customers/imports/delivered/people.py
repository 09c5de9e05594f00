"""Customers and their contacts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers import regions
from customers.imports import checks, landing, places
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import LANGUAGES, RECORDED, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import Contact, Customer

_CUSTOMER_KINDS = words(
    dict(Customer.Kind.choices),
    company="公司 企业 b2b business firm",
    person="个人 私人 b2c private individual",
)
_SOURCES = words(
    dict(Customer.Source.choices),
    referral="推荐 转介绍 客户推荐",
    partner="合作伙伴 渠道",
    sales="outbound 主动开发",
    inquiry="inbound 主动询问",
    website="web search 网站 搜索",
    advertising="ad ads 广告",
    social="社交媒体",
    exhibition="fair event 展会 活动",
    shop="store 到店 门店",
    other="其他",
)
_FUNCTIONS = words(
    dict(Contact.Function.choices),
    management="管理层 管理",
    purchasing="采购",
    finance="财务",
    technical="technology 技术",
    operations="user 使用部门",
    assistant="reception 助理 前台",
    family="家属",
    other="其他",
)
_CALENDARS = words(
    dict(Contact.BirthCalendar.choices),
    solar="gregorian 公历 阳历 新历",
    lunar="chinese 农历 阴历 旧历",
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
            Field(
                "country",
                _("country"),
                Type.CHOICE,
                guesses=("country", "countrycode", "国家"),
                choices=regions.country_words(),
            ),
            Field(
                "region",
                _("region"),
                guesses=("region", "province", "state", "district", "省份", "地区", "省市区"),
                most=100,
            ),
            Field("street", _("street and number"), guesses=("street", "address", "地址", "街道"), most=300),
            Field(
                "postal_code",
                _("postal code"),
                Type.ID,
                guesses=("postalcode", "zip", "zipcode", "postcode", "邮编", "邮政编码"),
                most=20,
            ),
            Field(
                "address_since",
                _("there since"),
                Type.DAY,
                guesses=("addresssince", "movedon", "迁入日期"),
                default=None,
            ),
            Field(
                "registration_number",
                _("registration number"),
                Type.ID,
                guesses=("registrationnumber", "uscc", "vat", "taxid", "统一社会信用代码", "税号", "注册号"),
                most=40,
            ),
            Field(
                "source",
                _("how they came to us"),
                Type.CHOICE,
                guesses=("origin", "leadsource", "客户来源", "来源"),
                choices=_SOURCES,
            ),
            Field("source_note", _("more on that"), guesses=("sourcenote", "来源说明"), most=200),
            Field(
                "parent",
                _("parent company's id"),
                Type.ID,
                guesses=("parent", "parentid", "parentcompany", "上级公司", "母公司", "集团"),
                default=None,
            ),
        ),
        landing.land_customers,
        has_customer=False,
        check=places.check_customer,
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
            Field(
                "function",
                _("function"),
                Type.CHOICE,
                guesses=("function", "department", "职能", "部门"),
                choices=_FUNCTIONS,
            ),
            Field(
                "is_decision_maker",
                _("decides"),
                Type.FLAG,
                guesses=("decisionmaker", "isdecisionmaker", "decides", "决策人", "是否决策人"),
                default=False,
            ),
            Field(
                "birthday",
                _("birthday"),
                guesses=("birthday", "birthdate", "dateofbirth", "dob", "生日", "出生日期", "出生年月日"),
                most=40,
                example=("1986-05-12", "08-15", "1990-02-28"),
            ),
            Field(
                "birth_calendar",
                _("calendar of the birthday"),
                Type.CHOICE,
                guesses=("birthcalendar", "calendar", "生日历法", "历法"),
                choices=_CALENDARS,
            ),
            Field(
                "birth_is_leap",
                _("born in a leap month"),
                Type.FLAG,
                guesses=("birthisleap", "leapmonth", "闰月"),
                default=False,
            ),
            Field("left_on", _("left on"), Type.DAY, guesses=("lefton", "left", "离职日期"), default=None),
            Field(
                "successor",
                _("successor's contact id"),
                Type.ID,
                guesses=("successor", "successorid", "followedby", "接任者", "接替人", "继任者"),
            ),
        ),
        landing.land_contacts,
        check=checks.check_contact,
    ),
    Kind(
        "attributes",
        _("Attributes of customers"),
        (
            external_id("attributeid", "valueid"),
            customer(),
            Field(
                "attribute",
                _("attribute's code"),
                Type.ID,
                required=True,
                guesses=("attribute", "attributecode", "属性", "属性代码"),
                most=64,
                example=("industry",),
            ),
            Field(
                "value",
                _("value"),
                guesses=("value", "值", "取值"),
                most=500,
                example=(("Machinery", "机械"), ("Food", "食品"), ("Retail trade", "零售")),
            ),
            Field(
                "occurred_at",
                _("since"),
                Type.MOMENT,
                required=True,
                guesses=("since", "occurredat", "date", "from", "日期", "生效日期", "起始日期"),
            ),
            RECORDED,
        ),
        landing.land_attributes,
        occurred="occurred_at",
        check=checks.check_moments,
    ),
)

"""The kinds that come with the product: what their columns can hold. ``landing`` writes them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.kinds import Kind, register
from customers.models import Complaint, Customer, Interaction, Order

_ID = ("id", "externalid", "编号", "code", "key", "no", "number", "代码")
_CUSTOMER = (
    "customer",
    "customerid",
    "customerno",
    "customercode",
    "custid",
    "clientid",
    "client",
    "accountid",
    "account",
    "客户",
    "客户编号",
    "客户号",
    "客户id",
    "客户代码",
)
_RECORDED = Field(
    "recorded_at",
    _("known since"),
    Type.MOMENT,
    guesses=("recordedat", "knownsince", "enteredat", "登记时间", "录入时间"),
    default=None,
)
_NEW_CUSTOMER = (
    Field(
        "customer_name",
        _("name of a new customer"),
        guesses=("customername", "clientname", "客户名称", "客户名"),
    ),
    Field(
        "customer_segment",
        _("segment of a new customer"),
        guesses=("country", "segment", "region", "国家", "地区"),
        most=64,
    ),
    Field("customer_city", _("city of a new customer"), guesses=("city", "town", "城市"), most=100),
)


def _customer() -> Field:
    return Field("customer", _("customer's id"), Type.ID, required=True, guesses=_CUSTOMER)


def _external_id(*guesses: str) -> Field:
    return Field("external_id", _("id"), Type.ID, required=True, guesses=(*guesses, *_ID))


def _words(known: dict[Any, Any], **aliases: Any) -> dict[str, Any]:
    """Return every word that means a choice: its code, and the aliases."""
    words = {str(code).lower(): code for code in known}
    for code, names in aliases.items():
        words.update({name: next(c for c in known if str(c) == code.lstrip("_")) for name in names.split()})
    return words


_CUSTOMER_KINDS = _words(
    dict(Customer.Kind.choices),
    company="公司 企业 b2b business firm",
    person="个人 私人 b2c private individual",
)
_ORDER_STATES = _words(
    dict(Order.Status.choices),
    placed="open new paid 已下单 待发货 已付款",
    delivered="complete completed shipped 已送达 已完成 已发货",
    cancelled="canceled void 已取消 取消",
)
_INTERACTIONS = _words(
    dict(Interaction.Kind.choices),
    call="phone telephone 电话 通话",
    visit="拜访 上门",
    meeting="会议 会面",
    chat="message sms wechat im 微信 聊天 短信",
    email="mail e-mail 邮件 电子邮件",
)
_DIRECTIONS = _words(
    dict(Interaction.Direction.choices),
    out="outbound outgoing 呼出 主动",
    **{"in": "inbound incoming 呼入 来访"},
)
_CHANNELS = _words(
    dict(Complaint.Channel.choices),
    phone="call 电话",
    email="mail e-mail 邮件",
    chat="wechat im 微信 聊天",
    visit="拜访 上门",
    web="form website 网页 网站",
    other="其他",
)
_SEVERITIES = _words(
    dict(Complaint.Severity.choices),
    _1="low minor 低 轻微",
    _2="medium normal 中 一般",
    _3="high major critical 高 严重",
)
_LANGUAGES = {
    "en": "en",
    "english": "en",
    "英文": "en",
    "zh": "zh-hans",
    "zh-cn": "zh-hans",
    "zh-hans": "zh-hans",
    "chinese": "zh-hans",
    "中文": "zh-hans",
}

KINDS = (
    Kind(
        "customers",
        _("Customers"),
        (
            _external_id("customerid", "customerno", "客户编号", "客户号"),
            Field(
                "name",
                _("name"),
                required=True,
                guesses=("name", "customername", "company", "客户名称", "名称", "公司"),
            ),
            Field(
                "name_alt",
                _("name in the other language"),
                guesses=("namealt", "nameen", "英文名", "英文名称"),
            ),
            Field(
                "kind",
                _("company or person"),
                Type.CHOICE,
                guesses=("kind", "type", "类型"),
                choices=_CUSTOMER_KINDS,
                default=Customer.Kind.COMPANY,
            ),
            Field(
                "segment",
                _("segment"),
                guesses=("segment", "group", "tier", "客户分类", "分类", "级别"),
                most=64,
            ),
            Field("city", _("city"), guesses=("city", "town", "城市"), most=100),
            Field("time_zone", _("time zone"), Type.ZONE, guesses=("timezone", "zone", "时区")),
            Field(
                "language",
                _("language"),
                Type.CHOICE,
                guesses=("language", "lang", "语言"),
                choices=_LANGUAGES,
            ),
            Field(
                "since",
                _("customer since"),
                Type.DAY,
                guesses=("since", "customersince", "joined", "成为客户日期"),
                default=None,
            ),
            Field("notes", _("notes"), guesses=("notes", "note", "remarks", "备注"), most=5000),
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
            _external_id("contactid", "联系人编号"),
            _customer(),
            Field(
                "name",
                pgettext_lazy("of a person", "name"),
                required=True,
                guesses=("name", "contactname", "fullname", "姓名", "联系人"),
            ),
            Field(
                "role",
                pgettext_lazy("of a contact", "role"),
                guesses=("role", "title", "position", "职务", "职位"),
                most=100,
            ),
            Field(
                "phone", _("phone"), guesses=("phone", "telephone", "mobile", "tel", "电话", "手机"), most=40
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
                choices=_LANGUAGES,
            ),
            Field(
                "is_main",
                _("main contact"),
                Type.FLAG,
                guesses=("main", "ismain", "primary", "主要联系人"),
                default=False,
            ),
            Field("left_on", _("left on"), Type.DAY, guesses=("lefton", "left", "离职日期"), default=None),
        ),
        landing.land_contacts,
    ),
    Kind(
        "products",
        _("Products"),
        (
            Field(
                "code",
                _("code"),
                Type.ID,
                required=True,
                most=64,
                guesses=(
                    "code",
                    "sku",
                    "stockcode",
                    "productcode",
                    "productid",
                    "id",
                    "商品编号",
                    "编号",
                    "货号",
                ),
            ),
            Field(
                "name",
                _("name"),
                required=True,
                guesses=("name", "productname", "description", "商品名称", "名称", "品名"),
            ),
            Field(
                "name_alt",
                _("name in the other language"),
                guesses=("namealt", "nameen", "英文名", "英文名称"),
            ),
            Field("category", _("category"), guesses=("category", "group", "类别", "分类", "品类"), most=64),
            Field(
                "unit_cost",
                _("cost of one unit, in the company's currency"),
                Type.PRICE,
                guesses=("unitcost", "cost", "成本", "单位成本"),
                default=None,
            ),
            Field(
                "margin",
                _("margin rate"),
                Type.SHARE,
                guesses=("margin", "marginrate", "毛利率"),
                default=None,
            ),
            Field(
                "is_withdrawn",
                _("withdrawn"),
                Type.FLAG,
                guesses=("withdrawn", "discontinued", "停售"),
                default=False,
            ),
        ),
        landing.land_products,
        key=("code",),
        has_customer=False,
    ),
    Kind(
        "orders",
        _("Orders"),
        (
            _external_id(
                "orderid",
                "orderno",
                "ordernumber",
                "order",
                "invoiceno",
                "invoice",
                "invoiceid",
                "订单号",
                "订单编号",
            ),
            _customer(),
            Field(
                "occurred_at",
                _("ordered at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    "orderedat",
                    "orderdate",
                    "date",
                    "invoicedate",
                    "datetime",
                    "time",
                    "occurredat",
                    "下单时间",
                    "订单日期",
                    "日期",
                    "时间",
                ),
            ),
            Field(
                "quantity", _("quantity"), Type.NUMBER, guesses=("quantity", "qty", "count", "数量", "件数")
            ),
            Field(
                "unit_price",
                _("price of one unit"),
                Type.PRICE,
                guesses=("unitprice", "price", "单价", "价格"),
            ),
            Field(
                "amount",
                _("amount of the line"),
                Type.NUMBER,
                guesses=("amount", "total", "linetotal", "sum", "value", "金额", "总额", "合计"),
            ),
            Field(
                "product",
                _("product code"),
                Type.ID,
                guesses=("product", "productcode", "sku", "stockcode", "productid", "商品编号", "货号"),
                most=64,
            ),
            Field(
                "description",
                _("description"),
                guesses=("description", "productname", "item", "name", "商品名称", "品名", "商品"),
                most=200,
            ),
            Field(
                "unit_cost",
                _("cost of one unit"),
                Type.PRICE,
                guesses=("unitcost", "cost", "成本", "单位成本"),
                default=None,
            ),
            Field("number", _("order number to show"), Type.ID, most=64),
            Field(
                "status",
                _("status"),
                Type.CHOICE,
                guesses=("status", "state", "状态", "订单状态"),
                choices=_ORDER_STATES,
                default=Order.Status.PLACED,
            ),
            Field("currency", _("currency"), Type.CURRENCY, guesses=("currency", "币种", "货币")),
            *_NEW_CUSTOMER,
            _RECORDED,
        ),
        landing.land_orders,
        occurred="occurred_at",
        is_grouped=True,
        check=checks.check_order_line,
        doubtful=checks.doubtful_order_lines,
        one_of=(("unit_price", "amount"),),
    ),
    Kind(
        "contracts",
        _("Contracts"),
        (
            _external_id("contractid", "contractno", "contract", "合同编号", "合同号"),
            _customer(),
            Field(
                "occurred_at",
                _("signed on"),
                Type.MOMENT,
                guesses=("signedon", "signedat", "signed", "签订日期", "签约日期"),
                default=None,
            ),
            Field(
                "starts_on",
                _("starts on"),
                Type.DAY,
                required=True,
                guesses=("startson", "start", "startdate", "from", "开始日期", "生效日期"),
            ),
            Field(
                "ends_on",
                _("ends on"),
                Type.DAY,
                required=True,
                guesses=("endson", "end", "enddate", "until", "expires", "结束日期", "到期日期", "到期日"),
            ),
            Field(
                "notice_on",
                _("notice by"),
                Type.DAY,
                guesses=("noticeon", "noticeby", "noticedate", "通知日期"),
                default=None,
            ),
            Field(
                "auto_renew",
                _("renews itself"),
                Type.FLAG,
                guesses=("autorenew", "autorenewal", "自动续约"),
                default=False,
            ),
            Field(
                "renewed_on",
                _("renewed on"),
                Type.DAY,
                guesses=("renewedon", "renewed", "续约日期"),
                default=None,
            ),
            Field(
                "terminated_on",
                _("terminated on"),
                Type.DAY,
                guesses=("terminatedon", "terminated", "cancelledon", "终止日期"),
                default=None,
            ),
            Field(
                "value",
                _("value over the whole term"),
                Type.PRICE,
                guesses=("value", "amount", "total", "金额", "合同金额"),
            ),
            Field("currency", _("currency"), Type.CURRENCY, guesses=("currency", "币种", "货币")),
            Field("number", _("contract number to show"), Type.ID, most=64),
            _NEW_CUSTOMER[0],
            _RECORDED,
        ),
        landing.land_contracts,
        occurred="occurred_at",
        check=checks.check_contract,
    ),
    Kind(
        "interactions",
        _("Interactions"),
        (
            _external_id("interactionid", "activityid", "互动编号", "记录编号"),
            _customer(),
            Field(
                "occurred_at",
                _("happened at"),
                Type.MOMENT,
                required=True,
                guesses=("occurredat", "happenedat", "date", "datetime", "time", "时间", "日期", "联系时间"),
            ),
            Field(
                "kind",
                _("kind"),
                Type.CHOICE,
                required=True,
                guesses=("kind", "type", "channel", "类型", "方式"),
                choices=_INTERACTIONS,
            ),
            Field(
                "direction",
                _("direction"),
                Type.CHOICE,
                guesses=("direction", "方向"),
                choices=_DIRECTIONS,
                default=Interaction.Direction.OUT,
            ),
            Field(
                "reached",
                _("reached"),
                Type.FLAG,
                guesses=("reached", "connected", "answered", "是否接通", "接通"),
                default=True,
            ),
            Field(
                "contact",
                _("contact's id"),
                Type.ID,
                guesses=("contact", "contactid", "联系人编号"),
                default=None,
            ),
            Field(
                "by",
                _("colleague"),
                guesses=("by", "user", "agent", "employee", "员工", "经办人"),
                default=None,
            ),
            Field(
                "text",
                _("what was said"),
                guesses=("text", "notes", "note", "content", "内容", "备注"),
                most=20000,
            ),
            _NEW_CUSTOMER[0],
            _RECORDED,
        ),
        landing.land_interactions,
        occurred="occurred_at",
    ),
    Kind(
        "complaints",
        _("Complaints"),
        (
            _external_id("complaintid", "ticketid", "ticket", "caseid", "投诉编号", "工单号"),
            _customer(),
            Field(
                "occurred_at",
                _("complained at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    "occurredat",
                    "openedat",
                    "createdat",
                    "date",
                    "filedat",
                    "投诉时间",
                    "时间",
                    "日期",
                ),
            ),
            Field(
                "text",
                _("what went wrong"),
                required=True,
                guesses=("text", "complaint", "description", "content", "内容", "投诉内容", "问题"),
                most=20000,
            ),
            Field(
                "channel",
                _("channel"),
                Type.CHOICE,
                guesses=("channel", "渠道"),
                choices=_CHANNELS,
                default=Complaint.Channel.OTHER,
            ),
            Field("category", _("category"), guesses=("category", "type", "类别", "分类"), most=64),
            Field(
                "severity",
                _("severity"),
                Type.CHOICE,
                guesses=("severity", "priority", "严重程度", "优先级"),
                choices=_SEVERITIES,
                default=int(Complaint.Severity.MEDIUM),
            ),
            Field(
                "contact",
                _("contact's id"),
                Type.ID,
                guesses=("contact", "contactid", "联系人编号"),
                default=None,
            ),
            Field(
                "order",
                _("order's id"),
                Type.ID,
                guesses=("order", "orderid", "orderno", "订单号", "订单编号"),
                default=None,
            ),
            Field(
                "due_on",
                _("to be resolved by"),
                Type.DAY,
                guesses=("dueon", "due", "duedate", "deadline", "截止日期"),
                default=None,
            ),
            Field(
                "acknowledged_at",
                _("acknowledged at"),
                Type.MOMENT,
                guesses=("acknowledgedat", "acknowledged", "受理时间"),
                default=None,
            ),
            Field(
                "resolved_at",
                _("resolved at"),
                Type.MOMENT,
                guesses=("resolvedat", "resolved", "closedat", "解决时间"),
                default=None,
            ),
            Field(
                "reopened_at",
                _("reopened at"),
                Type.MOMENT,
                guesses=("reopenedat", "reopened", "重新打开时间"),
                default=None,
            ),
            _NEW_CUSTOMER[0],
            _RECORDED,
        ),
        landing.land_complaints,
        occurred="occurred_at",
        check=checks.check_complaint,
    ),
    Kind(
        "rates",
        _("Exchange rates"),
        (
            Field(
                "currency",
                _("currency"),
                Type.CURRENCY,
                required=True,
                guesses=("currency", "code", "币种", "货币"),
            ),
            Field("day", _("from day"), Type.DAY, required=True, guesses=("day", "date", "from", "日期")),
            Field(
                "rate",
                _("base currency for one unit"),
                Type.NUMBER,
                required=True,
                guesses=("rate", "exchangerate", "汇率"),
            ),
        ),
        landing.land_rates,
        key=("currency", "day"),
        has_customer=False,
        check=checks.check_rate,
    ),
)


def register_all() -> None:
    """Enter every kind of this module."""
    for kind in KINDS:
        register(kind)

"""What is sold and agreed: products, orders, contracts, exchange rates."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import Order

_ORDER_STATES = words(
    dict(Order.Status.choices),
    placed="open new paid 已下单 待发货 已付款",
    delivered="complete completed shipped 已送达 已完成 已发货",
    cancelled="canceled void 已取消 取消",
)

KINDS = (
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
            external_id(
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
            customer(),
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
            *NEW_CUSTOMER,
            RECORDED,
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
            external_id("contractid", "contractno", "contract", "合同编号", "合同号"),
            customer(),
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
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_contracts,
        occurred="occurred_at",
        check=checks.check_contract,
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

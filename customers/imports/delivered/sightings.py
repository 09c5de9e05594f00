"""What competitors were seen to offer: sightings."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import CompetitorSighting

_LEARNT_FROM = words(
    dict(CompetitorSighting.LearntFrom.choices),
    customer="customersaid said told call 客户 客户告知 客户说",
    visit="meeting 拜访 走访",
    survey="questionnaire answer 问卷 调查 问卷调查",
    public="web website press advert public-source 公开 公开渠道 网络 广告 媒体",
    other="unknown 其他 其它 未知",
)

KINDS = (
    Kind(
        "sightings",
        _("Sightings of competitors"),
        (
            external_id("sighting", "sightingid", "记录编号", "竞品记录编号"),
            customer(),
            Field(
                "occurred_at",
                _("seen at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    "occurredat",
                    "seenat",
                    "seen",
                    "date",
                    "day",
                    "time",
                    "日期",
                    "时间",
                    "发现日期",
                    "发现时间",
                ),
            ),
            Field(
                "competitor",
                _("competitor"),
                required=True,
                guesses=(
                    "competitor",
                    "competitorname",
                    "rival",
                    "竞争对手",
                    "竞品",
                    "竞争对手名称",
                    "对手",
                    "友商",
                ),
                most=200,
                example=("Acme Ltd", "ACME", ("Blue Lake Trading", "蓝湖贸易有限公司")),
            ),
            Field(
                "offered",
                _("what it offered"),
                guesses=("offered", "offer", "text", "note", "报价内容", "优惠内容", "提供了什么", "备注"),
                most=2000,
            ),
            Field(
                "product",
                _("product code"),
                Type.ID,
                guesses=(
                    "product",
                    "productcode",
                    "sku",
                    "商品编号",
                    "产品",
                    "产品编号",
                    "货号",
                ),
                most=64,
            ),
            Field(
                "price_seen",
                _("price seen"),
                Type.PRICE,
                guesses=(
                    "priceseen",
                    "theirprice",
                    "competitorprice",
                    "price",
                    "对手价格",
                    "竞品价格",
                    "对方报价",
                ),
                default=None,
            ),
            Field(
                "price_ours",
                _("our price"),
                Type.PRICE,
                guesses=("priceours", "ourprice", "我方价格", "我们的价格", "本公司价格"),
                default=None,
            ),
            Field("currency", _("currency"), Type.CURRENCY, guesses=("currency", "币种", "货币")),
            Field(
                "learnt_from",
                _("learnt from"),
                Type.CHOICE,
                guesses=("learntfrom", "learnedfrom", "origin", "channel", "来源", "信息来源"),
                choices=_LEARNT_FROM,
                default=CompetitorSighting.LearntFrom.OTHER,
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_sightings,
        occurred="occurred_at",
        check=checks.check_sighting,
    ),
)

"""What customers use: usage."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id
from customers.imports.kinds import Kind

KINDS = (
    Kind(
        "usage",
        _("Usage"),
        (
            external_id("usageid", "eventid", "记录编号", "流水号"),
            customer(),
            Field(
                "occurred_at",
                _("counted at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    "occurredat",
                    "countedat",
                    "date",
                    "datetime",
                    "time",
                    "day",
                    "month",
                    "timestamp",
                    "日期",
                    "时间",
                    "统计时间",
                    "统计日期",
                    "使用时间",
                ),
            ),
            Field(
                "metric",
                _("metric"),
                required=True,
                guesses=(
                    "metric",
                    "measure",
                    "event",
                    "type",
                    "kind",
                    "指标",
                    "用量指标",
                    "使用指标",
                    "类型",
                ),
                most=100,
                example=("logins",),
            ),
            Field(
                "quantity",
                _("quantity"),
                Type.NUMBER,
                required=True,
                guesses=(
                    "quantity",
                    "qty",
                    "count",
                    "value",
                    "amount",
                    "balance",
                    "数量",
                    "次数",
                    "数值",
                    "余额",
                ),
            ),
            Field(
                "product",
                _("product code"),
                Type.ID,
                guesses=(
                    "product",
                    "productcode",
                    "sku",
                    "stockcode",
                    "productid",
                    "商品编号",
                    "产品",
                    "产品编号",
                    "货号",
                ),
                most=64,
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_usage,
        occurred="occurred_at",
        check=checks.check_moments,
    ),
)

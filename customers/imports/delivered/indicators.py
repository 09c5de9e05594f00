"""Figures of the company's own: values of indicators."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id
from customers.imports.kinds import Kind

_WHEN = (
    "occurredat",
    "measuredat",
    "asof",
    "date",
    "datetime",
    "time",
    "day",
    "month",
    "日期",
    "时间",
    "截至",
)

KINDS = (
    Kind(
        "indicators",
        _("Values of indicators"),
        (
            external_id("valueid", "recordid", "记录编号"),
            customer(),
            Field("occurred_at", _("stood at"), Type.MOMENT, required=True, guesses=_WHEN),
            Field(
                "indicator",
                _("indicator"),
                required=True,
                guesses=("indicator", "kpi", "figure", "指标", "指标代码", "自定义指标"),
                most=100,
                example=("health-score",),
            ),
            Field(
                "value",
                _("value"),
                Type.NUMBER,
                required=True,
                guesses=("value", "score", "number", "数值", "指标值", "值", "得分"),
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_indicators,
        occurred="occurred_at",
        check=checks.check_moments,
    ),
)

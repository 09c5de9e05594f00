"""Short words mean one thing each: a time, a grouping, a count and a menu are named so in Chinese, too."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import pgettext

from customers.pages.rates import RateForm
from retention.pages.loop_figures import PeriodForm, _columns


def test_figures_and_rates_name_time_and_grouping_rightly_in_chinese() -> None:
    with translation.override("zh-hans"):
        labels = [str(field.label) for field in PeriodForm.base_fields.values()]
        days = [str(field.label) for field in RateForm.base_fields.values()]
        first = _columns()[0]
        menu = pgettext("of the business", "Changes")
    assert labels == ["起始日期", "至", "分组方式"]
    assert "起始日期" in days and "投诉人" not in days
    assert (first, menu) == ("收到", "业务变更")

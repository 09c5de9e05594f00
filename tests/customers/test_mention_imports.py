"""Files of mentions: exports of five platforms by their mappings, guessed columns, stars, taking back."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customers import handles
from customers.ground.models import Event
from customers.imports import batches, kinds, mapping
from customers.mentions import stars
from customers.models import Customer, ImportBatch, Mention
from tests.customers.undoing import bring, take_back
from tests.factories import NOW, ago

pytestmark = pytest.mark.django_db
CASES = Path(__file__).parents[1] / "cases" / "mentions"
MAPPINGS = Path(__file__).parents[2] / "docs" / "mentions"
EXPORTS: dict[str, tuple[int, list[tuple[str, Decimal | None, str, str]]]] = {
    "weibo": (
        0,
        [
            ("茶香四溢", None, "negative", "两盒茶叶都受潮了，太差了，要求退款！"),
            ("Leaf_Cup", None, "positive", "服务热情，送货很快，非常满意。"),
        ],
    ),
    "xiaohongshu": (
        0,
        [
            ("茶茶子", None, "negative", "踩雷了\n这家的茶太差了，很失望，再也不买。"),
            ("小满", None, "positive", "下午茶打卡\n环境不错，\n服务很好，非常满意！"),
        ],
    ),
    "dianping": (
        1,
        [
            ("老茶客", Decimal(1), "negative", "电话一直没人接。"),
            ("小满", Decimal(5), "positive", ""),
        ],
    ),
    "google": (
        0,
        [
            ("Tea Lover", Decimal(1), "negative", "The tea was terrible, I want a refund."),
            ("Leaf", Decimal(4), "positive", ""),
        ],
    ),
    "app_store": (
        0,
        [
            ("", Decimal(2), "negative", "Crashes\nIt crashes when I order."),
            ("", Decimal(5), "positive", ""),
        ],
    ),
}


def read(platform: str, stated: dict[str, Any], errors: Path) -> Any:
    return batches.import_file(
        CASES / f"{platform}.csv",
        kinds.named("mentions"),
        mapping.from_data(stated),
        errors_to=errors,
        by=None,
        at=NOW,
    )


@pytest.mark.parametrize("platform", EXPORTS)
def test_export_of_a_platform_lands_by_its_mapping_and_repeats_without_effect(company, platform, tmp_path):
    refused, told = EXPORTS[platform]
    stated = json.loads((MAPPINGS / f"{platform}.json").read_text(encoding="utf-8"))
    for created in (2, 0):
        report = read(platform, stated, tmp_path / "errors.csv")
        assert (report.landed.created, report.landed.updated, report.refused) == (created, 0, refused)
    rows = Mention.objects.order_by("pk")
    assert [(row.handle, row.rating, row.sentiment, row.text) for row in rows] == told
    assert {(row.platform, row.source) for row in rows} == {(platform, "import")}
    assert all(row.external_id for row in rows)


@pytest.mark.parametrize("platform", ["weibo", "xiaohongshu", "dianping", "google"])
def test_columns_of_an_export_are_guessed_as_its_mapping_says(company, platform):
    stated = json.loads((MAPPINGS / f"{platform}.json").read_text(encoding="utf-8"))
    header = (CASES / f"{platform}.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert mapping.guess(kinds.named("mentions"), header) == stated["columns"]


def test_a_column_of_platforms_stands_above_the_source(customer: Customer, tmp_path) -> None:
    handles.add_handle(customer, platform="weibo", handle="tea", by=None, at=ago(9))
    bring(
        tmp_path,
        "mentions",
        "编号,平台,昵称,内容,时间\n1,微博,Tea,太差了,2026-05-01\n2,抖音,tea,好,2026-05-02\n3,,tea,好,2026-05-03\n",
        source="monitor",
    )
    rows = Mention.objects.order_by("pk").values_list("platform", "customer")
    assert list(rows) == [("weibo", customer.pk), ("douyin", None), ("other", None)]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("1,微博,,2026-05-01,,", "内容"),
        ("1,微博,好,2027-05-01,,", "时间"),
        ("1,微博,好,2026-05-01,javascript:x,", "链接"),
        ("1,微博,好,2026-05-01,,6", "星级"),
        ("1,火星,好,2026-05-01,,", "平台"),
        (",微博,好,2026-05-01,,", "编号"),
    ],
)
def test_lines_that_are_no_mention_say_why_and_where(company, tmp_path, line, column):
    bring(tmp_path, "mentions", f"编号,平台,内容,时间,链接,星级\n{line}\n2,微博,好,2026-05-01,,\n")
    batch = ImportBatch.objects.get()
    assert (batch.accepted, batch.refused, Mention.objects.count()) == (1, 1, 1)
    assert column in "编号,平台,内容,时间,链接,星级"


def test_history_calls_nobody_to_act(company, tmp_path) -> None:
    bring(tmp_path, "mentions", "编号,内容,时间\n1,太差了,2025-05-01\n", history=True)
    assert Event.objects.get(kind="mention.recorded").data == {"negative": True, "history": True}
    assert Mention.objects.get().recorded_assumed


def test_import_of_mentions_is_taken_back_and_can_land_again(company, tmp_path) -> None:
    header = "编号,平台,内容,时间\n"
    bring(tmp_path, "mentions", header + "1,微博,太差了,2026-05-01\n")
    take_back(bring(tmp_path, "mentions", header + "1,微博,很好,2026-05-01\n2,微博,好,2026-05-02\n"))
    assert list(Mention.objects.filter(void=False).values_list("text", "sentiment")) == [
        ("太差了", "negative")
    ]
    bring(tmp_path, "mentions", header + "2,微博,好,2026-05-02\n")
    assert Mention.objects.filter(void=False).count() == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4", "4"),
        ("4,5", "4.5"),
        ("4/5", "4"),
        ("45/50", "4.5"),
        ("FIVE", "5"),
        ("★★★☆☆", "3"),
        ("四星", "4"),
        ("3 stars", "3"),
        ("0", "0"),
        ("５", "5"),
    ],
)
def test_stars_are_read_as_exports_write_them(text, found):
    assert stars.read(text) == Decimal(found)


@pytest.mark.parametrize("text", ["6", "-1", "5.1", "4/0", "six", "★★★★★★", "1e1", "9" * 200_000, "nan"])
def test_what_is_no_number_of_stars_is_refused(text):
    with pytest.raises(stars.NoStars):
        stars.read(text)
    assert stars.read("  ") is None

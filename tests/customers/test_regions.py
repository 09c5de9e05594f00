"""Countries and regions: codes, names in both languages, what counts as moving away."""

from __future__ import annotations

import pytest
from django.utils import translation

from customers import regions


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("320506", "320506"),
        ("320500", "3205"),
        ("CN-32", "32"),
        ("江苏省苏州市吴中区", "320506"),
        ("江苏 苏州", "3205"),
        ("苏州市", "3205"),
        ("北京", "11"),
        ("北京市朝阳区", "110105"),
    ],
)
def test_find_reads_chinese_regions_by_code_and_name(text, code):
    assert regions.find("CN", text) == code


@pytest.mark.parametrize(("country", "text", "code"), [("US", "California", "CA"), ("GB", "gb-LND", "LND")])
def test_find_reads_regions_of_other_countries(country, text, code):
    assert regions.find(country, text.replace("gb-", "GB-")) == code


@pytest.mark.parametrize("text", ["和平区", "朝阳区", "Atlantis", "999999"])
def test_find_refuses_what_means_none_or_several(text):
    with pytest.raises(regions.UnknownRegion):
        regions.find("CN", text)


@pytest.mark.parametrize(
    ("country", "region", "place"),
    [
        ("CN", "320506", "CN-32-05"),
        ("CN", "3205", "CN-32-05"),
        ("CN", "32", "CN-32"),
        ("CN", "110105", "CN-11"),
        ("CN", "469001", "CN-46-9001"),
        ("CN", "", "CN"),
        ("GB", "LND", "GB-LND"),
        ("", "", ""),
    ],
)
def test_place_is_the_city_in_china_and_the_subdivision_elsewhere(country, region, place):
    assert regions.place(country, region) == place


def test_levels_lead_from_province_to_district():
    found = regions.levels("CN", "3205")
    assert [(len(level.options) > 5, level.chosen) for level in found] == [
        (True, "32"),
        (True, "3205"),
        (True, ""),
    ]
    assert [str(level.label) for level in regions.levels("CN", "31")] == ["Province", "District"]
    assert len(regions.levels("CN", "4419")) == 2  # a city without districts
    assert [len(regions.levels(country, "")) for country in ("CN", "GB", "VA", "")] == [1, 1, 0, 0]


def test_names_stand_in_the_readers_language():
    with translation.override("zh-hans"):
        assert regions.region_names("CN", "320506") == ["江苏省", "苏州市", "吴中区"]
        assert regions.country_name("DE") == "德国"
    with translation.override("en"):
        assert regions.region_names("CN", "310115")[1] == "Pudong 浦东新区"
        assert regions.region_names("CN", "110105") == ["Beijing 北京市", "Chaoyang 朝阳区"]
        assert regions.country_name("DE") == "Germany"


def test_country_words_know_codes_and_both_languages():
    words = regions.country_words()
    assert {words[word] for word in ("中国", "china", "cn", "chn")} == {"CN"}

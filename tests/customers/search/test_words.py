"""What a name is taken apart into."""

from __future__ import annotations

import pytest

from customers.search import words
from customers.search.words import Kind, Place


def made(name, *, kind=Kind.NAME, place=None):
    return {text for k, p, text in words.name_tokens(name, Kind.NAME) if k == kind and place in (None, p)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lin's  Kitchen, Co.", ["lins", "kitchen", "co"]),
        ("ＡＢＣ １２３", ["abc", "123"]),
        ("Café Zoë", ["cafe", "zoe"]),
        ("王氏tea店", ["王氏", "tea", "店"]),
        (" - \0 !", []),
    ],
)
def test_words_are_small_letters_without_signs(text, expected):
    assert words.words(text) == expected


def test_every_part_of_a_chinese_name_and_latin_parts_of_three_letters_are_kept():
    assert made("清风茶", place=Place.START) == {"清风茶"}
    assert made("清风茶", place=Place.INSIDE) == {"风茶", "茶"}
    assert made("Blue Lake", place=Place.START) == {"blue lake"}
    assert made("Blue Lake", place=Place.WORD) == {"lake"}
    assert made("Blue Lake", place=Place.INSIDE) == {"lue", "ake"}


def test_pinyin_and_initials_begin_at_every_syllable():
    assert made("张三", kind=Kind.PINYIN) == {"zhangsan", "san"}
    assert made("张三", kind=Kind.INITIALS) == {"zs"}
    assert made("清风tea", kind=Kind.PINYIN) == {"qingfengtea", "fengtea"}
    assert made("清风tea", kind=Kind.INITIALS) == {"qft", "ft"}
    assert made("Blue Lake", kind=Kind.PINYIN) == set()
    assert made("Blue Lake", kind=Kind.INITIALS) == {"bl"}
    assert made("Blue", kind=Kind.INITIALS) == set()


def test_surname_is_read_in_every_way_and_the_number_of_ways_is_bounded():
    assert {"dantianfang", "shantianfang"} <= made("单田芳", kind=Kind.PINYIN)
    assert {"zengguofan", "cengguofan"} <= made("曾国藩", kind=Kind.PINYIN)
    assert {"dtf", "stf"} <= made("单田芳", kind=Kind.INITIALS)
    assert {"lvbu", "lubu", "lyubu"} <= made("吕布", kind=Kind.PINYIN)
    assert len(made("单重长行", kind=Kind.INITIALS, place=Place.START)) <= words.READINGS + 1
    assert made("重庆", kind=Kind.PINYIN, place=Place.START) >= {"chongqing"}


def test_legal_form_is_found_as_part_of_a_longer_reading_only():
    spelled = made("清风有限公司", kind=Kind.PINYIN)
    assert "qingfengyouxiangongsi" in spelled and "fengyouxiangongsi" in spelled
    assert not {text for text in spelled if text.startswith(("you", "gong"))}
    assert "公司" in made("清风有限公司", place=Place.INSIDE)


def test_long_names_make_short_tokens_and_not_more_than_their_letters():
    found = list(words.name_tokens("字" * 200, Kind.NAME))
    assert max(len(text) for _kind, _place, text in found) == words.WHOLE
    assert len(found) <= 3 * 200 + words.READINGS


def test_sort_key_spells_chinese_and_is_never_empty():
    assert words.sort_key("张三") == "zhang san"
    assert words.sort_key("Zhang's 茶") == "zhangs cha"
    assert words.sort_key("") == words.sort_key("!!") == words.NAMELESS
    assert len(words.sort_key("字" * 200)) <= words.SORTED_BY


def test_phone_stands_from_its_end_and_needs_four_digits():
    assert [text for *_, text in words.phone_tokens("+86 138-0013 8000")] == ["0008310083168"]
    assert list(words.phone_tokens("112")) == []

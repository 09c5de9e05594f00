"""What is read of words: pieces, languages, keywords and what denies them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.causes.delivered import CAUSES, DETAILS
from customers.text import features, lexicons
from customers.text.keywords import Lexicon

DELIVERED = [(code, None, english, chinese) for code, english, chinese in CAUSES if code != "unknown"] + [
    (code, parent, english, chinese) for parent, code, english, chinese in DETAILS
]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("送餐太慢", "zh"),
        ("The parcel is late", "en"),
        ("客服 said 没货 again", "zh"),
        ("We ordered from 淘宝 and the box was broken", "en"),
        ("12345 !!!", "other"),
        ("", "other"),
    ],
)
def test_language_is_the_one_with_more_words(text: str, language: str) -> None:
    assert features.language(text) == language


def test_pieces_are_the_same_for_every_width_and_case() -> None:
    wide = features.hashed("ＡＰＰ打不开！")
    assert np.array_equal(wide, features.hashed("app打不开!"))
    assert not np.array_equal(wide, features.hashed("app打不开"))


def test_pieces_behind_the_bound_are_not_read() -> None:
    text = "慢" * features.MOST_CHARACTERS
    assert np.array_equal(features.hashed(text), features.hashed(text + "快"))
    assert not np.array_equal(features.hashed(text[1:]), features.hashed(text[1:] + "快"))


@given(st.text(max_size=200))
def test_every_text_can_be_hashed(text: str) -> None:
    pieces = features.hashed(text)
    assert np.array_equal(pieces, np.unique(pieces))
    assert all(0 <= piece < 1 << features.BITS for piece in pieces)
    assert features.language(text) in {"zh", "en", "other"}
    assert lexicons.SENTIMENT.guess(text) in {None, "negative", "neutral", "positive"}


def test_hints_stand_beside_the_words() -> None:
    pieces = features.hashed("late")
    assert set(pieces) < set(features.hinted(pieces, ["late_delivery"]))
    assert np.array_equal(features.hinted(pieces, []), pieces)


# --- Keywords -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("菜很好吃，下次还来", "positive"),
        ("不好吃", "negative"),
        ("The food was not good", "negative"),
        ("It was not bad", "positive"),
        ("Terrible, two boxes were broken", "negative"),
        ("Goodwill was transferred", None),  # begins like “good”, is another word
        ("Great but late", None),  # as many for as against
        ("Please send the invoice", None),
        ("客户咨询发票抬头", "neutral"),
    ],
)
def test_sentiment_by_keywords(text: str, guess: str | None) -> None:
    assert lexicons.SENTIMENT.guess(text) == guess


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("Our production is down, call immediately", "high"),
        ("不着急，有空再处理", "low"),
        ("There is no hurry at all", "low"),
        ("非常紧急，今天必须解决", "high"),
        ("Two boxes were wet", None),
    ],
)
def test_urgency_by_keywords(text: str, guess: str | None) -> None:
    assert lexicons.URGENCY.guess(text) == guess


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("快递三天没送到", "late_delivery"),
        ("You raised the price again: another price increase", "price_raised"),
        ("The service is an outage every week", "outage"),  # of a cause and its detail, the detail
        ("rude staff and no reply", "service_experience"),  # of two details, the cause above
        ("Rude staff, and it is expensive", None),  # of two causes none
    ],
)
def test_causes_by_keywords(text: str, guess: str | None) -> None:
    assert lexicons.of_causes(DELIVERED).guess(text) == guess


def test_every_delivered_cause_has_keywords_in_both_languages() -> None:
    delivered = lexicons.DELIVERED["causes"]
    assert set(delivered) == {code for code, *_names in DELIVERED}
    for code, phrases in delivered.items():
        assert {features.language(phrase) for phrase in phrases} >= {"zh", "en"}, code


def test_a_cause_of_ones_own_is_read_by_its_names() -> None:
    lexicon = lexicons.of_causes([*DELIVERED, ("parking", "service_experience", "Parking", "停车不便")])
    assert lexicon.guess("停车不便，绕了三圈") == "parking"
    assert lexicon.guess("No parking anywhere") == "parking"
    assert lexicon.guess("We parked outside") is None
    assert Lexicon({"a": ["parking"]}).guess("No parking anywhere") is None  # where a word may be denied


def test_a_number_is_found_between_chinese_characters() -> None:
    assert Lexicon({"high": ["12315"]}).guess("我要打12315投诉") == "high"
    assert Lexicon({"high": ["12315"]}).guess("订单9123150") is None


def test_a_lexicon_without_phrases_reads_nothing() -> None:
    assert Lexicon({}).guess("late") is None

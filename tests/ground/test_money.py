from __future__ import annotations

from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from customers.ground.money import (
    EXPONENTS,
    GREATEST_MINOR,
    AmountTooLarge,
    BadAmount,
    BadRate,
    UnknownCurrency,
    convert,
    exponent_of,
    format_money,
    from_minor,
    to_minor,
)

currencies = st.sampled_from(["CNY", "JPY", "KWD", "CLF"])
minors = st.integers(-GREATEST_MINOR, GREATEST_MINOR)


@pytest.mark.parametrize(
    ("currency", "exponent"),
    [("CNY", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("ISK", 0), ("UGX", 0), ("KWD", 3)]
    + [("TND", 3), ("CLF", 4), ("HUF", 2), ("TWD", 2), ("MGA", 2), ("HRK", 2), ("BGN", 2), ("XCG", 2)],
)
def test_exponent_of_is_that_of_iso_4217(currency: str, exponent: int):
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("currency", ["", "cny", "RMB", "XXX", "XAU", "BTC", "CNY ", "€"])
def test_exponent_of_refuses_and_shows_the_code_when_the_currency_is_unknown(currency: str):
    asks = (
        lambda: exponent_of(currency),
        lambda: to_minor("1", currency),
        lambda: from_minor(1, currency),
        lambda: format_money(1, currency, "en"),
        lambda: convert(1, rate=Decimal(1), from_currency=currency, to_currency="EUR"),
        lambda: convert(1, rate=Decimal(1), from_currency="EUR", to_currency=currency),
    )
    for ask in asks:
        with pytest.raises(UnknownCurrency) as refusal:
            ask()
        assert f"“{currency}”" in str(refusal.value) and "CNY" in str(refusal.value)


def test_exponents_hold_codes_of_three_letters_and_cannot_be_changed():
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in EXPONENTS)
    assert Counter(EXPONENTS.values())[0] == 17 and Counter(EXPONENTS.values())[3] == 7
    with pytest.raises(TypeError):
        EXPONENTS["XXX"] = 2  # type: ignore[index]


def test_exponents_name_no_currency_twice():
    from customers.ground import money

    lists = (
        money._WITHOUT_MINOR_UNIT,
        money._WITH_CENTS,
        money._WITH_THOUSANDTHS,
        money._WITH_TEN_THOUSANDTHS,
    )
    assert max(Counter(" ".join(lists).split()).values()) == 1


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.34", "EUR", 1234),
        ("12.345", "EUR", 1235),  # half up
        ("12.344999999999999999999999999999999999999", "EUR", 1234),
        ("-12.345", "EUR", -1235),  # half away from zero
        ("-12.344", "EUR", -1234),
        ("0.5", "JPY", 1),
        ("0.49", "JPY", 0),
        ("2.5", "JPY", 3),  # not to the even neighbour
        ("1.2345", "KWD", 1235),
        ("1", "CLF", 10000),
        ("-0", "EUR", 0),
        (" 7 ", "CNY", 700),
        ("1e3", "CNY", 100000),
        ("1e-999999999", "CNY", 0),
        (Decimal("38200"), "CNY", 3820000),
        ("92233720368547758.07", "EUR", GREATEST_MINOR),
        ("-92233720368547758.07", "EUR", -GREATEST_MINOR),
        ("0.004" + "9" * 100, "EUR", 0),
        ("0.005" + "0" * 100, "EUR", 1),
    ],
)
def test_to_minor_rounds_half_up_to_the_currency(amount: Any, currency: str, minor: int):
    assert to_minor(amount, currency) == minor


def test_to_minor_does_not_depend_on_the_callers_decimal_context():
    with localcontext(prec=3):
        assert to_minor(Decimal("123456.785"), "EUR") == 12345679
        assert from_minor(12345679, "EUR") == Decimal("123456.79")
        assert convert(12345679, rate=Decimal("1.00001"), from_currency="EUR", to_currency="EUR") == 12345802
        assert format_money(12345679, "EUR", "en") == "€123,456.79"


@pytest.mark.parametrize(
    "amount", ["", "abc", "1,000", "1 000", "¥5", "NaN", "Infinity", "-inf", "1_000", "0x10"]
)
def test_to_minor_refuses_and_shows_the_amount_when_it_is_no_number(amount: str):
    with pytest.raises(BadAmount) as refusal:
        to_minor(amount, "EUR")
    assert f"“{amount}”" in str(refusal.value) and "1234.50" in str(refusal.value)


@pytest.mark.parametrize("amount", [1.5, 1, None, b"1"])
def test_to_minor_refuses_anything_but_a_decimal_or_a_text(amount: Any):
    with pytest.raises(TypeError):
        to_minor(amount, "EUR")


@pytest.mark.parametrize(
    "amount",
    ["92233720368547758.08", "-92233720368547758.08", "92233720368547758.075", "1e17", "1e999999999"],
)
def test_to_minor_refuses_when_a_bigint_cannot_hold_it(amount: str):
    with pytest.raises(AmountTooLarge):
        to_minor(amount, "EUR")


@given(minors, currencies)
def test_from_minor_is_the_inverse_of_to_minor(minor: int, currency: str):
    amount = from_minor(minor, currency)
    assert to_minor(amount, currency) == minor == to_minor(str(amount), currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1235, "EUR", "12.35"),
        (-5, "EUR", "-0.05"),
        (1235, "JPY", "1235"),
        (1, "KWD", "0.001"),
        (0, "EUR", "0.00"),
    ],
)
def test_from_minor_keeps_the_decimals_of_the_currency(minor: int, currency: str, text: str):
    assert f"{from_minor(minor, currency):f}" == text


@pytest.mark.parametrize(
    ("minor", "rate", "source", "target", "expected"),
    [
        (1000, "0.0475", "JPY", "CNY", 4750),
        (4750, "21.05", "CNY", "JPY", 1000),  # 999.875
        (1000, "3.25", "KWD", "USD", 325),
        (325, "0.3077", "USD", "KWD", 1000),  # 1,000.025
        (100, "1", "EUR", "EUR", 100),
        (1, "0.5", "EUR", "USD", 1),  # half a cent, up
        (-1, "0.5", "EUR", "USD", -1),
        (1, "0.49999", "EUR", "USD", 0),
        (3, "0.5", "EUR", "USD", 2),  # not to the even neighbour
        (5, "0.5", "EUR", "USD", 3),
    ],
)
def test_convert_rounds_half_up_across_decimals(
    minor: int, rate: str, source: str, target: str, expected: int
):
    assert convert(minor, rate=Decimal(rate), from_currency=source, to_currency=target) == expected


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "-0"])
def test_convert_refuses_and_shows_the_rate_when_it_is_none(rate: str):
    with pytest.raises(BadRate) as refusal:
        convert(1, rate=Decimal(rate), from_currency="EUR", to_currency="USD")
    assert f"“{rate}”" in str(refusal.value)


def test_convert_refuses_when_a_bigint_cannot_hold_it():
    assert convert(GREATEST_MINOR, rate=Decimal(1), from_currency="EUR", to_currency="USD") == GREATEST_MINOR
    with pytest.raises(AmountTooLarge):
        convert(GREATEST_MINOR, rate=Decimal(2), from_currency="EUR", to_currency="USD")


@given(st.integers(-(10**12), 10**12), st.decimals("0.000001", "100000", places=6), currencies, currencies)
def test_convert_is_within_half_a_unit_of_the_exact_amount(
    minor: int, rate: Decimal, source: str, target: str
):
    exact = Fraction(minor) * Fraction(rate) * Fraction(10) ** (exponent_of(target) - exponent_of(source))
    assume(abs(exact) < GREATEST_MINOR and abs(minor * rate) < Decimal(10) ** 15)
    found = convert(minor, rate=rate, from_currency=source, to_currency=target)
    assert abs(found - exact) <= Fraction(1, 2)
    assert convert(-minor, rate=rate, from_currency=source, to_currency=target) == -found


@pytest.mark.parametrize(
    ("minor", "currency", "language", "text"),
    [
        (3820000, "CNY", "en", "¥38,200"),
        (3820000, "CNY", "zh-hans", "¥38,200"),
        (123450, "GBP", "en", "£1,234.50"),
        (123400, "GBP", "en", "£1,234"),
        (5, "EUR", "en", "€0.05"),
        (0, "EUR", "en", "€0"),
        (-123450, "GBP", "en", "−£1,234.50"),
        (1234567, "JPY", "en", "JP¥1,234,567"),
        (1250, "KWD", "en", "KWD\u00a01.250"),
        (1000, "KWD", "zh-hans", "KWD\u00a01"),
        (100, "USD", "en", "$1"),
        (100, "USD", "zh-hans", "US$1"),
        (100, "USD", "zh_CN", "US$1"),
        (GREATEST_MINOR, "EUR", "en", "€92,233,720,368,547,758.07"),
    ],
)
def test_format_money_groups_thousands_and_leaves_out_decimals_that_are_zero(
    minor: int, currency: str, language: str, text: str
):
    assert format_money(minor, currency, language) == text


def test_format_money_never_shows_two_currencies_alike():
    for language in ("en", "zh-hans"):
        shown = [
            format_money(100000, currency, language) for currency in EXPONENTS if EXPONENTS[currency] == 2
        ]
        assert len(shown) == len(set(shown))
    assert format_money(10, "JPY", "en") != format_money(1000, "CNY", "en")

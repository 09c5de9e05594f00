"""Money as integers: amounts in the minor unit of an ISO 4217 currency (decision 10).

Every rounding here is half up, away from zero: 0.005 becomes 0.01 and −0.005 becomes −0.01, so that a
return cancels its order exactly. Floats are never accepted.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused

GREATEST_MINOR = 2**63 - 1
"""The greatest amount that a bigint column holds; amounts reach as far below zero."""

_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_NO_BREAK_SPACE = "\u00a0"
_MINUS = "\u2212"

_WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_CENTS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED
VES WST XCD XCG YER ZAR ZMW ZWG ZWL
"""
_WITH_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_WITH_TEN_THOUSANDTHS = "CLF UYW"

EXPONENTS = MappingProxyType(
    {
        code: exponent
        for exponent, codes in (
            (0, _WITHOUT_MINOR_UNIT),
            (2, _WITH_CENTS),
            (3, _WITH_THOUSANDTHS),
            (4, _WITH_TEN_THOUSANDTHS),
        )
        for code in codes.split()
    }
)
"""Decimal places by currency: ISO 4217 as of 2026, and what it has dropped since 2022 for old facts."""

_SYMBOLS = MappingProxyType(
    {
        "AUD": "A$",
        "BRL": "R$",
        "CAD": "CA$",
        "CNY": "¥",
        "EUR": "€",
        "GBP": "£",
        "HKD": "HK$",
        "INR": "₹",
        "JPY": "JP¥",
        "KRW": "₩",
        "NZD": "NZ$",
        "SGD": "S$",
        "TWD": "NT$",
        "USD": "$",
        "VND": "₫",
    }
)
_CHINESE_SYMBOLS = MappingProxyType({**_SYMBOLS, "USD": "US$"})


class UnknownCurrency(Refused):
    code = "unknown_currency"
    message = _(
        "“%(currency)s” is not a currency that we know. Use the three capital letters of ISO 4217, "
        "for example CNY, EUR or JPY."
    )


class BadAmount(Refused):
    code = "bad_amount"
    message = _(
        "“%(amount)s” is not an amount of money. Write digits with a point before the decimals, "
        "for example 1234.50."
    )


class AmountTooLarge(Refused):
    code = "amount_too_large"
    message = _("The amount %(amount)s is greater than we can store. Check its unit and its decimal point.")


class BadRate(Refused):
    code = "bad_rate"
    message = _("“%(rate)s” is not an exchange rate. Write a number above zero, for example 7.8412.")


def exponent_of(currency: str) -> int:
    """Return the decimal places of a currency; raise :class:`UnknownCurrency` for any other code."""
    try:
        return EXPONENTS[currency]
    except KeyError as error:
        raise UnknownCurrency(currency=currency) from error


def to_minor(amount: Decimal | str, currency: str) -> int:
    """Return an amount in minor units: ``to_minor("12.345", "EUR")`` is 1235.

    Decimals beyond the currency's are rounded half up, away from zero. Raises :class:`BadAmount` for
    what is no finite number (a float is a ``TypeError``), :class:`AmountTooLarge` and
    :class:`UnknownCurrency`.
    """
    return _rounded(_number(amount), shift=exponent_of(currency))


def from_minor(minor: int, currency: str) -> Decimal:
    """Return an amount in minor units as a number with the currency's decimals: 1235 EUR is 12.35."""
    return _EXACT.scaleb(Decimal(minor), -exponent_of(currency))


def convert(minor: int, *, rate: Decimal, from_currency: str, to_currency: str) -> int:
    """Return an amount in minor units of another currency, rounded half up, away from zero.

    ``rate`` is what one whole unit of ``from_currency`` costs in ``to_currency``, whatever their
    decimals: 1,000 JPY at 0.0475 are 4,750 minor units of CNY. Raises :class:`BadRate` unless it is
    finite and above zero, :class:`AmountTooLarge` and :class:`UnknownCurrency`.
    """
    if not rate.is_finite() or rate <= 0:
        raise BadRate(rate=rate)
    shift = exponent_of(to_currency) - exponent_of(from_currency)
    return _rounded(_EXACT.multiply(Decimal(minor), rate), shift=shift)


def format_money(minor: int, currency: str, language: str) -> str:
    """Return an amount for people to read: ``¥38,200``, ``£1,234.50``, ``KWD 1.250``.

    Thousands are grouped by commas, decimals are left out exactly when all are zero, a minus stands
    before the symbol. A currency without a symbol of its own shows its code. ``language`` is ``en`` or
    a Chinese one, which writes US$ where English writes $.
    """
    amount = from_minor(minor, currency).copy_abs()
    whole = amount == amount.to_integral_value()
    digits = f"{amount:,.{0 if whole else exponent_of(currency)}f}"
    symbols = _CHINESE_SYMBOLS if language.lower().startswith("zh") else _SYMBOLS
    symbol = symbols.get(currency) or currency + _NO_BREAK_SPACE
    return f"{_MINUS if minor < 0 else ''}{symbol}{digits}"


def _number(amount: Decimal | str) -> Decimal:
    if not isinstance(amount, Decimal | str):
        raise TypeError(f"an amount is a Decimal or a text, not {type(amount).__name__}")
    try:
        number = Decimal(amount)
    except InvalidOperation as error:
        raise BadAmount(amount=amount) from error
    if not number.is_finite() or "_" in str(amount):
        raise BadAmount(amount=amount)
    return number


def _rounded(number: Decimal, *, shift: int) -> int:
    if number and number.adjusted() + shift > 18:
        raise AmountTooLarge(amount=number)
    sign, digits, exponent = number.as_tuple()
    shifted = Decimal((sign, digits, int(exponent) + shift))  # exact: scaleb would round a long number first
    minor = int(shifted.to_integral_value(ROUND_HALF_UP))
    if abs(minor) > GREATEST_MINOR:
        raise AmountTooLarge(amount=number)
    return minor

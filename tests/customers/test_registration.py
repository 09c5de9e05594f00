"""Registration numbers: checked where the country lets them be checked, kept as written elsewhere."""

from __future__ import annotations

import pytest

from customers import registration


@pytest.mark.parametrize(
    ("number", "country", "kept"),
    [
        ("9111 0000 6000 37341l", "CN", "91110000600037341L"),
        ("91110000600037341L", "", "91110000600037341L"),
        ("DE 136 695 976", "DE", "DE136695976"),
        ("hrb 86891", "DE", "HRB 86891"),
        ("12345", "", "12345"),
        ("  ", "CN", ""),
    ],
)
def test_checked_keeps_what_can_be_a_number(number, country, kept):
    assert registration.checked(number, country=country) == kept


@pytest.mark.parametrize(
    ("number", "country", "refusal"),
    [
        ("91110000600037342L", "CN", registration.WrongRegistrationNumber),
        ("91110000600037342L", "", registration.WrongRegistrationNumber),
        ("12345", "CN", registration.WrongRegistrationNumber),
        ("DE 136 695 977", "DE", registration.WrongVatNumber),
    ],
)
def test_checked_refuses_a_wrong_character(number, country, refusal):
    with pytest.raises(refusal):
        registration.checked(number, country=country)

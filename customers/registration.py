"""Registration numbers of companies, checked as far as their country lets itself be checked.

China: the unified social credit code 统一社会信用代码 with its check character. Elsewhere a VAT number is
checked when it is written with the country in front; anything else is kept as it is, since what a
company register calls its numbers differs from country to country.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from stdnum import get_cc_module
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from customers.ground.errors import Refused

_LOOKS_CHINESE = re.compile(r"[0-9A-Z]{18}")
_VAT_PREFIX = {"GR": "EL"}


class WrongRegistrationNumber(Refused):
    code = "wrong_registration_number"
    message = _(
        "“%(number)s” is no valid registration number: a character is wrong or missing. "
        "A unified social credit code has 18 characters."
    )


class WrongVatNumber(Refused):
    code = "wrong_vat_number"
    message = _("“%(number)s” is no valid VAT number: a character is wrong or missing.")


def checked(number: str, *, country: str) -> str:
    """Return the number as it is kept; raise a ``Refused`` when it cannot be one.

    ``country`` may be empty: what looks like a Chinese code is then checked as one.
    """
    plain = re.sub(r"\s+", " ", number).strip()
    if not plain:
        return ""
    tight = re.sub(r"[\s.\-/]", "", plain).upper()
    if country == "CN" or (not country and _LOOKS_CHINESE.fullmatch(tight)):
        try:
            return str(uscc.validate(tight))
        except ValidationError as error:
            raise WrongRegistrationNumber(number=plain[:40]) from error
    module: Any = get_cc_module(country.lower(), "vat") if country else None
    if module is not None and tight.startswith(_VAT_PREFIX.get(country, country)):
        try:
            return _VAT_PREFIX.get(country, country) + str(module.validate(tight)).removeprefix(
                _VAT_PREFIX.get(country, country)
            )
        except ValidationError as error:
            raise WrongVatNumber(number=plain[:40]) from error
    return plain.upper()

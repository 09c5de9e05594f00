"""Numbers of conditions: exact, with at most four decimals."""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from retention.rules.conditions.vocabulary import ConditionRefused, Json, Path

_NUMBER = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,4})?")


def exact_number(value: Json, path: Path, *, most: Decimal) -> Decimal:
    """Return an exact number of at most four decimals; a float only when it is written that short."""
    text = str(value) if type(value) in (int, float, Decimal) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ConditionRefused(
            _("%(path)s: “%(value)s” is not a number. Write digits with at most four decimals: 0.25."),
            path=path,
            value=str(value)[:32],
        )
    number = Decimal(text)
    if abs(number) > most:
        raise ConditionRefused(
            _("%(path)s: %(value)s is too large. The greatest number here is %(most)s."),
            path=path,
            value=number,
            most=most,
        )
    return number

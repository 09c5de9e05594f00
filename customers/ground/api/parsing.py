"""Reading JSON without surprises: exact numbers, no NUL, no half characters, no bottomless nesting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import JSONParser

from customers.ground.api.problems import CODES, Problem


class MalformedJSON(Problem):
    status_code = 400
    default_code = "malformed_json"
    default_detail = CODES["malformed_json"][1]


_LONGEST = 400
"""Digits of a number with a point, also those that an exponent stands for: 1e999999999 as an integer would
fill the memory."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _exact(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= _LONGEST else None
    if number is None or abs(number.adjusted()) > _LONGEST:
        raise ValueError(text[:32])
    return number


class StrictJSONParser(JSONParser):
    """JSON in UTF-8; numbers with a point become ``Decimal``, so that an amount keeps its digits."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value, or raise :class:`MalformedJSON`."""
        if media_type and "charset" in media_type.lower() and "utf-8" not in media_type.lower():
            raise UnsupportedMediaType(media_type)
        try:
            text = stream.read().decode("utf-8")
            value = json.loads(text, parse_float=_exact, parse_constant=_no_constant)
            if "\\u0000" in text or "\\ud" in text.lower():  # what no database stores is quick to look for
                _refuse_unstorable(value)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise MalformedJSON() from error
        return value


def _refuse_unstorable(value: Any) -> None:
    """Raise ``ValueError`` for a text with NUL or with half a character, in names too."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest += [*item, *item.values()]
        elif isinstance(item, list):
            rest += item
        elif isinstance(item, str):
            if "\0" in item:
                raise ValueError("NUL")
            item.encode("utf-8")

"""What a line says of where a customer is and how it is registered, read together."""

from __future__ import annotations

from typing import Any

from customers import regions, registration
from customers.ground.errors import Refused
from customers.imports.kinds import CellRefused, Context


def read(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with region and number as they are kept; raise ``CellRefused``.

    A region without a country is looked for in China.
    """
    found = dict(values)
    country = found.get("country") or ""
    if found.get("region"):
        country = country or regions.CHINA
        found["country"], found["region"] = country, _tried("region", regions.find, country, found["region"])
    if found.get("registration_number"):
        found["registration_number"] = _tried(
            "registration_number", _number, country, found["registration_number"]
        )
    return found


def check_customer(values: dict[str, Any], context: Context) -> None:
    """Refuse a region or a registration number that cannot be one."""
    read(values)


def _number(country: str, text: str) -> str:
    return registration.checked(text, country=country)


def _tried(name: str, reading: Any, country: str, text: str) -> str:
    try:
        return str(reading(country, text))
    except Refused as refusal:
        raise CellRefused(name, refusal) from refusal

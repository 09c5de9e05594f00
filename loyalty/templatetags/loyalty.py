"""How points are written: ``{% load loyalty %}``."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()
MINUS = "\u2212"


@register.filter
def points(number: int | None) -> str:
    """Write whole points with commas between thousands; a dash when there are none to speak of."""
    if number is None:
        return "–"
    return f"{MINUS if number < 0 else ''}{abs(number):,}"


@register.filter
def signed(number: int | None) -> str:
    """Write points with their sign: ``+1,200``, ``−50``, ``0``."""
    if not number:
        return "0"
    return f"{'+' if number > 0 else MINUS}{abs(number):,}"


@register.filter
def field_of(form: Any, name: str) -> Any:
    """Return the field of a form that is called ``name``."""
    return form[name]

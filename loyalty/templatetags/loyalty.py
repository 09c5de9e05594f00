"""How points are written: ``{% load loyalty %}``."""

from __future__ import annotations

from django import template

from loyalty.naming import also_called, called

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
def percent(share_bp: int) -> str:
    """Write a share in basis points in percent: ``125 %``, ``12.5 %``."""
    return f"{share_bp / 100:g} %"


register.filter(called)
register.filter(also_called)

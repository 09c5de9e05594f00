"""Jinja2 for what repeats line by line: the same pieces and words as in Django's templates.

A page stays a Django template; ``{% fragment %}`` puts a list drawn here into it.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext, pgettext
from jinja2 import Environment, StrictUndefined

from customers.ground import marks

PIECES = ("icon", "money", "severity", "when", "due", "daydate", "sparkline", "tel", "capped", "initials")


def environment(**options: Any) -> Environment:
    """Return the environment that ``TEMPLATES`` names; what is missing in a template is an error."""
    options |= {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    made = Environment(**options)  # noqa: S701 — Django turns autoescape on
    made.globals |= {name: getattr(marks, name) for name in PIECES}
    made.globals |= {"_": gettext, "ngettext": ngettext, "pgettext": pgettext, "url": _address}
    made.filters["shortened"] = _shortened
    return made


def _address(name: str, *args: object) -> str:
    return reverse(name, args=args)


def _shortened(text: str, length: int) -> str:
    return Truncator(text).chars(length)

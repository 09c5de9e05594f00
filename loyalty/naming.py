"""What tiers, benefits, plans and rewards are called in a language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language

from customers import company


def called(named: Any, language: str = "") -> str:
    """Return the name of ``named`` in ``language`` (the active one when empty).

    ``name`` is in the company's language and ``name_alt`` in the other one; without that, ``name`` stands.
    """
    return str((named.name_alt if _is_other(language) else "") or named.name)


def also_called(named: Any, language: str = "") -> str:
    """Return the name that :func:`called` does not; empty when there is only one."""
    return str((named.name if _is_other(language) else named.name_alt) if named.name_alt else "")


def _is_other(language: str) -> bool:
    firm = company.find()
    own = firm.language if firm is not None else "en"
    return _is_chinese(language or get_language() or own) != _is_chinese(own)


def _is_chinese(language: str) -> bool:
    return language.lower().startswith("zh")

"""The languages that a survey can speak, each by its own name."""

from __future__ import annotations

from django.conf import settings

LANGUAGES: dict[str, str] = {
    "en": "English",
    "zh-hans": "简体中文",
    "zh-hant": "繁體中文",
    "ja": "日本語",
    "ko": "한국어",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "pt": "Português",
    "nl": "Nederlands",
    "pl": "Polski",
    "ru": "Русский",
    "vi": "Tiếng Việt",
    "th": "ไทย",
    "id": "Bahasa Indonesia",
}
_ALIASES = {"zh": "zh-hans", "zh-cn": "zh-hans", "zh-sg": "zh-hans", "zh-tw": "zh-hant", "zh-hk": "zh-hant"}


def known(tag: str) -> str:
    """Return our code of a language tag (``zh-CN`` is ``zh-hans``, ``de-AT`` is ``de``), else nothing."""
    code = tag.strip().lower().replace("_", "-")
    code = _ALIASES.get(code, code)
    if code in LANGUAGES:
        return code
    parts = code.split("-")
    if parts[0] == "zh" and len(parts) > 2:  # zh-hans-cn
        return known("-".join(parts[:2]))
    return parts[0] if parts[0] in LANGUAGES else ""


def best(wanted: str, among: tuple[str, ...]) -> str:
    """Return the language of ``among`` that comes nearest to ``wanted``; the first when none does.

    The two ways of writing Chinese come nearer to each other than any other language.
    """
    code = known(wanted)
    if code in among:
        return code
    if code.startswith("zh"):
        return next((one for one in among if one.startswith("zh")), among[0])
    return among[0]


def words_language(language: str) -> str:
    """Return the language in which our own words stand beside a survey in ``language``."""
    if language in dict(settings.LANGUAGES):
        return language
    return "zh-hans" if language.startswith("zh") else "en"

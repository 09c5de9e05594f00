"""The plainest form of what two customers may have in common. Pure: texts come in, numbers go out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from customers.models.duplicates import Sign

LEAST_DIGITS = 7
COUNTRY_CODE = "86"
_SEPARATORS = re.compile(r"[\W_]+")
_ENDINGS = re.compile(  # what says the legal form and not who it is
    r"(?:股份有限公司|有限责任公司|集团有限公司|有限公司|公司|集团"
    r"|\b(?:co|company|ltd|limited|llc|llp|plc|inc|incorporated|corp|corporation|gmbh|ag|kg|ohg|ug|sa|sas|sarl"
    r"|bv|nv|srl|spa|ab|as|oy|aps|pty|pte|kk|gmbh co kg)\b)+$"
)
_PLACE_ENDINGS = re.compile(r"(?:市|省|自治区|特别行政区|city)$")


def phone_key(phone: str) -> str:
    """Return the digits of a number without country code and leading zeros; ``""`` for too few."""
    digits = "".join(str(unicodedata.digit(c)) for c in phone if c.isdigit())
    digits = digits.removeprefix("00")
    if digits.startswith(COUNTRY_CODE) and len(digits) >= LEAST_DIGITS + len(COUNTRY_CODE) + 3:
        digits = digits.removeprefix(COUNTRY_CODE)
    digits = digits.lstrip("0")
    return digits if len(digits) >= LEAST_DIGITS else ""


def email_key(email: str) -> str:
    """Return an address in small letters."""
    return email.strip().casefold()


def name_key(name: str) -> str:
    """Return a name without case, width, punctuation, spaces and legal form; ``""`` if nothing is left."""
    plain = _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()
    while (shorter := _ENDINGS.sub("", plain).strip()) and shorter != plain:
        plain = shorter
    return plain.replace(" ", "")


def place_key(place: str) -> str:
    """Return a place without case, width and the word for city or province."""
    return _PLACE_ENDINGS.sub("", unicodedata.normalize("NFKC", place).casefold().strip()).strip()


def registration_key(number: str) -> str:
    """Return a registration number in capitals, without spaces and hyphens."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", number)).upper()


def keys_of(
    *,
    names: Iterable[str],
    places: Iterable[str],
    registration: str = "",
    phones: Iterable[str] = (),
    emails: Iterable[str] = (),
) -> Iterator[tuple[Sign, int]]:
    """Give every key of one customer, some of them twice."""
    known = {plain for place in places if (plain := place_key(place))} or {""}
    for name in names:
        if plain := name_key(name):
            for where in known:
                yield Sign.NAME, _hash(f"{plain}\n{where}")
    if plain := registration_key(registration):
        yield Sign.REGISTRATION, _hash(plain)
    for phone in phones:
        if plain := phone_key(phone):
            yield Sign.PHONE, _hash(plain)
    for email in emails:
        if plain := email_key(email):
            yield Sign.EMAIL, _hash(plain)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)

"""Codes of a reward: brought in many at once, each given out once."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, rows
from customers.ground.errors import Refused
from customers.imports.spreadsheets import restored
from customers.models import User
from customers.models.people import Role
from loyalty.models import Redemption, Reward, RewardCode

MOST = 20_000
LONGEST = 100
SEES_CODES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
"""Who is shown a code that was given out: whoever may hand it on."""
_HEADERS = {"code", "codes", "voucher", "券码", "兑换码", "代码"}


class NoCodesHere(Refused):
    code = "reward_has_no_codes"
    message = _("This reward is not given as a code. Add stock instead.")


class CodesMissing(Refused):
    code = "codes_missing"
    message = _("There is no code here. Write one a line, or give a CSV with the codes in its first column.")


class TooManyCodes(Refused):
    code = "codes_too_many"
    message = _("These are %(count)s codes. Add at most %(most)s at once.")


class CodeRefused(Refused):
    code = "code_refused"
    message = _(
        "Line %(line)s: a code has at most 100 characters, all of them visible. Correct it and add all again."
    )


@dataclass(frozen=True)
class Line:
    """A code and the line on which it stands."""

    number: int
    secret: str


@dataclass
class Added:
    """How many codes were new, and which stood before: on an earlier line, or in the reward already."""

    new: int = 0
    twice: list[Line] = field(default_factory=list)
    known: list[Line] = field(default_factory=list)


def add_codes(reward: Reward, text: str, *, by: User | None, at: datetime) -> Added:
    """Add the codes of a text or CSV (first column, a header may stand above); return what was new.

    The same text can come again: codes that stand are named and left alone. Raises :class:`NoCodesHere`,
    :class:`CodesMissing`, :class:`TooManyCodes`, :class:`CodeRefused`. Side effects: the stock grows by
    the new ones; audit ``reward.codes``.
    """
    if reward.kind != Reward.Kind.CODE:
        raise NoCodesHere()
    lines = read(text)
    added, first = Added(), dict[str, Line]()
    for line in lines:
        if first.setdefault(line.secret, line) is not line:
            added.twice.append(line)
    with transaction.atomic():
        Reward.objects.select_for_update(no_key=True).get(pk=reward.pk)
        wanted = [RewardCode(reward=reward, secret=secret) for secret in first]
        new = {row.secret for row in rows.insert_new(wanted, known_by="secret")}
        added.new = len(new)
        added.known = [line for secret, line in first.items() if secret not in new]
        if new:
            Reward.objects.filter(pk=reward.pk).update(stock=F("stock") + len(new))
            codes = {"added": len(new), "known": len(added.known), "twice": len(added.twice)}
            audit.record("reward.codes", obj=reward, by=by, at=at, codes=codes)
    reward.refresh_from_db(fields=["stock"])
    return added


def read(text: str) -> list[Line]:
    """Return the codes of a text, each with its line; empty lines and a header are left out.

    Raises :class:`CodesMissing`, :class:`TooManyCodes`, :class:`CodeRefused`.
    """
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    found: list[Line] = []
    try:
        for cells in reader:
            secret = restored(cells[0]).strip() if cells else ""
            if not secret or (not found and secret.lower() in _HEADERS):
                continue
            if len(secret) > LONGEST or not secret.isprintable():
                raise CodeRefused(line=reader.line_num)
            found.append(Line(reader.line_num, secret))
    except csv.Error as error:
        raise CodeRefused(line=reader.line_num) from error
    if not found:
        raise CodesMissing()
    if len(found) > MOST:
        raise TooManyCodes(count=f"{len(found):,}", most=f"{MOST:,}")
    return found


def give_out(redemption: Redemption) -> RewardCode | None:
    """Give a free code to a redemption, in the caller's transaction; nothing when there is none.

    No code is given twice: it is taken by a conditional update, and one that another takes is passed by.
    """
    free = RewardCode.objects.filter(reward=redemption.reward_id, redemption__isnull=True, is_void=False)
    while True:
        row = free.select_for_update(skip_locked=True).order_by("pk").first()
        if row is None:
            return None
        if free.filter(pk=row.pk).update(redemption=redemption):
            row.redemption = redemption
            return row


def void(redemption: Redemption) -> int:
    """Void the code that a redemption was given, in the caller's transaction: it is not given out again."""
    return RewardCode.objects.filter(redemption=redemption, is_void=False).update(is_void=True)


def codes_of(redemptions: Sequence[Redemption]) -> dict[int, str]:
    """Return the codes that redemptions were given, by redemption; those that are void are left out."""
    found = RewardCode.objects.filter(redemption__in=[one.pk for one in redemptions], is_void=False)
    return {pk: secret for pk, secret in found.values_list("redemption_id", "secret") if pk is not None}

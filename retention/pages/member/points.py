"""Points as their owner sees them: what she can use today, what comes, what goes, what it buys.

The nightly work may still be due: lots past their day are left out, and lots whose return window is over
count, as a redemption would do first. Nothing is written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from customers import company
from loyalty.models import (
    PointsAccount,
    PointsLot,
    Programme,
    Redemption,
    Reward,
    Tier,
    TierBenefit,
)
from loyalty.rewards import catalogue, codes, redeeming
from loyalty.tiers import benefits, progress
from retention.pages.member.visit import Dead, Visit

FIRST = 5
MOST_REWARDS = 100
MOST_REDEMPTIONS = 20
State = Redemption.State


@dataclass(frozen=True)
class Sums:
    """What an account can use on a day, what comes, and what goes next."""

    usable: int = 0
    pending: int = 0
    pending_until: int | None = None  # the first local day on which some of it can be used
    next_day: int | None = None  # the last day on which the next points can be used
    next_points: int = 0


@dataclass(frozen=True)
class Offer:
    """A reward, and what is missing to have it; empty when she can have it now."""

    reward: Reward
    name: str
    description: str
    missing: str
    is_near: bool = False  # only points are missing


@dataclass(frozen=True)
class Taken:
    """A reward that she took."""

    row: Redemption
    name: str
    code: str
    may_cancel: bool


@dataclass(frozen=True)
class Benefit:
    """What her tier brings; ``left`` of ``a_year`` where it is counted."""

    name: str
    left: int | None = None
    a_year: int | None = None


@dataclass(frozen=True)
class Standing:
    """Her tier, what it brings, and how far it is to keep it or to reach the next."""

    name: str = ""
    words: list[str] = field(default_factory=list)
    benefits: list[Benefit] = field(default_factory=list)
    share: int | None = None  # percent of the way to the next tier


@dataclass(frozen=True)
class Account:
    """An account with its programme."""

    programme: Programme
    row: PointsAccount
    sums: Sums


def account_of(visit: Visit) -> Account | None:
    """Return the account in the programme that runs; nothing where there is neither."""
    row = (
        PointsAccount.objects.filter(customer=visit.customer)
        .exclude(programme__state=Programme.State.DRAFT)
        .select_related("programme", "tier")
        .first()
    )
    return Account(row.programme, row, sums_of(row, today=company.today(visit.at).number)) if row else None


def sums_of(account: PointsAccount, *, today: int) -> Sums:
    """Return what an account can use on a local day, from its open lots; one query."""
    lots = PointsLot.objects.filter(account=account, left__gt=0).order_by()
    rows = list(lots.values_list("is_pending", "usable_day", "expires_day").annotate(left=Sum("left")))
    usable = pending = 0
    waits: list[int] = []
    goes: dict[int, int] = {}
    for is_pending, usable_day, expires_day, left in rows:
        if expires_day is not None and expires_day < today:
            continue
        if is_pending and usable_day > today:
            pending += left
            waits.append(usable_day)
            continue
        usable += left
        if expires_day is not None:
            goes[expires_day] = goes.get(expires_day, 0) + left
    first = min(goes, default=None)
    return Sums(usable, pending, min(waits, default=None), first, goes[first] if first is not None else 0)


def offers(account: Account, visit: Visit) -> list[Offer]:
    """Return the rewards that are offered to her, what she can have now first; those of a price in order."""
    rows = list(catalogue.offered_to(account.row, at=visit.at).select_related("tier")[:MOST_REWARDS])
    taken = _taken_of(account.row, rows)
    found = [offer_of(account, reward, visit, taken=taken.get(reward.pk, 0)) for reward in rows]
    return sorted(found, key=lambda offer: bool(offer.missing))


def offer_of(account: Account, reward: Reward, visit: Visit, *, taken: int) -> Offer:
    """Return a reward with what is missing to have it now."""
    missing, is_near = "", False
    if reward.stock == 0:
        missing = _("None is left.")
    elif reward.per_customer is not None and taken >= reward.per_customer:
        missing = _("You have had it as often as it is given.")
    elif (short := reward.points - account.sums.usable) > 0:
        missing, is_near = _("%(points)s points are missing.") % {"points": f"{short:,}"}, True
    return Offer(
        reward,
        named(reward, visit),
        _either(reward.description, reward.description_alt, visit),
        missing,
        is_near,
    )


def one_offer(account: Account, pk: int, visit: Visit) -> Offer:
    """Return one of the rewards that are offered to her; a dead page for every other number."""
    reward = catalogue.offered_to(account.row, at=visit.at).select_related("tier").filter(pk=pk).first()
    if reward is None:
        raise Dead
    return offer_of(account, reward, visit, taken=_taken_of(account.row, [reward]).get(pk, 0))


def redemptions(account: Account, visit: Visit) -> list[Taken]:
    """Return the rewards that she took, newest first."""
    rows = list(
        Redemption.objects.filter(account=account.row).select_related("reward").order_by("-id")[
            :MOST_REDEMPTIONS
        ]
    )
    secrets = codes.codes_of(rows)
    return [_taken(row, secrets, visit) for row in rows]


def one_redemption(account: Account, pk: int, visit: Visit) -> Taken:
    """Return one of the rewards that she took; a dead page for every other number."""
    row = Redemption.objects.filter(account=account.row, pk=pk).select_related("reward", "account").first()
    if row is None:
        raise Dead
    return _taken(row, codes.codes_of([row]), visit)


def named(row: Programme | Reward | Tier | TierBenefit, visit: Visit) -> str:
    """Return the name of a row in the language of the page, where it has one."""
    return _either(row.name, row.name_alt, visit)


def _either(name: str, alt: str, visit: Visit) -> str:
    """Texts stand in the company's language, and perhaps in the other one."""
    return alt if alt and visit.language[:2] != company.current().language[:2] else name


def _taken(row: Redemption, secrets: dict[int, str], visit: Visit) -> Taken:
    return Taken(
        row, named(row.reward, visit), secrets.get(row.pk, ""), redeeming.may_cancel(row, by=None)
    )


def _taken_of(account: PointsAccount, rewards: list[Reward]) -> dict[int, int]:
    """Return how often she had each reward that is given so many times only."""
    limited = [reward.pk for reward in rewards if reward.per_customer is not None]
    if not limited:
        return {}
    found = Redemption.objects.filter(customer=account.customer_id, reward__in=limited)
    counted: dict[int, int] = {}
    for pk in found.exclude(state=State.CANCELLED).values_list("reward_id", flat=True):
        counted[pk] = counted.get(pk, 0) + 1
    return counted

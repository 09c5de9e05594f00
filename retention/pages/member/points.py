"""Points as their owner sees them: what she can use today, what comes, what goes, what it buys.

The nightly work may still be due: lots past their day are left out, and lots whose return window is over
count, as a redemption would do first. Nothing is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers import company
from customers.ground.localtime import day_of
from customers.ground.money import format_money
from loyalty.ledger.expiring import idle_until
from loyalty.models import PointsAccount, PointsLot, Programme, Redemption, Reward
from loyalty.naming import called
from loyalty.rewards import catalogue, codes, redeeming
from loyalty.tiers import benefits, progress
from retention.pages.member.visit import Dead, Visit

FIRST = 5
MOST_REWARDS = 100
MOST_REDEMPTIONS = 20
LATELY = timedelta(minutes=10)
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


@dataclass(frozen=True)
class Taken:
    """A reward that was taken for her company: by her, or by a colleague who alone sees its code."""

    row: Redemption
    name: str
    code: str
    may_cancel: bool
    is_hers: bool


@dataclass(frozen=True)
class Benefit:
    """What her tier brings; ``left`` of ``a_year`` where it is counted."""

    name: str
    left: int | None
    a_year: int | None


@dataclass(frozen=True)
class Standing:
    """Her tier, what it brings, and how far it is to keep it or to reach the next."""

    name: str
    words: list[str]
    benefits: list[Benefit]
    share: int | None  # percent of the way to the next tier
    is_at_risk: bool


@dataclass(frozen=True)
class Invitation:
    """What she sends on to recommend us, and what both get for it."""

    help: str
    words: str


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
    if row is None:
        return None
    return Account(row.programme, row, sums_of(row, today=company.today(visit.at).number))


def sums_of(account: PointsAccount, *, today: int) -> Sums:
    """Return what an account can use on a local day, from its open lots; one query."""
    idle = idle_until(account.programme, account.moved_day)
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
        last = expires_day if idle is None else idle
        if last is not None and last < today:
            continue
        usable += left
        if last is not None:
            goes[last] = goes.get(last, 0) + left
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
    missing = ""
    if reward.stock == 0:
        missing = _("None is left.")
    elif reward.per_customer is not None and taken >= reward.per_customer:
        missing = _("You have had it as often as it is given.")
    elif (short := reward.points - account.sums.usable) > 0:
        words = ngettext("%(points)s point is missing.", "%(points)s points are missing.", short)
        missing = words % {"points": f"{short:,}"}
    return Offer(
        reward,
        called(reward),
        _either(reward.description, reward.description_alt, visit),
        missing,
    )


def reward_of(account: Account, pk: int) -> Reward:
    """Return a reward of her programme, offered today or not; a dead page for every other number."""
    reward = Reward.objects.filter(programme=account.programme, pk=pk).first()
    if reward is None:
        raise Dead
    return reward


def one_offer(account: Account, pk: int, visit: Visit) -> Offer | None:
    """Return one of the rewards that are offered to her; nothing for every other number."""
    reward = catalogue.offered_to(account.row, at=visit.at).select_related("tier").filter(pk=pk).first()
    if reward is None:
        return None
    return offer_of(account, reward, visit, taken=_taken_of(account.row, [reward]).get(pk, 0))


def taken_lately(account: Account, pk: int, visit: Visit) -> Redemption | None:
    """Return the last taking of a reward that is so young that another press may be a slip; one query."""
    since = visit.at - LATELY
    found = _hers(account).filter(reward=pk, at__gt=since, at__lte=visit.at)
    return found.exclude(state=State.CANCELLED).order_by("-id").first()


def redemptions(
    account: Account, visit: Visit, *, number: str | None
) -> tuple[list[Taken], Page[Redemption]]:
    """Return a page of the rewards that she took, newest first, and what page it is."""
    found = _hers(account).select_related("reward").order_by("-id")
    page = Paginator(found, MOST_REDEMPTIONS).get_page(number)
    secrets = codes.codes_of(list(page))
    return [_taken(row, secrets, visit) for row in page], page


def one_redemption(account: Account, pk: int, visit: Visit) -> Taken:
    """Return one of the rewards that were taken; a dead page for every other number."""
    row = _hers(account).filter(pk=pk).select_related("reward", "account").first()
    if row is None:
        raise Dead
    return _taken(row, codes.codes_of([row]), visit)


def standing_of(account: Account, visit: Visit) -> Standing | None:
    """Return her tier and how far the next one is; nothing where the programme has no tiers."""
    found = progress.progress_of(account.row, at=visit.at)
    if found.tier is None and found.next_tier is None:
        return None
    rows = benefits.entitlements(account.row, at=visit.at)
    return Standing(
        called(found.tier) if found.tier is not None else "",
        progress.sentences(found),
        [Benefit(called(row.benefit), row.remainder, row.a_year) for row in rows],
        found.share if found.next_tier is not None else None,
        found.is_in_grace,
    )


def worth_of(account: Account, visit: Visit) -> str:
    """Return what her points are worth in money; nothing where the programme does not say."""
    minor = account.sums.usable * account.programme.worth_of_100 // 100
    return format_money(minor, account.programme.currency, visit.language) if minor else ""


def expiry_of(account: Account) -> str:
    """Say how many points go next, and on which day they can be used last; nothing when none do."""
    if account.sums.next_day is None:
        return ""
    values = {
        "points": f"{account.sums.next_points:,}",
        "day": date_format(day_of(account.sums.next_day), "DATE_FORMAT"),
    }
    return _("%(points)s of them can be used until %(day)s.") % values


def pending_of(account: Account) -> str:
    """Say how many points are on their way, and from when on they can be used."""
    if not account.sums.pending or account.sums.pending_until is None:
        return ""
    values = {
        "points": f"{account.sums.pending:,}",
        "day": date_format(day_of(account.sums.pending_until), "DATE_FORMAT"),
    }
    return _("%(points)s more are on their way: the first can be used from %(day)s on.") % values


def invitation_of(account: Account, visit: Visit) -> Invitation | None:
    """Return what she sends on; nothing where recommending brings nothing."""
    programme = account.programme
    if programme.state != Programme.State.LIVE or not (
        programme.referral_referrer or programme.referral_referred
    ):
        return None
    values = {
        "company": company.current().name,
        "code": account.row.referral_code,
        "hers": f"{programme.referral_referrer:,}",
        "theirs": f"{programme.referral_referred:,}",
    }
    words = _(
        "I am a customer of %(company)s: tell them my code %(code)s with your first order, and you get "
        "%(theirs)s points."
    )
    if not programme.referral_referred:
        brings = _("You get %(hers)s points when somebody orders for the first time with your code.")
        words = _("I am a customer of %(company)s: tell them my code %(code)s with your first order.")
    elif not programme.referral_referrer:
        brings = _("Somebody who orders for the first time with your code gets %(theirs)s points.")
    else:
        brings = _(
            "When somebody orders for the first time with your code, you get %(hers)s points, and she "
            "gets %(theirs)s."
        )
    return Invitation(brings % values, words % values)


def _either(name: str, alt: str, visit: Visit) -> str:
    """Texts stand in the company's language, and perhaps in the other one."""
    return alt if alt and visit.language[:2] != company.current().language[:2] else name


def _hers(account: Account) -> QuerySet[Redemption]:
    """Return what was taken for her company; what came with a merge still names the account of then."""
    return Redemption.objects.filter(
        customer=account.row.customer_id, account__programme=account.row.programme_id
    )


def _taken(row: Redemption, secrets: dict[int, str], visit: Visit) -> Taken:
    is_hers = row.contact_id is None or row.contact_id == visit.contact.pk
    may_cancel = (is_hers or visit.contact.is_main) and redeeming.may_cancel(row, by=None)
    return Taken(row, called(row.reward), secrets.get(row.pk, "") if is_hers else "", may_cancel, is_hers)


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

"""How far a customer is: what keeps its tier and until when, and what is missing to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext

from customers.ground import localtime
from customers.ground.money import format_money
from loyalty.models import Membership, PointsAccount, Programme, Tier
from loyalty.naming import called
from loyalty.tiers.counting import Counting, by_day, counting
from loyalty.tiers.membership import running


@dataclass(frozen=True)
class Progress:
    """Where an account stands. Amounts are points, or minor units of ``currency`` where money counts."""

    tier: Tier | None
    next_tier: Tier | None
    basis: int
    to_next: int | None  # what is missing to the next tier; ``None``: there is none
    to_keep: int  # what is missing to the threshold of its own tier, above zero only in grace
    holds_through: int | None  # the last local day on which it stands if nothing is earned; ``None``: no end
    membership: Membership | None  # the one that holds the tier
    is_spend: bool
    currency: str

    @property
    def is_in_grace(self) -> bool:
        """Whether it stands below the threshold of its tier."""
        return self.to_keep > 0

    @property
    def share(self) -> int:
        """How far it is from its own threshold to the next one, in whole percent from 0 to 100."""
        if self.next_tier is None:
            return 100
        start = self.tier.threshold if self.tier is not None and self.basis >= self.tier.threshold else 0
        return max(0, min(100, (self.basis - start) * 100 // (self.next_tier.threshold - start)))


def progress_of(account: PointsAccount, *, at: datetime) -> Progress:
    """Return how far an account is at ``at``, with what it has earned up to then; at most four queries."""
    programme = account.programme
    which = counting(programme, at=at)
    days = by_day(which, customer_id=account.customer_id)
    basis = max(sum(amount for _day, amount in days), 0)
    tiers = list(Tier.objects.filter(programme=programme).order_by("threshold", "pk"))
    tier = next((one for one in tiers if one.pk == account.tier_id), None)
    above = [one for one in tiers if not one.is_retired and one.threshold > basis]
    above = [one for one in above if tier is None or one.threshold > tier.threshold]
    following = above[0] if above else None
    membership = _holding(account, which) if account.is_tier_paid else None
    # a retired tier is left in the next night, whatever is earned
    is_short = tier is not None and not (tier.is_retired or account.is_tier_paid) and basis < tier.threshold
    return Progress(
        tier=tier,
        next_tier=following,
        basis=basis,
        to_next=following.threshold - basis if following is not None else None,
        to_keep=tier.threshold - basis if tier is not None and is_short else 0,
        holds_through=_holds_through(account, which, days, tier, membership),
        membership=membership,
        is_spend=which.is_spend,
        currency=programme.currency,
    )


def sentences(progress: Progress) -> list[str]:
    """Say it in the active language: “¥320 to keep Gold until 30 June”, “¥1,200 to Platinum”."""
    said = []
    if progress.tier is not None and progress.is_in_grace:
        values = {"amount": amount_text(progress.to_keep, progress), "tier": called(progress.tier)}
        if progress.holds_through is None:
            said.append(gettext("%(amount)s to keep %(tier)s") % values)
        else:
            values["day"] = day_text(progress.holds_through)
            said.append(gettext("%(amount)s to keep %(tier)s; it stays through %(day)s") % values)
    if progress.next_tier is not None and progress.to_next is not None:
        values = {"amount": amount_text(progress.to_next, progress), "tier": called(progress.next_tier)}
        said.append(gettext("%(amount)s to %(tier)s") % values)
    return said


def amount_text(amount: int, progress: Progress) -> str:
    """Return points or money for people to read."""
    if progress.is_spend:
        return format_money(amount, progress.currency, get_language() or "en")
    return ngettext("%(n)s point", "%(n)s points", amount) % {"n": f"{amount:,}"}


def day_text(day: int) -> str:
    """Return a local day for people to read."""
    return date_format(localtime.day_of(day), "DATE_FORMAT")


def _holding(account: PointsAccount, which: Counting) -> Membership | None:
    rows = running(account).filter(starts_day__lte=which.today, ends_day__gte=which.today)
    return rows.select_related("plan").filter(plan__tier=account.tier_id).order_by("-ends_day").first()


def _holds_through(
    account: PointsAccount,
    which: Counting,
    days: Sequence[tuple[int, int]],
    tier: Tier | None,
    membership: Membership | None,
) -> int | None:
    """Return the last day on which the tier stands if nothing more is earned or bought."""
    if tier is None:
        return None
    if tier.is_retired:
        return which.today
    if account.is_tier_paid:
        return membership.ends_day if membership is not None else None
    if account.grace_until_day is not None:
        return account.grace_until_day
    below = _falls_below(which, days, tier.threshold)
    if below is None:
        return None
    return below + which.programme.tier_grace_days if which.programme.tier_grace_days else below - 1


def _falls_below(which: Counting, days: Sequence[tuple[int, int]], threshold: int) -> int | None:
    """Return the first local day on which what counts is below ``threshold`` as days leave the window."""
    basis = sum(amount for _day, amount in days)
    if max(basis, 0) < threshold:
        return which.today
    if which.programme.tier_window == Programme.Window.LIFETIME or threshold == 0:
        return None
    if which.programme.tier_window == Programme.Window.CALENDAR:
        return date(localtime.day_of(which.today).year + 1, 1, 1).toordinal()
    for day, amount in days:
        basis -= amount
        if basis < threshold:
            return day + which.programme.tier_window_days
    return None

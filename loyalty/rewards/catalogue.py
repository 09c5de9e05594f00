"""What points buy: rewards are made, changed, offered and withdrawn, and their stock is counted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from loyalty.ledger.errors import Counted
from loyalty.models import PointsAccount, Programme, Reward

SETTINGS = (
    *("name", "name_alt", "description", "description_alt", "points", "per_customer", "tier", "from_day"),
    "until_day",
)
"""What :func:`change_reward` changes; the kind and the code stay, stock has its own verb."""

MOST_POINTS = 10**12
MOST_STOCK = 2**31 - 1


class RewardCodeTaken(Refused):
    code = "reward_code_taken"
    message = _("The programme has a reward with the code “%(reward)s”. Choose another code.")


class RewardUnnamed(Refused):
    code = "reward_name"
    message = _("Write what the reward is called.")


class RewardFree(Refused):
    code = "reward_points"
    message = _("Write how many points the reward costs: a whole number from 1 to %(most)s.")


class RewardDays(Refused):
    code = "reward_days"
    message = _("The last day lies before the first one. Change one of the two.")


class RewardLimit(Refused):
    code = "reward_per_customer"
    message = _("Write how often one customer may take it, from 1 to 1,000; empty: as often as wanted.")


class RewardTier(Refused):
    code = "reward_tier"
    message = _("The tier belongs to another programme or was retired. Choose one of this programme.")


class StockOfCodes(Refused):
    code = "reward_stock_of_codes"
    message = _("The stock of this reward is its free codes. Add codes instead.")


class StockRefused(Counted):
    code = "reward_stock"
    message = _("%(left)s are in stock. Write a whole number that leaves between 0 and 2,147,483,647.")


def create_reward(
    programme: Programme,
    *,
    code: str,
    name: str,
    points: int,
    kind: str = Reward.Kind.GOODS,
    stock: int | None = None,
    is_on: bool = False,
    by: User | None,
    at: datetime,
    **settings: Any,
) -> Reward:
    """Make a reward; it can be asked for once it is offered (``is_on``).

    Args:
        points: what it costs.
        stock: how many there are, empty: as many as wanted. That of a code is its free codes: none yet.
        settings: others of :data:`SETTINGS`; days are local day numbers.

    Raises :class:`RewardCodeTaken`, :class:`RewardUnnamed`, :class:`RewardFree`, :class:`RewardDays`,
    :class:`RewardLimit`, :class:`RewardTier`, :class:`StockOfCodes`, :class:`StockRefused`. Side
    effects: audit ``reward.create``.
    """
    _known(settings)
    is_code = kind == Reward.Kind.CODE
    if is_code and stock is not None:
        raise StockOfCodes()
    if stock is not None and not 0 <= stock <= MOST_STOCK:
        raise StockRefused(left=0)
    reward = Reward(
        programme=programme,
        code=code,
        kind=Reward.Kind(kind),
        stock=0 if is_code else stock,
        is_on=is_on,
        name=name,
        points=points,
        **settings,
    )
    _check(reward)
    try:
        with transaction.atomic():
            reward.save(force_insert=True)
            codes = {"code": code, "kind": str(reward.kind), "points": points, "is_on": is_on}
            audit.record("reward.create", obj=reward, by=by, at=at, codes=codes)
    except IntegrityError as error:
        if not Reward.objects.filter(programme=programme, code=code).exists():
            raise
        raise RewardCodeTaken(reward=code) from error
    return reward


def change_reward(reward: Reward, *, by: User | None, at: datetime, **settings: Any) -> Reward:
    """Change what is given of :data:`SETTINGS`; what was asked for before costs what it did.

    Raises what :func:`create_reward` raises. Side effects: audit ``reward.change`` when anything changes.
    """
    _known(settings)
    with transaction.atomic():
        rows = Reward.objects.select_for_update(no_key=True, of=("self",)).select_related("tier")
        held = rows.get(pk=reward.pk)
        changed = sorted(name for name, value in settings.items() if getattr(held, name) != value)
        for name in changed:
            setattr(held, name, settings[name])
        if changed:
            _check(held)
            held.save(update_fields=changed)
            codes = {"changed": changed, "points": held.points}
            audit.record("reward.change", obj=held, by=by, at=at, codes=codes)
    return held


def offer_reward(reward: Reward, *, by: User | None, at: datetime) -> Reward:
    """Let customers ask for it. Raises what :func:`create_reward` raises, as :class:`RewardTier`.

    Side effects: audit ``reward.offer`` when it was not offered.
    """
    return _switch(reward, True, by=by, at=at)


def retire_reward(reward: Reward, *, by: User | None, at: datetime) -> Reward:
    """Let nobody ask for it any more; what was asked for stays. Side effects: audit ``reward.retire``."""
    return _switch(reward, False, by=by, at=at)


def add_stock(reward: Reward, count: int, *, by: User | None, at: datetime) -> Reward:
    """Add to what is in stock, or take from it (below zero); one without a count is counted from now on.

    Raises :class:`StockOfCodes`, and :class:`StockRefused` when less than nothing would be left. Side
    effects: audit ``reward.stock``.
    """
    if reward.kind == Reward.Kind.CODE:
        raise StockOfCodes()
    with transaction.atomic():
        held = Reward.objects.select_for_update(no_key=True).get(pk=reward.pk)
        before = held.stock or 0
        if not 0 <= before + count <= MOST_STOCK:
            raise StockRefused(left=before)
        held.stock = before + count
        held.save(update_fields=["stock"])
        codes = {"added": count, "stock": held.stock}
        audit.record("reward.stock", obj=held, by=by, at=at, codes=codes)
    return held


def stop_counting(reward: Reward, *, by: User | None, at: datetime) -> Reward:
    """Let there be as many as wanted. Raises :class:`StockOfCodes`. Side effects: audit ``reward.stock``."""
    if reward.kind == Reward.Kind.CODE:
        raise StockOfCodes()
    with transaction.atomic():
        held = Reward.objects.select_for_update(no_key=True).get(pk=reward.pk)
        if held.stock is not None:
            held.stock = None
            held.save(update_fields=["stock"])
            audit.record("reward.stock", obj=held, by=by, at=at, codes={"stock": None})
    return held


def offered_to(account: PointsAccount, *, at: datetime) -> QuerySet[Reward]:
    """Return the rewards that this account may see on the day: offered, in their days, of its tier.

    Whether it has the points, and whether any is in stock, is not asked: those are shown as not to be had.
    """
    today = company.today(at).number
    threshold = account.tier.threshold if account.tier is not None else -1
    return (
        Reward.objects.filter(programme=account.programme_id, is_on=True)
        .filter(Q(from_day__isnull=True) | Q(from_day__lte=today))
        .filter(Q(until_day__isnull=True) | Q(until_day__gte=today))
        .filter(Q(tier__isnull=True) | Q(tier__threshold__lte=threshold))
        .order_by("points", "pk")
    )


def give_stock_back(reward_id: int) -> None:
    """Put one back where stock is counted, in the caller's transaction; codes are not put back."""
    counted = Reward.objects.filter(pk=reward_id, stock__isnull=False).exclude(kind=Reward.Kind.CODE)
    counted.update(stock=F("stock") + 1)


def _switch(reward: Reward, is_on: bool, *, by: User | None, at: datetime) -> Reward:
    with transaction.atomic():
        rows = Reward.objects.select_for_update(no_key=True, of=("self",)).select_related("tier")
        held = rows.get(pk=reward.pk)
        if held.is_on != is_on:
            if is_on:
                _check(held)  # its tier may be retired since
            held.is_on = is_on
            held.save(update_fields=["is_on"])
            audit.record("reward.offer" if is_on else "reward.retire", obj=reward, by=by, at=at)
    reward.refresh_from_db()
    return reward


def _known(settings: dict[str, Any]) -> None:
    if strange := set(settings) - set(SETTINGS):
        raise TypeError(f"a reward has no {sorted(strange)}")


def _check(reward: Reward) -> None:
    """Refuse what no reward can be; trim its words."""
    for name in ("name", "name_alt", "description", "description_alt"):
        setattr(reward, name, getattr(reward, name).strip())
    if not reward.name:
        raise RewardUnnamed()
    if not 1 <= reward.points <= MOST_POINTS:
        raise RewardFree(most=f"{MOST_POINTS:,}")
    if reward.from_day and reward.until_day and reward.until_day < reward.from_day:
        raise RewardDays()
    if reward.per_customer is not None and not 1 <= reward.per_customer <= 1000:
        raise RewardLimit()
    if reward.tier is not None and (
        reward.tier.programme_id != reward.programme_id or reward.tier.is_retired
    ):
        raise RewardTier()

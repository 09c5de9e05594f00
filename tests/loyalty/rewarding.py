"""What the tests of rewards share: rewards and tiers by the product's own verbs."""

from __future__ import annotations

from itertools import count
from typing import Any

from loyalty.ledger import accounts
from loyalty.models import Reward, Tier
from loyalty.rewards import catalogue
from tests.factories import NOW

_numbers = count(1)


def make_reward(**given: Any) -> Reward:
    """Return a reward of the programme that runs: 100 points, offered, as many as wanted."""
    code = f"reward-{next(_numbers)}"
    values = {"code": code, "name": code.title(), "points": 100, "is_on": True, "by": None, "at": NOW}
    return catalogue.create_reward(accounts.running(), **(values | given))


def make_tier(code: str, threshold: int, **given: Any) -> Tier:
    """Return a tier of the programme that runs."""
    values = {"programme": accounts.running(), "name": code.title()} | given
    return Tier.objects.create(code=code, threshold=threshold, **values)

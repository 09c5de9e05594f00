"""What a condition says, in a sentence, and who meets it now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import OperationalError, connection, transaction

from customers.models import Customer, User
from retention import segments
from retention.rules import rule_sentence
from retention.rules.conditions import Condition

SHOWN = 5
PATIENCE = 3  # seconds


@dataclass(frozen=True)
class Outcome:
    """The sentence of a condition, how many of one's customers meet it, and the first of them.

    ``count`` is ``None`` while the condition is incomplete, and when counting took too long.
    """

    sentence: str = ""
    count: int | None = None
    first: list[Customer] = field(default_factory=list)

    @property
    def written(self) -> str:
        """Return the count as people read it."""
        return f"{self.count:,}" if self.count is not None else ""

    @property
    def more(self) -> int:
        """Return how many there are beside those that are named."""
        return (self.count or 0) - len(self.first)


def of(condition: Condition | None, *, user: User, at: datetime, currency: str) -> Outcome:
    """Return the outcome of a condition among the customers that ``user`` may see."""
    if condition is None:
        return Outcome()
    sentence = rule_sentence(condition, currency=currency)
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    found = segments.matching(condition, among=visible, at=at)
    try:
        with transaction.atomic(), _no_longer_than(PATIENCE):
            number = segments.count_matching(condition, at=at) if user.sees_all else found.count()
            return Outcome(sentence, number, list(found.order_by("pk")[:SHOWN]))
    except OperationalError:
        return Outcome(sentence)


@contextmanager
def _no_longer_than(seconds: int) -> Iterator[None]:
    """End a statement of the block that takes longer; PostgreSQL only."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
        yield  # after an error the transaction ends, and the setting with it
        cursor.execute("SELECT set_config('statement_timeout', '0', true)")

"""What customers let be seen beside what they buy: how much they use, who courts them, where they belong.

Each draws from a stream of its own and only reads the story: none of it moves a mood or makes anybody leave.
Signs come from people who have turned away and, rarer, from people who have not: a holiday, a new hand at the
till, a group that grew too loud. How often stands here as numbers, settled on companies of other seeds than
those on which ``benchmarks/proof.py`` tries the ready rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import exp, sqrt
from random import Random
from typing import Any, NamedTuple

from customers.demo.bulk import first_free_id
from customers.demo.chance import stream
from customers.demo.company import COMPETITORS, PRODUCTS, RANGE
from customers.demo.company import moment as at_day
from customers.demo.moments import local_day
from customers.demo.rows.base import FACT, Base, Rows
from customers.models import (
    Community,
    CommunityMembership,
    CompetitorName,
    CompetitorSighting,
    Indicator,
    UsageKind,
    UsageMetric,
    Worse,
)

PORTAL = frozenset({"web", "app"})
"""Channels whose customers have an account: of these one in ``ACCOUNTS`` is told week by week."""
ACCOUNTS, WEEKS = 5, 65
FADES_IN = 35
"""Days in which the interest of somebody who has turned away falls to a third."""
QUIET, DRAWN_DOWN = 0.003, 0.01
"""Chances a week of a quiet spell, and of a balance drawn down for once, that mean nothing."""
STILL_UNDECIDED = 120
"""Days that somebody who has turned away and not yet left is taken to need for it."""


class Leaving(NamedTuple):
    """One turning away: the ordinals of its day, of the first without an order, and of the return (or 0)."""

    decided: int
    left: int
    returned: int


class Membership(NamedTuple):
    """A stay in a community; ``left_at`` is 0 while it lasts."""

    customer: str
    community: str
    joined_at: int
    left_at: int


class Signs(Base):
    """Makes usage, sightings of competitors, memberships of communities, and indicators."""

    @cached_property
    def _leavings(self) -> dict[str, list[Leaving]]:
        found: dict[str, list[Leaving]] = {}
        for row in self.world.truth.departures:
            left = row.left or row.decided + STILL_UNDECIDED
            found.setdefault(row.customer, []).append(Leaving(row.decided, left, row.returned))
        return found

    def _interest(self, customer: str, day: int) -> float:
        """Return how much a customer still looks around and leaves with us, 1 to 0.

        It goes within weeks of turning away, long before the last order.
        """
        for leaving in self._leavings.get(customer, ()):
            if leaving.left <= day and not 0 < leaving.returned <= day:
                return 0.0
            if leaving.decided <= day < leaving.left:
                return exp((leaving.decided - day) / FADES_IN)
        return 1.0

    @cached_property
    def _pauses(self) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for row in self.world.truth.pauses:
            found.setdefault(row.customer, []).append((row.first, row.last))
        return found

    def _stream(self, name: str, customer: str) -> Random:
        return stream(self.world.window.seed, name, customer)

    @property
    def _last(self) -> int:
        """Return the ordinal of the last day that is told."""
        return local_day(self.world.window.end) - 1

    # How much the account is used.

    def usage_rows(self) -> Rows:
        """Make the usage of the last weeks: logins every week, the balance held every fourth."""
        return (*FACT, "metric_id", "kind", "milli"), self._usage()

    def _usage(self) -> Iterator[tuple[Any, ...]]:
        metrics = dict(UsageMetric.objects.filter(code__in=["logins", "balance"]).values_list("code", "pk"))
        holders = sorted({row.customer for row in self.facts.orders if row.channel in PORTAL})
        began = {row.key: row.since for row in self.facts.customers}
        for customer in holders[::ACCOUNTS]:
            random = self._stream("usage", customer)
            usual, level = random.uniform(8, 25), random.randint(5, 40) * 100
            quiet_until = 0
            for back in range(WEEKS, 0, -1):
                day = self._last + 1 - 7 * back + random.randrange(7)
                second = random.randrange(8 * 3600, 20 * 3600)
                if random.random() < QUIET:
                    quiet_until = day + random.randint(14, 40)
                quiet = day <= quiet_until or self._is_paused(customer, day)
                expected = usual * self._interest(customer, day) * (0.25 if quiet else 1.0)
                logins = max(0, round(random.gauss(expected, sqrt(expected))))
                held = round(level * random.uniform(0.75, 1.25) * self._interest(customer, day))
                if random.random() < DRAWN_DOWN:
                    held //= 5
                if day < began[customer]:
                    continue
                at = at_day(day, second)
                yield (*self._at(customer, at), metrics["logins"], UsageKind.USE.value, logins * 1000)
                if back % 4 == 1:
                    kind = UsageKind.BALANCE.value
                    yield (*self._at(customer, at + 60), metrics["balance"], kind, held * 1000)

    def _is_paused(self, customer: str, day: int) -> bool:
        return any(first <= day <= last for first, last in self._pauses.get(customer, ()))

    # Who courts them.

    def sighting_rows(self) -> Rows:
        """Make the sightings of competitors: of courtings, of those who go to one, and of flyers."""
        names = (
            *FACT, "competitor_id", "product_id", "learnt_from", "currency",
            "price_seen", "price_ours", "price_seen_base", "price_ours_base",
        )  # fmt: skip
        return names, self._sightings()

    def _sightings(self) -> Iterator[tuple[Any, ...]]:
        known = dict(CompetitorName.objects.values_list("name", "competitor_id"))
        courted: dict[str, list[tuple[str, int]]] = {}
        for row in self.world.truth.courtings:
            courted.setdefault(row.customer, []).append((row.competitor, row.day))
        going: dict[str, list[tuple[str, int, int]]] = {}
        for gone in self.world.truth.departures:
            if gone.competitor:
                until = gone.left or gone.decided + STILL_UNDECIDED
                going.setdefault(gone.customer, []).append((gone.competitor, gone.decided, until))
        for customer in self.facts.customers:
            random = self._stream("sightings", customer.key)
            seen = [
                (day + random.randrange(21), rival, random.gauss(1.02, 0.05))
                for rival, day in courted.get(customer.key, ())
                if random.random() < 0.5
            ]
            for rival, decided, until in going.get(customer.key, ()):
                for _offer in range(random.choices((0, 1, 2), (40, 35, 25))[0]):
                    seen.append((random.randint(decided - 10, until), rival, random.gauss(1.09, 0.05)))
            if random.random() < 0.12:
                day = random.randint(self.world.window.first, self._last)
                seen.append((day, random.choice(COMPETITORS)[1], random.gauss(1, 0.05)))
            for day, rival, dearer in sorted(seen):
                if customer.since <= day <= self._last:
                    at = at_day(day, random.randrange(9 * 3600, 18 * 3600))
                    yield (*self._at(customer.key, at), known[rival], *self._offer(random, customer, dearer))

    def _offer(self, random: Random, customer: Any, dearer: float) -> tuple[Any, ...]:
        """Return product, source and prices of a sighting; half of the prices are not known."""
        product = PRODUCTS[random.choice(RANGE[customer.industry])]
        source = random.choices(
            [kind.value for kind in CompetitorSighting.LearntFrom], (6, 3, 0, 1, 0)
        )[0]  # fmt: skip
        if random.random() < 0.5:
            return (self.products[product.key], source, "", None, None, None, None)
        seen = round(product.price / max(0.7, dearer))
        return (
            *(self.products[product.key], source, "CNY"),
            *(seen, product.price, seen, product.price),
        )

    # Where they belong.

    @cached_property
    def _memberships(self) -> list[Membership]:
        found = []
        for row in self.facts.customers:
            random = self._stream("communities", row.key)
            if random.random() >= 0.4:
                continue
            joined = max(row.since, self.world.window.first - 200) + random.randrange(60)
            left = 0
            if (tired := random.expovariate(0.05 / 365)) < self._last - joined:
                left = joined + 1 + int(tired)
            for leaving in self._leavings.get(row.key, ()):
                day = leaving.decided + random.randrange(1, max(2, leaving.left - leaving.decided))
                if random.random() < 0.5 and day > joined and not 0 < left < day:
                    left = day
                    break
            if joined <= self._last:
                second = random.randrange(9 * 3600, 21 * 3600)
                left_at = at_day(left, second) if 0 < left <= self._last else 0
                found.append(Membership(row.key, row.team, at_day(joined, second), left_at))
        return found

    def membership_rows(self) -> Rows:
        """Make the memberships of the teams' groups, as joined."""
        communities = dict(Community.objects.values_list("code", "pk"))
        first = first_free_id(CommunityMembership)
        return ("id", *FACT, "community_id"), (
            (pk, *self._at(row.customer, row.joined_at), communities[row.community])
            for pk, row in enumerate(self._memberships, start=first)
        )

    def left_memberships(self) -> Rows:
        """Make the newer versions of memberships that ended; they must have been written."""
        first = first_free_id(CommunityMembership) - len(self._memberships)
        return ("left_at", "left_day", "recorded_at"), (
            (self._moment(row.left_at), local_day(row.left_at), self._moment(row.left_at), pk)
            for pk, row in enumerate(self._memberships, start=first)
            if row.left_at
        )

    # What the company keeps an eye on.

    def indicator_rows(self) -> Rows:
        """Make the quarterly rating of a third of the companies: it seldom moves, more often of leavers."""
        return (*FACT, "indicator_id", "worse", "milli"), self._ratings()

    def _ratings(self) -> Iterator[tuple[Any, ...]]:
        indicator = Indicator.objects.get(code="payment_rating")
        for row in self.facts.customers:
            random = self._stream("indicators", row.key)
            if row.kind != "company" or random.random() >= 0.33:
                continue
            rating = random.choice((60, 70, 80, 80, 90))
            for day in range(self.world.window.first + random.randrange(91), self._last + 1, 91):
                going = self._interest(row.key, day) < 1
                chance = random.random()
                if chance < (0.35 if going else 0.06):
                    rating -= 10
                elif chance > 0.94:
                    rating += 10
                rating = max(10, min(100, rating))
                if day >= row.since:
                    at = at_day(day, 17 * 3600)
                    yield (*self._at(row.key, at), indicator.pk, Worse.LOWER.value, rating * 1000)

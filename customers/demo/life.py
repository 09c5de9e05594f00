"""The hidden process: a customer's mood, what moves it, and the day when it turns away.

Nothing here looks at how Liuke would notice it. Days are indexes into the window.
"""

from dataclasses import dataclass, field
from math import exp
from random import Random

from customers.demo import truth
from customers.demo.chance import stream
from customers.demo.company import COMPETITORS, DAY, LEAVER, History, moment
from customers.demo.records import Customer, Employee
from customers.demo.seasons import SeasonClock
from customers.demo.traits import Traits

# Chances a week of turning away, out of discontent and to a competitor, at mood 0 and without courting.
DISCONTENT, DRAWN = 0.0070, 0.0021
CAUSE = {
    "late": "service_experience",
    "damaged": "product_quality",
    "wrong": "service_experience",
    "invoice": "service_experience",
    "handling": "service_experience",
    "staff": "misleading_promise",
    "price": "price",
    "manager": "account_manager_left",
    "neglect": "neglected_relationship",
}
VAGUE = ("no_personal_attention", "no_innovation", "need_changed", "brand_damage")
OWN = ("own_situation", "own_situation", "business_change", "need_changed")


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of days that is told, and what stands for everyone in it."""

    seed: int
    first: int  # ordinal
    days: int
    history: History
    clocks: dict[str, SeasonClock]
    employees: dict[str, Employee]

    @property
    def end(self) -> int:
        """Return the moment when the story ends: midnight after the last day."""
        return moment(self.first + self.days, 0)

    def at(self, day: int, second: int) -> int:
        """Return the moment of a day of the window."""
        return moment(self.first + day, second)

    def day_of(self, at: int) -> int:
        """Return the day of the window in which a moment lies."""
        return (at - moment(self.first, 0)) // DAY


@dataclass(slots=True)
class Life:
    """One customer's state, moved week by week."""

    window: Window
    customer: Customer
    traits: Traits
    owners: list[tuple[int, str, str]]
    random: Random = field(init=False)
    mood: float = field(init=False)
    pull: float = 0.0
    rival: int = 0
    hurts: dict[str, float] = field(default_factory=dict)
    coming: list[tuple[int, float, str]] = field(default_factory=list)  # day, effect on the mood, its source
    topics: list[tuple[int, str]] = field(default_factory=list)  # day, what the next talk will be about
    contract_end: int = 0  # last day of the running contract
    last_contact: int = 0
    decided: int = -1
    leaves: int = -1
    back: int = -1
    pause: tuple[int, int] = (-1, -1)
    leaving_by_contract: bool = False
    departures: list[truth.Departure] = field(default_factory=list)
    courtings: list[truth.Courting] = field(default_factory=list)
    pauses: list[truth.Pause] = field(default_factory=list)
    moods: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = stream(self.window.seed, "life", self.customer.key)
        self.mood = self.traits.patience + self.random.gauss(0, 0.2)
        self.last_contact = self.traits.start - self.random.randrange(20)

    # What others ask.

    def is_gone(self, day: int) -> bool:
        """Say whether the customer has left by this day and not (yet) come back."""
        return 0 <= self.leaves <= day and not 0 <= self.back <= day

    def owner(self, day: int) -> Employee | None:
        """Return who looks after the customer on a day; nobody when that person has left the company."""
        key = next(key for since, key, _ in reversed(self.owners) if since <= day)
        gone = key == LEAVER and day >= self.window.history.manager_left
        return None if gone else self.window.employees[key]

    def fade(self, day: int) -> float:
        """Return how far the customer has faded out, 0 to 1; only a fading departure shows."""
        if not 0 <= self.decided <= day or self.is_gone(day) or self.leaves < 0:
            return 0.0
        return (day - self.decided) / max(1, self.leaves - self.decided)

    def is_paused(self, day: int) -> bool:
        """Say whether the customer is shut for a while."""
        return self.pause[0] <= day <= self.pause[1]

    def hurt(self, day: int, amount: float, source: str) -> None:
        """Let something weigh on (or, if negative, lift) the mood from a day on."""
        self.coming.append((day, amount, source))

    # The week.

    def step(self, first: int, last: int) -> None:
        """Live through the days `first` to `last`: feel, be courted, pause, perhaps turn away."""
        if not self.is_gone(last):
            self._feel(first, last)
            self._be_courted(first)
            self._pause(first)
            if self.decided < 0 and first > self.traits.start + 25:
                self._weigh(first)
        self.moods.append(round(self.mood * 100))
        if 0 <= self.back <= last and self.leaves >= 0:
            self._start_again()

    def _feel(self, first: int, last: int) -> None:
        random, history = self.random, self.window.history
        self.mood += 0.04 * (self.traits.patience - self.mood) + random.gauss(0, 0.06)
        self.pull *= 0.91
        for source in self.hurts:
            self.hurts[source] *= 0.96
        due: list[tuple[int, float, str]] = []
        if self.coming:
            due = [entry for entry in self.coming if entry[0] <= last]
            self.coming = [entry for entry in self.coming if entry[0] > last]
        if first <= history.price_rise <= last:
            due.append((first, 1.0 * self.traits.price_sensitive, "price"))
            if random.random() < self.traits.price_sensitive:
                self.topics.append((first, "price"))
        if first <= history.manager_left <= last and any(key == LEAVER for _, key, _ in self.owners):
            due.append((first, 1.5 * self.traits.attached, "manager"))
            self.pull += 1.2 * self.traits.attached
        silent = first - self.last_contact
        if silent > 30:
            due.append((first, 0.0018 * (silent - 30), "neglect"))
        for _, amount, source in due:
            self.mood -= amount
            self.hurts[source] = max(0.0, self.hurts.get(source, 0.0) + amount)
        self.mood = max(-2.5, min(2.5, self.mood))

    def _be_courted(self, day: int) -> None:
        chance = 0.006 * exp(-0.4 * self.mood)
        if self.random.random() < chance:
            self.rival = self.random.randrange(len(COMPETITORS))
            self.pull += self.random.expovariate(1 / 0.9)
            self.courtings.append(
                truth.Courting(self.customer.key, COMPETITORS[self.rival][1], self.window.first + day)
            )
            if self.random.random() < 0.6:
                self.topics.append((day + self.random.randrange(20), "rival"))

    def _pause(self, day: int) -> None:
        if self.random.random() < 0.0009 and self.decided < 0 and not self.is_paused(day):
            self.pause = (day, day + self.random.randint(30, 75))
            self.pauses.append(truth.Pause(self.customer.key, *(self.window.first + d for d in self.pause)))
            if self.random.random() < 0.6:
                self.topics.append((day + self.random.randrange(12), "pause"))

    def _weigh(self, day: int) -> None:
        """Decide whether this is the week in which the customer turns away (competing hazards)."""
        bound = self.contract_end - day
        shield = 0.45 if bound > 120 else 1.3 if 0 < bound < 90 else 1.0
        own = self.traits.own_risk / 52
        discontent = shield * DISCONTENT * exp(-2.4 * self.mood)
        drawn = shield * DRAWN * exp(0.9 * min(self.pull, 3.5) - 0.8 * self.mood)
        chance = self.random.random()
        if chance < own:
            self._turn_away(day, truth.PASSIVE)
        elif chance < own + discontent:
            outspoken = self.random.random() < self.traits.outspoken
            self._turn_away(day, truth.ACTIVE if outspoken else truth.HIDDEN)
        elif chance < own + discontent + drawn:
            self._turn_away(day, truth.COMPETITIVE)

    def _turn_away(self, day: int, kind: str) -> None:
        random = self.random
        self.decided = day = day + random.randrange(7)
        manner, length = self._manner(day, kind)
        self.leaves = day + length
        cause, second = self._causes(kind)
        if random.random() < {truth.ACTIVE: 0.1, truth.COMPETITIVE: 0.14, truth.HIDDEN: 0.09}.get(kind, 0.02):
            self.back = self.leaves + random.randint(50, 220)
        told = {truth.ACTIVE: 0.8, truth.COMPETITIVE: 0.5, truth.PASSIVE: 0.6}.get(kind, 0.0)
        if random.random() < told:
            topic = "closing" if kind == truth.PASSIVE else "gone"
            self.topics.append((max(day + 1, self.leaves - random.randrange(10)), topic))
        elif manner != "abrupt" and random.random() < 0.5:
            self.topics.append((day + random.randint(10, 40), "uneasy"))
        first, end = self.window.first, self.window.days
        if day >= end:
            return
        rival = COMPETITORS[self.rival][1] if kind == truth.COMPETITIVE else ""
        self.departures.append(
            truth.Departure(
                customer=self.customer.key,
                type=kind,
                cause=cause,
                second_cause=second,
                manner=manner,
                competitor=rival,
                decided=first + day,
                left=first + self.leaves if self.leaves < end else 0,
                returned=first + self.back if 0 <= self.back < end else 0,
            )
        )

    def _manner(self, day: int, kind: str) -> tuple[str, int]:
        """Draw how the customer leaves, and how many days that takes."""
        random = self.random
        bound = self.contract_end - day
        if 10 < bound < 200 and kind != truth.HIDDEN and random.random() < 0.6:
            self.leaving_by_contract = True
            return "contract_end", bound + 1
        if kind == truth.HIDDEN:
            return "fading", random.randint(70, 230)
        if random.random() < {truth.PASSIVE: 0.3, truth.ACTIVE: 0.25}.get(kind, 0.5):
            return "fading", random.randint(40, 150)
        return "abrupt", 0

    def _causes(self, kind: str) -> tuple[str, str]:
        hurts = sorted(((value, key) for key, value in self.hurts.items() if value > 0.07), reverse=True)
        felt = list(dict.fromkeys(CAUSE[source] for _, source in hurts))
        if kind == truth.PASSIVE:
            felt = [self.random.choice(OWN)]
        elif kind == truth.COMPETITIVE:
            felt = ["competitor", *felt[:1]]
        elif not felt:
            felt = [self.random.choice(VAGUE)]
        return felt[0], felt[1] if len(felt) > 1 else ""

    def _start_again(self) -> None:
        self.topics = [(self.back, "back")]
        self.mood = max(self.mood, 0.3)
        self.pull, self.hurts = 0.0, {}
        self.last_contact = self.back
        self.decided = self.leaves = self.back = -1
        self.leaving_by_contract = False

"""What a customer of the demo company is like from birth: who, where, how often, how much, how patient."""

from dataclasses import dataclass
from math import exp, log
from random import Random

from customers.demo import names
from customers.demo.chance import stream
from customers.demo.company import (
    CITIES,
    EMPLOYEES,
    HEIR,
    LEAVER,
    MOVER,
    PRODUCTS,
    RANGE,
    TEAM_SHARE,
    History,
    moment,
)
from customers.demo.records import Customer

# industry: share, median days between orders, its spread, usual order in units, yearly risk of closing
INDUSTRY = {
    "restaurant": (0.29, 16.0, 0.3, 1.25, 0.050),
    "shop": (0.24, 21.0, 0.3, 1.15, 0.035),
    "clinic": (0.13, 24.0, 0.3, 1.2, 0.015),
    "office": (0.19, 28.0, 0.3, 1.1, 0.020),
    "household": (0.15, 38.0, 0.3, 0.35, 0.030),
}
ENGLISH_SHARE = 0.09
HERE_BEFORE = 0.68  # share of customers won before the window opens
CONTRACT_SHARE = 0.47  # of companies


@dataclass(frozen=True, slots=True)
class Traits:
    """The fixed part of a customer; nobody at the company can read it."""

    start: int  # index of the first day in the window
    old: bool  # won before the window
    interval: float  # days between orders
    regularity: float  # shape of the gamma; more is more regular
    size: float
    growth: float  # of basket a year, as a logarithm
    discount: float
    basket: tuple[tuple[int, float], ...]  # product index and usual quantity
    channel: str
    patience: float  # the mood that he or she comes back to
    price_sensitive: float
    outspoken: float  # says what is wrong instead of drifting away
    attached: float  # to the account manager as a person
    contract: bool
    own_risk: float


def draw(seed: int, index: int, *, first: int, history: History) -> tuple[Customer, Traits]:
    """Draw customer number `index` (from 1): the record that the company has, the traits that it has not."""
    key = f"C{index:06d}"
    random = stream(seed, "traits", key)
    industry = _weighted(random, {code: numbers[0] for code, numbers in INDUSTRY.items()})
    team = _weighted(random, TEAM_SHARE)
    old = random.random() < HERE_BEFORE
    start = 0 if old else random.randrange(1, max(2, history.days - 10))
    since = first - 30 - int(random.expovariate(1 / 700)) if old else first + start
    traits = _traits(random, industry, old=old, start=start)
    return _record(seed, index, industry, team, since), traits


def _record(seed: int, index: int, industry: str, team: str, since: int) -> Customer:
    random = stream(seed, "names", f"C{index:06d}")
    english = random.random() < ENGLISH_SHARE
    city = random.choice(CITIES[team])
    private = industry == "household"
    if private:
        domain = "mail.example"
        people = names.contacts(random, index=index, industry=industry, domain=domain, english=english)
        name_zh, name_en = people[0].name_zh, people[0].name_en
    else:
        name_zh, name_en, domain = names.business(
            random, index=index, industry=industry, city=city, english=english
        )
        people = names.contacts(random, index=index, industry=industry, domain=domain, english=english)
    return Customer(
        key=f"C{index:06d}",
        kind="person" if private else "company",
        name_zh=name_zh,
        name_en=name_en,
        language="en" if english else "zh-hans",
        industry=industry,
        city=city[1 if english else 0],
        team=team,
        since=since,
        known_at=moment(since, 9 * 3600 + random.randrange(3600)),
        contacts=people,
    )


def _traits(random: Random, industry: str, *, old: bool, start: int) -> Traits:
    _, interval, spread, units, own_risk = INDUSTRY[industry]
    size = random.lognormvariate(0, 0.55)
    return Traits(
        start=start,
        old=old,
        interval=interval * random.lognormvariate(0, spread),
        regularity=random.uniform(6.0, 15.0) * (1.6 if interval > 25 else 1.0),
        size=size,
        growth=random.gauss(0.04, 0.14),
        discount=round(min(0.14, max(0.0, 0.035 * log(1 + size * 2))), 3),
        basket=_basket(random, industry, units * size),
        channel=_weighted(random, {"web": 0.45, "app": 0.25, "phone": 0.15, "sales": 0.15}),
        patience=random.gauss(0.8, 0.22),
        price_sensitive=random.betavariate(2, 3),
        outspoken=random.betavariate(3, 3),
        attached=random.betavariate(2, 3),
        contract=industry != "household" and random.random() < CONTRACT_SHARE,
        own_risk=own_risk,
    )


def _basket(random: Random, industry: str, units: float) -> tuple[tuple[int, float], ...]:
    own = list(RANGE[industry])
    chosen = random.sample(own, min(len(own), random.randint(3, 6)))
    chosen += random.sample(range(30), random.randint(0, 3))
    # Goods that cost more are bought in smaller numbers, so that lines weigh about the same.
    return tuple(
        (product, units * 40000 / PRODUCTS[product].price * exp(random.gauss(0, 0.35)))
        for product in dict.fromkeys(chosen)
    )


def _weighted(random: Random, shares: dict[str, float]) -> str:
    return random.choices(list(shares), list(shares.values()))[0]


def owners(seed: int, customer: Customer, traits: Traits, history: History) -> list[tuple[int, str, str]]:
    """Draw who looks after a customer from which day of the window on, and why."""
    random = stream(seed, "owners", customer.key)
    staff = {e.key: e.portfolio for e in EMPLOYEES if e.team == customer.team and e.portfolio}
    if traits.start >= history.manager_left:
        staff.pop(LEAVER, None)
    first = _weighted(random, staff)
    result = [(traits.start, first, "won")]
    others = {key: weight for key, weight in staff.items() if key not in (LEAVER, MOVER, first)}
    if first == LEAVER and random.random() < 0.88:
        others[HEIR] = 2 * others[HEIR]
        result.append((history.manager_left + random.randint(2, 24), _weighted(random, others), "left"))
    if first == MOVER and random.random() < 0.2:
        day = history.portfolio_moved + random.randint(0, 24)
        result.append((day, _weighted(random, others), "portfolio"))
    return result

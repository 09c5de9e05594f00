"""The demo world: everything that the company knows about its customers, and the truth that it does not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from customers.demo import company, truth
from customers.demo.chance import stream
from customers.demo.contracts import Contracts
from customers.demo.late import Desk
from customers.demo.life import Life, Window
from customers.demo.records import Attribute, Facts, Ownership
from customers.demo.seasons import FIRST_YEAR, INDUSTRIES, LAST_YEAR, SeasonClock
from customers.demo.service import Complaints, Contacts
from customers.demo.trade import Trade
from customers.demo.traits import draw, owners


@dataclass(frozen=True)
class World:
    """A finished story: the facts for the database, the truth for the tests."""

    window: Window
    facts: Facts
    truth: truth.Truth


def build(
    *, seed: int, customers: int, months: int, until: date, progress: Callable[[int], None] | None = None
) -> World:
    """Tell the story of so many customers over so many months, up to the midnight before `until`.

    The same arguments give the same world on every machine and in every process; a customer's story
    depends on its number and not on how many others there are. Raises ValueError for years whose
    Chinese New Year is not known, or an empty window.
    """
    window = _window(seed=seed, months=months, until=until)
    facts = _empty(window)
    hidden = truth.Truth(window.first, window.days, [], [], [], [], {})
    for index in range(1, customers + 1):
        _live(index, window, facts, hidden)
        if progress and index % 20 == 0:
            progress(20)
    return World(window, facts, hidden)


def customers_digest(facts: Facts) -> str:
    """Return the digest of all facts that the company knows."""
    return truth.digest(facts._asdict().items())


def _window(*, seed: int, months: int, until: date) -> Window:
    if months < 1:
        raise ValueError("A story needs at least one month.")
    place = until.year * 12 + until.month - 1 - months
    start = date(place // 12, place % 12 + 1, min(until.day, 28))
    if start.year <= FIRST_YEAR or until.year >= LAST_YEAR:
        raise ValueError(f"The demo company lives between {FIRST_YEAR + 1} and {LAST_YEAR - 1}.")
    first, days = start.toordinal(), until.toordinal() - start.toordinal()
    clocks = {code: SeasonClock(code, first, first + days) for code in INDUSTRIES}
    happened = company.history(days)
    left_at = company.moment(first + happened.manager_left, 18 * 3600)
    people = [e._replace(left_at=left_at) if e.key == company.LEAVER else e for e in company.EMPLOYEES]
    return Window(seed, first, days, happened, clocks, {e.key: e for e in people})


def _empty(window: Window) -> Facts:
    facts = Facts(*([] for _ in Facts._fields))
    facts.teams.extend(company.TEAMS)
    facts.employees.extend(window.employees.values())
    facts.products.extend(company.PRODUCTS)
    return facts


def _live(index: int, window: Window, facts: Facts, hidden: truth.Truth) -> None:
    customer, traits = draw(window.seed, index, first=window.first, history=window.history)
    life = Life(window, customer, traits, owners(window.seed, customer, traits, window.history))
    desk = Desk(window.seed, customer.key)
    trade, complaints = Trade(life, desk), Complaints(life, desk)
    contracts, contacts = Contracts(life), Contacts(life, desk)
    for first in range(traits.start, window.days, 7):
        last = min(first + 6, window.days - 1)
        life.step(first, last)
        contracts.step(first, last)
        complaints.step(first, trade.step(first, last))
        contacts.step(first, last)
    end = window.end
    facts.customers.append(customer)
    facts.orders.extend(row for row in trade.orders if row.known_at < end)
    facts.order_changes.extend(row for row in trade.changes if row.known_at < end)
    facts.returns.extend(row for row in trade.returns if row.known_at < end)
    facts.contracts.extend(row for row in contracts.contracts if row.known_at < end)
    facts.contract_ends.extend(row for row in contracts.ends if row.known_at < end)
    facts.interactions.extend(
        row if row.void_at < end else row._replace(void_at=0)
        for row in contacts.interactions
        if row.known_at < end
    )
    facts.complaints.extend(row for row in complaints.complaints if row.known_at < end)
    facts.complaint_steps.extend(row for row in complaints.steps if row.known_at < end)
    facts.ownerships.extend(_ownerships(life))
    facts.attributes.extend(_attributes(life))
    hidden.departures.extend(life.departures)
    hidden.courtings.extend(life.courtings)
    hidden.pauses.extend(life.pauses)
    hidden.failures.extend(trade.failures)
    hidden.moods[customer.key] = life.moods


def _ownerships(life: Life) -> list[Ownership]:
    """Return who looked after the customer and when; who is gone is handed to nobody."""
    window, rows = life.window, []
    spells = [spell for spell in life.owners if spell[0] < window.days]
    spells = spells[:1] + [spell for spell in spells[1:] if not life.is_gone(spell[0])]
    moments = [
        company.moment(life.customer.since, 9 * 3600) if place == 0 else window.at(day, 9 * 3600)
        for place, (day, _, _) in enumerate(spells)
    ]
    for (_, employee, reason), at, until in zip(spells, moments, [*moments[1:], 0], strict=True):
        known_at = max(at, life.customer.known_at)
        rows.append(Ownership(life.customer.key, employee, at, until, known_at, reason))
    return rows


def _attributes(life: Life) -> list[Attribute]:
    """Return the attributes that the company keeps of its customers, with the day from which each holds."""
    customer = life.customer
    random = stream(life.window.seed, "attributes", customer.key)
    at = company.moment(customer.since, 9 * 3600)
    rows = [
        Attribute(customer.key, "industry", customer.industry, at, customer.known_at),
    ]
    if customer.kind == "company":
        staff = str(max(1, round(6 * life.traits.size * random.lognormvariate(0, 0.5))))
        rows.append(Attribute(customer.key, "employees", staff, at, customer.known_at))
    terms = random.choice(("prepaid", "net15", "net30")) if customer.kind == "company" else "prepaid"
    rows.append(Attribute(customer.key, "payment_terms", terms, at, customer.known_at))
    if terms != "prepaid" and random.random() < 0.06:
        day = random.randrange(life.traits.start, life.window.days)
        changed = life.window.at(day, 15 * 3600)
        rows.append(Attribute(customer.key, "payment_terms", "prepaid", changed, changed))
    return rows

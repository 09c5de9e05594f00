"""The demo company's survey: every customer asked about twice a year, and what some of them answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from customers.demo.chance import stream
from customers.demo.company import moment
from customers.demo.moments import aware, local_day
from customers.demo.records import Customer
from customers.demo.world import World
from surveys import building, ready
from surveys.landing import ResponseRecord, Told, upsert_responses

SURVEY = "relationship-nps"
EVERY_DAYS = 180
STILL_OPEN_DAYS = 14
"""What was answered lately would have an open case; the demo's people answered everything before."""
ANSWERS, SAYS_WHY = 0.38, 0.45
WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "low": (
        (
            "最近几次送货都晚了，打电话也没人接。",
            "The last deliveries were late, and nobody answers the phone.",
        ),
        ("价格涨了，服务却没跟上。", "Prices went up, the service did not."),
        ("投诉了两次都没有下文。", "I complained twice and heard nothing."),
        ("对接的人换了以后，没人了解我们的需求。", "Since our contact left nobody knows what we need."),
        ("收到的货有破损，退换太麻烦。", "Goods arrived damaged, and returning them is a burden."),
    ),
    "middle": (
        ("总体还可以，希望送货再快一点。", "Fine on the whole; deliveries could be faster."),
        ("品质不错，价格比同行略高。", "Good quality, a little dearer than others."),
        ("希望能有更灵活的付款方式。", "More flexible terms of payment would help."),
    ),
    "high": (
        ("合作多年，一直很放心。", "We have worked together for years and never worried."),
        ("送货准时，有问题马上解决。", "Always on time, and problems are solved at once."),
        ("客户经理很专业，回复很快。", "Our account manager knows the trade and answers quickly."),
        ("品质稳定，包装也好。", "Steady quality, well packed."),
    ),
}


def answer(told: World, *, source: str, seed: int, at: datetime) -> int:
    """Publish the survey, and bring a past in which customers were asked and some answered.

    Scores follow each customer's mood of that week, which the product never sees. Customers must be there,
    known by their key at ``source``. Returns how often somebody was asked. Side effects: a survey that is
    live, facts; nobody is called because of an answer of the past.
    """
    offered = ready.find(SURVEY)
    if offered is None:
        raise LookupError(SURVEY)
    made_at = _morning(told.truth.first)
    survey = building.create_survey(
        offered.code,
        name_en=offered.name_en,
        name_zh=offered.name_zh,
        occasion=offered.occasion,
        document=offered.document,
        by=None,
        at=made_at,
    )
    building.publish(survey, by=None, at=made_at)
    gone: dict[str, int] = {}
    for row in told.truth.departures:
        if row.left:
            gone.setdefault(row.customer, row.left)
    last = local_day(int(at.timestamp())) - STILL_OPEN_DAYS
    records = [
        record
        for customer in told.facts.customers
        for record in _of(customer, told, seed=seed, last=min(last, gone.get(customer.key, last)))
    ]
    upsert_responses(records, source=source, batch=None, at=at)
    return len(records)


def _of(customer: Customer, told: World, *, seed: int, last: int) -> Iterator[ResponseRecord]:
    """Yield when one customer was asked, and what it answered; nobody asks whoever has left."""
    random = stream(seed, "answers", customer.key)
    moods = told.truth.moods[customer.key]
    first = max(customer.since, told.truth.first)
    last = min(last, first + 7 * len(moods))
    for number, day in enumerate(range(first + random.randrange(30, EVERY_DAYS), last, EVERY_DAYS), start=1):
        asked = _morning(day) + timedelta(minutes=random.randrange(60 * 7))
        answered = asked + timedelta(minutes=int(random.expovariate(1 / 900)))
        score = min(10, max(0, round(7.4 + 2.1 * moods[(day - first) // 7] / 100 + random.gauss(0, 1.2))))
        answers = (
            [Told("nps", 0, score, _words(random, score, customer))] if random.random() < ANSWERS else []
        )
        told_at = answered if answers else asked
        yield ResponseRecord(
            external_id=f"{customer.key}-{number}",
            customer=customer.key,
            occurred_at=told_at,
            recorded_at=told_at,
            survey=SURVEY,
            asked_at=asked,
            answers=answers,
        )


def _words(random: Random, score: int, customer: Customer) -> str:
    band = "low" if score <= 6 else "middle" if score <= 8 else "high"
    said = random.choice(WORDS[band])[customer.language == "en"]
    return said if random.random() < SAYS_WHY else ""


def _morning(day: int) -> datetime:
    return aware(moment(day, 9 * 3600 + 1800))

"""What the demo company's customers let be seen beside their orders: usage, rivals, groups, ratings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from customers import competitors
from customers.demo import load, world
from customers.demo.moments import local_day
from customers.demo.world import World
from customers.models import (
    CommunityMembership,
    CommunityMembershipVersion,
    CompetitorSighting,
    ExternalRef,
    IndicatorValue,
    Mention,
    Usage,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 30, 1, tzinfo=UTC)
FACTS = (Usage, CompetitorSighting, CommunityMembership, IndicatorValue)


@pytest.fixture(scope="module")
def told() -> World:
    return world.build(seed=5, customers=200, months=18, until=date(2026, 6, 30))


@pytest.fixture
def loaded(told: World) -> dict[str, int]:
    return load.load(told, password="a demo's password", at=NOW)


def keys() -> dict[int, str]:
    refs = ExternalRef.objects.filter(source="demo", kind="customer")
    return dict(refs.values_list("object_id", "external_id"))


@pytest.mark.parametrize("model", FACTS)
def test_every_sign_lies_in_the_story_and_after_the_customer_was_won(
    model: Any, told: World, loaded: dict[str, int]
) -> None:
    since = {row.key: row.since for row in told.facts.customers}
    named, last = keys(), local_day(told.window.end) - 1
    found = list(model._default_manager.values_list("customer_id", "occurred_day", "recorded_at"))
    assert len(found) > 20
    assert all(since[named[customer]] <= day <= last for customer, day, _known in found)
    assert all(known.timestamp() < told.window.end for _customer, _day, known in found)


def test_leaving_a_group_is_known_from_its_day_on(loaded: dict[str, int]) -> None:
    left = CommunityMembership.objects.exclude(left_at=None)
    before: Any = CommunityMembershipVersion
    assert 0 < left.count() < CommunityMembership.objects.count()
    for row in left:
        version = before._default_manager.get(fact_id=row.pk)
        assert (version.left_at, version.recorded_at) == (None, row.occurred_at)
        assert version.superseded_at == row.recorded_at == row.left_at > row.occurred_at


def test_rivals_are_found_by_both_of_their_names(loaded: dict[str, int]) -> None:
    assert competitors.known("Blue Whale  Sourcing") == competitors.known("蓝鲸集采")
    prices = CompetitorSighting.objects.exclude(price_seen=None)
    assert 0 < prices.count() < CompetitorSighting.objects.count()
    assert {row.currency for row in prices} == {"CNY"}


def test_usage_fades_with_those_who_turn_away_and_stands_still_when_they_are_gone(
    told: World, loaded: dict[str, int]
) -> None:
    named = keys()
    gone = {row.customer: row.left for row in told.truth.departures if row.left and not row.returned}
    staying = set(named.values()) - {row.customer for row in told.truth.departures}
    logins = Usage.objects.filter(kind="use").values_list("customer_id", "occurred_day", "milli")
    after = [milli for who, day, milli in logins if gone.get(named[who], 1 << 30) <= day]
    here = [milli for who, _day, milli in logins if named[who] in staying]
    assert after and not any(after)
    assert sum(here) / len(here) > 3000


def test_signs_come_from_those_who_stay_too(told: World, loaded: dict[str, int]) -> None:
    named = keys()
    leaving = {row.customer for row in told.truth.departures}
    for found in (CommunityMembership.objects.exclude(left_at=None), CompetitorSighting.objects.all()):
        who = {named[customer] for customer in found.values_list("customer_id", flat=True)}
        assert who & leaving and who - leaving


def test_the_same_story_shows_the_same_signs(told: World, loaded: dict[str, int]) -> None:
    products = {row.key: pk for pk, row in enumerate(told.facts.products, start=1)}
    again = load.rows.Builder(told, users={}, teams={}, products=products)
    for name, model in (("usage_rows", Usage), ("indicator_rows", IndicatorValue)):
        _names, made = getattr(again, name)()
        milli = model._default_manager.order_by("pk").values_list("milli", flat=True)
        assert [row[-1] for row in made] == list(milli)


def test_what_customers_write_follows_their_mood_and_some_of_it_is_nobodys(
    told: World, loaded: dict[str, int]
) -> None:
    named, last = keys(), local_day(told.window.end) - 1
    since = {row.key: row.since for row in told.facts.customers}
    moods: dict[str, list[float]] = {"negative": [], "neutral": [], "positive": []}
    for row in Mention.objects.exclude(customer=None):
        key = named[row.customer_id]
        assert since[key] <= row.occurred_day <= last
        moods[row.sentiment].append(told.truth.moods[key][(row.occurred_day - since[key]) // 7])
    means = {sentiment: sum(found) / len(found) for sentiment, found in moods.items()}
    assert means["negative"] < means["neutral"] < means["positive"]
    assert 0 < Mention.objects.filter(customer=None).count() < Mention.objects.count() / 2
    assert not Mention.objects.filter(rating__lte=2).exclude(sentiment="negative").exists()

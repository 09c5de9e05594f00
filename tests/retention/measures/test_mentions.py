"""Measures of mentions by example: whose they are, as of when, and what counts as negative."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import mentions
from customers.models import Customer
from retention.measures import compute
from retention.measures.changes import changed_customers
from retention.models.measures import MeasureState
from tests.factories import NOW, MentionFactory, ago

pytestmark = pytest.mark.django_db
CODES = ["mentions_30d", "negative_mentions_30d"]


def values_of(customer: Customer, at: Any = NOW) -> list[int]:
    with compute.at(as_of=at) as table:
        row = compute.values_of([customer.pk], table=table)[customer.pk]
    return [row[code] for code in CODES]


def test_only_negative_ones_count_as_negative_and_those_of_nobody_for_nobody(customer: Customer) -> None:
    for number, sentiment in enumerate(("negative", "neutral", "positive", "unsure")):
        MentionFactory(customer=customer, sentiment=sentiment, occurred_at=ago(number + 1))
    MentionFactory(customer=None)
    MentionFactory()
    assert values_of(customer) == [4, 1]


def test_a_mention_counts_for_a_customer_from_the_moment_at_which_it_was_matched(customer: Customer) -> None:
    made = MentionFactory(customer=None, occurred_at=ago(3))
    made = mentions.match_mention(made, customer=customer, by=None, at=ago(1))
    assert values_of(customer, ago(1)) == [0, 0]
    assert values_of(customer) == [1, 1]
    mentions.unmatch_mention(made, by=None, at=NOW)
    assert values_of(customer) == [1, 1]
    assert values_of(customer, NOW + timedelta(seconds=1)) == [0, 0]


def test_a_live_pass_says_the_same_when_a_mention_changes_hands(customer: Customer) -> None:
    made = MentionFactory(customer=customer, occurred_at=ago(3))
    compute.refresh(as_of=NOW)
    assert compute.values_of([customer.pk])[customer.pk]["mentions_30d"] == 1
    mentions.unmatch_mention(made, by=None, at=NOW)
    compute.refresh(as_of=NOW + timedelta(seconds=1))
    assert compute.values_of([customer.pk])[customer.pk]["mentions_30d"] == 0


def test_what_nobody_known_wrote_changes_no_customer(customer: Customer) -> None:
    compute.refresh(as_of=NOW)
    since, day = MeasureState.objects.get(), compute.today(NOW).number
    MentionFactory(customer=None, occurred_at=NOW)
    MentionFactory(customer=customer, occurred_at=NOW)
    assert changed_customers(since=since, day=day) == [customer.pk]

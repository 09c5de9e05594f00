"""A crisis gathers complaints and mentions while it is open; its effect is compared fairly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import complaints
from customers.ground import clock, drain, events
from customers.models import Mention
from retention import changes
from retention.changes.effect import Share
from retention.models import BusinessChange, ChangeTag, Loss, Standing
from tests.factories import NOW, CustomerFactory, ProductFactory, ago, day
from tests.retention.changes.makers import announced, bought, enrolled, give_value, planned

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _world(company):
    clock.fix(NOW)


@pytest.fixture
def pump(customer):
    product = ProductFactory(name="Blue pump", name_alt="蓝泵")
    bought(customer, product)
    return product


def crisis(pump, **values):
    said = {"kind": "incident", "is_crisis": True, "words": ["leak"], "products": [pump], **values}
    return announced(**said)


def complain(customer, **values):
    said = {"text": "Something else.", "by": None, "at": NOW, **values}
    return complaints.file_complaint(customer, **said)


def mention(text, *, customer=None, number=1):
    made = Mention.objects.create(
        platform="weibo",
        external_id=str(number),
        text=text,
        customer=customer,
        source="form",
        occurred_at=NOW,
        recorded_at=NOW,
        occurred_day=day(NOW),
    )
    events.record(
        "mention.recorded",
        customer_id=customer.pk if customer else None,
        subject=made,
        occurred_at=NOW,
        data={"negative": True},
    )
    return made


def tagged():
    drain.until_empty(at=NOW)
    return {(tag.change_id, tag.complaint or tag.mention) for tag in ChangeTag.objects.all()}


def test_what_is_about_the_crisis_is_tagged_and_nothing_else(customer, pump):
    change, stranger = crisis(pump), CustomerFactory()
    line = bought(stranger, pump)
    found = {
        (change.pk, complain(stranger, product=pump)),
        (change.pk, complain(stranger, order=line.order)),
        (change.pk, complain(stranger, text="It began to LEAK yesterday")),
        (change.pk, complain(stranger, text="蓝泵坏了")),
        (change.pk, mention("My blue pump is dead", number=1)),
        (change.pk, mention("a leak!", customer=stranger, number=2)),
    }
    complain(customer)  # she is concerned, and speaks of something else
    complain(customer, product=ProductFactory(name="Red hose"))
    mention("nice hose", customer=customer, number=3)
    assert tagged() == found


@pytest.mark.parametrize(
    ("word", "text", "is_said"),
    [
        ("Ice", "Your service is fine", False),
        ("Ice", "Iceberg ahead", False),
        ("Ice", "The ICE, of all things", True),
        ("Ice", "我的Ice坏了", True),  # Chinese puts no spaces between words
        ("blue pump", "My blue pump.", True),
        ("blue pump", "My blue pumpkin", False),
        ("X5", "an X50 and an AX5", False),
        ("X5", "X5!", True),
        ("crème", "Die Crèmefraîche", False),
        ("crème", "this Crème", True),
        ("насос", "насосный", False),
        ("насос", "мой насос", True),
        ("C++", "our C++11 client", True),  # what ends with a sign ends there
        ("漏水", "还在漏水呢", True),
        ("蓝泵X5", "那台蓝泵X5坏了", True),
        ("蓝泵X5", "那台蓝泵X50坏了", False),
    ],
)
def test_words_are_said_whole_where_they_stand_apart(customer, word, text, is_said):
    bought(customer, ProductFactory(name="Cold box"))
    change = crisis(ProductFactory(name="Cold box"), words=[word], scope="listed", customers=[customer])
    made = complain(customer, text=text)
    assert tagged() == ({(change.pk, made)} if is_said else set())


@pytest.mark.parametrize("is_alt", [False, True])
def test_a_product_is_named_whole(customer, pump, is_alt):
    type(pump).objects.filter(pk=pump.pk).update(**{"name_alt" if is_alt else "name": "Ice"})
    change = crisis(pump, words=[])
    mention("Your service is fine")
    said = mention("Your Ice is fine", number=2)
    assert tagged() == {(change.pk, said)}


@pytest.mark.parametrize("why", ["no crisis", "draft", "closed"])
def test_only_an_open_crisis_gathers(customer, pump, why):
    if why == "no crisis":
        crisis(pump, is_crisis=False)
    elif why == "draft":
        planned(kind="incident", is_crisis=True, products=[pump])
    else:
        changes.close_change(crisis(pump), reason="Over.", by=None, at=NOW)
    complain(customer, product=pump)
    mention("leak")
    assert tagged() == set()


def test_a_repeated_event_tags_once_and_two_crises_both(customer, pump):
    first, second = crisis(pump), crisis(pump, title_en="Second")
    made = complain(customer, product=pump)
    events.record("complaint.filed", customer_id=customer.pk, subject=made, occurred_at=NOW)
    assert tagged() == {(first.pk, made), (second.pk, made)}
    assert ChangeTag.objects.count() == 2


# --- Effect -----------------------------------------------------------------------------------
def stands(customer, tier):
    Standing.objects.create(
        customer=customer,
        value_tier=tier,
        occurred_at=ago(50),
        recorded_at=ago(50),
        occurred_day=day(ago(50)),
    )
    give_value(customer, tier=tier)


def lose(customer, when, **values):
    return Loss.objects.create(
        customer=customer,
        **{"occurred_at": when, "recorded_at": when, "definition": "window", **values},
    )


def test_losses_are_compared_with_their_own_past_and_with_the_same_tiers(pump, customer):
    begun = ago(10)
    bought(customer, pump, days=20)
    theirs = [customer, *CustomerFactory.create_batch(3)]
    for one, tier in zip(theirs, "AACC", strict=True):
        bought(one, pump, days=20)
        stands(one, tier)
    others = CustomerFactory.create_batch(6)
    for one, tier in zip(others, "AACCDD", strict=True):
        stands(one, tier)
    change = planned(products=[pump], kind="price", at=begun)
    enrolled(changes.announce(change, by=None, at=begun), at=begun)
    lose(theirs[0], ago(5))
    lose(theirs[1], ago(5), definition="partial")  # partial ones do not count
    lose(theirs[2], ago(15), ended_at=ago(12))  # before, and back again
    lose(theirs[3], ago(40))  # was not there any more
    lose(others[0], ago(5))
    lose(others[2], ago(15))  # lost before it began
    lose(others[4], ago(5))  # of a tier that nobody concerned has
    found = changes.effect_of(change, at=NOW)
    assert (found.days, found.concerned, found.before) == (10, Share(3, 1), Share(3, 1))
    assert found.others == Share(3, 1)
    # two of three are A, where one of two others was lost; one is C, where none of one was
    assert found.expected == pytest.approx(2 / 3 * 1 / 2)
    assert found.against_others.more == pytest.approx(1 / 3 - 1 / 3)
    assert found.against_others.low < 0 < found.against_others.high
    assert found.against_before.more == 0


def test_only_who_was_a_customer_when_a_time_began_is_counted_in_it(pump):
    """Of those concerned: ``customer`` (long here) and one who came between the two times."""
    begun = ago(10)
    newer = CustomerFactory(created_at=ago(15))
    bought(newer, pump, days=12)
    change = planned(products=[pump], kind="price", at=begun)
    enrolled(changes.announce(change, by=None, at=begun), at=begun)
    lose(newer, ago(5))
    for values in (
        {},
        {"created_at": ago(5), "since": ago(400).date()},  # imported since, but said to be one
        {"created_at": ago(5), "since": ago(5).date()},  # came since
        {"created_at": ago(5)},  # came since
    ):
        lose(CustomerFactory(**values), ago(3))
    ordered, later = CustomerFactory.create_batch(2, created_at=ago(5))
    bought(ordered, ProductFactory(), days=50)
    bought(later, ProductFactory(), days=4)
    found = changes.effect_of(change, at=NOW)
    assert (found.concerned, found.before) == (Share(2, 1), Share(1, 0))
    assert found.others == Share(3, 2)


def test_nothing_is_said_before_a_day_has_passed(pump):
    change = crisis(pump)
    assert changes.effect_of(change, at=NOW + timedelta(hours=23)) is None
    assert changes.effect_of(change, at=NOW + DAY).days == 1
    assert changes.effect_of(planned(products=[pump]), at=NOW + DAY) is None


def test_after_closing_the_time_stands_still(pump):
    change = crisis(pump)
    changes.close_change(change, reason="Over.", by=None, at=NOW + 3 * DAY)
    assert changes.effect_of(BusinessChange.objects.get(), at=NOW + 30 * DAY).days == 3


def test_the_interval_is_wilson_s():
    low, high = Share(10, 1).interval
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)  # Newcombe 1998
    assert Share(0, 0).interval is None

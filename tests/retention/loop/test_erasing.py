"""Erasing a person ends the links and blanks the words of her loops, and of nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import erasure, keeping
from customers.feedback import unknown as inbox
from customers.models import Customer, ErasureReceipt, UnknownFeedback, User
from retention.models import LoopClosure
from tests.factories import NOW, CustomerFactory
from tests.retention.loop.world import SOON, asked, drained, unknown

pytestmark = pytest.mark.django_db
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _outside(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT, settings.ERASURE_LOG = tmp_path / "media", tmp_path / "erasures.log"


def erased(customer: Customer, *, at: Any) -> ErasureReceipt:
    return erasure.erase_customer(customer, reason="request", by=None, at=at)


def linked(customer: Customer, *, by: User) -> LoopClosure:
    """Return the loop, asked, of what somebody wrote before it was known that it was the customer."""
    row = unknown(text="First of all.")
    drained()
    inbox.link_feedback(row, customer=customer, by=by, at=SOON)
    drained(SOON + SECOND)
    return asked(LoopClosure.objects.get(complaint__was_unknown=row), by=by, at=NOW + 39 * DAY)


def handled(reach: str, *, by: User) -> LoopClosure:
    row = unknown(stated_reach=reach)
    drained()
    inbox.handle_without_customer(row, answered="direct", words="We sent a refund.", by=by, at=SOON)
    drained(SOON + SECOND)
    return LoopClosure.objects.get(unknown=row)


@pytest.mark.parametrize("is_cleared", [True, False])
def test_erasing_one_changes_nothing_of_what_others_wrote_and_was_kept_long_enough(
    customer: Customer, manager: User, is_cleared: bool
) -> None:
    keeping.set_periods({"unknown_feedback": 1}, by=None, at=NOW)
    other = CustomerFactory(contact__email="b@example.org")
    first = erased(other, at=NOW)
    loops = [linked(customer, by=manager), handled("x@example.net", by=manager)]
    if is_cleared:
        keeping.clear_old(at=NOW + 40 * DAY)
    assert UnknownFeedback.objects.filter(text="").count() == (2 if is_cleared else 0)
    before = list(LoopClosure.objects.order_by("pk").values())
    rows = list(UnknownFeedback.objects.order_by("pk").values("salt", "token_hash"))
    assert erased(other, at=NOW + 41 * DAY) == first
    assert list(LoopClosure.objects.order_by("pk").values()) == before
    assert list(UnknownFeedback.objects.order_by("pk").values("salt", "token_hash")) == rows
    assert all(one["token_hash"] for one in [*before, *rows])
    assert [loop.message_text for loop in loops][1] == "We sent a refund."


@pytest.mark.parametrize("is_cleared", [True, False])
def test_erasing_ends_her_own_links_and_takes_her_words(
    customer: Customer, manager: User, is_cleared: bool
) -> None:
    keeping.set_periods({"unknown_feedback": 1}, by=None, at=NOW)
    hers = customer.contacts.get()
    loop = linked(customer, by=manager)
    if is_cleared:
        keeping.clear_old(at=NOW + 40 * DAY)
    answered = handled(hers.email, by=manager)
    receipt = erased(customer, at=NOW + 41 * DAY)
    for one in (loop, answered):
        was = one.token_hash
        one.refresh_from_db()
        assert one.token_hash != was and (one.action_text, one.message_text) == ("", "")
    assert set(UnknownFeedback.objects.values_list("salt", "token_hash", "text")) == {("", None, "")}
    assert receipt.counts["retention.LoopClosure"] > 0
    assert erased(customer, at=NOW + 42 * DAY) == receipt

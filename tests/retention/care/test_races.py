"""Two workers at once on PostgreSQL: everybody is found, drawn, greeted and given points once."""

from __future__ import annotations

import pytest
from django.db import transaction

from customers.ground import clock, outbox
from customers.models import ContactReservation, Message
from loyalty.models import PointsAccount, PointsEntry
from retention import care
from retention.care import finding
from retention.models import CareDraw, CareTouch
from tests.factories import NOW
from tests.loyalty.factories import ProgrammeFactory
from tests.retention.care.makers import born, plan
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def test_two_workers_find_and_greet_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.fix(NOW)
    monkeypatch.setattr(finding, "AT_ONCE", 3)
    with transaction.atomic():
        ProgrammeFactory()
        people = [born(5, 11) for _n in range(8)]
        made = plan(points=10, holdout_share=2500)
    found = race(lambda: care.find_due(made, at=NOW), lambda: care.find_due(made, at=NOW))
    assert not any(isinstance(one, Exception) for one in found), found
    assert set(CareTouch.objects.values_list("contact_id", flat=True)) == {one.pk for one in people}
    assert CareTouch.objects.count() == CareDraw.objects.count() == len(people)
    held = set(CareDraw.objects.filter(is_held_out=True).values_list("customer_id", flat=True))
    withheld = CareTouch.objects.filter(state="withheld")
    assert set(withheld.values_list("customer_id", flat=True)) == held

    def work() -> int:
        done = 0
        while did := care.greet_due(NOW):
            done += did
        while outbox.drain(at=NOW):
            pass
        return done

    greeted = race(work, work)
    assert not any(isinstance(one, Exception) for one in greeted), greeted
    expected = len(people) - len(held)
    assert sum(greeted) == expected
    assert Message.objects.count() == ContactReservation.objects.count() == expected
    assert PointsEntry.objects.count() == expected
    assert set(PointsAccount.objects.values_list("balance", flat=True)) == {10}

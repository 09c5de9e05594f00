"""One press says what a text says; it stands, it is audited, it can be taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import causes, text
from customers.ground.models import AuditEvent
from customers.models import Cause, Customer, TextReading, User
from tests.factories import NOW, ComplaintFactory

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def cause_reading(customer: Customer) -> TextReading:
    complaint = ComplaintFactory(customer=customer, text="The parcel came late")
    rows = {row.aspect: row for row in text.read_text(complaint, at=NOW)}
    return rows["cause"]


def audits() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(act="text.correct").order_by("id"))


def test_a_correction_stands_above_the_reader(cause_reading: TextReading, manager: User) -> None:
    assert cause_reading.stands == "late_delivery"
    row = text.correct_reading(cause_reading, code="price_raised", by=manager, at=LATER)
    assert (row.stands, row.code, row.corrected_by, row.corrected_at) == (
        "price_raised",
        "late_delivery",
        manager,
        LATER,
    )
    (audit,) = audits()
    assert audit.codes == {"aspect": "cause", "code": "price_raised", "before": "late_delivery"}
    assert (audit.actor_id, audit.customer_id) == (manager.pk, cause_reading.customer_id)


def test_the_same_correction_twice_is_one(cause_reading: TextReading, manager: User, lead: User) -> None:
    text.correct_reading(cause_reading, code="price", by=manager, at=NOW)
    text.correct_reading(cause_reading, code="price", by=lead, at=LATER)
    cause_reading.refresh_from_db()
    assert (cause_reading.corrected_by, cause_reading.corrected_at, len(audits())) == (manager, NOW, 1)


def test_a_correction_is_taken_back(cause_reading: TextReading, manager: User) -> None:
    text.correct_reading(cause_reading, code="price", by=manager, at=NOW)
    row = text.correct_reading(cause_reading, code="", by=manager, at=LATER)
    assert (row.stands, row.corrected_by, row.corrected_at) == ("late_delivery", None, None)


@pytest.mark.parametrize("code", ["negative", "nothing", "unknown", "late delivery"])
def test_only_what_is_offered_can_be_said(cause_reading: TextReading, manager: User, code: str) -> None:
    with pytest.raises(text.NotAnAnswer):
        text.correct_reading(cause_reading, code=code, by=manager, at=NOW)
    assert not audits()


def test_a_retired_cause_is_not_said_anew_but_stays_where_it_was_said(
    cause_reading: TextReading, manager: User, admin: User
) -> None:
    text.correct_reading(cause_reading, code="outage", by=manager, at=NOW)
    causes.retire_cause(Cause.objects.get(code="outage"), by=admin, at=NOW)
    assert text.correct_reading(cause_reading, code="outage", by=manager, at=LATER).stands == "outage"
    text.correct_reading(cause_reading, code="", by=manager, at=LATER)
    with pytest.raises(text.NotAnAnswer):
        text.correct_reading(cause_reading, code="outage", by=manager, at=LATER)


def test_a_text_that_is_gone_is_not_corrected(cause_reading: TextReading, manager: User) -> None:
    TextReading.objects.filter(pk=cause_reading.pk).delete()
    with pytest.raises(text.TextGone):
        text.correct_reading(cause_reading, code="price", by=manager, at=NOW)


def test_answers_are_named_in_both_languages() -> None:
    from django.utils import translation

    with translation.override("zh-hans"):
        assert text.answers("sentiment")["negative"] == "负面"
        assert text.answers("cause")["late_delivery"] == "交货延迟"
    with translation.override("en"):
        assert list(text.answers("urgency").values()) == ["urgent", "soon", "no hurry"]
        assert "unknown" not in text.answers("cause")

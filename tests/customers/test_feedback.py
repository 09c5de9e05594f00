"""Feedback of every kind: its steps and news, its deadlines, what is the same once more, what escalates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customers import complaints
from customers.feedback import before, deadlines, words
from customers.ground import localtime
from customers.ground.models import AuditEvent, Event
from customers.models import Cause, Complaint, ComplaintEvent, ComplaintVersion, Customer, FeedbackKind, User
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory, UserFactory, day

LATER = NOW + timedelta(hours=1)
OTHERS = [FeedbackKind.SUGGESTION, FeedbackKind.QUESTION, FeedbackKind.PRAISE]


def file(customer: Customer, **values: Any) -> Complaint:
    said = {"text": "The green box.", "by": None, "at": NOW} | values
    return complaints.file_complaint(customer, **said)


def steps(complaint: Complaint) -> list[str]:
    return list(complaint.events.order_by("id").values_list("kind", flat=True))


def news() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


# --- Kinds -------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", OTHERS)
def test_other_feedback_goes_its_way_without_a_step_or_news_of_complaints(
    customer: Customer, kind: FeedbackKind
) -> None:
    row = file(customer, kind=kind)
    complaints.acknowledge(row, by=None, at=LATER)
    complaints.resolve(row, by=None, at=LATER)
    complaints.reopen(row, by=None, at=LATER)
    complaints.acknowledge(row, by=None, at=LATER)
    assert steps(row) == ["received", "acknowledged", "resolved", "received", "acknowledged"]
    told = ["filed", "acknowledged", "resolved", "reopened", "acknowledged"]
    assert news() == [f"feedback.{what}" for what in told]
    assert (row.kind, row.state) == (kind, "open")


def test_a_complaint_keeps_its_steps_and_news(customer: Customer) -> None:
    row = file(customer)
    complaints.resolve(row, by=None, at=LATER)
    complaints.reopen(row, by=None, at=LATER)
    assert steps(row) == ["opened", "resolved", "reopened"]
    assert news() == ["complaint.filed", "complaint.resolved", "complaint.reopened"]


def test_every_kind_has_words_for_every_step_it_can_have() -> None:
    for kind in FeedbackKind:
        for step in ComplaintEvent.Kind:
            assert complaints.step_of(kind, step) in words.STEPS[kind]
        assert kind in words.RESOLVE and kind in deadlines.DELIVERED
    assert words.of_step("question", "resolved") != words.of_step("complaint", "resolved")


def test_only_praise_has_somebody_who_is_praised(customer: Customer, manager: User) -> None:
    assert file(customer, kind="praise", praised=manager).praised == manager
    with pytest.raises(complaints.NoPraise):
        file(customer, kind="question", praised=manager)
    assert Complaint.objects.count() == 1


# --- Deadlines ---------------------------------------------------------------------------------
FRIDAY = datetime(2026, 5, 15, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai; 8 hours of work are that day's


def due_on(row: Complaint) -> str:
    assert row.due_at is not None
    return localtime.to_local(row.due_at - timedelta(seconds=1), "Asia/Shanghai").date().isoformat()


def test_each_kind_has_its_own_deadlines_in_working_time(customer: Customer) -> None:
    found = {kind: file(customer, kind=kind, at=FRIDAY) for kind in FeedbackKind}
    assert {str(kind): due_on(row) for kind, row in found.items()} == {
        "complaint": "2026-05-22",
        "question": "2026-05-20",
        "suggestion": "2026-06-12",
        "praise": "2026-05-29",
    }
    asked = {str(kind): row.respond_by for kind, row in found.items()}
    assert asked["complaint"] == asked["question"] < asked["suggestion"] == asked["praise"]
    calendar = deadlines.read().calendar
    assert asked["complaint"] == deadlines.add_working_time(FRIDAY, timedelta(hours=8), calendar=calendar)


def test_the_companys_own_deadlines_count_from_then_on(customer: Customer, admin: User) -> None:
    first = file(customer, at=FRIDAY)
    wanted = deadlines.said() | {"complaint": deadlines.Deadline(2, 1)}
    assert deadlines.set_deadlines(wanted, by=admin, at=NOW) == ["complaint"]
    assert deadlines.set_deadlines(wanted, by=admin, at=NOW) == []
    second = file(CustomerFactory(), at=FRIDAY)
    first.refresh_from_db()
    assert (due_on(first), due_on(second)) == ("2026-05-22", "2026-05-18")
    assert second.respond_by is not None and first.respond_by is not None
    assert second.respond_by < first.respond_by
    assert AuditEvent.objects.filter(act="feedback.deadlines").count() == 1


@pytest.mark.parametrize(
    ("profile", "days", "due"),
    [
        ("", 60, "2026-08-07"),
        ("cn_finance", 60, "2026-05-30"),  # 15 days, a Saturday: the statute does not wait for Monday
        ("eu_payments", 60, "2026-06-05"),
        ("uk_payments", 60, "2026-06-05"),
        ("uk_finance", 60, "2026-07-10"),
        ("uk_finance", 5, "2026-05-22"),  # the company's own is earlier
    ],
)
def test_a_statute_caps_the_day_of_resolution(customer: Customer, profile: str, days: int, due: str) -> None:
    deadlines.set_deadlines({"complaint": deadlines.Deadline(8, days, profile)}, by=None, at=NOW)
    assert due_on(file(customer, at=FRIDAY)) == due


def test_the_first_response_is_never_due_after_the_resolution(customer: Customer) -> None:
    deadlines.set_deadlines({"complaint": deadlines.Deadline(400, 2)}, by=None, at=NOW)
    row = file(customer, at=FRIDAY)
    assert row.respond_by == row.due_at


@pytest.mark.parametrize(
    ("kind", "deadline", "refusal"),
    [
        ("complaint", deadlines.Deadline(0, 5), deadlines.DeadlineRefused),
        ("complaint", deadlines.Deadline(401, 5), deadlines.DeadlineRefused),
        ("complaint", deadlines.Deadline(8, 0), deadlines.DeadlineRefused),
        ("complaint", deadlines.Deadline(8, 251), deadlines.DeadlineRefused),
        ("complaint", deadlines.Deadline(8, 5, "atlantis"), deadlines.ProfileRefused),
        ("question", deadlines.Deadline(8, 5, "uk_finance"), deadlines.ProfileRefused),
    ],
)
def test_deadlines_that_are_none_are_refused(
    company: Any, kind: str, deadline: deadlines.Deadline, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        deadlines.set_deadlines({kind: deadline}, by=None, at=NOW)
    assert deadlines.said() == deadlines.DELIVERED


def test_the_moments_that_somebody_was_promised_are_kept(customer: Customer) -> None:
    row = file(customer, respond_by=LATER, due_day=day(NOW) + 1)
    assert (row.respond_by, row.due_at) == (LATER, complaints.end_of_day(day(NOW) + 1))


def test_reopening_promises_anew(customer: Customer) -> None:
    row = file(customer)
    promised = row.respond_by
    complaints.resolve(row, by=None, at=LATER)
    complaints.reopen(row, by=None, at=NOW + timedelta(days=7))
    assert row.respond_by is not None and promised is not None and row.respond_by > promised
    assert complaints.is_acknowledged(row) is False


# --- A second failure --------------------------------------------------------------------------
def test_a_second_complaint_within_sixty_days_is_high_and_says_so(customer: Customer) -> None:
    first = file(customer, severity=1)
    second = file(customer, severity=1, at=NOW + timedelta(days=59, hours=23))
    assert (first.severity, first.escalated) == (1, False)
    assert (second.severity, second.escalated) == (3, True)
    told = Event.objects.filter(kind="complaint.filed").order_by("id").last()
    assert told is not None and told.data["severity"] == 3


@pytest.mark.parametrize("near", ["sixty days", "other kind", "other customer", "void", "is a question"])
def test_severity_stays_when_it_is_no_second_failure(customer: Customer, near: str) -> None:
    first = file(
        CustomerFactory() if near == "other customer" else customer,
        kind="suggestion" if near == "other kind" else "complaint",
    )
    if near == "void":
        Complaint.objects.filter(pk=first.pk).update(void=True)
    kind = "question" if near == "is a question" else "complaint"
    at = NOW + (timedelta(days=60) if near == "sixty days" else timedelta(days=20))
    second = file(customer, kind=kind, severity=1, at=at)
    assert (second.severity, second.escalated) == (1, False)


# --- The same once more ------------------------------------------------------------------------
def test_the_same_words_of_the_same_kind_are_found_within_fourteen_days(customer: Customer) -> None:
    same = file(customer, text="Late,  AGAIN!")
    file(customer, text="Late again and wet")
    file(customer, text="late again", kind="suggestion")
    file(CustomerFactory(), text="late again")
    old = file(customer, text="late again", at=NOW - timedelta(days=14, minutes=1))
    void = file(customer, text="late again")
    Complaint.objects.filter(pk=void.pk).update(void=True)
    found = before.alike(customer, kind="complaint", text="late again", at=NOW)
    assert found == [same]
    assert before.alike(customer, kind="complaint", text="late again", at=NOW - timedelta(days=1)) == [
        same,
        old,
    ]
    assert before.alike(customer, kind="complaint", text="…", at=NOW) == []


def test_the_same_person_and_order_are_found_within_thirty_days(customer: Customer) -> None:
    order, other = OrderFactory(customer=customer), OrderFactory(customer=customer)
    anna, bert = (ContactFactory(customer=customer, is_main=False) for _ in range(2))
    hers = file(customer, text="a", order=order, contact=anna, at=NOW - timedelta(days=30))
    unnamed = file(customer, text="b", order=order)
    his = file(customer, text="c", order=order, contact=bert)
    file(customer, text="d", order=other, contact=anna)
    file(customer, text="e", order=order, contact=anna, at=NOW - timedelta(days=31))

    def found(**said: Any) -> set[Complaint]:
        return set(before.alike(customer, kind="complaint", text="new", at=NOW, **said))

    assert found(order=order, contact=anna) == {hers, unnamed}
    assert found(order=order) == {hers, unnamed, his}
    assert found(contact=anna) == set()
    assert [row.text for row in before.alike(customer, kind="complaint", text="x", order=order, at=NOW)] == [
        "c",
        "b",
        "a",
    ]


# --- Said more exactly -------------------------------------------------------------------------
def test_describe_writes_a_version_and_says_what_changed(customer: Customer, manager: User) -> None:
    row, cause = file(customer), Cause.objects.get(code="late_delivery")
    complaints.describe(row, cause=cause, lot="L-7", severity=2, by=manager, at=LATER)
    row.refresh_from_db()
    assert (row.cause, row.lot) == (cause, "L-7")
    version = ComplaintVersion.objects.get(fact_id=row.pk)
    assert (version.cause_id, version.lot) == (None, "")  # type: ignore[attr-defined]
    note = AuditEvent.objects.get(act="complaint.describe")
    assert note.codes == {"changed": ["cause", "lot"]}
    complaints.describe(row, cause=cause, lot="L-7", by=manager, at=LATER)
    assert AuditEvent.objects.filter(act="complaint.describe").count() == 1


def test_describe_refuses_what_may_not_stand(customer: Customer) -> None:
    row, cause = file(customer), Cause.objects.get(code="late_delivery")
    Cause.objects.filter(pk=cause.pk).update(is_retired=True)
    cause.refresh_from_db()
    with pytest.raises(complaints.CauseGone):
        complaints.describe(row, cause=cause, by=None, at=LATER)
    with pytest.raises(complaints.CauseGone):
        file(customer, cause=cause)
    with pytest.raises(complaints.NoPraise):
        complaints.describe(row, praised=UserFactory(), by=None, at=LATER)
    with pytest.raises(ValueError, match="kind"):
        complaints.describe(row, kind="praise", by=None, at=LATER)


def test_describe_leaves_a_retired_cause_that_stands(customer: Customer) -> None:
    cause = Cause.objects.get(code="late_delivery")
    row = file(customer, cause=cause)
    Cause.objects.filter(pk=cause.pk).update(is_retired=True)
    row.refresh_from_db()
    assert complaints.describe(row, cause=row.cause, lot="9", by=None, at=LATER).lot == "9"

"""The smallest true records of care: a plan that runs, and somebody who can be greeted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers.ground import outbox
from customers.models import Contact
from retention import care
from retention.models import CarePlan, CareTouch
from tests.customers.test_contact import agreeing
from tests.factories import NOW


def said(**values: Any) -> care.Said:
    """Return what a person would say of a birthday plan."""
    given: dict[str, Any] = {
        "code": "birthdays",
        "name": "Birthdays",
        "occasion": "birthday",
        "subject_en": "Happy birthday, {{name}}",
        "text_en": "Dear {{name}}, all the best from {{company}}.",
        "subject_zh": "{{name}}，生日快乐",
        "text_zh": "{{name}}您好，{{company}}祝您生日快乐！",
    }
    return care.Said(**(given | values))


def plan(*, at: datetime = NOW, **values: Any) -> CarePlan:
    """Return a plan that runs from ``at`` on."""
    return care.start_plan(care.create_plan(said(**values), by=None, at=at), by=None, at=at)


def born(month: int, day: int, **values: Any) -> Contact:
    """Return somebody with a birthday who agreed to everything."""
    calendar = values.pop("calendar", "solar")
    leap = values.pop("is_leap", False) if calendar == "lunar" else None
    return agreeing(
        **{
            "birth_calendar": calendar,
            "birth_month": month,
            "birth_day": day,
            "birth_is_leap": leap,
            "language": "en",
        }
        | values
    )


def found(made: CarePlan) -> set[tuple[int, str, str]]:
    """Return whom a plan has found: contact, occasion, state."""
    rows = CareTouch.objects.filter(plan=made)
    return set(rows.values_list("contact_id", "occasion", "state"))


def drained(at: datetime) -> None:
    """Do all that is due by then."""
    while care.greet_due(at):
        pass
    while outbox.drain(at=at):
        pass


def sent(made: CarePlan, contact: Contact) -> CareTouch:
    """Return a greeting that was sent to a contact, as rows that only tests need to exist."""
    day = NOW.date().toordinal()
    touch: CareTouch = CareTouch.objects.create(
        plan=made,
        customer=contact.customer,
        contact=contact,
        occasion=str(NOW.year),
        occasion_day=day,
        due_day=day,
        latest_day=day,
        state=CareTouch.State.SENT,
        channel="email",
        version=made.version,
        made_at=NOW,
        ended_at=NOW,
    )
    return touch

"""How cases move: the table, the guard, what every step leaves behind."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from customers.ground.models import AuditEvent, Event
from customers.models import Customer, User
from retention import cases
from retention.cases import moves
from retention.models import CaseMove, RetentionCase
from tests.factories import NOW
from tests.retention.makers import (
    in_status,
    make_case,
    steps,
)

Status = RetentionCase.Status
LATER = NOW + timedelta(hours=1)
DOCS = Path(__file__).parents[3] / "docs"


def fields_for(status: str, user: User) -> dict[str, Any]:
    """Return the columns that the database wants beside a status."""
    if status == Status.CLOSED:
        return {"outcome": "saved", "closed_at": LATER}
    return {"assignee_id": None if status == Status.UNASSIGNED else user.pk}


def test_transitions_name_every_status() -> None:
    assert set(cases.TRANSITIONS) == set(Status)
    assert all(new in set(Status) for allowed in cases.TRANSITIONS.values() for new in allowed)
    assert cases.TRANSITIONS[Status.CLOSED] == frozenset()


@pytest.mark.parametrize("new", Status.values)
@pytest.mark.parametrize("old", Status.values)
def test_move_to_follows_the_table(customer: Customer, manager: User, old: str, new: str) -> None:
    case = in_status(customer, old, by=manager)
    before = CaseMove.objects.filter(case=case).count()

    if new in cases.TRANSITIONS[Status(old)]:
        moves.move_to(case, new, kind="assigned", by=manager, at=LATER, **fields_for(new, manager))
        assert RetentionCase.objects.get(pk=case.pk).status == case.status == new
        step = CaseMove.objects.filter(case=case).latest("id")
        assert (step.from_status, step.to_status, step.by, step.at) == (old, new, manager, LATER)
    else:
        refusal = cases.CaseClosed if old == Status.CLOSED else cases.NotAllowed
        with pytest.raises(refusal):
            moves.move_to(case, new, kind="assigned", by=manager, at=LATER, **fields_for(new, manager))
        assert RetentionCase.objects.get(pk=case.pk).status == case.status == old
        assert CaseMove.objects.filter(case=case).count() == before


def test_move_to_says_what_is_allowed_when_refused(customer: Customer, manager: User) -> None:
    case = in_status(customer, Status.UNASSIGNED, by=manager)
    with pytest.raises(cases.NotAllowed) as refused:
        moves.move_to(case, Status.WORKING, kind="working", by=manager, at=LATER)
    assert str(refused.value) == (
        "A case that is unassigned cannot become in progress. From here it can become: assigned, closed."
    )


def test_move_to_tells_the_loser_what_happened(customer: Customer, manager: User, lead: User) -> None:
    case = make_case(customer)
    stale = RetentionCase.objects.get(pk=case.pk)
    cases.close_case(case, outcome="saved", reason="Stays.", by=manager, at=NOW)

    with pytest.raises(cases.MovedMeanwhile) as refused:
        moves.move_to(stale, Status.WORKING, kind="working", by=lead, at=LATER)

    assert f"{manager} closed the case; it is now closed" in str(refused.value)


def test_move_to_refuses_when_only_the_assignee_changed(
    customer: Customer, manager: User, teammate: User, lead: User
) -> None:
    case = make_case(customer)
    stale = RetentionCase.objects.get(pk=case.pk)
    cases.assign(case, to=teammate, by=lead, at=NOW)
    with pytest.raises(cases.MovedMeanwhile):
        cases.close_case(stale, outcome="saved", reason="Stays.", by=manager, at=LATER)
    assert RetentionCase.objects.get(pk=case.pk).status == Status.ASSIGNED


def test_every_step_writes_move_audit_and_event(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    moves.move_to(case, Status.WORKING, kind="working", codes={"call": 7}, by=manager, at=LATER)
    audit = AuditEvent.objects.get(act="case.working", object_id=case.pk)
    event = Event.objects.get(kind="case.working", subject_id=case.pk)
    assert (audit.actor_id, audit.customer_id, audit.codes) == (manager.pk, customer.pk, {"call": 7})
    assert (event.customer_id, event.data, event.occurred_at) == (customer.pk, {"call": 7}, LATER)


def test_a_step_takes_no_words(customer: Customer, manager: User) -> None:
    case = make_case(customer)
    with pytest.raises(ValueError, match="not an id, code or number"), transaction.atomic():
        moves.note(case, kind="planned", codes={"why": "he was angry"}, by=manager, at=LATER)
    assert "planned" not in steps(case)


def test_moves_cannot_be_changed_or_deleted(customer: Customer) -> None:
    case = make_case(customer)
    for act in (lambda: case.moves.all().delete(), lambda: case.moves.update(kind="closed")):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_diagram_stands_in_the_docs() -> None:
    shown = re.search(r"```mermaid\n(.*?)\n```", (DOCS / "cases.md").read_text(encoding="utf-8"), re.S)
    assert shown is not None
    assert shown.group(1) == cases.diagram()

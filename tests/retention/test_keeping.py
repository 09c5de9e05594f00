"""The words of closed cases and done calls go after their period; open cases keep theirs."""

from __future__ import annotations

import pytest

from customers import keeping
from retention import calls, cases
from retention.models import FollowUpCall, RetentionCase
from tests.factories import NOW, CustomerFactory, ago
from tests.retention import makers

pytestmark = pytest.mark.django_db


def test_clear_old_empties_closed_cases_and_notes_but_no_open_case(manager):
    made = []
    for _number in range(2):
        customer = CustomerFactory(owner=manager)
        case = makers.make_case(customer, by=manager, reason="They said so.")
        calls.log_call(makers.planned_call(case), outcome="no_answer", note="Son ill.", by=manager, at=NOW)
        made.append(RetentionCase.objects.get(pk=case.pk))
    cases.close_case(made[0], outcome="not_pursued", reason="Their words.", by=manager, at=NOW)
    keeping.set_periods({"cases": 1, "calls": 1}, by=None, at=NOW)
    assert keeping.clear_old(at=NOW) == {}
    RetentionCase.objects.filter(pk=made[0].pk).update(closed_at=ago(60))
    FollowUpCall.objects.filter(case=made[0], status="done").update(done_at=ago(60))
    assert keeping.clear_old(at=NOW) == {"cases": 1, "calls": 1}
    told = dict(RetentionCase.objects.values_list("pk", "reason"))
    assert told == {made[0].pk: "", made[1].pk: "They said so."}
    assert sorted(FollowUpCall.objects.filter(status="done").values_list("note", flat=True)) == [
        "",
        "Son ill.",
    ]

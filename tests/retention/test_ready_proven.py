"""The mark of a ready rule that the demo companies do not prove."""

from __future__ import annotations

import pytest
from django.urls import reverse

from retention.models import WarningRule
from retention.rules import ready
from tests.factories import NOW
from tests.retention.makers import make_rule

PROVEN, UNPROVEN = (next(one for one in ready.READY if one.is_proven is wanted) for wanted in (True, False))


@pytest.fixture
def delivered(company):
    ready.sync(at=NOW)
    return [WarningRule.objects.get(code=one.code) for one in (PROVEN, UNPROVEN)]


@pytest.mark.parametrize("role", ["admin", "lead"])
def test_pages_say_which_ready_rule_is_not_proven(delivered, role, client, request):
    client.force_login(request.getfixturevalue(role))
    listed = client.get(reverse("retention:rule_list")).content.decode()
    assert listed.count(">not proven<") == sum(not one.is_proven for one in ready.READY)
    for rule, said in zip(delivered, ("proven", "not proven: try it"), strict=True):
        page = client.get(reverse("retention:rule", args=[rule.code])).content.decode()
        assert "On twenty demo companies" in page and said in page
        assert ("not proven" in page) is (said != "proven")


def test_a_rule_that_was_changed_or_written_here_carries_no_mark(delivered):
    _proven, unproven = delivered
    assert ready.is_proven(unproven) is False
    unproven.condition = {"measure": "orders_90d", "op": ">=", "value": 7}
    assert ready.is_proven(unproven) is None
    own = make_rule(code="ours")
    assert ready.is_proven(own) is None
    own.code, own.condition = PROVEN.code, ready.parse(PROVEN.condition).as_json()
    assert ready.is_proven(own) is None  # not delivered by us

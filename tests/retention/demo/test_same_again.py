"""The demo tells the same of the closed loop again, and changes nothing of what was told before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from customers.ground import clock
from customers.models import Interaction, Order
from retention.models import LoopClosure, Loss, RetentionCase
from tests.retention.demo.running import run_demo

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.DEMO_PASSWORD = ""


def test_demo_tells_the_same_again_and_changes_no_order_loss_or_talk() -> None:
    def told(*, loops: bool) -> tuple[Any, Any]:
        with transaction.atomic(), pytest.MonkeyPatch.context() as patched:
            if not loops:
                for name in ("close_loops", "improve", "change_business"):
                    patched.setattr(f"retention.management.commands.demo.demo.{name}", lambda **_said: 0)
            run_demo(customers=40)
            closed = list(
                LoopClosure.objects.order_by("pk").values_list(
                    "source", "kind", "state", "owner__username", "received_at__date", "customer__name"
                )
            )
            facts = [
                list(model.objects.order_by("pk").values_list(*names))
                for model, names in (
                    (Order, ("pk", "customer", "occurred_at", "sold", "status")),
                    (Interaction, ("pk", "customer", "occurred_at", "text")),
                    (Loss, ("customer", "occurred_at", "churn_type", "margin_365d")),
                )
            ]
            closed_cases = RetentionCase.objects.filter(status="closed").order_by("pk")
            facts.append(list(closed_cases.values_list("customer", "outcome")))
            transaction.set_rollback(True)
        clock.forget()
        return closed, facts

    first, facts = told(loops=True)
    assert told(loops=True) == (first, facts)
    assert told(loops=False) == ([], facts)

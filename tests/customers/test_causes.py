"""The delivered causes of leaving."""

from __future__ import annotations

import pytest

from customers import causes
from customers.models import Cause


@pytest.mark.django_db
def test_causes_are_delivered_and_what_people_changed_is_kept() -> None:
    delivered = [code for code, _english, _chinese in causes.CAUSES]
    assert len(delivered) == 14
    assert list(Cause.objects.filter(parent=None).values_list("code", flat=True)) == delivered
    Cause.objects.filter(code="price").update(name_en="Too expensive", is_retired=True)
    Cause.objects.filter(code="competitor").delete()
    causes.sync()
    causes.sync()
    assert Cause.objects.count() == 14
    assert (Cause.objects.get(code="price").name_en, Cause.objects.get(code="competitor").name_zh) == (
        "Too expensive",
        "竞争对手",
    )
    assert Cause.objects.get(code="price") not in causes.choices()

"""The import kind ``members``: dated memberships of lists, by file, safe to repeat."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from customers.ground import clock, drain
from customers.models import CustomerListMember, ExternalRef, ImportBatch
from retention import segments
from retention.models import SegmentCount
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _today(transactional_db: None, company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def people(company: Any) -> dict[str, int]:
    """Three customers of the source ``shop``."""
    made = {name: CustomerFactory(name=name).pk for name in ("C1", "C2", "C3")}
    for name, pk in made.items():
        ExternalRef.objects.create(source="shop", kind="customer", external_id=name, object_id=pk)
    return made


def bring(tmp_path: Path, lines: str, capsys: Any, *more: str) -> dict[str, Any]:
    """Import lines and return what was printed."""
    path = tmp_path / "members.csv"
    path.write_text(lines)
    errors = ("--errors", str(tmp_path / "errors.csv"))
    try:
        call_command("import_data", "members", str(path), "--source", "shop", "--json", *more, *errors)
    except SystemExit:
        pass
    return dict(json.loads(capsys.readouterr().out.strip().splitlines()[-1]))


def test_members_land_once_and_refused_lines_say_why(
    tmp_path: Path, people: dict[str, int], capsys: Any
) -> None:
    vip = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=NOW)
    lines = "list,customer\nvip,C1\nvip,C2\nvip,C9\ngold,C3\n"
    told = bring(tmp_path, lines, capsys)
    assert (told["accepted"], told["refused"], told["records"]["created"]) == (2, 2, 2)
    again = bring(tmp_path, lines, capsys)
    assert again["records"] == {"created": 0, "updated": 0, "unchanged": 2}
    rows = CustomerListMember.objects.order_by("customer_id")
    assert [row.customer_id for row in rows] == [people["C1"], people["C2"]]
    assert rows[0].batch == ImportBatch.objects.order_by("id").first()
    drain.until_empty(at=clock.now())
    assert SegmentCount.objects.get(segment=vip).customers == 2


def test_members_are_dated_by_the_file_step_after_step(
    tmp_path: Path, people: dict[str, int], capsys: Any
) -> None:
    vip = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=NOW)
    lines = "list,customer,since,member\nvip,C1,2026-03-10,no\nvip,C1,2026-03-01,yes\nvip,C2,2026-03-05,yes\n"
    told = bring(tmp_path, lines, capsys, "--history")
    assert (told["refused"], told["records"]["created"]) == (0, 3)
    for day, names in [(5, {"C1", "C2"}), (1, {"C1"}), (10, {"C2"})]:
        with segments.members(vip, at=clock.now(), on=date(2026, 3, day)) as found:
            assert set(found.values_list("name", flat=True)) == names

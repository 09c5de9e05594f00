"""Of how many customers each measure is known, how new its facts are, who uses it: counted and shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from customers.models import Customer
from retention import measures, rules
from retention.measures import compute, coverage
from retention.models import MeasureCoverage, Segment, WarningRule
from retention.pages.measures import PAGE
from retention.rules import uses
from tests.factories import NOW, CustomerFactory, InteractionFactory, OrderFactory, UserFactory, ago

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PATH = "/settings/measures/"


@pytest.fixture(autouse=True)
def _today(db: None) -> None:
    clock.fix(NOW)


@pytest.fixture
def counted(customer: Customer) -> Customer:
    """One of three customers was spoken with, and ordered."""
    CustomerFactory.create_batch(2)
    InteractionFactory(customer=customer, occurred_at=ago(5))
    OrderFactory(customer=customer, occurred_at=ago(40))
    OrderFactory(customer=customer, occurred_at=NOW + DAY)  # of tomorrow: no fact yet
    compute.refresh(as_of=NOW)
    assert coverage.note(at=NOW) == len(measures.every())
    return customer


def kept(code: str) -> tuple[int, int, int | None]:
    row = MeasureCoverage.objects.get(code=code)
    return (
        row.known,
        row.customers,
        None if row.newest_day is None else NOW.date().toordinal() - row.newest_day,
    )


def test_coverage_counts_stored_derived_and_ratio_measures_exactly(counted: Customer) -> None:
    assert kept("orders_90d") == (3, 3, 40)  # nothing counted is 0, and known
    assert kept("last_order_day") == kept("days_since_last_order") == (1, 3, 40)
    assert kept("usual_interval") == (0, 3, 40)  # not before the fourth day
    assert kept("return_share_90d") == kept("overdue_score") == (1, 3, 40)
    assert kept("days_since_last_contact") == (1, 3, 5)
    assert kept("complaints_open") == (3, 3, None)


def test_coverage_equals_reading_every_row(counted: Customer) -> None:
    rows = compute.values_of(Customer.objects.values_list("pk", flat=True))
    today = compute.today(NOW).number
    for code, measure in measures.every().items():
        known = sum(measure.read(row, today=today) is not None for row in rows.values())
        assert MeasureCoverage.objects.get(code=code).known == known, code


def test_coverage_is_counted_once_a_day_and_forgets_what_is_gone(counted: Customer) -> None:
    MeasureCoverage.objects.create(code="gone", day=1, as_of=NOW, known=1, customers=1)
    assert coverage.note(at=NOW + timedelta(hours=1)) == 0
    InteractionFactory(customer=counted, occurred_at=ago(1))
    assert coverage.note(at=NOW + DAY) == len(measures.every())
    assert not MeasureCoverage.objects.filter(code="gone").exists()
    assert kept("days_since_last_contact")[2] == 1


def test_uses_are_the_rules_and_segments_that_name_a_measure_anywhere(company: Any) -> None:
    against = {"measure": "spend_30d", "op": "<", "factor": 1, "other": "margin_455d"}
    rule = WarningRule(code="mine", name_en="Mine", name_zh="我的", condition={"all": [{"not": against}]})
    rules.save(rule, by=None, at=NOW)
    values = {
        "name_en": "Odd",
        "name_zh": "奇",
        "kind": "condition",
        "condition": {"any": [against]},
        "made_at": NOW,
    }
    Segment.objects.create(code="odd", **values)
    Segment.objects.create(code="old", retired_at=NOW, **values)
    found = uses.of_measures()
    for code in ("spend_30d", "margin_455d"):
        assert [one.code for one in found[code].rules] == ["mine"]
        assert [one.code for one in found[code].segments] == ["odd"]
    assert "orders_30d" not in found


def test_page_shows_coverage_freshness_sentence_and_uses(client: Any, admin: Any, counted: Customer) -> None:
    client.force_login(admin)
    html = client.get(PATH, {"q": "days_since_last_contact"}).content.decode()
    assert "33 %" in html and "1 of 3 customers" in html
    assert "Days that have passed since the last contact" in html
    assert "No contact for 60 days" in html
    assert "days_since_last_order" not in html
    html = client.get(PATH, {"q": "overdue score"}).content.decode()
    assert html.count('<th scope="row">') == 1
    assert "No measure found" in client.get(PATH, {"q": "no such thing <b>"}).content.decode()


def test_page_lists_every_measure_once_over_its_pages(client: Any, admin: Any, company: Any) -> None:
    client.force_login(admin)
    count = -(-len(measures.every()) // PAGE)
    pages = [client.get(PATH, {"page": n + 1}).content.decode() for n in range(count)]
    for code in measures.every():
        assert sum(f">{code}</code>" in html for html in pages) == 1, code
    assert "overdue_score_parts" not in "".join(pages)


@pytest.mark.parametrize("role", ["account_manager", "integration"])
def test_page_is_for_those_who_see_rules(client: Any, role: str) -> None:
    client.force_login(UserFactory(role=role))
    assert client.get(PATH).status_code in (403, 404)


def test_page_takes_the_same_queries_however_many_uses(client: Any, admin: Any, counted: Customer) -> None:
    client.force_login(admin)
    client.get(PATH)
    taken = []
    for n in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(PATH)
        taken.append(len(queries))
        for k in range(3):
            condition = {"measure": "orders_30d", "op": "<", "value": k}
            names = {"name_en": "S", "name_zh": "S", "kind": "condition", "made_at": NOW}
            Segment.objects.create(code=f"s{n}{k}", condition=condition, **names)
    assert taken[0] == taken[1]

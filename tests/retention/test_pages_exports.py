"""Lists as files: exactly the filter, only what one may see, noted; and a spreadsheet opens them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import openpyxl
import pytest
from django.urls import reverse

from customers.ground import clock, localtime
from customers.ground.models import AuditEvent
from customers.models import Contract, Customer
from tests.factories import NOW, ComplaintFactory, ContractFactory, CustomerFactory, TeamFactory, UserFactory
from tests.retention.makers import make_case

pytestmark = pytest.mark.django_db
LISTS = ["customers", "queue", "complaints"]


@pytest.fixture(autouse=True)
def _now(company, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def url_of(name):
    return reverse(f"retention:export_{name}")


def lines(answer):
    """Return header and lines of a CSV answer."""
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def world(lead, manager, customer):
    """Three customers of the lead's team with case and complaint, one of another team."""
    for name in ("=cmd|calc", "Red Hill"):
        CustomerFactory(name=name, owner=manager, city="Wuxi")
    theirs = CustomerFactory(name="Foreign", owner=UserFactory(team=TeamFactory()), city="Wuxi")
    for one in Customer.objects.all():
        make_case(one)
        ComplaintFactory(customer=one, occurred_at=NOW - timedelta(hours=1), text=f"about {one.name}")
    return theirs


@pytest.mark.parametrize("name", LISTS)
def test_export_holds_what_one_may_see_and_no_more(client, world, lead, admin, name):
    for user, count in ((lead, 3), (admin, 4)):
        client.force_login(user)
        rows = lines(client.get(url_of(name)))
        assert len(rows) == 1 + count and ("Foreign" in str(rows)) == (user == admin)
        noted = AuditEvent.objects.filter(act="export.run").latest("pk")
        assert (noted.actor_id, noted.codes["list"], noted.codes["rows"]) == (user.pk, name, count)


@pytest.mark.parametrize(
    "query", ["", "q=hill", "city=wuxi", "city=wuxi&case=none", "kind=person", "owner=nobody"]
)
def test_export_of_customers_equals_the_list_of_the_same_filter(client, world, admin, query):
    client.force_login(admin)
    shown = client.get(f"{reverse('retention:customer_list')}?{query}").context["rows"]
    rows = lines(client.get(f"{url_of('customers')}?{query}&format=csv"))
    assert [row[0] for row in rows[1:]] == [str(one.pk) for one in shown]


@pytest.mark.parametrize("query", ["", "q=hill", "status=assigned", "view=pool", "severity=3", "due=none"])
def test_export_of_the_queue_equals_the_queue_of_the_same_filter(client, world, admin, query):
    client.force_login(admin)
    shown = client.get(f"{reverse('retention:queue')}?{query}").context["rows"]
    rows = lines(client.get(f"{url_of('queue')}?{query}"))
    assert [row[0] for row in rows[1:]] == [str(row.id) for row in shown]


@pytest.mark.parametrize("query", ["", "state=open", "state=all"])
def test_export_of_complaints_equals_the_list(client, world, admin, query):
    client.force_login(admin)
    shown = client.get(f"{reverse('retention:complaint_list')}?{query}").context["rows"]
    rows = lines(client.get(f"{url_of('complaints')}?{query}"))
    assert [row[0] for row in rows[1:]] == [str(one.pk) for one in shown]


def test_audit_of_an_export_holds_codes_and_no_text(client, world, admin):
    client.force_login(admin)
    client.get(f"{url_of('customers')}?q=红山 Ltd&kind=company&format=xlsx")
    codes = AuditEvent.objects.get(act="export.run").codes
    assert codes == {
        "list": "customers",
        "format": "xlsx",
        "rows": 0,
        "filters": ["q", "kind"],
        "filter_kind": "company",
    }


@pytest.mark.parametrize("name", LISTS)
def test_account_managers_take_no_list_away(client, world, manager, name):
    client.force_login(manager)
    assert client.get(url_of(name)).status_code == 403
    page = client.get(reverse(f"retention:{'queue' if name == 'queue' else name.rstrip('s') + '_list'}"))
    assert url_of(name) not in page.content.decode()
    assert not AuditEvent.objects.filter(act="export.run").exists()


@pytest.mark.parametrize("name", LISTS)
def test_lists_lead_to_their_export_with_the_filter(client, world, admin, name):
    client.force_login(admin)
    page = reverse(f"retention:{'queue' if name == 'queue' else name.rstrip('s') + '_list'}")
    said = client.get(f"{page}?q=hill&state=all").content.decode()
    assert f"{url_of(name)}?q=hill&amp;state=all&amp;format=csv" in said


def test_export_speaks_chinese_and_is_safe_in_workbooks(client, world):
    client.force_login(UserFactory(role="admin", language="zh-hans"))
    answer = client.get(f"{url_of('customers')}?format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    assert sheet["B1"].value == "名称"
    assert "'=cmd|calc" in [row[1].value for row in sheet.iter_rows()]
    assert answer["Content-Disposition"].startswith('attachment; filename="customers-2026-05-11.xlsx"')


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("name", LISTS)
def test_export_needs_as_many_queries_for_one_row_as_for_three(
    client, admin, manager, name, many, django_assert_max_num_queries
):
    for _n in range(many):
        one = CustomerFactory(owner=manager)
        make_case(one)
        ComplaintFactory(customer=one)
    client.force_login(admin)
    with django_assert_max_num_queries(9):
        assert len(lines(client.get(url_of(name)))) == 1 + many


def test_workbook_that_would_be_too_long_is_refused(client, world, admin, monkeypatch):
    monkeypatch.setattr("customers.exports.MOST_ROWS", 2)
    client.force_login(admin)
    answer = client.get(f"{url_of('customers')}?format=xlsx")
    assert answer.status_code == 302
    assert len(lines(client.get(f"{url_of('customers')}?format=csv"))) == 5


@pytest.fixture
def contracts(world, manager):
    """Contracts of the lead's team, of which one is decided, one is far off and one another team's."""
    mine = Customer.objects.filter(owner=manager).order_by("pk")
    made = [
        ContractFactory(customer=mine[0], number="=1+1", ends_day=day_in(20)),
        ContractFactory(customer=mine[1], number="V-2", ends_day=day_in(10), owner=manager),
        ContractFactory(customer=mine[2], number="V-3", ends_day=day_in(200)),
        ContractFactory(customer=mine[2], number="V-4", ends_day=day_in(15)),
        ContractFactory(customer=world, number="V-5", ends_day=day_in(12)),
        ContractFactory(customer=mine[0], number="V-6", ends_day=day_in(11), void=True),
    ]
    Contract.objects.filter(number="V-4").update(terminated_day=day_in(0))
    return made


def day_in(ahead):
    return localtime.day_number(NOW, "Asia/Shanghai") + ahead


@pytest.mark.parametrize(
    "query", ["view=list", "view=list&owner=nobody", "view=list&team={team}", "view=list&after=1~1"]
)
def test_export_of_contracts_equals_the_list_of_the_same_filter(client, contracts, lead, admin, query):
    for user, foreign in ((admin, True), (lead, False)):
        client.force_login(user)
        asked = query.format(team=lead.team_id)
        shown = client.get(f"{reverse('retention:contract_list')}?{asked}").context["rows"]
        rows = lines(client.get(f"{url_of('contracts')}?{asked}"))
        assert [row[0] for row in rows[1:]] == [str(contract.pk) for contract, *_state in shown]
        if asked == "view=list":
            numbers = {row[1] for row in rows[1:]}
            assert numbers == {"'=1+1", "V-2", "V-3"} | ({"V-5"} if foreign else set())


@pytest.mark.parametrize("month", ["", "2026-11", "2027-03", "nonsense"])
def test_export_of_contracts_equals_the_month_of_the_calendar(client, contracts, admin, month):
    client.force_login(admin)
    weeks = client.get(f"{reverse('retention:contract_list')}?month={month}").context["weeks"]
    shown = {row.pk for week in weeks for one in week for row in one.rows}
    rows = lines(client.get(f"{url_of('contracts')}?month={month}"))
    assert {int(row[0]) for row in rows[1:]} == shown
    assert bool(shown) is (month != "2027-03")


def test_workbook_of_contracts_and_its_audit(client, contracts, lead, manager):
    client.force_login(lead)
    answer = client.get(f"{url_of('contracts')}?view=list&owner={manager.pk}&format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    assert sheet.max_row >= 2 and sheet.cell(1, 1).value == "Contract"
    codes = AuditEvent.objects.get(act="export.run").codes
    assert (codes["list"], codes["format"], codes["filter_owner"]) == ("contracts", "xlsx", manager.pk)
    assert codes["rows"] == sheet.max_row - 1

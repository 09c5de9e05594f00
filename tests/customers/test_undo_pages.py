"""Taking imports back by page, API and command: two presses, who may, what is said."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from customers.ground import clock, drain
from customers.models import Customer, ImportBatch, Order
from retention.measures import compute
from retention.models import CustomerMeasures, RetentionCase
from tests.customers.undoing import LATER, bring, take_back
from tests.factories import NOW, UserFactory
from tests.retention.makers import make_case, make_run, make_warning

pytestmark = pytest.mark.django_db
ORDERS = "id,customer,date,quantity,unit price\nO1,C1,2026-05-01,1,9\nO2,C2,2026-05-02,1,7\n"


@pytest.fixture(autouse=True)
def _company(company, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: LATER)
    return company


@pytest.fixture
def batch(tmp_path, lead):
    return bring(tmp_path, "orders", ORDERS, by=lead)


def pages_of(batch):
    return [
        reverse("customers:import_undo", args=[batch.pk]),
        reverse("customers:import_records", args=[batch.pk, "order"]),
        reverse("customers:import_detail", args=[batch.pk]),
    ]


def test_wrong_import_is_undone_by_two_presses(client, batch, lead):
    client.force_login(lead)
    undo, _records, detail = pages_of(batch)
    assert undo in client.get(detail).content.decode()
    asked = client.get(undo).content.decode()
    assert "Orders" in asked and "What this import did" in asked
    assert Order.objects.filter(void=False).count() == 2  # a look changes nothing
    assert client.post(undo, {"reason": "the other shop's"}).url == detail
    assert "part=state" in client.get(detail).content.decode()
    assert drain.until_empty(at=LATER)
    said = client.get(detail).content.decode()
    assert "Taken back" in said and "the other shop&#x27;s" in said and undo not in said
    assert not Order.objects.filter(void=False).exists() and not Customer.objects.present().exists()


def test_undo_without_reason_keeps_the_page(client, batch, lead):
    client.force_login(lead)
    answer = client.post(pages_of(batch)[0], {"reason": " "})
    assert answer.status_code == 422 and ImportBatch.objects.get().status == "done"


def test_undo_page_names_what_stands_in_the_way_with_links(client, tmp_path, batch, lead):
    customer = Customer.objects.get(name="C1")
    Customer.objects.filter(pk=customer.pk).update(updated_at=LATER)
    client.force_login(lead)
    for answer in (client.get(pages_of(batch)[0]), client.post(pages_of(batch)[0], {"reason": "x"})):
        said = answer.content.decode()
        assert f'href="/customers/{customer.pk}/"' in said and f"customer no. {customer.pk}" in said
        assert "<textarea" not in said
    assert ImportBatch.objects.get().status == "done"


def test_undo_is_not_there_for_other_leads_and_refused_to_others(client, batch, admin, manager, analyst):
    foreign = UserFactory(role="team_lead")
    for url in pages_of(batch):
        client.force_login(foreign)
        assert client.get(url).status_code == 404
        client.force_login(admin)
        assert client.get(url).status_code == 200
        for user in (manager, analyst):
            client.force_login(user)
            assert client.get(url).status_code == 403
    client.force_login(foreign)
    assert client.post(pages_of(batch)[0], {"reason": "x"}).status_code == 404
    assert ImportBatch.objects.get().status == "done"


def test_records_are_paged_and_name_only_customers_that_one_may_see(client, tmp_path, lead, monkeypatch):
    monkeypatch.setattr("customers.pages.undoing.PAGE", 1)
    batch = bring(tmp_path, "orders", ORDERS, by=lead)
    Customer.objects.filter(name="C1").update(team=UserFactory(role="team_lead").team, owner=UserFactory())
    client.force_login(lead)
    url = pages_of(batch)[1]
    first = client.get(url).content.decode()
    orders = list(Order.objects.order_by("pk"))
    assert f">{orders[0].pk}<" in first and "C1" not in first and f"?after={orders[0].pk}" in first
    assert "C2" in client.get(f"{url}?after={orders[0].pk}").content.decode()
    assert client.get(reverse("customers:import_records", args=[batch.pk, "contract"])).status_code == 404


@pytest.mark.parametrize("many", [1, 3])
def test_records_need_as_many_queries_for_one_row_as_for_three(
    client, tmp_path, lead, many, django_assert_max_num_queries
):
    lines = "".join(f"O{n},C{n},2026-05-01,1,9\n" for n in range(many))
    batch = bring(tmp_path, "orders", "id,customer,date,quantity,unit price\n" + lines, by=lead)
    client.force_login(lead)
    with django_assert_max_num_queries(37):
        client.get(pages_of(batch)[1])


def test_undo_pages_speak_chinese(client, batch):
    client.force_login(UserFactory(role="admin", language="zh-hans"))
    for url, words in zip(pages_of(batch), ("撤回这次导入", "订单", "这次导入做了什么"), strict=True):
        assert words in client.get(url).content.decode()


# --- Cases and warnings ------------------------------------------------------------------------
def test_undo_closes_what_nobody_touched_and_drops_the_measures(tmp_path):
    batch = bring(tmp_path, "customers", "id,name\nC1,Blue Lake\n")
    customer = Customer.objects.get()
    compute.refresh(as_of=NOW)
    case = make_case(customer, reason="")
    warning = make_warning(customer, run=make_run(), case=case)
    take_back(batch)
    case.refresh_from_db(), warning.refresh_from_db()
    assert (case.status, case.outcome, warning.state) == ("closed", "not_pursued", "closed")
    assert not CustomerMeasures.objects.exists()


def test_undo_is_blocked_by_a_case_that_somebody_works_on(tmp_path, manager):
    from customers import undo

    batch = bring(tmp_path, "customers", "id,name\nC1,Blue Lake\n")
    case = make_case(Customer.objects.get())
    standing = undo.in_the_way(batch)
    assert [blocker.url for blocker in standing.shown] == [f"/cases/{case.pk}/"]
    RetentionCase.objects.update(reason="")
    assert not undo.in_the_way(batch).count


def test_undo_of_complaints_closes_the_case_that_one_opened(tmp_path, customer):
    text = "id,customer,opened at,text\nX1,K,2026-05-10,broke\n"
    batch = bring(tmp_path, "complaints", text, history=False)
    drain.until_empty(at=NOW)
    case = RetentionCase.objects.get()
    assert case.complaint_id and case.is_open
    take_back(batch)
    case.refresh_from_db()
    assert case.status == "closed" and not Customer.objects.present().filter(name="K").exists()


def test_undo_is_not_blocked_by_work_from_before_on_customers_that_were_there(tmp_path, manager):
    from customers import undo

    bring(tmp_path, "customers", "id,name\nC1,Blue Lake\n")
    make_case(Customer.objects.get())
    batch = bring(tmp_path, "orders", ORDERS, at=LATER)
    assert not undo.in_the_way(batch).count


# --- Command -----------------------------------------------------------------------------------
def test_command_shows_then_takes_back(batch, capsys):
    call_command("undo_import", str(batch.pk), "--show", "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["in_the_way"] == 0 and told["records"]["order"] == [2, 0]
    call_command("undo_import", str(batch.pk), "--reason", "wrong", "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["status"], told["voided"], told["left"], told["lost"]) == ("undone", 4, 0, 0)


def test_command_ends_with_1_when_something_stands_in_the_way(batch, capsys):
    Customer.objects.update(updated_at=LATER)
    with pytest.raises(SystemExit) as end:
        call_command("undo_import", str(batch.pk), "--reason", "wrong")
    assert end.value.code == 1 and "changed later" in capsys.readouterr().err


def test_pages_below_an_import_name_it_once_among_the_crumbs(client, batch, lead):
    client.force_login(lead)
    undo, records, _detail = pages_of(batch)
    for page in (undo, records):
        crumbs = client.get(page).context["crumbs"]
        assert [url for _name, url in crumbs] == [reverse("customers:import_list"), pages_of(batch)[2]]

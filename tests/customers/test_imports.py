"""Files in: every kind, every refusal, every form of file; repeated, mended, killed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from customers.feedback import deadlines
from customers.ground import clock
from customers.ground.models import AuditEvent, Event, ExchangeRate
from customers.imports import batches, kinds, mapping, run
from customers.imports.errors import ImportRefused
from customers.imports.mapping import Mapping
from customers.models import (
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    ImportBatch,
    Interaction,
    Order,
    OrderLine,
    OrderLineVersion,
    OrderVersion,
    Product,
    TouchedCustomer,
)
from tests.factories import NOW

pytestmark = pytest.mark.django_db
ORDERS = "id,customer,date,quantity,unit price\n"


@pytest.fixture(autouse=True)
def _company(company):
    return company


@pytest.fixture
def bring(tmp_path):
    """Import a text (or bytes) and return the report; the error file is ``tmp_path/errors.csv``."""

    def bring(kind, content, *, at=NOW, name="file.csv", is_dry=False, **stated):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        stated.setdefault("on_missing_customer", "create")
        return batches.import_file(
            path,
            kinds.named(kind),
            mapping.from_data(stated),
            errors_to=tmp_path / "errors.csv",
            is_dry=is_dry,
            by=None,
            at=at,
        )

    return bring


def outcome(report):
    return (
        report.lines,
        report.accepted,
        report.landed.created,
        report.landed.updated,
        report.landed.unchanged,
    )


def refused_lines(tmp_path):
    """Return (line, column, reason) of each line in the error file."""
    with (tmp_path / "errors.csv").open(encoding="utf-8-sig", newline="") as stream:
        return [(int(r["error_line"]), r["error_column"], r["error_reason"]) for r in csv.DictReader(stream)]


# --- Every kind --------------------------------------------------------------------------------
def test_import_customers_with_chinese_columns(bring, manager):
    report = bring(
        "customers", "客户编号,客户名称,类型,城市,客户经理\nC1,蓝湖贸易,企业,上海,manager\nC2,李娜,个人,,\n"
    )
    assert outcome(report) == (2, 2, 2, 0, 0)
    assert list(Customer.objects.order_by("id").values_list("name", "kind", "city", "owner__username")) == [
        ("蓝湖贸易", "company", "上海", "manager"),
        ("李娜", "person", "", None),
    ]


def people():
    """Return the contacts by name: who followed, whether they are the main contact."""
    columns = ("name", "successor__name", "is_main")
    return {name: (after, main) for name, after, main in Contact.objects.values_list(*columns)}


def test_successor_of_a_main_contact_that_left_takes_over(bring):
    bring("customers", "id,name\nC1,Blue Lake\nC2,Red Hill\n")
    head = "id,customer,name,left on,successor\n"
    bring("contacts", head + "K1,C1,Li Na,,\nK2,C1,Wu Di,,\n")
    assert people() == {"Li Na": (None, True), "Wu Di": (None, False), "Red Hill": (None, True)}
    file = head + "K1,C1,Li Na,2026-05-01,K3\nK2,C1,Wu Di,2026-05-02,K1\nK3,C1,Zhao Lei,,\n"
    assert outcome(bring("contacts", file)) == (3, 3, 1, 2, 0)
    after = {"Li Na": ("Zhao Lei", False), "Wu Di": ("Li Na", False), "Zhao Lei": (None, True)}
    assert people() == after | {"Red Hill": (None, True)}
    assert outcome(bring("contacts", file)) == (3, 3, 0, 0, 3)
    bring("contacts", "id,customer,name,left on\nK1,C1,Li Na,2026-05-01\n")  # says nothing of successors
    assert people()["Li Na"] == ("Zhao Lei", False)
    bring("contacts", head + "K1,C1,Li Na,2026-05-01,\n")
    assert people()["Li Na"] == (None, False)


def test_main_contact_stays_whom_the_line_says_or_when_the_successor_left_too(bring):
    bring("customers", "id,name\nC1,Blue Lake\nC2,Red Hill\n")
    head = "id,customer,name,left on,main,successor\n"
    bring("contacts", head + "K1,C1,Li Na,2026-05-01,yes,K2\nK2,C1,Wu Di,,no,\n")
    assert people()["Li Na"] == ("Wu Di", True) and people()["Wu Di"] == (None, False)
    head = "id,customer,name,left on,successor\n"
    bring("contacts", head + "K3,C2,An,2026-05-01,K4\nK4,C2,Bo,2026-05-02,\n")
    assert people()["An"] == ("Bo", True) and people()["Bo"] == (None, False)


@pytest.mark.parametrize(
    ("successor", "words"),
    [
        ("K9", "The customer has no contact “K9”"),
        ("K1", "another contact of the same customer"),
        ("K2", "another contact of the same customer"),  # stands, of C2
        ("K5", "another contact of the same customer"),  # of this file, of C2
        ("K6", "The customer has no contact “K6”"),  # of this file, refused itself: its own is unknown
    ],
)
def test_wrong_successor_is_refused_in_words(bring, tmp_path, successor, words):
    bring("customers", "id,name\nC1,Blue Lake\nC2,Red Hill\n")
    bring("contacts", "id,customer,name\nK1,C1,Li Na\nK2,C2,Wu Di\n")
    report = bring(
        "contacts",
        f"id,customer,name,successor\nK1,C1,Li Na,{successor}\nK5,C2,Bo,\nK6,C1,Xu,K7\nK8,C1,An,\n",
    )
    assert (report.accepted, report.refused) == (2, 2)
    errors = (tmp_path / "errors.csv").read_text()
    assert words in errors and "successor" in errors
    assert set(people()) == {"Li Na", "Wu Di", "Bo", "An"} and people()["Li Na"] == (None, True)


def test_import_contacts(bring):
    bring("customers", "id,name\nC1,Blue Lake\n")
    bring("contacts", "id,customer,name,phone,email,main\nK1,C1,Li Na,+86 10,li@example.com,yes\n")
    assert Contact.objects.values_list("name", "phone", "email", "is_main").get() == (
        "Li Na",
        "+86 10",
        "li@example.com",
        True,
    )


def test_import_products(bring):
    bring("products", "sku,name,cost,margin rate\nP1,Lamp,3.20,\nP2,Desk,,35%\n")
    assert list(Product.objects.order_by("code").values_list("code", "unit_cost", "margin_bp")) == [
        ("P1", 320, None),
        ("P2", None, 3500),
    ]


def withdrawn(code):
    return Product.objects.values_list("is_withdrawn", "withdrawn_day", "withdrawn_known_at").get(code=code)


def test_import_says_from_which_day_on_products_are_withdrawn(bring):
    day = date(2026, 6, 1).toordinal()
    bring("products", "sku,name,withdrawn,withdrawn on\nP1,A,,2026-06-01\nP2,B,yes,\nP3,C,no,\n")
    assert withdrawn("P1") == (True, day, NOW)
    assert withdrawn("P2") == (True, date(2026, 5, 11).toordinal(), NOW)  # the day on which we heard so
    assert withdrawn("P3") == (False, None, None)


def test_what_is_known_of_a_withdrawal_stays_until_its_day_changes(bring):
    bring("products", "sku,name,withdrawn,withdrawn on\nP1,A,,2026-06-01\nP2,B,yes,\n")
    later = NOW + timedelta(days=3)
    again = bring("products", "sku,name,withdrawn,withdrawn on\nP1,A,,2026-06-01\nP2,B,yes,\n", at=later)
    assert (again.landed.unchanged, again.landed.updated) == (2, 0)
    assert withdrawn("P2") == (True, date(2026, 5, 11).toordinal(), NOW)
    bring("products", "sku,name,withdrawn on\nP1,A,2026-06-02\nP2,B,\n", at=later)
    assert withdrawn("P1") == (True, date(2026, 6, 2).toordinal(), later)
    assert withdrawn("P2") == (False, None, None)
    bring("products", "sku,name\nP1,Lamp\n", at=later)
    assert withdrawn("P1")[0] is True


def test_history_of_withdrawals_was_known_on_their_days(bring):
    bring("products", "sku,name,withdrawn on\nP1,A,2026-02-01\nP2,B,2026-06-01\n", history=True)
    assert withdrawn("P1")[2] == datetime(2026, 1, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    assert withdrawn("P2")[2] == NOW


def test_a_withdrawal_marks_those_who_bought_and_nobody_else(bring):
    bring("products", "sku,name\nP1,A\nP2,B\n")
    bring("orders", "id,customer,date,product,amount\nA,C1,2026-05-01,P1,9\nB,C2,2026-05-01,P2,9\n")
    TouchedCustomer.objects.all().delete()
    bring("products", "sku,name,withdrawn on\nP1,A,2026-06-01\nP2,Renamed,\n")
    assert list(TouchedCustomer.objects.values_list("customer__name", flat=True)) == ["C1"]


def test_import_orders_of_several_lines_not_side_by_side(bring):
    report = bring(
        "orders",
        ORDERS + "A,C1,2026-05-01 10:00,2,1.50\nB,C2,2026-05-01,1,9\nA,C1,2026-05-01 10:00,-1,0.50\n",
    )
    assert outcome(report) == (3, 3, 2, 0, 0)
    order = Order.objects.get(customer__name="C1")
    assert (order.sold, order.returned, order.lines.count()) == (300, 50, 2)
    assert order.occurred_at == datetime(2026, 5, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
    assert order.occurred_day == date(2026, 5, 1).toordinal()


def test_import_orders_by_amount_only(bring):
    bring("orders", "id,customer,date,amount\nA,C1,2026-05-01,12.50\nB,C1,2026-05-01,-2\n")
    assert sorted(Order.objects.values_list("sold", "returned", "is_purchase")) == [
        (0, 200, False),
        (1250, 0, True),
    ]


def test_import_contracts(bring):
    text = 'id,customer,start,end,value,auto renew\nV1,C1,2026-01-01,2026-12-31,"12,000.00",yes\n'
    bring("contracts", text, history=True)
    contract = Contract.objects.get()
    assert (contract.starts_day, contract.ends_day) == (
        date(2026, 1, 1).toordinal(),
        date(2026, 12, 31).toordinal(),
    )
    assert (contract.value, contract.value_base, contract.auto_renew) == (1_200_000, 1_200_000, True)
    assert contract.occurred_day == date(2026, 1, 1).toordinal()


def test_import_interactions(bring, manager):
    bring(
        "interactions", "id,customer,date,kind,reached,by,text\nI1,C1,2026-05-01 09:00,电话,否,manager,忙\n"
    )
    assert Interaction.objects.values_list("kind", "reached", "by__username", "text").get() == (
        "call",
        False,
        "manager",
        "忙",
    )


def test_import_complaints_that_are_open_are_due_in_five_working_days(bring):
    bring("complaints", "id,customer,date,text,severity\nB1,C1,2026-05-08 09:00,late,high\n")
    step = ComplaintEvent.objects.get()
    assert (step.kind, step.due_day) == ("opened", date(2026, 5, 15).toordinal())
    event = Event.objects.get(kind="complaint.filed")
    assert event.data == {"kind": "complaint", "severity": 3, "history": False, "resolved": False}


def test_import_complaints_again_keeps_the_day_that_was_promised_unless_the_file_states_one(bring):
    line = "B1,C1,2026-05-08 09:00,late,high\n"
    bring("complaints", f"id,customer,date,text,severity\n{line}")
    deadlines.set_deadlines({"complaint": deadlines.Deadline(8, 2)}, by=None, at=NOW)
    bring("complaints", f"id,customer,date,text,severity\n{line.replace('late', 'too late')}")
    step = ComplaintEvent.objects.get()
    assert step.due_day == date(2026, 5, 15).toordinal()
    assert Complaint.objects.get().text == "too late"
    bring("complaints", f"id,customer,date,text,severity,due\n{line.strip()},2026-05-20\n")
    step.refresh_from_db()
    assert step.due_day == date(2026, 5, 20).toordinal()


def test_import_complaints_of_the_past_say_so(bring):
    text = (
        "id,customer,date,text,resolved,reopened\nB1,C1,2026-01-05,late,2026-01-07,\nB2,C1,2026-01-05,bad,,\n"
    )
    bring("complaints", text, history=True)
    told = Event.objects.filter(kind="complaint.filed").order_by("id").values_list("data", flat=True)
    assert [(data["history"], data["resolved"]) for data in told] == [(True, True), (True, False)]
    assert list(Complaint.objects.order_by("id").values_list("state", flat=True)) == ["resolved", "open"]
    assert ComplaintEvent.objects.filter(recorded_assumed=True).count() == 3


def test_import_rates_then_orders_at_the_rate_of_the_day(bring):
    report = bring("rates", "currency,day,rate\nEUR,2026-01-01,7.8\nEUR,2026-05-02,8\n")
    assert outcome(report) == (2, 2, 2, 0, 0)
    bring("orders", ORDERS.strip() + ",currency\nA,C1,2026-05-01,1,1,EUR\nB,C1,2026-05-02,1,1,eur\n")
    assert sorted(Order.objects.values_list("sold_base", flat=True)) == [780, 800]
    assert outcome(bring("rates", "currency,day,rate\nEUR,2026-01-01,7.9\n")) == (1, 1, 0, 1, 0)
    assert ExchangeRate.objects.get(day=date(2026, 1, 1)).rate == Decimal("7.9")


# --- Every form of file ------------------------------------------------------------------------
TABLE = [["id", "customer", "date", "quantity", "unit price"], ["A", "青山", "2026-05-01", "1", "2.5"]]


def as_text(delimiter=",", encoding="utf-8"):
    return "\r\n".join(delimiter.join(row) for row in TABLE).encode(encoding)


def as_workbook():
    book = openpyxl.Workbook()
    book.active.append(TABLE[0])
    book.active.append(["A", "青山", date(2026, 5, 1), 1, 2.5])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        as_text(),
        as_text(";"),
        as_text("\t"),
        as_text(encoding="utf-8-sig"),
        as_text(encoding="gb18030"),
        gzip.compress(as_text(), mtime=0),
        gzip.compress(as_text(";", "gb18030"), mtime=0),
        as_workbook(),
    ],
    ids=["comma", "semicolon", "tab", "bom", "gb18030", "gz", "gz-gb18030-semicolon", "xlsx"],
)
def test_import_reads_every_form_the_same(bring, content):
    assert outcome(bring("orders", content)) == (1, 1, 1, 0, 0)
    assert Order.objects.values_list("customer__name", "sold").get() == ("青山", 250)


def test_import_reads_quoted_cells_over_several_lines(bring):
    text = 'id,customer,date,kind,text\nI1,C1,2026-05-01,call,"said: ""no"",\nand hung up"\n'
    text += "I2,C1,2026-05-01,call,x\n"
    assert outcome(bring("interactions", text)) == (2, 2, 2, 0, 0)
    assert 'said: "no",\nand hung up' in Interaction.objects.values_list("text", flat=True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n", "empty_file"),
        (b"id,customer\n", "fields_missing"),
        (ORDERS.encode(), "only_header"),
        (b"\xff\xfei\x00d\x00", "encoding"),
        (b"\xd0\xcf\x11\xe0rest", "old_workbook"),
        (b"PK\x03\x04rubbish", "damaged_file"),
        (gzip.compress(as_text() * 50, mtime=0)[:-20], "damaged_file"),
        (b"a,a\n1,2\n", "column_twice"),
        (",".join(f"c{n}" for n in range(100_000)).encode() + b"\n1\n", "too_many_columns"),
        (b"\0" * 10_000, "not_text"),
        (b"x" * 3_000_000, "line_too_long"),
        (b"\x80\x81\xff\xfe\xfd" * 100 + b"\n" + b"\xff\xfe\x80\n" * 50, "encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)}-bytes",
)
def test_import_gives_a_verdict_on_what_is_no_table(bring, content, code):
    with pytest.raises(Exception) as caught:
        bring("orders", content)
    assert caught.value.code == code
    assert str(caught.value)
    batch = ImportBatch.objects.get()
    assert (batch.status, bool(batch.problem)) == ("refused", True)
    assert not Order.objects.exists()


def test_import_gives_a_verdict_on_a_packed_bomb(bring, monkeypatch):
    monkeypatch.setattr("customers.imports.lines.MOST_BYTES", 20_000_000)
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb", compresslevel=1) as stream:
        stream.write(ORDERS.encode())
        for _piece in range(60):
            stream.write(b"0" * 1_000_000)
    with pytest.raises(ImportRefused) as caught:
        bring("orders", bomb.getvalue())
    assert caught.value.code == "too_large"


def test_import_refuses_hostile_lines_and_lands_the_others(bring, tmp_path):
    good = "G{},C1,2026-05-01,1,1\n"
    text = (
        ORDERS.encode()
        + good.format(1).encode()
        + b"N,C1,2026-05-01,1,1\0\n"
        + b"L," + b"x" * 1_200_000 + b"\n"
        + b"B,C\xff\xfe,2026-05-01,1,1\n"
        + "Ü,Zürich,2026-05-01,1,1\n".encode()
        + "Ö,Köln,2026-05-01,1,1\n".encode()
        + b'Q,"never closed,2026-05-01,1,1\n'
        + good.format(2).encode()
        + b'Z,"a"b,2026-05-01,1,1\n'
        + b"W,C1,2026-05-01,1,1,7,8\n"
        + b"S,C1\n"
    )  # fmt: skip
    report = bring("orders", text)
    assert outcome(report)[:3] == (11, 4, 4)
    assert [(line, reason.split()[0]) for line, _column, reason in refused_lines(tmp_path)] == [
        (3, "The"),
        (4, "The"),
        (5, "The"),
        (8, "A"),
        (10, "The"),
        (11, "The"),
        (12, "The"),
    ]


# --- Every refusal of a line -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("A,,2026-05-01,1,1", "customer", "empty"),
        (",C1,2026-05-01,1,1", "id", "empty"),
        ("A,C1,,1,1", "date", "empty"),
        ("A,C1,2026-02-30,1,1", "date", "not a date"),
        ("A,C1,soon,1,1", "date", "not a date"),
        ("A,C1,1066-10-14,1,1", "date", "1970"),
        ("A,C1,2026-06-01,1,1", "date", "future"),
        ("A,C1,2026-05-01,one,1", "quantity", "not a number"),
        ("A,C1,2026-05-01,,1", "quantity", "empty"),
        ("A,C1,2026-05-01,1,", "unit price", "empty"),
        ("A,C1,2026-05-01,1,-3", "unit price", "below zero"),
        ("A,C1,2026-05-01,99999999999999,1", "quantity", "too large"),
        ("A,C1,2026-05-01,10000000,10000000", "unit price", "too large"),
        (f"{'A' * 191},C1,2026-05-01,1,1", "id", "longer than"),
    ],
)
def test_import_refuses_a_bad_line_with_column_and_reason(bring, tmp_path, line, column, reason):
    report = bring("orders", f"{ORDERS}G,C1,2026-05-01,1,1\n{line}\n")
    assert outcome(report)[:3] == (2, 1, 1)
    ((number, where, why),) = refused_lines(tmp_path)
    assert (number, where) == (3, column)
    assert reason in why


@pytest.mark.parametrize(
    ("kind", "header", "line", "column", "reason"),
    [
        ("customers", "id,name,kind", "C1,A,robot", "kind", "one of"),
        ("customers", "id,name,time zone", "C1,A,Mars/One", "time zone", "time zone"),
        ("customers", "id,name,owner", "C1,A,nobody", "owner", "no colleague"),
        ("customers", "id,name,team", "C1,A,nobody", "team", "no team"),
        ("contacts", "id,customer,name,email", "K1,C1,Li,at", "email", "e-mail"),
        ("contacts", "id,customer,name", "K1,C1,Li", "customer", "no customer"),
        ("contacts", "id,customer,name,successor", "K1,C9,Li,K1", "customer", "no customer"),
        ("products", "code,name,margin", "P1,A,130%", "margin", "between 0 and 1"),
        ("contracts", "id,customer,start,end", "V1,C1,2026-05-02,2026-05-01", "end", "ends before"),
        (
            "contracts",
            "id,customer,start,end,auto renew",
            "V1,C1,2026-05-02,2026-05-03,perhaps",
            "auto renew",
            "yes",
        ),
        (
            "complaints",
            "id,customer,date,text,resolved",
            "B,C1,2026-05-02,x,2026-05-01",
            "resolved",
            "before",
        ),
        (
            "complaints",
            "id,customer,date,text,reopened",
            "B,C1,2026-05-02,x,2026-05-03",
            "reopened",
            "resolved",
        ),
        ("complaints", "id,customer,date,text,order", "B,C1,2026-05-02,x,O9", "order", "no order"),
        ("interactions", "id,customer,date,kind,contact", "I,C1,2026-05-02,call,K9", "contact", "no contact"),
        ("orders", "id,customer,date,amount,currency", "A,C1,2026-05-01,1,XXQ", "currency", "ISO"),
        ("orders", "id,customer,date,amount,currency", "A,C1,2026-05-01,1,USD", "currency", "exchange rate"),
        ("rates", "currency,day,rate", "EUR,2026-01-01,0", "rate", "zero"),
    ],
)
def test_import_refuses_what_a_kind_cannot_be(bring, tmp_path, kind, header, line, column, reason):
    report = bring(kind, f"{header}\n{line}\n")
    assert (report.lines, report.refused) == (1, 1)
    ((number, where, why),) = refused_lines(tmp_path)
    assert (number, where) == (2, column)
    assert reason in why


def test_import_refuses_the_second_line_of_an_id(bring, tmp_path):
    report = bring("customers", "id,name\nC1,A\nC2,B\nC1,C\n")
    assert outcome(report)[:3] == (3, 2, 2)
    ((number, column, reason),) = refused_lines(tmp_path)
    assert (number, column) == (4, "id") and "line 2" in reason


def test_import_refuses_lines_of_one_order_that_disagree(bring, tmp_path):
    text = ORDERS + "A,C1,2026-05-01,1,1\nA,C2,2026-05-01,1,2\nA,C1,2026-05-01,1,3\n"
    report = bring("orders", text)
    assert outcome(report)[:3] == (3, 2, 1)
    assert [(line, column) for line, column, _reason in refused_lines(tmp_path)] == [(3, "customer")]
    assert Order.objects.get().sold == 400


def test_import_refuses_unknown_customers_unless_told_to_make_them(bring, tmp_path):
    report = bring("orders", ORDERS + "A,C1,2026-05-01,1,1\n", on_missing_customer="refuse")
    assert report.refused == 1
    assert not Customer.objects.exists()
    assert "no customer “C1”" in refused_lines(tmp_path)[0][2]


# --- Dates, numbers, ids -----------------------------------------------------------------------
def test_import_refuses_dates_that_can_be_read_in_two_ways(bring):
    with pytest.raises(ImportRefused) as caught:
        bring("orders", ORDERS + "A,C1,03/04/2026,1,1\nB,C1,05/04/2026,1,1\n")
    assert caught.value.code == "ambiguous_dates"
    assert "2026-04-03" in str(caught.value) and "2026-03-04" in str(caught.value)


@pytest.mark.parametrize(
    ("dates", "stated", "day"),
    [
        (["03/04/2026", "25/04/2026"], "", date(2026, 4, 3)),
        (["03/04/2026", "04/25/2026"], "", date(2026, 3, 4)),
        (["03/04/2026"], "day/month/year", date(2026, 4, 3)),
        (["03/04/2026"], "MM/DD/YYYY", date(2026, 3, 4)),
        (["3/4/26 8:26"], "%m/%d/%y %H:%M", date(2026, 3, 4)),
        (["04/04/2026"], "", date(2026, 4, 4)),
        (["2026年4月3日"], "", date(2026, 4, 3)),
        (["20260403"], "", date(2026, 4, 3)),
        (["3 Apr 2026"], "", date(2026, 4, 3)),
    ],
)
def test_import_takes_dates_that_are_stated_or_proven(bring, dates, stated, day):
    text = ORDERS + "".join(f"{n},C1,{text},1,1\n" for n, text in enumerate(dates))
    bring("orders", text, date_format=stated, history=True)
    assert Order.objects.order_by("id").first().occurred_day == day.toordinal()


def test_import_gives_naive_moments_the_stated_zone(bring):
    bring("orders", ORDERS + "A,C1,2026-05-01 23:30,1,1\n", time_zone="Europe/London")
    order = Order.objects.get()
    assert order.occurred_at == datetime(2026, 5, 1, 22, 30, tzinfo=UTC)
    assert order.occurred_day == date(2026, 5, 2).toordinal()  # already the next day in Shanghai


@pytest.mark.parametrize(
    ("cell", "sold"),
    [
        ('"1,234.50"', 123450),
        ("¥99", 9900),
        ("1 234.5", 123450),
        ("１２", 1200),
        ('"12,50"', None),
        ('"1.234,50"', None),
    ],
)
def test_import_reads_numbers_as_people_write_them(bring, cell, sold):
    bring("orders", f"{ORDERS}A,C1,2026-05-01,1,{cell}\nB,C1,2026-05-01,1,1.25\n")
    assert list(Order.objects.filter(sold__gt=125).values_list("sold", flat=True)) == ([sold] if sold else [])


def test_import_reads_decimal_commas_that_the_file_proves(bring):
    bring(
        "orders",
        "id;customer;date;quantity;unit price\nA;C1;2026-05-01;1;12,50\nB;C1;2026-05-01;2;1.000,00\n",
    )
    assert sorted(Order.objects.values_list("sold", flat=True)) == [1250, 200000]


def test_import_takes_the_point_zero_off_ids_that_are_whole_numbers(bring):
    bring("orders", ORDERS + "1.0,17850.0,2026-05-01,1,1\n2.0,17851,2026-05-01,1,1\n")
    assert sorted(Customer.objects.values_list("name", flat=True)) == ["17850", "17851"]


def test_import_leaves_ids_that_are_no_whole_numbers(bring):
    bring("orders", ORDERS + "A,1.10,2026-05-01,1,1\nB,1.0,2026-05-01,1,1\n")
    assert sorted(Customer.objects.values_list("name", flat=True)) == ["1.0", "1.10"]


# --- When it was known -------------------------------------------------------------------------
OLD = ORDERS + "A,C1,2026-01-01,1,1\nB,C1,2026-01-02,1,1\nC,C1,2026-05-01,1,1\n"


def test_import_asks_when_most_lines_are_old(bring):
    with pytest.raises(ImportRefused) as caught:
        bring("orders", OLD)
    assert caught.value.code == "when_known"
    assert "2 of 3" in str(caught.value)
    assert not Order.objects.exists()


def test_import_does_not_ask_when_half_of_the_lines_are_old(bring):
    bring("orders", OLD + "D,C1,2026-05-02,1,1\n")
    assert set(Order.objects.values_list("recorded_at", "recorded_assumed")) == {(NOW, False)}


def test_import_records_history_as_it_happened_and_says_that_this_is_assumed(bring):
    bring("orders", OLD, history=True, delay_days=1)
    assert all(
        order.recorded_at == order.occurred_at + timedelta(days=1) and order.recorded_assumed
        for order in Order.objects.all()
    )
    assert set(OrderLine.objects.values_list("recorded_assumed", flat=True)) == {True}


def test_import_records_now_when_told_so(bring):
    bring("orders", OLD, history=False)
    assert set(Order.objects.values_list("recorded_at", flat=True)) == {NOW}


def test_import_takes_the_moment_of_a_column(bring, tmp_path):
    text = "id,customer,date,amount,recorded at\nA,C1,2026-01-01,1,2026-01-05\nB,C1,2026-01-01,1,2026-08-05\n"
    bring("orders", text)
    assert Order.objects.get().recorded_at == datetime(2026, 1, 4, 16, 0, tzinfo=UTC)
    assert [(line, column) for line, column, _reason in refused_lines(tmp_path)] == [(3, "recorded at")]


# --- Again, corrected, mended, killed ----------------------------------------------------------
def many_orders(count=30, price="2.50"):
    return ORDERS + "".join(
        f"O{n % count},C{n % 7},2026-05-0{1 + n % 5} 10:0{n % count % 10},1,{price}\n" for n in range(count)
    )


def snapshot():
    return (
        list(Order.objects.order_by("number", "id").values("customer__name", "sold", "recorded_at", "void")),
        list(OrderLine.objects.order_by("id").values("order_id", "line_no", "amount", "void")),
        Customer.objects.count(),
    )


def test_import_again_changes_nothing(bring):
    bring("orders", many_orders())
    before = snapshot()
    TouchedCustomer.objects.all().delete()
    report = bring("orders", many_orders(), at=NOW + timedelta(days=1))
    assert outcome(report) == (30, 30, 0, 0, 30)
    assert snapshot() == before
    assert (OrderVersion._default_manager.count(), OrderLineVersion._default_manager.count()) == (0, 0)
    assert not TouchedCustomer.objects.exists()


def test_import_of_a_correction_writes_one_version(bring):
    bring("orders", many_orders())
    corrected = many_orders().replace("O7,C0,2026-05-03 10:07,1,2.50", "O7,C0,2026-05-03 10:07,1,3.50")
    assert outcome(bring("orders", corrected, at=NOW + timedelta(days=1))) == (30, 30, 0, 1, 29)
    assert OrderVersion._default_manager.get().sold == 250
    assert OrderLineVersion._default_manager.get().amount == 250


def test_import_of_the_mended_error_file_gives_what_a_clean_file_gives(bring, tmp_path):
    clean = ORDERS + "A,C1,2026-05-01,1,1\nA,C1,2026-05-01,1,2\nB,C2,2026-05-01,1,4\nA,C1,2026-05-01,1,8\n"
    bring("orders", clean)
    wanted = list(OrderLine.objects.order_by("order__customer__name", "line_no").values("line_no", "amount"))
    bad = clean.replace("2026-05-01,1,2\n", "2026-05-01,one,2\n").replace("B,C2,2026-05-01", "B,C2,tomorrow")
    report = bring("orders", bad, source="second")
    assert outcome(report)[:3] == (4, 2, 1)
    mended = (tmp_path / "errors.csv").read_text(encoding="utf-8-sig")
    mended = mended.replace(",one,", ",1,").replace("tomorrow", "2026-05-01")
    for _again in range(2):
        report = bring("orders", mended, source="second", name="mended.csv")
        assert report.refused == 0
    assert outcome(report)[2:] == (0, 0, 2)
    second = OrderLine.objects.filter(order_id__gt=Order.objects.order_by("id")[1].pk)
    assert list(second.order_by("order__customer__name", "line_no").values("line_no", "amount")) == wanted
    assert sorted(Order.objects.values_list("sold", flat=True)) == [400, 400, 1100, 1100]
    assert outcome(bring("orders", clean, source="second"))[2:] == (0, 0, 2)


def test_import_of_a_mended_text_gives_it_as_it_stood(bring, tmp_path):
    text = "'=1+1"
    bring("interactions", f'id,customer,date,kind,text\nI1,C1,never,call,"\'{text}"\n')
    raw = (tmp_path / "errors.csv").read_text(encoding="utf-8-sig")
    bring("interactions", raw.replace("never", "2026-05-01"), name="mended.csv")
    assert Interaction.objects.get().text == text


def test_import_of_a_mended_line_without_key_finds_a_place_of_its_own(bring, tmp_path):
    bring("orders", ORDERS + "A,C1,2026-05-01,1,1\n,C1,2026-05-01,1,2\n")
    mended = (tmp_path / "errors.csv").read_text(encoding="utf-8-sig").replace("\n,C1", "\nA,C1")
    bring("orders", mended, name="mended.csv")
    assert outcome(bring("orders", mended, name="mended.csv"))[2:] == (0, 0, 1)
    assert Order.objects.get().sold == 300


def test_import_error_file_is_safe_in_a_spreadsheet_and_comes_back_as_it_was(bring, tmp_path):
    text = "id,customer,date,kind,text\nI1,C1,never,call,=HYPERLINK(1)\nI2,C1,never,call,'plain\n"
    bring("interactions", text)
    raw = (tmp_path / "errors.csv").read_text(encoding="utf-8-sig")
    assert "'=HYPERLINK(1)" in raw and ",=HYPERLINK" not in raw
    bring("interactions", raw.replace("never", "2026-05-01"), name="mended.csv")
    assert sorted(Interaction.objects.values_list("text", flat=True)) == ["'plain", "=HYPERLINK(1)"]


class Killed(Exception):
    pass


def test_import_killed_after_any_chunk_and_run_again_gives_the_same(bring, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "MOST_RECORDS", 8)
    text = many_orders().replace("O3,C3", "O3,") + "X,,2026-05-01,1,1\n"
    for chunk in range(1, 4):
        source = f"run{chunk}"
        path = tmp_path / "killed.csv"
        path.write_text(text)
        wanted = mapping.from_data({"source": source, "on_missing_customer": "create"})
        steps = run.importing(path, kinds.named("orders"), wanted, batch=None, at=NOW)
        landed = 0
        for progress in steps:
            landed += progress.phase == "landing"
            if landed == chunk:
                steps.close()
        report = bring("orders", text, source=source)
        assert (report.accepted, report.refused) == (29, 2)
        assert report.landed.created == 29 - 8 * chunk
        assert report.landed.unchanged == 8 * chunk
    assert Order.objects.count() == 3 * 29
    assert OrderVersion._default_manager.count() == 0


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_land_each_line_once(company, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "MOST_RECORDS", 50)
    path = tmp_path / "file.csv"
    path.write_text(many_orders(300))
    wanted = mapping.from_data({"on_missing_customer": "create"})
    barrier, reports, failures = threading.Barrier(2), [], []

    def work():
        try:
            barrier.wait(timeout=10)
            reports.append(batches.import_file(path, kinds.named("orders"), wanted, by=None, at=NOW))
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert [report.accepted for report in reports] == [300, 300]
    assert sum(report.landed.created for report in reports) == 300
    assert (Order.objects.count(), OrderLine.objects.count(), Customer.objects.count()) == (300, 300, 7)
    assert OrderVersion._default_manager.count() == 0


def test_import_counts_a_chunk_for_one_worker_only(bring, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + "A,C1,2026-05-01,1,1\n")
    batch = ImportBatch.objects.create(kind="orders", made_at=NOW)
    ImportBatch.objects.update(position=1)  # another worker landed the chunk meanwhile
    wanted = mapping.from_data({"on_missing_customer": "create"})
    with pytest.raises(run.Overtaken):
        for _progress in run.importing(path, kinds.named("orders"), wanted, batch=batch, at=NOW):
            pass
    assert not Order.objects.exists()


BAD_LINES = [
    ("{n},,2026-05-01,1,1", "customer", "missing"),
    (",C1,2026-05-01,1,1", "id", "missing"),
    ("{n},C1,,1,1", "date", "missing"),
    ("{n},C1,2026-13-01,1,1", "date", "not_a_date"),
    ("{n},C1,yesterday,1,1", "date", "not_a_date"),
    ("{n},C1,1800-01-01,1,1", "date", "date_range"),
    ("{n},C1,2027-01-01,1,1", "date", "future"),
    ("{n},C1,2026-05-01,,1", "quantity", "missing"),
    ("{n},C1,2026-05-01,x,1", "quantity", "not_a_number"),
    ("{n},C1,2026-05-01,1e30,1", "quantity", "number_too_large"),
    ("{n},C1,2026-05-01,1,", "unit price", "missing"),
    ("{n},C1,2026-05-01,1,free", "unit price", "not_a_number"),
    ("{n},C1,2026-05-01,1,-1", "unit price", "negative"),
    ("{n},C1,2026-05-01,99999999,99999999", "unit price", "number_too_large"),
    ("{n}" + "9" * 200 + ",C1,2026-05-01,1,1", "id", "too_long"),
    ("{n}," + "C" * 200 + ",2026-05-01,1,1", "customer", "too_long"),
    ("{n},C1,2026-05-01,1", "", "wrong_columns"),
    ("{n},C1,2026-05-01,1,1,1,1", "", "wrong_columns"),
    ('{n},"C"1,2026-05-01,1,1', "", "bad_quotes"),
    ("{n},C1\0,2026-05-01,1,1", "", "nul"),
]


def test_import_of_many_lines_lands_good_ones_once_and_explains_each_bad_one(bring, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "MOST_RECORDS", 300)
    told = []
    real = run.bad_line
    monkeypatch.setattr(
        run,
        "bad_line",
        lambda number, column, *a, **k: (
            told.append((number, column, a[0].code)) or real(number, column, *a, **k)
        ),
    )
    lines, wanted = [ORDERS.strip()], []
    for n in range(2000):
        if n % 100 == 50:
            line, column, code = BAD_LINES[n // 100]
            lines.append(line.format(n=f"B{n}"))
            wanted.append((len(lines), column, code))
        else:
            lines.append(f"O{n},C{n % 90},2026-05-0{1 + n % 9},{1 + n % 5},2.5")
    text = "\n".join(lines) + "\n"
    assert outcome(bring("orders", text)) == (2000, 1980, 1980, 0, 0)
    assert told == wanted
    assert [line for line, _column, _reason in refused_lines(tmp_path)] == [line for line, *_rest in wanted]
    assert outcome(bring("orders", text)) == (2000, 1980, 0, 0, 1980)
    assert (Order.objects.count(), OrderVersion._default_manager.count()) == (1980, 0)


def test_import_dry_writes_nothing_and_says_what_would_be(bring, tmp_path):
    report = bring("orders", ORDERS + "A,C1,2026-05-01,1,1\nB,,2026-05-01,1,1\n", is_dry=True)
    assert outcome(report)[:3] == (2, 1, 1)
    assert not (Order.objects.exists() or Customer.objects.exists() or ImportBatch.objects.exists())
    assert len(refused_lines(tmp_path)) == 1


def test_import_points_its_facts_to_the_batch_and_tells(bring):
    bring("orders", ORDERS + "A,C1,2026-05-01,1,1\nB,,2026-05-01,1,1\n")
    batch = ImportBatch.objects.get()
    assert set(OrderLine.objects.values_list("batch_id", flat=True)) == {batch.pk}
    assert Order.objects.get().batch_id == batch.pk
    assert (batch.status, batch.lines, batch.accepted, batch.refused, batch.created) == ("done", 2, 1, 1, 1)
    assert Event.objects.filter(kind="import.finished", subject_id=batch.pk).count() == 1
    assert AuditEvent.objects.filter(act="import.run", object_id=batch.pk).count() == 1


def test_import_takes_the_same_statements_for_a_long_chunk(bring):
    def statements(count, name):
        with CaptureQueriesContext(connection) as queries:
            bring("orders", many_orders(count), source=name)
        return len(queries)

    assert statements(3, "a") == statements(30, "b")


# --- Mapping -----------------------------------------------------------------------------------
def test_import_groups_by_columns_when_there_is_no_id(bring):
    rows = ["7.0,2026-05-01 08:26,a,1,1", "8.0,2026-05-01 08:26,b,1,1", "7.0,2026-05-01 08:26,c,1,2"]
    text = "\n".join(["who,at,what,n,each", *rows])
    columns = {"customer": "who", "occurred_at": "at", "quantity": "n", "unit_price": "each"}
    report = bring("orders", text, columns=columns, group_by=["who", "at"])
    assert outcome(report)[:3] == (3, 3, 2)
    assert sorted(Order.objects.values_list("customer__name", "sold")) == [("7", 300), ("8", 100)]


def test_import_refuses_returns_when_the_mapping_says_there_are_none(bring):
    text = ORDERS + "A,C1,2026-05-01,-1,1\nB,C1,2026-05-01,1,1\n"
    assert bring("orders", text, returns="none").refused == 1


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({"colums": {}}, "unknown_key"),
        ({"columns": {"prize": "unit price"}}, "unknown_field"),
        ({"columns": {"customer": "who"}}, "no_such_column"),
        ({"columns": {"customer": "customer"}}, "fields_missing"),
        ({"currency": "XXQ"}, "bad_value"),
        ({"time_zone": "Mars/One"}, "bad_value"),
        ({"date_format": "as you like"}, "bad_value"),
        ({"on_missing_customer": "park"}, "parking"),
        ({"on_missing_customer": "guess"}, "bad_value"),
        ({"external_id": "fixed"}, "bad_value"),
        ({"external_id": "{id}", "group_by": ["customer"]}, "bad_value"),
        ({"group_by": ["nothing"]}, "no_such_column"),
        ({"history": "yes"}, "bad_value"),
        ({"delay_days": -1}, "bad_value"),
        (["a list"], "bad_mapping"),
    ],
)
def test_import_explains_a_mapping_that_does_not_fit(tmp_path, stated, code):
    path = tmp_path / "file.csv"
    path.write_text(ORDERS + "A,C1,2026-05-01,1,1\n")
    with pytest.raises(ImportRefused) as caught:
        batches.import_file(path, kinds.named("orders"), mapping.from_data(stated), by=None, at=NOW)
    assert caught.value.code == code
    assert str(caught.value)


def test_guess_names_each_column_once():
    kind = kinds.named("orders")
    assert mapping.guess(
        kind, ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    ) == {
        "external_id": "InvoiceNo",
        "product": "StockCode",
        "quantity": "Quantity",
        "occurred_at": "InvoiceDate",
        "unit_price": "UnitPrice",
        "customer": "CustomerID",
    }


# --- The command -------------------------------------------------------------------------------
def command(*arguments):
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("import_data", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def at_now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def test_import_data_ends_with_0_when_all_landed(tmp_path, at_now):
    path = tmp_path / "rates.csv"
    path.write_text("currency,day,rate\nEUR,2026-01-01,7.8\n")
    code, out, _err = command("rates", path, "--json")
    said = json.loads(out.splitlines()[-1])
    seconds = said.pop("seconds")
    assert (code, seconds >= 0) == (0, True)
    assert said == {
        "kind": "rates",
        "file": str(path),
        "lines": 1,
        "accepted": 1,
        "refused": 0,
        "records": {"created": 1, "updated": 0, "unchanged": 0},
        "error_file": None,
    }


def test_import_data_ends_with_1_when_lines_were_refused(tmp_path, at_now):
    path, errors = tmp_path / "orders.csv", tmp_path / "bad.csv"
    path.write_text(ORDERS + "A,C1,2026-05-01,1,1\n")
    code, out, _err = command("orders", path, "--errors", errors, "--json")
    assert (code, json.loads(out.splitlines()[-1])["error_file"]) == (1, str(errors))
    assert errors.exists()


def test_import_data_ends_with_2_when_nothing_could_be_read(tmp_path, at_now):
    assert command("orders", tmp_path / "nothing.csv")[0] == 2
    assert command("socks", tmp_path / "nothing.csv")[0] == 2
    path = tmp_path / "orders.csv"
    path.write_text(OLD)
    code, _out, err = command("orders", path)
    assert code == 2 and "--history" in err
    assert command("orders", path, "--history", "--dry-run", "--errors", tmp_path / "e")[0] == 1


def test_import_data_says_what_to_do_without_a_company(tmp_path, at_now, company):
    company.delete()
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + "A,C1,2026-05-01,1,1\n")
    code, _out, err = command("orders", path)
    assert code == 2 and "manage.py company" in err


def test_mapping_files_of_the_tutorial_are_possible():
    folder = Path(__file__).parents[2] / "docs" / "tutorial"
    found = sorted(folder.glob("*.json"))
    assert len(found) == 2
    for path in found:
        assert isinstance(mapping.read_mapping(path), Mapping)


def test_every_field_of_every_kind_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "import.md").read_text()
    for kind in kinds.every():
        section = text.split(f"### `{kind.code}`")[1].split("\n## ")[0].split("\n### ")[0]
        for known in kind.fields:
            assert f"| `{known.name}` |" in section, f"{kind.code}.{known.name}"

"""The wizard: who may, what it asks, that it goes on after a death, what it hands out."""

from __future__ import annotations

import gzip
import io
from datetime import timedelta

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from customers.ground import clock, drain
from customers.ground.models import AuditEvent
from customers.imports import background, kinds, run
from customers.imports.cells import Style, reader_of
from customers.imports.errors import NotChoice
from customers.models import Customer, ImportBatch, Order
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db
HEADER = "Order,Customer,Date,Quantity,Unit price\n"
GOOD = HEADER + "A,C1,2026-05-01,2,1.50\nB,C2,2026-05-02,1,9\nA,C1,2026-05-01,1,1\n"
BAD = GOOD + "C,C3,never,1,1\nD,C3,2026-05-03,=1+1,1\n"


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(background, "_running", {})


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


def upload(client, content=GOOD, *, kind="orders", name="orders.csv"):
    data = content.encode() if isinstance(content, str) else content
    return client.post(
        reverse("customers:import_new"), {"kind": kind, "file": SimpleUploadedFile(name, data)}
    )


def answers(**values):
    return {
        "column_external_id": "Order",
        "column_customer": "Customer",
        "column_occurred_at": "Date",
        "column_quantity": "Quantity",
        "column_unit_price": "Unit price",
        "source": "shop",
        "on_missing_customer": "create",
        "do": "start",
        **values,
    }


def start(client, **values):
    batch = ImportBatch.objects.get()
    return client.post(reverse("customers:import_columns", args=[batch.pk]), answers(**values)), batch


def test_wizard_brings_orders_from_upload_to_report(as_admin):
    response = upload(as_admin)
    batch = ImportBatch.objects.get()
    assert response.url == reverse("customers:import_columns", args=[batch.pk])
    page = as_admin.get(response.url).content.decode()
    assert '<option value="Unit price" selected>' in page
    response, batch = start(as_admin)
    assert response.url == reverse("customers:import_detail", args=[batch.pk])
    waiting = as_admin.get(response.url).content.decode()
    assert "part=state" in waiting and "<progress" in waiting
    assert drain.until_empty(at=NOW)
    report = as_admin.get(response.url).content.decode()
    assert "Every line landed." in report
    assert sorted(Order.objects.values_list("customer__name", "sold")) == [("C1", 400), ("C2", 900)]
    assert {"import.upload", "import.start", "import.run"} <= set(
        AuditEvent.objects.values_list("act", flat=True)
    )
    assert not list(background.folder().iterdir())  # the upload is gone


def test_wizard_shows_refused_lines_and_hands_them_out_safely(as_admin):
    upload(as_admin, BAD)
    _response, batch = start(as_admin)
    drain.until_empty(at=NOW)
    page = as_admin.get(reverse("customers:import_detail", args=[batch.pk])).content.decode()
    assert "2 lines were refused" in page
    assert "This is not a number." in page
    response = as_admin.get(reverse("customers:import_errors", args=[batch.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="orders.errors.csv"'
    body = b"".join(response.streaming_content).decode("utf-8-sig")
    assert "'=1+1" in body and ",=1+1" not in body
    assert AuditEvent.objects.filter(act="import.download_errors").count() == 1


def test_wizard_previews_how_each_cell_reads(as_admin):
    upload(as_admin, BAD)
    batch = ImportBatch.objects.get()
    page = as_admin.post(
        reverse("customers:import_columns", args=[batch.pk]), answers(do="preview")
    ).content.decode()
    assert "read as 2026-05-01 00:00" in " ".join(page.split())
    assert "This is not a date" in page
    batch.refresh_from_db()
    assert batch.status == "uploaded" and not Order.objects.exists()


def test_wizard_asks_for_the_date_format_and_for_when_it_was_known(as_admin):
    upload(as_admin, "Order,Customer,Date,Quantity,Unit price\nA,C1,03/04/2020,1,1\n")
    response, _batch = start(as_admin)
    assert response.status_code == 422
    assert "2020-04-03" in response.content.decode()
    response, _batch = start(as_admin, date_format="day/month/year")
    assert response.status_code == 422
    assert "older than 30 days" in response.content.decode()
    response, _batch = start(as_admin, date_format="day/month/year", history="true")
    assert response.status_code == 302
    drain.until_empty(at=NOW)
    order = Order.objects.get()
    assert order.recorded_at == order.occurred_at and order.recorded_assumed


def test_wizard_asks_in_terms_of_its_controls(as_admin):
    upload(as_admin, "Order,Customer,Date,Quantity,Unit price\nA,C1,2020-04-03,1,1\n")
    page = start(as_admin)[0].content.decode()
    assert "or choose the column that says when each was entered" in page
    assert "--history" not in page and "recorded_at”" not in page
    page = start(as_admin, column_customer="")[0].content.decode()
    assert "Choose the column that holds it" in page and "“columns”" not in page
    response, _batch = start(as_admin, currency="XXQ")
    assert response.context["form"].errors["currency"] == ["“XXQ” is not possible here. CNY, EUR, GBP …"]


@pytest.mark.parametrize(
    ("kind", "header", "asked"),
    [
        ("orders", "Order", {"currency", "decimal"}),
        ("usage", "Day", {"decimal"}),
        ("points", "Entry", set()),
        ("complaints", "Text", set()),
    ],
)
def test_wizard_asks_for_currency_and_decimal_sign_where_there_is_money(as_admin, kind, header, asked):
    answer = upload(as_admin, f"{header},b\n1,2\n", kind=kind, name="a.csv")
    assert set(as_admin.get(answer.url).context["form"].fields) & {"currency", "decimal"} == asked


def test_wizard_keeps_dates_on_one_line(as_admin):
    answer = upload(as_admin)
    lines = as_admin.get(answer.url).context["look"].lines
    assert [cell.is_date for cell in lines[0][1]].count(True) == 1


def test_report_shows_the_text_as_it_stood(as_admin):
    upload(as_admin, HEADER + "A,C1,2026-05-01,=1+1,1\nB,C1,2026-05-01,1,-7\n")
    _response, batch = start(as_admin)
    drain.until_empty(at=NOW)
    lines = as_admin.get(reverse("customers:import_detail", args=[batch.pk])).context["errors"]
    assert [line["text"] for line in lines] == ["A, C1, 2026-05-01, =1+1, 1", "B, C1, 2026-05-01, 1, -7"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "opening, earn, adjust, redeem, expire"), ("zh-hans", "期初, 获得, 调整, 兑换, 过期")],
)
def test_what_is_no_choice_is_answered_with_one_word_for_each(language, words):
    field = kinds.named("points").fields_by_name["kind"]
    with translation.override(language), pytest.raises(NotChoice) as refused:
        reader_of(field, Style("UTC"))("gift")
    assert refused.value.values["choices"] == words


def test_wizard_needs_the_columns_that_are_needed(as_admin):
    upload(as_admin)
    response, batch = start(as_admin, column_customer="")
    assert response.status_code == 422
    batch.refresh_from_db()
    assert batch.status == "uploaded"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.csv"),
        (b"PK\x03\x04rubbish", "x.xlsx"),
        (b"\0\0\0\0\n\0", "x.csv"),
        (b"a,a\n1,2", "x.csv"),
    ],
)
def test_wizard_refuses_a_file_that_is_no_table(as_admin, content, name):
    response = upload(as_admin, content, name=name)
    assert response.status_code == 422
    assert not ImportBatch.objects.exists()
    assert not background.folder().exists() or not list(background.folder().iterdir())


def test_wizard_stores_uploads_under_names_of_its_own(as_admin):
    upload(as_admin, gzip.compress(GOOD.encode()), name="../../etc/passwd.csv.gz")
    batch = ImportBatch.objects.get()
    assert [path.name for path in background.folder().iterdir()] == [batch.stored_as]
    assert "/" not in batch.file_name and batch.stored_as.isalnum()


def test_wizard_starts_an_import_once(as_admin):
    upload(as_admin)
    start(as_admin)
    response, batch = start(as_admin)
    assert response.url == reverse("customers:import_detail", args=[batch.pk])
    assert AuditEvent.objects.filter(act="import.start").count() == 1


def test_background_says_why_nothing_could_be_read(as_admin):
    upload(as_admin)
    _response, batch = start(as_admin)
    (background.folder() / batch.stored_as).write_bytes(b"Order,Customer\n")
    drain.until_empty(at=NOW)
    batch.refresh_from_db()
    assert batch.status == "refused"
    page = as_admin.get(reverse("customers:import_detail", args=[batch.pk])).content.decode()
    assert batch.problem.split(".")[0] in page.replace("&quot;", '"')


def test_background_goes_on_when_a_worker_died(as_admin, monkeypatch):
    monkeypatch.setattr(run, "MOST_RECORDS", 2)
    monkeypatch.setattr(background, "STEP_SECONDS", 0)
    rows = "".join(f"O{n},C{n % 3},2026-05-01,1,1\n" for n in range(10))
    upload(as_admin, "Order,Customer,Date,Quantity,Unit price\n" + rows + "X,C1,never,1,1\n")
    _response, batch = start(as_admin)
    for steps in (2, 3, 4):
        for _step in range(steps):
            background.work(NOW)
        batch.refresh_from_db()
        if batch.status == "done":
            break
        background._running.clear()  # the process is gone; its lease stays
        assert background.work(NOW) == 0
        ImportBatch.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    drain.until_empty(at=NOW)
    batch.refresh_from_db()
    assert (batch.status, batch.lines, batch.accepted, batch.refused) == ("done", 11, 10, 1)
    assert (batch.created, batch.updated, batch.unchanged, batch.position) == (10, 0, 0, 5)
    assert Order.objects.count() == 10


def test_background_leaves_an_import_that_another_worker_holds(as_admin):
    upload(as_admin)
    _response, _batch = start(as_admin)
    ImportBatch.objects.update(
        status="running", lease_token="other", lease_until=clock.real_now() + timedelta(seconds=30)
    )
    assert background.work(NOW) == 0
    assert not Order.objects.exists()


def test_background_gives_up_after_several_deaths(as_admin, monkeypatch):
    upload(as_admin)
    _response, batch = start(as_admin)
    ImportBatch.objects.update(attempts=background.MOST_ATTEMPTS)
    drain.until_empty(at=NOW)
    batch.refresh_from_db()
    assert batch.status == "refused" and "stopped several times" in batch.problem


def test_background_speaks_the_language_of_the_one_who_asked(client, company, monkeypatch):
    client.force_login(UserFactory(role="admin", language="zh-hans"))
    upload(client, BAD)
    start(client)
    spoken, advance = [], background._advance
    monkeypatch.setattr(
        background, "_advance", lambda s: spoken.append(translation.get_language()) or advance(s)
    )
    drain.until_empty(at=NOW)
    assert set(spoken) == {"zh-hans"}
    assert Customer.objects.count() == 2


@pytest.mark.parametrize("name", ["import_list", "import_new"])
@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("team_lead", 200), ("account_manager", 403), ("analyst", 403)]
)
def test_imports_are_for_admins_and_leads(client, company, role, status, name):
    client.force_login(UserFactory(role=role))
    assert client.get(reverse(f"customers:{name}")).status_code == status


def test_imports_of_others_are_not_there_for_a_lead(client, lead, admin):
    foreign = ImportBatch.objects.create(
        kind="orders", made_at=NOW, by=admin, file_name="secret.csv", status="done"
    )
    own = ImportBatch.objects.create(kind="orders", made_at=NOW, by=lead, file_name="mine.csv", status="done")
    client.force_login(lead)
    page = client.get(reverse("customers:import_list")).content.decode()
    assert "mine.csv" in page and "secret.csv" not in page
    for name in ("import_detail", "import_columns", "import_errors"):
        assert client.get(reverse(f"customers:{name}", args=[foreign.pk])).status_code == 404
    assert client.get(reverse("customers:import_detail", args=[own.pk])).status_code == 200


def test_list_of_imports_goes_on_where_the_last_page_ended(as_admin, admin):
    for n in range(27):
        ImportBatch.objects.create(
            kind="orders", made_at=NOW, by=admin, file_name=f"f{n:02}.csv", status="done"
        )
    page = as_admin.get(reverse("customers:import_list"))
    older = page.context["older"]
    assert "f26.csv" in page.content.decode() and "f01.csv" not in page.content.decode()
    rest = as_admin.get(reverse("customers:import_list") + older).content.decode()
    assert "f01.csv" in rest and "f02.csv" not in rest


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_imports_takes_the_same_statements(as_admin, admin, count, django_assert_max_num_queries):
    for n in range(count):
        ImportBatch.objects.create(kind="orders", made_at=NOW, by=admin, file_name=f"f{n}.csv", status="done")
    with django_assert_max_num_queries(7):
        as_admin.get(reverse("customers:import_list"))


def test_background_shows_how_far_the_unpacking_of_a_workbook_is(as_admin, monkeypatch):
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEADER.strip().split(","))
    for number in range(2_500):
        sheet.append([f"A{number}", "C1", "2026-05-01", 1, 2.5])
    stream = io.BytesIO()
    book.save(stream)
    upload(as_admin, stream.getvalue(), name="orders.xlsx")
    start(as_admin)
    monkeypatch.setattr(background, "STEP_SECONDS", 0)
    seen = []
    while background.work(NOW):
        batch = ImportBatch.objects.get()
        seen.append((batch.progress.get("phase"), batch.progress.get("done")))
        if batch.status == "done":
            break
    assert seen[:2] == [("unpacking", 1000), ("unpacking", 2000)]
    assert Order.objects.count() == 2_500
    assert batch.progress["phase"] == "landing"

"""The form for everybody: once, without cookie or sign-in; XSS, floods, tickets and traps in files."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import reverse

from customers import attachments, tracking
from customers.ground import clock
from customers.ground.api import throttles
from customers.models import Complaint, FeedbackFile, UnknownFeedback
from customers.pages import public_form
from customers.pages.public_form import _TICKET, MOST_BYTES, SENDINGS_A_MINUTE
from customers.pages.uploading import bound
from tests.factories import ContactFactory, CustomerFactory, UserFactory, findable

pytestmark = pytest.mark.django_db
URL = "/c/"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def _fresh(settings: Any, tmp_path: Any, company: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    throttles.forget()


def ticket(visit: str = "visit") -> str:
    return signing.dumps(visit, salt=_TICKET)


def said(**values: Any) -> dict[str, Any]:
    return {"kind": "complaint", "text": "The lamp broke.", "ticket": ticket(), "lang": "en", **values}


def packed(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


# --- Looking ----------------------------------------------------------------------------------
def test_looking_writes_nothing_and_sets_no_cookie(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    assert not answer.cookies and "csrf" not in answer.content.decode()
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert not UnknownFeedback.objects.exists()
    assert "<script" not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "browser", "words"),
    [
        ("", "zh-CN,zh;q=0.9", "请"),
        ("", "en-GB", "Please tell us"),
        ("?lang=en", "zh-CN", "Please tell us"),
        ("?lang=xx", "en", "Please tell us"),
    ],
)
def test_language_is_that_of_the_browser_unless_chosen(client, query, browser, words):
    page = client.get(URL + query, headers={"accept-language": browser}).content.decode()
    assert words in page


def test_switching_the_language_keeps_what_was_typed_and_sends_nothing(client):
    page = client.post(URL, said(language="zh-hans", text="Half a wo", go="1")).content.decode()
    assert "Half a wo" in page and 'lang="zh-hans"' in page
    assert not UnknownFeedback.objects.exists()


def test_address_can_bring_order_and_product(client):
    page = client.get(URL + "?order=A-7&product=Lamp&text=nothing").content.decode()
    assert 'value="A-7"' in page and 'value="Lamp"' in page and ">nothing" not in page


def test_without_a_company_nobody_is_there(client):
    from customers.ground.models import Company

    Company.objects.all().delete()
    assert client.get(URL).status_code == 404


# --- Sending ----------------------------------------------------------------------------------
def test_sending_keeps_it_and_shows_the_link_and_by_when(client):
    answer = client.post(
        URL, said(kind="question", name="Li", reach="li@example.org", order="A-7", product="Unknown lamp")
    )
    row = UnknownFeedback.objects.get()
    assert (row.kind, row.channel, row.stated_name, row.stated_reach, row.stated_order) == (
        "question",
        "web",
        "Li",
        "li@example.org",
        "A-7",
    )
    assert row.text == "The lamp broke.\n\nProduct: Unknown lamp"
    page = answer.content.decode()
    assert f"/c/{tracking.token_of(row.salt)}/" in page and "seeing to them by" in page
    assert not answer.cookies


def test_sent_twice_it_is_one_but_other_words_of_the_visit_are_not_lost(client):
    first, again = (client.post(URL, said()).content for _n in range(2))
    assert first == again or tracking.token_of(UnknownFeedback.objects.get().salt) in again.decode()
    assert UnknownFeedback.objects.count() == 1
    client.post(URL, said(text="And the cable."))
    assert UnknownFeedback.objects.count() == 2


def test_a_file_that_was_forgotten_can_be_sent_behind_and_is_kept_once(client):
    for enclosed in ([], [PNG], [PNG], [PNG + b"1"]):
        client.post(URL, said(enclosed=[file("a.png", content) for content in enclosed]))
    assert UnknownFeedback.objects.count() == 3
    assert sorted(FeedbackFile.objects.values_list("size", flat=True)) == [len(PNG), len(PNG) + 1]


@pytest.mark.parametrize(
    "given", ["", "made-up", signing.dumps("visit", salt="another")], ids=["none", "made-up", "foreign"]
)
def test_a_ticket_that_we_did_not_give_sends_nothing_and_keeps_the_words(client, given):
    page = client.post(URL, said(ticket=given)).content.decode()
    assert "The lamp broke." in page and "once more" in page
    assert not UnknownFeedback.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", " ", "Please write what it is about."),
        ("text", "x" * 10_001, "at most 10000"),
        ("reach", "nobody", "no e-mail address"),
        ("reach", "a@b", "no e-mail address"),
        ("kind", "threat", "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(client, field, value, words):
    answer = client.post(URL, said(**{"name": "Li Li", field: value}))
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page and 'value="Li Li"' in page
    assert not UnknownFeedback.objects.exists()


def test_markup_is_shown_as_text(client):
    typed = said(text=EVIL, name=EVIL, order=EVIL[:60], product=EVIL, reach="x")
    page = client.post(URL, typed).content.decode()
    assert "<script>" not in page and "<img" not in page and "&lt;script&gt;" in page


def test_nul_and_odd_letters_are_taken(client):
    answer = client.post(URL, said(name="李\u202e丽", text="坏\U0001f600了"))
    assert answer.status_code == 200
    assert UnknownFeedback.objects.get().text == "坏\U0001f600了"


# --- Known or not -----------------------------------------------------------------------------
def test_the_page_says_the_same_to_who_is_known_and_who_is_not(client):
    ContactFactory(is_main=False, customer=CustomerFactory(), email="li@example.com")
    findable()
    pages = []
    for visit, reach in (("a", "li@example.com"), ("b", "li@example.net")):
        page = client.post(URL, said(ticket=ticket(visit), reach=reach)).content.decode()
        pages.append(re.sub(r"/c/[\w-]+/|nonce-\S+", "", page))
    assert pages[0] == pages[1]
    assert Complaint.objects.count() == 1


# --- Machines ---------------------------------------------------------------------------------
def test_who_fills_the_trap_is_told_and_can_go_on(client):
    answer = client.post(URL, said(website="http://spam.example"))
    page = answer.content.decode()
    assert answer.status_code == 422 and "Please leave this field empty" in page
    assert 'aria-hidden="true"' not in page.split('name="website"')[0].rsplit("<div", 1)[1]
    assert not UnknownFeedback.objects.exists()
    assert client.post(URL, said(website="")).status_code == 200


def test_trap_is_out_of_sight_and_out_of_the_order_of_tabs(client):
    around = client.get(URL).content.decode().split('id="id_website"')
    assert 'class="sv-trap" aria-hidden="true"' in around[0][-300:]
    assert 'tabindex="-1"' in around[1][:120]


def test_a_flood_is_slowed_and_what_was_typed_is_kept(client):
    answers = [client.post(URL, said(text=f"No. {n}")) for n in range(SENDINGS_A_MINUTE + 1)]
    assert [one.status_code for one in answers] == [200] * SENDINGS_A_MINUTE + [429]
    assert int(answers[-1]["Retry-After"]) <= 60
    assert f"No. {SENDINGS_A_MINUTE}" in answers[-1].content.decode()
    assert UnknownFeedback.objects.count() == SENDINGS_A_MINUTE
    elsewhere = client.post(URL, said(text="From elsewhere"), REMOTE_ADDR="203.0.113.9")
    assert elsewhere.status_code == 200


def test_who_is_signed_in_needs_no_token_and_is_not_noted(client):
    client = Client(enforce_csrf_checks=True)
    assert client.post(URL, said()).status_code == 200
    client.force_login(UserFactory())
    assert client.post(URL, said(ticket=ticket("b"))).status_code == 200


# --- Files ------------------------------------------------------------------------------------
def test_files_are_kept_by_kind_and_content(client):
    client.post(URL, said(enclosed=[file("a.png", PNG), file("b.pdf", b"%PDF-1.7 x")]))
    assert sorted(FeedbackFile.objects.values_list("name", "type")) == [("a.png", "png"), ("b.pdf", "pdf")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<html><script>alert(1)</script>"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("picture.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("page.png", b"<!doctype html><script>alert(1)</script>"),
        ("program.exe", b"MZ" + b"0" * 40),
        ("polyglot.html", PNG + b"<script>alert(1)</script>"),
        ("polyglot.pdf", PNG),
        ("empty.png", b""),
        ("bomb.zip", packed(a=b"0" * 1_000_000)),
        ("macro.docx", packed(**{"[Content_Types].xml": b"", "word/a": b"", "word/vbaProject.bin": b""})),
        ("png", PNG),
        ("x.png.html", PNG),
    ],
)
def test_traps_are_refused_and_nothing_is_kept(client, name, content):
    answer = client.post(URL, said(enclosed=[file(name, content)]))
    assert answer.status_code == 422 and "The lamp broke." in answer.content.decode()
    assert not UnknownFeedback.objects.exists() and not attachments.folder().exists()


def test_a_bomb_that_is_a_document_is_never_unpacked(client):
    bomb = packed(**{"[Content_Types].xml": b"", "word/document.xml": b"0" * 50_000_000})
    assert len(bomb) < 100_000
    client.post(URL, said(enclosed=[file("bomb.docx", bomb)]))
    assert FeedbackFile.objects.get().size == len(bomb)
    assert sum(one.stat().st_size for one in attachments.folder().iterdir()) == len(bomb)


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "..\\..\\a.png", "/abs/a.png", "a\tb.png"])
def test_names_lead_nowhere(client, name):
    client.post(URL, said(enclosed=[file(name, PNG)]))
    row = FeedbackFile.objects.get()
    assert "/" not in row.name and row.name.isprintable()
    assert [one.name for one in attachments.folder().iterdir()] == [row.stored_as]
    assert re.fullmatch("[0-9a-f]{32}", row.stored_as)


def test_a_fourth_file_is_refused(client):
    answer = client.post(URL, said(enclosed=[file(f"{n}.png", PNG) for n in range(4)]))
    assert answer.status_code == 422 and "At most 3 files" in answer.content.decode()


class Endless(io.RawIOBase):
    """A body of any length, which counts how much of it was read."""

    def __init__(self, head: bytes) -> None:
        self.head, self.taken = head, 0

    def read(self, size: int = -1) -> bytes:
        size = 65_536 if size < 0 else size
        piece, self.head = (self.head[:size], self.head[size:]) if self.head else (b"0" * size, b"")
        self.taken += len(piece)
        return piece


def test_a_gigabyte_that_says_so_is_not_read(client):
    body = Endless(b"")
    request = RequestFactory().generic("POST", URL, b"x", content_type="multipart/form-data; boundary=x")
    request.META["CONTENT_LENGTH"] = str(1024**3)
    request.environ["wsgi.input"] = request._stream = body
    assert public_form.public_form(request).status_code == 413
    assert body.taken == 0


def test_of_a_flood_not_a_byte_is_read(client, monkeypatch):
    monkeypatch.setattr(public_form, "VISITS_A_MINUTE", 1)
    assert public_form.public_form(RequestFactory().get(URL)).status_code == 200
    body = Endless(b"")
    request = RequestFactory().generic("POST", URL, b"x", content_type="multipart/form-data; boundary=x")
    request.META["CONTENT_LENGTH"] = "1000"
    request.environ["wsgi.input"] = request._stream = body
    answer = public_form.public_form(request)
    assert (answer.status_code, body.taken) == (429, 0)
    assert int(answer["Retry-After"]) <= 60


def test_what_is_too_large_is_counted_as_well(client, monkeypatch):
    monkeypatch.setattr(public_form, "VISITS_A_MINUTE", 2)
    monkeypatch.setattr(public_form, "MOST_BYTES", 10)
    assert [client.post(URL, said()).status_code for _n in range(3)] == [413, 413, 429]


def test_a_gigabyte_that_lies_about_it_is_cut_off():
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = Endless(head)
    request = RequestFactory().generic("POST", URL, b"x", content_type="multipart/form-data; boundary=x")
    request.META["CONTENT_LENGTH"] = "1000"  # and yet more comes
    request._stream = body
    assert bound(request, most=300_000) is False
    assert body.taken < 1_000_000 < MOST_BYTES


# --- The sheet --------------------------------------------------------------------------------
@pytest.mark.parametrize("route", ["public_sheet", "public_sheet_svg", "public_sheet_png"])
def test_sheet_is_for_admins_and_leads(client, route, admin, lead, manager, analyst):
    seen = {}
    for user in (admin, lead, manager, analyst):
        client.force_login(user)
        seen[user.username] = client.get(reverse(f"customers:{route}")).status_code
    assert seen == {"admin": 200, "lead": 200, "manager": 403, "analyst": 403}


def test_sheet_shows_the_address_in_the_language_chosen(client, admin, settings):
    settings.PUBLIC_BASE_URL = "https://care.example.com"
    client.force_login(admin)
    page = client.get(reverse("customers:public_sheet") + "?lang=zh-hans").content.decode()
    assert "https://care.example.com/c/" in page and 'lang="zh-hans"' in page


def test_moment_promised_is_a_working_one(client):
    client.post(URL, said())
    row = UnknownFeedback.objects.get()
    assert row.respond_by > clock.now()

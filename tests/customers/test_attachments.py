"""Files of a customer: known by content, limited, random on disk, gone when removed or erased."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from customers import attachments, movers
from customers.ground.models import AuditEvent
from customers.models import Attachment
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n..."
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def packed(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return stream.getvalue()


def attach(customer, name, content, **values):
    return attachments.attach(customer, SimpleUploadedFile(name, content), by=None, at=NOW, **values)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("Contract.PDF", PDF, "pdf"),
        ("photo.png", PNG, "png"),
        ("photo.jpeg", b"\xff\xd8\xff\xe0..", "jpeg"),
        ("list.xlsx", packed("[Content_Types].xml", "xl/workbook.xml"), "xlsx"),
        ("notes.txt", "需要发票".encode("gb18030"), "text"),
        ("notes.csv", b"a,b\n", "text"),
    ],
)
def test_attach_keeps_what_its_content_says_it_is(customer, name, content, kind):
    row = attach(customer, name, content, note=" signed ")
    assert (row.type, row.size, row.note) == (kind, len(content), "signed")
    assert attachments.path_of(row).read_bytes() == content
    assert name not in row.stored_as
    assert len(row.stored_as) == 32
    assert AuditEvent.objects.get(act="attachment.add").codes == {"type": kind, "bytes": len(content)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("contract.pdf", b"<html><script>alert(1)</script>"),
        ("page.html", b"<html></html>"),
        ("picture.svg", b"<svg/>"),
        ("program.exe", b"MZ"),
        ("photo.png", PDF),
        ("list.xlsx", packed("[Content_Types].xml", "word/document.xml")),
        ("list.xlsx", packed("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin")),
        ("list.xlsx", b"PK\x03\x04 broken"),
        ("notes.txt", b"a\0b"),
        ("none", PDF),
    ],
)
def test_attach_refuses_what_is_not_kept_or_not_what_it_says(customer, name, content, tmp_path):
    with pytest.raises(attachments.AttachmentKindRefused):
        attach(customer, name, content)
    assert not Attachment.objects.exists()
    assert not list(tmp_path.rglob("*"))


def test_attach_refuses_an_empty_file_one_too_large_and_one_too_many(customer, monkeypatch, tmp_path):
    with pytest.raises(attachments.EmptyAttachment):
        attach(customer, "a.pdf", b"")
    monkeypatch.setattr(attachments, "MOST_BYTES", len(PDF))
    with pytest.raises(attachments.AttachmentTooLarge):
        attach(customer, "a.pdf", PDF + b".")
    monkeypatch.setattr(attachments, "MOST_OF_A_CUSTOMER", 1)
    attach(customer, "a.pdf", PDF)
    with pytest.raises(attachments.TooManyAttachments):
        attach(customer, "b.pdf", PDF)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_attach_counts_the_parts_of_a_document_before_it_lists_them(customer, monkeypatch):
    content = packed("[Content_Types].xml", "xl/workbook.xml", *map(str, range(8)))
    monkeypatch.setattr(attachments, "_MOST_PARTS", 10)
    attach(customer, "list.xlsx", content)
    monkeypatch.setattr(attachments, "_MOST_PARTS", 9)
    monkeypatch.setattr(attachments.zipfile, "ZipFile", lambda stream: pytest.fail("it was listed"))
    with pytest.raises(attachments.AttachmentKindRefused):
        attach(customer, "list.xlsx", content)


def test_kind_of_looks_into_a_file_once(monkeypatch):
    upload = SimpleUploadedFile("a.txt", b"words")
    assert attachments.kind_of(upload) == "text"
    monkeypatch.setattr(attachments, "TYPES", {})
    assert attachments.kind_of(upload) == "text"
    with pytest.raises(attachments.AttachmentKindRefused):
        attachments.kind_of(SimpleUploadedFile("a.txt", b"words"))


def test_attach_that_fails_half_way_leaves_nothing(customer):
    class Broken(SimpleUploadedFile):
        def chunks(self, chunk_size=None):
            yield PDF
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        attachments.attach(customer, Broken("a.pdf", PDF), by=None, at=NOW)
    assert not list(attachments.folder().iterdir())


def test_attach_cleans_the_name(customer):
    assert attach(customer, "../../etc/pass\x07wd.pdf", PDF).name == "passwd.pdf"
    assert len(attach(customer, "x" * 150 + ".pdf", PDF).name) <= 200


def test_detach_deletes_the_content_and_says_so(customer, manager, django_capture_on_commit_callbacks):
    row = attach(customer, "a.pdf", PDF)
    path = attachments.path_of(row)
    with django_capture_on_commit_callbacks(execute=True):
        attachments.detach(row, by=manager, at=NOW)
    assert not path.exists()
    assert not Attachment.objects.exists()
    event = AuditEvent.objects.get(act="attachment.remove")
    assert (event.actor_id, event.object_id) == (manager.pk, row.pk)


def test_erasing_a_customer_deletes_its_files_and_no_others(customer, django_capture_on_commit_callbacks):
    mine, other = attach(customer, "a.pdf", PDF), attach(CustomerFactory(), "b.pdf", PDF)
    with django_capture_on_commit_callbacks(execute=True):
        movers.erasers()[Attachment]("customer", customer.pk)
    assert not attachments.path_of(mine).exists()
    assert attachments.path_of(other).exists()
    assert list(Attachment.objects.all()) == [other]


def test_merging_moves_the_files(customer):
    row, target = attach(customer, "a.pdf", PDF), CustomerFactory()
    movers.movers()[Attachment]("customer", customer.pk, target.pk)
    row.refresh_from_db()
    assert row.customer == target

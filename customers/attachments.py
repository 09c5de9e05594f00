"""Files of a customer: few kinds, known by their content, of limited size, under random names.

A file is never served as a page: the view sends it as a download that no browser opens by itself.
"""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from customers import movers
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Attachment, Complaint, Customer, User

MOST_BYTES = 10 * 1024**2
MOST_OF_A_CUSTOMER = 100
_HEAD = 512
_MOST_PARTS = 10_000  # files in a packed document
_LISTED = b"PK\x01\x02"  # stands before each of them in its list
_kinds: WeakKeyDictionary[UploadedFile, str] = WeakKeyDictionary()  # of those that were looked at


class AttachmentTooLarge(Refused):
    code = "attachment_too_large"
    message = _("The file is larger than %(most)s MB.")


class EmptyAttachment(Refused):
    code = "empty_attachment"
    message = _("The file is empty.")


class AttachmentKindRefused(Refused):
    code = "attachment_kind"
    message = _(
        "Files of this kind are not kept, or the content is not what the name says. Kept are: %(kinds)s."
    )


class TooManyAttachments(Refused):
    code = "too_many_attachments"
    message = _("This customer has %(most)s files already. Take one away first.")


@dataclass(frozen=True)
class FileType:
    """What a kind of file is called by its name, what it is served as, and what its content begins with."""

    suffixes: tuple[str, ...]
    media_type: str
    fits: Callable[[bytes, BinaryIO], bool]


def _begins(*marks: bytes) -> Callable[[bytes, BinaryIO], bool]:
    return lambda head, stream: head.startswith(marks)


def _is_webp(head: bytes, stream: BinaryIO) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _packs(folder: str) -> Callable[[bytes, BinaryIO], bool]:
    """Return whether a packed document has its main folder; only the list of its parts is read."""

    def fits(head: bytes, stream: BinaryIO) -> bool:
        if not head.startswith(b"PK\x03\x04"):
            return False
        listed = stream.read(MOST_BYTES + 1).count(_LISTED)
        stream.seek(0)
        if listed > _MOST_PARTS:  # counted first: a list of that length takes long to read
            return False
        try:
            names = zipfile.ZipFile(stream).namelist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            return False
        finally:
            stream.seek(0)
        macros = any(name.lower().endswith("vbaproject.bin") for name in names)
        return (
            not macros and "[Content_Types].xml" in names and any(name.startswith(folder) for name in names)
        )

    return fits


def _is_text(head: bytes, stream: BinaryIO) -> bool:
    """Say whether all of it is text in UTF-8 or GB 18030 without control characters."""
    content = stream.read(MOST_BYTES + 1)
    stream.seek(0)
    if b"\0" in content:
        return False
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


_OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES: dict[str, FileType] = {
    "pdf": FileType((".pdf",), "application/pdf", _begins(b"%PDF-")),
    "png": FileType((".png",), "image/png", _begins(b"\x89PNG\r\n\x1a\n")),
    "jpeg": FileType((".jpg", ".jpeg"), "image/jpeg", _begins(b"\xff\xd8\xff")),
    "gif": FileType((".gif",), "image/gif", _begins(b"GIF87a", b"GIF89a")),
    "webp": FileType((".webp",), "image/webp", _is_webp),
    "docx": FileType((".docx",), _OFFICE + "wordprocessingml.document", _packs("word/")),
    "xlsx": FileType((".xlsx",), _OFFICE + "spreadsheetml.sheet", _packs("xl/")),
    "pptx": FileType((".pptx",), _OFFICE + "presentationml.presentation", _packs("ppt/")),
    "text": FileType((".txt", ".csv", ".md"), "application/octet-stream", _is_text),
}


def folder() -> Path:
    """Return where the files lie."""
    return Path(settings.MEDIA_ROOT) / "attachments"


def path_of(row: Attachment) -> Path:
    """Return where the content of a file lies."""
    return folder() / row.stored_as


def attach(
    customer: Customer,
    upload: UploadedFile,
    *,
    note: str = "",
    complaint: Complaint | None = None,
    by: User | None,
    at: datetime,
) -> Attachment:
    """Keep a file for a customer; ``complaint``: one of hers that it belongs to.

    Raises a ``Refused`` for a file that is empty, too large, of another kind than its name says or than
    we keep, and for one too many. Side effects: the file, audit ``attachment.add``.
    """
    kind = kind_of(upload)
    stored_as = store(upload)
    path = folder() / stored_as
    try:
        with transaction.atomic():
            list(Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk).values_list("pk"))
            if customer.attachments.count() >= MOST_OF_A_CUSTOMER:
                raise TooManyAttachments(most=MOST_OF_A_CUSTOMER)
            row = Attachment.objects.create(
                customer=customer,
                complaint=complaint,
                name=plain_name(upload),
                note=note.strip(),
                type=kind,
                size=path.stat().st_size,
                stored_as=stored_as,
                by=by,
                added_at=at,
            )
            audit.record(
                "attachment.add",
                obj=row,
                by=by,
                at=at,
                customer_id=customer.pk,
                codes={"type": kind, "bytes": row.size},
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return row


def store(upload: UploadedFile) -> str:
    """Write the content of a file under a random name, and return that name."""
    stored_as = secrets.token_hex(16)
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder() / stored_as
    try:
        with path.open("xb") as stream:
            for piece in upload.chunks():
                stream.write(piece)
        path.chmod(0o600)
    except BaseException:
        drop([stored_as])
        raise
    return stored_as


def drop(stored: Sequence[str]) -> None:
    """Delete contents at once: those of rows that were never written."""
    for name in stored:
        (folder() / name).unlink(missing_ok=True)


def detach(row: Attachment, *, by: User | None, at: datetime) -> None:
    """Take a file away for good; its content goes with the commit.

    Side effects: audit ``attachment.remove``.
    """
    with transaction.atomic():
        audit.record(
            "attachment.remove",
            obj=row,
            by=by,
            at=at,
            customer_id=row.customer_id,
            codes={"type": row.type, "bytes": row.size},
        )
        Attachment.objects.filter(pk=row.pk).delete()
        forget([row.stored_as])


def forget(stored: list[str]) -> None:
    """Delete the contents when the transaction is committed."""

    def delete() -> None:
        for name in stored:
            (folder() / name).unlink(missing_ok=True)

    transaction.on_commit(delete)


def of_person(person: str, pk: int) -> QuerySet[Attachment]:
    """Return the files of a customer; of a contact those that came with what she said."""
    said = {"customer_id": pk} if person == "customer" else {"complaint__contact_id": pk}
    return Attachment.objects.filter(**said)


def erase(person: str, pk: int) -> int:
    """Delete the files of a person who is erased, content and all; return how many."""
    rows = of_person(person, pk)
    forget(list(rows.values_list("stored_as", flat=True)))
    return rows.delete()[0]


def register() -> None:
    """Enter what erasing a customer does to its files (called in ``ready()``)."""
    movers.register(Attachment, eraser=erase)


def kind_of(upload: UploadedFile) -> str:
    """Return which of ``TYPES`` a file is, by its name and content; raise a ``Refused`` for every other."""
    if upload in _kinds:
        return _kinds[upload]
    size = upload.size or 0
    if not size:
        raise EmptyAttachment()
    if size > MOST_BYTES:
        raise AttachmentTooLarge(most=MOST_BYTES // 1024**2)
    suffix = Path(upload.name or "").suffix.lower()
    stream: BinaryIO = upload.file  # type: ignore[assignment]
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    for code, known in TYPES.items():
        if suffix in known.suffixes and known.fits(head, stream):
            _kinds[upload] = code
            return code
    kinds = ", ".join(name.lstrip(".") for known in TYPES.values() for name in known.suffixes)
    raise AttachmentKindRefused(kinds=kinds)


def plain_name(upload: UploadedFile) -> str:
    """Return the name without folders and control characters, short enough, its ending kept."""
    name = "".join(letter for letter in Path(upload.name or "").name if letter.isprintable()).strip()
    stem, suffix = Path(name).stem[:150], Path(name).suffix[:20]
    return (stem or "file") + suffix

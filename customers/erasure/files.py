"""What import files and error files hold of a person: found before the erasure, taken out after it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q

from customers import attachments
from customers.erasure import log
from customers.feedback import keeping
from customers.ground import outbox
from customers.ground.models import OutboxRow
from customers.models import Contact, Customer, ExternalRef, ImportBatch

LONG = 6  # a shorter word is looked for as a whole cell only: "12" stands in every file
MOST_UNPACKED = 512 * 1024 * 1024
Found = list[dict[str, Any]]


def folder() -> Path:
    """Return where imports keep their files."""
    return Path(settings.MEDIA_ROOT) / "imports"


def words_of(people: Sequence[tuple[str, int]]) -> set[str]:
    """Return what people are called and reached by, before it is blanked."""
    said: set[str] = set()
    for kind, pk in people:
        refs = ExternalRef.objects.filter(kind=kind, object_id=pk)
        said.update(refs.values_list("external_id", flat=True))
        if kind == "contact":
            for row in Contact.objects.filter(pk=pk).values_list("name", "phone", "email"):
                said.update(row)
        else:
            for names in Customer.objects.filter(pk=pk).values_list("name", "name_alt"):
                said.update(names)
    return {word.strip().casefold() for word in said if word.strip()}


def forget(words: set[str]) -> int:
    """Empty what imports tell of a file where it says a person's name; return how many imports."""
    said = Q()
    for word in words:
        if len(word) >= LONG or not word.isascii():
            said |= Q(problem__icontains=word) | Q(file_name__icontains=word)
    return ImportBatch.objects.filter(said).update(problem="", file_name="") if said else 0


def holding(words: set[str]) -> Found:
    """Return which files hold something of a person: an upload as a whole, of an error file the lines.

    Waiting and running imports are left alone: their lines of erased people are refused, and their
    uploads go when they end. The answer names files by the random names under which they are stored.
    """
    if not words or not folder().is_dir():
        return []
    found: Found = []
    busy = Q(status__in=[ImportBatch.Status.WAITING, ImportBatch.Status.RUNNING])
    for batch in ImportBatch.objects.exclude(busy).exclude(stored_as="").order_by("pk").iterator():
        upload, errors = folder() / batch.stored_as, folder() / (batch.error_stored_as or "-")
        if upload.is_file() and any(_says(record, words) for record in _lines(upload)):
            found.append({"batch": batch.pk, "file": batch.stored_as})
        if errors.is_file():
            lines = [n for n, record in enumerate(_records(errors)) if n and _says(record, words)]
            if lines:
                found.append(
                    {
                        "batch": batch.pk,
                        "file": batch.error_stored_as,
                        "lines": lines,
                        "print": _print(errors),
                    }
                )
    return found


def attached(people: Sequence[tuple[str, int]]) -> Found:
    """Return the files that people sent, by the random names under which they are stored."""
    names: set[str] = set()
    for kind, pk in people:
        names.update(attachments.of_person(kind, pk).values_list("stored_as", flat=True))
        names.update(keeping.files_of(kind, pk).values_list("stored_as", flat=True))
    return [{"attachment": name} for name in sorted(names)]


def count(found: Found) -> int:
    """Return how many files are concerned."""
    return len(found)


@outbox.handler("customers.erasure_ended")
def end(row: OutboxRow, at: datetime) -> None:
    """Write the log outside the database and take the person out of files; may be done again."""
    log.append(row.payload["line"])
    for said in row.payload["files"]:
        if "attachment" in said:
            for path in Path(settings.MEDIA_ROOT).rglob(Path(said["attachment"]).name):
                path.unlink(missing_ok=True)
            continue
        path = folder() / Path(said["file"]).name
        if "lines" in said:
            _without(path, lines=set(said["lines"]), print_of=said["print"])
        else:
            path.unlink(missing_ok=True)
            unstarted = ImportBatch.objects.filter(pk=said["batch"], status=ImportBatch.Status.UPLOADED)
            unstarted.update(status=ImportBatch.Status.REFUSED, stored_as="")


def _without(path: Path, *, lines: set[int], print_of: str) -> None:
    """Write an error file without some of its records, unless that was done already."""
    if not path.is_file() or _print(path) != print_of:
        return
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows(record for n, record in enumerate(_records(path)) if n not in lines)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def _records(path: Path) -> Iterator[list[str]]:
    """Yield the records of an error file, which we wrote ourselves."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        yield from csv.reader(stream)


def _lines(path: Path) -> Iterator[list[str]]:
    """Yield the lines of an upload, cut at whatever may part cells; of a workbook the parts, cut at tags."""
    with path.open("rb") as file:
        start = file.read(4)
    try:
        if start[:2] == b"PK":
            with zipfile.ZipFile(path) as parts:
                for part in parts.infolist():
                    if part.file_size <= MOST_UNPACKED:
                        yield re.split(r"[<>]", parts.read(part).decode("utf-8", "replace"))
            return
        with gzip.open(path) if start[:2] == b"\x1f\x8b" else path.open("rb") as stream:
            for line in iter(lambda: stream.readline(1 << 20), b""):
                yield re.split(r'[,;\t|"]', _decoded(line))
    except (OSError, EOFError, zipfile.BadZipFile):
        yield [""]  # damaged: the import says so


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("gb18030", "replace")


def _says(record: list[str], words: set[str]) -> bool:
    cells = {cell.strip().lstrip("'").casefold() for cell in record}
    if cells & words:
        return True
    whole = " ".join(cells)
    return any(word in whole for word in words if len(word) >= LONG or not word.isascii())


def _print(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

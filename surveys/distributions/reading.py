"""People named in a file or pasted: by mail address, by the ids of the company's files, or by our numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.imports import reading
from customers.models import Contact, Customer, ExternalRef, User
from surveys.distributions import planning

MOST = 50_000
MOST_BYTES = 10 * 1024 * 1024
CHUNK = 500
HEADERS = ("email", "contact", "customer")


class PeopleRefused(Refused):
    code = "people_file"
    message = gettext_lazy(
        "The file needs a column called email, contact or customer: mail addresses, or the numbers of "
        "contacts or customers as in your files."
    )


class TooManyPeople(Refused):
    code = "too_many_people"
    message = gettext_lazy("These are more than %(most)s lines. Make a segment of them, and send to that.")


@dataclass(frozen=True)
class Wanted:
    """One line: its number, what it names, and by which column."""

    line: int
    text: str
    by: str  # email, contact, customer; empty: any of them


@dataclass(frozen=True)
class Wrong:
    """A line that names nobody, and why."""

    line: int
    text: str
    why: str | Promise


@dataclass
class People:
    """Whom the lines name, each once, and the lines that name nobody."""

    contacts: list[Contact] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)


def of_text(text: str) -> list[Wanted]:
    """Return the lines of a pasted text. Raises :class:`TooManyPeople`."""
    lines = [(number, line.strip(" \t,;，；、")) for number, line in enumerate(text.splitlines(), start=1)]
    return _bounded(Wanted(number, line, "") for number, line in lines if line)


def of_file(upload: Any) -> list[Wanted]:
    """Return the lines of a CSV or XLSX file, by the first of its columns that we know.

    Raises :class:`PeopleRefused`, :class:`TooManyPeople`, and what the import says of what is no table.
    """
    with tempfile.NamedTemporaryFile(suffix=Path(upload.name).suffix[:8]) as spool:
        for piece in upload.chunks():
            spool.write(piece)
        spool.flush()
        table = reading.open_table(Path(spool.name))
        try:
            names = [name.strip().lower() for name in table.header]
            by = next((name for name in HEADERS if name in names), None)
            if by is None:
                raise PeopleRefused()
            place = names.index(by)
            cells = ((line.number, line.cells) for line in table.lines() if line.problem is None)
            return _bounded(
                Wanted(number, row[place].strip(), by)
                for number, row in cells
                if len(row) > place and row[place].strip()
            )
        finally:
            table.close()


def people(wanted: Sequence[Wanted], *, user: User, at: datetime) -> People:
    """Return whom the lines name, among those whom ``user`` may see; a customer stands for its main contact.

    A mail address counts when one person has it. An id of the company's files counts before our own number.
    """
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    among = planning.present_contacts(at).filter(customer__in=visible.order_by().values("pk"))
    told = People()
    seen: set[int] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        by_mail = _by_mail(chunk, among)
        by_id = _by_id(chunk, among)
        for line in chunk:
            found = (
                by_mail.get(line.text.lower(), []) if _is_mail(line) else by_id.get((line.by, line.text), [])
            )
            if len(found) > 1:
                why = _("%(n)s people have this address. Name the person by her number.") % {"n": len(found)}
                told.wrong.append(Wrong(line.line, line.text, why))
            elif not found:
                told.wrong.append(
                    Wrong(line.line, line.text, _("Nobody is known by this, or you may not see her."))
                )
            elif found[0].pk not in seen:
                seen.add(found[0].pk)
                told.contacts.append(found[0])
    return told


def _bounded(lines: Iterable[Wanted]) -> list[Wanted]:
    kept: list[Wanted] = []
    for line in lines:
        if len(kept) == MOST:
            raise TooManyPeople(most=MOST)
        kept.append(line)
    return kept


def _is_mail(line: Wanted) -> bool:
    return line.by == "email" or (not line.by and "@" in line.text)


def _by_mail(chunk: Sequence[Wanted], among: QuerySet[Contact]) -> dict[str, list[Contact]]:
    mails = {line.text.lower() for line in chunk if _is_mail(line) and "\0" not in line.text}
    found: dict[str, list[Contact]] = {}
    for contact in among.alias(mail=Lower("email")).filter(mail__in=mails).order_by("pk"):
        found.setdefault(contact.email.lower(), []).append(contact)
    return found


def _by_id(chunk: Sequence[Wanted], among: QuerySet[Contact]) -> dict[tuple[str, str], list[Contact]]:
    """Return the contact of each id, by its column; without one a contact's id counts before a customer's."""
    named = {line for line in chunk if not _is_mail(line) and "\0" not in line.text and len(line.text) <= 190}
    texts = {line.text for line in named}
    refs: dict[str, dict[str, int]] = {"contact": {}, "customer": {}}
    rows = ExternalRef.objects.filter(kind__in=refs, external_id__in=texts).order_by("-id")
    for kind, text, number in rows.values_list("kind", "external_id", "object_id"):
        refs[kind][text] = number
    meant = {(line.by, line.text): list(_meant(line, refs)) for line in named}
    numbers = {kind: {n for found in meant.values() for k, n in found if k == kind} for kind in refs}
    contacts = among.in_bulk(list(numbers["contact"]))
    mains = {c.customer_id: c for c in among.filter(is_main=True, customer__in=numbers["customer"])}
    known = {"contact": contacts, "customer": mains}
    return {
        key: [known[kind][number] for kind, number in found if number in known[kind]][:1]
        for key, found in meant.items()
    }


def _meant(line: Wanted, refs: dict[str, dict[str, int]]) -> Iterator[tuple[str, int]]:
    """Yield what a text may mean, what is likelier first: ids of files, then our numbers."""
    kinds = [line.by] if line.by else ["contact", "customer"]
    for kind in kinds:
        if line.text in refs[kind]:
            yield kind, refs[kind][line.text]
    number = whole(line.text)
    if number is not None:
        yield ("contact" if line.by == "contact" else "customer"), number

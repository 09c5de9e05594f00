"""Retention periods: words that are older than their class is kept are emptied every night.

Facts keep their numbers and moments for ever; what goes is text, addresses and files. Each class takes a
bounded number of rows a step, so that a night that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import company, erasure, text
from customers.ground import audit, localtime
from customers.ground.errors import Refused
from customers.ground.models import AuditEvent, SealedValue
from customers.models import (
    CompetitorSighting,
    Complaint,
    Contact,
    ErasureReceipt,
    ImportBatch,
    Interaction,
    KeepPeriod,
    Mention,
    Message,
    User,
)

Clear = Callable[[datetime, int, datetime], int]  # (older than, most rows, now) -> rows cleared
STEP = 1000
MOST_STEPS = 100  # a night and class
MOST_MONTHS = 600


class MonthsRefused(Refused):
    code = "keep_months"
    message = _("Write a number of months from 1 to 600, or nothing for ever.")


@dataclass(frozen=True)
class DataClass:
    """One class of data: how long it is kept unless the company says otherwise, and how it is cleared."""

    code: str
    label: str | Promise
    help: str | Promise
    months: int | None  # as delivered; None: for ever
    clear: Clear


_classes: dict[str, DataClass] = {}


def register(data: DataClass) -> None:
    """Enter a class (in ``AppConfig.ready()``)."""
    _classes[data.code] = data


def every() -> list[DataClass]:
    """Return the classes in the order in which they were entered."""
    return list(_classes.values())


def periods() -> dict[str, int | None]:
    """Return for how many months each class is kept; ``None``: for ever."""
    said = dict(KeepPeriod.objects.values_list("code", "months"))
    return {data.code: said.get(data.code, data.months) for data in every()}


def kept_since(code: str, *, at: datetime) -> datetime | None:
    """Return since when a class is kept at a moment; ``None``: for ever."""
    months = periods()[code]
    return None if months is None else _months_before(at, months)


def set_periods(months: dict[str, int | None], *, by: User | None, at: datetime) -> list[str]:
    """Say how long classes are kept; return the codes of those that changed.

    Raises :class:`MonthsRefused`. Side effects: audit ``privacy.keep`` with the months.
    """
    if set(months) - _classes.keys():
        raise ValueError(f"unknown classes: {set(months) - _classes.keys()}")
    if any(number is not None and not 1 <= number <= MOST_MONTHS for number in months.values()):
        raise MonthsRefused()
    with transaction.atomic():
        now = periods()
        changed = {code: number for code, number in months.items() if now[code] != number}
        for code, number in sorted(changed.items()):
            KeepPeriod.objects.update_or_create(code=code, defaults={"months": number})
        if changed:
            audit.record("privacy.keep", obj=None, by=by, at=at, codes=dict(sorted(changed.items())))
    return sorted(changed)


def clear_old(*, at: datetime, most_steps: int = MOST_STEPS) -> dict[str, int]:
    """Clear what is older than its class is kept; return the rows by class.

    Each step is a transaction of at most 1,000 rows, at most ``most_steps`` a class; what is left is done
    at the next call. Side effects: audit ``privacy.clear_old`` with the counts, if there were any.
    """
    cleared = {}
    for data in every():
        months = periods()[data.code]
        if months is None:
            continue
        before, rows = _months_before(at, months), 0
        for _step in range(most_steps):
            with transaction.atomic():
                did = data.clear(before, STEP, at)
            rows += did
            if not did:
                break
        if rows:
            cleared[data.code] = rows
    if cleared:
        audit.record("privacy.clear_old", obj=None, by=None, at=at, codes=cleared)
    return cleared


def texts(model: type[models.Model], *fields: str, moment: str) -> Clear:
    """Return what empties texts of a table, the earlier versions under seal, and what was read of them."""

    def clear(before: datetime, most: int, at: datetime) -> int:
        written = models.Q()
        for field in fields:
            written |= ~models.Q(**{field: ""})
        old = model._default_manager.filter(written, **{f"{moment}__lt": before}).order_by("pk")
        ids = list(old.values_list("pk", flat=True)[:most])
        if ids:
            model._default_manager.filter(pk__in=ids).update(**dict.fromkeys(fields, ""))
            said = {"subject_type": model._meta.label_lower, "subject_id__in": ids}
            SealedValue.objects.filter(**said).delete()
            text.forget(model, ids, at)
        return len(ids)

    return clear


def _addresses(before: datetime, most: int, at: datetime) -> int:
    old = AuditEvent.objects.filter(at__lt=before, address__isnull=False).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:most])
    return AuditEvent.objects.filter(pk__in=ids).update(address=None) if ids else 0


def _audited_values(before: datetime, most: int, at: datetime) -> int:
    audited = {"subject_type": AuditEvent._meta.label_lower}
    old = AuditEvent.objects.filter(at__lt=before)
    rows = SealedValue.objects.filter(**audited, subject_id__in=old.values("pk")).order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[:most])
    return SealedValue.objects.filter(pk__in=ids).delete()[0] if ids else 0


def _import_files(before: datetime, most: int, at: datetime) -> int:
    """Remove uploads and error files; the import itself stays, with its counts."""
    busy = [ImportBatch.Status.WAITING, ImportBatch.Status.RUNNING]
    old = ImportBatch.objects.filter(made_at__lt=before).exclude(status__in=busy).exclude(stored_as="")
    rows = list(old.order_by("pk").values_list("pk", "stored_as", "error_stored_as")[:most])
    folder = Path(settings.MEDIA_ROOT) / "imports"
    for _pk, upload, errors in rows:  # first the files: killed here, the next night finds them gone
        for name in filter(None, (upload, errors)):
            (folder / Path(name).name).unlink(missing_ok=True)
    gone = {"stored_as": "", "error_stored_as": "", "file_name": "", "problem": ""}
    return ImportBatch.objects.filter(pk__in=[pk for pk, *_names in rows]).update(**gone) if rows else 0


def _unused_contacts(before: datetime, most: int, at: datetime) -> int:
    """Erase people who left their company before then, a few a step: each is an act with a receipt."""
    day = localtime.day_of(company.today(before).number)
    left = Contact.objects.filter(left_on__lt=day, erased_at__isnull=True, is_main=False).order_by("pk")
    people = list(left.select_related("customer")[: most // 100])
    for contact in people:
        erasure.erase_person(contact, reason=ErasureReceipt.Reason.PERIOD, by=None, at=at)
    return len(people)


def _months_before(at: datetime, months: int) -> datetime:
    """Return the moment some calendar months before, in the company's zone; the last day of a short month."""
    zone = company.current().time_zone
    local = localtime.to_local(at, zone)
    month = local.year * 12 + local.month - 1 - months
    year, month = divmod(month, 12)
    day = local.day
    while True:
        try:
            return local.replace(year=year, month=month + 1, day=day)
        except ValueError:
            day -= 1


def register_all() -> None:
    """Enter the classes of this app."""
    for data in (
        DataClass(
            "interactions",
            _("What was said in interactions"),
            _("The text; who, when and how stays."),
            None,
            texts(Interaction, "text", moment="occurred_at"),
        ),
        DataClass(
            "complaints",
            _("What was said in complaints"),
            _("The text; category, severity and deadlines stay."),
            None,
            texts(Complaint, "text", moment="occurred_at"),
        ),
        DataClass(
            "sightings",
            _("What competitors offered"),
            _("The words; competitor, prices and day stay."),
            None,
            texts(CompetitorSighting, "offered", moment="occurred_at"),
        ),
        DataClass(
            "mentions",
            _("What was written in public"),
            _("The text, the name there and the address; platform, stars, sentiment and day stay."),
            24,
            texts(Mention, "text", "handle", "url", moment="occurred_at"),
        ),
        DataClass(
            "messages",
            _("Messages that were sent"),
            _("Texts, addresses and answers of providers; to whom, when and what became of it stays."),
            24,
            texts(
                Message,
                "subject",
                "text",
                "html",
                "params",
                "answer",
                "to",
                "to_key",
                "provider_id",
                moment="ended_at",
            ),
        ),
        DataClass(
            "audit_values",
            _("Earlier values beside the audit"),
            _("What names, numbers and texts were before and after a change; that there was one stays."),
            None,
            _audited_values,
        ),
        DataClass(
            "audit_addresses",
            _("Network addresses in the audit"),
            _("From where somebody acted."),
            24,
            _addresses,
        ),
        DataClass(
            "import_files",
            _("Files of imports"),
            _("Uploads and error files; the counts of the import stay."),
            3,
            _import_files,
        ),
        DataClass(
            "left_contacts",
            _("Contacts who left"),
            _("They are erased, with a receipt each; main contacts are not."),
            None,
            _unused_contacts,
        ),
    ):
        register(data)

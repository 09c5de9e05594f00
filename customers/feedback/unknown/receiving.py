"""Feedback is taken in once; whose address or number is known exactly is linked in the same act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers import attachments, company, recognising, stubs
from customers.erasure import names
from customers.feedback import desk, files, links
from customers.feedback.unknown.handling import tell
from customers.feedback.unknown.linking import file
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Complaint, Contact, Customer, FeedbackKind, Product, UnknownFeedback, User

LONGEST = 10_000  # letters
MOST_A_DAY = 3
"""Pieces of feedback that are linked to one customer without a press: each opens a case and writes to her."""

PROGRAM = "api:"
"""How sources begin whose ids may come again; those of forms are drawn for a visit, of letters for one."""


ERASED = "feedback"
"""What the ids of emptied feedback are called among the erased names."""


class NothingSaid(Refused):
    code = "feedback_without_text"
    message = _("Please write what it is about.")


def receive_feedback(
    *,
    kind: str,
    text: str,
    source: str,
    external_id: str,
    channel: str = Complaint.Channel.WEB,
    name: str = "",
    reach: str = "",
    order: str = "",
    product: Product | None = None,
    severity: int = Complaint.Severity.MEDIUM,
    language: str = "",
    uploads: Sequence[UploadedFile] = (),
    occurred_at: datetime | None = None,
    by: User | None = None,
    at: datetime,
) -> UnknownFeedback:
    """Take what somebody says of whom we do not know who she is; received twice it is one.

    Args:
        source, external_id: where it came in, and its name there.
        name, reach, order: as she wrote them; ``reach`` an e-mail address or phone number.
        language: in which she wrote; the company's unless given.
        by: who handed it in, where that was no machine of ours.

    Where ``reach`` is exactly that of one customer it is linked in the same transaction. Raises
    :class:`NothingSaid`, ``WasErased`` for what a program sends again though it was erased, and what files
    are refused for. Side effects: event ``feedback.unknown`` unless it is linked; audit ``feedback.receive``.
    """
    text = text.replace("\0", "").strip()[:LONGEST]
    if not text:
        raise NothingSaid()
    files.check(uploads)
    respond_by, due_at = desk.promised(FeedbackKind(kind), at=at)
    stored: list[str] = []
    try:
        with transaction.atomic():
            row = UnknownFeedback.objects.create(
                kind=FeedbackKind(kind),
                channel=Complaint.Channel(channel),
                text=text,
                stated_name=_plain(name, "stated_name"),
                stated_reach=_plain(reach, "stated_reach"),
                stated_order=_plain(order, "stated_order"),
                product=product,
                severity=Complaint.Severity(severity),
                language=language or company.current().language,
                source=source,
                external_id=external_id,
                occurred_at=min(occurred_at or at, at),
                recorded_at=at,
                respond_by=respond_by,
                due_at=due_at,
                owner=desk.next_owner(),
                **links.new(),
            )
            _refuse_erased(row)
            files.keep(row, uploads, stored=stored, at=at)
            codes = {"kind": row.kind, "channel": row.channel, "files": len(stored)}
            audit.record("feedback.receive", obj=row, by=by, at=at, codes=codes)
            if not _recognised(row, at=at):
                tell("feedback.unknown", row, at=at)
    except IntegrityError:
        attachments.drop(stored)
        known = UnknownFeedback.objects.filter(source=source, external_id=external_id).first()
        if known is None or not external_id:
            raise
        return known
    except BaseException:
        attachments.drop(stored)
        raise
    return row


def _refuse_erased(row: UnknownFeedback) -> None:
    """Raise ``WasErased`` for what was emptied before; once it is written, so that no erasing is missed."""
    if row.source.startswith(PROGRAM):
        gone = names.erased(ERASED, [row.external_id], source=row.source)
        if row.external_id in gone:
            raise names.WasErased(name=row.external_id, at=gone[row.external_id])


def _recognised(row: UnknownFeedback, *, at: datetime) -> bool:
    """Link feedback whose writer is known exactly; say whether she is.

    Who is known so often in a day may be somebody else in her name: people look at the rest.
    """
    person = (
        recognising.recognise(name=row.stated_name, reach=row.stated_reach, at=at)
        if row.stated_reach
        else None
    )
    if person is None:
        return False
    customer = Customer.objects.get(pk=stubs.held(person.customer_id))
    if _had_enough(customer.pk, at=at):
        return False
    contact = Contact.objects.filter(pk=person.contact_id).select_related("customer").first()
    file(row, customer=customer, contact=contact, kind="", by=None, at=at)
    return True


def _had_enough(customer_id: int, *, at: datetime) -> bool:
    """Say whether as much was linked to a customer by itself within a day as is."""
    since = at - timedelta(days=1)
    linked = UnknownFeedback.objects.filter(
        complaint__customer_id=customer_id, ended_by=None, ended_at__gt=since
    )
    return linked.count() >= MOST_A_DAY


def _plain(text: str, field: str) -> str:
    longest = UnknownFeedback._meta.get_field(field).max_length  # type: ignore[union-attr]
    return " ".join(text.replace("\0", "").split())[:longest]

"""Feedback from somebody unknown: received, taken by a colleague, linked to a customer or handled without.

Whose address or number is known exactly is linked in the same act, so that it never waits in the inbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from customers import attachments, company, complaints, customers, recognising, stubs
from customers.feedback import desk, files, links
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Complaint, Contact, Customer, FeedbackKind, Order, Product, UnknownFeedback, User
from customers.models.people import Role

LONGEST = 10_000  # letters
MOST_A_DAY = 3
"""Pieces of feedback that are linked to one customer without a press: each opens a case and writes to her."""
State, Answer = UnknownFeedback.State, UnknownFeedback.Answer


class NothingSaid(Refused):
    code = "feedback_without_text"
    message = _("Please write what it is about.")


class FeedbackEnded(Refused):
    code = "feedback_ended"
    message = _("Somebody else has seen to this meanwhile. Load the page again.")


class NotAnswered(Refused):
    code = "feedback_not_answered"
    message = _("Write what was answered, and where.")


class NoReach(Refused):
    code = "feedback_without_reach"
    message = _("No address and no number was left: choose an answer in public or in general.")


class HasReach(Refused):
    code = "feedback_with_reach"
    message = _("An e-mail address or a phone number was left: answer there, and choose “answered directly”.")


class CannotOwn(Refused):
    code = "feedback_owner"
    message = _("Choose somebody who works here and looks after customers.")


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
    :class:`NothingSaid`, and what files are refused for. Side effects: event ``feedback.unknown`` unless it
    is linked; audit ``feedback.receive``.
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
            files.keep(row, uploads, stored=stored, at=at)
            codes = {"kind": row.kind, "channel": row.channel, "files": len(stored)}
            audit.record("feedback.receive", obj=row, by=by, at=at, codes=codes)
            if not _recognised(row, at=at):
                _tell("feedback.unknown", row, at=at)
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


def link_feedback(
    row: UnknownFeedback,
    *,
    customer: Customer,
    contact: Contact | None = None,
    kind: str = "",
    by: User | None,
    at: datetime,
) -> Complaint:
    """Say whose feedback it is: it becomes hers, as of when she spoke and with what she was promised.

    Args:
        contact: who at the customer it was, where that is known.
        kind: what it is in truth; as she called it unless given.

    Raises :class:`FeedbackEnded` when it was linked or handled already, so that of two who press at once one
    files. Side effects: those of ``file_complaint``; her files become the customer's; event
    ``feedback.linked``; audit ``feedback.link``.
    """
    with transaction.atomic():
        complaint = _file(row, customer=customer, contact=contact, kind=kind, by=by, at=at)
        codes = {"complaint": complaint.pk}
        _tell("feedback.linked", row, at=at, customer_id=complaint.customer_id, **codes)
        audit.record("feedback.link", obj=row, by=by, at=at, customer_id=complaint.customer_id, codes=codes)
    return complaint


def create_customer_from(
    row: UnknownFeedback,
    *,
    name: str,
    contact: dict[str, Any],
    is_company: bool = False,
    owner: User | None = None,
    kind: str = "",
    by: User | None,
    at: datetime,
) -> Complaint:
    """Make a customer of who wrote, and link it; raises and does what both verbs do."""
    with transaction.atomic():
        _hold(row)
        made = customers.create_customer(
            name=name,
            kind=Customer.Kind.COMPANY if is_company else Customer.Kind.PERSON,
            contact={"language": row.language, **contact},
            owner=owner,
            by=by,
            at=at,
        )
        return link_feedback(row, customer=made, contact=made.contacts.get(), kind=kind, by=by, at=at)


def handle_without_customer(
    row: UnknownFeedback, *, answered: str, words: str, by: User | None, at: datetime
) -> UnknownFeedback:
    """End feedback that is nobody's: it was answered directly, in public or in general, or needs no answer.

    Args:
        answered: an ``UnknownFeedback.Answer``.
        words: what was answered, and where; needed unless there is nothing to answer.

    Raises :class:`FeedbackEnded`, :class:`NotAnswered`, :class:`NoReach`, :class:`HasReach`. Side effects:
    event ``feedback.handled``; audit ``feedback.handle``.
    """
    answered = Answer(answered)
    if answered != Answer.NONE and not words.strip():
        raise NotAnswered()
    if answered == Answer.DIRECT and not row.stated_reach:
        raise NoReach()
    if answered in (Answer.PUBLIC, Answer.GENERAL) and row.stated_reach:
        raise HasReach()
    with transaction.atomic():
        _end(row, State.HANDLED, answered=answered, answer_text=words.strip(), by=by, at=at)
        _tell("feedback.handled", row, at=at, answer=str(answered))
        audit.record("feedback.handle", obj=row, by=by, at=at, codes={"answer": str(answered)})
    return row


def assign_feedback(row: UnknownFeedback, *, to: User, by: User | None, at: datetime) -> UnknownFeedback:
    """Say who sees to it; raise :class:`CannotOwn`, :class:`FeedbackEnded`. Event
    ``feedback.assigned``, audit ``feedback.assign``.
    """
    if not to.is_active or to.role in (Role.INTEGRATION, Role.ANALYST):
        raise CannotOwn()
    with transaction.atomic():
        _hold(row)
        if row.owner_id != to.pk:
            UnknownFeedback.objects.filter(pk=row.pk).update(owner=to)
            row.owner = to
            _tell("feedback.assigned", row, at=at)
            audit.record("feedback.assign", obj=row, by=by, at=at, codes={"to": to.pk})
    return row


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
    _file(row, customer=customer, contact=contact, kind="", by=None, at=at)
    return True


def _had_enough(customer_id: int, *, at: datetime) -> bool:
    """Say whether as much was linked to a customer by itself within a day as is."""
    since = at - timedelta(days=1)
    linked = UnknownFeedback.objects.filter(
        complaint__customer_id=customer_id, ended_by=None, ended_at__gt=since
    )
    return linked.count() >= MOST_A_DAY


def _file(
    row: UnknownFeedback,
    *,
    customer: Customer,
    contact: Contact | None,
    kind: str,
    by: User | None,
    at: datetime,
) -> Complaint:
    stubs.held(customer.pk)
    _hold(row)
    zone_day = company.today(row.due_at).number - 1  # it ends with that local day
    complaint = complaints.file_complaint(
        customer,
        text=row.text,
        kind=kind or row.kind,
        channel=row.channel,
        severity=row.severity,
        contact=contact,
        order=_order(row, customer),
        product=row.product,
        respond_by=row.respond_by,
        due_day=zone_day,
        occurred_at=row.occurred_at,
        by=by,
        at=at,
    )
    _end(row, State.LINKED, complaint=complaint, by=by, at=at)
    with override(company.current().language):
        note = gettext("came with feedback no. %(number)s") % {"number": complaint.pk}
    files.hand_over(row, complaint, note=note, at=at)
    return complaint


def _order(row: UnknownFeedback, customer: Customer) -> Order | None:
    """Return the customer's order that she named, if there is exactly one."""
    if not row.stated_order:
        return None
    found = list(Order.objects.filter(number=row.stated_order, customer=customer, void=False)[:2])
    return found[0] if len(found) == 1 else None


def _hold(row: UnknownFeedback) -> None:
    """Hold a row against everybody else; raise :class:`FeedbackEnded` unless it is open."""
    rows = UnknownFeedback.objects.select_for_update().filter(pk=row.pk)
    state = rows.values_list("state", flat=True).first()
    if state != State.OPEN:
        raise FeedbackEnded()


def _end(row: UnknownFeedback, state: str, *, by: User | None, at: datetime, **values: Any) -> None:
    """End a row; the guarded update decides between two."""
    values |= {"state": state, "ended_at": at, "ended_by": by}
    if not UnknownFeedback.objects.filter(pk=row.pk, state=State.OPEN).update(**values):
        raise FeedbackEnded()
    for name, value in values.items():
        setattr(row, name, value)


def _tell(
    kind: str, row: UnknownFeedback, *, at: datetime, customer_id: int | None = None, **codes: Any
) -> None:
    data = {"kind": row.kind, "severity": row.severity, **codes}
    events.record(kind, customer_id=customer_id, subject=row, occurred_at=at, data=data)


def _plain(text: str, field: str) -> str:
    longest = UnknownFeedback._meta.get_field(field).max_length  # type: ignore[union-attr]
    return " ".join(text.replace("\0", "").split())[:longest]

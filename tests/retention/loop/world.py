"""The smallest true loops, made by the verbs that open them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from customers import complaints, tracking
from customers.ground import events, outbox
from customers.models import Complaint, Customer, Mention, Sender, UnknownFeedback, User
from retention import loop as looping
from retention.models import LoopClosure, LoopStep
from tests.factories import NOW, day

SOON = NOW + timedelta(seconds=1)
WORDS = "You get a new one on Tuesday."


def drained(at: datetime = SOON) -> None:
    """Let the worker do what is due."""
    while outbox.drain(at=at):
        pass


def filed(customer: Customer, *, at: datetime = NOW, **values: Any) -> LoopClosure:
    """File something of a customer and return its loop."""
    said = {"text": "It arrived broken.", "contact": customer.contacts.first(), "by": None, "at": at}
    complaint: Complaint = complaints.file_complaint(customer, **{**said, **values})
    drained(at + timedelta(seconds=1))
    return LoopClosure.objects.get(complaint=complaint)


def unknown(*, at: datetime = NOW, **values: Any) -> UnknownFeedback:
    """Make feedback from somebody unknown, with a link to follow it."""
    salt = tracking.new_salt()
    row = UnknownFeedback.objects.create(
        **{
            "kind": "complaint",
            "channel": "web",
            "text": "Nobody answers the phone.",
            "language": "en",
            "source": "form",
            "external_id": salt,
            "occurred_at": at,
            "recorded_at": at,
            "respond_by": at + timedelta(hours=3),
            "due_at": at + timedelta(days=4),
            "salt": salt,
            "token_hash": tracking.hash_of(tracking.token_of(salt)),
            **values,
        }
    )
    events.record("feedback.unknown", customer_id=None, subject=row, occurred_at=at)
    return row


def mentioned(customer: Customer | None = None, *, at: datetime = NOW, **values: Any) -> Mention:
    """Make a negative mention and its news."""
    number = Mention.objects.count()
    row = Mention.objects.create(
        **{
            "customer": customer,
            "platform": "weibo",
            "external_id": f"m{number}",
            "text": "Never again.",
            "sentiment": "negative",
            "source": "form",
            "occurred_at": at,
            "occurred_day": day(at),
            "recorded_at": at,
            **values,
        }
    )
    events.record(
        "mention.recorded",
        customer_id=row.customer_id,
        subject=row,
        occurred_at=at,
        data={"negative": row.sentiment == "negative"},
    )
    return row


def mail_sender() -> Sender:
    """Put a way out for e-mail into use; nothing leaves in these tests."""
    return Sender.objects.create(
        name="Mail", channel="email", kind="smtp", is_active=True, hook="h", made_at=NOW, changed_at=NOW
    )


def worked(loop: LoopClosure, *, by: User, cause: Any = None, at: datetime = SOON) -> LoopClosure:
    """Do all that is needed before the customer can be asked."""
    from customers.models import Cause

    looping.log_contact(loop, text="Talked.", by=by, at=at)
    if loop.kind == "complaint":
        looping.diagnose_loop(loop, cause=cause or Cause.objects.get(code="price"), by=by, at=at)
    action = looping.ACTIONS[loop.kind][0]
    return looping.act(loop, action=action, text="Sent a new one.", by=by, at=at)


def asked(loop: LoopClosure, *, by: User, at: datetime = SOON) -> LoopClosure:
    """Work on a loop and ask the customer, the link passed on by hand."""
    return looping.ask_customer(worked(loop, by=by, at=at), message=WORDS, by_hand=True, by=by, at=at)


def kinds(loop: LoopClosure) -> list[str]:
    """Return the kinds of the steps of a loop, in order."""
    return list(LoopStep.objects.filter(loop=loop).order_by("at", "id").values_list("kind", flat=True))


def closed(customer: Customer, *, by: User, at: datetime = SOON) -> None:
    """Bring all feedback of a customer to its end: told, asked and confirmed."""
    for loop in LoopClosure.objects.open().filter(customer=customer):  # type: ignore[attr-defined]
        looping.confirm(asked(loop, by=by, at=at), words="She said so.", by=by, at=at)

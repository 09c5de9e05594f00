"""What opens loops and moves them on: news of feedback, contacts and messages."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from customers.ground import events, outbox
from customers.ground.models import OutboxRow
from customers.models import Complaint, Interaction, Mention, UnknownFeedback
from retention.cases.holders import hold_desk
from retention.loop import asking, contacting, following, opening, owners
from retention.models import LoopClosure
from surveys.answering import EVENT as ANSWERED
from surveys.models import SurveyResponse

COMPLAINT, RESPONSE = "retention.complaint_opens_loop", "retention.answer_opens_loop"
MENTION, UNKNOWN = "retention.mention_opens_loop", "retention.unknown_opens_loop"
CONTACT, MESSAGE = "retention.contact_of_loop", "retention.message_of_loop"
REVISED = "retention.loop_follows_complaint"
State = LoopClosure.State

LISTENS = {
    COMPLAINT: ("complaint.filed", "complaint.reopened", "feedback.filed", "feedback.reopened"),
    RESPONSE: (ANSWERED,),
    MENTION: ("mention.recorded", "mention.judged", "mention.matched", "mention.removed"),
    UNKNOWN: ("feedback.unknown", "feedback.assigned", "feedback.handled"),
    CONTACT: ("interaction.logged",),
    MESSAGE: ("message.ended",),
    REVISED: ("complaint.due", "complaint.described", "feedback.due", "feedback.described"),
}


def subscribe() -> None:
    """Have feedback open loops (called once, when the app is ready; after what opens cases)."""
    for handler, kinds in LISTENS.items():
        for kind in kinds:
            events.subscribe(kind, handler)


@outbox.handler(COMPLAINT)
def complaint_opens_loop(row: OutboxRow, at: datetime) -> None:
    """Open the loop of what was filed; one that somebody opened again on its page goes on with the lead.

    What was brought in as history or voided has none, nor what was resolved when it was filed.
    """
    event = row.event
    if event is None or event.data.get("history"):
        return
    complaint = Complaint.objects.select_related("customer__owner", "contact").get(pk=event.subject_id)
    if complaint.void or (event.kind.endswith(".filed") and event.data.get("resolved")):
        return
    loop = opening.open_for_complaint(complaint, at=at)
    if complaint.state != Complaint.State.OPEN:
        return
    if event.kind.endswith(".reopened"):
        following.reopened_by_us(loop, at=at)
    else:
        following.linked_late(loop, at=at)


@outbox.handler(RESPONSE)
def answer_opens_loop(row: OutboxRow, at: datetime) -> None:
    """Open the loop of a low answer or a wish to be called, also of one that nobody signed."""
    if row.event is None:
        return
    found = SurveyResponse.objects.select_related("customer__owner", "contact").filter(
        pk=row.event.subject_id, void=False
    )
    response = found.first()
    if response is not None and (response.is_low or response.wants_call):
        opening.open_for_response(response, at=at)


@outbox.handler(MENTION)
def mention_opens_loop(row: OutboxRow, at: datetime) -> None:
    """Open the loop of a negative mention; of one that was matched, let it know of whom it is.

    What was brought in as history has none. That of a removed one is taken back, and goes on when the post
    is entered again.
    """
    event = row.event
    if event is None or event.data.get("history"):
        return
    found = Mention.objects.filter(pk=event.subject_id)
    has_loop = Exists(LoopClosure.objects.filter(mention=OuterRef("pk")))
    if not found.filter(has_loop | Q(sentiment=Mention.Sentiment.NEGATIVE)).exists():
        return
    hold_desk()  # so that what is read from here on stands until the loop does
    mention = found.get()
    if mention.void:
        known = LoopClosure.objects.filter(mention=mention).first()
        if known is not None and event.kind == "mention.removed":
            following.was_removed(known, at=event.occurred_at)
        return
    loop = opening.open_for_mention(mention, at=at)
    if mention.sentiment == Mention.Sentiment.NEGATIVE:
        following.entered_again(loop, at=at)


@outbox.handler(UNKNOWN)
def unknown_opens_loop(row: OutboxRow, at: datetime) -> None:
    """Open the loop of feedback from nobody known; what was handled without a customer is answered."""
    if row.event is None:
        return
    unknown = UnknownFeedback.objects.filter(pk=row.event.subject_id).first()
    loop = opening.open_for_unknown(unknown, at=at) if unknown is not None else None
    if unknown is None or loop is None or not loop.is_open:
        return
    unknown.refresh_from_db()
    # what was not solved stays with the lead, whoever had it in the inbox
    if loop.level == 1 and unknown.owner is not None and owners.may_own(unknown.owner):
        owners.assign_loop(loop, to=unknown.owner, by=None, at=at)
    if unknown.state == UnknownFeedback.State.HANDLED:
        following.was_handled(loop, unknown, at=unknown.ended_at or at)


@outbox.handler(CONTACT)
def contact_of_loop(row: OutboxRow, at: datetime) -> None:
    """Let a contact with the customer stand in the loops that wait for one."""
    event = row.event
    if event is None or event.kind != "interaction.logged":
        return
    interaction = Interaction.objects.filter(pk=event.subject_id, void=False).select_related("by").first()
    if interaction is not None and interaction.direction == Interaction.Direction.OUT:
        contacting.heard_of(interaction)


@outbox.handler(REVISED)
def loop_follows_complaint(row: OutboxRow, at: datetime) -> None:
    """Let another due day or severity of a complaint be its loop's."""
    if row.event is not None:
        is_due = row.event.kind.endswith(".due")
        follow = following.follow_due if is_due else following.follow_severity
        follow(row.event.subject_id or 0, at=at)


@outbox.handler(MESSAGE)
def message_of_loop(row: OutboxRow, at: datetime) -> None:
    """Take back that a customer was asked whom the message did not reach."""
    loop = asking.loop_not_reached(row.event.subject_id or 0) if row.event is not None else None
    if loop is not None:
        following.not_delivered(loop, at=at)

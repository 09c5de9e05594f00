"""What feedback still needs before the customer can be told and asked whether it is solved."""

from __future__ import annotations

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.models import FeedbackKind
from retention.models import LoopClosure, LoopStep

Action = LoopClosure.Action
Kind = LoopStep.Kind


class Need(models.TextChoices):
    """The steps that a loop needs, in their order."""

    CONTACT = "contact", _("a contact with the customer, or three attempts on two days")
    CAUSE = "cause", _("the cause")
    ACTION = "action", _("what was done")
    MESSAGE = "message", _("the message to the customer")


NEEDS: dict[str, tuple[Need, ...]] = {
    FeedbackKind.COMPLAINT: (Need.CONTACT, Need.CAUSE, Need.ACTION, Need.MESSAGE),
    FeedbackKind.QUESTION: (Need.ACTION, Need.MESSAGE),  # the answer is the contact
    FeedbackKind.SUGGESTION: (Need.ACTION, Need.MESSAGE),
    FeedbackKind.PRAISE: (Need.ACTION, Need.MESSAGE),
}
ACTIONS: dict[str, tuple[Action, ...]] = {
    FeedbackKind.COMPLAINT: tuple(one for one in Action if one != Action.THANKED),
    FeedbackKind.QUESTION: tuple(one for one in Action if one != Action.THANKED),
    FeedbackKind.SUGGESTION: (Action.IMPROVED, Action.REFUSED),
    FeedbackKind.PRAISE: (Action.THANKED,),
}
"""What may be done about each kind: a suggestion is taken up or declined with the reason."""
BEGINS_ANEW = (Kind.NOT_SOLVED, Kind.REMATCHED)
"""The steps after which the customer has to hear from us again."""


class LoopUnfinished(Refused):
    code = "loop_unfinished"
    message = _("This feedback cannot be closed yet. Missing: %(missing)s.")


def missing(loop: LoopClosure, *, message: str = "") -> list[Need]:
    """Return what a loop lacks, in order; ``message``: what shall be told, if that is known already."""
    has = {
        Need.CONTACT: Need.CONTACT not in NEEDS[loop.kind] or was_contacted(loop),
        Need.CAUSE: loop.cause_id is not None,
        Need.ACTION: bool(loop.action),
        Need.MESSAGE: bool(message.strip() or (loop.message_text and loop.state == LoopClosure.State.ASKED)),
    }
    return [need for need in NEEDS[loop.kind] if not has[need]]


def in_words(needs: list[Need]) -> str:
    """Return what is missing as one list in words."""
    return gettext(", ").join(str(need.label) for need in needs)


def was_contacted(loop: LoopClosure) -> bool:
    """Say whether the customer heard from us, or was tried often enough, in this round."""
    if loop.contacted_at is None:
        return False
    if not loop.reopened:
        return True
    return of_this_round(loop).filter(kind=Kind.CONTACTED).exists()


def of_this_round(loop: LoopClosure) -> QuerySet[LoopStep]:
    """Return the steps since it was last not solved, or found to be somebody else's.

    A call before that counts as before it, whenever it was written.
    """
    steps = LoopStep.objects.filter(loop=loop)
    last = steps.filter(kind__in=BEGINS_ANEW).order_by("-at", "-id").first()
    return steps if last is None else steps.filter(Q(at__gt=last.at) | Q(at=last.at, id__gt=last.pk))

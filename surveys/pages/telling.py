"""What became of an invitation by message, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from customers import callbacks
from customers.contact.budget import zone_of
from surveys.models import SurveyDispatch

State = SurveyDispatch.State


@dataclass(frozen=True)
class Verdict:
    """A sentence, and its tone for a note: success, warning or error."""

    tone: str
    text: str


def verdict(dispatch: SurveyDispatch) -> Verdict:
    """Return what became of it so far; moments are on the customer's clock."""
    words = {"name": dispatch.contact.name, "channel": dispatch.get_channel_display()}
    if dispatch.state == State.WAITING:
        reservation = dispatch.reservation
        if reservation.due_at is None:  # granted just now: the worker goes on
            return Verdict("success", _("%(name)s is asked by %(channel)s: it is being sent.") % words)
        words["until"] = callbacks.promise(reservation.due_at, zone_of(dispatch.customer))
        words["reason"] = reservation.get_reason_display()
        return Verdict("warning", _("Not sent yet: it waits until %(until)s (%(reason)s).") % words)
    if dispatch.state == State.CLOSED:
        return Verdict("error", _("Not sent: %(reason)s.") % {"reason": dispatch.get_reason_display()})
    if dispatch.state == State.SENDING:
        return Verdict("success", _("%(name)s is asked by %(channel)s: it is being sent.") % words)
    return Verdict("success", _("%(name)s was asked by %(channel)s.") % words)

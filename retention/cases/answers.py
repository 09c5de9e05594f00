"""A low answer, or a wish to be called, opens or joins a recovery case at once, with the call promised.

Without a rule, a cool-down or a hold-out: what was promised is kept (decision 14).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from customers import company
from customers.ground import events, outbox
from customers.ground.models import OutboxRow
from retention.calls.planning import promise_call
from retention.cases.opening import open_case
from retention.models import CaseMove
from retention.models.rules import CaseKind, Severity
from surveys.answering import EVENT
from surveys.models import SurveyResponse

HANDLER = "retention.answer_opens_case"


def subscribe() -> None:
    """Have answers open cases (called once, when the app is ready)."""
    events.subscribe(EVENT, HANDLER)


@outbox.handler(HANDLER)
def answer_opens_case(row: OutboxRow, at: datetime) -> None:
    """Open or join a recovery case for the response that the event tells of; once for each event.

    Good answers without a wish to be called, and anonymous ones, open nothing. The call is due by the moment
    that was promised; a sooner deadline of a case that was open before stays.
    """
    event = row.event
    if event is None:
        return
    found = SurveyResponse.objects.select_related("customer", "survey").filter(pk=event.subject_id)
    response = found.first()
    if response is None or response.void or response.customer is None:
        return
    if not (response.is_low or response.wants_call):
        return
    if CaseMove.objects.filter(case__customer=response.customer_id, codes__event=event.pk).exists():
        return
    with transaction.atomic(), translation.override(company.current().language):
        reason = _reason(response)
        case = open_case(
            response.customer,
            kind=CaseKind.RECOVERY,
            severity=Severity.HIGH if response.wants_call else Severity.MEDIUM,
            reason=reason,
            codes={"event": event.pk, "response": response.pk},
            by=None,
            at=at,
        )
        if response.promised_at is not None:
            promise_call(case, due_at=response.promised_at, reason=reason, by=None, at=at)


def _reason(response: SurveyResponse) -> str:
    """Say in a sentence why somebody should call; what she wrote stands on the timeline."""
    values = {"survey": response.survey, "score": response.score, "metric": response.metric.upper()}
    if response.score is None:
        said = _("Answered the survey “%(survey)s”.") % values
    else:
        said = _("Answered the survey “%(survey)s”: %(metric)s %(score)s.") % values
    if response.stated_name or response.stated_reach:  # anybody can write somebody else's address
        said = f"{said} {_('By an open link; who it was is only what was written there.')}"
    return f"{said} {_('Asked to be called.')}" if response.wants_call else said

"""Who was asked, and whether she answered: noted by the verbs that ask and that take an answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from customers import company, stubs, touched, writing
from surveys.models import Invitation, SurveyAsked


def note(invitations: Iterable[Invitation], *, at: datetime) -> list[SurveyAsked]:
    """Note that customers were asked at ``at`` by these invitations; call it when the asking leaves us.

    Those of open links are left out: nobody knows who saw them. Side effects: touches the customers.
    """
    asked = [(one, one.customer_id) for one in invitations if one.customer_id is not None]
    now = stubs.resolved(customer_id for _one, customer_id in asked)
    when = writing.moments(at=at)
    day = company.today(when.occurred_at).number
    rows = SurveyAsked.objects.bulk_create(
        SurveyAsked(
            customer_id=now[customer_id],
            survey_id=one.survey_id,
            invitation=one,
            contact_id=one.contact_id,
            occurred_at=when.occurred_at,
            occurred_day=day,
            recorded_at=when.recorded_at,
        )
        for one, customer_id in asked
    )
    touched.mark({row.customer_id for row in rows}, at=when.recorded_at)
    return rows


def note_answer(invitation: Invitation, *, at: datetime) -> SurveyAsked | None:
    """Note that who was asked by an invitation answered at ``at``; return that, nothing of an open link."""
    row = SurveyAsked.objects.filter(invitation=invitation).select_for_update().first()
    if row is not None:
        writing.revise(row, at=max(at, row.recorded_at), answered_day=company.today(at).number, void=False)
    return row


def take_back(invitation: Invitation, *, at: datetime) -> None:
    """Void that somebody was asked: what was to bring her the link never reached her, nor did she answer."""
    asked = SurveyAsked.objects.filter(invitation=invitation, void=False, answered_day=None)
    row = asked.select_for_update().first()
    if row is not None:
        writing.void(row, at=max(at, row.recorded_at))

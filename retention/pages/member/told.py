"""What a contact told us, and what came of it, in words for her.

She sees her own answers and complaints; what nobody is named for she sees where the customer is a person,
and complaints also where she is the main contact. Complaints show no words: colleagues wrote them down.
What we wrote, and the page where she says whether it is solved, she sees where we wrote to her.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers import callbacks
from customers.models import Complaint, Contact, Customer
from retention import loop as looping
from retention.improving import telling
from retention.models import LoopClosure
from retention.pages import loop_status
from retention.pages.member.visit import Visit
from surveys.definition import Definition, read, said
from surveys.definition.reading import DefinitionRefused
from surveys.models import SurveyResponse

FIRST = 3
PAGE = 10
MOST_COMPLAINTS = 20
State = LoopClosure.State


@dataclass(frozen=True)
class Came:
    """What came of one thing: in words, with what we wrote to her and where she sees more."""

    text: str
    message: str = ""
    address: str = ""
    is_done: bool = False


@dataclass(frozen=True)
class Answer:
    """One answer to a survey."""

    title: str
    at: datetime
    score: str
    comment: str
    came: Came
    improved: list[str]  # what we changed since and told her of


@dataclass(frozen=True)
class Filed:
    """One complaint, suggestion or question that is still open."""

    label: str
    at: datetime
    came: Came


def answers(visit: Visit, *, number: Any = 1, size: int = PAGE) -> Page[SurveyResponse]:
    """Return a page of her answers, newest first."""
    rows = (
        SurveyResponse.objects.filter(_hers(visit.contact, whole=False), void=False, customer=visit.customer)
        .select_related("survey", "version", "loop__contact", "loop__customer")
        .order_by("-occurred_at", "-id")
    )
    return Paginator(rows, size).get_page(number)


def shown(rows: Page[SurveyResponse], visit: Visit) -> list[Answer]:
    """Return answers as the page shows them."""
    loops = [row.loop.pk for row in rows if hasattr(row, "loop")]
    improved = telling.told_of_loops(visit.contact, loops, visit.language)
    return [
        Answer(
            _title(row, visit.language),
            row.occurred_at,
            _score(row),
            row.comment,
            _came_of(getattr(row, "loop", None), visit) or Came(_("Received. Thank you.")),
            improved.get(row.loop.pk, []) if hasattr(row, "loop") else [],
        )
        for row in rows
    ]


def complaints(visit: Visit) -> list[Filed]:
    """Return what she is still waiting for an end of, oldest first."""
    rows: QuerySet[Complaint] = Complaint.objects.filter(
        _hers(visit.contact, whole=visit.contact.is_main),
        customer=visit.customer,
        void=False,
        state=Complaint.State.OPEN,
    )
    rows = rows.select_related("loop__contact", "loop__customer").order_by("occurred_at", "id")
    return [
        Filed(
            str(row.get_kind_display()),
            row.occurred_at,
            _came_of(getattr(row, "loop", None), visit) or Came(_("Received. You will hear from us.")),
        )
        for row in rows[:MOST_COMPLAINTS]
    ]


def _hers(contact: Contact, *, whole: bool) -> Q:
    """Return the condition for what she said; with what nobody is named for where that is hers, too."""
    hers = Q(contact=contact)
    if whole or contact.customer.kind == Customer.Kind.PERSON:
        hers |= Q(contact=None)
    return hers


def _title(row: SurveyResponse, language: str) -> str:
    try:
        definition: Definition = read(row.version.document)
    except DefinitionRefused:
        return str(row.survey)
    return said(definition.title, language) or str(row.survey)


def _score(row: SurveyResponse) -> str:
    if row.score is None:
        return ""
    most = row.points - 1 if row.metric == "nps" else row.points
    return _("You gave %(score)s of %(most)s.") % {"score": row.score, "most": most}


def _came_of(loop: LoopClosure | None, visit: Visit) -> Came | None:
    if loop is None:
        return None
    is_hers = loop.contact_id == visit.contact.pk  # else the words and their page are somebody else's
    address = looping.status_address(loop) if is_hers and loop_status.leads_on(loop, at=visit.at) else ""
    message = loop.message_text if is_hers else ""
    if loop.state in (State.ANSWERED, State.UNCONFIRMED):
        return Came(_("We answered."), message, address, is_done=True)
    if loop.state == State.CONFIRMED:
        return Came(_("It is solved, as you told us."), message, address, is_done=True)
    if loop.state == State.WITHDRAWN:
        return Came(pgettext("what a customer told", "It is closed."), is_done=True)
    if loop.state == State.ASKED:
        return Came(_("We did something. Please say whether it is solved."), message, address)
    was_heard = loop.contacted_at is not None or loop.reopened > 0
    until = loop.due_at if was_heard else loop.respond_by
    if visit.at > until:
        return Came(_("We are late, and we are sorry. We are working on it."), address=address)
    words = (
        _("We are working on it, and expect to have it solved by %(day)s.")
        if was_heard
        else _("You will hear from us by %(day)s.")
    )
    return Came(words % {"day": callbacks.promise(until, visit.zone)}, address=address)

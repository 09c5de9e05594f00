"""The customer's status page, like that of a parcel: one screen, no sign-in, no cookie, no script.

Looking at it writes nothing; *solved* and *not solved* are presses on a form, so that a scanner of mails,
which only looks, says neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from customers import callbacks, company, tracking
from customers.contact.budget import zone_of
from customers.ground import clock, context
from customers.ground.api import throttles
from customers.ground.errors import Refused
from customers.models import UnknownFeedback
from customers.token_pages import token_page
from retention import loop as looping
from retention.loop.answering import MOST_WORDS
from retention.models import LoopClosure
from surveys.definition import words_language

VISITS_A_MINUTE = 120
"""Of one address; a house that shares one is slowed, not shut out."""
OPEN_FOR = timedelta(days=180)
"""So long after the end the link still opens the page."""
State = LoopClosure.State
_PLACES = {
    State.RECEIVED: 0,
    State.ASSIGNED: 1,
    State.WORKING: 2,
    State.ASKED: 3,
    State.UNCONFIRMED: 3,
    State.CONFIRMED: 4,
    State.ANSWERED: 4,
    State.WITHDRAWN: 4,
}
SOLVED, NOT_SOLVED = "solved", "not_solved"


@dataclass(frozen=True)
class Step:
    """One stop on the way: its name, and whether it is behind us, here, or to come."""

    label: str
    state: str  # done, here, ahead


@dataclass(frozen=True)
class Shown:
    """What the page says, of a loop or of feedback that has none yet."""

    state: str
    received_at: datetime
    respond_by: datetime
    due_at: datetime
    name: str = ""
    message: str = ""
    was_heard: bool = False  # she had our first word, or said herself that it is not solved
    reopened: int = 0


@require_http_methods(["GET", "HEAD", "POST"])
@token_page("retention:loop_status")
def loop_status(request: HttpRequest, token: str) -> HttpResponse:
    """Show how far it is; take the customer's word on whether it is solved."""
    try:
        throttles.count(
            f"address:{throttles.address_of(request)}:status",  # type: ignore[arg-type]
            limit=VISITS_A_MINUTE,
            at=clock.real_now(),
        )
    except throttles.Throttled as slowed:
        return _slowed(request, slowed)
    with company.reading_once(), context.acting(channel="page", address=""):  # whence she looks is hers
        token_hash = tracking.hash_of(token)
        rows = LoopClosure.objects.select_related("owner", "contact__customer", "customer", "unknown")
        loop = rows.filter(token_hash=token_hash).first()
        unknown = None if loop else UnknownFeedback.objects.filter(token_hash=token_hash).first()
        if company.find() is None or not leads_on(loop or unknown, at=clock.now()):
            return _dead(request)
        language = _language(request, loop, unknown)
        with translation.override(language):
            if loop is None:
                return _page(request, _of_unknown(unknown), language, zone=company.current().time_zone)
            return _answered(request, loop, language)


def leads_on(told: LoopClosure | UnknownFeedback | None, *, at: datetime) -> bool:
    """Say whether a link opens anything: not long after the end, nor for who was erased or is gone."""
    if told is None or (told.ended_at is not None and told.ended_at + OPEN_FOR < at):
        return False
    if isinstance(told, UnknownFeedback):
        return True
    is_erased = told.contact is not None and told.contact.erased_at is not None
    is_gone = told.customer is not None and (
        told.customer.gone_at is not None or told.customer.erased_at is not None
    )
    return not is_erased and not is_gone


def _answered(request: HttpRequest, loop: LoopClosure, language: str) -> HttpResponse:
    error = ""
    if request.method == "POST" and "word" in request.POST:
        error = _take(request, loop)
        loop.refresh_from_db()
    zone = zone_of(loop.customer) if loop.customer is not None else company.current().time_zone
    status = 409 if error else 200
    return _page(request, _of_loop(loop), language, zone=zone, error=error, status=status)


def _take(request: HttpRequest, loop: LoopClosure) -> str:
    """Take her word; return what stands against it, in words for her."""
    word, said = request.POST.get("word"), request.POST.get("words", "").replace("\0", "")[:MOST_WORDS]
    try:
        if word == SOLVED:
            looping.confirm(loop, by=None, at=clock.now())
        elif word == NOT_SOLVED and loop.state == State.CONFIRMED:
            raise looping.LoopEnded(state=loop.state)
        elif word == NOT_SOLVED:
            looping.not_solved(loop, words=said, by=None, at=clock.now())
    except Refused:
        return _("This has moved on meanwhile. Here you see how it stands now.")
    return ""


def _page(
    request: HttpRequest, shown: Shown, language: str, *, zone: str, error: str = "", status: int = 200
) -> HttpResponse:
    others = [(code, name) for code, name in settings.LANGUAGES if code != language]
    values: dict[str, Any] = {
        "words": language,
        "others": others,
        "company": company.current().name,
        "steps": steps(shown.state),
        "shown": shown,
        "received": callbacks.promise(shown.received_at, zone),
        "respond_by": callbacks.promise(shown.respond_by, zone),
        "due_at": callbacks.promise(shown.due_at, zone),
        "is_late": clock.now() > (shown.due_at if shown.was_heard else shown.respond_by),
        "may_say": shown.state in (State.ASKED, State.UNCONFIRMED),
        "most": MOST_WORDS,
        "error": error,
    }
    return render(request, "retention/loops/status.html", values, status=status)


def steps(state: str) -> list[Step]:
    """Return the stops on the way, with the one where it is."""
    here = _PLACES[State(state)]
    labels = [pgettext("a step", "Received"), _("Assigned"), _("In progress"), _("Please confirm"), _("Done")]
    kinds = ["done" if n < here or here == 4 else "here" if n == here else "ahead" for n in range(5)]
    return [Step(label, kind) for label, kind in zip(labels, kinds, strict=True)]


def _of_loop(loop: LoopClosure) -> Shown:
    return Shown(
        state=loop.state,
        received_at=loop.received_at,
        respond_by=loop.respond_by,
        due_at=loop.due_at,
        name=str(loop.owner) if loop.owner is not None else "",
        message=loop.message_text,
        was_heard=loop.contacted_at is not None or loop.reopened > 0,
        reopened=loop.reopened,
    )


def _of_unknown(unknown: UnknownFeedback | None) -> Shown:
    if unknown is None:
        raise ValueError("there is nothing to show")
    is_handled = unknown.state == UnknownFeedback.State.HANDLED
    return Shown(
        state=State.ANSWERED if is_handled else State.RECEIVED,
        received_at=unknown.recorded_at,
        respond_by=unknown.respond_by,
        due_at=unknown.due_at,
    )


def _language(request: HttpRequest, loop: LoopClosure | None, unknown: UnknownFeedback | None) -> str:
    """Return the language of the page: the one she chose, else hers, else the browser's."""
    chosen = request.GET.get("lang", "") or request.POST.get("lang", "")
    if chosen in dict(settings.LANGUAGES):
        return chosen
    unknown = unknown or (loop.unknown if loop is not None else None)
    contact = loop.contact if loop is not None else None
    hers = unknown.language if unknown else contact.language or contact.customer.language if contact else ""
    return words_language(hers) if hers else translation.get_language() or "en"


def _dead(request: HttpRequest) -> HttpResponse:
    """Answer the same to every link that opens nothing."""
    shown = {"words": translation.get_language()}
    return render(request, "retention/loops/status_dead.html", shown, status=404)


def _slowed(request: HttpRequest, slowed: throttles.Throttled) -> HttpResponse:
    seconds = (getattr(slowed, "headers", {}) or {}).get("Retry-After", "60")
    shown = {"seconds": seconds, "words": translation.get_language()}
    response = render(request, "retention/loops/status_slowed.html", shown, status=429)
    response["Retry-After"] = seconds
    return response

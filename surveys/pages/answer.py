"""The customer's page: one screen, no sign-in, no cookie, no script; looking at it writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import callbacks, company
from customers.ground import clock, context
from customers.ground.api import throttles
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.ground.working_time import WorkingCalendar
from customers.token_pages import token_page
from surveys import answering, invitations, reading, stating
from surveys.definition import LANGUAGES, NO, Given, Kind, Question, best, said, shown_of, words_language
from surveys.models import Invitation, OpenLink
from surveys.pages.asking import Field, fields

VISITS_A_MINUTE = 120
"""Of one address; a house that shares one is slowed, not shut out: the next minute is a new one."""
WHO = "who-name"  # the field to which a note leads


@require_http_methods(["GET", "HEAD", "POST"])
@token_page("surveys:answer")
def answer(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the questions of an invitation, keep what was filled in, take it once."""
    try:
        throttles.count(
            f"address:{throttles.address_of(request)}:survey",  # type: ignore[arg-type]
            limit=VISITS_A_MINUTE,
            at=clock.real_now(),
        )
    except throttles.Throttled as slowed:
        return _slowed(request, slowed)
    now = clock.real_now()
    with company.reading_once(), context.acting(channel="page", address=""):  # whence they answer is theirs
        if (invitation := invitations.find(secret, now=now)) is not None:
            return Visit(request, invitation).answered()
        if (link := invitations.find_open(secret)) is not None:
            return _by_open_link(request, link)
    return _dead(request)


def _by_open_link(request: HttpRequest, link: OpenLink) -> HttpResponse:
    """Show the first page to anybody; her first press makes the invitation that she goes on with."""
    wanted = request.GET.get("lang", "") or request.headers.get("Accept-Language", "").split(",")[0]
    language = wanted.split(";")[0]
    if request.method != "POST":
        version = link.survey.versions.order_by("-number").first()
        if version is None:
            return _dead(request)
        unsaved = Invitation(survey=link.survey, version=version, link=link)
        unsaved.language = best(language, version.definition.languages)
        return Visit(request, unsaved, ticket=invitations.ticket(link)).answered()
    now = clock.real_now()
    begun = invitations.begin(link, request.POST.get("ticket", ""), language=language, now=now)
    if begun is None:
        return _dead(request)
    invitation, token = begun
    return Visit(request, invitation, address=f"../{token}/").answered()


@dataclass
class Visit:
    """One look at, or one press on, the page of an invitation."""

    request: HttpRequest
    invitation: Invitation
    ticket: str = ""
    address: str = ""  # where the form goes; here when empty
    errors: dict[str, str] = field(default_factory=dict)
    note: str = ""
    is_asked_who: bool = False  # although something might follow

    def __post_init__(self) -> None:
        self.definition = self.invitation.version.definition
        self.answers = reading.restored(self.invitation.answers)
        self.page = min(self.invitation.page, len(self.definition.pages) - 1)
        wanted = self.request.GET.get("lang", "")
        self.language = best(wanted or self.invitation.language, self.definition.languages)
        self.calendar: WorkingCalendar | None = None
        link = self.invitation.link
        self.asks = link.asks if link is not None else OpenLink.Asks.NOBODY
        self.stated = stating.read(self.request.POST)

    def answered(self) -> HttpResponse:
        """Answer the request."""
        with translation.override(words_language(self.language)):
            if self.request.method != "POST":
                self._prefill()
                return self._page()
            try:
                return self._pressed()
            except answering.LinkClosed:
                return _dead(self.request)

    # --- Looking ------------------------------------------------------------------------------
    def _prefill(self) -> None:
        """Choose what the link says (``?score=3``, ``?q=code:value``); nothing is stored of it."""
        sent = self.request.GET
        score = self.definition.score
        if "score" in sent and score is not None:
            self._choose(score, sent.get("score", ""))
        for one in sent.getlist("q")[:20]:
            code, _colon, value = one.partition(":")
            question = self.definition.question(code)
            if question is not None and question.kind not in (Kind.TEXT, Kind.CONTACT):
                self._choose(question, value)

    def _choose(self, question: Question, value: str) -> None:
        given, wrong = reading.read([question], _One(value), may_call=lambda code: code)
        before = self.answers.get(question.code, Given())
        if not wrong and not given[question.code].is_empty:
            found = given[question.code]
            self.answers[question.code] = Given(found.number, found.chosen, before.text or found.text)

    # --- Pressing -----------------------------------------------------------------------------
    def _pressed(self) -> HttpResponse:
        sent = self.request.POST
        self.page = min(whole(sent.get("page", "")) or 0, len(self.definition.pages) - 1)
        language = sent.get("language", "")
        if language in self.definition.languages:
            self.language = language
            translation.activate(words_language(language))  # ends with the override around it
        wrong = self._take(sent)
        if "language" in sent or "back" in sent:
            self._step(-1 if "back" in sent else 0)
            self._keep()
            return self._page()
        asked = self._asked_here()
        is_new = {one.code for one in asked} - set(sent.get("asked", "").split(","))
        self.errors = reading.missing([one for one in asked if one.code not in is_new], self.answers) | wrong
        if self.errors or is_new:
            self.note = "" if self.errors else _("There is something more to ask; please go on below.")
            self._keep()
            return self._page(status=422 if self.errors else 200, focus=next(iter(is_new), ""))
        if self._step(1):
            self._keep()
            return self._page()
        if self.asks != OpenLink.Asks.NOBODY and (refused := self._asked_who(sent)) is not None:
            return refused
        return self._send()

    def _asked_who(self, sent: Any) -> HttpResponse | None:
        """Ask who she is before anything is sent; return what is wrong with what she wrote."""
        self.is_asked_who = True
        if "who" not in sent:
            self.note = _("One more thing: please say below who you are.")
            self._keep()
            return self._page(focus=WHO)
        is_required = self.asks == OpenLink.Asks.REQUIRED
        self.errors |= stating.problems(self.stated, is_required=is_required)
        if not self.errors:
            return None
        self._keep()
        return self._page(status=422)

    def _take(self, sent: Any) -> dict[str, str]:
        """Put what was typed on this page in the place of what was known; return what is wrong."""
        here = self.definition.pages[self.page].questions
        posted = set(sent.get("asked", "").split(","))
        taken, wrong = reading.read(
            [one for one in here if one.code in posted], sent, may_call=self._wrong_time
        )
        self.answers |= taken
        return wrong

    def _wrong_time(self, code: str) -> str:
        try:
            callbacks.chosen(code, at=clock.now(), calendar=self._calendar())
        except callbacks.TimeGone as gone:
            return str(gone)
        return ""

    def _step(self, by: int) -> bool:
        """Go to the next page on which something is asked; return whether there is one."""
        page = self.page + by
        while by and 0 <= page < len(self.definition.pages):
            if self._asked_on(page):
                self.page = page
                return True
            page += by
        return False

    def _keep(self) -> None:
        answering.keep(
            self.invitation,
            answers=self.answers,
            page=self.page,
            language=self.language,
            now=clock.real_now(),
        )

    def _send(self) -> HttpResponse:
        try:
            response = answering.submit(
                self.invitation,
                answers=self.answers,
                stated=self.stated,
                by=None,
                now=clock.real_now(),
                at=clock.now(),
            )
        except (answering.AnswersMissing, callbacks.TimeGone) as refusal:
            self.note = ""
            self._to_first_gap(refusal)
            self._keep()
            return self._page(status=422)
        score = self.definition.score
        band = score.band(response.score) if score is not None and response.score is not None else None
        thanks = self.definition.thanks
        words = thanks.get(str(band), {}) or thanks.get("any", {})
        shown = {
            "thanks": said(words, self.language) or _("Thank you."),
            "promised": callbacks.promise(response.promised_at, self._zone()) if response.promised_at else "",
            **self._frame(),
        }
        return render(self.request, "surveys/answer/thanks.html", shown)

    def _to_first_gap(self, refusal: Refused) -> None:
        """Go to the first page on which something is missing, or to that of the call."""
        for page in range(len(self.definition.pages)):
            asked = self._asked_on(page)
            gaps = reading.missing(asked, self.answers)
            call = next((one.code for one in asked if one.kind == Kind.CONTACT), "")
            if isinstance(refusal, callbacks.TimeGone) and call:
                gaps = {call: str(refusal)}
            if gaps:
                self.page, self.errors = page, gaps
                return

    # --- Showing ------------------------------------------------------------------------------
    def _asked_on(self, page: int) -> list[Question]:
        asked = answering.asked_of(self.invitation, self.definition, self.answers)
        return shown_of(self.definition.pages[page], asked)

    def _asked_here(self) -> list[Question]:
        return self._asked_on(self.page)

    def _page(self, *, status: int = 200, focus: str = "") -> HttpResponse:
        asked = self._asked_here()
        page = self.definition.pages[self.page]
        total = len(self.definition.pages)
        drawn = fields(
            asked, language=self.language, answers=self.answers, slots=self._slots(asked), errors=self.errors
        )
        is_last = not self._may_follow(page.questions, asked)
        wrong: list[Field | Who] = [one for one in drawn if one.error]
        who = self._who() if self.asks != OpenLink.Asks.NOBODY else []
        context = {
            "title": said(self.definition.title, self.language),
            "intro": said(self.definition.intro, self.language) if not self.page else "",
            "page_title": said(page.title, self.language),
            "fields": drawn,
            "asked": ",".join(one.code for one in asked),
            "page": self.page,
            "step": _("Step %(n)s of %(total)s") % {"n": self.page + 1, "total": total} if total > 1 else "",
            "may_go_back": any(self._asked_on(n) for n in range(self.page)),
            "is_last": is_last or self.is_asked_who,
            "who": who,
            "who_is_shown": is_last or self.is_asked_who,
            "who_is_required": self.asks == OpenLink.Asks.REQUIRED,
            "wrong": [*wrong, *(one for one in who if one.error)],
            "note": self.note,
            "focus": focus,
            "ticket": self.ticket,
            "longest": reading.LONGEST,
            **self._frame(),
        }
        return render(self.request, "surveys/answer/page.html", context, status=status)

    def _who(self) -> list[Who]:
        """Return the fields that ask who she is; hidden ones take along what she wrote."""
        labels = {
            stating.NAME: (_("Your name"), self.stated.name, stating.LONGEST_NAME),
            stating.REACH: (
                _("Your e-mail, phone or customer number"),
                self.stated.reach,
                stating.LONGEST_REACH,
            ),
        }
        return [
            Who(name, label, value, longest, self.errors.get(name, ""), words_language(self.language))
            for name, (label, value, longest) in labels.items()
        ]

    def _may_follow(self, here: tuple[Question, ...], asked: list[Question]) -> bool:
        """Say whether something may be asked behind what is shown: on this page, or on a later one."""
        later = [one for page in self.definition.pages[self.page + 1 :] for one in page.questions]
        hidden = [one for one in here if one not in asked]
        may_be = [one for one in (*hidden, *later) if self.invitation.contact_id or one.kind != Kind.CONTACT]
        return bool(may_be)

    def _frame(self) -> dict[str, Any]:
        others = [(code, LANGUAGES[code]) for code in self.definition.languages if code != self.language]
        firm = company.find()
        return {
            "lang": self.language,
            "words": words_language(self.language),
            "others": others,
            "company": firm.name if firm else "",
            "address": self.address,
        }

    def _slots(self, asked: list[Question]) -> list[tuple[str, str]]:
        call = next((one for one in asked if one.kind == Kind.CONTACT), None)
        if call is None:
            return []
        at, calendar, zone = clock.now(), self._calendar(), self._zone()
        found = {slot.code: slot for slot in callbacks.offered(at, calendar=calendar)}
        given = self.answers.get(call.code, Given()).chosen
        if given and given[0] not in (NO, *found) and not self._wrong_time(given[0]):
            slot = callbacks.chosen(given[0], at=at, calendar=calendar)
            found[slot.code] = slot
        return [(slot.code, slot.words(zone)) for slot in found.values()]

    def _calendar(self) -> WorkingCalendar:
        if self.calendar is None:
            self.calendar = company.working_calendar()
        return self.calendar

    def _zone(self) -> str:
        customer = self.invitation.customer
        return (customer.time_zone if customer else "") or company.current().time_zone


@dataclass(frozen=True)
class Who:
    """One field that asks who somebody is."""

    name: str
    label: str
    value: str
    longest: int
    error: str
    lang: str

    @property
    def id(self) -> str:
        """Return its id on the page."""
        return f"q-{self.name.replace('.', '-')}"


@dataclass(frozen=True)
class _One:
    """A form with one value in every field."""

    value: str

    def get(self, name: str, default: str = "") -> str:
        return default if name.endswith(".why") else self.value

    def getlist(self, name: str) -> list[str]:
        return [self.value]


def _dead(request: HttpRequest) -> HttpResponse:
    """Answer the same to every link that opens nothing."""
    return render(request, "surveys/answer/dead.html", {"words": translation.get_language()}, status=404)


def _slowed(request: HttpRequest, slowed: throttles.Throttled) -> HttpResponse:
    """Ask to wait, with what was typed in a form that can be sent again."""
    typed = [(name, value) for name, values in request.POST.lists() for value in values]
    headers = getattr(slowed, "headers", {}) or {}
    seconds = headers.get("Retry-After", "60")
    shown = {"typed": typed, "seconds": seconds, "words": translation.get_language()}
    response = render(request, "surveys/answer/slowed.html", shown, status=429)
    response["Retry-After"] = seconds
    return response

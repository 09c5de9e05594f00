"""What an invitation says: a mail whose first question is answered by one press, or a short text.

The link stands in it as a place that is filled when it leaves (``customers.channels.links``), so that what is
stored of the message opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from customers import company
from customers.channels.composing import UNSUBSCRIBE
from customers.contact.budget import zone_of
from customers.ground.localtime import to_local
from customers.models import Channel, Contact, User
from customers.models.people import Role
from surveys import after_last_answer
from surveys.definition import Definition, Kind, Question, said, words_language
from surveys.invitations import SHORT_TOKEN
from surveys.models import Invitation

LINK, CODE = "survey_link", "survey_code"
TEMPLATE = "survey_invitation"
MOST_CHOICES = 7
"""More choices than these are left to the page."""
_PLACE = "{{" + LINK + "}}"
_FACES = ("😞", "🙁", "😐", "🙂", "😀")
ONE_TEXT, ONE_TEXT_WIDE = 160, 70
"""Letters of one text message: in the alphabet of GSM 03.38, and in any other."""
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


@dataclass(frozen=True)
class Letter:
    """One message: what ``send_message`` takes."""

    text: str
    subject: str = ""
    html: str = ""
    template: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Any]:
        """Return it by the names of ``send_message``."""
        return {name: getattr(self, name) for name in ("text", "subject", "html", "template", "params")}


@dataclass(frozen=True)
class Press:
    """One answer to the first question, as the mail offers it."""

    address: str
    label: str
    face: str = ""
    lang: str = ""  # of the label, where it is the survey's


def write(
    invitation: Invitation,
    *,
    channel: str,
    contact: Contact,
    by: User | None,
    is_reminder: bool = False,
    at: datetime,
) -> Letter:
    """Return what an invitation says, in its language; words of ours are English or Chinese.

    Args:
        by: who asks by hand; otherwise it is signed by the owner of the customer, if there is one.
    """
    definition = invitation.version.definition
    with translation.override(words_language(invitation.language)):
        words = _words(definition, invitation, contact=contact, by=by, is_reminder=is_reminder, at=at)
        if channel != Channel.EMAIL:
            return _short(words)
        html = render_to_string("surveys/mail/invitation.html", words)
        text = render_to_string("surveys/mail/invitation.txt", words)
        return Letter(text=text.strip() + "\n", subject=_subject(words), html=html)


def presses(question: Question, *, language: str, is_score: bool) -> list[Press]:
    """Return the answers to a question that a press in a mail can choose; none of other kinds."""
    if question.scale:
        faces = _FACES if question.kind == Kind.CSAT and question.points == len(_FACES) else ()
        return [
            Press(
                f"{_PLACE}?score={n}" if is_score else f"{_PLACE}?q={question.code}:{n}",
                str(n),
                faces[n - 1] if faces else "",
            )
            for n in question.scale
        ]
    if question.kind == Kind.YES_NO:
        found = [("yes", _("Yes"), ""), ("no", _("No"), "")]
    elif question.kind == Kind.SINGLE and len(question.choices) <= MOST_CHOICES:
        found = [(one.code, said(one.text, language), language) for one in question.choices]
    else:
        found = []
    return [Press(f"{_PLACE}?q={question.code}:{code}", label, lang=lang) for code, label, lang in found]


def is_one_text(text: str) -> bool:
    """Say whether ``text`` is paid for as one text message."""
    return len(text) <= (ONE_TEXT if _GSM.issuperset(text) else ONE_TEXT_WIDE)


def _words(
    definition: Definition,
    invitation: Invitation,
    *,
    contact: Contact,
    by: User | None,
    is_reminder: bool,
    at: datetime,
) -> dict[str, Any]:
    language = invitation.language
    first = definition.pages[0].questions[0]
    score = definition.score
    low, high = first.ends
    owner = contact.customer.owner
    is_person = by is not None and by.role != Role.INTEGRATION
    signer = by if is_person else owner if owner is not None and owner.is_active else None
    firm = company.find()
    until = to_local(invitation.expires_at, zone_of(contact.customer))
    return {
        "lang": language,
        "words": words_language(language),
        "title": said(definition.title, language),
        "intro": said(definition.intro, language),
        "question": said(first.text, language),
        "presses": presses(first, language=language, is_score=score is not None and score.code == first.code),
        "is_scale": bool(first.scale),
        "ends": (said(low, language), said(high, language)),
        "link": _PLACE,
        "unsubscribe": UNSUBSCRIBE,
        "name": contact.name,
        "signer": str(signer) if signer is not None else "",
        "company": firm.name if firm is not None else "",
        "until": date_format(until, "MONTH_DAY_FORMAT"),
        "told": after_last_answer.line(contact, at=at),
        "is_reminder": is_reminder,
    }


def _subject(words: dict[str, Any]) -> str:
    said_by = {"title": words["title"], "company": words["company"]}
    if words["is_reminder"]:
        return _("A reminder: %(title)s") % said_by
    return _("%(title)s – %(company)s") % said_by if words["company"] else str(words["title"])


def _short(words: dict[str, Any]) -> Letter:
    """Return the longest of our texts that is one text message with its link; else the shortest."""
    values = {name: words[name] for name in ("company", "title", "name")} | {"link": _PLACE}
    if words["is_reminder"]:
        ways = [
            _("%(company)s reminds you: %(title)s %(link)s No more of these: reply TD"),
            _("%(company)s reminds you: %(link)s End: reply TD"),
        ]
    else:
        ways = [
            _("%(name)s, %(company)s asks you: %(title)s %(link)s No more of these: reply TD"),
            _("%(company)s asks you: %(title)s %(link)s No more of these: reply TD"),
            _("%(company)s asks you: %(link)s End: reply TD"),
        ]
    shortest = _("Please tell us: %(link)s End: reply TD")
    texts = [" ".join((way % values).split()) for way in (*ways, shortest)]
    link = settings.PUBLIC_BASE_URL + reverse("surveys:answer", args=["x" * SHORT_TOKEN])
    text = next((one for one in texts if is_one_text(one.replace(_PLACE, link))), texts[-1])
    params = {name: str(words[name])[:500] for name in ("name", "company", "title")}
    params |= {"link": _PLACE, "code": "{{" + CODE + "}}"}
    return Letter(text=text, template=TEMPLATE, params=params)

"""What is written down of an interview: as typed, as it is kept while it is held, as it stands after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import causes, competitor_names
from customers.ground.errors import Refused
from customers.models import Cause, CompetitorSighting
from surveys.guides.document import Document, Question
from surveys.models import Interview, InterviewAnswer

MOST_NOTE, MOST_QUOTE, MOST_SUMMARY = 4000, 1000, 4000
MOST_OFFERED: int = CompetitorSighting._meta.get_field("offered").max_length or 2000


class SaidTooLong(Refused):
    code = "interview_text_too_long"
    message = _("“%(where)s”: at most %(most)s characters.")


class UnknownQuestion(Refused):
    code = "interview_unknown_question"
    message = _("The guide has no question “%(question)s”.")


class UnknownAnswerCode(Refused):
    code = "interview_unknown_code"
    message = _("“%(where)s” has no code “%(code)s”, or it is no longer in use. Choose another one.")


class ConsentUnclear(Refused):
    code = "interview_consent_unclear"
    message = _("Say how the customer agreed to be quoted, and on which day.")


@dataclass(frozen=True)
class Said:
    """What was said to one question. ``chosen``: codes, each once."""

    chosen: tuple[str, ...] = ()
    note: str = ""
    quote: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was written down."""
        return not (self.chosen or self.note or self.quote)


@dataclass(frozen=True)
class Held:
    """All that is written down of an interview.

    ``may_quote``: nothing while nobody asked. ``held_at``: nothing for the moment of finishing.
    """

    answers: Mapping[str, Said] = field(default_factory=dict)
    summary: str = ""
    competitor: str = ""
    offered: str = ""
    may_quote: bool | None = None
    agreed_how: str = ""
    agreed_on: date | None = None
    held_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was written down that tells anything."""
        return not (self.summary or self.competitor) and all(one.is_empty for one in self.answers.values())


def kept(held: Held) -> dict[str, Any]:
    """Return what stands in ``Interview.draft``."""
    return {
        "answers": {
            code: {"chosen": list(one.chosen), "note": one.note, "quote": one.quote}
            for code, one in held.answers.items()
            if not one.is_empty
        },
        "summary": held.summary,
        "competitor": held.competitor,
        "offered": held.offered,
        "may_quote": held.may_quote,
        "agreed_how": held.agreed_how,
        "agreed_on": held.agreed_on.isoformat() if held.agreed_on else None,
        "held_at": held.held_at.isoformat() if held.held_at else None,
    }


def held_of(interview: Interview) -> Held:
    """Return what is written down of an interview: its draft while it is held, else the facts."""
    if interview.status == Interview.Status.DONE:
        return _of_facts(interview)
    draft = interview.draft or {}
    return Held(
        answers={
            code: Said(tuple(one["chosen"]), one["note"], one["quote"])
            for code, one in draft.get("answers", {}).items()
        },
        summary=draft.get("summary", ""),
        competitor=draft.get("competitor", ""),
        offered=draft.get("offered", ""),
        may_quote=draft.get("may_quote"),
        agreed_how=draft.get("agreed_how", ""),
        agreed_on=date.fromisoformat(draft["agreed_on"]) if draft.get("agreed_on") else None,
        held_at=datetime.fromisoformat(draft["held_at"]) if draft.get("held_at") else None,
    )


def _of_facts(interview: Interview) -> Held:
    answers = InterviewAnswer.objects.filter(interview=interview, void=False)
    sighting = interview.sighting
    seen = sighting if sighting is not None and not sighting.void else None
    return Held(
        answers={one.question: Said(tuple(one.chosen), one.note, one.quote) for one in answers},
        summary=interview.interaction.text if interview.interaction is not None else "",
        competitor=seen.competitor.standing.name if seen is not None else "",
        offered=seen.offered if seen is not None else "",
        may_quote=interview.may_quote,
        agreed_how=interview.agreed_how,
        agreed_on=interview.agreed_on,
        held_at=interview.held_at,
    )


def checked(held: Held, document: Document, *, before: Held, is_final: bool = True) -> Held:
    """Return what was written down, trimmed, with the codes in the order of the guide.

    Args:
        before: what stands: a cause that was retired since may stay, it is not chosen anew.
        is_final: false while the interview goes on, when a name or a consent may be half typed.

    Raises :class:`UnknownQuestion`, :class:`UnknownAnswerCode`, :class:`SaidTooLong`,
    :class:`ConsentUnclear`, ``CompetitorNameRefused``.
    """
    for code in held.answers:
        if document.find(code) is None:
            raise UnknownQuestion(question=code)
    named = causes_for(document, before)
    answers = {}
    for question in document.questions:
        said = held.answers.get(question.code, Said())
        one = Said(
            chosen=_chosen(question, said.chosen, named),
            note=_text(said.note, str(question.text), MOST_NOTE),
            quote=_text(said.quote, str(question.text), MOST_QUOTE),
        )
        if not one.is_empty:
            answers[question.code] = one
    competitor = held.competitor.replace("\x00", "").strip()
    if competitor and is_final:
        competitor_names.key_of(competitor)
    offered = _text(held.offered, gettext("What it offered"), MOST_OFFERED)
    agrees = held.may_quote is True
    if not is_final:
        agrees = True  # as it was typed
    elif agrees and (held.agreed_how not in Interview.Agreed.values or held.agreed_on is None):
        raise ConsentUnclear()
    return Held(
        answers=answers,
        summary=_text(held.summary, gettext("What came of it"), MOST_SUMMARY),
        competitor=competitor,
        offered=offered if competitor or not is_final else "",
        may_quote=held.may_quote,
        agreed_how=held.agreed_how if agrees else "",
        agreed_on=held.agreed_on if agrees else None,
        held_at=held.held_at,
    )


def causes_for(document: Document, before: Held) -> list[Cause]:
    """Return the causes that may be chosen, those that stand already among them, in order."""
    if not document.asks_causes:
        return []
    standing = Q(code__in=chosen_causes(before, document))
    return list(causes.choices(keeping=standing).select_related("parent"))


def chosen_causes(held: Held, document: Document) -> set[str]:
    """Return the codes of the causes that were given in an interview, to any of its questions."""
    about = [one.code for one in document.questions if one.is_about_causes]
    return {code for name in about if (one := held.answers.get(name)) for code in one.chosen}


def _chosen(question: Question, chosen: Iterable[str], named: list[Cause]) -> tuple[str, ...]:
    offered = (
        [cause.code for cause in named]
        if question.is_about_causes
        else [code.code for code in question.codes]
    )
    wanted = set(chosen)
    if unknown := sorted(wanted.difference(offered)):
        raise UnknownAnswerCode(where=question.text, code=unknown[0])
    return tuple(code for code in offered if code in wanted)


def _text(value: str, where: str, most: int) -> str:
    text = value.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > most:
        raise SaidTooLong(where=where, most=most)
    return text

"""What is written down of an interview, as a form: a part a question, then what holds for the whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers.models import Cause
from surveys.guides.document import Question
from surveys.interviews.said import (
    MOST_NOTE,
    MOST_OFFERED,
    MOST_QUOTE,
    MOST_SUMMARY,
    Held,
    Said,
    causes_for,
    held_of,
)
from surveys.models import Interview

YEARS = range(2000, 2101)
_ASKED = (("", _("not asked yet")), ("yes", _("yes")), ("no", _("no")))
_SAYS = {"": None, "yes": True, "no": False}
_SAID = {None: "", True: "yes", False: "no"}


def _near(value: Any) -> None:
    if isinstance(value, date) and value.year not in YEARS:
        raise ValidationError(_("Enter a year between 2000 and 2100."), code="year")


def _words(label: Any, most: int, rows: int, help_text: Any = "") -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=most, required=False, widget=area, help_text=help_text)


@dataclass(frozen=True)
class Tick:
    """One code to tick."""

    code: str
    label: str
    is_detail: bool
    is_chosen: bool
    is_retired: bool = False


@dataclass(frozen=True)
class Part:
    """One question with its fields."""

    number: int
    question: Question
    ticks: list[Tick]
    chosen: Any
    note: Any
    quote: Any


class HeldForm(forms.Form):
    """Everything that is written down of one interview."""

    summary = _words(
        _("What came of it"),
        MOST_SUMMARY,
        3,
        _("A few sentences in your own words; they stand on the timeline. No quotes here."),
    )
    competitor = forms.CharField(
        label=_("Competitor that was named"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"list": "competitor-names", "autocomplete": "off"}),
    )
    offered = _words(_("What it offered"), MOST_OFFERED, 2)
    may_quote = forms.ChoiceField(
        label=_("Did the customer agree to be quoted?"),
        choices=_ASKED,
        required=False,
        widget=forms.RadioSelect,
        help_text=_("Without a yes her words are seen in this interview only."),
    )
    agreed_how = forms.ChoiceField(
        label=_("How she agreed"), choices=[("", "—"), *Interview.Agreed.choices], required=False
    )
    agreed_on = forms.DateField(
        label=_("On which day"),
        required=False,
        validators=[_near],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    held_at = forms.DateTimeField(
        label=_("Held at"),
        required=False,
        validators=[_near],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("Empty: when you press “Finish”."),
    )

    def __init__(self, *args: Any, interview: Interview, **kwargs: Any) -> None:
        held = held_of(interview)
        kwargs.setdefault("initial", _initial(held))
        super().__init__(*args, **kwargs)
        self.interview = interview
        self.document = interview.version.definition
        self.causes: list[Cause] = causes_for(self.document, held)
        fields: Any = self.fields
        if interview.status == Interview.Status.DONE:
            del fields["held_at"]
        for question in self.document.questions:
            options = [code for code, *_rest in self._options(question)]
            if options:
                fields[f"q-{question.code}-chosen"] = forms.MultipleChoiceField(
                    label=_("Codes"), choices=[(code, code) for code in options], required=False
                )
            fields[f"q-{question.code}-note"] = _words(_("Notes"), MOST_NOTE, 2)
            fields[f"q-{question.code}-quote"] = _words(_("In the customer's words"), MOST_QUOTE, 2)

    @property
    def parts(self) -> list[Part]:
        """Return the questions in order, each with its fields."""
        return [self._part(number, one) for number, one in enumerate(self.document.questions, start=1)]

    @property
    def whole(self) -> list[Any]:
        """Return the fields about the interview as a whole, without those about being quoted."""
        return [self[name] for name in ("summary", "held_at") if name in self.fields]

    def held(self) -> Held:
        """Return what was sent, after :meth:`is_valid`."""
        data = self.cleaned_data
        answers = {}
        for question in self.document.questions:
            stem = f"q-{question.code}"
            answers[question.code] = Said(
                tuple(data.get(f"{stem}-chosen", ())), data[f"{stem}-note"], data[f"{stem}-quote"]
            )
        moment: datetime | None = data.get("held_at")
        return Held(
            answers=answers,
            summary=data["summary"],
            competitor=data["competitor"],
            offered=data["offered"],
            may_quote=_SAYS[data["may_quote"]],
            agreed_how=data["agreed_how"],
            agreed_on=data["agreed_on"],
            held_at=moment or self.interview.held_at,
        )

    def _part(self, number: int, question: Question) -> Part:
        stem = f"q-{question.code}"
        options = self._options(question)
        bound = self[f"{stem}-chosen"] if options else None
        chosen = {str(code) for code in (bound.value() if bound is not None else None) or ()}
        ticks = [
            Tick(code, label, is_detail, code in chosen, is_retired)
            for code, label, is_detail, is_retired in options
        ]
        return Part(number, question, ticks, bound, self[f"{stem}-note"], self[f"{stem}-quote"])

    def _options(self, question: Question) -> list[tuple[str, str, bool, bool]]:
        if question.is_about_causes:
            return [(one.code, str(one), one.parent_id is not None, one.is_retired) for one in self.causes]
        return [(one.code, str(one.text), False, False) for one in question.codes]


def _initial(held: Held) -> dict[str, Any]:
    said: dict[str, Any] = {
        "summary": held.summary,
        "competitor": held.competitor,
        "offered": held.offered,
        "may_quote": _SAID[held.may_quote],
        "agreed_how": held.agreed_how,
        "agreed_on": held.agreed_on,
        "held_at": held.held_at,
    }
    for code, one in held.answers.items():
        said |= {
            f"q-{code}-chosen": list(one.chosen),
            f"q-{code}-note": one.note,
            f"q-{code}-quote": one.quote,
        }
    return said

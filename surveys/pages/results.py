"""What the answers to a survey come to: figures, who never answers, and what customers wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import company, exports, showing
from customers.access import allow
from customers.ground import audit, clock, localtime, money
from customers.models import Cause, TextReading
from customers.text.showing import Chip, chips
from surveys import figures, results
from surveys.definition import Kind
from surveys.figures import Tally
from surveys.models import Survey, SurveyAnswer
from surveys.pages import trend
from surveys.pages.roles import EXPORTS_ANSWERS, SEES_SURVEYS
from surveys.pages.surveys import survey_of

PAGE = 25
SPANS = (3, 12, 36)
_CHUNK = 1_000


# --- Figures -----------------------------------------------------------------------------------
@require_safe
@allow(*SEES_SURVEYS)
def survey_answers(request: HttpRequest, code: str) -> HttpResponse:
    """Show what the answers come to: overall, by month, for each group, and who answers at all."""
    survey, at = survey_of(request, code), clock.now()
    months = _months(request)
    since, until = results.since_day(at, months), company.today(at).number
    asked = {"user": request.user, "since": since, "at": at}
    scales = results.scales_of(survey, language=get_language() or "en")
    scale = _scale(request, scales)
    context: dict[str, Any] = {
        **_frame(survey, "answers"),
        "spans": [{"url": _query(scale, n), "label": _span(n), "current": n == months} for n in SPANS],
        "questions": [
            {"url": _query(one, months), "label": _named(one), "current": one == scale} for one in scales
        ],
        "scale": scale,
        "fewest": figures.FEWEST,
        "sees_all": request.user.sees_all,
        "rates": _rates(results.rates(survey, **asked)),
        "behaviour": _behaviour(*results.compared(survey, **asked)),
    }
    if scale is not None:
        rows = results.counted(survey, scale, **asked)
        by_month = results.by_month(rows, scale, since=since, until=until)
        total = results.overall(rows, scale)
        context |= {
            "figure": shown(total),
            "bands": _bands(total),
            "chart": trend.draw(
                by_month, ends=trend.ends_of(scale.kind, scale.points), label=_("Month by month")
            ),
            "months": [
                (formats.date_format(first, "YEAR_MONTH_FORMAT"), shown(one)) for first, one in by_month
            ],
            "columns": _columns(rows, scale),
        }
    return render(request, "surveys/results/figures.html", context)


def _columns(rows: Any, scale: results.Scale) -> list[list[dict[str, Any]]]:
    """Return the groups as two columns of about the same height."""
    several = _("Bought in the 365 days before the answer; who bought several counts for each.")
    left = (
        ("segment", _("By segment"), "", results.by_segment(rows, scale)),
        ("version", _("By version"), "", results.by_version(rows, scale)),
        ("owner", _("By account manager"), _("Sorted by name."), results.by_owner(rows, scale)),
    )
    right = (("product", _("By product"), several, results.by_product(rows, scale)),)
    return [
        [
            {
                "code": code,
                "title": title,
                "note": note,
                "rows": [(group.name, shown(group.tally)) for group in found],
            }
            for code, title, note, found in column
        ]
        for column in (left, right)
    ]


@dataclass(frozen=True)
class Shown:
    """A figure in words: as it is known, its interval, its mean, how many answers; or why it is not shown.

    ``answers``: their number with its noun, ``count``: without.
    """

    value: str
    interval: str
    answers: str
    note: str = ""
    mean: str = ""
    count: str = ""


def shown(tally: Tally) -> Shown:
    """Return a figure in words; below 30 answers there is none."""
    count = f"{tally.answers:,}"
    answers = ngettext("%(n)s answer", "%(n)s answers", tally.answers) % {"n": count}
    if not tally.is_enough or tally.value is None or tally.interval is None:
        few = _("%(answers)s; figures are shown from %(fewest)s")
        note = few % {"answers": answers, "fewest": figures.FEWEST} if tally.answers else _("no answer yet")
        return Shown("–", "", answers, note, count=count)
    low, high = (_number(tally.kind, end) for end in tally.interval)
    interval = _("%(low)s to %(high)s") % {"low": low, "high": high}
    mean = f"{tally.mean:.2f}" if tally.kind == Kind.CSAT and tally.mean is not None else ""
    return Shown(_number(tally.kind, tally.value), interval, answers, mean=mean, count=count)


def _number(kind: str, value: float) -> str:
    if kind == Kind.NPS:
        return f"{value:+.0f}".replace("-", "−") if round(value) else "0"
    return f"{100 * value:.0f}%" if kind == Kind.CSAT else f"{value:.2f}"


def _bands(tally: Tally) -> list[tuple[str, str, int, str]]:
    """Return of each band, or number of a rating: its name, its share in words and per mille, its count."""
    if not tally.is_enough or tally.shares is None:
        return []
    names = {
        Kind.NPS: (_("Promoters, 9–10"), _("Passives, 7–8"), _("Detractors, 0–6")),
        Kind.CSAT: (_("Satisfied, 4–5"), _("Neither, 3"), _("Dissatisfied, 1–2")),
        Kind.CES: (_("Easy"), _("Neither"), _("Hard")),
    }.get(Kind(tally.kind))
    if names is None:
        counts = [(str(number), count) for number, count in reversed(tally.times)]
    else:
        counts = list(zip(names, (tally.high, tally.middle, tally.low), strict=True))
    return [
        (name, f"{count / tally.answers:.0%}", round(1000 * count / tally.answers), f"{count:,}")
        for name, count in counts
    ]


def _rates(found: results.Rates) -> list[dict[str, str]]:
    """Return the rates as cells: label, value, note."""

    def cell(label: str, part: int, whole: int) -> dict[str, str]:
        numbers = {"part": f"{part:,}", "whole": f"{whole:,}"}
        note = _("%(part)s of %(whole)s") % numbers if whole else _("nobody yet")
        return {"label": label, "value": f"{part / whole:.0%}" if whole else "–", "note": note}

    return [
        cell(_("Answered, of those asked"), found.answered, found.asked),
        cell(_("Came to the end, of those who began"), found.completed, found.begun),
    ]


def _behaviour(
    answered: results.Behaviour | None, silent: results.Behaviour | None
) -> list[tuple[str, list[str]]] | None:
    """Return the comparison as rows; nothing unless each side has enough invitations."""
    if answered is None or silent is None:
        return None
    if min(answered.invitations, silent.invitations) < figures.FEWEST:
        return None
    currency = company.current().base_currency
    language = get_language() or "en"

    def amount(minor: float) -> str:
        return money.format_money(round(minor), currency, language)

    return [
        (
            name,
            [
                f"{one.invitations:,}",
                f"{one.orders_before:.2f}",
                f"{one.orders_after:.2f}",
                amount(one.spend_before),
                amount(one.spend_after),
            ],
        )
        for name, one in ((_("Answered"), answered), (_("Did not answer"), silent))
    ]


# --- Who never answers -------------------------------------------------------------------------
@require_safe
@allow(*SEES_SURVEYS)
def survey_silent(request: HttpRequest, code: str) -> HttpResponse:
    """List the customers who were asked and never answered, who was asked most often first."""
    survey = survey_of(request, code)
    page = Paginator(results.silent(survey, user=request.user, at=clock.now()), PAGE).get_page(
        request.GET.get("page")
    )
    rows = [
        {"customer": one, "url": showing.to("customer", one.pk), "times": one.times, "day": one.last_day}
        for one in page.object_list
    ]
    context = {**_frame(survey, "silent"), **_pager(page), "rows": rows}
    return render(request, "surveys/results/silent.html", context)


# --- Words -------------------------------------------------------------------------------------
class WordsForm(forms.Form):
    """Which words are shown."""

    q = forms.CharField(label=gettext_lazy("Words"), max_length=100, required=False)
    band = forms.ChoiceField(
        label=gettext_lazy("Score"),
        choices=[
            ("", pgettext_lazy("scores", "all")),
            ("low", gettext_lazy("low (NPS 0–6, satisfaction 1–2)")),
            ("middle", gettext_lazy("middle (NPS 7–8, satisfaction 3)")),
            ("high", gettext_lazy("high (NPS 9–10, satisfaction 4–5)")),
        ],
        required=False,
    )


@require_safe
@allow(*SEES_SURVEYS)
def survey_words(request: HttpRequest, code: str) -> HttpResponse:
    """Show what customers wrote, the newest first, searched by words and score."""
    survey = survey_of(request, code)
    form, found = _words(request, survey)
    page = Paginator(_told(found), PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        **_frame(survey, "words"),
        **_pager(page, kept.urlencode()),
        "form": form,
        "rows": list(_with_readings(page.object_list)),
        "may_export": request.user.role in EXPORTS_ANSWERS,
        "kept": kept.urlencode(),
    }
    return render(request, "surveys/results/words.html", context)


@require_safe
@allow(*EXPORTS_ANSWERS)
def survey_answers_export(request: HttpRequest, code: str) -> HttpResponseBase:
    """Hand out every answer that one may see, or with ``words=1`` what the search shows; it is audited."""
    survey, at = survey_of(request, code), clock.now()
    if request.GET.get("words"):
        found = _words(request, survey)[1]
    else:
        found = results.every_answer(survey, user=request.user, at=at)
    rows, zone = _told(found), company.current().time_zone
    form = "xlsx" if request.GET.get("format") == "xlsx" else "csv"
    codes = {"list": "survey_answers", "survey": survey.pk, "format": form, "rows": rows.order_by().count()}
    audit.record("export.run", obj=survey, by=request.user, at=at, codes=codes)
    header = [
        *(_("Response"), _("Answered"), _("Version"), _("Customer's id"), _("Customer"), _("Language")),
        *(_("Question"), _("Kind"), _("Points"), pgettext("of an answer", "Number"), _("Chosen"), _("Words")),
    ]
    name = f"{survey.code}-{localtime.day_of(company.today(at).number).isoformat()}"
    return exports.download(_cells(rows, zone), header=header, form=form, name=name)


def _cells(rows: Any, zone: str) -> Iterator[Sequence[Any]]:
    for one in rows.iterator(chunk_size=_CHUNK):
        yield (
            one.response_id,
            one.occurred_at.astimezone(localtime.zone_of(zone)).strftime("%Y-%m-%d %H:%M"),
            one.response.version.number,
            one.customer_id,
            one.customer.name if one.customer else "",
            one.response.language,
            one.question,
            one.kind,
            one.points or None,
            one.number,
            ", ".join(one.chosen),
            one.text,
        )


def _words(request: HttpRequest, survey: Survey) -> tuple[WordsForm, Any]:
    form = WordsForm(request.GET if {"q", "band"} & request.GET.keys() else None)
    asked = form.cleaned_data if form.is_valid() else {}
    found = results.words(
        survey,
        user=request.user,
        at=clock.now(),
        band=asked.get("band", ""),
        text=asked.get("q", ""),
    )
    return form, found


def _told(rows: Any) -> Any:
    return rows.select_related("customer", "response__version").defer("response__version__document")


def _with_readings(rows: Iterable[SurveyAnswer]) -> Iterator[dict[str, Any]]:
    """Yield answers with the customer's page and what their texts were read to say; two queries."""
    found = list(rows)
    read = list(TextReading.objects.filter(subject_kind="survey", subject_id__in=[one.pk for one in found]))
    said = chips(
        read, Cause.objects.filter(code__in={one.code for one in read} | {one.corrected for one in read})
    )
    for one in found:
        marks: list[Chip] = said.get(("survey", one.pk), [])  # of what nobody is sure, the text's page tells
        yield {
            "answer": one,
            "response": one.response,
            "url": showing.to("customer", one.customer_id) if one.customer_id else "",
            "chips": [mark for mark in marks if mark.code],
            "reading": marks[0].reading if marks else None,
        }


# --- What the pages share ----------------------------------------------------------------------
def _months(request: HttpRequest) -> int:
    wanted = request.GET.get("months", "")
    return next((n for n in SPANS if str(n) == wanted), 12)


def _span(months: int) -> str:
    return ngettext("%(n)s month", "%(n)s months", months) % {"n": months}


def _scale(request: HttpRequest, scales: Sequence[results.Scale]) -> results.Scale | None:
    wanted = request.GET.get("question", "")
    return next((one for one in scales if _key(one) == wanted), scales[0] if scales else None)


def _key(scale: results.Scale) -> str:
    return f"{scale.code}.{scale.kind}.{scale.points}"


def _query(scale: results.Scale | None, months: int) -> str:
    return f"?months={months}" + (f"&question={_key(scale)}" if scale is not None else "")


def _named(scale: results.Scale) -> str:
    kinds = {
        Kind.NPS: _("NPS"),
        Kind.CSAT: _("Satisfaction"),
        Kind.CES: _("Effort"),
        Kind.RATING: _("Rating"),
    }
    name = str(kinds[Kind(scale.kind)])
    return name if scale.code == scale.kind else f"{name} · {scale.code}"


def _frame(survey: Survey, here: str) -> dict[str, Any]:
    tabs = (
        ("answers", _("Figures"), "surveys:survey_answers"),
        ("words", _("In customers' words"), "surveys:survey_words"),
        ("silent", _("Who never answers"), "surveys:survey_silent"),
    )
    views = [
        {"url": reverse(name, args=[survey.code]), "label": label, "current": code == here}
        for code, label, name in tabs
    ]
    return {"survey": survey, "tabs": views}


def _pager(page: Any, kept: str = "") -> dict[str, Any]:
    def to(number: int) -> str:
        return f"?{kept}&page={number}" if kept else f"?page={number}"

    return {
        "page": page,
        "newer": to(page.previous_page_number()) if page.has_previous() else None,
        "older": to(page.next_page_number()) if page.has_next() else None,
    }

"""Guides: their list, one with its versions, and the form that writes one."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from surveys.guides import ready, writing
from surveys.guides.document import CAUSES, MOST_QUESTIONS, Json
from surveys.models import Guide, Purpose
from surveys.pages.interviews import views_of
from surveys.pages.roles import SEES_INTERVIEWS, WRITES_GUIDES

PAGE = 50
RESERVED = {"new"}
_BAR = re.compile(r"\s*[|｜]\s*")
EMPTY: Json = {"questions": [{"code": "q1", "text": {}, "prompts": [], "codes": []}]}


class GuideForm(forms.Form):
    """What a guide is called and what it is for; its questions are read by :func:`typed`."""

    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=120, required=False)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=120, required=False)
    purpose = forms.ChoiceField(
        label=gettext_lazy("Purpose"),
        choices=Purpose.choices,
        help_text=gettext_lazy(
            "Causes that are named in an exit interview are written on the customer's loss."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a guide without any name."""
        data = super().clean() or self.cleaned_data
        if not (data.get("name_en") or data.get("name_zh")) and not self.errors:
            self.add_error("name_en", _("Name it in English or in Chinese."))
        return data


@require_safe
@allow(*SEES_INTERVIEWS)
def guide_list(request: HttpRequest) -> HttpResponse:
    """List the guides, retired ones last, and the ready ones."""
    rows = Guide.objects.visible_to(request.user)  # type: ignore[attr-defined]
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "ready": ready.offered(),
        "may_write": request.user.role in WRITES_GUIDES,
        "views": views_of("guide_list"),
    }
    return render(request, "surveys/interviews/guides.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_GUIDES)
def guide_new(request: HttpRequest) -> HttpResponse:
    """Write a new guide, from a ready one or from nothing."""
    begin = ready.find(request.GET.get("ready", ""))
    if request.method != "POST":
        initial = {"purpose": Purpose.EXIT}
        if begin is not None:
            initial = {name: getattr(begin, name) for name in ("name_en", "name_zh", "purpose")}
        return _form(request, None, GuideForm(initial=initial), begin.document if begin else EMPTY)

    def make(form: GuideForm, document: Json) -> Guide:
        data = form.cleaned_data
        wanted = (begin.code if begin else "") or slugify(data["name_en"])[:56]
        return writing.create_guide(_free(wanted), **data, document=document, by=request.user, at=clock.now())

    return _act(request, None, make)


@require_safe
@allow(*SEES_INTERVIEWS)
def guide_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show what a guide asks, and its versions."""
    guide = _guide_of(request, code)
    context = {
        "guide": guide,
        "definition": writing.newest(guide).definition,
        "versions": guide.versions.select_related("by").order_by("-number").defer("document")[:20],
        "held": guide.interviews.visible_to(request.user).filter(status="done").count(),
        "may_write": request.user.role in WRITES_GUIDES,
    }
    return render(request, "surveys/interviews/guide.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_GUIDES)
def guide_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change a guide: other questions make its next version."""
    guide = _guide_of(request, code)
    if request.method != "POST":
        initial = {name: getattr(guide, name) for name in ("name_en", "name_zh", "purpose")}
        return _form(request, guide, GuideForm(initial=initial), writing.newest(guide).document)

    def save(form: GuideForm, document: Json) -> Guide:
        revision = whole(request.POST.get("revision", "")) or 0
        return writing.save_guide(
            guide,
            **form.cleaned_data,
            document=document,
            revision=revision,
            by=request.user,
            at=clock.now(),
        )

    return _act(request, guide, save)


@require_POST
@allow(*WRITES_GUIDES)
def guide_retire(request: HttpRequest, code: str) -> HttpResponse:
    """Let no interview begin with a guide any more, or again."""
    guide = _guide_of(request, code)
    act = writing.bring_back if request.POST.get("retired") == "0" else writing.retire_guide
    act(guide, by=request.user, at=clock.now())
    return redirect("surveys:guide", guide.code)


# --- The form of questions --------------------------------------------------------------------
def typed(data: QueryDict, known: Json) -> Json:
    """Return the document that a form sent: codes of answers keep theirs where the words are the same."""
    before = _codes_before(known)
    rows: list[Json] = []
    for key in data.getlist("question")[:MOST_QUESTIONS]:
        code = data.get(f"{key}.code", "") or _free_question(rows, known)
        rows.append(
            {
                "code": code,
                "text": {"en": data.get(f"{key}.en", ""), "zh-hans": data.get(f"{key}.zh", "")},
                "prompts": [_pair(line) for line in _lines(data.get(f"{key}.prompts", ""))],
                "codes": _codes(data, key, before.get(code, {})),
            }
        )
    return {"format": 1, "questions": rows}


def pressed(document: Json, act: str) -> int | None:
    """Do what a button asks, to the document in place; return the question that has the focus then."""
    name, _colon, place = act.partition(":")
    rows, at = document["questions"], whole(place)
    if name == "add" and len(rows) < MOST_QUESTIONS:
        rows.append({"code": "", "text": {}, "prompts": [], "codes": []})
        return len(rows) - 1
    if at is None or not 0 <= at < len(rows):
        return None
    to = {"up": at - 1, "down": at + 1}.get(name)
    if to is not None and 0 <= to < len(rows):
        rows.insert(to, rows.pop(at))
        return to
    if name == "remove" and len(rows) > 1:
        del rows[at]
        return max(at - 1, 0)
    return at


def _shown(document: Json, focus: int | None) -> list[dict[str, Any]]:
    """Return the questions as the form shows them."""
    shown = []
    last = len(document["questions"]) - 1
    for place, row in enumerate(document["questions"]):
        codes = row.get("codes") or []
        by = "causes" if codes == CAUSES else "own" if codes else "none"
        shown.append(
            {
                "key": f"n{place}",
                "place": place,
                "number": place + 1,
                "code": row["code"],
                "en": row["text"].get("en", ""),
                "zh": row["text"].get("zh-hans", ""),
                "prompts": "\n".join(_line(one) for one in row.get("prompts", [])),
                "by": by,
                "codes": "\n".join(_line(one["text"]) for one in codes) if by == "own" else "",
                "is_first": place == 0,
                "is_last": place == last,
                "has_focus": place == focus,
            }
        )
    return shown


def _act(request: HttpRequest, guide: Guide | None, do: Any) -> HttpResponse:
    """Change the form by a button, or check and save it."""
    known = writing.newest(guide).document if guide is not None else {"questions": []}
    document, form = typed(request.POST, known), GuideForm(request.POST)
    act = request.POST.get("act", "")
    if act and act != "save":
        return _form(request, guide, form, document, focus=pressed(document, act))
    if form.is_valid():
        try:
            saved = do(form, document)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The guide is saved. Interviews that begin now ask this."))
            return redirect("surveys:guide", saved.code)
    return _form(request, guide, form, document, status=422)


def _form(
    request: HttpRequest,
    guide: Guide | None,
    form: GuideForm,
    document: Json,
    *,
    focus: int | None = None,
    status: int = 200,
) -> HttpResponse:
    revision = request.POST.get("revision", "") or (guide.revision if guide is not None else 0)
    if form.is_bound and status == 200:  # a press of a button checks nothing
        form = GuideForm(initial={name: request.POST.get(name, "") for name in form.fields})
    context = {
        "guide": guide,
        "form": form,
        "questions": _shown(document, focus),
        "revision": revision,
        "is_full": len(document["questions"]) >= MOST_QUESTIONS,
    }
    return render(request, "surveys/interviews/guide_form.html", context, status=status)


def _guide_of(request: HttpRequest, code: str) -> Guide:
    found: Guide = get_object_or_404(Guide.objects.visible_to(request.user), code=code)  # type: ignore[attr-defined]
    return found


def _free(wanted: str) -> str:
    """Return the code, or it with the next number when another guide has it."""
    base = wanted if wanted and wanted not in RESERVED else "guide"
    taken = set(Guide.objects.filter(code__startswith=base).values_list("code", flat=True))
    return (
        base if base not in taken else next(c for n in range(2, 10_000) if (c := f"{base}-{n}") not in taken)
    )


def _free_question(rows: list[Json], known: Json) -> str:
    taken = {row["code"] for row in [*rows, *known["questions"]]}
    return next(code for number in range(1, 1000) if (code := f"q{number}") not in taken)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _pair(line: str) -> dict[str, str]:
    """Return “English | Chinese”; without a bar both languages say the same."""
    parts = _BAR.split(line, maxsplit=1)
    return {"en": parts[0], "zh-hans": parts[-1]}


def _line(text: Json) -> str:
    english, chinese = text.get("en", ""), text.get("zh-hans", "")
    return english if english == chinese or not chinese else f"{english} | {chinese}"


def _codes(data: QueryDict, key: str, before: dict[str, str]) -> Any:
    by = data.get(f"{key}.by", "none")
    if by == "causes":
        return CAUSES
    if by != "own":
        return []
    rows: list[Json] = []
    taken = set(before.values())
    for line in _lines(data.get(f"{key}.codes", "")):
        text = _pair(line)
        known = before.get(text["en"].casefold()) or before.get(text["zh-hans"].casefold())
        used = {row["code"] for row in rows}
        if known is None or known in used:
            stem = slugify(text["en"]).replace("-", "_")[:32] or "code"
            stem = stem if stem[0].isalpha() else f"c_{stem}"
            known = next(
                code
                for code in (stem, *(f"{stem}_{number}" for number in range(2, 1000)))
                if code not in taken | used
            )
        rows.append({"code": known, "text": text})
    return rows


def _codes_before(known: Json) -> dict[str, dict[str, str]]:
    """Return, by question, the code of each wording that stands."""
    return {
        row["code"]: {
            words.casefold(): one["code"] for one in row["codes"] for words in one["text"].values() if words
        }
        for row in known["questions"]
        if row["codes"] != CAUSES
    }

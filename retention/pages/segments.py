"""Segments: their list, one with its members on any day, and how they are made and changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer
from retention import segments
from retention.models import Segment
from retention.pages.editor import Editor, Scope
from retention.pages.segment_forms import MembersForm, NamesForm, NewListForm, NewSegmentForm
from retention.rules import rule_sentence, terms
from retention.rules.conditions import ConditionRefused, Terms

SEES_SEGMENTS = ("account_manager", "team_lead", "admin", "analyst")
WRITES_SEGMENTS = ("team_lead", "admin")
FIELD = "condition"
PAGE = 50
TOP = {"retire", "bring-back", "remove", "put", "take"}


@dataclass(frozen=True)
class Shown:
    """One segment, ready to show."""

    segment: Segment
    sentence: str
    problem: str
    course: list[int | None]

    @property
    def bars(self) -> list[int]:
        """Return the course without gaps: a day that was not counted is like the day before."""
        bars: list[int] = []
        for number in self.course:
            bars.append(number if number is not None else (bars[-1] if bars else 0))
        return bars

    @property
    def written(self) -> str:
        """Return the count as people read it."""
        return f"{self.count:,}" if self.count is not None else "–"

    @property
    def count(self) -> int | None:
        """Return the newest count that was kept."""
        return next((number for number in reversed(self.course) if number is not None), None)


# --- Reading -----------------------------------------------------------------------------------------
@require_safe
@allow(*SEES_SEGMENTS)
def segment_list(request: HttpRequest) -> HttpResponse:
    """List the segments, each said in a sentence, with its count and its course."""
    rows = Segment.objects.order_by("retired_at", "code") if request.GET.get("retired") else _offered()
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    at, known = clock.now(), terms.known()
    course = segments.course_of(list(page), at=at)
    context = {
        "page": page,
        "told": [_shown(one, known, course[one.pk]) for one in page],
        "with_retired": bool(request.GET.get("retired")),
        "any_retired": Segment.objects.filter(retired_at__isnull=False).exists(),
        "may_write": request.user.role in WRITES_SEGMENTS,  # type: ignore[union-attr]
        "now": at,
    }
    return render(request, "retention/segment_list.html", context)


@require_safe
@allow(*SEES_SEGMENTS)
def segment_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show one segment with those of its members whom one may see, now or at the end of a day."""
    segment = get_object_or_404(Segment.objects.select_related("list"), code=code)
    return _page(request, segment, MembersForm(user=request.user))


def _page(request: HttpRequest, segment: Segment, form: MembersForm, status: int = 200) -> HttpResponse:
    at, known = clock.now(), terms.known()
    on, problem = _day(request.GET.get("on", ""))
    context: dict[str, Any] = {"rows": [], "count": None}
    if not problem:
        try:
            with segments.members(segment, at=at, on=on, known=known) as found:
                context |= _members(request, found)
        except Refused as refusal:
            problem = str(refusal)
    course = segments.course_of([segment], at=at)[segment.pk]
    context |= {
        "segment": segment,
        "shown_code": format_html("<code>{}</code>", segment.code),
        "told": _shown(segment, known, course),
        "users": segments.users_of(segment),
        "on": on,
        "on_text": request.GET.get("on", "")[:10],
        "today": localtime.day_of(company.today(at).number),
        "problem": problem,
        "may_write": request.user.role in WRITES_SEGMENTS,  # type: ignore[union-attr]
        "form": form,
        "now": at,
    }
    return render(request, "retention/segment.html", context, status=status)


def _members(request: HttpRequest, found: QuerySet[Customer]) -> dict[str, Any]:
    """Read a page of the members whom one may see; inside the block of ``segments.members``."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    mine = found.filter(pk__in=visible.values("pk"))
    after = whole(request.GET.get("after", ""))
    ahead = mine.filter(pk__gt=after) if after is not None else mine
    rows = list(ahead.select_related("owner").order_by("pk")[: PAGE + 1])
    query = request.GET.copy()
    query.pop("after", None)
    first = "?" + query.urlencode()
    if len(rows) > PAGE:
        query["after"] = str(rows[PAGE - 1].pk)
    return {
        "rows": rows[:PAGE],
        "count": (count := mine.count()),
        "count_written": f"{count:,}",
        "newer": first if after is not None else None,
        "older": "?" + query.urlencode() if len(rows) > PAGE else None,
    }


# --- Writing -----------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_SEGMENTS)
def segment_new(request: HttpRequest) -> HttpResponse:
    """Make a segment by a condition."""
    at, scope = clock.now(), Scope()
    if request.method != "POST":
        editor = Editor.of_tree(FIELD, None, user=request.user, at=at, scope=scope)  # type: ignore[arg-type]
        return _form(request, NewSegmentForm(), editor)
    form = NewSegmentForm(request.POST)
    editor = Editor.of_request(request, FIELD, at=at, scope=scope)
    if Editor.acted(request.POST, FIELD):
        return _form(request, NewSegmentForm(initial=request.POST.dict()), editor)
    editor.strict = True
    if form.is_valid():
        try:
            made = segments.save(**form.named(), condition=editor.tree, by=request.user, at=at)  # type: ignore[arg-type]
        except ConditionRefused as refusal:
            editor.refuse(refusal)
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            return _made(request, made)
    return _form(request, form, editor, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_SEGMENTS)
def segment_new_list(request: HttpRequest) -> HttpResponse:
    """Make a segment by a list."""
    form = NewListForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        at = clock.now()
        try:
            made = segments.make_list(**form.named(), by=request.user, at=at)  # type: ignore[arg-type]
            segments.put(made, form.cleaned_data["customers"], is_member=True, by=request.user, at=at)  # type: ignore[arg-type]
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            return _made(request, made)
    status = 422 if request.method == "POST" else 200
    return render(request, "retention/segment_list_new.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_SEGMENTS)
def segment_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change the names and the condition of a segment."""
    segment = get_object_or_404(Segment, code=code)
    at, scope = clock.now(), Scope(within=segment.code)
    named = {"name_en": segment.name_en, "name_zh": segment.name_zh}
    has_condition = segment.kind == Segment.Kind.CONDITION
    if request.method != "POST":
        editor = Editor.of_tree(FIELD, segment.condition, user=request.user, at=at, scope=scope)  # type: ignore[arg-type]
        return _form(request, NamesForm(initial=named), editor if has_condition else None, segment)
    editor = Editor.of_request(request, FIELD, at=at, scope=scope)
    if has_condition and Editor.acted(request.POST, FIELD):
        return _form(request, NamesForm(initial=request.POST.dict()), editor, segment)
    editor.strict = True
    form = NamesForm(request.POST)
    if form.is_valid():
        try:
            if has_condition:
                segments.revise(segment, condition=editor.tree, by=request.user, at=at)  # type: ignore[arg-type]
            segments.rename(segment, **form.names(), by=request.user, at=at)  # type: ignore[arg-type]
        except ConditionRefused as refusal:
            editor.refuse(refusal)
        else:
            messages.success(request, _("The segment “%(segment)s” is saved.") % {"segment": segment})
            return redirect("retention:segment", segment.code)
    return _form(request, form, editor if has_condition else None, segment, status=422)


@require_POST
@allow(*WRITES_SEGMENTS)
def segment_act(request: HttpRequest, code: str, act: str) -> HttpResponse:
    """Retire, bring back or remove a segment; put customers on a list or take them off it."""
    segment = get_object_or_404(Segment.objects.select_related("list"), code=code)
    if act not in TOP:
        raise Http404
    if act in {"put", "take"}:
        return _put(request, segment, is_member=act == "put")
    at = clock.now()
    try:
        if act == "retire":
            segments.retire(segment, by=request.user, at=at)  # type: ignore[arg-type]
            messages.success(request, _("“%(segment)s” is retired.") % {"segment": segment})
        elif act == "bring-back":
            segments.bring_back(segment, by=request.user, at=at)  # type: ignore[arg-type]
            messages.success(request, _("“%(segment)s” is in use again.") % {"segment": segment})
        else:
            segments.remove(segment, by=request.user, at=at)  # type: ignore[arg-type]
            messages.success(request, _("“%(segment)s” is removed.") % {"segment": segment})
            return redirect("retention:segment_list")
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("retention:segment", segment.code)


def _put(request: HttpRequest, segment: Segment, *, is_member: bool) -> HttpResponse:
    if "number" in request.POST:  # the one beside whom the button stands
        visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        chosen = [get_object_or_404(visible, pk=whole(request.POST["number"]))]
    else:
        form = MembersForm(request.POST, user=request.user)
        if not form.is_valid():
            return _page(request, segment, form, status=422)
        chosen = form.cleaned_data["customers"]
    try:
        changed = segments.put(
            segment,
            chosen,
            is_member=is_member,
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        said = (
            ngettext("%(n)d customer was added.", "%(n)d customers were added.", changed)
            if is_member
            else ngettext("%(n)d customer was taken off.", "%(n)d customers were taken off.", changed)
        )
        messages.success(request, said % {"n": changed})
    return redirect("retention:segment", segment.code)


# --- Inside ------------------------------------------------------------------------------------------
def _offered() -> QuerySet[Segment]:
    return Segment.objects.filter(retired_at=None).order_by("code")


def _made(request: HttpRequest, segment: Segment) -> HttpResponse:
    messages.success(request, _("The segment “%(segment)s” is made.") % {"segment": segment})
    return redirect("retention:segment", segment.code)


def _form(
    request: HttpRequest, form: Any, editor: Editor | None, segment: Segment | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "editor": editor, "segment": segment}
    return render(request, "retention/segment_form.html", context, status=status)


def _shown(segment: Segment, known: Terms, course: list[int | None]) -> Shown:
    if segment.kind == Segment.Kind.LIST:
        return Shown(segment, _("A list that is kept by file or by hand."), "", course)
    try:
        condition = segments.condition_of(segment, known=known)
    except Refused as refusal:
        return Shown(segment, "", str(refusal), course)
    return Shown(segment, rule_sentence(condition, currency=company.current().base_currency), "", course)


def _day(text: str) -> tuple[date | None, str]:
    """Return the day that the address asks for, and what is wrong with it."""
    if not text:
        return None, ""
    try:
        return date.fromisoformat(text), ""
    except ValueError:
        return None, _("That is not a date. Write it as 2026-05-11.")

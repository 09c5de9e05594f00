"""Distributions of a survey: their list, one with what becomes of it, and the acts of its life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import showing
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models.people import Role
from surveys.distributions import audiences, figures, load, making, reading, words
from surveys.distributions.preview import preview
from surveys.models import Distribution, PlannedAsk, Survey, SurveyDispatch
from surveys.pages.distribution_forms import PeopleForm, SettingsForm
from surveys.pages.roles import RUNS_DISTRIBUTIONS, SEES_DISTRIBUTIONS
from surveys.pages.surveys import survey_of

PAGE = 50
WRONG_SHOWN = 50
Kind, Status = Distribution.Kind, Distribution.Status
ABOUT = {
    Kind.LIST: gettext_lazy("One customer, or a file of people: each is asked once."),
    Kind.SEGMENT: gettext_lazy("Everybody who belongs to a group of customers when it starts."),
    Kind.EVENT: gettext_lazy(
        "A complaint was resolved, a question answered, an order delivered, a case closed, a customer lost."
    ),
    Kind.PERIODIC: gettext_lazy("Every customer once in so many days, as many on each day."),
}
SHOWN: dict[str, Q] = {
    "planned": Q(state=PlannedAsk.State.PLANNED),
    "waiting": Q(dispatch__state__in=[SurveyDispatch.State.WAITING, SurveyDispatch.State.SENDING]),
    "sent": Q(dispatch__state=SurveyDispatch.State.SENT),
    "answered": Q(dispatch__invitation__answered_at__isnull=False),
    "not_asked": Q(state=PlannedAsk.State.SKIPPED) | Q(dispatch__state=SurveyDispatch.State.CLOSED),
}
SHOWN_WORDS = {
    "planned": gettext_lazy("planned"),
    "waiting": gettext_lazy("waiting"),
    "sent": gettext_lazy("sent"),
    "answered": gettext_lazy("answered"),
    "not_asked": gettext_lazy("not asked"),
}


# --- Reading ----------------------------------------------------------------------------------
@require_safe
@allow(*SEES_DISTRIBUTIONS)
def distribution_list(request: HttpRequest, code: str) -> HttpResponse:
    """List the distributions of a survey, the newest first."""
    survey = survey_of(request, code)
    rows = _visible(request).filter(survey=survey).select_related("team").order_by("-id")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    counts = figures.sent_counts(page.object_list)
    groups = audiences.names_of(page.object_list)
    told = [(one, words.whom(one, groups), words.when(one), *counts.get(one.pk, (0, 0))) for one in page]
    context = {"survey": survey, "page": page, "told": told, "kinds": _kinds(), "may_run": _may_run(request)}
    return render(request, "surveys/distributions/list.html", context)


@require_safe
@allow(*SEES_DISTRIBUTIONS)
def distribution_page(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Show one distribution: what it does, what it would do or has done, and each ask."""
    return _page(request, distribution_of(request, code, pk), PeopleForm())


def _page(
    request: HttpRequest,
    one: Distribution,
    form: PeopleForm,
    *,
    wrong: list[reading.Wrong] | None = None,
    status: int = 200,
) -> HttpResponse:
    at = clock.now()
    has_begun = one.status != Status.DRAFT
    context = {
        "survey": one.survey,
        "one": one,
        "facts": words.facts_of(one),
        "figures": figures.figures_of(one) if has_begun or one.kind == Kind.LIST else None,
        "preview": preview(one, user=request.user, at=at) if not has_begun else None,  # type: ignore[arg-type]
        "has_begun": has_begun,
        "is_planning": one.status == Status.LIVE and one.kind == Kind.SEGMENT and not one.is_planned,
        "may_run": _may_run(request),
        "form": form,
        "wrong": (wrong or [])[:WRONG_SHOWN],
        "wrong_all": len(wrong or []),
        **_log(request, one),
    }
    return render(request, "surveys/distributions/one.html", context, status=status)


def _log(request: HttpRequest, one: Distribution) -> dict[str, Any]:
    mine: QuerySet[PlannedAsk] = PlannedAsk.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found = figures.log_of(mine.filter(distribution=one))
    shown = request.GET.get("shown", "")
    if shown in SHOWN:
        found = found.filter(SHOWN[shown])
    before = whole(request.GET.get("before"))
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    kept = f"shown={shown}&" if shown in SHOWN else ""
    return {
        "rows": [(ask, showing.to("customer", ask.customer_id)) for ask in rows[:PAGE]],
        "shown_now": shown if shown in SHOWN else "",
        "shown_choices": SHOWN_WORDS.items(),
        "older": f"?{kept}before={rows[PAGE - 1].pk}#log" if len(rows) > PAGE else None,
        "newer": f"?{kept}#log" if before is not None else None,
    }


# --- Writing ----------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*RUNS_DISTRIBUTIONS)
def distribution_new(request: HttpRequest, code: str) -> HttpResponse:
    """Make a distribution as a draft: choose its kind, then say what it does."""
    survey = survey_of(request, code)
    kind = request.GET.get("kind", "")
    if kind not in Kind.values:
        context = {"survey": survey, "kinds": _kinds()}
        return render(request, "surveys/distributions/kinds.html", context)
    at = clock.now()
    form = SettingsForm(
        request.POST or None,
        kind=kind,
        user=request.user,  # type: ignore[arg-type]
        proposal=load.propose(survey, team_id=_team_of(request), at=at),
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = making.create(survey, form.settings(), by=request.user, at=at)  # type: ignore[arg-type]
        except making.SettingRefused as refusal:
            form.refuse(refusal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("surveys:distribution", survey.code, made.pk)
    context = {"survey": survey, "form": form, "kind": Kind(kind).label, "about": ABOUT[Kind(kind)]}
    return render(request, "surveys/distributions/form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*RUNS_DISTRIBUTIONS)
def distribution_edit(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Change what a distribution does; whom it asks stays once it was started."""
    one, at = distribution_of(request, code, pk), clock.now()
    form = SettingsForm(
        request.POST or None,
        kind=one.kind,
        user=request.user,  # type: ignore[arg-type]
        one=one,
        proposal=load.propose(one.survey, team_id=one.team_id, at=at),
    )
    if request.method == "POST" and form.is_valid():
        try:
            making.revise(one, form.settings(), by=request.user, at=at)  # type: ignore[arg-type]
        except making.SettingRefused as refusal:
            form.refuse(refusal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("surveys:distribution", code, pk)
    context = {"survey": one.survey, "form": form, "one": one, "kind": one.get_kind_display()}
    return render(request, "surveys/distributions/form.html", context, status=422 if form.is_bound else 200)


@require_POST
@allow(*RUNS_DISTRIBUTIONS)
def distribution_people(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Add people: who is known is added, the lines that name nobody are told with what is wrong."""
    one, at = distribution_of(request, code, pk), clock.now()
    form = PeopleForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, one, form, status=422)
    upload = form.cleaned_data["file"]
    try:
        wanted = reading.of_file(upload) if upload else reading.of_text(form.cleaned_data["text"])
        found = reading.people(wanted, user=request.user, at=at)  # type: ignore[arg-type]
        added = making.add_people(one, found.contacts, by=request.user, at=at)  # type: ignore[arg-type]
    except Refused as refusal:
        form.add_error("file" if upload else "text", str(refusal))
        return _page(request, one, form, status=422)
    said = ngettext("%(n)s person was added.", "%(n)s people were added.", added) % {"n": added}
    if found.wrong:
        messages.warning(request, said)
        return _page(request, one, PeopleForm(), wrong=found.wrong, status=422)
    messages.success(request, said)
    return redirect("surveys:distribution", code, pk)


@require_POST
@allow(*RUNS_DISTRIBUTIONS)
def distribution_act(request: HttpRequest, code: str, pk: int, act: str) -> HttpResponse:
    """Start, pause, resume, end, empty or remove a distribution."""
    one = distribution_of(request, code, pk)
    if act not in ACTS:
        raise Http404
    verb, said = ACTS[act]
    try:
        verb(one, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
        if act == "remove":
            return redirect("surveys:distribution_list", code)
    return redirect("surveys:distribution", code, pk)


ACTS: dict[str, tuple[Callable[..., Any], Any]] = {
    "start": (making.start, gettext_lazy("It runs: who is due is asked from now on.")),
    "pause": (making.pause, gettext_lazy("It pauses: nobody is asked until it goes on.")),
    "resume": (making.resume, gettext_lazy("It goes on.")),
    "end": (making.end, gettext_lazy("It is ended: nobody is asked any more.")),
    "empty": (making.remove_people, gettext_lazy("Nobody is chosen any more.")),
    "remove": (making.remove, gettext_lazy("The draft is removed.")),
}


def distribution_of(request: HttpRequest, code: str, pk: int) -> Distribution:
    """Return the distribution in an address, or 404."""
    survey: Survey = survey_of(request, code)
    found = _visible(request).select_related("survey", "team", "by")
    one: Distribution = get_object_or_404(found, survey=survey, pk=pk)
    return one


def _visible(request: HttpRequest) -> QuerySet[Distribution]:
    found: QuerySet[Distribution] = Distribution.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return found


def _may_run(request: HttpRequest) -> bool:
    return request.user.role in RUNS_DISTRIBUTIONS


def _team_of(request: HttpRequest) -> int | None:
    user: Any = request.user
    return user.team_id if user.role == Role.TEAM_LEAD else None


def _kinds() -> list[tuple[str, Any, Any]]:
    return [(kind.value, kind.label, ABOUT[kind]) for kind in Kind]

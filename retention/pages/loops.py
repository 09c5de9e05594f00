"""The way back to customers: the list, one piece of feedback with its next step, and what one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import ANYBODY_SIGNED_IN, allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Customer, FeedbackKind, User
from customers.models.people import Role
from retention import loop as looping
from retention.loop import policy
from retention.loop.missing import NEEDS, Need
from retention.models import LoopClosure, RetentionCase
from retention.pages.forms import WORKERS
from retention.pages.loop_acts import ACTS, Verb
from retention.pages.loop_forms import (
    ActionForm,
    AnswerForm,
    AskForm,
    CauseForm,
    ConfirmForm,
    ContactForm,
    GiveForm,
    LoopFilterForm,
    NotSolvedForm,
    PolicyForm,
    WithdrawForm,
)

PAGE = 50
MOST_ON_CARD = 20
State = LoopClosure.State


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def loop_list(request: HttpRequest) -> HttpResponse:
    """List feedback that waits, the soonest deadline first; mine, my team's or all that I may see."""
    view = request.GET.get("view", "")
    views = _views(request.user)
    view = view if view in views else next(iter(views))
    form = LoopFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    found = _in_view(LoopClosure.objects.visible_to(request.user), view, request.user)  # type: ignore[attr-defined]
    for name in ("source", "kind"):
        if wanted.get(name):
            found = found.filter(**{name: wanted[name]})
    found = found.filter(state=wanted["state"]) if wanted.get("state") else found.open()
    rows = found.select_related("customer", "owner", "complaint", "response", "mention", "unknown")
    page = Paginator(rows.order_by("due_at", "pk"), PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    context = {
        "page": page,
        "rows": [(loop, words_of(loop)) for loop in page],
        "form": form,
        "now": clock.now(),
        "view": view,
        "views": [
            {"url": f"?view={name}", "label": label, "current": name == view} for name, label in views.items()
        ],
        "newer": _page_url(query, page.previous_page_number()) if page.has_previous() else None,
        "older": _page_url(query, page.next_page_number()) if page.has_next() else None,
    }
    return render(request, "retention/loops/list.html", context)


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def loop_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one piece of feedback: what was said, what was done, and what comes next."""
    return _page(request, _loop_of(request, pk))


@require_POST
@allow(*WORKERS)
def loop_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Do the next step; come back with its words when it is refused."""
    chosen = ACTS.get(act)
    if chosen is None:
        raise Http404
    loop = _loop_of(request, pk)
    form = chosen.form(request.POST, loop, request.user)
    return _do(request, loop, act, form, chosen.verb, chosen.done)


@require_POST
@allow("team_lead", "admin")
def loop_assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it to a colleague."""
    loop = _loop_of(request, pk)
    return _do(
        request,
        loop,
        "assign",
        GiveForm(request.POST, user=request.user, auto_id="assign_%s"),
        lambda loop, values, by, at: looping.assign_loop(loop, **values, by=by, at=at),
        lambda: _("It is given to a colleague."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def loop_settings(request: HttpRequest) -> HttpResponse:
    """Say how long the company waits for the customer's word."""
    form = PolicyForm(request.POST or None, initial={"silent_days": policy.silent_days()})
    if request.method == "POST" and form.is_valid():
        policy.set_policy(**form.cleaned_data, by=request.user, at=clock.now())
        messages.success(request, _("Saved."))
        return redirect("retention:loop_settings")
    return render(
        request, "retention/loops/settings.html", {"form": form}, status=422 if form.errors else 200
    )


def words_of(loop: LoopClosure) -> str:
    """Return what was said, in the words of whoever told us."""
    if loop.complaint is not None:
        return loop.complaint.text
    if loop.mention is not None:
        return loop.mention.text
    if loop.unknown is not None:
        return loop.unknown.text
    response = loop.response
    if response is None:
        return ""
    return response.comment or (f"{response.metric.upper()} {response.score}" if response.metric else "")


def card_of(loops: QuerySet[LoopClosure]) -> list[LoopClosure]:
    """Return the newest loops of a customer or case, as its page shows them."""
    return list(loops.select_related("owner").order_by("-received_at", "-pk")[:MOST_ON_CARD])


def _views(user: User) -> dict[str, str]:
    if user.role in {Role.ADMIN, Role.ANALYST}:
        return {"all": _("All"), "mine": _("Mine")}
    if user.role == Role.TEAM_LEAD:
        return {"mine": _("Mine"), "team": _("My team's"), "all": _("All")}
    return {"mine": _("Mine"), "all": _("All")}


def _in_view(found: Any, view: str, user: User) -> Any:
    if view == "mine":
        return found.filter(owner=user)
    if view == "team":
        return found.filter(Q(owner=None) | Q(owner__team_id=user.team_id, owner__team__isnull=False))
    return found


def _page_url(query: Any, number: int) -> str:
    query["page"] = str(number)
    return "?" + query.urlencode()


def _page(request: HttpRequest, loop: LoopClosure, **bound: forms.Form) -> HttpResponse:
    at, user = clock.now(), request.user
    lacking = looping.missing(loop)
    is_working = loop.is_open and loop.state != State.ASKED
    may_work = looping.may_work(user, loop) and user.role in WORKERS
    way = looping.reply_way(loop, at=at) if may_work and is_working else None
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    cases = RetentionCase.objects.visible_to(user)  # type: ignore[attr-defined]
    sees_customer = loop.customer_id is not None and visible.filter(pk=loop.customer_id).exists()
    context: dict[str, Any] = {
        "loop": loop,
        "words": words_of(loop),
        "now": at,
        "steps": loop.steps.select_related("by", "owner").order_by("at", "pk")[:200],
        "needs": [(need, need not in lacking) for need in NEEDS[loop.kind]],
        "next": _next_act(loop, lacking),
        "may_work": may_work,
        "may_plan": may_work and loop.kind != FeedbackKind.PRAISE,
        "is_working": may_work and is_working,
        "may_hear": may_work and loop.state in (State.ASKED, State.UNCONFIRMED),
        "may_come_back": may_work and loop.state == State.CONFIRMED,
        "may_answer": may_work and is_working and looping.may_answer(loop, at=at),
        "answers_directly": looping.answers_directly(loop),
        "may_withdraw": may_work and is_working and looping.may_withdraw(user, loop),
        "may_assign": loop.is_open and looping.may_assign(user, loop),
        "may_take": may_work and loop.is_open and loop.owner_id != user.pk,
        "way": way,
        "sees_customer": sees_customer,
        "sees_mention": _sees_mention(loop, sees_customer),
        "sees_case": loop.case_id is not None and cases.filter(pk=loop.case_id).exists(),
        "status_address": looping.status_address(loop) if may_work else "",
        "contact_form": ContactForm(auto_id="contact_%s"),
        "diagnose_form": CauseForm(initial={"cause": loop.cause_id}, auto_id="diagnose_%s")
        if is_working
        else None,
        "act_form": ActionForm(
            kind=loop.kind, initial={"action": loop.action, "text": loop.action_text}, auto_id="act_%s"
        ),
        "ask_form": AskForm(initial={"by_hand": way is None}, auto_id="ask_%s"),
        "answer_form": AnswerForm(auto_id="answer_%s"),
        "confirm_form": ConfirmForm(auto_id="confirm_%s"),
        "not_solved_form": NotSolvedForm(auto_id="not_solved_%s"),
        "withdraw_form": WithdrawForm(auto_id="withdraw_%s"),
        "assign_form": GiveForm(user=user, auto_id="assign_%s"),
        **bound,
    }
    context["open_sheet"] = next(iter(bound), "")
    return render(request, "retention/loops/loop.html", context, status=422 if bound else 200)


def _sees_mention(loop: LoopClosure, sees_customer: bool) -> bool:
    """Say whether the page of the post is there for who sees its customer, if it has one."""
    is_shown = loop.mention is not None and not loop.mention.void
    return is_shown and (sees_customer or loop.customer_id is None)


def _next_act(loop: LoopClosure, lacking: list[Need]) -> str:
    """Return the step that comes next: the first that is missing."""
    acts = {Need.CONTACT: "contact", Need.CAUSE: "diagnose", Need.ACTION: "act", Need.MESSAGE: "ask"}
    return acts[lacking[0]] if lacking and loop.is_open and loop.state != State.ASKED else ""


def _do(
    request: HttpRequest,
    loop: LoopClosure,
    act: str,
    form: forms.Form,
    verb: Verb,
    done: Callable[[], str],
) -> HttpResponse:
    if form.is_valid():
        try:
            verb(loop, form.cleaned_data, request.user, clock.now())
        except Refused as refusal:
            if not form.fields:
                messages.error(request, str(refusal))
                return _onward(request, loop)
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done())
            return _onward(request, loop)
    fresh = _loop_of(request, loop.pk)
    return _page(request, fresh, **{f"{act.replace('-', '_')}_form": form})


def _onward(request: HttpRequest, loop: LoopClosure) -> HttpResponse:
    """Go back to the page, or to the list when it is another's now."""
    if LoopClosure.objects.visible_to(request.user).filter(pk=loop.pk).exists():  # type: ignore[attr-defined]
        return redirect("retention:loop", pk=loop.pk)
    return redirect("retention:loop_list")


def _loop_of(request: HttpRequest, pk: int) -> LoopClosure:
    visible = LoopClosure.objects.visible_to(request.user)  # type: ignore[attr-defined]
    rows = visible.select_related(
        "customer",
        "contact__customer",
        "owner",
        "cause",
        "case",
        "complaint",
        "response",
        "mention",
        "unknown",
    )
    return get_object_or_404(rows, pk=pk)

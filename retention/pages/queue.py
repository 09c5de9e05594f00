"""The queue: which customers need somebody now, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models.people import Role
from customers.pages import live
from retention import cases
from retention.cases import queue
from retention.models import RetentionCase
from retention.pages.filters import QueueFilter, colleagues, people_of
from retention.pages.rows import Row, rows_of, shown

PAGE = 50
MINUTES_A_CALL = 8
OLDEST_LIST = timedelta(days=1)
"""How long one can page on in a list that was judged at its first page."""
NOTHING = "nothing"
SEES_QUEUE = ("account_manager", "team_lead", "admin", "analyst")


@require_safe
@allow(*SEES_QUEUE)
def queue_page(request: HttpRequest) -> HttpResponse:
    """Show the queue in its order, filtered and paged by what stands in the address.

    With ``part=list`` the lines alone, answered with 304 while the page shows the same.
    """
    at, after = _read_place(request)
    views = _views(request)
    here = request.GET.get("view", "")
    found = QueueFilter(request.GET, queryset=viewed(request, views), request=request, at=at)
    chosen = queue.read(shown(found.qs), at=at, after=after, most=PAGE + 1)
    rows = rows_of(chosen[:PAGE], user=request.user, at=at)
    more = len(chosen) > PAGE
    part = _part(request, rows, at=at)
    if request.GET.get("part") == "list":
        return _live(request, part)
    counts = _counts(views, found.qs if more and not after else None)
    may_assign = part["may_assign"]
    return render(
        request,
        "retention/queue.html",
        {
            **part,
            "filter": found,
            "views": _shown_views(views, here, counts) if len(views) > 1 else [],
            "total": counts.get("total"),
            "older": _next_address(request, rows[-1].place, at=at) if more else None,
            "newer": _first_address(request) if after else None,
            "colleagues": people_of(request) if may_assign else [],
            "shows_holder": request.user.role != Role.ACCOUNT_MANAGER,
        },
    )


@require_POST
@allow("team_lead", "admin")
def queue_assign(request: HttpRequest) -> HttpResponse:
    """Give the chosen cases to one colleague."""
    ids = [pk for pk in map(whole, request.POST.getlist("case")) if pk is not None][:500]
    chosen = RetentionCase.objects.visible_to(request.user).filter(pk__in=ids)  # type: ignore[attr-defined]
    to = colleagues(request).filter(pk=whole(request.POST.get("to"))).first()
    if to is None or not ids:
        messages.error(request, _("Select at least one case and say who gets it."))
    else:
        try:
            count = cases.assign_many(chosen, to=to, by=request.user, at=clock.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            text = ngettext("%(count)s case given to %(name)s.", "%(count)s cases given to %(name)s.", count)
            messages.success(request, text % {"count": count, "name": to})
    return redirect(_back_to_queue(request))


def _part(request: HttpRequest, rows: list[Row], *, at: datetime) -> dict[str, Any]:
    """Return what the lines are drawn from, where the page asks for them again, and their tag."""
    query = request.GET.copy()
    query["part"] = "list"
    if not rows:
        query["shown"] = NOTHING
    else:
        query.pop("shown", None)
    may_assign, currency = cases.may_assign(request.user), company.current().base_currency
    # of the moment only the day: the script keeps the times true
    tag = live.tag_of(rows, may_assign, currency, get_language(), localtime(at).date())
    return {
        "rows": rows,
        "now": at,
        "currency": currency,
        "may_assign": may_assign,
        "part_url": f"{reverse('retention:queue')}?{query.urlencode()}",
        "tag": tag,
    }


def _live(request: HttpRequest, part: dict[str, Any]) -> HttpResponse:
    """Answer the page that stands open; it is loaded again when its list begins or ends to be empty."""
    if bool(part["rows"]) == (request.GET.get("shown") == NOTHING):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return live.answer(
        request, part["tag"], lambda: render_to_string("retention/queue_part.html", part, request)
    )


def viewed(
    request: HttpRequest, views: list[tuple[str, str, QuerySet[RetentionCase]]] | None = None
) -> QuerySet[RetentionCase]:
    """Return the cases of the part of the queue that stands in the address."""
    views = _views(request) if views is None else views
    here = request.GET.get("view", "")
    return next((rows for code, _label, rows in views if code == here), views[0][2])


def _views(request: HttpRequest) -> list[tuple[str, str, QuerySet[RetentionCase]]]:
    """Return the parts of the queue that one can choose: code, name, cases."""
    found = queue.queue(request.user)
    if request.user.role == Role.ACCOUNT_MANAGER:
        return [("", "", found)]
    everything = _("Team") if request.user.role == Role.TEAM_LEAD else _("All")
    choices = [("", everything, found), ("pool", _("Nobody's"), found.filter(assignee__isnull=True))]
    if request.user.role == Role.TEAM_LEAD:
        choices.insert(1, ("mine", _("Mine"), found.filter(assignee=request.user)))
    return choices


def _counts(
    views: list[tuple[str, str, QuerySet[RetentionCase]]], listed: QuerySet[RetentionCase] | None
) -> dict[str, int]:
    """Count every view that is offered, and the list when it has more than a page; one query."""
    lists = {f"view_{code}": rows for code, _label, rows in views} if len(views) > 1 else {}
    return counted(**lists, **({} if listed is None else {"total": listed}))


def _shown_views(
    views: list[tuple[str, str, QuerySet[RetentionCase]]], here: str, counts: dict[str, int]
) -> list[dict[str, Any]]:
    address = reverse("retention:queue")
    return [
        {
            "url": f"{address}?view={code}" if code else address,
            "label": label,
            "count": counts[f"view_{code}"],
            "current": here == code,
        }
        for code, label, _rows in views
    ]


def _read_place(request: HttpRequest) -> tuple[datetime, queue.Place | None]:
    """Return the moment the list is judged at and the place after which the page begins."""
    now = clock.now()
    try:
        at, missed, weight, due, pk = request.GET.get("after", "").split("~")
        moment, due_at = _moment(at), _moment(due)
    except (ValueError, OverflowError):
        return now, None
    numbers = [number for number in map(whole, (missed, weight, pk)) if number is not None]
    if len(numbers) < 3 or not now - OLDEST_LIST <= moment <= now:
        return now, None
    return moment, queue.Place(numbers[0], -numbers[1], due_at, numbers[2])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(UTC)


def _next_address(request: HttpRequest, place: queue.Place, *, at: datetime) -> str:
    query = request.GET.copy()
    key = [at.isoformat(), place.missed, -place.rank, place.due.isoformat(), place.pk]
    query["after"] = "~".join(str(part) for part in key)
    return "?" + query.urlencode()


def _first_address(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    return "?" + query.urlencode()


def _back_to_queue(request: HttpRequest) -> str:
    query = request.POST.get("query", "")
    return reverse("retention:queue") + (query if query.startswith("?") else "")

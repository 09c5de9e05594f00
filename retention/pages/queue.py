"""The queue: which customers need somebody now, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.ground.numbers import whole
from customers.models import Order, User
from customers.models.people import Role
from retention import cases, rules
from retention.cases import queue
from retention.models import EarlyWarning, RetentionCase
from retention.pages.filters import QueueFilter, colleagues

PAGE = 50
COUNT_UP_TO = 1001
MINUTES_A_CALL = 8
OLDEST_LIST = timedelta(days=1)
"""How long one can page on in a list that was judged at its first page."""
SEES_QUEUE = ("account_manager", "team_lead", "admin", "analyst")


@dataclass(frozen=True)
class Row:
    """One line of the queue, ready to show."""

    id: int
    url: str
    name: str
    alt: str
    severity: int
    tags: list[tuple[str, str]]
    why: str
    bars: list[int]
    worth: int | None
    due_at: datetime | None
    due_note: str
    place: queue.Place = field(compare=False)


@require_safe
@allow(*SEES_QUEUE)
def queue_page(request: HttpRequest) -> HttpResponse:
    """Show the queue in its order, filtered and paged by what stands in the address."""
    at, after = _read_place(request)
    found = QueueFilter(request.GET, queryset=_view_of(request, at=at), request=request, at=at)
    listed = queue.after(found.qs, after) if after else found.qs
    chosen = list(with_reasons(listed)[: PAGE + 1])
    rows = rows_of(chosen[:PAGE], user=request.user, at=at)
    more = len(chosen) > PAGE
    firm = company.current()
    return render(
        request,
        "retention/queue.html",
        {
            "rows": rows,
            "filter": found,
            "now": at,
            "currency": firm.base_currency,
            "views": _views(request, at=at),
            "total": min(found.qs.count(), COUNT_UP_TO) if not after and more else None,
            "older": _next_address(request, rows[-1].place, at=at) if more else None,
            "newer": _first_address(request) if after else None,
            "may_assign": cases.may_assign(request.user),
            "colleagues": colleagues(request) if cases.may_assign(request.user) else [],
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


def with_reasons(found: QuerySet[RetentionCase]) -> QuerySet[RetentionCase]:
    """Add what a row shows: the customer, who holds it, its open warnings with their rules."""
    warnings = EarlyWarning.objects.calling().select_related("rule").order_by("-severity", "rule__position")  # type: ignore[attr-defined]
    return found.select_related("customer", "assignee").prefetch_related(
        Prefetch("warnings", queryset=warnings, to_attr="open_warnings")
    )


def rows_of(found: Sequence[RetentionCase], *, user: User, at: datetime) -> list[Row]:
    """Return cases (from :func:`with_reasons`, in the order of the queue) as rows; one more query."""
    firm = company.current()
    bars = orders_by_month([case.customer_id for case in found], last_day=company.today(at, firm).number)
    return [_row(case, bars[case.customer_id], user=user, currency=firm.base_currency) for case in found]


def reasons_of(warnings: Iterable[EarlyWarning], *, currency: str) -> str:
    """Return the evidence of the warnings as sentences, each once, the gravest first."""
    language = get_language() or "en"
    said = (
        rules.evidence_sentence(w, w.rule, language=language, currency=currency, with_worth=False)
        for w in warnings
    )
    space = "" if language.startswith("zh") else " "
    return space.join(dict.fromkeys(sentence for sentence in said if sentence))


def orders_by_month(customer_ids: Sequence[int], *, last_day: int, months: int = 12) -> dict[int, list[int]]:
    """Return how many orders each customer placed in each of the last months, oldest first; one query."""
    last = day_of(last_day)
    newest = last.year * 12 + last.month - 1
    first = day_of(last_day).replace(
        year=(newest - months + 1) // 12, month=(newest - months + 1) % 12 + 1, day=1
    )
    counts: dict[int, list[int]] = defaultdict(lambda: [0] * months)
    days = Order.objects.filter(
        customer_id__in=customer_ids,
        occurred_day__gte=first.toordinal(),
        occurred_day__lte=last_day,
        is_purchase=True,
        void=False,
    ).exclude(status=Order.Status.CANCELLED)
    for customer_id, number in days.values_list("customer_id", "occurred_day"):
        day = day_of(number)
        counts[customer_id][day.year * 12 + day.month - 1 - newest + months - 1] += 1
    return counts


def _row(case: Any, bars: list[int], *, user: User, currency: str) -> Row:
    tags = [("accent" if case.kind == "recovery" else "", case.get_kind_display())]
    tags += [("bad" if w.severity == 3 else "warn", str(w.rule)) for w in case.open_warnings[:3]]
    if case.status == RetentionCase.Status.UNASSIGNED:
        tags.append(("warn", _("nobody holds it")))
    return Row(
        id=case.pk,
        url=reverse("retention:case", args=[case.pk]),
        name=case.customer.name,
        alt=case.customer.name_alt,
        severity=case.severity,
        tags=tags,
        why=reasons_of(case.open_warnings, currency=currency) or case.reason or cases.why_assigned(case),
        bars=bars,
        worth=case.margin_365d if case.margin_365d > 0 else None,
        due_at=case.due_at,
        due_note=str(case.assignee) if case.assignee_id not in (None, user.pk) else "",
        place=queue.place_of(case),
    )


def _view_of(request: HttpRequest, *, at: datetime) -> QuerySet[RetentionCase]:
    view = request.GET.get("view", "")
    found = queue.queue(request.user, at=at)
    if view == "mine":
        return found.filter(assignee=request.user)
    if view == "pool":
        return found.filter(assignee__isnull=True)
    return found


def _views(request: HttpRequest, *, at: datetime) -> list[dict[str, Any]]:
    if request.user.role == Role.ACCOUNT_MANAGER:
        return []
    here = request.GET.get("view", "")
    found = queue.queue(request.user, at=at).order_by()
    everything = _("Team") if request.user.role == Role.TEAM_LEAD else _("All")
    choices = [("", everything, found), ("pool", _("Nobody's"), found.filter(assignee__isnull=True))]
    if request.user.role == Role.TEAM_LEAD:
        choices.insert(1, ("mine", _("Mine"), found.filter(assignee=request.user)))
    address = reverse("retention:queue")
    return [
        {
            "url": f"{address}?view={code}" if code else address,
            "label": label,
            "count": cases_counted(rows),
            "current": here == code,
        }
        for code, label, rows in choices
    ]


def cases_counted(found: QuerySet[RetentionCase]) -> int:
    """Count, but never more than is worth knowing."""
    return found.order_by()[:COUNT_UP_TO].count()


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
    return moment, queue.Place(numbers[0], numbers[1], due_at, numbers[2])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(UTC)


def _next_address(request: HttpRequest, place: queue.Place, *, at: datetime) -> str:
    query = request.GET.copy()
    key = [at.isoformat(), place.missed, place.weight, place.due.isoformat(), place.pk]
    query["after"] = "~".join(str(part) for part in key)
    return "?" + query.urlencode()


def _first_address(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    return "?" + query.urlencode()


def _back_to_queue(request: HttpRequest) -> str:
    query = request.POST.get("query", "")
    return reverse("retention:queue") + (query if query.startswith("?") else "")

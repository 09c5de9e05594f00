"""The first page after sign-in: what the day asks of this person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import localtime as to_current_zone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import company, first_week
from customers.access import ANYBODY_SIGNED_IN, allow
from customers.ground import clock, limits, localtime
from customers.ground.counting import COUNT_UP_TO, Sums, counted
from customers.ground.gathering import gathered
from customers.ground.models import Company
from customers.models import Complaint, Customer, FeedbackKind, ImportBatch, Reminder, User
from customers.models.people import Role
from retention import rules
from retention.cases import queue
from retention.loop.owners import OWNING_ROLES
from retention.models import EarlyWarning, FollowUpCall, RetentionCase, SweepRun, WarningRule
from retention.pages.complaints import open_complaints
from retention.pages.contracts import contracts_of, figures_of, renewing
from retention.pages.loop_figures import my_times
from retention.pages.queue import MINUTES_A_CALL
from retention.pages.rows import rows_of, shown

NEXT = 5
IMPORTS = 3
PRAISES = 3
PRAISE_SHOWN = timedelta(days=30)
COMPLAINTS_UP_TO = 101


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def home(request: HttpRequest) -> HttpResponse:
    """Show the day: for whoever works cases her queue, for the others how things stand."""
    at, firm, user = clock.now(), company.find(), request.user
    context: dict[str, Any] = {"now": at, "greeting": greeting(at), "company_missing": firm is None}
    if firm is not None:
        context["currency"] = firm.base_currency
        waiting = queue.queue(user)
        counts = _counts(user, waiting, at=at, firm=firm)
        context |= counts | _work(user, waiting, at=at)
        context |= _known(user, waiting, some=counts["open_count"], currency=firm.base_currency, at=at)
        context["minutes_today"] = counts["calls_today"] * MINUTES_A_CALL
        if user.role == Role.TEAM_LEAD:
            context["figures"] = figures_of(counts)
            context["loads"] = loads(user, at=at)
        if user.role in {Role.ADMIN, Role.ANALYST}:
            context["state"] = {name: counts[name] for name in ("customers", "rules", "rules_on")}
        if user.role == Role.ADMIN:
            context["stages"] = first_week.open_stages(counts)
            context["filling_up"] = limits.warned()
        context["loop_times"] = my_times(user) if user.role in OWNING_ROLES else None
    elif user.role == Role.ADMIN:
        context["stages"] = first_week.open_stages()
    return render(request, "retention/home.html", context)


def greeting(at: datetime) -> str:
    """Return the greeting of the hour in the company's zone."""
    hour = to_current_zone(at).hour
    if hour < 12:
        return _("Good morning")
    return _("Good afternoon") if hour < 18 else _("Good evening")


def loads(lead: User, *, at: datetime) -> list[User]:
    """Return the lead's people with their open cases and missed deadlines.

    Counted person by person, from the index of each one's queue alone.
    """
    held = RetentionCase.objects.open().filter(assignee=OuterRef("pk")).order_by()  # type: ignore[attr-defined]
    return list(
        User.objects.working()
        .visible_to(lead)
        .annotate(open_count=_number(held), missed_count=_number(held.filter(due__lt=at)))
        .order_by("-missed_count", "-open_count", "username")[:50]
    )


def _number(cases: QuerySet[RetentionCase]) -> Coalesce:
    return Coalesce(Subquery(cases.values("assignee").annotate(number=Count("pk")).values("number")), 0)


def _work(user: User, waiting: QuerySet[RetentionCase], *, at: datetime) -> dict[str, Any]:
    first = queue.read(shown(waiting), at=at, most=NEXT)
    return {
        "first": next(iter(first), None),
        "rows": rows_of(first, user=user, at=at),
    }


def _counts(user: User, waiting: QuerySet[RetentionCase], *, at: datetime, firm: Company) -> dict[str, int]:
    """Return every number of the page, in one query."""
    tomorrow = localtime.start_of_day(company.today(at, firm).number + 1, firm.time_zone)
    lists: dict[str, QuerySet[Any]] = {
        "open_count": waiting,
        "overdue_count": waiting.filter(due__lt=at),
        "due_count": waiting.filter(due__gte=at, due__lt=tomorrow),
        "calls_today": waiting.filter(due__lt=tomorrow),
        "complaint_count": open_complaints(user).filter(kind=FeedbackKind.COMPLAINT)[:COMPLAINTS_UP_TO],
    }
    sums: Sums = {}
    if user.role == Role.TEAM_LEAD:
        going, sums = renewing(contracts_of(user), day=company.today(at, firm).number)
        lists |= going
        lists["pool_count"] = waiting.filter(assignee__isnull=True)
        lists["escalated_count"] = FollowUpCall.objects.filter(
            escalated_to=user, status=FollowUpCall.Status.PLANNED
        )
    if user.role in {Role.ADMIN, Role.ANALYST}:
        lists["customers"] = Customer.objects.present()  # type: ignore[attr-defined]
        lists["rules"] = WarningRule.objects.all()
        lists["rules_on"] = WarningRule.objects.filter(is_enabled=True)
    if user.role == Role.ADMIN:
        lists |= first_week.lists()
    return counted(sums=sums, **lists)


def _known(
    user: User, waiting: QuerySet[RetentionCase], *, some: int, currency: str, at: datetime
) -> dict[str, Any]:
    """Return the newest warnings of the cases that wait, in words, of when the data is, and reminders.

    Of few cases they are looked up by case; of many the newest of all soon hold enough of theirs.
    """
    swept = SweepRun.objects.filter(status=SweepRun.Status.DONE).exclude(scope="baseline").values("as_of")[:1]
    few = some < COUNT_UP_TO
    mine = Reminder.objects.visible_to(user).waiting()[:NEXT]  # type: ignore[attr-defined]
    found = gathered(
        swept=swept,
        cases=(waiting if few else waiting.none())[:COUNT_UP_TO].values("id"),
        reminders=mine.values("id", "text", "due_at", "customer_id", "customer__name"),
        imports=_imports(user),
        praise=_praise(user, at=at),
    )
    known: dict[str, Any] = {"data_as_of": next((row.as_of for row in found["swept"]), None), "news": []}
    known["reminders"], known["bad_imports"] = found["reminders"], found["imports"]
    known["praise"] = found["praise"]
    if some:
        among = [row.id for row in found["cases"]] if few else waiting
        known["news"] = _news(among, currency=currency)
    return known


def _praise(user: User, *, at: datetime) -> QuerySet[Any, Any]:
    """Return how customers lately praised ``user`` by name: for her, whosever customers they are."""
    found = Complaint.objects.filter(praised=user, kind=FeedbackKind.PRAISE, void=False)
    newest = found.filter(occurred_at__gt=at - PRAISE_SHOWN).order_by("-pk")[:PRAISES]
    return newest.values("id", "text", "occurred_at", "customer__name")


def _imports(user: User) -> QuerySet[Any, Any]:
    """Return the runs of recurring imports that went badly, for admins and whose import it is."""
    runs = ImportBatch.objects.visible_to(user).ended_badly()  # type: ignore[attr-defined]
    if user.role not in {Role.ADMIN, Role.TEAM_LEAD}:
        runs = runs.none()
    return runs[:IMPORTS].values("id", "status", "refused", "lines", "finished_at", "profile__name")  # type: ignore[no-any-return]


def _news(among: Any, *, currency: str) -> list[dict[str, Any]]:
    language = get_language() or "en"
    calling = EarlyWarning.objects.calling().filter(case__in=among)  # type: ignore[attr-defined]
    newest = calling.select_related("rule", "customer").order_by("-raised_at", "-pk")[:NEXT]
    return [
        {
            "warning": w,
            "text": rules.evidence_sentence(w, w.rule, language=language, currency=currency),
        }
        for w in newest
    ]

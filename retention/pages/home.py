"""The first page after sign-in: what the day asks of this person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import localtime as to_current_zone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import company
from customers.access import ANYBODY_SIGNED_IN, allow
from customers.ground import clock, localtime
from customers.ground.models import Company
from customers.models import Complaint, Customer, ImportBatch, User
from customers.models.people import Role
from retention import rules
from retention.cases import queue
from retention.models import EarlyWarning, FollowUpCall, RetentionCase, SweepRun, WarningRule
from retention.pages.queue import COUNT_UP_TO, MINUTES_A_CALL, cases_counted, rows_of, with_reasons

NEXT = 5


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def home(request: HttpRequest) -> HttpResponse:
    """Show the day: for whoever works cases her queue, for the others how things stand."""
    at, firm, user = clock.now(), Company.objects.first(), request.user
    context: dict[str, Any] = {"now": at, "greeting": greeting(at), "company_missing": firm is None}
    if firm is not None:
        context["currency"] = firm.base_currency
        context |= _work(user, at=at, firm=firm)
        if user.role == Role.TEAM_LEAD:
            context["loads"] = loads(user, at=at)
        if user.role in {Role.ADMIN, Role.ANALYST}:
            context["state"] = state()
            steps = setup() if user.role == Role.ADMIN else []
            context["setup"] = [] if all(done for done, _text, _route in steps) else steps
    return render(request, "retention/home.html", context)


def greeting(at: datetime) -> str:
    """Return the greeting of the hour in the company's zone."""
    hour = to_current_zone(at).hour
    if hour < 12:
        return _("Good morning")
    return _("Good afternoon") if hour < 18 else _("Good evening")


def loads(lead: User, *, at: datetime) -> list[User]:
    """Return the lead's people with their open cases and missed deadlines."""
    still_open = ~Q(cases__status=RetentionCase.Status.CLOSED) & Q(cases__isnull=False)
    return list(
        User.objects.working()
        .visible_to(lead)
        .annotate(
            open_count=Count("cases", filter=still_open),
            missed_count=Count("cases", filter=still_open & Q(cases__due_at__lt=at)),
        )
        .order_by("-missed_count", "-open_count", "username")[:50]
    )


def state() -> dict[str, Any]:
    """Return how the whole stands: customers, rules, the last sweep."""
    return {
        "customers": Customer.objects.count(),
        "rules_on": WarningRule.objects.filter(is_enabled=True).count(),
        "rules": WarningRule.objects.count(),
        "last": SweepRun.objects.filter(status=SweepRun.Status.DONE).exclude(scope="baseline").first(),
        "last_import": ImportBatch.objects.first(),
    }


def setup() -> list[tuple[bool, str, str]]:
    """Return the first steps of a company: done or not, in words, and the route that does it."""
    has_people = User.objects.working().exists()
    return [
        (has_people, _("Make accounts for your colleagues, and teams"), "customers:user_list"),
        (Customer.objects.exists(), _("Import customers, orders and complaints"), "customers:import_list"),
        (
            WarningRule.objects.filter(is_enabled=True).exists(),
            _("Switch on the warning rules"),
            "retention:rule_list",
        ),
    ]


def _work(user: User, *, at: datetime, firm: Company) -> dict[str, Any]:
    waiting = queue.queue(user, at=at)
    tomorrow = localtime.start_of_day(company.today(at, firm).number + 1, firm.time_zone)
    due_today = waiting.filter(due_at__gte=at, due_at__lt=tomorrow)
    overdue = waiting.filter(due_at__lt=at)
    calls_today = cases_counted(waiting.filter(due_at__lt=tomorrow))
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    open_complaints = Complaint.objects.filter(customer__in=visible, void=False, state=Complaint.State.OPEN)
    escalated = FollowUpCall.objects.filter(escalated_to=user, status=FollowUpCall.Status.PLANNED)
    return {
        "calls_today": calls_today,
        "minutes_today": calls_today * MINUTES_A_CALL,
        "open_count": cases_counted(waiting),
        "overdue_count": cases_counted(overdue),
        "due_count": cases_counted(due_today),
        "complaint_count": open_complaints.order_by()[:COUNT_UP_TO].count(),
        "escalated_count": escalated.order_by()[:COUNT_UP_TO].count(),
        "pool_count": cases_counted(waiting.filter(assignee__isnull=True)),
        "first": waiting.first(),
        "rows": rows_of(list(with_reasons(waiting)[:NEXT]), user=user, at=at),
        "news": _news(user, currency=firm.base_currency),
        "data_as_of": SweepRun.objects.filter(status=SweepRun.Status.DONE)
        .exclude(scope="baseline")
        .values_list("as_of", flat=True)
        .first(),
    }


def _news(user: User, *, currency: str) -> list[dict[str, Any]]:
    language = get_language() or "en"
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    newest = (
        EarlyWarning.objects.calling()  # type: ignore[attr-defined]
        .filter(customer__in=visible)
        .select_related("rule", "customer")
        .order_by("-raised_at", "-pk")[:NEXT]
    )
    return [
        {
            "warning": w,
            "text": rules.evidence_sentence(w, w.rule, language=language, currency=currency),
        }
        for w in newest
    ]

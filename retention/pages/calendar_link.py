"""One's renewals in a calendar program: the page that makes the link, and the feed behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from icalendar import Calendar, Event

from customers import calendar_links, company
from customers.access import PUBLIC, allow
from customers.ground import clock, localtime
from customers.ground.money import format_money
from customers.models import CalendarLink, Contract, User
from retention.pages.contracts import contracts_of
from retention.pages.customers import SEES_CUSTOMERS

BACK, AHEAD, MOST = 31, 400, 2000  # days that the feed shows, and dates at most


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SEES_CUSTOMERS)
def calendar_link(request: HttpRequest) -> HttpResponse:
    """Make or revoke one's link; the answer to a new one is the only place that shows it."""
    user: Any = request.user
    address = ""
    if request.method == "POST" and request.POST.get("act") == "revoke":
        calendar_links.revoke_link(user, by=user, at=clock.real_now())
    elif request.method == "POST":
        _link, secret = calendar_links.make_link(user, by=user, at=clock.real_now())
        address = settings.PUBLIC_BASE_URL + reverse("retention:calendar_feed", args=[secret])
    link = CalendarLink.objects.filter(user=user, revoked_at__isnull=True).first()
    return render(request, "retention/calendar_link.html", {"address": address, "link": link})


@require_safe
@allow(PUBLIC)
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """Answer a calendar program with what its owner may see; without sign-in, and no cookie."""
    user = calendar_links.user_of(secret)
    if user is None or user.role not in SEES_CUSTOMERS:
        raise Http404
    with translation.override(user.language):
        written = _calendar(user, at=clock.now())
    answer = HttpResponse(written, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'inline; filename="renewals.ics"'
    answer["Cache-Control"] = "no-store"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _calendar(user: User, *, at: datetime) -> bytes:
    today = company.today(at).number
    rows = (
        contracts_of(user)
        .filter(renewed_day__isnull=True, terminated_day__isnull=True)
        .filter(ends_day__gte=today - BACK, ends_day__lte=today + AHEAD)
        .select_related("customer")
        .order_by("ends_day", "pk")[:MOST]
    )
    calendar = Calendar()
    calendar.add("prodid", "-//Liuke//Renewals//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _("Renewals"))
    for contract in rows:
        if contract.notice_day is not None:
            calendar.add_component(
                _event(contract, contract.notice_day, "notice", _("Notice until"), user=user, at=at)
            )
        calendar.add_component(
            _event(contract, contract.ends_day, "end", _("Contract ends"), user=user, at=at)
        )
    written: bytes = calendar.to_ical()
    return written


def _event(contract: Contract, day: int, what: str, title: str, *, user: User, at: datetime) -> Event:
    event = Event()
    begin = localtime.day_of(day)
    event.add("uid", f"contract-{contract.pk}-{what}@liuke")
    event.add("dtstamp", at.astimezone(UTC))
    event.add("dtstart", begin)
    event.add("dtend", begin + timedelta(days=1))
    event.add("summary", f"{title}: {contract.customer.name}")
    event.add(
        "description",
        f"{contract.number} {format_money(contract.value, contract.currency, user.language)}".strip(),
    )
    event.add("url", settings.PUBLIC_BASE_URL + reverse("retention:contract", args=[contract.pk]))
    event.add("transp", "TRANSPARENT")
    return event

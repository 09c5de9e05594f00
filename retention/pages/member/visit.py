"""One look at, or one press on, the customer's own page: whose link it is, and in which language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from customers import company
from customers.contact.budget import zone_of
from customers.ground import clock, context
from customers.ground.api import throttles
from customers.ground.numbers import whole
from customers.models import Contact, Customer
from customers.token_pages import token_page
from loyalty import links
from surveys.definition import words_language

VISITS_A_MINUTE = 120
"""Of one address; a house that shares one is slowed, not shut out."""


class Dead(Exception):
    """What the address names is not there for her: it looks like a link that opens nothing."""


@dataclass(frozen=True)
class Visit:
    """A visit by a link that opens."""

    request: HttpRequest
    token: str
    contact: Contact
    at: datetime
    language: str
    chosen: str  # the language that she chose; empty while the page has her own

    @property
    def customer(self) -> Customer:
        """Return whose page it is."""
        return self.contact.customer

    @property
    def zone(self) -> str:
        """Return the time zone in which moments are told."""
        return zone_of(self.customer)

    def address(self, route: str, *args: int, query: str = "") -> str:
        """Return the path of one of the pages of this link, in the language that she chose."""
        said = "&".join(part for part in (f"lang={self.chosen}" if self.chosen else "", query) if part)
        return reverse(f"retention:{route}", args=[self.token, *args]) + (f"?{said}" if said else "")

    def page(
        self, template: str, values: dict[str, Any], route: str, *args: int, status: int = 200
    ) -> HttpResponse:
        """Draw one of the pages; ``route`` with ``args`` is where it is looked at, also after a press."""
        number = whole(self.request.GET.get("page"))
        others = [
            (
                replace(self, chosen=code).address(route, *args, query=f"page={number}" if number else ""),
                code,
                name,
            )
            for code, name in settings.LANGUAGES
            if code != self.language
        ]
        frame = {
            "visit": self,
            "words": self.language,
            "others": others,
            "company": company.current().name,
            "home": self.address("member"),
            "now": self.at,
        }
        return render(self.request, f"retention/member/{template}", frame | values, status=status)

    def onward(self, route: str, *args: int, query: str = "", to: str = "") -> HttpResponse:
        """Lead her to a page after a press, so that loading it again presses nothing."""
        return HttpResponseRedirect(self.address(route, *args, query=query) + (f"#{to}" if to else ""))


def opened(route: str) -> Callable[[Callable[..., HttpResponse]], Any]:
    """Declare a view of the own page: it is called with a :class:`Visit`, or a dead page is shown."""

    def declare(view: Callable[..., HttpResponse]) -> Any:
        @token_page(route)
        @wraps(view)
        def visited(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponse:
            try:
                throttles.count(
                    f"address:{throttles.address_of(request)}:member",  # type: ignore[arg-type]
                    limit=VISITS_A_MINUTE,
                    at=clock.real_now(),
                )
            except throttles.Throttled as slowed:
                return _slowed(request, token, slowed)
            at = clock.now()
            with company.reading_once(), context.acting(channel="page", address=""):  # whence is hers
                link = links.find(token, at=at, now=clock.real_now()) if company.find() else None
                if link is None:
                    return _dead(request)
                chosen, language = _language(request, link.contact)
                visit = Visit(request, token, link.contact, at, language, chosen)
                try:
                    with translation.override(language):
                        return view(visit, **kwargs)
                except Dead:
                    return _dead(request)

        return visited

    return declare


def _language(request: HttpRequest, contact: Contact) -> tuple[str, str]:
    """Return the language that she chose, and that of the page: the chosen one, else hers.

    Where neither is known it is the one that her browser asks for, not the company's.
    """
    chosen = request.GET.get("lang", "") or request.POST.get("lang", "")
    if chosen in dict(settings.LANGUAGES):
        return chosen, chosen
    hers = contact.language or contact.customer.language
    return "", words_language(hers) if hers else translation.get_language() or "en"


def _dead(request: HttpRequest) -> HttpResponse:
    """Answer the same to every link that opens nothing."""
    return render(request, "retention/member/dead.html", {"words": translation.get_language()}, status=404)


def _slowed(request: HttpRequest, token: str, slowed: throttles.Throttled) -> HttpResponse:
    """Ask for patience; a press goes on at the page of the link, since some addresses take presses only."""
    seconds = (getattr(slowed, "headers", {}) or {}).get("Retry-After", "60")
    home = reverse("retention:member", args=[token]) if request.method == "POST" else ""
    shown = {"seconds": seconds, "words": translation.get_language(), "home": home}
    response = render(request, "retention/loops/status_slowed.html", shown, status=429)
    response["Retry-After"] = seconds
    return response

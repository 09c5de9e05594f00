"""What the search box of every page suggests while somebody types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground.numbers import whole
from customers.models import SearchToken, User
from customers.search import suggesting, words
from retention.models import RetentionCase
from retention.pages.customers import SEES_CUSTOMERS

Kind = SearchToken.Kind
LONGEST = 100  # letters that are looked for


@dataclass(frozen=True)
class Found:
    """One line of the suggestions; ``why`` says what it was found by, unless the names show it."""

    url: str
    name: str
    alt: str
    why: str
    owner: str
    is_own: bool


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_find(request: HttpRequest) -> HttpResponse:
    """Answer with the lines below the box; without script, lead to the list of all that fit."""
    text = request.GET.get("q", "").strip()[:LONGEST]
    listed = f"{reverse('retention:customer_list')}?{urlencode({'q': text})}"
    if not request.headers.get("HX-Request"):
        return redirect(listed)
    user: Any = request.user
    found = [*_case(text, user), *_customers(text, user)][: suggesting.BEST] if text else []
    said = ngettext("%(count)d suggestion", "%(count)d suggestions", len(found)) % {"count": len(found)}
    answer = render(
        request,
        "retention/find.html",
        {"found": found, "text": text, "all_url": listed, "said": said if found else _("Nobody found")},
    )
    answer["Cache-Control"] = "no-store"
    return answer


def _customers(text: str, user: User) -> list[Found]:
    return [
        Found(
            url=reverse("retention:customer", args=[hit.customer.pk]),
            name=hit.customer.name,
            alt=hit.customer.name_alt,
            why=_why(hit, text),
            owner=str(hit.customer.owner or ""),
            is_own=hit.is_own,
        )
        for hit in suggesting.suggest(text, user=user)
    ]


def _case(text: str, user: User) -> list[Found]:
    """Return the case with this very number, if ``user`` may see it."""
    number = whole(text.removeprefix("#"))
    if number is None:
        return []
    cases = RetentionCase.objects.visible_to(user).select_related("customer", "assignee")  # type: ignore[attr-defined]
    return [
        Found(
            url=reverse("retention:case", args=[case.pk]),
            name=_("Case %(number)d") % {"number": case.pk},
            alt=case.customer.name,
            why=str(case.get_status_display()),
            owner=str(case.assignee or ""),
            is_own=case.assignee_id == user.pk,
        )
        for case in cases.filter(pk=number)
    ]


def _why(hit: suggesting.Hit, text: str) -> str:
    """Return what a customer was found by, when its names do not show it."""
    if hit.token is None:
        return _("number %(text)s") % {"text": text}
    whose = hit.contact.name if hit.contact else ""
    if hit.token.kind == Kind.PHONE:
        tail = words.digits_of(text)[-words.TAIL :]
        return _("phone …%(tail)s, %(name)s") % {"tail": tail, "name": whose}
    if hit.token.kind == Kind.EMAIL and hit.contact:
        return str(hit.contact.email)
    if hit.token.kind == Kind.FORMER:
        return _("earlier name")
    return _("contact %(name)s") % {"name": whose} if whose else ""

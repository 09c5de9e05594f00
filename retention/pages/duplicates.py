"""The list of customers that look like one, and of those that became one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from customers import duplicates
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer, DuplicateProposal, DuplicateSearch, Merge, User
from customers.models.duplicates import Sign
from retention.pages.merging import MAY_MERGE

PAGE = 30
MOST_HINTS = 3
MERGED, DISMISSED, OPEN = "merged", "not_a_duplicate", "open"


@require_safe
@allow(*MAY_MERGE)
def duplicate_list(request: HttpRequest) -> HttpResponse:
    """List pairs that look like one (``?state=``: open, not_a_duplicate), or merges (merged)."""
    state = request.GET.get("state", OPEN)
    state = state if state in {OPEN, MERGED, DISMISSED} else OPEN
    after = request.GET.get("after", "")
    rows = _merges(request.user, after) if state == MERGED else _pairs(request.user, state, after)
    shown = list(rows[: PAGE + 1])
    more, shown = len(shown) > PAGE, shown[:PAGE]
    query = request.GET.copy()
    query.pop("after", None)
    first = "?" + query.urlencode()
    if more:
        last = shown[-1]
        query["after"] = str(last.pk) if state == MERGED else f"{last.signs}~{last.pk}"
    search = DuplicateSearch.objects.filter(finished_at__isnull=False).order_by("-day").first()
    context = {
        "state": state,
        "rows": shown,
        "views": _views(state),
        "search": search,
        "left_out": _left_out(search),
        "newer": first if after else None,
        "older": "?" + query.urlencode() if more else None,
        "now": clock.now(),
    }
    return render(request, "retention/duplicate_list.html", context)


@require_POST
@allow(*MAY_MERGE)
def duplicate_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide that a pair is not one, or take that back."""
    proposal = get_object_or_404(DuplicateProposal.objects.visible_to(request.user), pk=pk)  # type: ignore[attr-defined]
    again = "again" in request.POST
    decide = duplicates.consider_again if again else duplicates.dismiss
    try:
        decide(proposal, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        said = _("The pair is proposed again.") if again else _("They stay two, and are not proposed again.")
        messages.success(request, said)
    state = f"?state={DISMISSED}" if again else ""
    return redirect(reverse("retention:duplicate_list") + state)


def alike(customer: Customer, user: User) -> QuerySet[Any, Any]:
    """Return the strongest open pairs of a customer of which ``user`` may see both, as plain rows."""
    pairs = DuplicateProposal.objects.of(customer).open().visible_to(user)  # type: ignore[attr-defined]
    found = pairs.order_by("-signs", "-pk")[:MOST_HINTS]
    return found.values("id", "signs", "low_id", "low__name", "high_id", "high__name")  # type: ignore[no-any-return]


def hints(customer: Customer, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return whom a customer looks like, and by what, from the rows of :func:`alike`."""
    return [
        {
            "pk": row.high_id if row.low_id == customer.pk else row.low_id,
            "name": row.high__name if row.low_id == customer.pk else row.low__name,
            "reasons": DuplicateProposal(signs=row.signs).reasons,
        }
        for row in rows
    ]


def _pairs(user: User, state: str, after: str) -> QuerySet[Any]:
    pairs = DuplicateProposal.objects.filter(state=state).visible_to(user)  # type: ignore[attr-defined]
    signs, tilde, pk = after.partition("~")
    place = (whole(signs), whole(pk)) if tilde else (None, None)
    if place[0] is not None and place[1] is not None:
        pairs = pairs.filter(Q(signs__lt=place[0]) | Q(signs=place[0], pk__lt=place[1]))
    both = ("low__owner", "high__owner", "decided_by")
    return pairs.select_related("low", "high", *both).order_by("-signs", "-pk")  # type: ignore[no-any-return]


def _merges(user: User, after: str) -> QuerySet[Any]:
    found = Merge.objects.visible_to(user).select_related("survivor", "merged", "by")  # type: ignore[attr-defined]
    if (pk := whole(after)) is not None:
        found = found.filter(pk__lt=pk)
    return found.order_by("-pk")  # type: ignore[no-any-return]


def _views(state: str) -> list[dict[str, Any]]:
    labels = {OPEN: _("To look at"), MERGED: _("Merged"), DISMISSED: _("Not duplicates")}
    return [
        {"url": f"?state={code}", "label": label, "current": code == state} for code, label in labels.items()
    ]


def _left_out(search: DuplicateSearch | None) -> list[str]:
    """Say what made no pairs because too many customers share it."""
    words = {
        Sign.PHONE: lambda n: ngettext("%(n)s phone number", "%(n)s phone numbers", n),
        Sign.EMAIL: lambda n: ngettext("%(n)s e-mail address", "%(n)s e-mail addresses", n),
        Sign.REGISTRATION: lambda n: ngettext("%(n)s registration number", "%(n)s registration numbers", n),
        Sign.NAME: lambda n: ngettext("%(n)s name", "%(n)s names", n),
    }
    counts = search.left_out if search else {}
    return [
        word(counts[sign.name.lower()]) % {"n": counts[sign.name.lower()]}
        for sign, word in words.items()
        if counts.get(sign.name.lower())
    ]

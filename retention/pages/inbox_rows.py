"""What stands in the inbox: feedback and public posts of nobody known, in one order by their deadline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from customers.feedback import matching
from customers.ground.numbers import whole
from customers.models import UnknownFeedback, User
from retention.models import LoopClosure

PAGE = 20
VIEWS = ("", "mine", "ended")
_MOMENT = "%Y%m%dT%H%M%S.%f"
_FEEDBACK, _POST = "f", "p"
"""Feedback stands before posts of the same moment."""


@dataclass(frozen=True)
class Entry:
    """One row of the list: feedback with whom it may come from, or the loop of a post."""

    row: UnknownFeedback | None = None
    post: LoopClosure | None = None
    matches: list[matching.Match] = field(default_factory=list)


def rows_of(user: User, wanted: str) -> QuerySet[UnknownFeedback]:
    """Return the feedback of a part of the inbox in its order, of that which ``user`` may see."""
    visible = UnknownFeedback.objects.visible_to(user)  # type: ignore[attr-defined]
    if wanted == "ended":
        return visible.exclude(state=UnknownFeedback.State.OPEN).order_by("-pk")  # type: ignore[no-any-return]
    found = visible.open().filter(owner=user) if wanted == "mine" else visible.open()
    return found.order_by("respond_by", "pk")  # type: ignore[no-any-return]


def posts_of(user: User, wanted: str) -> QuerySet[LoopClosure]:
    """Return the loops of posts of nobody known that wait in a part of the inbox, in their order."""
    visible = LoopClosure.objects.visible_to(user).open()  # type: ignore[attr-defined]
    found = visible.filter(source=LoopClosure.Source.MENTION, customer=None)
    found = found.filter(owner=user) if wanted == "mine" else found
    return found.order_by("respond_by", "pk")  # type: ignore[no-any-return]


def entries(user: User, wanted: str, *, after: str) -> tuple[list[Entry], str]:
    """Return a page of what is behind the place ``after``, and the place of its last; "" for the end.

    What is no place is the beginning.
    """
    feedback = rows_of(user, wanted).select_related("owner", "product", "complaint__customer")
    if wanted == "ended":
        pk = whole(after)
        found = list((feedback.filter(pk__lt=pk) if pk else feedback)[: PAGE + 1])
        last = str(found[PAGE - 1].pk) if len(found) > PAGE else ""
        return [Entry(row=row) for row in found[:PAGE]], last
    posts = posts_of(user, wanted).select_related("owner", "mention")
    both: list[Any] = [
        *_behind(feedback, after, kind=_FEEDBACK)[: PAGE + 1],
        *_behind(posts, after, kind=_POST)[: PAGE + 1],
    ]
    both.sort(key=_key)
    last = _place(both[PAGE - 1]) if len(both) > PAGE else ""
    both = both[:PAGE]
    rows = [one for one in both if isinstance(one, UnknownFeedback)]
    matches = matching.proposals(rows, user=user)
    return [
        Entry(row=one, matches=matches[one.pk]) if isinstance(one, UnknownFeedback) else Entry(post=one)
        for one in both
    ], last


def _kind(one: UnknownFeedback | LoopClosure) -> str:
    return _FEEDBACK if isinstance(one, UnknownFeedback) else _POST


def _key(one: UnknownFeedback | LoopClosure) -> tuple[datetime, str, int]:
    return one.respond_by, _kind(one), one.pk


def _place(one: UnknownFeedback | LoopClosure) -> str:
    return f"{one.respond_by.astimezone(UTC):{_MOMENT}}~{_kind(one)}{one.pk}"


def _behind(found: QuerySet[Any], after: str, *, kind: str) -> QuerySet[Any]:
    """Return those of one kind that stand behind a place; all where it is none."""
    moment, _tilde, named = after.rpartition("~")
    pk = whole(named[1:])
    try:
        at = datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return found
    if pk is None or named[0] not in (_FEEDBACK, _POST):
        return found
    later = Q(respond_by__gt=at)
    if kind >= named[0]:
        later |= Q(respond_by=at, pk__gt=pk if kind == named[0] else 0)
    return found.filter(later)

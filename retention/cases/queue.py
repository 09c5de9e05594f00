"""The queue: which open cases a person looks at, in which order, and why in words.

The order for now: what is past its deadline first, then severity × margin of 12 months, then what is
due soonest, then the id, so that the order is total and a page can go on after any row.

Past the deadline is a matter of the moment of reading, so no index can hold it. :func:`read` therefore
reads two lists that an index does hold in order, the missed and the others, and puts them one behind
the other. ``rank`` (minus severity × margin) and ``due`` are columns that the database computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.lookups import GreaterThan
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers import company
from customers.ground.gathering import gathered
from customers.ground.marks import span
from customers.ground.money import format_money
from customers.models import Access, Customer, User
from customers.models.customers import open_access
from customers.models.people import Role
from retention.models import RetentionCase
from retention.models.cases import NEVER

ORDER = ("rank", "due", "pk")


@dataclass(frozen=True)
class Place:
    """Where a row stands in the order of one queue read at one moment; see :func:`place_of`."""

    missed: int
    rank: int
    due: datetime
    pk: int


def queue(user: User) -> QuerySet[RetentionCase]:
    """Return the open cases that ``user`` works through, in no order; :func:`read` brings them in theirs.

    An account manager's are those she holds; a lead's also her team's, those of her team's customers
    and all that nobody could take; admins and analysts get all. These are the open ones among those
    that ``visible_to`` shows, said by columns that an index holds (a test compares the two).
    """
    cases: QuerySet[RetentionCase] = RetentionCase.objects.open()  # type: ignore[attr-defined]
    if not user.is_active:
        return cases.none()
    if user.role == Role.ACCOUNT_MANAGER:
        return cases.filter(assignee=user)
    return cases.filter(_of_lead(user)) if user.role == Role.TEAM_LEAD else cases


def read(
    cases: QuerySet[RetentionCase], *, at: datetime, after: Place | None = None, most: int
) -> list[RetentionCase]:
    """Return the first ``most`` cases in the order of the queue at ``at``, or those behind a place.

    One query, and a second one where the missed deadlines end. Every page of one list is read with
    the same ``at``.
    """
    rows: list[RetentionCase] = []
    if after is None or after.missed:
        rows = list(_behind(cases.filter(due__lt=at), after)[:most])
        after = None
    if len(rows) < most:
        rows += _behind(cases.filter(due__gte=at), after)[: most - len(rows)]
    return rows


def next_behind(cases: QuerySet[RetentionCase], *, at: datetime, after: Place | None) -> RetentionCase | None:
    """Return the case behind a place, the first of all at the end of the queue; its key alone, one query."""
    missed, rest = cases.filter(due__lt=at), cases.filter(due__gte=at)
    lists = {"first": _behind(missed, None), "first_in_time": _behind(rest, None)}
    if after is not None and after.missed:
        lists = {"behind": _behind(missed, after), "behind_in_time": _behind(rest, None), **lists}
    elif after is not None:
        lists = {"behind": _behind(rest, after), **lists}
    found = gathered(**{name: rows[:1].values("id") for name, rows in lists.items()})
    return next((RetentionCase(pk=rows[0].id) for rows in found.values() if rows), None)


def in_order(cases: QuerySet[RetentionCase], *, at: datetime) -> QuerySet[RetentionCase]:
    """Return ``cases`` in the order of the queue: its plain definition, which sorts them all."""
    missed = Case(When(due_at__lt=at, then=Value(1)), default=Value(0), output_field=IntegerField())
    return cases.annotate(missed=missed).order_by("-missed", *ORDER)


def place_of(case: RetentionCase, *, at: datetime) -> Place:
    """Return the place of a stored case at ``at``, from which :func:`read` goes on."""
    due = case.due_at or NEVER
    return Place(int(due < at), case.rank, due, case.pk)


def _behind(cases: QuerySet[RetentionCase], place: Place | None) -> QuerySet[RetentionCase]:
    """Return cases by rank, due and id, those behind ``place`` when there is one."""
    if place is not None:
        here = _row(Value(place.rank), Value(place.due), Value(place.pk))
        cases = cases.filter(GreaterThan(_row(*map(F, ORDER)), here))
    return cases.order_by(*ORDER)


def _row(*parts: Any) -> Func:
    """Return a row value, which both databases compare as an index is ordered."""
    return Func(*parts, template="(%(expressions)s)", output_field=BooleanField())


def _of_lead(lead: User) -> Q:
    """Return which open cases a lead works through, as one OR over columns of the case.

    Ids instead of subqueries, because an index can be asked for them. Access by holding a case needs
    no word of its own: the holder is in the team.
    """
    team = User.objects.filter(pk=lead.pk)
    of_team = Q(pk__in=[])
    owned = Customer.objects.filter(owner=lead)
    if lead.team_id is not None:
        team = User.objects.filter(Q(pk=lead.pk) | Q(team_id=lead.team_id))
        of_team = Q(team=lead.team_id)
        owned = owned.exclude(team=lead.team_id)
    covered = open_access(lead).exclude(reason=Access.Reason.CASE)
    found = gathered(team=team.values("id"), owned=owned.values("id"), covered=covered.values("customer_id"))
    members = [row.id for row in found["team"]]
    others = [row.id for row in found["owned"]] + [row.customer_id for row in found["covered"]]
    # asked only of cases without a team: a join would read the customer of each
    unowned = Customer.objects.filter(pk=OuterRef("customer_id"), owner__isnull=True)
    nobodys = Q(team__isnull=True) & Q(Exists(unowned))
    return of_team | Q(assignee__isnull=True) | Q(assignee__in=members) | nobodys | Q(customer__in=others)


def why_here(case: RetentionCase, at: datetime, *, currency: str | None = None) -> str:
    """Say in words why a case stands where it does: deadline, severity, margin.

    ``currency`` is the company's; give it where many rows are shown, it saves a query for each.
    """
    parts = [
        _deadline(case, at),
        _("severity %(severity)s") % {"severity": case.get_severity_display()},
        _money(case, currency or company.current().base_currency),
    ]
    return " · ".join(parts)


def _deadline(case: RetentionCase, at: datetime) -> str:
    if case.due_at is None:
        return _("no call planned")
    if case.due_at < at:
        return _("deadline missed %(time)s ago") % {"time": span(at - case.due_at)}
    return _("call due in %(time)s") % {"time": span(case.due_at - at)}


def _money(case: RetentionCase, currency: str) -> str:
    if case.margin_365d <= 0:
        return _("no margin known")
    return _("margin %(amount)s a year") % {
        "amount": format_money(case.margin_365d, currency, get_language() or "en")
    }

"""Points for what a customer does or has: an account opened, a survey answered, a birthday.

A survey earns for being answered, whatever the answers are: nothing of them is read here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial, reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from customers import birthdays as calendar
from customers import company
from customers.ground import localtime
from customers.ground.again import tried_again
from customers.models import Contact
from loyalty import programmes
from loyalty.earning import documents
from loyalty.earning.evaluate import Rule
from loyalty.earning.rules import History
from loyalty.ledger import accounts, earning
from loyalty.ledger.earning_many import Earning, earn_many
from loyalty.models import PointsAccount, PointsEntry, Programme

Span = tuple[datetime, datetime | None]
SOURCES = {
    documents.ACCOUNT_OPENED: "account",
    documents.SURVEY_ANSWERED: "response",
    documents.BIRTHDAY: "birthday",
}
LOOKED_BACK = timedelta(days=31)
NIGHTS_LOOKED_BACK = 7
"""For so many days a birthday is made up for when its night was missed."""

_AT_ONCE = 500


def survey_answered(
    response_id: int, customer_id: int, *, occurred_at: datetime, at: datetime
) -> PointsEntry | None:
    """Give points for an answered survey, once for each response; return the entry, if a rule gives any.

    Side effects: the customer's account, an entry.
    """
    programme = _programme(occurred_at)
    if programme is None:
        return None
    rules = History(programme).at(occurred_at).event(documents.SURVEY_ANSWERED)
    if not rules:
        return None
    account = accounts.account_for(customer_id, at=at, programme=programme)
    event = documents.SURVEY_ANSWERED
    return _give(account, rules, event, response_id, occurred_at=occurred_at, at=at)


def accounts_opened(
    programme: Programme, *, at: datetime, among: Sequence[PointsAccount] | None = None
) -> int:
    """Give points for accounts that were opened while a rule said so; return to how many.

    Once a customer: one that others were merged into has been there since the first of their accounts, and
    had what any of them had. An account opened in a pause gives nothing, nor one that began with points of
    another system: its customer was a member before. ``among``: those to look at; without it all of the last
    :data:`LOOKED_BACK`. A rerun gives nothing. Only the accounts that are due points are held, up to
    :data:`_AT_ONCE` in a transaction, which is tried again when the database gave way to another one. Side
    effects: those of the ledger's ``earn_many``.
    """
    if programme.state != Programme.State.LIVE:
        return 0
    history = History(programme)
    if not history.knows(documents.ACCOUNT_OPENED):
        return 0
    had = PointsEntry.objects.filter(
        programme=programme,
        customer=OuterRef("customer"),
        source_type=SOURCES[documents.ACCOUNT_OPENED],
        kind=PointsEntry.Kind.EARN,
    )
    rows = PointsAccount.objects.filter(
        ~Exists(had), programme=programme, opened_at__gte=history.began, customer__merged_into__isnull=True
    )
    if among is not None:
        rows = rows.filter(pk__in=[account.pk for account in among])
    else:
        rows = rows.filter(opened_at__gte=at - LOOKED_BACK)
    rows = rows.select_related("programme").order_by("pk")
    given = last = 0
    while found := list(rows.filter(pk__gt=last)[:_AT_ONCE]):
        last = found[-1].pk
        if ids := [one.account.pk for one in _due_for_opening(found, history, programme)]:
            given += tried_again(partial(_give_for_opening, ids, rows, history, programme, at=at))
    return given


def _give_for_opening(
    ids: Sequence[int], rows: QuerySet[PointsAccount], history: History, programme: Programme, *, at: datetime
) -> int:
    """Give points for accounts, held and read again: others may merge, import or earn meanwhile.

    ``rows``: the accounts that had nothing yet. Return to how many.
    """
    accounts.hold_all(ids)
    earnings = _due_for_opening(list(rows.filter(pk__in=ids)), history, programme)
    return sum(entry is not None for entry in earn_many(earnings, by=None, at=at))


def _due_for_opening(found: Sequence[PointsAccount], history: History, programme: Programme) -> list[Earning]:
    """Return what accounts that had nothing yet are due for being opened; holds and changes nothing."""
    event, spans = documents.ACCOUNT_OPENED, programmes.paused_spans(programme)
    zone = company.current().time_zone
    account_of = {account.pk: account.pk for account in found} | accounts.merged_into(found)
    since = _since(account_of)
    brought = {account_of[pk] for pk in _brought(account_of)}
    earnings = []
    for account in found:
        moment = since[account.pk]
        detail = _detail(event, history.in_force(moment).event(event))
        if detail["points"] and account.pk not in brought and not _is_paused(spans, moment):
            earnings.append(
                Earning(
                    account,
                    detail["points"],
                    moment,
                    source=(SOURCES[event], account.pk),
                    detail=detail,
                    usable_day=localtime.day_number(moment, zone),
                )
            )
    return earnings


def _brought(ids: Collection[int]) -> set[int]:
    """Return the accounts whose first entry came with an import."""
    first = PointsEntry.objects.filter(account__in=ids).order_by().values("account").annotate(first=Min("pk"))
    imported = Q(batch__isnull=False) | Q(detail__way="import")
    rows = PointsEntry.objects.filter(imported, pk__in=[row["first"] for row in first])
    return set(rows.values_list("account", flat=True))


def _since(account_of: Mapping[int, int]) -> dict[int, datetime]:
    """Return when the first of the accounts that are one by now was opened, by the survivor's."""
    since: dict[int, datetime] = {}
    rows = PointsAccount.objects.filter(pk__in=account_of).values_list("pk", "opened_at")
    for pk, opened_at in rows:
        account = account_of[pk]
        since[account] = min(since.get(account, opened_at), opened_at)
    return since


def birthdays(programme: Programme, *, at: datetime) -> int:
    """Give points to whom a contact has its birthday today, or had it in a night that was missed.

    Once a birthday and year of its own calendar, to customers that had an account then; the rules of that
    day count, for at most :data:`NIGHTS_LOOKED_BACK`. Return to how many. A rerun gives nothing.
    """
    if programme.state != Programme.State.LIVE:
        return 0
    history = History(programme)
    if not history.knows(documents.BIRTHDAY):
        return 0
    today = company.today(at).number
    zone = company.current().time_zone
    given = 0
    for number in range(today - NIGHTS_LOOKED_BACK, today + 1):
        day = date.fromordinal(number)
        begins = localtime.start_of_day(number, zone)
        moment = at if number == today else begins
        rules = history.in_force(moment).event(documents.BIRTHDAY)
        if rules and _programme(moment) is not None:
            before = localtime.start_of_day(number + 1, zone)
            given += _birthdays_on(programme, day, rules, opened_before=before, occurred_at=moment, at=at)
    return given


def _birthdays_on(
    programme: Programme,
    day: date,
    rules: Sequence[Rule],
    *,
    opened_before: datetime,
    occurred_at: datetime,
    at: datetime,
) -> int:
    falls = reduce(
        or_,
        (
            Q(birth_calendar=kind, birth_month=month, birth_day=number)
            & (Q(birth_is_leap=True) if is_leap else ~Q(birth_is_leap=True))
            for kind, is_leap, month, number in calendar.keys_on(day)
        ),
    )
    mine = PointsAccount.objects.filter(programme=programme, opened_at__lt=opened_before)
    rows = Contact.objects.filter(falls, left_on__isnull=True, erased_at__isnull=True)
    rows = rows.filter(Exists(mine.filter(customer=OuterRef("customer")))).order_by("pk")
    given = last = 0
    while contacts := list(rows.filter(pk__gt=last)[:_AT_ONCE]):
        last = contacts[-1].pk
        numbers = {
            contact.pk * 10_000 + calendar.year_of(contact.birth_calendar, day): contact.customer_id
            for contact in contacts
        }
        had = PointsEntry.objects.filter(
            programme=programme,
            source_type=SOURCES[documents.BIRTHDAY],
            source_id__in=numbers,
            kind=PointsEntry.Kind.EARN,
        )
        missing = sorted(set(numbers) - set(had.values_list("source_id", flat=True)))
        found = mine.filter(customer__in={numbers[number] for number in missing})
        account_of = {account.customer_id: account for account in found.select_related("programme")}
        for number in missing:
            account = account_of[numbers[number]]
            entry = _give(account, rules, documents.BIRTHDAY, number, occurred_at=occurred_at, at=at)
            given += entry is not None
    return given


def _programme(moment: datetime) -> Programme | None:
    """Return the programme if what happens at ``moment`` earns in it."""
    programme = programmes.current(at=moment)
    if programme is None or programme.state != Programme.State.LIVE:
        return None
    return None if _is_paused(programmes.paused_spans(programme), moment) else programme


def _is_paused(spans: Sequence[Span], moment: datetime) -> bool:
    return any(since <= moment and (until is None or moment < until) for since, until in spans)


def _give(
    account: PointsAccount,
    rules: Sequence[Rule],
    event: str,
    subject: int,
    *,
    occurred_at: datetime,
    at: datetime,
) -> PointsEntry | None:
    """Give what the rules say. The account is held while it is counted how often it earned so this year."""
    with transaction.atomic():
        held = accounts.hold(account)
        return _given(held, rules, event, subject, occurred_at=occurred_at, at=at)


def _given(
    account: PointsAccount,
    rules: Sequence[Rule],
    event: str,
    subject: int,
    *,
    occurred_at: datetime,
    at: datetime,
) -> PointsEntry | None:
    source = SOURCES[event]
    times = _times(account, source, occurred_at) if any("times_a_year" in r.document for r in rules) else 0
    counting = [rule for rule in rules if times < rule.document.get("times_a_year", times + 1)]
    detail = _detail(event, counting)
    if not detail["points"]:
        return None
    return earning.earn(
        account,
        points=detail["points"],
        source=(source, subject),
        occurred_at=occurred_at,
        detail=detail,
        usable_day=company.today(occurred_at).number,
        by=None,
        at=at,
    )


def _detail(event: str, rules: Sequence[Rule]) -> dict[str, Any]:
    """Return what explains the points that rules give for an event."""
    return {
        "event": event,
        "points": sum(rule.document["points"] for rule in rules),
        "parts": [
            {"rule": r.id, "version": r.version, "kind": documents.EVENT, "got": str(r.document["points"])}
            for r in rules
        ],
    }


def _times(account: PointsAccount, source: str, moment: datetime) -> int:
    """Return how often a customer earned by a kind of source in the calendar year of a moment.

    Of one that others were merged into it counts what all of them earned.
    """
    year = date.fromordinal(company.today(moment).number).year
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    mine = PointsEntry.objects.filter(
        programme=account.programme_id,
        customer=account.customer_id,
        kind=PointsEntry.Kind.EARN,
        source_type=source,
        occurred_day__range=(first, last),
    )
    return mine.count()

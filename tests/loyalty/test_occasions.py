"""Points for accounts opened, surveys answered and birthdays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from customers import merges
from customers.ground import events, outbox
from customers.models import Contact, Customer, ImportBatch, Merge
from loyalty import landing, programmes
from loyalty.earning import applying, occasions, rules
from loyalty.ledger import accounts
from loyalty.models import PointsAccount, PointsEntry, Programme
from tests.factories import NOW, ContactFactory, CustomerFactory, ago, day
from tests.loyalty.earning import SPEND, bought, make_rule
from tests.loyalty.factories import earn, make_account
from tests.surveys import makers

pytestmark = pytest.mark.django_db
SURVEY = {"kind": "event", "event": "survey_answered", "points": 20}
OPENED = {"kind": "event", "event": "account_opened", "points": 50}
BIRTHDAY = {"kind": "event", "event": "birthday", "points": 30}


def entries() -> list[tuple[int, str, int]]:
    rows = PointsEntry.objects.order_by("pk")
    return [(row.customer_id, row.source_type, row.points) for row in rows]


def answered(response: int, customer: Customer, *, at: Any = NOW) -> PointsEntry | None:
    return occasions.survey_answered(response, customer.pk, occurred_at=at, at=at)


def test_a_survey_earns_the_same_for_every_score(programme):
    make_rule(programme, SURVEY)
    contacts = [ContactFactory(customer=CustomerFactory(contact=False)) for _n in range(2)]
    for contact, score in zip(contacts, (0, 10), strict=True):
        makers.answered(contact, score=score)
    while outbox.drain(at=NOW):
        pass
    assert sorted(entries()) == sorted((one.customer_id, "response", 20) for one in contacts)


def test_an_answer_earns_once_and_so_often_a_year(programme):
    make_rule(programme, {**SURVEY, "times_a_year": 2})
    one, other = CustomerFactory(), CustomerFactory()
    for response in (1, 1, 2, 3):
        answered(response, one)
    answered(4, other)
    answered(5, one, at=NOW + timedelta(days=365))
    rows = [(customer, source) for customer, source, _points in entries()]
    assert rows == [(one.pk, "response")] * 2 + [(other.pk, "response"), (one.pk, "response")]


def test_an_answer_of_a_time_without_a_rule_or_in_a_pause_earns_nothing(programme):
    customer = CustomerFactory()
    assert answered(1, customer) is None
    rule = make_rule(programme, SURVEY)
    Programme.objects.update(starts_day=day(NOW) + 1)
    assert answered(2, customer) is None
    Programme.objects.update(starts_day=day(NOW))
    programmes.pause_programme(programme, by=None, at=NOW)
    assert answered(3, customer) is None
    programmes.resume_programme(programme, by=None, at=NOW + timedelta(hours=1))
    assert answered(4, customer) is None  # it was answered in the pause
    assert answered(5, customer, at=NOW + timedelta(hours=1)) is not None
    rules.turn_rule(rule, is_on=False, by=None, at=NOW + timedelta(hours=2))
    assert answered(6, customer, at=NOW + timedelta(hours=2)) is None


def test_an_answer_of_somebody_unknown_earns_nothing(programme):
    make_rule(programme, SURVEY)
    events.record("survey.answered", customer_id=None, subject=programme, occurred_at=NOW)
    assert outbox.drain(at=NOW)
    assert entries() == []


def test_an_account_that_is_opened_while_a_rule_says_so_earns_once(programme):
    early = make_account(at=ago(2))
    make_rule(programme, OPENED, at=ago(1))
    account = make_account()
    assert occasions.accounts_opened(programme, at=NOW) == 1
    assert occasions.accounts_opened(programme, at=NOW) == 0
    assert entries() == [(account.customer_id, "account", 50)]
    assert early.customer_id != account.customer_id


def test_the_account_of_a_first_order_earns_at_once(programme):
    make_rule(programme, SPEND)
    make_rule(programme, OPENED)
    customer = CustomerFactory()
    bought(customer, ("tea", 1, 10))
    assert entries() == [(customer.pk, "order", 10), (customer.pk, "account", 50)]


def merge(survivor: Customer, other: Customer, *, at: Any = NOW) -> Merge:
    pair = [Customer.objects.get(pk=one.pk) for one in (survivor, other)]
    return merges.merge_customers(*pair, reason="Same.", by=None, at=at)


def test_an_account_opened_earns_once_a_customer_also_after_a_merge(programme):
    make_rule(programme, OPENED, at=ago(9))
    one, other, survivor, late = (CustomerFactory() for _n in range(4))
    for customer in (one, other):
        make_account(customer, at=ago(2))
    assert occasions.accounts_opened(programme, at=ago(1)) == 2
    merge(survivor, one)  # her account is made by that
    merge(other, late)
    late = CustomerFactory()
    make_account(late)
    merge(survivor, late)  # who had nothing yet
    assert occasions.accounts_opened(programme, at=NOW) == 0
    accounts_of = PointsAccount.objects.filter(customer__in=[survivor.pk, other.pk])
    assert list(accounts_of.values_list("balance", flat=True)) == [50, 50]


def test_an_account_made_by_a_merge_was_opened_when_the_first_of_the_two_was(programme):
    rule = make_rule(programme, OPENED, at=ago(5))
    customers = [CustomerFactory() for _n in range(4)]
    make_account(customers[0], at=ago(7))  # before there was a rule
    make_account(customers[1], at=ago(4))
    rules.change_rule(rule, document={**OPENED, "points": 70}, by=None, at=ago(3))
    merge(customers[2], customers[0])
    merge(customers[3], customers[1])
    assert occasions.accounts_opened(programme, at=NOW) == 1
    assert entries() == [(customers[3].pk, "account", 50)]
    assert PointsEntry.objects.get().occurred_at == ago(4)


def test_an_account_opened_in_a_pause_earns_nothing(programme):
    make_rule(programme, OPENED, at=ago(9))
    before, within, after = (CustomerFactory() for _n in range(3))
    make_account(before, at=ago(6))
    programmes.pause_programme(programme, by=None, at=ago(5))
    make_account(within, at=ago(4))
    programmes.resume_programme(programme, by=None, at=ago(3))
    make_account(after, at=ago(3))
    assert occasions.accounts_opened(programme, at=NOW) == 2
    assert {customer for customer, _source, _points in entries()} == {before.pk, after.pk}


def imported(members: list[Customer]) -> None:
    """Let a file tell of the points that customers had in another system."""
    records = [
        landing.PointsRecord(
            external_id=f"x{one.pk}",
            customer=one.pk,
            occurred_at=ago(300),
            recorded_at=ago(300),
            recorded_assumed=False,
            kind="opening",
            points=10,
        )
        for one in members
    ]
    batch = ImportBatch.objects.create(kind="points", made_at=NOW)
    landing.upsert_points(records, source="till", batch=batch, at=NOW)


def test_an_account_that_began_with_imported_points_was_not_opened_by_that(programme):
    make_rule(programme, OPENED, at=ago(9))
    members = [CustomerFactory() for _n in range(4)]
    earned = make_account(members[0])
    earn(earned, 5)  # then a file tells of it, too
    imported(members[:3])
    merge(members[3], members[2])  # her account begins with them as well
    assert occasions.accounts_opened(programme, at=NOW) == 1
    assert [row[0] for row in entries() if row[1] == "account"] == [members[0].pk]


def test_many_opened_accounts_take_as_many_queries_as_few(programme):
    make_rule(programme, OPENED, at=ago(9))
    taken = []
    for number in (2, 12):
        accounts.accounts_for([CustomerFactory().pk for _n in range(number)], at=NOW, programme=programme)
        with CaptureQueriesContext(connection) as asked:
            assert occasions.accounts_opened(programme, at=NOW) == number
        taken.append(len(asked))
    assert taken[0] == taken[1]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return the ids of the accounts that the giver asks to be held, call by call."""
    calls: list[list[int]] = []
    hold_all = accounts.hold_all

    def holding(ids: Any) -> Any:
        calls.append(sorted(ids))
        return hold_all(calls[-1])

    monkeypatch.setattr(accounts, "hold_all", holding)
    return calls


def test_accounts_that_are_due_nothing_are_read_in_a_few_queries_and_not_held(programme, held):
    make_rule(programme, OPENED, at=ago(9))
    taken = []
    for number in (2, 10):
        imported([CustomerFactory() for _n in range(number)])
        held.clear()
        with CaptureQueriesContext(connection) as asked:
            assert occasions.accounts_opened(programme, at=NOW) == 0
        assert all(query["sql"].startswith("SELECT") for query in asked)
        assert not any("FOR NO KEY UPDATE" in query["sql"] for query in asked)
        taken.append(len(asked))
    assert PointsAccount.objects.count() == 12
    assert taken[0] == taken[1] <= 9
    assert held == []


def test_accounts_of_a_pause_and_of_no_rule_are_not_held(programme, held):
    rule = make_rule(programme, OPENED, at=ago(9))
    programmes.pause_programme(programme, by=None, at=ago(8))
    make_account(at=ago(7))
    programmes.resume_programme(programme, by=None, at=ago(6))
    rules.turn_rule(rule, is_on=False, by=None, at=ago(5))
    make_account(at=ago(4))
    assert occasions.accounts_opened(programme, at=NOW) == 0
    assert held == []


def test_only_accounts_that_are_due_are_held_among_many(programme, held, monkeypatch):
    monkeypatch.setattr(occasions, "_AT_ONCE", 2)
    make_rule(programme, OPENED, at=ago(9))
    due = []
    for _n in range(3):
        due.append(make_account())
        imported([CustomerFactory() for _n in range(3)])
    held.clear()
    assert occasions.accounts_opened(programme, at=NOW) == 3
    assert {pk for ids in held for pk in ids} == {account.pk for account in due}
    held.clear()
    assert occasions.accounts_opened(programme, at=NOW) == 0
    assert held == []
    assert [row[0] for row in entries() if row[1] == "account"] == [one.customer_id for one in due]


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Do something after it was looked who is due, before their accounts are held."""
    hold_all = accounts.hold_all

    def holding(ids: Any) -> Any:
        monkeypatch.setattr(accounts, "hold_all", hold_all)
        act()
        return hold_all(ids)

    monkeypatch.setattr(accounts, "hold_all", holding)


def test_of_two_nights_at_once_one_gives(programme, monkeypatch):
    make_rule(programme, OPENED, at=ago(9))
    account = make_account()
    given: list[int] = []
    meanwhile(monkeypatch, lambda: given.append(occasions.accounts_opened(programme, at=NOW)))
    assert occasions.accounts_opened(programme, at=NOW) == 0
    assert given == [1]
    assert entries() == [(account.customer_id, "account", 50)]


def test_accounts_that_are_merged_or_imported_meanwhile_are_read_again(programme, monkeypatch):
    make_rule(programme, OPENED, at=ago(9))
    gone, member, survivor = (make_account() for _n in range(3))

    def changing() -> None:
        merge(Customer.objects.get(pk=survivor.customer_id), Customer.objects.get(pk=gone.customer_id))
        imported([Customer.objects.get(pk=member.customer_id)])

    meanwhile(monkeypatch, changing)
    assert occasions.accounts_opened(programme, at=NOW) == 1
    assert [row[0] for row in entries() if row[1] == "account"] == [survivor.customer_id]


@pytest.mark.django_db(transaction=True)
def test_accounts_that_gave_way_are_tried_again(programme, monkeypatch):
    make_rule(programme, OPENED, at=ago(9))
    account = make_account()
    earn_many, tries = occasions.earn_many, []

    class GaveWay(Exception):
        sqlstate = "40P01"

    def giving_way(*given: Any, **named: Any) -> Any:
        made = earn_many(*given, **named)
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("deadlock") from GaveWay()
        return made

    monkeypatch.setattr(occasions, "earn_many", giving_way)
    applying.earn_missed(NOW)
    assert len(tries) == 2
    assert entries() == [(account.customer_id, "account", 50)]


def test_a_birthday_earns_on_its_day_once_a_year(programme):
    make_rule(programme, BIRTHDAY)
    today = date.fromordinal(day(NOW))
    made = []
    for born in (today, today + timedelta(days=1), today):
        customer = CustomerFactory()
        Contact.objects.filter(customer=customer).update(
            birth_calendar="solar", birth_month=born.month, birth_day=born.day
        )
        made.append(customer)
    for customer in made[:2]:
        make_account(customer)
    applying.earn_missed(NOW)
    applying.earn_missed(NOW + timedelta(hours=2))
    assert entries() == [(made[0].pk, "birthday", 30)]
    applying.earn_missed(NOW + timedelta(days=365))
    assert entries() == [(made[0].pk, "birthday", 30)] * 2


def test_orders_on_a_birthday_and_in_its_month_are_multiplied(programme):
    make_rule(programme, SPEND)
    make_rule(programme, {"kind": "multiplier", "times": "2", "birthday": "month"})
    make_rule(programme, {"kind": "multiplier", "times": "5", "birthday": "day"})
    customers = [CustomerFactory() for _n in range(3)]
    for customer, (month, born) in zip(customers, ((5, 11), (5, 1), (6, 11)), strict=True):
        Contact.objects.filter(customer=customer).update(
            birth_calendar="solar", birth_month=month, birth_day=born
        )
        bought(customer, ("tea", 1, 10))
    assert [points for _customer, _source, points in entries()] == [100, 20, 10]


def born_on(number: int) -> Customer:
    born, customer = date.fromordinal(number), CustomerFactory()
    Contact.objects.filter(customer=customer).update(
        birth_calendar="solar", birth_month=born.month, birth_day=born.day
    )
    return customer


def test_a_birthday_whose_night_was_missed_is_made_up_for(programme):
    make_rule(programme, BIRTHDAY, at=ago(3.5))
    today = day(NOW)
    customers = {days: born_on(today - days) for days in (0, 2, 3, 4)}
    for customer in customers.values():
        make_account(customer, at=ago(40))
    make_account(born_on(today - 2), at=ago(1))  # opened when it was over
    applying.earn_missed(NOW)
    applying.earn_missed(NOW + timedelta(days=1))
    rows = PointsEntry.objects.values_list("customer_id", "occurred_day")
    assert sorted(rows) == sorted((customers[days].pk, today - days) for days in (0, 2, 3))


def test_birthdays_of_more_than_a_week_ago_and_of_a_pause_are_not_made_up_for(programme):
    make_rule(programme, BIRTHDAY, at=ago(40))
    customers = {days: born_on(day(NOW) - days) for days in (3, 5, 7, 8)}
    for customer in customers.values():
        make_account(customer, at=ago(40))
    programmes.pause_programme(programme, by=None, at=ago(6))
    programmes.resume_programme(programme, by=None, at=ago(4))
    applying.earn_missed(NOW)
    assert sorted(row[0] for row in entries()) == sorted(customers[days].pk for days in (3, 7))


def test_so_often_a_year_counts_what_merged_customers_earned(programme):
    make_rule(programme, {**SURVEY, "times_a_year": 2})
    one, other = CustomerFactory(), CustomerFactory()
    for response in (1, 2):
        assert answered(response, one) is not None
    make_account(other)
    merges.merge_customers(other, one, reason="Same.", by=None, at=NOW)
    assert answered(3, other) is None
    assert answered(4, one) is None


def test_the_account_is_held_while_it_is_counted(programme, monkeypatch):
    make_rule(programme, {**SURVEY, "times_a_year": 1})
    customer = CustomerFactory()
    hold = accounts.hold

    def holding(account: Any) -> Any:
        monkeypatch.setattr(accounts, "hold", hold)
        answered(1, customer)  # another one was quicker
        return hold(account)

    monkeypatch.setattr(accounts, "hold", holding)
    assert answered(2, customer) is None
    assert entries() == [(customer.pk, "response", 20)]

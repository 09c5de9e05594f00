"""Points for accounts opened, surveys answered and birthdays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
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


def test_an_account_that_began_with_imported_points_was_not_opened_by_that(programme):
    make_rule(programme, OPENED, at=ago(9))
    batch = ImportBatch.objects.create(kind="points", made_at=NOW)
    members = [CustomerFactory() for _n in range(4)]
    earned = make_account(members[0])
    earn(earned, 5)  # then a file tells of it, too
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
        for one in members[:3]
    ]
    landing.upsert_points(records, source="till", batch=batch, at=NOW)
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

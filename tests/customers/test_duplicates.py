"""Customers that look like one: exact pairs, bounded, and what people decided stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import contacts, duplicates, merges
from customers.duplicates import keys
from customers.ground.models import AuditEvent
from customers.models import Contact, Customer, DuplicateKey, DuplicateProposal, User
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db
TOMORROW = NOW + timedelta(days=1)


def make(name: str, *, city: str = "", **contact: Any) -> Customer:
    return CustomerFactory(
        name=name, city=city, **{f"contact__{key}": value for key, value in contact.items()}
    )


def pairs(**only: Any) -> dict[tuple[str, str], list[str]]:
    """Return the pairs by name with the codes of their signs."""
    found = DuplicateProposal.objects.filter(**only).select_related("low", "high")
    return {(row.low.name, row.high.name): row.codes for row in found}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+86 139 1234 5678", "13912345678"),
        ("0086-139-1234-5678", "139 1234 5678"),
        ("+86 (0571) 8888 1234", "0571-88881234"),
        ("＋８６ １３９１２３４５６７８", "13912345678"),
        ("+49 30 1234567", "0049301234567"),
    ],
)
def test_phone_key_is_the_same_for_one_number(one: str, other: str) -> None:
    assert keys.phone_key(one) == keys.phone_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("13912345678", "13912345679"), ("0571-88881234", "0572-88881234")]
)
def test_phone_key_differs_for_other_numbers(one: str, other: str) -> None:
    assert keys.phone_key(one) != keys.phone_key(other)


@pytest.mark.parametrize("number", ["", "110", "12 34 56", "ext. 5"])
def test_phone_key_is_empty_for_too_few_digits(number: str) -> None:
    assert keys.phone_key(number) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Blue Lake Trading Co., Ltd.", "BLUE LAKE  TRADING"),
        ("Müller GmbH & Co. KG", "müller gmbh"),
        ("杭州蓝湖贸易有限公司", "杭州蓝湖贸易"),
        ("蓝湖（中国）股份有限公司", "蓝湖(中国)有限公司"),
        ("ＡＢＣ Ltd", "abc limited"),
    ],
)
def test_name_key_leaves_out_case_width_signs_and_legal_form(one: str, other: str) -> None:
    assert keys.name_key(one) == keys.name_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("Blue Lake Trading", "Blue Lake Shipping"), ("蓝湖贸易", "蓝湖商贸")]
)
def test_name_key_differs_for_other_names(one: str, other: str) -> None:
    assert keys.name_key(one) != keys.name_key(other)


def test_name_that_is_only_a_legal_form_stays_itself() -> None:
    assert keys.name_key("Ltd") == "ltd"
    assert keys.name_key("…") == ""


def test_find_all_proposes_exactly_the_pairs_that_have_something_in_common(company: Any) -> None:
    make("Lake", city="杭州市", phone="0571-88881234", email="a@example.com")
    make("LAKE Co., Ltd.", city="杭州", phone="1", email="b@example.com")
    make("Lake GmbH", city="宁波", phone="+86 571 8888 1234", email="c@example.com")
    make("Other", city="宁波", phone="2", email="C@Example.com")
    make("Nobody's", city="宁波", phone="3", email="d@example.com")
    search = duplicates.find_all(at=NOW)
    assert search is not None
    assert pairs() == {
        ("Lake", "LAKE Co., Ltd."): ["name"],
        ("Lake", "Lake GmbH"): ["phone"],
        ("Lake GmbH", "Other"): ["email"],
    }
    assert (search.found, search.left_out) == (3, {})


def test_registration_number_and_region_are_signs(company: Any) -> None:
    for name, number, region in (
        ("Lake", "91330100MA2XXXXX1A", "3301"),
        ("Quite another", "91330100ma2xxxxx1a", "31"),
        ("LAKE Ltd", "", "3301"),
        ("lake", "", "31"),
    ):
        CustomerFactory(name=name, registration_number=number, country="CN", region=region)
    duplicates.find_all(at=NOW)
    assert pairs() == {("Lake", "Quite another"): ["registration"], ("Lake", "LAKE Ltd"): ["name"]}


def test_signs_of_a_pair_add_up_and_the_pair_stands_once(company: Any) -> None:
    make("Lake", city="x", phone="13912345678", email="a@b.cn")
    make("lake ltd", city="X", phone="139 1234 5678", email="A@B.cn")
    duplicates.find_all(at=NOW)
    duplicates.find_all(at=TOMORROW)
    assert pairs() == {("Lake", "lake ltd"): ["phone", "email", "name"]}


def test_find_all_looks_once_a_day_and_goes_on_where_somebody_died(company: Any) -> None:
    assert duplicates.find_all(at=NOW) is not None
    assert duplicates.find_all(at=NOW + timedelta(hours=1)) is None
    search = duplicates.find_all(at=TOMORROW)
    assert search is not None
    type(search).objects.filter(pk=search.pk).update(finished_at=None)
    assert duplicates.find_all(at=TOMORROW + timedelta(hours=1)) is None  # whoever began may still work
    assert duplicates.find_all(at=TOMORROW + timedelta(hours=3)) is not None


def test_value_that_many_share_makes_no_pairs_and_is_counted(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customers.duplicates.finding.MOST_SHARING", 3)
    shared = [make(f"N{n}", city=str(n), phone="400 800 8000", email=f"n{n}@x.cn") for n in range(4)]
    three = [make(f"T{n}", city=f"t{n}", phone="400 900 9000", email=f"t{n}@x.cn") for n in range(3)]
    search = duplicates.find_all(at=NOW)
    assert search is not None and search.left_out == {"phone": 1}
    assert set(pairs()) == {("T0", "T1"), ("T0", "T2"), ("T1", "T2")}
    duplicates.find_for([shared[0].pk, three[0].pk], at=NOW)
    assert len(pairs()) == 3
    assert duplicates.lookalikes(name="?", phone="400 800 8000") == []
    assert duplicates.lookalikes(name="?", phone="400 900 9000") == [customer.pk for customer in three]


def test_pair_that_has_nothing_in_common_any_more_goes(company: Any) -> None:
    one, _two = make("A", phone="13912345678"), make("B", phone="13912345678")
    duplicates.find_all(at=NOW)
    contacts.change_contact(one.contacts.get(), phone="13900000000", by=None, at=NOW)
    duplicates.find_all(at=TOMORROW)
    assert pairs() == {}


def test_dismissed_pair_is_not_proposed_again_until_somebody_says_so(company: Any, admin: User) -> None:
    make("A", phone="13912345678")
    two = make("B", phone="13912345678")
    duplicates.find_all(at=NOW)
    proposal = duplicates.dismiss(DuplicateProposal.objects.get(), by=admin, at=NOW)
    with pytest.raises(duplicates.ProposalDecided):
        duplicates.dismiss(proposal, by=admin, at=NOW)
    contacts.change_contact(two.contacts.get(), email="b@c.cn", by=None, at=NOW)
    duplicates.find_all(at=TOMORROW)
    duplicates.find_for([two.pk], at=TOMORROW)
    assert pairs(state="open") == {}
    assert DuplicateProposal.objects.get().decided_by == admin
    duplicates.consider_again(proposal, by=admin, at=TOMORROW)
    assert pairs(state="open") == {("A", "B"): ["phone"]}
    assert AuditEvent.objects.filter(act__startswith="duplicate.").count() == 2


def test_find_for_finds_what_find_all_does_for_one_customer(company: Any) -> None:
    one = make("A", phone="13912345678", email="a@x.cn")
    make("B", phone="13912345678", email="b@x.cn")
    make("C", phone="13912340000", email="b@x.cn")
    duplicates.refresh(list(Customer.objects.values_list("pk", flat=True)))
    duplicates.find_for([one.pk], at=NOW)
    assert pairs() == {("A", "B"): ["phone"]}


def test_find_all_costs_as_many_queries_for_nine_customers_as_for_three(company: Any) -> None:
    counts = []
    for day in range(2):
        for n in range(3 + 3 * day):
            make(f"{day}{n}", phone="13912345678" if n < 2 else f"1390000{day}{n}00")
        with CaptureQueriesContext(connection) as asked:
            duplicates.find_all(at=NOW + timedelta(days=day))
        counts.append(len(asked))
    assert counts[1] <= counts[0] + 1  # the search before is asked for


def test_visible_pairs_are_those_of_which_one_sees_both(
    company: Any, manager: User, outsider: User, lead: User, admin: User
) -> None:
    for name, owner in (("A", manager), ("B", manager), ("C", outsider)):
        CustomerFactory(name=name, owner=owner, city=name, contact__phone="13912345678")
    duplicates.find_all(at=NOW)

    def seen(user: User) -> set[tuple[str, str]]:
        rows = DuplicateProposal.objects.visible_to(user)  # type: ignore[attr-defined]
        return {(row.low.name, row.high.name) for row in rows}

    assert seen(admin) == {("A", "B"), ("A", "C"), ("B", "C")}
    assert seen(lead) == seen(manager) == {("A", "B")}
    assert seen(outsider) == set()


def test_merge_settles_the_pair_and_forgets_what_the_stub_was_like(company: Any, admin: User) -> None:
    one, two = make("A", phone="13912345678", email="a@x.cn"), make("B", phone="13912345678", email="b@x.cn")
    three = make("C", phone="13900000000", email="b@x.cn")
    duplicates.find_all(at=NOW)
    assert set(pairs()) == {("A", "B"), ("B", "C")}
    merge = merges.merge_customers(one, two, reason="Same.", by=admin, at=NOW)
    assert pairs(state="merged") == {("A", "B"): ["phone"]}
    assert pairs(state="open") == {("A", "C"): ["email"]}  # the contact has come over
    assert not DuplicateKey.objects.filter(customer=two).exists()
    duplicates.find_all(at=TOMORROW)
    assert pairs(state="open") == {("A", "C"): ["email"]}
    merges.undo_merge(merge, by=admin, at=TOMORROW)
    assert pairs() == {("A", "B"): ["phone"], ("B", "C"): ["email"]}
    assert Contact.objects.get(email="b@x.cn", customer=two)
    assert three.contacts.get().email == "b@x.cn"

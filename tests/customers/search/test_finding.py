"""Finding customers: what finds them, what nearly does, who may see them, and by which index."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import batch, contacts, customers, movers, ownership
from customers.batch import ContactRecord, CustomerRecord
from customers.models import Customer, ExternalRef, SearchToken
from customers.search import finding, index, suggesting
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory, findable

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


def names(text):
    return set(Customer.objects.filter(finding.matching(text)).values_list("name", flat=True))


def hits(text, user):
    return [hit.customer.name for hit in suggesting.suggest(text, user=user)]


@pytest.fixture
def world(manager, outsider):
    """Four customers of the manager, and a foreign one that all of it would find as well."""
    for owner in (manager, outsider):
        for name, alt, contact, phone, email, number in (
            (
                "上海清风茶业有限公司",
                "Breeze Tea",
                "张三",
                "+86 138 0013 8000",
                "zhang.san@breeze.example",
                "7",
            ),
            ("Hongda Packaging Co.", "宏达包装", "Li Na", "010-5550 7777", "na@hongda.example", "8"),
            ("单田芳", "", "单田芳", "", "", "9"),
            ("Café Zoë's", "", "Zoë", "", "", "10"),
        ):
            row = CustomerFactory(name=name, name_alt=alt, owner=owner, contact=False)
            ContactFactory(customer=row, name=contact, phone=phone, email=email)
            ExternalRef.objects.create(
                source=owner.username, kind="customer", external_id=f"K-{number}", object_id=row.pk
            )
            OrderFactory(customer=row, number=f"PO/{number}")
    findable()


TEA, BOX, SHAN, CAFE = "上海清风茶业有限公司", "Hongda Packaging Co.", "单田芳", "Café Zoë's"
ASKED = [
    ("清风", {TEA}),  # a part of a Chinese name
    ("风清", set()),
    ("司", {TEA}),
    ("ongda", {BOX}),  # a part of an English one
    ("ondga", set()),
    ("包装", {BOX}),  # the other language
    ("pack hong", {BOX}),  # words in any order, all of them
    ("pack tea", set()),
    ("HONGDA PACKAGING", {BOX}),
    ("on", set()),  # two Latin letters begin something
    ("ho", {BOX}),
    ("cafe zoes", {CAFE}),
    ("qingfeng", {TEA}),  # pinyin in full
    ("shanghaiqing", {TEA}),
    ("qing feng", {TEA}),
    ("ingfeng", set()),
    ("shqf", {TEA}),  # initials
    ("qf", {TEA}),
    ("shfq", set()),
    ("zhangsan", {TEA}),  # of a contact
    ("zs", {TEA}),
    ("zhangs", {TEA}),
    ("zhangsi", set()),
    ("shantianfang", {SHAN}),  # a surname that is read in two ways
    ("dantianfang", {SHAN}),
    ("stf", {SHAN}),
    ("清feng", {TEA}),  # mixed
    ("清tea", {TEA}),
    ("清zzz", set()),
    ("8000", {TEA}),  # the end of a phone number
    ("0013-8000", {TEA}),
    ("+86 138 0013 8000", {TEA}),
    ("800", set()),
    ("8001", set()),
    ("zhang.san@breeze.example", {TEA}),  # e-mail
    ("ZHANG.SAN@", {TEA}),
    ("san@breeze.example", set()),
    ("K-8", {BOX}),  # another system's id
    ("K-", set()),
    ("PO/9", {SHAN}),  # the number of an order
    ("PO/99", set()),
    ("", set()),
    ("%", set()),
    ("_", set()),
    ("\0", set()),
    ("'", set()),
    ("(", set()),
    ("清" * 300, set()),
]


@pytest.mark.parametrize(("text", "expected"), ASKED)
@pytest.mark.usefixtures("world")
def test_matching_and_suggesting_find_exactly(text, expected, manager, outsider, teammate):
    mine = Customer.objects.visible_to(manager)
    assert set(mine.filter(finding.matching(text)).values_list("name", flat=True)) == expected
    found = suggesting.suggest(text, user=manager)
    assert {hit.customer.name for hit in found} == expected
    assert {hit.customer.owner_id for hit in found} <= {manager.pk}
    assert {hit.customer.owner_id for hit in suggesting.suggest(text, user=outsider)} <= {outsider.pk}
    assert hits(text, teammate) == []


# How a word with very many customers is asked for: by naming them, as a set, one by one.
WAYS = {
    "few are looked up": {(finding, "HANDFUL"): 0},
    "as sets": {(finding, "MANY"): 0},
    "one by one": {(finding, "MANY"): 0, (finding, "LOTS"): 0},
    "of some only": {
        (finding, "MANY"): 0,
        (suggesting, "SOME"): 1,
        (suggesting, "LOOKED_AT"): 1,
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("text", "expected"), ASKED)
@pytest.mark.usefixtures("world")
def test_very_common_parts_find_the_same(text, expected, way, manager, admin, lead, monkeypatch):
    for (module, name), number in WAYS[way].items():
        monkeypatch.setattr(module, name, number)
    monkeypatch.setattr(suggesting, "GATHERED", 0)
    mine = Customer.objects.visible_to(manager)
    assert set(mine.filter(finding.matching(text)).values_list("name", flat=True)) == expected
    assert set(hits(text, manager)) == expected
    everybody = Customer.objects.filter(finding.matching(text))
    assert set(hits(text, admin)) == set(everybody.values_list("name", flat=True)) >= expected
    seen = everybody.visible_to(lead)
    assert set(hits(text, lead)) == set(seen.values_list("name", flat=True))


def test_exact_names_come_first_then_beginnings_words_and_insides_own_ones_first_in_each(
    company, manager, lead
):
    for name, owner in (
        ("Unboxed", manager),
        ("The Boxer", manager),
        ("Boxwood", manager),
        ("Box", manager),
        ("Boxes", lead),
        ("Xylobox", lead),
    ):
        CustomerFactory(name=name, owner=owner)
    findable()
    assert hits("box", lead) == ["Box", "Boxes", "Boxwood", "The Boxer", "Xylobox", "Unboxed"]
    assert [hit.is_own for hit in suggesting.suggest("box", user=lead)][:2] == [False, True]
    assert [hit.customer.name for hit in suggesting.suggest("box", user=lead, most=2)] == ["Box", "Boxes"]


@pytest.mark.usefixtures("world")
def test_hit_says_what_it_was_found_by(manager):
    (hit,) = suggesting.suggest("8000", user=manager)
    assert hit.token.kind == SearchToken.Kind.PHONE and hit.contact.name == "张三"
    (hit,) = suggesting.suggest("zhangsan", user=manager)
    assert hit.token.kind == SearchToken.Kind.PINYIN and hit.contact.name == "张三"
    (hit,) = suggesting.suggest("清风", user=manager)
    assert hit.token.kind == SearchToken.Kind.NAME and hit.contact is None
    (hit,) = suggesting.suggest("K-7", user=manager)
    assert hit.token is None


# --- Tokens follow their rows ------------------------------------------------------------------
def test_create_and_rename_move_what_finds_a_customer(manager):
    row = customers.create_customer(
        name="张三", contact={"name": "李四", "phone": "13800138000"}, by=manager, at=NOW
    )
    assert names("zs") == names("lisi") == names("8000") == {"张三"} and row.sort_key == "zhang san"
    customers.change_customer(row, name="王五", by=manager, at=LATER)
    assert names("zs") == set() and names("wangwu") == {"王五"}
    row.refresh_from_db()
    assert row.sort_key == "wang wu"
    contacts.change_contact(row.contacts.get(), name="Zhao Liu", phone="", by=manager, at=LATER)
    assert names("lisi") == names("8000") == set() and names("zhao") == {"王五"}


def test_change_of_other_fields_asks_nothing_of_the_search(manager, customer):
    with CaptureQueriesContext(connection) as asked:
        customers.change_customer(customer, segment="retail", by=manager, at=LATER)
    assert not [query for query in asked if "searchtoken" in query["sql"]]


@pytest.mark.usefixtures("company")
def test_batch_writes_tokens_of_new_changed_and_placeholder_contacts():
    def land(*records, verb=batch.upsert_customers):
        verb(records, source="crm", batch=None, at=NOW)

    land(
        CustomerRecord(external_id="C1", values={"name": "张三"}), CustomerRecord(external_id="C2", values={})
    )
    assert names("zhangsan") == {"张三"} and names("c2") == {"C2"}
    assert Customer.objects.get(name="张三").sort_key == "zhang san"
    land(CustomerRecord(external_id="C1", values={"name": "王五"}))
    assert names("ww") == {"王五"}
    named = SearchToken.objects.filter(token="zhangsan")
    assert set(named.values_list("contact_id", flat=True)) == {  # its contact is called so still
        Customer.objects.get(name="王五").contacts.get().pk
    }
    assert Customer.objects.get(name="王五").sort_key == "wang wu"
    contact = ContactRecord(external_id="P1", customer="C1", values={"name": "Ann", "phone": "555 1234"})
    land(contact, verb=batch.upsert_contacts)
    assert names("ann") == names("1234") == {"王五"}


def test_writing_again_writes_nothing(customer):
    assert index.write([customer.pk]) > 0
    before = set(SearchToken.objects.values_list("pk", flat=True))
    assert index.write([customer.pk]) == 0
    assert set(SearchToken.objects.values_list("pk", flat=True)) == before


def test_fill_makes_what_is_missing_and_goes_on_where_it_was(company, monkeypatch):
    monkeypatch.setattr(index, "CHUNK", 2)
    for number in range(5):
        CustomerFactory(name=f"Firm {number}", sort_key="")
    nameless = CustomerFactory(name="", sort_key="")
    assert index.fill(most=2) == 2
    assert len(names("firm")) == 2
    assert index.fill() == 4
    assert len(names("firm")) == 5 and index.fill() == 0
    nameless.refresh_from_db()
    assert nameless.sort_key == "~"


def test_erasing_forgets_a_contact_alone_and_a_customer_wholly(manager):
    mine = customers.create_customer(
        name="张三", contact={"name": "李四", "phone": "13800138000"}, by=manager, at=NOW
    )
    other = customers.create_customer(name="张三丰", by=manager, at=NOW)
    movers.erasers()[SearchToken]("contact", mine.contacts.get().pk)
    assert names("lisi") == names("8000") == set() and names("zhangsan") == {"张三", "张三丰"}
    movers.erasers()[SearchToken]("customer", mine.pk)
    assert set(SearchToken.objects.values_list("customer", flat=True)) == {other.pk}
    assert movers.exporters()[SearchToken]("customer", other.pk) == []


def test_merged_customer_is_found_by_both_names_and_the_one_that_went_by_none(manager):
    gone = customers.create_customer(
        name="张三", contact={"name": "李四", "phone": "13800138000"}, by=manager, at=NOW
    )
    stays = customers.create_customer(name="张三", name_alt="Zhang", by=manager, at=NOW)
    customers.change_customer(gone, name="王五", by=manager, at=LATER)
    for move in movers.movers().values():
        move("customer", gone.pk, stays.pk)
    assert names("wangwu") == names("lisi") == names("8000") == names("zhangsan") == {"张三"}
    assert set(SearchToken.objects.values_list("customer", flat=True)) == {stays.pk}
    index.write([stays.pk])
    assert names("wangwu") == {"张三"}  # former names stay when tokens are written again


# --- What it costs -----------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["firm", "zs", "5550", "fir na", "nobody at all"])
def test_suggesting_asks_as_often_for_three_as_for_one(text, company, manager):
    def asked():
        findable()
        with CaptureQueriesContext(connection) as queries:
            suggesting.suggest(text, user=manager)
        return len(queries)

    CustomerFactory(name="Firm Nanjing 张三", owner=manager)
    few = asked()
    for _ in range(2):
        CustomerFactory(name="Firm Nanjing 张三", owner=manager)
    assert asked() == few <= 9


def test_tokens_are_found_by_the_index_of_what_is_typed(customer):
    findable()
    SearchToken.objects.bulk_create(  # as many as make any other way dear
        SearchToken(customer=customer, kind=8, place=number % 4, token=f"{number:05d}")
        for number in range(3000)
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE customers_searchtoken")
            cursor.execute("SET LOCAL enable_seqscan = off")
    for condition in (finding.of_word("qing"), finding.of_word("清"), finding.of_tail("0008")):
        plan = condition.customers().explain()
        assert "search_token_typed" in plan, plan
        if connection.vendor == "postgresql":  # a range, not a filter over all
            assert ">= '" in plan.partition("Index Cond")[2].partition("\n")[0], plan
        else:
            assert "token>?" in plan, plan


def test_many_customers_are_asked_one_by_one_by_their_own_index(customer):
    """However few tokens the database expects of a word: it may never go through all of them each time."""
    findable()
    others = Customer.objects.bulk_create(CustomerFactory.build(contact=False) for _number in range(400))
    named = {"kind": SearchToken.Kind.FORMER, "place": SearchToken.Place.WORD}
    SearchToken.objects.bulk_create(
        SearchToken(customer=one, token=f"zz{number:04}", **named) for one in others for number in range(5)
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # of a few rows it is by chance which index it takes
            cursor.execute("ANALYZE customers_searchtoken")
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Customer.objects.filter(finding.of_word("qing").of("pk")).explain()
    assert "search_token_typed" not in plan, plan
    assert ("customers_searchtoken_pkey" if connection.vendor == "postgresql" else "autoindex") in plan, plan


@pytest.mark.parametrize("text", ["firm", "fir na"])
def test_very_many_cost_as_many_queries_as_three(text, company, manager, monkeypatch):
    for module, name in ((finding, "MANY"), (suggesting, "GATHERED")):
        monkeypatch.setattr(module, name, 0)

    def asked():
        findable()
        with CaptureQueriesContext(connection) as queries:
            suggesting.suggest(text, user=manager)
        return len(queries)

    for _ in range(2):
        CustomerFactory(name="Firm Nanjing 张三", owner=manager)
    few = asked()
    for _ in range(3):
        CustomerFactory(name="Firm Nanjing 张三", owner=manager)
    assert asked() == few <= 26


def test_list_of_customers_is_read_in_the_order_of_its_index(company):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
    assert "customer_sorted" in Customer.objects.order_by("sort_key", "pk")[:50].explain()


def test_owner_changes_leave_tokens_alone(customer, manager, teammate, admin):
    findable()
    ownership.assign_owner(customer, user=teammate, by=admin, at=LATER)
    assert hits("blue", teammate) == ["Blue Lake Trading"] and hits("blue", manager) == []

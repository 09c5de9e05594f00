"""Imports taken back: as if they had never been, at every moment; or what stands in the way."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction

from customers import undo, writing
from customers.ground import sealed
from customers.ground.models import AuditEvent, Event, ExchangeRate
from customers.models import (
    Complaint,
    Contact,
    Contract,
    Customer,
    ExternalRef,
    HistoryTakenBack,
    ImportBatch,
    ImportChange,
    Interaction,
    Order,
    OrderLine,
    OrderVersion,
    Ownership,
    Product,
    SearchToken,
    TouchedCustomer,
)
from customers.undo import working
from tests.customers.undoing import LATER, bring, now, past, take_back
from tests.factories import NOW, InteractionFactory, OrderFactory, ago

pytestmark = pytest.mark.django_db
MOMENTS = [NOW + timedelta(days=n) for n in (-200, -61, -40, -20, -1, 0)] + [
    NOW + timedelta(seconds=1),
    NOW + timedelta(hours=3),
    LATER + timedelta(seconds=1),
]
ORDERS = "id,customer,date,quantity,unit price,product,known since\n"
FIRST = {
    "customers": "id,name,city,segment,owner\nC1,Blue Lake,Shanghai,gold,manager\nC2,Red Hill,Beijing,,\n",
    "orders": ORDERS
    + "O1,C1,2026-01-10,2,50,P1,2026-01-11\nO1,C1,2026-01-10,1,20,P2,2026-01-11\n"
    + "O2,C2,2026-03-01,1,80,P1,2026-03-01\nO3,C1,2026-04-02,1,10,P1,2026-04-03\n",
    "contracts": "id,customer,signed on,starts on,ends on,value,known since\n"
    "K1,C1,2026-01-01,2026-01-01,2026-12-31,1200,2026-01-02\n",
    "interactions": "id,customer,date,kind,text,known since\nI1,C1,2026-03-03,call,said hello,2026-03-04\n",
    "complaints": "id,customer,opened at,text,resolved at,known since\n"
    "X1,C1,2026-04-01,it broke,2026-04-20,2026-04-02\nX2,C2,2026-05-01,late,,2026-05-02\n",
}
SECOND = {  # changes what the first brought, and adds
    "customers": "id,name,city,segment,owner\nC1,Blue Sea,,silver,teammate\nC3,New Moon,Xi'an,,manager\n",
    "orders": ORDERS
    + "O1,C1,2026-01-10,9,50,P1,2026-02-11\nO2,C1,2026-03-02,1,70,P3,2026-03-20\n"
    + "O4,C1,2026-04-20,1,500,P3,2026-04-21\nO5,C9,2026-04-20,1,30,,2026-04-21\n",
    "contracts": "id,customer,signed on,starts on,ends on,value,known since\n"
    "K1,C1,2026-01-01,2026-01-01,2026-06-30,900,2026-04-01\n"
    "K2,C2,2026-02-01,2026-02-01,2026-08-31,10,2026-02-02\n",
    "interactions": "id,customer,date,kind,text,known since\nI1,C1,2026-03-05,visit,said goodbye,2026-03-07\n"
    "I2,C2,2026-03-05,visit,hi,2026-03-07\n",
    "complaints": "id,customer,opened at,text,resolved at,reopened at,known since\n"
    "X1,C1,2026-04-01,it fell apart,2026-04-20,2026-04-25,2026-04-26\nX2,C2,2026-05-01,late,2026-05-08,,"
    "2026-05-09\nX3,C1,2026-05-05,rude,,,2026-05-05\n",
}


@pytest.fixture(autouse=True)
def _cast(company, manager, teammate):
    return company


@pytest.fixture
def first(tmp_path):
    """What the company knew before: one import of each kind."""
    return {kind: bring(tmp_path, kind, text, at=ago(2)) for kind, text in FIRST.items()}


def stands(model, *names):
    """Return the rows that count, as plain values."""
    return list(model.objects.filter(void=False).order_by("pk").values_list(*names))


FACTS = {
    Order: ("pk", "customer_id", "sold_base", "margin_base", "status", "occurred_at", "batch_id"),
    OrderLine: ("pk", "order_id", "line_no", "quantity", "product_id", "amount", "batch_id"),
    Contract: ("pk", "customer_id", "ends_day", "value_base", "batch_id"),
    Interaction: ("pk", "customer_id", "kind", "text", "occurred_at", "batch_id"),
    Complaint: ("pk", "customer_id", "text", "state", "due_at", "batch_id"),
    Ownership: ("pk", "customer_id", "user_id", "batch_id"),
}


def everything():
    """Return what pages would show: facts that count, customers, contacts, products, names of sources."""
    plain = {model.__name__: stands(model, *names) for model, names in FACTS.items()}
    fields = ("pk", "name", "city", "segment", "owner_id", "team_id", "updated_at")
    plain["customers"] = list(Customer.objects.present().order_by("pk").values_list(*fields))
    plain["contacts"] = list(Contact.objects.order_by("pk").values_list("pk", "name", "is_main", "customer"))
    plain["products"] = list(Product.objects.order_by("pk").values_list("code", "name"))
    plain["found"] = sorted(
        SearchToken.objects.values_list("customer_id", "contact_id", "kind", "token", "place")
    )
    plain["names"] = sorted(ExternalRef.objects.values_list("kind", "external_id", "object_id"))
    return plain


# --- As if it had never been -------------------------------------------------------------------
@pytest.mark.parametrize("kind", FIRST)
def test_undo_equals_the_database_that_never_saw_the_import(tmp_path, first, kind):
    before, known = everything(), past(MOMENTS)
    batch = bring(tmp_path, kind, SECOND[kind])
    assert everything() != before
    if kind != "customers":  # of those only the owner is a fact, known from now on
        assert past(MOMENTS) != known
    take_back(batch)
    assert everything() == before
    assert past(MOMENTS) == known
    assert now(LATER + timedelta(hours=1)) == past([LATER + timedelta(hours=1)]).popitem()[1]


def test_undo_of_all_second_imports_one_after_another_equals_never_seen(tmp_path, first):
    before, known = everything(), past(MOMENTS)
    second = [
        bring(tmp_path, kind, SECOND[kind], at=NOW + timedelta(minutes=n)) for n, kind in enumerate(FIRST)
    ]
    for batch in reversed(second):
        take_back(batch)
    assert everything() == before
    assert past(MOMENTS) == known


def test_undo_of_first_after_second_leaves_nothing_known_at_any_moment(tmp_path, first):
    second = bring(tmp_path, "orders", SECOND["orders"])
    take_back(second)
    for kind in reversed(FIRST):
        take_back(first[kind])
    assert all(not stands(model, "pk") for model in FACTS)
    assert not Customer.objects.present().exists() and not Contact.objects.exists()
    assert not Product.objects.exists() and not ExternalRef.objects.exists()
    assert all(not rows for rows in past(MOMENTS).values())


def test_undo_of_the_first_keeps_what_a_fact_was_between_two_changes(tmp_path, first):
    """Three imports change one order; the two later ones are taken back, the last one first."""
    known = past(MOMENTS)
    again = [
        bring(
            tmp_path,
            "orders",
            f"{ORDERS}O3,C1,2026-04-02,{n},10,P1,2026-04-{n:02}\n",
            at=ago(1) + timedelta(hours=n),
        )
        for n in (8, 12)
    ]
    take_back(again[1])
    take_back(again[0])
    assert past(MOMENTS) == known


def test_undo_marks_customers_and_says_history_was_taken_back(tmp_path, first):
    seen = HistoryTakenBack.objects.count()
    batch = bring(tmp_path, "orders", SECOND["orders"])
    c1 = ExternalRef.objects.get(kind="customer", external_id="C1").object_id
    c2 = ExternalRef.objects.get(kind="customer", external_id="C2").object_id
    TouchedCustomer.objects.all().delete()
    counted_at = NOW.replace(year=2000)
    take_back(batch)
    assert set(TouchedCustomer.objects.values_list("customer_id", flat=True)) == {c1, c2}
    assert HistoryTakenBack.objects.count() == seen + 1
    assert undo.history_taken_back(since=counted_at, before=NOW) == LATER
    assert undo.history_taken_back(since=counted_at, before=ago(300)) is None
    row = HistoryTakenBack.objects.get()
    assert undo.history_taken_back(since=row.noted_at, before=NOW) is None


def test_undo_is_told_in_audit_and_event_with_reason(tmp_path, first, admin):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    take_back(batch, by=admin)
    batch.refresh_from_db()
    assert (batch.status, batch.undo_reason, batch.undone_by, batch.undone_at) == (
        "undone",
        "wrong file",
        admin,
        LATER,
    )
    acts = AuditEvent.objects.filter(object_id=batch.pk, act__startswith="import.und")
    assert sorted(acts.values_list("act", "actor_id")) == [
        ("import.undo", admin.pk),
        ("import.undone", admin.pk),
    ]
    assert Event.objects.filter(kind="import.undone", subject_id=batch.pk).count() == 1


def test_undo_lets_go_of_products_that_older_void_facts_point_to(tmp_path, first):
    batch = bring(tmp_path, "products", "sku,name\nP7,Sofa\n")
    line = bring(tmp_path, "orders", ORDERS + "O9,C1,2026-05-01,1,1,P7,\n", at=NOW + timedelta(hours=1))
    for fact in (*Order.objects.filter(batch=line), *OrderLine.objects.filter(batch=line)):
        writing.void(fact, at=NOW + timedelta(hours=2))
    take_back(batch)
    assert not Product.objects.filter(code="P7").exists()


def test_mended_file_lands_under_the_same_names(tmp_path):
    wrong = bring(tmp_path, "customers", "id,name\nC1,Wrong Name\nC2,Red Hill\n")
    take_back(wrong)
    right = bring(tmp_path, "customers", "id,name\nC1,Right Name\nC2,Red Hill\n", at=LATER)
    assert (right.created, right.updated) == (2, 0)
    assert sorted(Customer.objects.present().values_list("name", flat=True)) == ["Red Hill", "Right Name"]
    assert "Wrong Name" not in set(Customer.objects.values_list("name", flat=True))


def test_gone_customer_keeps_no_personal_value(tmp_path):
    take_back(bring(tmp_path, "customers", "id,name,city,notes\nC1,Li Na,Xi'an,likes tea\n"))
    gone = Customer.objects.get()
    assert (gone.name, gone.city, gone.notes, gone.gone_at) == ("", "", "", LATER)


def test_void_facts_keep_no_text_and_hold_no_product(tmp_path):
    take_back(bring(tmp_path, "orders", ORDERS + "O1,C1,2026-04-20,1,500,P3,\n"))
    line = OrderLine.objects.get()
    assert (line.void, line.description, line.product_id) == (True, "", None)
    assert not Product.objects.exists()


def test_undo_of_contacts_gives_the_main_contact_back(tmp_path, first):
    before = list(Contact.objects.order_by("pk").values())
    batch = bring(
        tmp_path,
        "contacts",
        "id,customer,name,phone,main\nK1,C1,Li Na,+86 10 1,\nK2,C1,Wang Wei,+86 10 2,yes\nK3,C2,Zhao,,yes\n",
    )
    assert list(Contact.objects.order_by("pk").values()) != before
    take_back(batch)
    assert list(Contact.objects.order_by("pk").values()) == before
    assert not ExternalRef.objects.filter(kind="contact").exists()


def test_contact_that_cannot_go_keeps_no_personal_value(tmp_path, first, monkeypatch):
    monkeypatch.setattr("customers.undo.records._delete", lambda model, ids: [])
    batch = bring(tmp_path, "contacts", "id,customer,name,phone\nK1,C1,Li Na,+86 10 1\nK2,C1,Zoe,+86 10 2\n")
    take_back(batch)
    batch.refresh_from_db()
    assert batch.progress["left"] == 1
    assert not Contact.objects.filter(name__in=["Li Na", "Zoe"]).exists()
    assert not ExternalRef.objects.filter(kind="contact").exists()


def test_undo_of_products_and_rates_gives_old_values_back(tmp_path):
    bring(tmp_path, "products", "sku,name,cost\nP1,Lamp,3.20\n", at=ago(1))
    bring(tmp_path, "rates", "currency,day,rate\nUSD,2026-01-01,7.1\n", at=ago(1))
    again = [
        bring(tmp_path, "products", "sku,name,cost\nP1,Torch,4\nP2,Desk,5\n"),
        bring(tmp_path, "rates", "currency,day,rate\nUSD,2026-01-01,9\nEUR,2026-01-01,8\n"),
    ]
    for batch in again:
        take_back(batch)
    assert list(Product.objects.values_list("code", "name", "unit_cost")) == [("P1", "Lamp", 320)]
    assert [(r.currency, float(r.rate)) for r in ExchangeRate.objects.all()] == [("USD", 7.1)]


def test_undo_of_a_withdrawal_gives_the_day_back_and_marks_who_bought(tmp_path):
    bring(tmp_path, "products", "sku,name,withdrawn on\nP1,Lamp,2026-05-01\n", at=ago(2))
    bring(tmp_path, "orders", "id,customer,date,product,amount\nA,C1,2026-05-01,P1,9\n", at=ago(2))
    batch = bring(tmp_path, "products", "sku,name,withdrawn on\nP1,Lamp,\n", at=ago(1))
    TouchedCustomer.objects.all().delete()
    take_back(batch)
    stands = Product.objects.values_list("is_withdrawn", "withdrawn_day", "withdrawn_known_at").get()
    assert stands == (True, date(2026, 5, 1).toordinal(), ago(2))
    assert TouchedCustomer.objects.count() == 1


def test_undo_says_what_erasure_keeps_from_coming_back(tmp_path, first):
    batch = bring(tmp_path, "customers", "id,name,city\nC1,Blue Sea,\n")
    c1 = ExternalRef.objects.get(kind="customer", external_id="C1").object_id
    sealed.destroy(f"customer:{c1}")
    take_back(batch)
    batch.refresh_from_db()
    assert batch.progress["lost"] == 1
    assert Customer.objects.get(pk=c1).name == "Blue Sea"


# --- What stands in the way --------------------------------------------------------------------
def refused(batch):
    with pytest.raises(undo.UndoBlocked) as told:
        undo.undo_import(batch, reason="wrong", by=None, at=LATER)
    batch.refresh_from_db()
    assert batch.status == ImportBatch.Status.DONE
    return str(told.value)


def test_undo_is_blocked_when_a_fact_was_changed_by_hand(tmp_path, first):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    order = Order.objects.get(pk=ExternalRef.objects.get(kind="order", external_id="O4").object_id)
    writing.revise(order, at=NOW + timedelta(hours=1), status="cancelled")
    assert f"changed later: order no. {order.pk}" in refused(batch)


def test_undo_is_not_blocked_by_a_fact_that_is_none_of_the_imports(tmp_path, first):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    order = Order.objects.get(pk=ExternalRef.objects.get(kind="order", external_id="O3").object_id)
    writing.revise(order, at=NOW + timedelta(hours=1), status="cancelled")
    OrderFactory(customer=order.customer, occurred_at=NOW, recorded_at=NOW)
    take_back(batch)
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_undo_is_blocked_by_a_later_import_and_free_again_without_it(tmp_path, first):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    third = bring(tmp_path, "orders", ORDERS + "O4,C1,2026-04-20,1,600,P3,\n", at=NOW + timedelta(hours=1))
    assert "changed later" in refused(batch)
    take_back(third)
    take_back(batch)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("customers", "id,name\nC3,Another\n"),
        ("contacts", "id,customer,name\nK1,C3,Li Na\n"),
        ("orders", ORDERS + "O9,C3,2026-05-01,1,1,,\n"),
    ],
)
def test_undo_of_customers_is_blocked_by_what_later_imports_put_on_them(tmp_path, first, kind, text):
    batch = bring(tmp_path, "customers", SECOND["customers"])
    later = bring(tmp_path, kind, text, at=NOW + timedelta(hours=1))
    refused(batch)
    take_back(later)
    take_back(batch)


def test_undo_is_blocked_by_an_interaction_logged_with_a_new_customer(tmp_path, first):
    batch = bring(tmp_path, "customers", SECOND["customers"])
    new = Customer.objects.get(name="New Moon")
    said = InteractionFactory(customer=new, occurred_at=NOW, recorded_at=NOW)
    assert f"added since: interaction no. {said.pk}" in refused(batch)


def test_undo_of_orders_is_blocked_by_a_complaint_about_one(tmp_path, first):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    bring(tmp_path, "complaints", "id,customer,opened at,text,order\nX9,C1,2026-05-01,broke,O4\n", at=LATER)
    assert "added since: complaint no." in refused(batch)


def test_undo_of_products_is_blocked_by_orders_of_them(tmp_path, first):
    batch = bring(tmp_path, "products", "sku,name\nP7,Sofa\n")
    bring(tmp_path, "orders", ORDERS + "O9,C1,2026-05-01,1,1,P7,\n", at=LATER)
    assert "added since: order line no." in refused(batch)


def test_undo_names_twenty_and_counts_the_rest(tmp_path):
    lines = "".join(f"C{n},Name {n}\n" for n in range(30))
    batch = bring(tmp_path, "customers", "id,name\n" + lines)
    Customer.objects.update(updated_at=LATER)
    standing = undo.in_the_way(batch)
    assert (len(standing.shown), standing.count, standing.more) == (20, 30, False)
    assert {blocker.customer_id for blocker in standing.shown} <= set(
        Customer.objects.values_list("pk", flat=True)
    )


def test_undo_without_reason_or_twice_or_of_nothing_is_refused(tmp_path, first):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    with pytest.raises(undo.ReasonMissing):
        undo.undo_import(batch, reason="  ", by=None, at=LATER)
    with pytest.raises(undo.NothingKept):
        undo.undo_import(bring(tmp_path, "orders", SECOND["orders"]), reason="x", by=None, at=LATER)
    take_back(batch)
    batch.refresh_from_db()
    with pytest.raises(undo.NotUndoable):
        undo.undo_import(batch, reason="x", by=None, at=LATER)


# --- Killed in the middle ----------------------------------------------------------------------
@pytest.mark.parametrize("killed_after", [1, 3, 9, 15])
def test_undo_killed_in_the_middle_ends_with_the_same_result(tmp_path, first, monkeypatch, killed_after):
    monkeypatch.setattr(working, "MOST_FACTS", 1)
    monkeypatch.setattr(working, "MOST_RECORDS", 1)
    before, known = everything(), past(MOMENTS)
    batch = bring(tmp_path, "orders", SECOND["orders"])
    undo.undo_import(batch, reason="wrong", by=None, at=LATER)
    leased = working._lease(batch.pk)
    for _n in range(killed_after):
        assert not working.advance(leased)
    with pytest.raises(RuntimeError), transaction.atomic():  # dies in the middle of a chunk
        working.advance(leased)
        raise RuntimeError
    assert working.work(LATER) == 0  # the lease of the dead one
    ImportBatch.objects.update(lease_until=None)
    while working.work(LATER):
        pass
    with pytest.raises(working.Overtaken):
        working.advance(leased)
    batch.refresh_from_db()
    assert batch.status == ImportBatch.Status.UNDONE
    assert everything() == before and past(MOMENTS) == known
    assert HistoryTakenBack.objects.count() == 1


# --- What an import did ------------------------------------------------------------------------
def test_shares_and_records_say_what_an_import_did(tmp_path, first):
    batch = bring(tmp_path, "orders", SECOND["orders"])
    shares = {share.code: (share.created, share.changed) for share in undo.shares_of(batch)}
    assert shares == {
        "order": (2, 2),
        "orderline": (2, 3),
        "customer": (1, 0),
        "contact": (1, 0),
        "product": (1, 0),
    }
    rows = undo.records_of(batch, "order", after=0, most=10)
    assert [row.is_new for row in rows] == [False, False, True, True]
    assert undo.records_of(batch, "order", after=rows[0].object_id, most=1) == rows[1:2]
    assert [row.is_new for row in undo.records_of(batch, "customer", after=0, most=10)] == [True]


def test_order_import_keeps_no_row_for_each_fact(tmp_path, first):
    before = ImportChange.objects.count()
    bring(tmp_path, "orders", ORDERS + "O7,C1,2026-04-20,1,500,P1,\nO8,C1,2026-04-20,1,500,P1,\n")
    assert ImportChange.objects.count() == before
    assert not OrderVersion.objects.exists()


def test_undo_takes_successors_and_new_main_contacts_back(tmp_path, first):
    head = "id,customer,name,left on,successor\n"
    bring(tmp_path, "contacts", head + "K1,C1,Li Na,,\nK2,C1,Wu Di,2026-04-01,K1\nK3,C1,Bo,,\n", at=ago(1))

    def people():
        columns = ("pk", "name", "left_on", "successor", "is_main", "updated_at")
        return list(Contact.objects.order_by("pk").values_list(*columns))

    before = people()
    batch = bring(
        tmp_path, "contacts", head + "K1,C1,Li Na,2026-05-01,K3\nK2,C1,Wu Di,2026-04-01,K4\nK4,C1,An,,\n"
    )
    stands = {name: (after, main) for _pk, name, _left, after, main, _at in people()}
    named = {name: pk for pk, name, *_rest in people()}
    assert (stands["Li Na"], stands["Bo"]) == ((named["Bo"], False), (None, True))
    assert stands["Wu Di"] == (named["An"], False)
    take_back(batch)
    assert people() == before


def test_undo_takes_a_parent_back(tmp_path, first):
    parents = Customer.objects.order_by("pk").values_list("name", "parent__name", "updated_at")
    head, before = "id,name,parent\n", list(parents)
    batch = bring(tmp_path, "customers", head + "C1,Blue Lake,C2\nC3,New Moon,C2\n")
    assert [parent for _name, parent, _at in parents.all()] == ["Red Hill", None, "Red Hill"]
    take_back(batch)
    assert list(parents.filter(gone_at__isnull=True)) == before

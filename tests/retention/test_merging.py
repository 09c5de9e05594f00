"""Two customers become one, with everything that points to them, and two again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from customers import changing, consents, customers, merges, movers, ownership, stubs, writing
from customers.batch import InteractionRecord, upsert_interactions
from customers.facts import TWINS
from customers.ground import sealed
from customers.ground.models import AuditEvent, Event
from customers.models import (
    Access,
    Address,
    Attribute,
    AttributeValue,
    Consent,
    Contact,
    Customer,
    DuplicateKey,
    DuplicateProposal,
    ExternalRef,
    Interaction,
    Merge,
    MergedRow,
    Message,
    Order,
    Ownership,
    TouchedCustomer,
    User,
)
from customers.search import index
from retention import cases, changes, sweep
from retention.measures import stored
from retention.models import (
    ConcernedCustomer,
    ConcernedStep,
    CustomerMeasures,
    EarlyWarning,
    FollowUpCall,
    Holdout,
    Loss,
    PendingMatch,
    RetentionCase,
    Standing,
    StandingVersion,
)
from tests.factories import (
    NOW,
    ComplaintFactory,
    ContactFactory,
    ContractFactory,
    CustomerFactory,
    InteractionFactory,
    OrderFactory,
    OrderLineFactory,
    ago,
    day,
)
from tests.retention.changes.makers import announced, row_of
from tests.retention.makers import make_case, make_rule, make_run, make_warning, planned_call, steps

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=2)

# Rows that may speak of a stub afterwards, and why.
OF_STUBS = {
    "customers.Merge": "says who went into whom",
    "customers.DuplicateProposal": "says that the two were found alike",
    "customers.TouchedCustomer": "a mark that the sweep will find nobody for",
    "retention.Standing": "says how the one stood while there were two",
    "retention.StandingVersion": "as above",
}
SEALS = {"customers.Merge", "customers.MergedRow", "ground.SealedValue", "ground.HolderKey"}


@pytest.fixture
def pair(manager: User, teammate: User) -> tuple[Customer, Customer]:
    """Two customers with a row of every kind that a merge has to move."""
    made = []
    for name, owner in (("Blue Lake Trading", manager), ("Blue Lake Trading Co., Ltd.", teammate)):
        customer = CustomerFactory(name=name, owner=owner, city="杭州")
        person = ContactFactory(customer=customer, is_main=False, phone="+86 571 5550 1234")
        order = OrderFactory(customer=customer)
        OrderLineFactory(order=order)
        said = InteractionFactory(customer=customer, contact=person, by=owner)
        writing.revise(said, text="corrected", reached=False, at=NOW)
        ComplaintFactory(customer=customer, contact=person, order=order, due_day=day(NOW) + 5)
        ContractFactory(customer=customer)
        attribute, _ = Attribute.objects.get_or_create(
            code="size", kind="number", label_en="Size", label_zh="规模"
        )
        writing.write(
            AttributeValue,
            customer_id=customer.pk,
            when=writing.Moments(ago(3), ago(3)),
            attribute=attribute,
            number=3,
        )
        ExternalRef.objects.create(
            source="crm", kind="customer", external_id=f"C-{customer.pk}", object_id=customer.pk
        )
        customers.change_customer(customer, notes="likes tea", by=owner, at=NOW)
        index.write([customer.pk])
        made.append(customer)
    return made[0], made[1]


def merge(survivor: Customer, other: Customer, by: User, **values: Any) -> Merge:
    return merges.merge_customers(
        survivor, other, **{"reason": "Same company.", "by": by, "at": LATER, **values}
    )


def pointers() -> list[tuple[type[models.Model], str]]:
    """Return every column of every model that holds a customer's id, whoever declared it and how."""
    found = []
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            target = field.related_model
            points = isinstance(target, type) and target is Customer
            if points or field.attname == "customer_id":
                found.append((model, field.attname))
    return found


def rows_of(customer: Customer) -> dict[str, int]:
    """Return how many rows of each model point to the customer."""
    found: dict[str, int] = {}
    for model, column in pointers():
        if n := model._base_manager.filter(**{column: customer.pk}).count():
            found[model._meta.label] = found.get(model._meta.label, 0) + n
    return found


def everything(*, but: set[str] = frozenset()) -> dict[str, dict[int, tuple[Any, ...]]]:  # type: ignore[assignment]
    """Return every row of our models, by model and id, but without the moment of the last change."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label in {"ground", "customers", "retention"} and model._meta.label not in but:
            names = [f.attname for f in model._meta.concrete_fields if f.attname != "updated_at"]
            rows = model._base_manager.values_list("pk", *names)
            found[model._meta.label] = {pk: tuple(values) for pk, *values in rows}
    return found


def test_merge_leaves_nothing_with_the_stub(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    run = make_run(at=ago(1))
    rule = make_rule()
    for customer in pair:
        case = make_case(customer, at=ago(1))
        make_warning(customer, run=run, rule=rule, case=case)
        CustomerMeasures.objects.create(customer=customer, as_of=ago(1))
    assert {"retention.RetentionCase", "customers.OrderLine", "ground.AuditEvent"} <= set(rows_of(other))
    merge(survivor, other, lead)
    assert set(rows_of(other)) <= set(OF_STUBS)
    assert ExternalRef.objects.filter(kind="customer", object_id=survivor.pk).count() == 2
    assert not ExternalRef.objects.filter(kind="customer", object_id=other.pk).exists()
    other.refresh_from_db()
    assert (other.merged_into, other.gone_at, other.owner, other.team) == (survivor, LATER, None, None)


def test_merge_adds_up_what_both_had_and_no_more(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    bystander = OrderFactory().customer
    mine, theirs, third = rows_of(survivor), rows_of(other), rows_of(bystander)
    moved = merge(survivor, other, lead).moved
    after = rows_of(survivor)
    for label in (
        "customers.Order",
        "customers.OrderLine",
        "customers.Complaint",
        "customers.ComplaintEvent",
    ):
        assert after[label] == mine[label] + theirs[label], label
    # re-pointing a fact makes no version of it: whom it is of did not change
    for twin in TWINS.values():
        assert after.get(twin._meta.label, 0) == mine.get(twin._meta.label, 0) * 2, twin
    assert moved["customers.Order"] == theirs["customers.Order"]
    assert rows_of(bystander) == third


def test_merge_keeps_one_main_contact_and_moves_the_others(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    main = Contact.objects.get(customer=survivor, is_main=True)
    merge(survivor, other, lead)
    assert Contact.objects.filter(customer=survivor).count() == 4
    assert Contact.objects.get(customer=survivor, is_main=True) == main


def test_merge_takes_the_chosen_values_and_the_chosen_owner(
    pair: tuple[Customer, Customer], lead: User, teammate: User
) -> None:
    survivor, other = pair
    merge(survivor, other, lead, values={"name": other.name, "owner": teammate})
    stored_ = Customer.objects.get(pk=survivor.pk)
    assert (stored_.name, stored_.owner, stored_.city) == (other.name, teammate, "杭州")
    newest = Ownership.objects.filter(customer=survivor).latest("occurred_at", "pk")
    assert newest.user == teammate


def test_merge_states_the_owner_when_the_newest_fact_of_both_is_another(
    pair: tuple[Customer, Customer], lead: User, manager: User, teammate: User
) -> None:
    survivor, other = pair
    ownership.assign_owner(other, user=lead, by=lead, at=NOW)  # newer than all facts of the survivor
    made = merge(survivor, other, lead).made
    newest = Ownership.objects.filter(customer=survivor).latest("occurred_at", "pk")
    assert made["customers.Ownership"] == [newest.pk]
    assert (newest.user, newest.occurred_at) == (manager, LATER)


def test_merged_measures_are_those_of_a_customer_that_had_all_facts(
    company: Any, lead: User, manager: User
) -> None:
    survivor, other = CustomerFactory(owner=manager), CustomerFactory(owner=manager)
    whole = CustomerFactory(owner=manager)
    for part, days in ((survivor, 10), (other, 40), (survivor, 70), (other, 100), (other, 5)):
        for customer in (part, whole):
            OrderFactory(customer=customer, occurred_at=ago(days), sold=1000 * days)
    for part, days in ((other, 3), (survivor, 9)):
        for customer in (part, whole):
            ComplaintFactory(customer=customer, occurred_at=ago(days), due_day=day(NOW) - 1)
            InteractionFactory(customer=customer, occurred_at=ago(days - 1))
    ContractFactory(customer=other, number="one")
    ContractFactory(customer=whole, number="one")
    sweep.run(as_of=NOW, scope="full")
    merge(survivor, other, lead)
    sweep.touched(LATER)
    sweep.run(as_of=LATER + timedelta(minutes=1), scope="full")
    rows = {row.customer_id: row for row in CustomerMeasures.objects.all()}
    assert set(rows) == {survivor.pk, whole.pk}
    codes = [measure.code for measure in stored()]
    assert [getattr(rows[survivor.pk], code) for code in codes] == [
        getattr(rows[whole.pk], code) for code in codes
    ]


def test_undo_puts_every_row_back(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    run, rule = make_run(at=ago(1)), make_rule()
    for customer, at in ((survivor, ago(1)), (other, ago(1) + timedelta(hours=1))):
        case = make_case(customer, at=at)
        make_warning(customer, run=run, rule=rule, case=case)
        make_warning(customer, run=run, case=case, state="closed", closed_at=NOW)
    appended = {"ground.Event", "ground.AuditEvent", "retention.CaseMove"}
    derived = {
        "retention.CustomerMeasures",
        "customers.TouchedCustomer",
        "customers.DuplicateKey",
        "customers.DuplicateProposal",
    }
    before = everything(but=SEALS | derived)
    made = merge(survivor, other, lead, values={"name": other.name, "owner": other.owner})
    assert everything(but=SEALS | derived) != before
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    after = everything(but=SEALS | derived)
    for label, rows in before.items():
        assert {pk: after[label].get(pk) for pk in rows} == rows, label
        more = set(after[label]) - set(rows)
        voided = label.startswith("customers.Ownership")  # of the merge's own, and void now
        assert not more or label in appended or voided, (label, more)
    assert Ownership.objects.filter(void=False).count() == 2


def test_undo_is_refused_after_30_days_and_a_second_time(pair: tuple[Customer, Customer], lead: User) -> None:
    made = merge(*pair, lead)
    with pytest.raises(merges.MergeTooOld):
        merges.undo_merge(made, by=lead, at=LATER + timedelta(days=30, seconds=1))
    merges.undo_merge(made, by=lead, at=LATER + timedelta(days=30))
    with pytest.raises(merges.NotMerged):
        merges.undo_merge(made, by=lead, at=LATER + timedelta(days=30))


def test_forget_old_forgets_what_moved_and_nothing_else(pair: tuple[Customer, Customer], lead: User) -> None:
    made = merge(*pair, lead)
    assert merges.forget_old(at=LATER + timedelta(days=30)) == 0
    facts = Order.objects.count(), AuditEvent.objects.count(), Event.objects.count()
    assert merges.forget_old(at=LATER + timedelta(days=31)) > 0
    assert not MergedRow.objects.filter(merge=made).exists()
    assert Merge.objects.get() == made
    assert (Order.objects.count(), AuditEvent.objects.count(), Event.objects.count()) == facts


def test_undo_lets_what_came_since_follow_the_row_that_it_belongs_to(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    theirs = Order.objects.get(customer=other)
    made = merge(survivor, other, lead)
    theirs.refresh_from_db()
    line = OrderLineFactory(order=theirs)
    new = OrderFactory(customer=survivor)
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    line.refresh_from_db()
    new.refresh_from_db()
    assert line.customer_id == other.pk
    assert new.customer_id == survivor.pk  # nothing says whose it would have been


def test_undo_keeps_what_was_changed_since(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    made = merge(survivor, other, lead, values={"name": other.name, "segment": "retail"})
    survivor.refresh_from_db()
    customers.change_customer(survivor, segment="wholesale", by=lead, at=LATER + timedelta(minutes=1))
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    survivor.refresh_from_db()
    assert (survivor.name, survivor.segment) == ("Blue Lake Trading", "wholesale")


def test_chain_of_merges_ends_at_the_last_and_is_taken_back_last_first(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    first, second = pair
    third = CustomerFactory()
    one = merge(second, first, lead)
    two = merge(third, second, lead, at=LATER + timedelta(minutes=1))
    assert Order.objects.filter(customer=third).count() == 2
    assert stubs.resolved([first.pk, second.pk, third.pk]) == dict.fromkeys(
        (first.pk, second.pk, third.pk), third.pk
    )
    assert stubs.survivor_of(first.pk) == third.pk
    assert stubs.survivor_of(third.pk) is None
    with pytest.raises(merges.MergeStandsFast, match="itself merged"):
        merges.undo_merge(one, by=lead, at=LATER + timedelta(hours=1))
    merges.undo_merge(two, by=lead, at=LATER + timedelta(hours=1))
    one.refresh_from_db()
    merges.undo_merge(Merge.objects.get(pk=one.pk), by=lead, at=LATER + timedelta(hours=2))
    assert [Order.objects.filter(customer=c).count() for c in (first, second, third)] == [1, 1, 0]


def test_merge_refuses_itself_stubs_no_reason_and_what_changed_meanwhile(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    with pytest.raises(merges.MergedWithItself):
        merge(survivor, Customer.objects.get(pk=survivor.pk), lead)
    with pytest.raises(merges.MergeReasonMissing):
        merge(survivor, other, lead, reason="  ")
    with pytest.raises(customers.NoName):
        merge(survivor, other, lead, values={"name": " "})
    with pytest.raises(ValueError, match="merged_into"):
        merge(survivor, other, lead, values={"merged_into": None})
    stale = Customer.objects.get(pk=other.pk)
    customers.change_customer(other, city="宁波", by=lead, at=LATER)
    with pytest.raises(changing.ChangedMeanwhile):
        merge(survivor, stale, lead)
    merge(survivor, other, lead)
    for one, two in ((survivor, other), (other, CustomerFactory())):
        with pytest.raises(merges.MergedAlready):
            merge(one, two, lead)
    assert Merge.objects.count() == 1


def test_merge_costs_as_many_queries_with_three_rows_of_each_as_with_one(company: Any, lead: User) -> None:
    counts = []
    for n in (1, 3):
        survivor, other = CustomerFactory(), CustomerFactory()
        for customer in (survivor, other):
            for _ in range(n):
                OrderLineFactory(order=OrderFactory(customer=customer))
                ComplaintFactory(customer=customer)
        with CaptureQueriesContext(connection) as asked:
            merge(survivor, other, lead)
        counts.append(len(asked))
    assert counts[0] == counts[1]


# --- Who sees what -----------------------------------------------------------------------------
def test_stub_is_seen_by_nobody_counted_nowhere_and_judged_no_more(
    pair: tuple[Customer, Customer], lead: User, admin: User, manager: User, teammate: User, analyst: User
) -> None:
    survivor, other = pair
    Access.objects.create(customer=other, user=manager, reason="cover", starts_at=NOW)
    merge(survivor, other, lead)
    for user in (lead, admin, manager, analyst):
        assert set(Customer.objects.visible_to(user)) == {survivor}, user  # type: ignore[attr-defined]
    assert not Customer.objects.visible_to(teammate).exists()  # type: ignore[attr-defined]
    sweep.run(as_of=LATER + timedelta(minutes=1), scope="full")
    assert set(CustomerMeasures.objects.values_list("customer", flat=True)) == {survivor.pk}
    sweep.run(as_of=LATER + timedelta(minutes=2), scope="changed")
    assert set(CustomerMeasures.objects.values_list("customer", flat=True)) == {survivor.pk}


# --- What comes later --------------------------------------------------------------------------
def test_old_reference_leads_a_later_import_to_the_survivor(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    merge(survivor, other, lead)
    for number, reference in enumerate((f"C-{other.pk}", other.pk)):
        record = InteractionRecord(
            external_id=f"I-{number}",
            customer=reference,
            occurred_at=NOW,
            recorded_at=NOW,
            values={"kind": "call", "text": "hello"},
        )
        landed = upsert_interactions([record], source="crm", batch=None, at=LATER)
        assert (landed.created, landed.refused) == (1, [])
    assert Interaction.objects.filter(customer=survivor, text="hello").count() == 2
    marked = set(TouchedCustomer.objects.filter(recorded_at=LATER).values_list("customer_id", flat=True))
    assert other.pk not in marked and survivor.pk in marked


def test_fact_written_for_a_stub_becomes_one_of_the_survivor(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    merge(survivor, other, lead)
    fact = writing.write(
        Interaction, customer_id=other.pk, when=writing.moments(at=LATER), kind="visit", by=lead
    )
    assert fact.customer_id == survivor.pk


def test_of_consents_the_stricter_wins_for_one_person_in_both_files(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    mine = ContactFactory(customer=survivor, is_main=False, email="jing@x.cn")
    theirs = ContactFactory(customer=other, is_main=False, email="JING@x.cn")
    stranger = ContactFactory(customer=other, is_main=False, email="li@x.cn")
    for contact, is_given, purpose in (
        (mine, True, "offer"),
        (theirs, False, "offer"),
        (mine, False, "survey"),
        (theirs, True, "care"),
        (stranger, True, "offer"),
    ):
        consents.record_consent(
            contact,
            purposes=[purpose],
            channels=["email"],
            is_given=is_given,
            source="form",
            occurred_at=ago(5),
            by=lead,
            at=NOW,
        )

    def allowed() -> set[tuple[int, str]]:
        return {
            (contact.pk, purpose)
            for contact in (mine, theirs, stranger)
            for purpose in ("offer", "survey", "care")
            if consents.may_contact(contact, purpose=purpose, channel="email", at=LATER)
        }

    assert allowed() == {(mine.pk, "offer"), (theirs.pk, "care"), (stranger.pk, "offer")}
    made = merge(survivor, other, lead)
    assert allowed() == {(theirs.pk, "care"), (stranger.pk, "offer")}
    assert Consent.objects.filter(contact=theirs, purpose="survey", source="merge").count() == 1
    merges.undo_merge(made, by=lead, at=LATER)
    assert allowed() == {(theirs.pk, "care"), (stranger.pk, "offer")}  # never loosened by an undo


# --- Groups and places ---------------------------------------------------------------------------
def test_children_of_the_other_become_the_survivors_and_go_back(company: Any, lead: User) -> None:
    survivor, other = CustomerFactory(), CustomerFactory()
    child = CustomerFactory(parent=other)
    made = merge(survivor, other, lead)
    child.refresh_from_db()
    assert child.parent == survivor
    merges.undo_merge(made, by=lead, at=LATER)
    child.refresh_from_db()
    assert child.parent == other


@pytest.mark.parametrize("levels", [0, 1])
def test_parent_merged_with_one_below_it_is_nobodys_child(company: Any, lead: User, levels: int) -> None:
    top = CustomerFactory()
    parent = CustomerFactory(parent=top)
    between = CustomerFactory(parent=parent) if levels else parent
    child = CustomerFactory(parent=between)
    made = merge(child, parent, lead)
    child.refresh_from_db()
    assert child.parent == (None if levels else top)
    if levels:
        between.refresh_from_db()
        assert between.parent == child
    merges.undo_merge(made, by=lead, at=LATER)
    for customer, above in ((child, between), (parent, top)):
        customer.refresh_from_db()
        assert customer.parent == above


def test_merge_says_where_the_survivor_is_when_the_others_address_is_newer(company: Any, lead: User) -> None:
    survivor = customers.create_customer(name="One", country="CN", region="3301", by=None, at=ago(9))
    other = customers.create_customer(name="Two", country="CN", region="31", by=None, at=ago(2))
    made = merge(survivor, other, lead)
    newest = Address.objects.filter(customer=survivor, void=False).latest("occurred_at", "pk")
    assert (newest.region, newest.occurred_at) == (survivor.region, LATER)
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    assert [Address.objects.get(customer=c, void=False).region for c in (survivor, other)] == [
        survivor.region,
        other.region,
    ]


# --- Cases -------------------------------------------------------------------------------------
def two_cases(pair: tuple[Customer, Customer]) -> tuple[RetentionCase, RetentionCase]:
    """Return the survivor's case, and the younger, graver and more urgent one of the other."""
    survivor, other = pair
    return (
        make_case(survivor, at=ago(1), severity=1, reason="Quiet since March."),
        make_case(other, at=NOW, kind="recovery", severity=3, reason="Complained."),
    )


def test_two_open_cases_become_one_with_both_histories(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    case, joined = two_cases(pair)
    sooner, later = planned_call(joined), planned_call(case)
    FollowUpCall.objects.filter(pk=later.pk).update(due_at=sooner.due_at + timedelta(days=1))
    history = steps(case) + steps(joined)
    merge(survivor, other, lead)
    case.refresh_from_db()
    joined.refresh_from_db()
    assert RetentionCase.objects.open().get() == case  # type: ignore[attr-defined]
    assert (case.customer, case.kind, case.severity) == (survivor, "recovery", 3)
    assert case.reason == "Quiet since March.\nComplained."
    assert sorted(steps(case)) == sorted([*history, "merged"])
    assert (joined.status, joined.outcome, joined.joined_into) == ("closed", "merged", case)
    assert joined.customer == survivor
    assert planned_call(case) == sooner
    assert case.due_at == sooner.due_at
    later.refresh_from_db()
    assert later.status == "cancelled"
    assert case.moves.get(kind="merged").codes["cancelled_call"] == later.pk
    holding = Access.objects.filter(ends_at__isnull=True, reason="case")
    assert set(holding.values_list("customer", "user")) == {(survivor.pk, case.assignee_id)}
    assert sooner.assignee_id or planned_call(case).assignee_id == case.assignee_id


def test_case_goes_to_whoever_got_further_with_it(
    pair: tuple[Customer, Customer], lead: User, teammate: User
) -> None:
    case, joined = two_cases(pair)
    cases.move_to(joined, "working", kind="working", by=teammate, at=NOW)
    merge(*pair, lead)
    case.refresh_from_db()
    assert (case.status, case.assignee) == ("working", teammate)
    assert planned_call(case).assignee == teammate
    holding = Access.objects.filter(ends_at__isnull=True, reason="case")
    assert set(holding.values_list("customer", "user")) == {(pair[0].pk, teammate.pk)}


def test_one_open_case_just_moves(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    case = make_case(other)
    merge(survivor, other, lead)
    case.refresh_from_db()
    assert (case.customer, case.status) == (survivor, "assigned")
    assert steps(case) == ["opened", "assigned"]
    holding = Access.objects.filter(ends_at__isnull=True, reason="case")
    assert set(holding.values_list("customer", "user")) == {(survivor.pk, case.assignee_id)}


def test_undo_is_blocked_when_somebody_went_on_with_the_joined_case(
    pair: tuple[Customer, Customer], lead: User, manager: User
) -> None:
    case, _joined = two_cases(pair)
    made = merge(*pair, lead)
    case.refresh_from_db()
    cases.move_to(case, "working", kind="working", by=manager, at=LATER)
    with pytest.raises(merges.MergeStandsFast, match=f"case {case.pk}.*began to work"):
        merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    assert Customer.objects.get(pk=pair[1].pk).merged_into == pair[0]


def test_undo_makes_two_cases_again_and_says_so(pair: tuple[Customer, Customer], lead: User) -> None:
    case, joined = two_cases(pair)
    before = [(c.status, c.severity, c.reason, c.due_at, planned_call(c).pk) for c in (case, joined)]
    merges.undo_merge(merge(*pair, lead), by=lead, at=LATER + timedelta(hours=1))
    case.refresh_from_db()
    joined.refresh_from_db()
    assert [(c.status, c.severity, c.reason, c.due_at, planned_call(c).pk) for c in (case, joined)] == before
    assert [case.customer, joined.customer] == list(pair)
    assert steps(case)[-2:] == ["merged", "parted"]
    holding = Access.objects.filter(ends_at__isnull=True, reason="case")
    assert set(holding.values_list("customer", "user")) == {
        (pair[0].pk, case.assignee_id),
        (pair[1].pk, joined.assignee_id),
    }


@pytest.mark.parametrize(
    ("own", "others", "becomes"),
    [
        ("to_inform", "informed", "informed"),
        ("reached", "informed", "reached"),
        ("accepts", "objects", "objects"),
        ("informed", "left", "informed"),
        ("left", "objects", "left"),
    ],
)
def test_change_that_concerns_both_is_followed_once(
    pair: tuple[Customer, Customer], lead: User, own: str, others: str, becomes: str
) -> None:
    change = announced(scope="listed", kind="price", customers=list(pair))
    case, joined = two_cases(pair)
    row, other = (row_of(change, one) for one in pair)
    ConcernedCustomer.objects.filter(pk=row.pk).update(state=own)
    ConcernedCustomer.objects.filter(pk=other.pk).update(state=others, case=joined)
    step = ConcernedStep.objects.create(row=other, customer=pair[1], state=others, at=NOW)

    def stand() -> list[Any]:
        rows = ConcernedCustomer.objects.order_by("customer").values_list("customer", "state", "case")
        return [*rows, ConcernedStep.objects.values_list("row", "customer").get()]

    before = stand()
    made = merge(*pair, lead)
    row.refresh_from_db()
    step.refresh_from_db()
    assert (row.customer, row.state, row.case) == (pair[0], becomes, case)
    assert (step.row, step.customer) == (row, pair[0])
    is_waiting = becomes in ("to_inform", "informed", "reached")
    assert list(change.concerned.waiting()) == ([row] if is_waiting else [])  # type: ignore[attr-defined]
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    assert stand() == before


def test_who_was_told_as_one_of_two_is_not_told_again(pair: tuple[Customer, Customer], lead: User) -> None:
    change = announced(scope="listed", kind="price", customers=[pair[1]])
    changes.inform_due(NOW)
    alone = row_of(change, pair[1])
    ConcernedCustomer.objects.create(change=change, customer=pair[0], added_at=NOW, changed_at=NOW)
    merge(*pair, lead)
    row = row_of(change, pair[0])
    assert (row.message, row.handled_at) == (alone.message, alone.handled_at)
    changes.inform_due(LATER)
    assert Message.objects.count() == 1


def test_row_of_the_other_alone_moves(pair: tuple[Customer, Customer], lead: User) -> None:
    change = announced(scope="listed", kind="price", customers=[pair[1]])
    made = merge(*pair, lead)
    assert [one.customer for one in change.concerned.waiting()] == [pair[0]]  # type: ignore[attr-defined]
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    assert row_of(change, pair[1]).state == "to_inform"


def test_of_two_warnings_of_a_rule_one_stays_open(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    rule, run = make_rule(), make_run(at=ago(2))
    older = make_warning(other, run=run, rule=rule)
    younger = make_warning(survivor, run=make_run(at=ago(1)), rule=rule)
    alone = make_warning(other, run=run)
    merge(survivor, other, lead)
    stands = EarlyWarning.objects.filter(customer=survivor).open()  # type: ignore[attr-defined]
    assert set(stands) == {older, alone}
    younger.refresh_from_db()
    assert (younger.state, younger.closed_because, younger.closed_at) == ("closed", "merged", LATER)


def test_warning_that_asks_for_a_case_stays_before_a_baseline(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    rule = make_rule()
    make_warning(survivor, run=make_run(at=ago(2)), rule=rule, is_baseline=True)
    asking = make_warning(other, run=make_run(at=ago(1)), rule=rule)
    merge(survivor, other, lead)
    assert EarlyWarning.objects.filter(customer=survivor).open().get() == asking  # type: ignore[attr-defined]


def test_two_lasting_losses_become_one_spell(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    for customer, days in ((survivor, 3), (other, 9)):
        Loss.objects.create(customer=customer, occurred_at=ago(days), recorded_at=ago(days))
    made = merge(survivor, other, lead)
    lasting = Loss.objects.get(customer=survivor, ended_at__isnull=True)
    assert lasting.occurred_at == ago(9)
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    assert Loss.objects.filter(ended_at__isnull=True).count() == 2


@pytest.mark.parametrize("partial", [0, 1])
def test_of_two_lasting_losses_the_total_one_stays(
    pair: tuple[Customer, Customer], lead: User, partial: int
) -> None:
    survivor, other = pair
    small = Loss.objects.create(
        customer=pair[partial], occurred_at=ago(9), recorded_at=ago(9), definition="partial"
    )
    total = Loss.objects.create(
        customer=pair[1 - partial], occurred_at=ago(3), recorded_at=ago(3), definition="window"
    )
    made = merge(survivor, other, lead)
    assert Loss.objects.get(customer=survivor, ended_at__isnull=True) == total
    small.refresh_from_db()
    assert (small.ended_at, small.end_recorded_at, small.ended_because) == (ago(9), LATER, "total")
    merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))
    small.refresh_from_db()
    assert (small.ended_at, small.end_recorded_at, small.ended_because) == (None, None, "")


# --- Erasing, and what comes late ---------------------------------------------------------------
def test_erasing_the_survivor_erases_what_went_into_it(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    third = CustomerFactory(name="Third")
    merge(other, third, lead)
    made = merge(survivor, other, lead)
    for erase in list(movers.erasers().values()):
        erase("customer", survivor.pk)
    sealed.destroy(f"customer:{survivor.pk}")
    gone = Customer.objects.filter(pk__in=[survivor.pk, other.pk, third.pk])
    assert set(gone.values_list("name", "notes")) == {(f"#{one.pk}", "") for one in (survivor, other, third)}
    assert set(Merge.objects.values_list("reason", flat=True)) == {""}
    with pytest.raises(merges.ErasedSince):
        merges.undo_merge(made, by=lead, at=LATER)


def test_gather_moves_what_came_to_a_stub_afterwards(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    merge(survivor, other, lead)
    assert merges.gather(at=LATER) == 0
    CustomerMeasures.objects.create(customer=other, as_of=LATER)
    late = make_warning(other, run=make_run(at=LATER))
    assert merges.gather(at=LATER) == 1
    late.refresh_from_db()
    assert late.customer == survivor
    assert not CustomerMeasures.objects.filter(customer=other).exists()
    assert merges.gather(at=LATER) == 0


def test_gather_leaves_draws_and_waiting_matches_that_the_survivor_has_too(
    pair: tuple[Customer, Customer], lead: User
) -> None:
    survivor, other = pair
    rule = make_rule()
    for n, customer in enumerate(pair):
        drawn = {"customer": customer, "bucket": n, "share": 5, "is_held_out": False, "drawn_at": ago(1)}
        Holdout.objects.create(**drawn)
        Holdout.objects.create(**drawn, rule=rule)
        PendingMatch.objects.create(customer=customer, rule=rule, since_day=day(ago(n)))
    merge(survivor, other, lead)
    assert Holdout.objects.filter(customer=survivor, bucket=0).count() == 2
    assert merges.gather(at=LATER) == 0
    late = Holdout.objects.create(**{**drawn, "customer": other}, rule=make_rule())
    assert merges.gather(at=LATER) == 1
    late.refresh_from_db()
    assert late.customer == survivor
    assert merges.gather(at=LATER) == 0


def test_how_the_two_stood_stays_with_them(pair: tuple[Customer, Customer], lead: User) -> None:
    survivor, other = pair
    stood = {}
    for customer, tier in ((survivor, "A"), (other, "D")):
        moments = {"occurred_at": ago(1), "occurred_day": day(ago(1)), "recorded_at": ago(1)}
        stood[customer] = Standing.objects.create(customer=customer, value_tier=tier, **moments)
    made = merge(survivor, other, lead)
    assert merges.gather(at=LATER) == 0
    for _turn in range(2):
        assert {s.customer: s for s in Standing.objects.filter(void=False)} == stood
        if made.undone_at is None:
            merges.undo_merge(made, by=lead, at=LATER + timedelta(hours=1))


# --- Models that come later --------------------------------------------------------------------
def test_every_column_that_points_to_a_customer_is_moved_or_stays_for_a_reason() -> None:
    known = {(model, column) for model in movers.movers() for column in movers.pointers(model, "customer")}
    stay = {
        (Customer, "merged_into_id"),
        (Merge, "survivor_id"),
        (Merge, "merged_id"),
        (DuplicateKey, "customer_id"),  # made anew
        (Standing, "customer_id"),  # how each of the two stood
        (StandingVersion, "customer_id"),
        (DuplicateProposal, "low_id"),  # settled
        (DuplicateProposal, "high_id"),
    }
    assert {(m._meta.label, c) for m, c in set(pointers()) - known - stay} == set()

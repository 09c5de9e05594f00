"""Segments: made, changed, never in a circle; who belongs to them now and on any day before."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection

from customers import lists, writing
from customers.ground.models import AuditEvent
from customers.models import Attribute, AttributeValue, Customer, CustomerListMember
from retention import segments
from retention.measures import compute
from retention.models import CustomerMeasures, Segment, SegmentCount, SegmentUse, SegmentVersion
from retention.rules import ConditionRefused
from retention.segments.counting import course_of
from tests.factories import NOW, CustomerFactory, OrderFactory, ago, day
from tests.retention.racing import race

ORDERED = {"measure": "orders_90d", "op": ">=", "value": 2}
INDUSTRY = {"attribute": "industry", "op": "=", "value": "steel"}


def make(code: str, condition: Any = None, *, by: Any = None, at: Any = NOW) -> Segment:
    """Save a segment by a condition."""
    return segments.save(
        code, name_en=code.title(), name_zh=f"{code}群", condition=condition or ORDERED, by=by, at=at
    )


def of(*codes: str) -> Any:
    """Return the condition of belonging to any of these segments."""
    return {"any": [{"segment": code} for code in codes]}


def ids_of(segment: Segment, *, on: date | None = None, at: Any = NOW) -> set[int]:
    """Return the ids of the members."""
    with segments.members(segment, at=at, on=on) as found:
        return set(found.values_list("pk", flat=True))


@pytest.fixture
def industry(company: Any) -> Attribute:
    """An attribute of two choices."""
    return Attribute.objects.create(
        code="industry", kind="choice", label_en="Industry", label_zh="行业", choices=["food", "steel"]
    )


def give(customer: Customer, attribute: Attribute, choice: str, *, days: float) -> AttributeValue:
    """Note the choice of an attribute ``days`` ago."""
    when = writing.moments(at=ago(days))
    return writing.write(
        AttributeValue, customer_id=customer.pk, when=when, attribute=attribute, choice=choice
    )


# --- Making and changing ----------------------------------------------------------------------
def test_save_keeps_version_use_count_and_trace(company: Any, admin: Any) -> None:
    make("buyers", by=admin)
    segment = make("few", {"all": [{"not": {"segment": "buyers"}}, ORDERED]}, by=admin)
    assert segment.condition == {"all": [{"not": {"segment": "buyers"}}, ORDERED]}
    version = SegmentVersion.objects.get(segment=segment)
    assert (version.version, version.condition, version.by) == (1, segment.condition, admin)
    assert [(use.segment.code, use.used.code) for use in SegmentUse.objects.all()] == [("few", "buyers")]
    assert SegmentCount.objects.get(segment=segment).day == day(NOW)
    event = AuditEvent.objects.get(act="segment.save", object_id=segment.pk)
    assert (event.actor_id, event.codes) == (admin.pk, {"segment": "few", "version": 1})


def test_save_refuses_a_code_that_is_taken_and_a_tree_that_is_wrong(company: Any) -> None:
    make("buyers")
    with pytest.raises(segments.CodeTaken):
        make("buyers")
    with pytest.raises(segments.CodeTaken):
        segments.make_list("buyers", name_en="B", name_zh="B", by=None, at=NOW)
    with pytest.raises(ConditionRefused, match="no measure"):
        make("odd", {"measure": "shoes", "op": "<", "value": 1})
    assert list(Segment.objects.values_list("code", flat=True)) == ["buyers"]


def test_revise_makes_a_version_and_nothing_when_the_same(company: Any, admin: Any) -> None:
    make("a")
    segment = make("b", of("a"))
    assert segments.revise(segment, condition=of("a"), by=admin, at=NOW).version == 1
    segments.revise(segment, condition=ORDERED, by=admin, at=NOW)
    assert segment.version == 2
    assert list(segment.versions.order_by("version").values_list("version", flat=True)) == [1, 2]
    assert not SegmentUse.objects.exists()
    assert AuditEvent.objects.filter(act="segment.revise").count() == 1


def test_revise_refuses_a_list(company: Any) -> None:
    listed = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=NOW)
    with pytest.raises(segments.NotACondition):
        segments.revise(listed, condition=ORDERED, by=None, at=NOW)


def test_rename_changes_the_names_once(company: Any, admin: Any) -> None:
    segment = make("a")
    for _ in range(2):
        segments.rename(segment, name_en="Best", name_zh="最佳", by=admin, at=NOW)
    segment.refresh_from_db()
    assert (segment.name_en, segment.name_zh) == ("Best", "最佳")
    assert AuditEvent.objects.filter(act="segment.rename").count() == 1


# --- No circles -------------------------------------------------------------------------------
def test_revise_refuses_a_segment_that_contains_itself(company: Any) -> None:
    segment = make("a")
    with pytest.raises(ConditionRefused, match="A › A"):
        segments.revise(segment, condition={"not": {"segment": "a"}}, by=None, at=NOW)
    segment.refresh_from_db()
    assert (segment.version, segment.condition) == (1, ORDERED)


def test_revise_refuses_a_circle_by_way_of_two_others_and_names_the_way(company: Any) -> None:
    first = make("a")
    make("b", of("a"))
    make("c", of("b"))
    with pytest.raises(ConditionRefused) as refused:
        segments.revise(first, condition={"all": [ORDERED, of("c")]}, by=None, at=NOW)
    assert str(refused.value).startswith(
        "all › 2 › any › 1 › segment: “A” would contain itself: A › C › B › A"
    )
    assert refused.value.code == "segment_contains_itself"
    segments.revise(Segment.objects.get(code="c"), condition=of("a"), by=None, at=NOW)  # near miss
    assert set(SegmentUse.objects.values_list("segment__code", "used__code")) == {("b", "a"), ("c", "a")}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_who_close_a_circle_at_once_do_not_both_succeed(company: Any) -> None:
    make("a")
    make("b")

    def turn(one: str, other: str) -> Any:
        return segments.revise(Segment.objects.get(code=one), condition=of(other), by=None, at=NOW)

    for _ in range(3):
        results = race(lambda: turn("a", "b"), lambda: turn("b", "a"))
        refused = [one for one in results if isinstance(one, ConditionRefused)]
        assert [one.code for one in refused] == ["segment_contains_itself"]
        assert SegmentUse.objects.count() == 1
        SegmentUse.objects.all().delete()
        Segment.objects.update(condition=ORDERED)


# --- Retiring and removing --------------------------------------------------------------------
def test_retire_and_remove_are_refused_while_others_use_it_and_say_who(company: Any, admin: Any) -> None:
    segment = make("a")
    user = make("b", of("a"))
    make("c", of("a"))
    for act in (segments.retire, segments.remove):
        with pytest.raises(segments.SegmentInUse, match="“A” is used by: B, C"):
            act(segment, by=admin, at=NOW)
    segments.remove(Segment.objects.get(code="c"), by=admin, at=NOW)
    segments.revise(user, condition=ORDERED, by=admin, at=NOW)
    assert segments.retire(segment, by=admin, at=NOW) is True
    assert segments.retire(segment, by=admin, at=NOW) is False
    with pytest.raises(ConditionRefused, match="is retired"):
        segments.revise(user, condition=of("a"), by=admin, at=NOW)
    assert segments.bring_back(segment, by=admin, at=NOW) is True
    assert segments.bring_back(segment, by=admin, at=NOW) is False
    segments.remove(segment, by=admin, at=NOW)
    assert list(Segment.objects.values_list("code", flat=True)) == ["b"]
    assert set(AuditEvent.objects.filter(act__startswith="segment.re").values_list("act", flat=True)) == {
        "segment.remove",
        "segment.retire",
        "segment.revise",
    }


def test_remove_keeps_a_list_that_had_members(customer: Any) -> None:
    empty = segments.make_list("empty", name_en="E", name_zh="E", by=None, at=NOW)
    full = segments.make_list("full", name_en="F", name_zh="F", by=None, at=NOW)
    segments.put(full, [customer], is_member=True, by=None, at=NOW)
    with pytest.raises(segments.ListHasMembers, match="Retire it instead"):
        segments.remove(full, by=None, at=NOW)
    segments.remove(empty, by=None, at=NOW)
    assert list(Segment.objects.values_list("code", flat=True)) == ["full"]


# --- Members ----------------------------------------------------------------------------------
def test_members_of_a_condition_are_those_who_meet_it_now_and_did_on_a_day(company: Any) -> None:
    regular, once, late, early = (CustomerFactory() for _ in range(4))
    for customer, days in [(regular, 40), (regular, 5), (once, 5), (early, 110), (early, 95), (early, 60)]:
        OrderFactory(customer=customer, occurred_at=ago(days))
    for days in (20, 19):  # bought then, but told only two days ago
        OrderFactory(customer=late, occurred_at=ago(days), recorded_at=ago(2))
    compute.refresh(as_of=NOW)
    segment = make("buyers")
    assert ids_of(segment) == {regular.pk, late.pk}
    assert ids_of(segment, on=date(2026, 5, 11)) == {regular.pk, late.pk}
    assert ids_of(segment, on=ago(4).date()) == {regular.pk}  # the late ones were not known
    assert ids_of(segment, on=ago(50).date()) == {early.pk}  # three orders in the ninety days before
    assert ids_of(segment, on=ago(5).date()) == {regular.pk}  # the day's own order counts
    assert ids_of(segment, on=ago(6).date()) == {early.pk}  # 95 days ago is in the window still


def test_members_by_attribute_are_those_whose_value_was_known_on_the_day(industry: Attribute) -> None:
    changed, corrected, other, unknown = (CustomerFactory() for _ in range(4))
    give(changed, industry, "food", days=50)
    give(changed, industry, "steel", days=10)
    fact = give(corrected, industry, "steel", days=40)
    writing.revise(fact, at=ago(20), choice="food")
    give(other, industry, "food", days=30)
    steel, not_steel = make("steel", INDUSTRY), make("rest", {"not": INDUSTRY})
    assert ids_of(steel) == {changed.pk}
    assert ids_of(not_steel) == {corrected.pk, other.pk}  # unknown is neither
    assert unknown.pk not in ids_of(steel) | ids_of(not_steel)
    assert ids_of(steel, on=ago(30).date()) == {corrected.pk}
    assert ids_of(steel, on=ago(11).date()) == set()


def test_members_of_a_list_are_dated(company: Any) -> None:
    stays, leaves, never = (CustomerFactory() for _ in range(3))
    segment = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=ago(60))
    assert segments.put(segment, [stays, leaves], is_member=True, by=None, at=ago(40)) == 2
    assert segments.put(segment, [stays], is_member=True, by=None, at=ago(30)) == 0
    assert segments.put(segment, [leaves, never], is_member=False, by=None, at=ago(10)) == 1
    assert CustomerListMember.objects.count() == 3
    assert ids_of(segment) == {stays.pk}
    assert ids_of(segment, on=ago(40).date()) == {stays.pk, leaves.pk}
    assert ids_of(segment, on=ago(11).date()) == {stays.pk, leaves.pk}
    assert ids_of(segment, on=ago(10).date()) == {stays.pk}
    with pytest.raises(segments.NotAList):
        segments.put(make("by-condition"), [stays], is_member=True, by=None, at=NOW)


def test_members_of_a_segment_of_segments_follow_both(company: Any) -> None:
    both, listed, buyer = (CustomerFactory() for _ in range(3))
    for customer in (both, buyer):
        for days in (5, 6):
            OrderFactory(customer=customer, occurred_at=ago(days))
    vip = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=ago(60))
    segments.put(vip, [both, listed], is_member=True, by=None, at=ago(3))
    compute.refresh(as_of=NOW)
    make("buyers")
    mixed = make("mixed", {"all": [{"segment": "buyers"}, {"not": {"segment": "vip"}}]})
    assert ids_of(mixed) == {buyer.pk}
    assert ids_of(mixed, on=ago(4).date()) == {buyer.pk, both.pk}
    assert ids_of(make("any", of("vip", "buyers"))) == {both.pk, listed.pk, buyer.pk}


def test_members_are_refused_for_a_day_to_come_and_before_all_facts(company: Any) -> None:
    segment = make("buyers")
    with pytest.raises(segments.ToCome):
        ids_of(segment, on=date(2026, 5, 12))
    with pytest.raises(segments.NothingKnown):
        ids_of(segment, on=date(2026, 5, 10))
    OrderFactory(occurred_at=ago(30), recorded_at=ago(20))
    with pytest.raises(segments.NothingKnown, match="21 Apr 2026"):
        ids_of(segment, on=date(2026, 4, 20))
    assert ids_of(segment, on=date(2026, 4, 21)) == set()


def test_members_leave_out_customers_that_are_gone(company: Any) -> None:
    here, gone = CustomerFactory(), CustomerFactory()
    segment = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=ago(60))
    segments.put(segment, [here, gone], is_member=True, by=None, at=ago(40))
    Customer.objects.filter(pk=gone.pk).update(gone_at=NOW)
    assert ids_of(segment) == ids_of(segment, on=ago(20).date()) == {here.pk}


@pytest.mark.parametrize(
    "condition",
    [
        ORDERED,
        {"measure": "orders_90d", "op": "<", "value": 2, "unknown": "yes"},
        {"any": [ORDERED, {"not": ORDERED}]},
        INDUSTRY,
        {"not": INDUSTRY},
        {"segment": "vip"},
        {"all": [{"not": {"segment": "vip"}}, {"any": [ORDERED, INDUSTRY]}]},
    ],
)
def test_counting_matches_counts_whom_matching_returns(industry: Attribute, condition: Any) -> None:
    people = [CustomerFactory() for _ in range(7)]
    for number, customer in enumerate(people[:6]):  # the last is measured by nobody
        orders = None if number == 3 else number
        CustomerMeasures.objects.update_or_create(
            customer=customer, defaults={"as_of": NOW, "orders_90d": orders}
        )
        give(customer, industry, "steel" if number % 2 else "food", days=9)
    segment = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=ago(60))
    segments.put(segment, people[2:5], is_member=True, by=None, at=ago(40))
    Customer.objects.filter(pk=people[4].pk).update(gone_at=NOW)
    asked = segments.parsed(condition)
    found = set(segments.matching(asked, at=NOW).values_list("pk", flat=True))
    assert people[4].pk not in found
    assert segments.count_matching(asked, at=NOW) == len(found) > 0
    some = Customer.objects.filter(pk__in=[customer.pk for customer in people[:3]])
    among = segments.matching(asked, among=some, at=NOW)
    assert set(among.values_list("pk", flat=True)) == found & {customer.pk for customer in people[:3]}


# --- Lists ------------------------------------------------------------------------------------
def test_put_refuses_a_moment_to_come_and_takes_a_past_one(customer: Any) -> None:
    segment = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=ago(60))
    assert segment.list is not None
    with pytest.raises(writing.InTheFuture):
        lists.put(segment.list, [customer.pk], occurred_at=ago(-1), by=None, at=NOW)
    lists.put(segment.list, [customer.pk], occurred_at=ago(9), by=None, at=NOW)
    assert ids_of(segment) == {customer.pk}
    assert ids_of(segment, on=ago(5).date()) == set()  # nobody knew it then
    row = CustomerListMember.objects.get()
    assert (row.occurred_day, row.recorded_at) == (day(ago(9)), NOW)


# --- Counting ---------------------------------------------------------------------------------
def test_note_counts_writes_one_row_a_day_for_those_in_use(customer: Any) -> None:
    vip = segments.make_list("vip", name_en="V", name_zh="V", by=None, at=ago(2))
    gone = segments.make_list("gone", name_en="G", name_zh="G", by=None, at=ago(2))
    broken = make("broken", at=ago(2))
    Segment.objects.filter(pk=broken.pk).update(condition={"measure": "gone", "op": "<", "value": 1})
    segments.retire(gone, by=None, at=ago(2))
    assert segments.note_counts(at=ago(2)) == 0  # each was counted when it was made
    segments.put(vip, [customer], is_member=True, by=None, at=ago(1))
    assert segments.note_counts(at=ago(1)) == 0
    assert segments.note_counts(at=NOW) == 1
    assert segments.note_counts(at=NOW) == 0
    assert course_of([vip, gone], at=NOW)[vip.pk][-4:] == [None, 0, 1, 1]
    assert course_of([vip, gone], at=NOW)[gone.pk][-3:] == [0, None, None]

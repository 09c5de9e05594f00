"""Conditions over attributes, segments, own measures: what a reference made from the record says.

The reference keeps no versions: it replays what was recorded, in order, and takes what was known at
the moment that is asked about.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.utils import translation
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from customers import writing
from customers.ground import localtime
from customers.ground.localtime import day_of
from customers.models import (
    Attribute,
    AttributeValue,
    CustomerList,
    CustomerListMember,
    Indicator,
    IndicatorValue,
)
from retention.measures import dialect, stored
from retention.measures.own import WAYS, counted, values_of
from retention.models import OwnMeasure, Way
from retention.rules import ConditionRefused, Params, parse, rule_sentence, terms
from retention.rules.conditions import (
    MOST_UNFOLDED,
    OPERATORS,
    AttributeKind,
    AttributeTerm,
    SegmentTerm,
    Terms,
)
from retention.rules.conditions.dated import SCALE
from tests.factories import NOW, CustomerFactory, IndicatorFactory, ago
from tests.retention.test_compile import DECLARED, in_order, numbers_in

TABLE = "some_measures_too"
TODAY = localtime.day_number(NOW, "Asia/Shanghai")
MOMENTS = [ago(days) for days in (0, 3, 9.5, 20, 41)]
CHOICES = ["food", "steel", "it's"]
TEXTS = ["north", "South", "%(x)s"]


@dataclass
class Recorded:
    """One version of one fact as it was written."""

    fact: int
    customer: int
    about: str
    recorded_at: datetime
    occurred_at: datetime
    value: Any
    void: bool = False


@dataclass
class World:
    """Customers, their terms, their rows of measures, and everything that was recorded."""

    customers: list[int]
    terms: Terms
    measured: dict[int, dict[str, Any]]
    record: list[Recorded]

    def row(self, customer: int, as_of: datetime) -> dict[str, Any]:
        """Return what the evaluator reads of a customer, as known before ``as_of``."""
        row = dict(self.measured[customer])
        for term in self.terms.attributes.values():
            row[term.key] = self._newest(customer, term.code, as_of)
        for segment in self.terms.segments.values():
            if segment.list_id is not None:
                row[segment.key] = int(bool(self._newest(customer, segment.code, as_of)))
        for key, (about, made_of) in OWN.items():
            row[key] = made_of(self._known(customer, about, as_of))
        return row

    def _known(self, customer: int, about: str, as_of: datetime) -> list[tuple[int, Any]]:
        """Return local day and value of what was known, the newest last."""
        standing: dict[int, Recorded] = {}
        for one in self.record:
            if one.customer == customer and one.about == about and one.recorded_at < as_of:
                standing[one.fact] = one
        known = [one for one in standing.values() if not one.void and one.occurred_at < as_of]
        known.sort(key=lambda one: (one.occurred_at, one.fact))
        return [(localtime.day_number(one.occurred_at, "Asia/Shanghai"), one.value) for one in known]

    def _newest(self, customer: int, about: str, as_of: datetime) -> Any:
        standing: dict[int, Recorded] = {}
        for one in self.record:  # in the order of recording
            if one.customer == customer and one.about == about and one.recorded_at < as_of:
                standing[one.fact] = one
        known = [one for one in standing.values() if not one.void and one.occurred_at < as_of]
        if not known:
            return None
        newest = max(known, key=lambda one: (one.occurred_at, one.fact))
        if about == "area":  # a text: only the version that stands today can be read
            last = [one for one in self.record if one.fact == newest.fact and one.about == about][-1]
            return newest.value if last is newest else None
        return newest.value


Known = list[tuple[int, Any]]


def newest(known: Known) -> Any:
    """Return the newest value."""
    return known[-1][1] if known else None


def minus(left: int | None, right: int | None) -> int | None:
    """Return a difference; unknown when either side is."""
    return None if left is None or right is None else left - right


def ten(milli: int | None) -> int | None:
    """Return thousandths in ten-thousandths."""
    return None if milli is None else 10 * milli


def of_days(known: Known, days: int) -> list[int]:
    """Return the values of the last days, today included."""
    return [value for day, value in known if TODAY - day < days]


def change(known: Known, days: int) -> int | None:
    """Return what was added since the value that stood so many days ago."""
    return ten(minus(newest(known), newest([one for one in known if one[0] <= TODAY - days])))


def average(known: Known, days: int) -> int | None:
    """Return the average in whole thousandths, cut off towards zero."""
    values = of_days(known, days)
    return ten(int(Fraction(sum(values), len(values)))) if values else None


OWN: dict[str, tuple[str, Any]] = {
    "own.staff-number": ("staff", newest),
    "own.audit-day": ("audit", newest),
    "own.audit-since": ("audit", lambda known: minus(TODAY, newest(known))),
    "own.audit-until": ("audit", lambda known: minus(newest(known), TODAY)),
    "own.line": ("industry", newest),
    "own.steel": ("industry", lambda known: int(newest(known) == "steel") if known else None),
    "own.health-newest": ("health", lambda known: ten(newest(known))),
    "own.health-change": ("health", lambda known: change(known, 20)),
    "own.health-worst": ("health", lambda known: ten(min(of_days(known, 30), default=None))),
    "own.load-worst": ("load", lambda known: ten(max(of_days(known, 30), default=None))),
    "own.load-average": ("load", lambda known: average(known, 41)),
    "own.load-age": ("load", lambda known: minus(TODAY, max((day for day, _v in known), default=None))),
}
"""What each own measure is made of, and how, told once more without a database."""


MADE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("staff-number", "number", "staff", {}),
    ("audit-day", "day", "audit", {}),
    ("audit-since", "days_since", "audit", {}),
    ("audit-until", "days_until", "audit", {}),
    ("line", "choice", "industry", {}),
    ("steel", "is_choice", "industry", {"choice": "steel"}),
    ("health-newest", "newest", "health", {}),
    ("health-change", "change", "health", {"days": 20}),
    ("health-worst", "worst", "health", {"days": 30}),
    ("load-worst", "worst", "load", {"days": 30}),
    ("load-average", "average", "load", {"days": 41}),
    ("load-age", "days_since_value", "load", {}),
]
OWN_WAYS = {f"own.{code}": Way(way) for code, way, _of, _more in MADE}


def make_own(attributes: dict[str, Attribute], indicators: dict[str, Indicator]) -> None:
    """Make an own measure of every way there is."""
    for code, way, of, more in MADE:
        source = {"attribute": attributes[of]} if of in attributes else {"indicator": indicators[of]}
        names = {"label_en": f"Own {code}", "label_zh": f"自定义 {code}"}
        OwnMeasure.objects.create(code=code, way=way, made_at=ago(90), **names, **source, **more)


def store(about: str, value: Any) -> dict[str, Any]:
    """Return the columns that hold a value."""
    return {
        "staff": lambda: {"number": Decimal(value) / SCALE},
        "industry": lambda: {"choice": value},
        "audit": lambda: {"day": value},
        "area": lambda: {"text": value},
        "vip": lambda: {"is_member": bool(value)},
        "fair": lambda: {"is_member": bool(value)},
        "health": lambda: {"milli": value},
        "load": lambda: {"milli": value},
    }[about]()


def some_value(about: str, chance: random.Random) -> Any:
    """Return a value close to the thresholds."""
    return {
        "staff": lambda: chance.choice([0, 5_000, 10_000, 10_001, 25_000, -10_000]),
        "industry": lambda: chance.choice(CHOICES),
        "audit": lambda: TODAY - chance.randint(0, 4),
        "area": lambda: chance.choice(TEXTS),
        "vip": lambda: chance.randint(0, 1),
        "fair": lambda: chance.randint(0, 1),
        "health": lambda: chance.choice([-2000, -1, 0, 1, 999, 1000, 2500]),
        "load": lambda: chance.choice([-2000, -1, 0, 1, 999, 1000, 2500]),
    }[about]()


@pytest.fixture
def world(company: Any) -> Any:
    """Some customers whose facts were entered, corrected and removed over sixty days."""
    chance = random.Random(20260511)
    customers = [CustomerFactory().pk for _ in range(10)]
    attributes = {
        code: Attribute.objects.create(
            code=code, kind=kind, label_en=code.title(), label_zh=f"某{code}", choices=choices
        )
        for code, kind, choices in [
            ("staff", "number", []),
            ("industry", "choice", CHOICES),
            ("audit", "date", []),
            ("area", "text", []),
        ]
    }
    lists = {code: CustomerList.objects.create(code=code, made_at=ago(90)) for code in ("vip", "fair")}
    indicators = {
        code: IndicatorFactory(code=code, worse=worse)
        for code, worse in (("health", "lower"), ("load", "higher"))
    }
    make_own(attributes, indicators)
    record: list[Recorded] = []
    for customer in customers:
        for about in (*attributes, *lists, *indicators):
            for _ in range(chance.randint(0, 3)):
                _live_through(customer, about, {**attributes, **indicators}, lists, chance, record)
    record.sort(key=lambda one: one.recorded_at)
    measured = {pk: {m.code: chance.choice([None, 0, 1, 2, 3]) for m in stored()} for pk in customers}
    _fill_table(measured)
    yield World(customers, _terms(lists), measured, record)
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{TABLE}"')


def _live_through(
    customer: int,
    about: str,
    attributes: dict[str, Any],
    lists: dict[str, CustomerList],
    chance: random.Random,
    record: list[Recorded],
) -> None:
    """Enter one fact, perhaps late, and correct or remove it later, or both."""
    occurred = ago(chance.randint(1, 60))
    recorded = min(occurred + timedelta(days=chance.choice([0, 0, 5])), ago(0.5))
    value = some_value(about, chance)
    model: Any = AttributeValue if about in attributes else CustomerListMember
    what = {"attribute": attributes[about]} if about in attributes else {"list": lists[about]}
    if about in ("health", "load"):
        model, what = IndicatorValue, {"indicator": attributes[about], "worse": attributes[about].worse}
    fact = writing.write(
        model,
        customer_id=customer,
        when=writing.Moments(occurred, recorded),
        **what,
        **store(about, value),
    )
    record.append(Recorded(fact.pk, customer, about, recorded, occurred, value))
    for _ in range(chance.choice([0, 0, 1, 2])):
        later = recorded + timedelta(days=chance.randint(1, 15))
        if later >= ago(0.1):
            return
        recorded = later
        if chance.random() < 0.25:
            writing.void(fact, at=recorded)
            record.append(Recorded(fact.pk, customer, about, recorded, occurred, value, void=True))
            return
        new = some_value(about, chance)
        if new != value:
            value = new
            writing.revise(fact, at=recorded, **store(about, value))
            record.append(Recorded(fact.pk, customer, about, recorded, occurred, value))


def _terms(lists: dict[str, CustomerList]) -> Terms:
    known = terms.known()
    by_list = {code: SegmentTerm(code, code, code, list_id=one.pk) for code, one in lists.items()}
    big = {"attribute": "staff", "op": ">", "value": 1}
    by_condition = {
        "big": SegmentTerm("big", "Big", "大", condition=big),
        "best": SegmentTerm(
            "best", "Best", "佳", condition={"any": [{"segment": "vip"}, {"not": {"segment": "big"}}]}
        ),
    }
    return Terms(known.attributes, {**by_list, **by_condition}, known.own)


def _fill_table(measured: dict[int, dict[str, Any]]) -> None:
    columns = [measure.code for measure in stored()]
    with connection.cursor() as cursor:
        cursor.execute(dialect.create_temporary(TABLE, stored()))
        marks = ", ".join(["%s"] * (len(columns) + 2))
        cursor.executemany(
            f'INSERT INTO "{TABLE}" (customer_id, as_of, {", ".join(columns)}) VALUES ({marks})',
            [[pk, str(NOW), *(row[column] for column in columns)] for pk, row in measured.items()],
        )


# --- One answer -------------------------------------------------------------------------------
def a_value(code: str) -> st.SearchStrategy[Any]:
    """Return thresholds for an attribute."""
    return {
        "staff": st.sampled_from([0, "0.5", 1, "1.0001", "2.5", -1]),
        "industry": st.sampled_from(CHOICES),
        "audit": st.integers(TODAY - 4, TODAY).map(lambda number: day_of(number).isoformat()),
        "area": st.sampled_from(TEXTS),
    }[code]


def own_value(key: str) -> st.SearchStrategy[Any]:
    """Return thresholds for an own measure."""
    if key == "own.audit-day":
        return a_value("audit")
    if key == "own.line":
        return st.sampled_from(CHOICES)
    if key == "own.steel":
        return st.sampled_from([0, 1])
    if key in ("own.audit-since", "own.audit-until", "own.load-age"):
        return st.integers(-4, 45)
    return st.sampled_from(["-2.001", -2, "-0.001", 0, "0.0001", "0.001", "0.333", "0.999", 1, "2.5"])


@st.composite
def own_leaves(draw: st.DrawFn) -> dict[str, Any]:
    """Return a leaf about an own measure, and any comparison that its unit allows."""
    key = draw(st.sampled_from(list(OWN)))
    op = draw(st.sampled_from(sorted(OPERATORS[WAYS[OWN_WAYS[key]].unit])))
    leaf: dict[str, Any] = {"measure": key, "op": op}
    if op in ("is_known", "is_unknown"):
        return leaf
    if draw(st.booleans()):
        leaf["unknown"] = draw(st.sampled_from(["yes", "no"]))
    if op == "one_of":
        return {**leaf, "value": draw(st.lists(own_value(key), min_size=1, max_size=3))}
    if op == "between":
        return {**leaf, "value": sorted(draw(st.tuples(own_value(key), own_value(key))), key=in_order)}
    return {**leaf, "value": draw(own_value(key))}


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    """Return a leaf about an attribute, a segment or a measure."""
    kind = draw(st.sampled_from(["attribute", "own", "own", "segment", "measure"]))
    if kind == "own":
        return draw(own_leaves())
    if kind == "segment":
        return {"segment": draw(st.sampled_from(["vip", "fair", "big", "best"]))}
    if kind == "measure":
        return {"measure": "orders_90d", "op": draw(st.sampled_from(["<", ">="])), "value": 2}
    code = draw(st.sampled_from(["staff", "industry", "audit", "area"]))
    ops = ["=", "!=", "is_known", "is_unknown"]
    ops += [] if code == "audit" else ["one_of"]
    ops += ["<", "<=", ">", ">=", "between"] if code in ("staff", "audit") else []
    op = draw(st.sampled_from(ops))
    leaf = {"attribute": code, "op": op}
    if op in ("is_known", "is_unknown"):
        return leaf
    if op == "one_of":
        return {**leaf, "value": draw(st.lists(a_value(code), min_size=1, max_size=3))}
    if op == "between":
        return {**leaf, "value": sorted(draw(st.tuples(a_value(code), a_value(code))), key=in_order)}
    return {**leaf, "value": draw(a_value(code))}


TREE = st.recursive(
    leaves(),
    lambda part: st.one_of(
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        part.map(lambda one: {"not": one}),
    ),
    max_leaves=5,
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(trees=st.lists(TREE, min_size=8, max_size=8))
@example(trees=[{"not": {"attribute": "staff", "op": ">", "value": 1}}])
@example(trees=[{"attribute": "area", "op": "=", "value": "%(x)s"}, {"segment": "best"}])
def test_database_and_evaluator_agree_now_and_as_of_the_past(world: World, trees: list[Any]) -> None:
    conditions = [parse(tree, terms=world.terms) for tree in trees]
    for as_of in MOMENTS:
        expected = {
            customer: [one.evaluate(world.row(customer, as_of), TODAY) for one in conditions]
            for customer in world.customers
        }
        assert asked(conditions, as_of, "past") == expected
        if as_of == NOW:
            assert asked(conditions, as_of, "live") == expected
    for condition in conditions:
        text = condition.sql(Params(TODAY, as_of=NOW))
        assert numbers_in(text) <= DECLARED
        assert "'" not in text and '"' not in text
        assert parse(condition.as_json(), terms=world.terms) == condition


def asked(conditions: Sequence[Any], as_of: datetime, mode: Any) -> dict[int, list[bool | None]]:
    """Ask the database of every customer."""
    params = Params(TODAY, as_of=as_of, mode=mode)
    said = ", ".join(
        f"CASE WHEN {text} THEN 1 WHEN NOT {text} THEN 0 END"
        for text in (condition.sql(params) for condition in conditions)
    )
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT m.customer_id, {said} FROM "{TABLE}" m', params.values)
        return {row[0]: [None if one is None else bool(one) for one in row[1:]] for row in cursor.fetchall()}


def test_the_world_has_what_could_go_wrong(world: World) -> None:
    facts = {one.fact for one in world.record if one.about == "area"}
    assert len([one for one in world.record if one.about == "area"]) > len(facts)  # corrected
    assert any(one.void for one in world.record)
    past = [world.row(pk, MOMENTS[3]) for pk in world.customers]
    now = [world.row(pk, NOW) for pk in world.customers]
    assert past != now
    assert any(row["attribute.staff"] is None for row in now)
    assert {row["segment.vip"] for row in now} == {0, 1}


def test_pages_read_the_values_that_conditions_read(world: World) -> None:
    rows = {pk: world.row(pk, NOW) for pk in world.customers}
    told = {pk: {key: row[key] for key in OWN} for pk, row in rows.items()}
    assert values_of(world.customers, world.terms.own.values(), at=NOW) == told
    assert all(any(row[key] is None for row in rows.values()) for key in OWN)
    assert all(any(row[key] is not None for row in rows.values()) for key in OWN)
    assert counted(world.terms.own.values(), table=TABLE, at=NOW) == {
        key: sum(row[key] is not None for row in rows.values()) for key in OWN
    }


def test_every_way_is_among_those_compared() -> None:
    assert set(OWN_WAYS.values()) == set(WAYS) == set(Way)
    assert set(OWN_WAYS) == set(OWN)


# --- Refusals ---------------------------------------------------------------------------------
ATTRIBUTES = [
    AttributeTerm(1, "staff", AttributeKind.NUMBER, "Staff", "某staff"),
    AttributeTerm(2, "industry", AttributeKind.CHOICE, "Industry", "行业", tuple((c, c, c) for c in CHOICES)),
    AttributeTerm(3, "audit", AttributeKind.DATE, "Audit", "审计"),
    AttributeTerm(4, "area", AttributeKind.TEXT, "Area", "区域"),
]
TERMS = Terms(
    {term.code: term for term in ATTRIBUTES},
    {
        "vip": SegmentTerm("vip", "VIP", "贵宾", list_id=1),
        "best": SegmentTerm("best", "Best", "佳", condition={"not": {"segment": "vip"}}),
    },
)
STAFF = {"attribute": "staff", "op": ">", "value": 1}

REFUSED = {
    "unknown attribute": ({**STAFF, "attribute": "shoes"}, "attribute", "shoes"),
    "attribute that is no text": ({**STAFF, "attribute": ["staff"]}, "attribute", "no attribute"),
    "measure and attribute": ({**STAFF, "measure": "orders_90d"}, "condition", "measure"),
    "factor": ({**STAFF, "factor": 2}, "condition", "factor"),
    "text by more": ({"attribute": "area", "op": ">", "value": "a"}, "comparison", "cannot"),
    "no comparison": ({"attribute": "area", "value": "a"}, "comparison", "cannot"),
    "text for a number": ({**STAFF, "value": "many"}, "value", "not a number"),
    "number too large": ({**STAFF, "value": 10**11 + 1}, "value", "too large"),
    "no choice": ({"attribute": "industry", "op": "=", "value": "art"}, "value", "not a choice"),
    "no date": ({"attribute": "audit", "op": "=", "value": "soon"}, "value", "not a date"),
    "no text": ({"attribute": "area", "op": "=", "value": ""}, "value", "1 to 500"),
    "long text": ({"attribute": "area", "op": "=", "value": "x" * 501}, "value", "1 to 500"),
    "a zero in a text": ({"attribute": "area", "op": "=", "value": "a\0"}, "value", "1 to 500"),
    "between reversed": ({**STAFF, "op": "between", "value": [2, 1]}, "value", "Exchange"),
    "one of none": ({**STAFF, "op": "one_of", "value": []}, "value", "at least one"),
    "known with value": ({**STAFF, "op": "is_known"}, "value", "without a value"),
    "unknown segment": ({"all": [{"segment": "gold"}]}, "all › 1 › segment", "gold"),
    "segment that is no text": ({"segment": {}}, "segment", "no segment"),
    "segment with a value": ({"segment": "vip", "op": "="}, "condition", "segment"),
}


@pytest.mark.parametrize(("tree", "path", "word"), REFUSED.values(), ids=REFUSED)
def test_parse_refuses_and_names_the_place_when_a_term_is_wrong(tree: Any, path: str, word: str) -> None:
    with pytest.raises(ConditionRefused) as refused:
        parse(tree, terms=TERMS)
    assert str(refused.value).startswith(f"{path}: ")
    assert word in str(refused.value)


def test_parse_takes_measures_only_when_no_terms_are_brought_along() -> None:
    for tree in (STAFF, {"segment": "vip"}):
        with pytest.raises(ConditionRefused, match="is not a part of a condition"):
            parse(tree)


def a_segment(code: str, condition: Any, **values: Any) -> SegmentTerm:
    """Return a segment by a condition."""
    return SegmentTerm(code, code.upper(), f"{code}群", condition=condition, **values)


ORDERS = {"measure": "orders_90d", "op": ">=", "value": 4}
SILENT = {"measure": "days_since_last_contact", "op": ">=", "value": 60}


def test_parse_refuses_a_segment_that_contains_itself_and_names_the_way() -> None:
    known = Terms(
        segments={
            "a": a_segment("a", ORDERS),
            "b": a_segment("b", {"not": {"segment": "a"}}),
            "c": a_segment("c", {"any": [ORDERS, {"segment": "b"}]}),
        }
    )
    assert parse({"segment": "c"}, terms=known, within="d").measures() == ["orders_90d"]
    with pytest.raises(ConditionRefused) as refused:
        parse({"all": [ORDERS, {"segment": "c"}]}, terms=known, within="a")
    assert refused.value.code == "segment_contains_itself"
    assert str(refused.value).startswith("all › 2 › segment: “A” would contain itself: A › C › B › A.")
    with pytest.raises(ConditionRefused, match="A › A"):
        parse({"segment": "a"}, terms=known, within="a")


def test_parse_refuses_segments_that_unfold_too_far() -> None:
    double = {"s0": a_segment("s0", {"any": [ORDERS] * 9})}
    for n in range(1, 7):
        double[f"s{n}"] = a_segment(f"s{n}", {"any": [{"segment": f"s{n - 1}"}] * 2})
    known = Terms(segments=double)
    assert parse({"segment": "s5"}, terms=known)
    with pytest.raises(ConditionRefused) as refused:
        parse({"any": [{"segment": "s6"}, {"segment": "s6"}]}, terms=known)
    assert refused.value.code == "segments_too_large"
    assert str(MOST_UNFOLDED) in str(refused.value)


def test_parse_refuses_a_retired_segment_and_one_that_no_longer_stands() -> None:
    known = Terms(
        segments={
            "old": a_segment("old", ORDERS, is_retired=True),
            "broken": a_segment("broken", {"measure": "gone", "op": "<", "value": 1}),
        }
    )
    with pytest.raises(ConditionRefused, match="is retired"):
        parse({"segment": "old"}, terms=known)
    with pytest.raises(ConditionRefused, match=r"“BROKEN” cannot be used as it stands.*gone"):
        parse({"segment": "broken"}, terms=known)


def test_conditions_about_facts_need_a_moment() -> None:
    for tree in (STAFF, {"segment": "vip"}):
        with pytest.raises(TypeError, match="as_of"):
            parse(tree, terms=TERMS).sql(Params(TODAY))


# --- Words ------------------------------------------------------------------------------------
SAID = [
    (STAFF, "“Staff” is more than 1.", "“某staff”大于 1。"),
    (
        {"attribute": "industry", "op": "one_of", "value": ["food", "steel"]},
        "“Industry” is one of “food”, “steel”.",
        None,
    ),
    (
        {"attribute": "audit", "op": "<", "value": "2026-05-01"},
        "“Audit” is less than 1 May 2026.",
        None,
    ),
    ({"attribute": "area", "op": "is_unknown"}, "“Area” is unknown.", None),
    (
        {"attribute": "staff", "op": "between", "value": ["0.5", 2000]},
        "“Staff” is between 0.5 and 2,000.",
        None,
    ),
    (
        {"not": {"segment": "best"}},
        "it is not so that the customer is in the segment “Best”.",
        "并非客户属于分群“佳”。",
    ),
]


@pytest.mark.parametrize(("tree", "english", "chinese"), SAID)
def test_sentence_names_attribute_and_segment_in_the_language_of_the_reader(
    tree: Any, english: str, chinese: str | None
) -> None:
    condition = parse(tree, terms=TERMS)
    assert rule_sentence(condition) == english
    with translation.override("zh-hans"):
        said = rule_sentence(condition)
    assert said != english
    assert chinese is None or said == chinese


def test_columns_of_a_segment_are_those_of_its_condition() -> None:
    known = Terms(
        segments={"a": a_segment("a", {"any": [SILENT, {"segment": "b"}]}), "b": a_segment("b", ORDERS)}
    )
    assert parse({"segment": "a"}, terms=known).columns() == {"orders_90d", "last_contact_day"}

"""Own measures: made without code, refused when they make no sense, read by rules, pages and programs."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from customers import attributes, in_use, indicators
from customers.ground import clock
from customers.ground.gathering import gathered
from customers.ground.models import AuditEvent
from customers.models import Attribute, AttributeValue, Customer, Indicator, User
from retention import rules, segments, sweep
from retention.measures import compute, coverage, making, own
from retention.models import EarlyWarning, MeasureCoverage, OwnMeasure, Segment, WarningRule, Way
from retention.rules import ConditionRefused, evidence_sentence, parse, terms, uses, why
from retention.rules.exchange import unknown_measures
from retention.segments import counting
from tests.factories import NOW, CustomerFactory, IndicatorFactory, IndicatorValueFactory, UserFactory, ago
from tests.retention.filling import Form

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PATH = "/settings/measures/own/"
LOW = {"measure": "own.health", "op": "<", "value": 40}


@pytest.fixture(autouse=True)
def _today(db: None) -> None:
    clock.fix(NOW)


@pytest.fixture
def score(company: object) -> Indicator:
    return IndicatorFactory()


@pytest.fixture
def grade(company: object) -> Attribute:
    return attributes.define_attribute(
        code="grade",
        kind="choice",
        label_en="Grade",
        label_zh="等级",
        choices=[("a", 'A "one"', "甲"), ("b", "B", "乙")],
        by=None,
        at=NOW,
    )


def made(code: str, **values: Any) -> OwnMeasure:
    """Make an own measure by the verb."""
    names = {"label_en": code.title(), "label_zh": f"某{code}", "by": None, "at": NOW}
    return making.make(**{"code": code, **names, **values})


def health(score: Indicator) -> OwnMeasure:
    return made("health", way="newest", indicator=score)


def rule_of(condition: Any, code: str = "mine") -> WarningRule:
    """Write a rule and switch it on, with open cases for whoever matches."""
    rule = WarningRule(code=code, name_en="Mine", name_zh="我的", condition=condition)
    rules.save(rule, by=None, at=NOW)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    return rule


def scored(customer: Customer, *values: tuple[int, float], **more: Any) -> None:
    """Give a customer values of the score, each so many days ago."""
    for number, days in values:
        IndicatorValueFactory(customer=customer, number=number, occurred_at=ago(days), **more)


# --- Made, named, retired ------------------------------------------------------------------------
def test_make_keeps_only_what_the_way_asks_for_and_tells_the_audit(score: Indicator, manager: User) -> None:
    one = made("health", way="newest", indicator=score, days=30, choice="x", by=manager)
    assert (one.days, one.choice, one.made_by, one.made_at) == (None, "", manager, NOW)
    assert made("fall", way="change", indicator=score, days=30).days == 30
    codes = AuditEvent.objects.filter(act="own_measure.make").order_by("pk").values_list("codes", flat=True)
    assert codes[0] == {"code": "health", "way": "newest"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": "a b"}, making.OwnMeasureCode),
        ({"code": "a.b"}, making.OwnMeasureCode),
        ({"code": "x" * 33}, making.OwnMeasureCode),
        ({"code": "health"}, making.OwnMeasureTaken),
        ({"label_en": "HEALTH"}, making.OwnMeasureTaken),
        ({"label_zh": "某health"}, making.OwnMeasureTaken),
        ({"label_en": "orders in 30 days"}, making.OwnMeasureTaken),
        ({"label_zh": "30 天内订单数"}, None),
        ({"way": "number"}, making.WayDoesNotFit),
        ({"indicator": None}, making.OwnMeasureIncomplete),
        ({"way": "change"}, making.OwnMeasureIncomplete),
        ({"way": "change", "days": 0}, making.OwnMeasureIncomplete),
        ({"way": "change", "days": making.LONGEST + 1}, making.OwnMeasureIncomplete),
        ({"way": "change", "days": making.LONGEST}, None),
    ],
)
def test_make_refuses_what_makes_no_sense(
    score: Indicator, change: dict[str, Any], error: type[Exception] | None
) -> None:
    health(score)
    said = {"code": "other", "way": "newest", "indicator": score, **change}
    if error is None:
        assert made(**said)
        return
    with pytest.raises(error):
        made(**said)
    assert OwnMeasure.objects.count() == 1


def test_make_refuses_two_sources_a_strange_choice_and_what_is_retired(
    score: Indicator, grade: Attribute
) -> None:
    with pytest.raises(making.OwnMeasureIncomplete):
        made("both", way="newest", indicator=score, attribute=grade)
    for choice in ("", "c"):
        with pytest.raises(making.OwnMeasureIncomplete):
            made("is-a", way="is_choice", attribute=grade, choice=choice)
    assert made("is-a", way="is_choice", attribute=grade, choice="a").choice == "a"
    Indicator.objects.update(is_retired=True)
    score.refresh_from_db()
    with pytest.raises(making.SourceRetired):
        health(score)


def test_no_more_than_fifty_count_at_once(score: Indicator) -> None:
    OwnMeasure.objects.bulk_create(
        OwnMeasure(
            code=f"m{n}", label_en=f"M{n}", label_zh=f"某{n}", way="newest", indicator=score, made_at=NOW
        )
        for n in range(making.MOST)
    )
    with pytest.raises(making.TooManyOwnMeasures):
        health(score)
    first = OwnMeasure.objects.get(code="m0")
    making.retire(first, is_retired=True, by=None, at=NOW)
    health(score)
    with pytest.raises(making.TooManyOwnMeasures):
        making.retire(first, is_retired=False, by=None, at=NOW)


def test_rename_gives_new_names_that_nothing_else_bears(score: Indicator) -> None:
    one, other = health(score), made("other", way="newest", indicator=score)
    with pytest.raises(making.OwnMeasureTaken):
        making.rename(one, label_en="Other", label_zh="新", by=None, at=NOW)
    making.rename(one, label_en="health", label_zh="健康", by=None, at=NOW)  # its own name, in other letters
    making.rename(one, label_en="health", label_zh="健康", by=None, at=NOW)
    assert AuditEvent.objects.filter(act="own_measure.rename").count() == 1
    assert str(other) == "Other"


def test_what_a_measure_reads_cannot_be_retired_under_it(score: Indicator, grade: Attribute) -> None:
    one, other = health(score), made("grade-now", way="choice", attribute=grade)
    names = {"name_en": score.name_en, "name_zh": score.name_zh, "unit": ""}
    with pytest.raises(in_use.StillRead, match="Grade-Now"):
        attributes.retire_attribute(grade, is_retired=True, by=None, at=NOW)
    with pytest.raises(in_use.StillRead, match="Health"):
        indicators.change_indicator(score, **names, is_retired=True, by=None, at=NOW)
    grade.refresh_from_db()
    assert grade.retired_at is None
    for measure in (one, other):
        making.retire(measure, is_retired=True, by=None, at=NOW)
    assert indicators.change_indicator(score, **names, is_retired=True, by=None, at=NOW).is_retired
    assert attributes.retire_attribute(grade, is_retired=True, by=None, at=NOW).retired_at == NOW


def test_one_whose_source_is_retired_is_not_taken_up_again(score: Indicator, grade: Attribute) -> None:
    found = [health(score), made("grade-now", way="choice", attribute=grade)]
    for measure in found:
        making.retire(measure, is_retired=True, by=None, at=NOW)
    attributes.retire_attribute(grade, is_retired=True, by=None, at=NOW)
    Indicator.objects.update(is_retired=True)
    for measure in found:
        with pytest.raises(making.SourceRetired):
            making.retire(measure, is_retired=False, by=None, at=NOW)
    attributes.retire_attribute(grade, is_retired=False, by=None, at=NOW)
    assert making.retire(found[1], is_retired=False, by=None, at=NOW).retired_at is None


def test_what_was_retired_since_it_was_read_is_no_source(score: Indicator, grade: Attribute) -> None:
    read = Attribute.objects.get(pk=grade.pk)
    attributes.retire_attribute(grade, is_retired=True, by=None, at=NOW)
    Indicator.objects.filter(pk=score.pk).update(is_retired=True)
    with pytest.raises(making.SourceRetired):
        made("grade-now", way="choice", attribute=read)
    with pytest.raises(making.SourceRetired):
        health(score)


# --- In conditions -------------------------------------------------------------------------------
TWICE = {"op": "<", "factor": 2}
REFUSED = {
    "not there": ({**LOW, "measure": "own.gone"}, "no measure called"),
    "of another one": (
        {"measure": "own.health", "op": "<", "factor": 2, "other": "orders_30d"},
        "with a value",
    ),
    "another one of it": (
        {"measure": "orders_30d", "op": "<", "factor": 2, "other": "own.health"},
        "no measure",
    ),
    "a strange key": ({**LOW, "days": 3}, "not a part"),
    "no number": ({**LOW, "value": "low"}, "not a number"),
    "no choice": ({"measure": "own.grade", "op": "=", "value": "c"}, "not a choice"),
    "choice by less": ({"measure": "own.grade", "op": "<", "value": "a"}, "cannot be compared"),
    "half a day": ({"measure": "own.age", "op": "<", "value": "1.5"}, "whole number"),
    "no flag": ({"measure": "own.is-a", "op": "=", "value": 2}, "yes (1) or no (0)"),
    "known with a value": ({**LOW, "op": "is_known"}, "without a value"),
    "unknown how": ({**LOW, "unknown": "maybe"}, "say “yes”"),
    "between reversed": ({**LOW, "op": "between", "value": [2, 1]}, "Exchange"),
}


@pytest.mark.parametrize(("tree", "word"), REFUSED.values(), ids=REFUSED)
def test_conditions_are_refused_by_what_is_wrong(
    score: Indicator, grade: Attribute, tree: Any, word: str
) -> None:
    health(score)
    made("age", way="days_since_value", indicator=score)
    made("grade", way="choice", attribute=grade)
    made("is-a", way="is_choice", attribute=grade, choice="a")
    with pytest.raises(ConditionRefused) as refused:
        terms.read(tree)
    assert word in str(refused.value)


def test_a_new_one_is_there_at_once_and_a_retired_one_no_more(score: Indicator) -> None:
    """Nothing of it is kept in the process: others make and retire them."""
    with pytest.raises(ConditionRefused):
        terms.read(LOW)
    one = health(score)
    assert terms.read(LOW).as_json() == LOW
    OwnMeasure.objects.filter(pk=one.pk).update(retired_at=NOW)
    with pytest.raises(ConditionRefused, match="is retired"):
        terms.read(LOW)
    with pytest.raises(ConditionRefused, match="no measure called"):
        parse(LOW)


MORE, LESS = {**LOW, "op": ">"}, {**LOW, "value": 41}
GRADED = {"measure": "own.grade", "op": "=", "value": "a"}


@pytest.mark.parametrize(
    ("parts", "is_met"),
    [
        ([LOW, MORE], False),
        ([LESS, MORE], True),
        ([{**LESS, "value": "40.0001"}, MORE], False),
        ([{**LOW, "unknown": "yes"}, MORE], True),
        ([LOW, {"measure": "own.health", "op": "is_unknown"}], False),
        ([LOW, {"measure": "own.health", "op": "is_known"}], True),
        ([{"measure": "own.health", "op": "between", "value": [10, 20]}, MORE], False),
        ([GRADED, {**GRADED, "value": "b"}], False),
        ([GRADED, {**GRADED, "op": "!="}], False),
        ([GRADED, {**GRADED, "op": "one_of", "value": ["a", "b"]}], True),
        ([GRADED, {"attribute": "grade", "op": "=", "value": "b"}], True),  # told apart by their names
        ([{"attribute": "grade", "op": op, "value": "a"} for op in ("=", "!=")], False),
        ([{"measure": "own.is-a", "op": "=", "value": value} for value in (0, 1)], False),
    ],
)
def test_what_nobody_can_meet_is_refused_when_it_is_saved(
    score: Indicator, grade: Attribute, parts: list[Any], is_met: bool
) -> None:
    health(score)
    made("grade", way="choice", attribute=grade)
    made("is-a", way="is_choice", attribute=grade, choice="a")
    tree = terms.read({"all": parts})
    if is_met:
        rules.refuse_contradictions(tree)
        return
    with pytest.raises(ConditionRefused, match="no customer can meet"):
        rules.refuse_contradictions(tree)


def test_sentences_say_it_in_both_languages(score: Indicator, grade: Attribute) -> None:
    Indicator.objects.update(unit="points")
    health(score)
    made("grade", way="choice", attribute=grade)
    tree = {"any": [{**LOW, "unknown": "yes"}, {"measure": "own.grade", "op": "=", "value": "b"}]}
    assert rules.rule_sentence(terms.read(tree)) == (
        "(“Health” is less than 40 points, or this is unknown) or “Grade” is B."
    )
    with translation.override("zh-hans"):
        said = rules.rule_sentence(terms.read(tree))
    assert "“某health”小于 40 points" in said and "“某grade”为“乙”" in said


# --- In the sweep --------------------------------------------------------------------------------
def test_sweep_warns_by_it_and_freezes_what_it_saw(score: Indicator, customer: Customer) -> None:
    Indicator.objects.update(unit="points")
    measure = health(score)
    scored(customer, (50, 9), (39, 2))
    near = CustomerFactory()
    scored(near, (39, 9), (40, 2))
    rule = rule_of(LOW)
    done = sweep.run(as_of=NOW)
    assert (done.warnings, done.failed_rules) == ({"mine": 1}, {})
    warning = EarlyWarning.objects.get()
    assert warning.customer == customer
    assert json.loads(warning.evidence)["own.health"]["value"] == 390_000
    making.rename(measure, label_en="Renamed", label_zh="改名", by=None, at=NOW)
    said = {
        language: evidence_sentence(warning, rule, language=language, currency="CNY")
        for language in ("en", "zh-hans")
    }
    assert said == {"en": "Health: 39 points.", "zh-hans": "某health：39 points。"}

    scored(customer, (41, 0.1))
    assert sweep.run(as_of=NOW + DAY).failed_rules == {}
    warning.refresh_from_db()
    assert warning.state == "closed"


def test_evidence_tells_only_the_alternative_that_held(
    score: Indicator, grade: Attribute, customer: Customer
) -> None:
    health(score)
    made("grade", way="choice", attribute=grade)
    scored(customer, (50, 9))
    attributes.set_value(customer, grade, "a", by=None, at=ago(3))
    tree = {"any": [LOW, {"measure": "own.grade", "op": "=", "value": "a"}]}
    rule = rule_of(tree)
    sweep.run(as_of=NOW)
    said = evidence_sentence(EarlyWarning.objects.get(), rule, language="en", currency="CNY")
    assert said == 'Grade: A "one".'


@pytest.mark.parametrize(
    ("number", "value"), [("99999999999.9999", 999_999_999_999_999), ("-100000000000", None)]
)
def test_a_number_too_great_to_be_exact_is_unknown_and_stops_no_sweep(
    company: object, customer: Customer, number: str, value: int | None
) -> None:
    wealth = attributes.define_attribute(
        code="wealth", kind="number", label_en="Wealth", label_zh="规模", by=None, at=NOW
    )
    measure = made("wealth", way="number", attribute=wealth)
    attributes.set_value(customer, wealth, Decimal(1), by=None, at=ago(3))
    AttributeValue.objects.update(number=Decimal(number))  # as an earlier release let it in
    (seen,) = own.values_of([customer.pk], [own.term_of(measure)], at=NOW).values()
    assert seen == {"own.wealth": value}
    known = {"measure": "own.wealth", "op": "is_known"}
    rule_of({"any": [known, {"not": known}]})
    assert sweep.run(as_of=NOW).failed_rules == {}
    assert json.loads(EarlyWarning.objects.get().evidence)["own.wealth"]["value"] == value


def test_rule_of_a_retired_measure_is_set_aside_with_its_negation_and_matches_nobody(
    score: Indicator, customer: Customer
) -> None:
    measure = health(score)
    scored(customer, (50, 9))
    rule_of(LOW)
    rule_of({"not": LOW}, "not-mine")
    making.retire(measure, is_retired=True, by=None, at=NOW)
    done = sweep.run(as_of=NOW)
    assert done.failed_rules == {"mine": "condition_refused", "not-mine": "condition_refused"}
    assert done.warnings == {"mine": 0, "not-mine": 0} and not EarlyWarning.objects.exists()
    making.retire(measure, is_retired=False, by=None, at=NOW)
    done = sweep.run(as_of=NOW + DAY)
    assert (done.failed_rules, done.warnings) == ({}, {"mine": 0, "not-mine": 1})


def test_dry_run_of_a_past_day_sees_what_was_known_then(
    score: Indicator, customer: Customer, tmp_path: Any
) -> None:
    health(score)
    scored(customer, (30, 20), recorded_at=ago(10))  # known ten days later
    scored(customer, (60, 5))
    rule_of(LOW)
    found = {
        days: sweep.run(as_of=ago(days), dry_run=True, out=tmp_path / "o", rules=["mine"]).warnings["mine"]
        for days in (15, 9, 1)
    }
    assert found == {15: 0, 9: 1, 1: 0}
    assert not EarlyWarning.objects.exists()


def test_the_clock_alone_moves_days_and_windows(score: Indicator, customer: Customer) -> None:
    made("age", way="days_since_value", indicator=score)
    made("worst", way="worst", indicator=score, days=30)
    scored(customer, (30, 29), (60, 5))
    seen = []
    for at in (NOW, NOW + DAY):
        (values,) = own.values_of([customer.pk], own.known().values(), at=at).values()
        seen.append((values["own.age"], values["own.worst"]))
    assert seen == [(5, 300_000), (6, 600_000)]


def test_why_shows_the_value_that_was_seen(score: Indicator, customer: Customer, admin: User) -> None:
    health(score)
    scored(customer, (50, 9))
    answer = why.why(rule_of(LOW), customer, as_of=NOW, user=admin, currency="CNY")
    assert [(line.seen, line.held) for line in answer.lines] == [("50", False)]


def test_segment_counts_by_it(score: Indicator, customer: Customer) -> None:
    health(score)
    scored(customer, (39, 2))
    scored(CustomerFactory(), (40, 2))
    compute.refresh(as_of=NOW)
    made_of = segments.save("low", name_en="Low", name_zh="低", condition=LOW, by=None, at=NOW)
    assert counting.note_count(made_of, at=NOW) == 1
    assert [one.pk for one in segments.matching(segments.condition_of(made_of), at=NOW)] == [customer.pk]
    (used,) = [uses.of_measures()["own.health"]]
    assert [one.code for one in used.segments] == ["low"]


def test_what_only_ends_a_warning_uses_a_measure_too(score: Indicator) -> None:
    health(score)
    quiet = {"measure": "days_since_last_order", "op": ">", "value": 60}
    clear = {"measure": "own.health", "op": ">", "value": 70}
    rule = WarningRule(code="mine", name_en="M", name_zh="M", condition=quiet, clear_condition=clear)
    rules.save(rule, by=None, at=NOW)
    assert [one.code for one in uses.of_measures()["own.health"].rules] == ["mine"]


def test_a_file_of_rules_names_what_is_not_there(score: Indicator) -> None:
    assert unknown_measures([LOW]) == ["own.health"]
    measure = health(score)
    assert unknown_measures([LOW]) == []
    making.retire(measure, is_retired=True, by=None, at=NOW)
    assert unknown_measures([LOW]) == ["own.health"]


def test_a_gathered_row_reads_as_the_record_does(score: Indicator, grade: Attribute) -> None:
    Indicator.objects.update(unit="points")
    made("fall", way="change", indicator=score, days=30)
    made("is-a", way="is_choice", attribute=grade, choice="a")
    rows = gathered(own=OwnMeasure.objects.order_by("code").values(*own.OF_TERM))["own"]
    assert [own.read(row) for row in rows] == list(own.known().values())


# --- Coverage and pages --------------------------------------------------------------------------
def test_coverage_and_freshness_are_counted_with_the_others(
    score: Indicator, grade: Attribute, customer: Customer
) -> None:
    health(score)
    made("grade", way="choice", attribute=grade)
    scored(customer, (50, 9), (40, 3))
    CustomerFactory.create_batch(2)
    compute.refresh(as_of=NOW)
    coverage.note(at=NOW)
    rows = {row.code: row for row in MeasureCoverage.objects.filter(code__startswith="own.")}
    today = compute.today(NOW).number
    assert (rows["own.health"].known, rows["own.health"].customers) == (1, 3)
    assert rows["own.health"].newest_day == today - 3
    assert (rows["own.grade"].known, rows["own.grade"].newest_day) == (0, None)


def test_admin_makes_renames_and_retires_one_in_the_browser(
    client: Any, admin: User, score: Indicator, customer: Customer
) -> None:
    client.force_login(admin)
    assert "No measure of your own yet" in client.get(PATH).content.decode()
    said = {
        "source": f"indicator:{score.pk}",
        "way": "change",
        "days": "30",
        "label_en": "Fall",
        "label_zh": "下降",
        "code": "fall",
    }
    answer = client.post(PATH, {**said, "days": ""})
    assert answer.status_code == 422 and "days from 1 to" in answer.content.decode()
    assert client.post(PATH, {**said, "way": "number"}).status_code == 422
    assert client.post(PATH, {**said, "source": "indicator:0"}).status_code == 422
    assert client.post(PATH, said).status_code == 302
    one = OwnMeasure.objects.get()
    html = client.get(PATH).content.decode()
    assert "own.fall" in html and "minus the one that stood 30 days ago" in html and "1 of 50" in html
    assert "own.fall" in client.get("/settings/measures/", {"q": "fall"}).content.decode()
    html = client.get(f"/customers/{customer.pk}/").content.decode()
    assert "Own measures" in html and ">Fall<" in html.replace("\n", "").replace("> ", ">").replace(" <", "<")
    edit = f"{PATH}{one.pk}/"
    html = client.get(edit).content.decode()
    assert "<h1>Fall</h1>" in html and "minus the one that stood 30 days ago" in html
    assert client.post(edit, {"label_en": "Drop", "label_zh": "下降"}).status_code == 302
    client.post(f"{edit}retire/", {"retired": "1"})
    one.refresh_from_db()
    assert one.label_en == "Drop" and one.retired_at is not None
    assert "retired" in client.get(PATH).content.decode()
    assert "own.fall" not in client.get("/settings/measures/", {"q": "drop"}).content.decode()


@pytest.mark.parametrize("role", ["account_manager", "team_lead", "analyst"])
def test_pages_are_for_admins(client: Any, score: Indicator, role: str) -> None:
    one = health(score)
    client.force_login(UserFactory(role=role))
    for path in (PATH, f"{PATH}{one.pk}/"):
        assert client.get(path).status_code in (403, 404)
    assert client.post(f"{PATH}{one.pk}/retire/", {"retired": "1"}).status_code in (403, 404)


def test_pages_take_the_same_queries_however_many(
    client: Any, admin: User, score: Indicator, customer: Customer
) -> None:
    client.force_login(admin)
    paths = (PATH, "/settings/measures/", f"/customers/{customer.pk}/", "/segments/new/")
    taken = []
    for number in (1, 3):
        while OwnMeasure.objects.count() < number:
            made(f"m{OwnMeasure.objects.count()}", way="newest", indicator=score)
        for path in paths:
            client.get(path)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            taken.append(len(queries))
    assert taken[:4] == taken[4:]


def test_editor_offers_it_and_saves_a_segment_of_it(
    client: Any, admin: User, score: Indicator, grade: Attribute
) -> None:
    health(score)
    made("is-a", way="is_choice", attribute=grade, choice="a")
    gone = made("gone", way="newest", indicator=score)
    making.retire(gone, is_retired=True, by=None, at=NOW)
    client.force_login(admin)
    form = Form(client.get("/segments/new/").content.decode())
    html = client.post("/segments/new/", {**form.values, "condition.act": "add:root"}).content.decode()
    assert "measure:own.health" in html and "measure:own.is-a" in html and "Own measures" in html
    assert "measure:own.gone" not in html
    for number, (what, value) in enumerate([("own.health", "40"), ("own.is-a", "1")]):
        form = Form(html)
        html_used = client.post(
            "/segments/new/", {**form.values, "condition.act": f"use:0:measure:{what}"}
        ).content.decode()
        form = Form(html_used)
        key = next(name for name in form.values if name.startswith("condition.0.value"))
        sent = {
            **form.values,
            key: value,
            "code": f"s{number}",
            "name_en": f"S{number}",
            "name_zh": f"分{number}",
        }
        answer = client.post("/segments/new/", sent)
        assert answer.status_code == 302, answer.content.decode()[:3000]
    stored = list(Segment.objects.order_by("code").values_list("condition", flat=True))
    assert stored == [
        {"measure": "own.health", "op": ">=", "value": 40},
        {"measure": "own.is-a", "op": "=", "value": 1},
    ]


def test_values_are_written_as_people_and_programs_read_them() -> None:
    term = own.OwnTerm(1, "x", "X", "X", Way.NEWEST, words="points")
    assert [term.text(value) for value in (12_000_000, -5_000, 1, None)] == [
        "1,200 points",
        "−0.5 points",
        "0.0001 points",
        "—",
    ]
    assert [term.plain(value) for value in (12_000_000, -5_000, None)] == ["1200", "-0.5", None]
    assert Decimal(term.plain(1) or 0) == Decimal("0.0001")

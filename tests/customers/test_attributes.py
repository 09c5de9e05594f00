"""Attributes of the business's own: defined, renamed, retired; their values dated facts."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from customers import attributes, writing
from customers.models import Attribute, AttributeValue
from tests.factories import NOW, day

pytestmark = pytest.mark.django_db
CHOICES = [("small", "Small", "小"), ("big", "Big", "大")]


def define(code="size", kind="choice", **values):
    values = {"choices": CHOICES if kind == "choice" else (), **values}
    return attributes.define_attribute(
        code=code, kind=kind, label_en="Size", label_zh="规模", **values, by=None, at=NOW
    )


def told(customer):
    return list(
        AttributeValue.objects.filter(customer=customer, void=False)
        .order_by("occurred_at")
        .values_list("number", "choice", "day", "text", "occurred_day")
    )


def test_define_attribute_names_it_and_its_choices_in_both_languages(company):
    made = define()
    with translation.override("zh-hans"):
        assert (made.label, made.label_of("big"), made.label_of("gone")) == ("规模", "大", "gone")
    with translation.override("en"):
        assert (made.label, made.label_of("big")) == ("Size", "Big")


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"code": "a b"}, attributes.AttributeCodeRefused),
        ({"code": "größe"}, attributes.AttributeCodeRefused),
        ({"choices": []}, attributes.NoChoices),
        ({"choices": [("a", "A", "A"), ("a", "B", "B")]}, attributes.NoChoices),
    ],
)
def test_define_attribute_refuses_what_cannot_be_one(company, values, refusal):
    with pytest.raises(refusal):
        define(**values)


def test_define_attribute_twice_is_refused(company):
    define()
    with pytest.raises(attributes.AttributeTaken):
        define()
    assert Attribute.objects.count() == 1


def test_change_attribute_renames_but_keeps_choices_in_use(customer):
    made = define()
    attributes.set_value(customer, made, "big", by=None, at=NOW)
    new = {"label_en": "Scale", "label_zh": "规模", "by": None, "at": NOW}
    with pytest.raises(attributes.ChoiceInUse):
        attributes.change_attribute(made, choices=[("small", "S", "小")], **new)
    attributes.change_attribute(made, choices=[("big", "Large", "大")], **new)
    made.refresh_from_db()
    assert (made.label_en, made.choices, made.choice_labels["big"]) == ("Scale", ["big"], ["Large", "大"])


@pytest.mark.parametrize(
    ("kind", "value", "stands"),
    [
        ("number", Decimal("12.5"), (Decimal("12.5"), "", None, "")),
        ("number", Decimal("99999999999.9999"), (Decimal("99999999999.9999"), "", None, "")),
        ("choice", "big", (None, "big", None, "")),
        ("date", date(2026, 5, 1), (None, "", date(2026, 5, 1).toordinal(), "")),
        ("text", "tall", (None, "", None, "tall")),
    ],
)
def test_set_value_is_a_dated_fact_of_its_kind(customer, kind, value, stands):
    made = define(kind=kind)
    attributes.set_value(customer, made, value, since=date(2026, 5, 2), by=None, at=NOW)
    assert told(customer) == [(*stands, date(2026, 5, 2).toordinal())]
    assert attributes.set_value(customer, made, value, by=None, at=NOW) is None  # stands already


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "12"),
        ("number", Decimal(10) ** 11),
        ("number", -(Decimal(10) ** 11)),
        ("choice", "huge"),
        ("date", "soon"),
        ("text", "x" * 501),
    ],
)
def test_set_value_refuses_what_is_none_of_its_kind(customer, kind, value):
    with pytest.raises(attributes.WrongValue):
        attributes.set_value(customer, define(kind=kind), value, by=None, at=NOW)


def test_set_value_to_nothing_makes_it_unknown_from_then_on(customer):
    made = define(kind="text")
    attributes.set_value(customer, made, "a", by=None, at=NOW)
    attributes.set_value(customer, made, "", by=None, at=NOW + timedelta(days=1))
    assert told(customer) == [(None, "", None, "a", day(NOW)), (None, "", None, "", day(NOW) + 1)]


def test_set_value_before_the_one_that_stands_or_in_the_future_is_refused(customer):
    made = define(kind="text")
    attributes.set_value(customer, made, "a", since=date(2026, 5, 5), by=None, at=NOW)
    with pytest.raises(attributes.OlderThanValue):
        attributes.set_value(customer, made, "b", since=date(2026, 5, 5), by=None, at=NOW)
    with pytest.raises(writing.InTheFuture):
        attributes.set_value(customer, made, "b", since=date(2026, 5, 12), by=None, at=NOW)


def test_retired_attribute_takes_no_values_until_it_is_asked_for_again(customer):
    made = define(kind="text")
    attributes.retire_attribute(made, is_retired=True, by=None, at=NOW)
    with pytest.raises(attributes.AttributeRetired):
        attributes.set_value(customer, made, "a", by=None, at=NOW)
    attributes.retire_attribute(made, is_retired=False, by=None, at=NOW)
    assert attributes.set_value(customer, made, "a", by=None, at=NOW) is not None

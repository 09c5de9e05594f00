"""Care plans: what holds together, what is refused at which field, versions, start and pause."""

from __future__ import annotations

import pytest

from customers.ground.models import AuditEvent
from loyalty.ledger.errors import NoProgramme
from retention import care, segments
from retention.models import CarePlan, CarePlanVersion
from tests.factories import NOW
from tests.loyalty.factories import ProgrammeFactory
from tests.retention.care.makers import plan, said

pytestmark = pytest.mark.django_db
WHO = {"by": None, "at": NOW}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("code", {"code": "Birth day"}),
        ("code", {"code": "x" * 41}),
        ("name", {"name": " "}),
        ("occasion", {"occasion": "wedding"}),
        ("festival", {"occasion": "festival"}),
        ("month", {"occasion": "festival", "festival": "own"}),
        ("day", {"occasion": "festival", "festival": "own", "month": 4}),
        ("day", {"occasion": "festival", "festival": "own", "month": 4, "day": 31}),
        ("orders", {"occasion": "orders"}),
        ("orders", {"occasion": "orders", "orders": 0}),
        ("days_before", {"days_before": 31}),
        ("channel", {"channel": "phone"}),
        ("text_en", {"text_en": " ", "text_zh": ""}),
        ("text_en", {"text_en": "x" * 5001}),
        ("text_zh", {"text_zh": "{{wish}}"}),
        ("subject_en", {"subject_en": "", "subject_zh": ""}),
        ("subject_zh", {"subject_zh": "{{password}}"}),
        ("points", {"points": -1}),
        ("points", {"points": 1_000_001}),
        ("gift_en", {"points": 5, "gift_zh": "杯子"}),
        ("holdout_share", {"holdout_share": 5001}),
    ],
)
def test_what_does_not_hold_together_is_refused_at_its_field(field, values):
    with pytest.raises(care.CarePlanRefused) as refused:
        care.create_plan(said(**values), **WHO)
    assert refused.value.field == field
    assert not CarePlan.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"code": "x" * 40},
        {"days_before": 30},
        {"channel": "sms", "subject_en": "", "subject_zh": ""},
        {"text_en": ""},
        {"text_en": "x" * 5000},
        {"points": 1_000_000},
        {"gift_en": "a mug"},
        {"holdout_share": 5000},
        {"occasion": "festival", "festival": "own", "month": 12, "day": 30, "calendar": "lunar"},
        {"occasion": "orders", "orders": 1},
    ],
)
def test_what_just_holds_is_kept(values):
    made = care.create_plan(said(**values), **WHO)
    assert (made.state, made.version) == ("draft", 1)
    assert care.said_of(made) == said(**values)


def test_what_belongs_to_another_occasion_is_dropped():
    made = care.create_plan(said(festival="spring", month=3, day=4, orders=5), **WHO)
    assert (made.festival, made.month, made.day, made.orders) == ("", None, None, None)
    thanks = care.create_plan(said(code="thanks", occasion="orders", orders=5, days_before=3), **WHO)
    assert thanks.days_before == 0


def test_a_code_is_taken_once():
    care.create_plan(said(), **WHO)
    with pytest.raises(care.CodeTaken) as refused:
        care.create_plan(said(), **WHO)
    assert refused.value.field == "code"
    other = care.create_plan(said(code="other"), **WHO)
    with pytest.raises(care.CodeTaken):
        care.change_plan(other, said(), **WHO)


def test_a_retired_segment_is_refused(admin):
    segment = segments.make_list("vip", name_en="VIP", name_zh="VIP", by=admin, at=NOW)
    segments.retire(segment, by=admin, at=NOW)
    segment.refresh_from_db()
    with pytest.raises(care.CarePlanRefused) as refused:
        care.create_plan(said(segment=segment), **WHO)
    assert refused.value.field == "segment"


def test_a_segment_of_a_plan_is_not_retired_under_it(admin):
    segment = segments.make_list("vip", name_en="VIP", name_zh="VIP", by=admin, at=NOW)
    made = care.create_plan(said(segment=segment), **WHO)
    with pytest.raises(segments.SegmentInUse):
        segments.retire(segment, by=admin, at=NOW)
    care.change_plan(made, said(), **WHO)
    assert segments.retire(segment, by=admin, at=NOW)


def test_each_writing_is_a_version_and_an_equal_one_is_none(admin):
    made = care.create_plan(said(), by=admin, at=NOW)
    care.change_plan(made, said(), by=admin, at=NOW)
    assert made.version == 1
    care.change_plan(made, said(points=0, text_en="Hello {{name}}"), by=admin, at=NOW)
    assert list(CarePlanVersion.objects.order_by("version").values_list("version", "said__text_en")) == [
        (1, said().text_en),
        (2, "Hello {{name}}"),
    ]
    codes = AuditEvent.objects.filter(act="care.change").get().codes
    assert codes["fields"] == ["text_en"]


def test_of_two_who_write_the_second_is_told():
    made = care.create_plan(said(), **WHO)
    other = CarePlan.objects.get()
    care.change_plan(made, said(name="One"), **WHO)
    with pytest.raises(care.CareMoved):
        care.change_plan(other, said(name="Two"), **WHO)
    with pytest.raises(care.CareMoved):
        care.start_plan(other, **WHO)


def test_the_occasion_stays_once_it_was_started():
    made = plan()
    with pytest.raises(care.CareStarted) as refused:
        care.change_plan(made, said(occasion="since"), **WHO)
    assert refused.value.field == "occasion"
    assert care.change_plan(made, said(name="Greetings"), **WHO).version == 2


def test_draft_live_paused_live():
    made = care.create_plan(said(), **WHO)
    with pytest.raises(care.CareMoved):
        care.pause_plan(made, **WHO)
    first = care.start_plan(made, **WHO).live_from_day
    with pytest.raises(care.CareMoved):
        care.start_plan(made, **WHO)
    assert care.pause_plan(made, **WHO).state == "paused"
    assert care.start_plan(made, **WHO).live_from_day == first
    acts = AuditEvent.objects.filter(act__startswith="care.").order_by("pk").values_list("act", flat=True)
    assert list(acts) == ["care.create", "care.start", "care.pause", "care.start"]


def test_points_need_a_programme_to_start():
    made = care.create_plan(said(points=10), **WHO)
    with pytest.raises(NoProgramme):
        care.start_plan(made, **WHO)
    ProgrammeFactory()
    assert care.start_plan(made, **WHO).state == "live"

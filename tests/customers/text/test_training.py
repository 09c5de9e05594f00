"""What people say is learnt at the next training, and read by only if it is better."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from customers import causes, erasure, tasks, text
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Cause, Customer, TextModel, TextReading, User
from customers.text import readers, sources, training
from customers.text.sources import Label
from tests.factories import NOW, ComplaintFactory, CustomerFactory

pytestmark = pytest.mark.django_db
TOMORROW, IN_TWO_DAYS = NOW + timedelta(days=1), NOW + timedelta(days=2)
# Words that no delivered keyword names.
CLOUDY = ("the {n} lids do not close", "一箱{n}个盖子合不上", "lids jump open, box {n}", "盖子又合不上 {n}")
STORMY = ("parking at shop {n} is full", "{n}号店没有车位", "no space for my car, shop {n}", "停车位满了 {n}")


def correct(customer: Customer, texts: tuple[str, ...], code: str, number: int, *, at: Any = NOW) -> None:
    """Have a person say of ``number`` texts which cause they name."""
    for n in range(number):
        complaint = ComplaintFactory(customer=customer, text=texts[n % len(texts)].format(n=n))
        rows = {row.aspect: row for row in text.read_text(complaint, at=at)}
        text.correct_reading(rows["cause"], code=code, by=None, at=at)


def cause_of(customer: Customer, words: str, *, at: Any) -> TextReading:
    complaint = ComplaintFactory(customer=customer, text=words)
    return next(row for row in text.read_text(complaint, at=at) if row.aspect == "cause")


def outcomes(trained: list[text.Trained]) -> dict[str, str]:
    return {one.aspect: one.outcome for one in trained}


def test_twenty_corrections_change_the_next_trainings_answer(customer: Customer) -> None:
    before = cause_of(customer, "盖子合不上", at=NOW)
    correct(customer, CLOUDY, "product_quality", 10)
    correct(customer, STORMY, "inconvenient_buying", 10)
    assert (before.stands, before.code) == ("", "")
    assert outcomes(text.train_texts(at=TOMORROW))["cause"] == "activated"
    before.refresh_from_db()  # the newest texts were read again
    assert (before.stands, before.model_id) == ("product_quality", TextModel.objects.get(aspect="cause").pk)
    assert cause_of(customer, "no space to park my car", at=TOMORROW).stands == "inconvenient_buying"
    assert before.percent is not None and before.percent >= 50


def test_twenty_corrections_change_what_was_learnt_before(customer: Customer) -> None:
    """The company learnt one thing from many; then people say of twenty such texts that it is another."""
    correct(customer, CLOUDY, "product_quality", 40)
    correct(customer, STORMY, "inconvenient_buying", 40)
    text.train_texts(at=TOMORROW)
    odd = "the lids of the blue jar stick"
    assert cause_of(customer, odd, at=TOMORROW).code == "product_quality"
    blue = ("the lids of the blue jar stick, {n}", "蓝罐盖子粘住 {n}", "blue jar {n}: lids stick")
    correct(customer, blue, "misleading_promise", 20, at=TOMORROW)
    assert outcomes(text.train_texts(at=IN_TWO_DAYS))["cause"] == "activated"
    assert cause_of(customer, odd, at=IN_TWO_DAYS).code == "misleading_promise"
    assert cause_of(customer, "box lids do not close", at=IN_TWO_DAYS).code == "product_quality"


def test_nineteen_labels_are_too_few(customer: Customer) -> None:
    correct(customer, CLOUDY, "product_quality", 10)
    correct(customer, STORMY, "inconvenient_buying", 9)
    assert outcomes(text.train_texts(at=TOMORROW)) == dict.fromkeys(
        ["sentiment", "cause", "urgency"], "too_few"
    )
    assert not TextModel.objects.exists()
    assert cause_of(customer, "盖子合不上", at=TOMORROW).code == ""


def test_labels_of_one_kind_teach_nothing(customer: Customer) -> None:
    correct(customer, CLOUDY, "product_quality", 25)
    assert outcomes(text.train_texts(at=TOMORROW))["cause"] == "too_few"


def test_the_same_labels_are_not_learnt_again(customer: Customer) -> None:
    correct(customer, CLOUDY, "product_quality", 12)
    correct(customer, STORMY, "inconvenient_buying", 12)
    assert outcomes(text.train_texts(at=TOMORROW))["cause"] == "activated"
    assert outcomes(text.train_texts(at=IN_TWO_DAYS))["cause"] == "unchanged"
    assert TextModel.objects.count() == 1


def test_what_reads_no_better_than_keywords_is_not_activated(customer: Customer) -> None:
    """People say at random; keywords would have been right as often."""
    for n in range(40):
        code = ("late_delivery", "too_expensive")[n % 2]
        words = ("parcel late", "too expensive")[n % 2]
        complaint = ComplaintFactory(customer=customer, text=f"{words} {n}")
        rows = {row.aspect: row for row in text.read_text(complaint, at=NOW)}
        text.correct_reading(rows["cause"], code=code, by=None, at=NOW)
    assert outcomes(text.train_texts(at=TOMORROW))["cause"] == "not_better"
    row = TextModel.objects.get(aspect="cause")
    assert (row.is_active, bytes(row.weights), row.keyword_f1) == (False, b"", 1.0)
    assert cause_of(customer, "parcel late", at=TOMORROW).model_id is None


def test_what_reads_worse_than_the_active_model_is_not_activated(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(customer, CLOUDY, "product_quality", 12)
    correct(customer, STORMY, "inconvenient_buying", 12)
    text.train_texts(at=TOMORROW)
    first = TextModel.objects.get(aspect="cause", is_active=True)
    correct(customer, CLOUDY, "product_quality", 6, at=TOMORROW + timedelta(hours=1))
    learn = training.learn

    def worse(*args: Any, **values: Any) -> Any:
        learnt = learn(*args, **values)
        learnt.held_out.update(dict.fromkeys(learnt.held_out, "price"))
        return learnt

    monkeypatch.setattr(training, "learn", worse)
    assert outcomes(text.train_texts(at=IN_TWO_DAYS))["cause"] == "not_better"
    assert TextModel.objects.get(aspect="cause", is_active=True) == first
    assert TextModel.objects.filter(aspect="cause").count() == 2


def test_figures_stand_beside_majority_and_keywords(customer: Customer) -> None:
    correct(customer, CLOUDY, "product_quality", 20)
    correct(customer, STORMY, "inconvenient_buying", 10)
    (trained,) = [one for one in text.train_texts(at=TOMORROW) if one.aspect == "cause"]
    row = trained.model
    assert row is not None and (row.labels, row.corrections, row.held_out) == (30, 30, 30)
    assert row.macro_f1 > row.majority_f1 == pytest.approx((2 * 20 / 50) / 2)
    assert row.keyword_f1 == 0.0
    assert row.right_kept >= 0.9
    audit = AuditEvent.objects.get(act="text.train")
    assert (audit.codes["aspect"], audit.codes["labels"]) == ("cause", 30)


def test_a_retired_cause_is_neither_learnt_nor_answered(customer: Customer, admin: User) -> None:
    correct(customer, CLOUDY, "product_quality", 12)
    correct(customer, STORMY, "inconvenient_buying", 12)
    text.train_texts(at=TOMORROW)
    causes.retire_cause(Cause.objects.get(code="inconvenient_buying"), by=admin, at=TOMORROW)
    assert cause_of(customer, "停车位满了", at=TOMORROW).code != "inconvenient_buying"
    assert outcomes(text.train_texts(at=IN_TWO_DAYS))["cause"] == "too_few"


def test_what_was_erased_is_not_learnt_from(customer: Customer, admin: User) -> None:
    gone = CustomerFactory()
    correct(gone, CLOUDY, "product_quality", 12)
    correct(customer, STORMY, "inconvenient_buying", 12)
    erasure.erase_customer(gone, reason="request", by=admin, at=NOW)
    trained = {one.aspect: one for one in text.train_texts(at=TOMORROW)}
    assert (trained["cause"].labels, trained["cause"].outcome) == (12, "too_few")


def test_labels_from_elsewhere_count_less_than_corrections(customer: Customer) -> None:
    complaint = ComplaintFactory(customer=customer, text="the lids do not close")
    other = ComplaintFactory(customer=customer, text="lids")
    sources.register_labels(
        "test",
        lambda aspect, most: (
            [Label("complaint", one.pk, "price", NOW) for one in (complaint, other)]
            if aspect == "cause"
            else []
        ),
    )
    try:
        rows = {row.aspect: row for row in text.read_text(complaint, at=NOW)}
        text.correct_reading(rows["cause"], code="product_quality", by=None, at=NOW)
        said = training.labelled("cause", codes=readers.lexicon_of("cause").phrases)
    finally:
        sources._labels.pop("test")
    found = {(one.key, one.code, one.weight) for one in said.examples}
    assert found == {
        (f"complaint:{complaint.pk}", "product_quality", 5.0),
        (f"complaint:{other.pk}", "price", 1.0),
    }
    assert said.corrections == 1


def test_weights_of_old_trainings_are_emptied_and_figures_stay(customer: Customer) -> None:
    for day in range(5):
        at = NOW + timedelta(days=day)
        correct(customer, CLOUDY, "product_quality", 10, at=at)
        correct(customer, STORMY, "inconvenient_buying", 10, at=at)
        assert outcomes(text.train_texts(at=at + timedelta(hours=1)))["cause"] == "activated"
    kept = [bool(bytes(row.weights)) for row in TextModel.objects.filter(aspect="cause").order_by("id")]
    assert kept == [False, False, True, True, True]
    assert all(row.macro_f1 > 0.5 for row in TextModel.objects.all())


def test_nightly_trains_once_a_local_day(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Any] = []
    monkeypatch.setattr(training, "train_texts", lambda *, at: trained.append(at) or [])
    monkeypatch.setattr(clock, "now", lambda: NOW)
    tasks.train_texts()
    tasks.train_texts()
    assert trained == [NOW]
    monkeypatch.setattr(clock, "now", lambda: TOMORROW)
    tasks.train_texts()
    assert trained == [NOW, TOMORROW]


def test_nightly_is_tried_again_when_it_failed(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, at: Any) -> list[Any]:
        raise RuntimeError

    monkeypatch.setattr(training, "train_texts", fail)
    with pytest.raises(RuntimeError):
        text.nightly(at=NOW)
    monkeypatch.undo()
    real = clock.real_now()
    monkeypatch.setattr(clock, "real_now", lambda: real + timedelta(hours=1))
    assert len(text.nightly(at=NOW)) == 3


def test_nothing_is_trained_before_there_is_a_company(db: None) -> None:
    tasks.train_texts()
    assert not TextModel.objects.exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_says_what_each_aspect_came_to(customer: Customer, as_json: bool) -> None:
    correct(customer, CLOUDY, "product_quality", 12)
    correct(customer, STORMY, "inconvenient_buying", 12)
    out = StringIO()
    call_command("train_texts", *(["--json"] if as_json else []), stdout=out)
    if not as_json:
        assert "cause: activated, 24 labels" in out.getvalue()
        assert "sentiment: too_few, 0 labels" in out.getvalue()
        return
    told = json.loads(out.getvalue().splitlines()[-1])
    assert told["sentiment"] == {"outcome": "too_few", "labels": 0, "corrections": 0, "read_again": 0}
    assert (told["cause"]["outcome"], told["cause"]["read_again"]) == ("activated", 24)
    assert {"macro_f1", "majority_f1", "keyword_f1", "kept", "right_kept"} <= told["cause"].keys()

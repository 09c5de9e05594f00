"""The small model: the same labels give the same weights; what it says it is sure of is right."""

from __future__ import annotations

import random

import numpy as np
import pytest

from customers.text import features, judging, linear
from customers.text.keywords import Lexicon
from customers.text.learning import FOLDS, Example, fold_of, learn, pieces_of
from customers.text.linear import Linear
from customers.text.readers import Answer, Reader

LEXICON = Lexicon({"late": ["late", "晚到"], "price": ["expensive", "太贵"]})
WORDS = {
    "late": ["truck never came", "still no driver", "车没来", "等了一天", "courier lost"],
    "price": ["bill too high", "cost grew", "账单高", "费用多", "charged twice"],
}


def examples(number: int = 60, *, seed: int = 1) -> list[Example]:
    chance = random.Random(seed)
    found = []
    for place in range(number):
        code = ("late", "price")[place % 2]
        text = f"{chance.choice(WORDS[code])} {chance.choice(WORDS[code])} {chance.randrange(9)}"
        found.append(Example(f"complaint:{place}", text, code))
    return found


def likeliest(model: Linear, text: str) -> str:
    shares = model.probabilities([pieces_of(text, LEXICON)])[0]
    return model.classes[int(shares.argmax())]


def test_learn_reads_words_that_no_keyword_names() -> None:
    learnt = learn(examples(), LEXICON, classes=["late", "price"])
    assert likeliest(learnt.model, "no driver came") == "late"
    assert likeliest(learnt.model, "费用又多了") == "price"
    assert (learnt.figures.macro_f1, learnt.keyword_f1) == (1.0, 0.0)
    assert learnt.majority_f1 == pytest.approx(1 / 3)


def test_learn_still_reads_by_keywords_what_nobody_labelled() -> None:
    lexicon = Lexicon({**LEXICON.phrases, "rude": ["rude", "impolite", "态度恶劣"]})
    learnt = learn(examples(), lexicon, classes=["late", "price", "rude"])
    shares = learnt.model.probabilities([pieces_of("impolite", lexicon)])[0]
    assert learnt.model.classes[int(shares.argmax())] == "rude"


def test_labels_overrule_keywords() -> None:
    said = [Example(f"x:{n}", f"expensive {n} truck", "late", 5.0) for n in range(20)]
    learnt = learn([*examples(), *said], LEXICON, classes=["late", "price"])
    assert LEXICON.guess("expensive truck") == "price"
    assert likeliest(learnt.model, "expensive truck") == "late"


def test_the_order_of_labels_makes_no_difference() -> None:
    one = learn(examples(), LEXICON, classes=["late", "price"])
    other = learn(list(reversed(examples())), LEXICON, classes=["late", "price"])
    assert one.model.to_bytes() == other.model.to_bytes()
    assert (one.threshold, one.figures) == (other.threshold, other.figures)


def test_every_text_is_held_out_once_when_there_are_few() -> None:
    learnt = learn(examples(), LEXICON, classes=["late", "price"])
    assert set(learnt.held_out) == {one.key for one in examples()}
    assert {fold_of(one.key) for one in examples()} == set(range(FOLDS))


def test_one_fold_is_held_out_when_there_are_many() -> None:
    many = examples(1000)
    learnt = learn(many, LEXICON, classes=["late", "price"])
    assert set(learnt.held_out) == {one.key for one in many if fold_of(one.key) == 0}


def test_noise_is_not_learnt_as_knowledge() -> None:
    chance = random.Random(3)
    noise = [
        Example(f"n:{n}", one.text, chance.choice(["late", "price"])) for n, one in enumerate(examples(200))
    ]
    learnt = learn(noise, LEXICON, classes=["late", "price"])
    assert learnt.threshold == judging.NEVER
    assert learnt.figures.kept == 0.0


def test_weights_are_the_same_after_keeping() -> None:
    model = learn(examples(), LEXICON, classes=["late", "price"]).model
    again = Linear.from_bytes(model.to_bytes())
    texts = [pieces_of(one.text, LEXICON) for one in examples()]
    assert np.allclose(model.probabilities(texts), again.probabilities(texts), atol=2e-3)
    assert (again.classes, again.temperature) == (model.classes, model.temperature)


def test_what_only_one_text_has_is_not_kept() -> None:
    said = [*examples(), Example("x:1", "zhangsanfeng13912345678", "late")]
    secret = set(pieces_of("zhangsanfeng13912345678", LEXICON).tolist())
    others = {piece for one in examples() for piece in pieces_of(one.text, LEXICON).tolist()}
    kept = set(learn(said, LEXICON, classes=["late", "price"]).model.pieces.tolist())
    assert secret - others
    assert not kept & (secret - others)


def test_of_a_text_without_known_pieces_it_has_no_idea() -> None:
    model = learn(examples(), LEXICON, classes=["late", "price"]).model
    reader = Reader("cause", ("late", "price"), LEXICON, model, 1, threshold=0.5)
    texts = ["Ω", "no driver came"]
    strange, known = reader.read(texts, [features.hashed(text) for text in texts])
    assert (strange.code, strange.percent, strange.is_sure) == ("", None, False)
    assert (known.code, known.is_sure) == ("late", True)


def test_the_first_level_is_answered_when_only_that_is_sure() -> None:
    shares = {"slow": 0.4, "rude": 0.35, "service": 0.05, "price": 0.2}
    lexicon = Lexicon(dict.fromkeys(shares, ()), parents={"slow": "service", "rude": "service"})
    sure = Reader("cause", tuple(shares), lexicon, threshold=0.7)
    assert sure._by_shares(shares) == Answer("service", 80, True)
    less = Reader("cause", tuple(shares), lexicon, threshold=0.85)
    assert less._by_shares(shares) == Answer("slow", 40, False)
    detail = Reader("cause", tuple(shares), lexicon, threshold=0.4)
    assert detail._by_shares(shares) == Answer("slow", 40, True)


def test_what_may_not_be_answered_any_more_is_not_answered() -> None:
    model = learn(examples(), LEXICON, classes=["late", "price"]).model
    reader = Reader("cause", ("price",), LEXICON, model, 1, threshold=0.5)
    (answer,) = reader.read(["no driver came"], [features.hashed("no driver came")])
    assert (answer.code, answer.is_sure) == ("price", False)


# --- Judging ------------------------------------------------------------------------------------
def test_macro_f1_by_hand() -> None:
    # a: TP 2, FP 1, FN 0 → 4/5; b: TP 1, FP 0, FN 1 → 2/3
    assert judging.macro_f1(["a", "a", "b", "b"], ["a", "a", "a", "b"]) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert judging.macro_f1(["a", "b"], [None, "b"]) == pytest.approx(1 / 2)
    assert judging.macro_f1([], []) == 0.0


def test_majority_says_the_most_frequent() -> None:
    assert judging.majority(["a", "b", "b"]) == ["b", "b", "b"]
    assert judging.majority([]) == []


def test_threshold_keeps_as_many_as_are_right_often_enough() -> None:
    confidence = np.linspace(0.99, 0.5, 200)
    is_right = np.arange(200) < 150  # the lower quarter is wrong
    threshold = judging.threshold_of(confidence, is_right)
    kept = confidence >= threshold
    assert is_right[kept].mean() >= judging.RIGHT_WANTED
    assert 155 <= kept.sum() <= 166  # at 166 the share alone would still be 90 %, its lower end not


def test_threshold_is_never_reached_when_too_much_is_wrong() -> None:
    assert judging.threshold_of(np.array([0.9, 0.8]), np.array([False, True])) == judging.NEVER
    assert judging.threshold_of(np.array([]), np.array([], bool)) == judging.NEVER


def test_threshold_does_not_cut_between_two_of_one_confidence() -> None:
    confidence = np.array([0.9] * 40 + [0.5] * 40)
    is_right = np.array([True] * 40 + [True] * 2 + [False] * 38)
    assert judging.threshold_of(confidence, is_right) == 0.9


def test_twenty_right_texts_make_nothing_certain() -> None:
    scores = np.zeros((20, 2), np.float32)
    scores[:, 0] = 9.0
    temperature = judging.temperature_of(scores, np.zeros(20, np.intp))
    assert linear.softmax(scores / np.float32(temperature))[0, 0] == pytest.approx(21 / 22, abs=0.02)


def test_threshold_is_at_most_what_is_wanted() -> None:
    assert judging.threshold_of(np.full(20, 0.97), np.ones(20, bool)) == judging.RIGHT_WANTED


def test_temperature_undoes_too_great_a_confidence() -> None:
    chance = np.random.default_rng(5)
    scores = np.zeros((4000, 2), np.float32)
    scores[:, 1] = chance.normal(size=4000)
    targets = (chance.random(4000) < linear.softmax(scores)[:, 1]).astype(np.intp)
    assert judging.temperature_of(scores, targets) == pytest.approx(1.0, abs=0.15)
    assert judging.temperature_of(scores * 4, targets) == pytest.approx(4.0, rel=0.15)


def test_calibration_error_by_hand() -> None:
    # two bins: said .95 and found 1 (two texts), said .65 and found .5 (two texts)
    found = judging.figures(
        ["a", "a", "a", "b"], ["a", "a", "a", "a"], np.array([0.95, 0.95, 0.65, 0.65]), threshold=0.9
    )
    assert found.ece == pytest.approx(0.5 * 0.05 + 0.5 * 0.15)
    assert (found.right, found.kept, found.right_kept) == (0.75, 0.5, 1.0)

"""Whether ready rules are proven: what is counted, and what the kept figures say of the mark."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import proof
from retention.rules import ready

ROW: dict[str, Any] = {
    "alarms": 40,
    "judged": 40,
    "right": 20,
    "interval": (0.3, 0.7),
    "chance": 0.1,
    "recency_judged": 40,
    "recency_right": 10,
}


def companies(count: int = 8, *, noise: dict[str, Any] | None = None, **changed: Any) -> list[dict[str, Any]]:
    row = {**ROW, **changed}
    still = {**ROW, "right": 4, "interval": (0.02, 0.2), **(noise or {})}
    return [{"true": {"quiet": row}, "noise": {"quiet": still}} for _ in range(count)]


def test_rule_that_is_much_better_than_silence_is_proven():
    (found,) = proof.verdicts(companies())
    assert (found.precision, found.recency, found.times, found.difference) == (0.5, 0.25, 2.0, (0.25, 0.25))
    assert found.is_proven and (found.noise_pairs, found.noise_held) == (8, 8)


@pytest.mark.parametrize(
    "changed",
    [
        {"right": 14},  # 1.4 times: too little
        {"right": 10},  # no better
        {"judged": 0, "right": 0},  # nothing was said
        {"recency_right": 0},  # nothing to compare with
    ],
)
def test_rule_that_is_not_is_not(changed):
    (found,) = proof.verdicts(companies(**changed))
    assert not found.is_proven


def test_rule_that_was_lucky_in_one_company_of_many_is_not_proven():
    several = [*companies(7, right=10), *companies(1, right=40, recency_right=0)]
    found = proof.verdicts(several)[0]
    assert found.times >= 1.5 and found.difference[0] <= 0 and not found.is_proven


def test_few_companies_prove_nothing():
    (found,) = proof.verdicts(companies(4))
    assert found.difference is None and not found.is_proven


def test_interval_of_noise_is_asked_of_enough_alarms_only_and_may_miss():
    (found,) = proof.verdicts(companies(noise={"judged": 29}))
    assert found.noise_pairs == 0
    (found,) = proof.verdicts(companies(noise={"interval": (0.11, 0.3)}))
    assert (found.noise_pairs, found.noise_held) == (8, 0)


def test_shuffled_losses_are_the_same_ones_of_other_customers():
    losses = {number: [(100 + number, None)] for number in range(1, 60)}
    given = proof.shuffled(losses, range(1, 101), seed=3)
    assert sorted(given.values()) == sorted(losses.values())
    assert given != losses and given == proof.shuffled(losses, range(1, 101), seed=3)
    assert given != proof.shuffled(losses, range(1, 101), seed=4)


def test_who_is_gone_on_a_day():
    losses = {1: [(10, 20)], 2: [(10, None)], 3: [(11, None)], 4: [(5, 9), (30, None)]}
    assert proof._lost_on(losses, 11) == {1, 2}
    assert proof._lost_on(losses, 21) == {2, 3}


def test_mark_of_ready_rules_is_what_was_found_last():
    """Whoever changes a rule tries it again: ``python -m benchmarks proof``."""
    found = {one.rule: one.is_proven for one in proof.kept()}
    marked = {rule.code: rule.is_proven for rule in ready.READY}
    assert {code: marked[code] for code in found} == found
    assert not any(marked[code] for code in marked.keys() - found.keys())  # never tried
    assert proof.table() in proof.PAGE.read_text()


def test_unseen_seeds_stand_in_a_table_of_their_own_and_prove_nothing(tmp_path, monkeypatch):
    def of(first, **changed):
        return [
            {"seed": first + n, "losses": 5, **one} for n, one in enumerate(companies(right=30, **changed))
        ]

    kept = {"customers": 10, "months": 3, "companies": of(11), "unseen": of(31, judged=0)}
    monkeypatch.setattr(proof, "KEPT", tmp_path / "proof.json")
    proof._write(kept)
    decided, beside = proof.table().split("nothing was settled on")
    assert "seeds 11–18" in decided and "| yes |" in decided
    assert "proof --unseen`: seeds 31–38" in beside and "| no |" in beside and "| yes |" not in beside
    assert [one.is_proven for one in proof.kept()] == [True]
    proof._write({**kept, "unseen": []})
    assert "--unseen" not in proof.table()

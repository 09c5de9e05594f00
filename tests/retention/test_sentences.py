"""Sentences: what a rule looks for, and what a warning found, in English and Chinese."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.utils import translation

from retention.measures import every
from retention.models import EarlyWarning, WarningRule
from retention.rules import READY, evidence_sentence, parse, rule_sentence
from retention.rules.conditions import OPERATORS

TODAY = 739_747  # 2026-05-11
RULES = {ready.code: ready.condition for ready in READY}


def said(code: str, language: str = "en", currency: str = "CNY", **evidence: Any) -> str:
    """Return the sentence of a warning of a ready rule."""
    rule = WarningRule(code=code, condition=RULES[code])
    frozen = json.dumps({"as_of_day": TODAY, "spend_365d": 0, **evidence})
    return evidence_sentence(EarlyWarning(rule=rule, evidence=frozen), language=language, currency=currency)


# --- What a rule looks for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (RULES["overdue"], "“Overdue against own rhythm” is at least 2."),
        (
            RULES["spend-halved"],
            "“Spend in 90 days against the 90 before” is at most 0.5 and “Orders in 180 days” is at least 4.",
        ),
        (RULES["no-contact"], "“Days since the last contact” is at least 60 days."),
        (
            RULES["complaints-rising"],
            "“Complaints in 90 days” is at least 2 and “Complaints in 90 days” is more than "
            "“Complaints in the 90 days before”.",
        ),
        (RULES["owner-gone"], "“Owner gone” is yes or “Days since the owner changed” is at most 30 days."),
        (
            {
                "all": [
                    {"not": {"measure": "orders_90d", "op": "one_of", "value": [1, 2]}},
                    {
                        "any": [
                            {"measure": "spend_90d", "op": "between", "value": [10000, 250050]},
                            {"measure": "overdue_ratio", "op": "is_unknown"},
                        ]
                    },
                    {"measure": "spend_90d", "op": "<", "factor": "0.50", "other": "spend_prev_90d"},
                    {"measure": "last_order_day", "op": "<", "value": "2026-05-01"},
                ]
            },
            "it is not so that “Orders in 90 days” is one of 1, 2 and (“Spend in 90 days” is between ¥100 "
            "and ¥2,500.50 or “Overdue against own rhythm” is unknown) and “Spend in 90 days” is less than "
            "0.5 times “Spend in the 90 days before” and “Last order” is less than 1 May 2026.",
        ),
    ],
)
def test_rule_sentence_says_the_condition(tree: Any, sentence: str) -> None:
    assert rule_sentence(parse(tree), currency="CNY") == sentence


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_measure_can_be_said_with_each_of_its_comparisons(language: str) -> None:
    with translation.override(language):
        for measure in every().values():
            day = measure.unit.value == "day"
            codes = [code for code, _label in measure.choices]
            one, two = codes[:2] if codes else ("2026-05-01", "2026-05-11") if day else (0, 1)
            for op in OPERATORS[measure.unit]:
                leaf: dict[str, Any] = {"measure": measure.code, "op": op}
                if op in ("between", "one_of"):
                    leaf["value"] = [one, two]
                elif not op.startswith("is_"):
                    leaf["value"] = one
                sentence = rule_sentence(parse(leaf), currency="CNY")
                assert str(measure.label) in sentence
                assert "%" not in sentence and "None" not in sentence


def test_decimals_of_a_rule_are_said_as_written_and_never_rounded() -> None:
    tree = {"measure": "overdue_ratio", "op": ">=", "value": "12.3456"}
    assert "12.3456" in rule_sentence(parse(tree), currency="CNY")


# --- What a warning found ---------------------------------------------------------------------


def test_overdue_says_rhythm_silence_and_worth() -> None:
    sentence = said(
        "overdue", last_order_day=TODAY - 41, order_days=11, order_span_days=90, spend_365d=3_820_000
    )
    assert sentence == (
        "Orders every 9 days on average; the last was 41 days ago. Paid ¥38,200 in the past year."
    )


@pytest.mark.parametrize(
    ("span", "days", "interval"),
    [(30, 4, "10 days"), (31, 4, "10 days"), (29, 4, "9.7 days"), (3, 4, "1 day"), (365, 4, "122 days")],
)
def test_interval_is_rounded_for_reading(span: int, days: int, interval: str) -> None:
    sentence = said("overdue", last_order_day=TODAY - 1000, order_days=days, order_span_days=span)
    assert sentence == f"Orders every {interval} on average; the last was 1,000 days ago."


@pytest.mark.parametrize(
    ("code", "evidence", "sentence"),
    [
        (
            "spend-halved",
            {"spend_90d": 3000, "spend_prev_90d": 6050, "orders_90d": 1, "orders_prev_90d": 3},
            "Paid ¥30 in the last 90 days, ¥60.50 in the 90 days before. Placed 4 orders in these 180 days.",
        ),
        ("no-contact", {"last_contact_day": TODAY - 60}, "The last contact was 60 days ago."),
        (
            "complaint-overdue",
            {"complaints_overdue": 1, "complaint_due_day": TODAY - 8},
            "1 complaint is overdue: it should have been resolved by 3 May 2026.",
        ),
        (
            "complaint-overdue",
            {"complaints_overdue": 2, "complaint_due_day": TODAY - 8},
            "2 complaints are overdue: the first should have been resolved by 3 May 2026.",
        ),
        (
            "complaint-reopened",
            {"complaints_reopened_open": 1, "last_reopened_day": TODAY - 1},
            "1 complaint was opened again after it had been resolved, last on 10 May 2026.",
        ),
        (
            "complaints-rising",
            {"complaints_90d": 3, "complaints_prev_90d": 1},
            "Complaints: 3 in the last 90 days, 1 in the 90 days before.",
        ),
        (
            "contract-ending",
            {"contract_end_day": TODAY + 45},
            "The contract ends in 45 days, on 25 Jun 2026.",
        ),
        ("contract-ending", {"contract_end_day": TODAY}, "The contract ends today."),
        (
            "owner-gone",
            {"owner_inactive": 1, "owner_changed_day": None},
            "The account manager of this customer is gone.",
        ),
        (
            "owner-gone",
            {"owner_inactive": 0, "owner_changed_day": TODAY - 1},
            "The account manager changed 1 day ago.",
        ),
        (
            "owner-gone",
            {"owner_inactive": 1, "owner_changed_day": TODAY - 400},
            "The account manager of this customer is gone.",
        ),
    ],
)
def test_ready_rule_tells_what_it_found(code: str, evidence: dict[str, Any], sentence: str) -> None:
    assert said(code, **evidence) == sentence


def test_only_alternatives_that_hold_are_told() -> None:
    both = said("owner-gone", owner_inactive=1, owner_changed_day=TODAY - 30)
    assert both == "The account manager of this customer is gone. The account manager changed 30 days ago."


def test_amounts_stand_in_the_currency_that_is_given() -> None:
    assert said("no-contact", currency="GBP", last_contact_day=TODAY - 60, spend_365d=123_450).endswith(
        "Paid £1,234.50 in the past year."
    )


def test_any_other_measure_is_told_with_its_name() -> None:
    rule = WarningRule(condition={"measure": "return_share_365d", "op": ">", "value": "0.2"})
    evidence = json.dumps({"as_of_day": TODAY, "returned_365d": 2500, "spend_365d": 7500})
    assert evidence_sentence(evidence, rule, language="en", currency="CNY") == (
        "Share returned in 12 months: 0.25. Paid ¥75 in the past year."
    )


def test_evidence_of_a_rule_that_no_longer_reads_is_still_told() -> None:
    rule = WarningRule(condition={"measure": "withdrawn", "op": ">", "value": 1})
    evidence = json.dumps({"as_of_day": TODAY, "complaints_open": 2})
    assert evidence_sentence(evidence, rule, language="en", currency="CNY") == "Open complaints: 2."


def test_evidence_without_the_numbers_of_a_later_version_is_told_as_far_as_it_goes() -> None:
    rule = WarningRule(
        condition={
            "all": [
                {"measure": "orders_90d", "op": ">=", "value": 1},
                {"measure": "days_since_last_contact", "op": ">=", "value": 60},
            ]
        }
    )
    evidence = json.dumps({"as_of_day": TODAY, "last_contact_day": TODAY - 61})
    assert evidence_sentence(evidence, rule, language="en", currency="CNY") == (
        "The last contact was 61 days ago."
    )


FOUND: dict[str, dict[str, Any]] = {
    "overdue": {"last_order_day": TODAY - 41, "order_days": 11, "order_span_days": 90},
    "spend-halved": {"spend_90d": 3000, "spend_prev_90d": 6050, "orders_90d": 1, "orders_prev_90d": 3},
    "no-contact": {"last_contact_day": TODAY - 60},
    "complaint-overdue": {"complaints_overdue": 2, "complaint_due_day": TODAY - 8},
    "complaint-reopened": {"complaints_reopened_open": 1, "last_reopened_day": TODAY - 1},
    "complaints-rising": {"complaints_90d": 3, "complaints_prev_90d": 1},
    "contract-ending": {"contract_end_day": TODAY + 45},
    "owner-gone": {"owner_inactive": 1, "owner_changed_day": TODAY - 3},
    "main-contact-left": {"main_contact_gone": 1, "main_contact_left_day": TODAY - 3},
    "moved-away": {"moved_day": TODAY - 20},
    "usage-falling": {"usage_30d": 4, "usage_prev_30d": 12},
    "courted-by-competitor": {
        "competitor_sightings_90d": 2,
        "competitor_price_90d": 90_000,
        "own_price_90d": 99_000,
    },
    "balance-falling": {"balance_held": 40, "balance_30d_ago": 90},
    "invoice-overdue": {"invoice_due_day": TODAY - 9},
    "payment-failed": {"payments_failed_30d": 2, "invoices_open": 1},
    "product-withdrawn": {"product_withdrawn_day": TODAY - 3},
    "indicator-worse": {"indicators_worse_30d": 1},
    "second-failure": {"complaints_60d": 1, "deliveries_late_60d": 1, "payments_failed_60d": 0},
    "goods-returned": {"returned_90d": 3000, "spend_90d": 6000, "orders_90d": 3},
    "orders-declining": {"count_decline_parts": 213, "order_days_before_90d": 26},
    "order-missing": {"overdue_score_parts": 9712, "order_days": 26},
    "left-community": {"left_community_day": TODAY - 3},
    "detractor": {"last_nps": 3, "last_nps_day": TODAY - 2},
    "satisfaction-fell": {"last_csat": 2, "csat_before": 5, "last_csat_day": TODAY - 2},
    "never-answers": {"non_response": 3},
    "negative-mentions": {"negative_mentions_30d": 2},
    "points-expiring": {"points_expiring_30d": 800},
    "points-idle": {"points_balance": 2400, "points_moved_day": TODAY - 200},
    "redemption-stopped": {
        "redemptions_365d": 3,
        "last_redemption_day": TODAY - 190,
        "points_balance": 900,
    },
    "tier-at-risk": {"tier_at_risk": 1},
    "membership-lapsing": {"membership_end_day": TODAY + 20, "membership_lapsed_90d": 0},
    "delivery-late": {"deliveries_overdue": 1, "deliveries_late_90d": 2},
}


@pytest.mark.parametrize("code", RULES)
def test_ready_rule_and_what_it_found_are_told_in_chinese_without_an_english_word(code: str) -> None:
    with translation.override("zh-hans"):
        looks_for = rule_sentence(parse(RULES[code]), currency="CNY")
    found = said(code, "zh-hans", spend_365d=3_820_000, **FOUND[code])
    for sentence in (looks_for, found):
        assert re.search("[\u4e00-\u9fff]", sentence)
        assert not re.search("[A-Za-z]", sentence), sentence
        assert sentence.endswith("。") and "。 " not in sentence
    assert "¥38,200" in found


def test_sentence_reads_nothing_but_the_frozen_numbers() -> None:
    rule = WarningRule(code="overdue", condition=RULES["overdue"])
    evidence = json.dumps(
        {"as_of_day": TODAY, "last_order_day": TODAY - 41, "order_days": 11, "order_span_days": 90}
    )
    warning = EarlyWarning(rule=rule, evidence=evidence)
    assert evidence_sentence(warning, language="en", currency="CNY").startswith("Orders every 9 days")


def test_a_match_by_an_unknown_says_that_it_is_unknown() -> None:
    condition = {"measure": "days_since_last_contact", "op": ">=", "value": 60, "unknown": "yes"}
    assert rule_sentence(parse(condition)) == (
        "(“Days since the last contact” is at least 60 days, or this is unknown)."
    )
    rule = WarningRule(condition=condition)
    evidence = json.dumps({"as_of_day": TODAY, "last_contact_day": None})
    told = evidence_sentence(evidence, rule, language="en", currency="CNY")
    assert told == "Days since the last contact: unknown."


BIG = {"attribute": "size", "op": "=", "value": "big"}
SILENT_OR_ANGRY = {
    "any": [
        {"measure": "days_since_last_contact", "op": ">=", "value": 60},
        {"measure": "complaints_open", "op": ">=", "value": 1},
    ]
}


@pytest.mark.parametrize(
    "condition",
    [
        {"all": [BIG, SILENT_OR_ANGRY]},
        {"all": [{"segment": "vip"}, {"not": {"any": [BIG, {"not": SILENT_OR_ANGRY}]}}]},
        {"any": [{"not": {"segment": "vip"}}, SILENT_OR_ANGRY]},
    ],
)
def test_beside_attributes_and_segments_only_the_alternative_that_held_is_told(condition: Any) -> None:
    kept = {"as_of_day": TODAY, "spend_365d": 0, "last_contact_day": TODAY - 61, "complaints_open": 0}
    told = evidence_sentence(
        EarlyWarning(rule=WarningRule(condition=condition), evidence=json.dumps(kept)),
        language="en",
        currency="CNY",
    )
    alone = WarningRule(condition=SILENT_OR_ANGRY)
    assert told == evidence_sentence(json.dumps(kept), alone, language="en", currency="CNY")
    assert "61" in told and "omplaint" not in told


def test_where_only_an_attribute_can_have_held_all_that_was_kept_is_told() -> None:
    kept = json.dumps({"as_of_day": TODAY, "spend_365d": 0, "last_contact_day": TODAY - 9})
    silent = {"measure": "days_since_last_contact", "op": ">=", "value": 60}
    everything = evidence_sentence(kept, None, language="en", currency="CNY")
    assert everything
    for condition in (BIG, {"any": [BIG, silent]}):
        rule = WarningRule(condition=condition)
        assert evidence_sentence(kept, rule, language="en", currency="CNY") == everything

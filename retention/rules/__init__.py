"""Warning rules: conditions over measures, said in a sentence, run as one scan over all customers."""

from retention.rules.compile import Compiled, canonical_evidence, compile_rule
from retention.rules.conditions import Condition, ConditionRefused, Params, parse
from retention.rules.ready import READY, sync
from retention.rules.sentences import evidence_sentence, rule_sentence
from retention.rules.switch import CodeTaken, HoldoutRefused, UnknownRule, disable, enable, get, revise, save

__all__ = [
    "READY",
    "CodeTaken",
    "Compiled",
    "Condition",
    "ConditionRefused",
    "HoldoutRefused",
    "Params",
    "UnknownRule",
    "canonical_evidence",
    "compile_rule",
    "disable",
    "enable",
    "evidence_sentence",
    "get",
    "parse",
    "revise",
    "rule_sentence",
    "save",
    "sync",
]

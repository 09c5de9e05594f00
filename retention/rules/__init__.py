"""Warning rules: conditions over measures, said in a sentence, run as one scan over all customers."""

from retention.rules.compile import Compiled, canonical_evidence, compile_rule
from retention.rules.conditions import Condition, ConditionRefused, Params, parse
from retention.rules.contradictions import refuse as refuse_contradictions
from retention.rules.holdout import HoldoutRefused, NeverHeldOut, Shares, share_of
from retention.rules.life import (
    MOVES,
    HowManyADay,
    MayNotMove,
    MovedMeanwhile,
    UnknownRule,
    disable,
    enable,
    get,
    move,
)
from retention.rules.ready import READY, sync
from retention.rules.saving import CodeTaken, HoldsOddly, NobodyGetsIt, NoSuchVersion, revert, revise, save
from retention.rules.sentences import evidence_sentence, rule_sentence
from retention.rules.silences import SilenceRefused, silence
from retention.rules.terms import read

__all__ = [
    "MOVES",
    "READY",
    "CodeTaken",
    "Compiled",
    "Condition",
    "ConditionRefused",
    "HoldoutRefused",
    "HoldsOddly",
    "HowManyADay",
    "MayNotMove",
    "MovedMeanwhile",
    "NeverHeldOut",
    "NoSuchVersion",
    "NobodyGetsIt",
    "Params",
    "Shares",
    "SilenceRefused",
    "UnknownRule",
    "canonical_evidence",
    "compile_rule",
    "disable",
    "enable",
    "evidence_sentence",
    "get",
    "move",
    "parse",
    "read",
    "refuse_contradictions",
    "revert",
    "revise",
    "rule_sentence",
    "save",
    "share_of",
    "silence",
    "sync",
]

from retention.models.backtests import BacktestRun
from retention.models.calls import FollowUpCall
from retention.models.cases import CaseCause, CaseMove, MoveKind, RetentionCase, StatedCause
from retention.models.fitted import FittedParameters
from retention.models.losses import Loss
from retention.models.measures import CustomerMeasures, MeasureCoverage, MeasureState
from retention.models.renewals import RenewalCase, RenewalPolicy
from retention.models.rules import (
    Holdout,
    HoldoutProgramme,
    PendingMatch,
    RuleMove,
    RuleState,
    RuleVersion,
    Silence,
    WarningRule,
)
from retention.models.segments import Segment, SegmentCount, SegmentUse, SegmentVersion
from retention.models.sweeps import SweepRun, SweepShard
from retention.models.warnings import EarlyWarning

__all__ = [
    "BacktestRun",
    "CaseCause",
    "CaseMove",
    "CustomerMeasures",
    "EarlyWarning",
    "FittedParameters",
    "FollowUpCall",
    "Holdout",
    "HoldoutProgramme",
    "Loss",
    "MeasureCoverage",
    "MeasureState",
    "MoveKind",
    "PendingMatch",
    "RenewalCase",
    "RenewalPolicy",
    "RetentionCase",
    "RuleMove",
    "RuleState",
    "RuleVersion",
    "Segment",
    "SegmentCount",
    "SegmentUse",
    "SegmentVersion",
    "Silence",
    "StatedCause",
    "SweepRun",
    "SweepShard",
    "WarningRule",
]

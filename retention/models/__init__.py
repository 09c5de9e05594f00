from retention.models.calls import FollowUpCall
from retention.models.cases import CaseCause, CaseMove, MoveKind, RetentionCase, StatedCause
from retention.models.losses import Loss, LossDefinition, LossKind, RevisitPolicy
from retention.models.measures import CustomerMeasures, MeasureState
from retention.models.renewals import RenewalCase, RenewalPolicy
from retention.models.rules import RuleVersion, WarningRule
from retention.models.segments import Segment, SegmentCount, SegmentUse, SegmentVersion
from retention.models.standing import CutPoints, Standing, StandingVersion, ValuePolicy
from retention.models.sweeps import SweepRun, SweepShard
from retention.models.warnings import EarlyWarning

__all__ = [
    "CaseCause",
    "CaseMove",
    "CustomerMeasures",
    "CutPoints",
    "EarlyWarning",
    "FollowUpCall",
    "Loss",
    "LossDefinition",
    "LossKind",
    "MeasureState",
    "MoveKind",
    "RenewalCase",
    "RenewalPolicy",
    "RetentionCase",
    "RevisitPolicy",
    "RuleVersion",
    "Segment",
    "SegmentCount",
    "SegmentUse",
    "SegmentVersion",
    "Standing",
    "StandingVersion",
    "StatedCause",
    "SweepRun",
    "SweepShard",
    "ValuePolicy",
    "WarningRule",
]

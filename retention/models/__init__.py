from retention.models.backtests import BacktestRun
from retention.models.calls import FollowUpCall
from retention.models.care import CareDraw, CarePlan, CarePlanVersion, CareTouch
from retention.models.cases import CaseCause, CaseMove, MoveKind, RetentionCase, StatedCause
from retention.models.changes import (
    BusinessChange,
    ChangedProduct,
    ChangeTag,
    ConcernedCustomer,
    ConcernedStep,
    ListedCustomer,
)
from retention.models.fitted import FittedParameters
from retention.models.improvements import (
    ImprovementAction,
    ImprovementFeedback,
    ImprovementNotice,
    ImprovementReading,
    RiseAlarm,
)
from retention.models.interviews import InterviewOccasion, LossCause
from retention.models.loops import LoopClosure, LoopPolicy, LoopStep
from retention.models.losses import Loss, LossDefinition, LossKind, RevisitPolicy
from retention.models.measures import CustomerMeasures, MeasureCoverage, MeasureState
from retention.models.own import OwnMeasure, Way
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
from retention.models.standing import CutPoints, Standing, StandingVersion, ValuePolicy
from retention.models.sweeps import SweepRun, SweepShard
from retention.models.warnings import Dismissal, EarlyWarning

__all__ = [
    "BacktestRun",
    "BusinessChange",
    "CareDraw",
    "CarePlan",
    "CarePlanVersion",
    "CareTouch",
    "CaseCause",
    "CaseMove",
    "ChangeTag",
    "ChangedProduct",
    "ConcernedCustomer",
    "ConcernedStep",
    "CustomerMeasures",
    "CutPoints",
    "Dismissal",
    "EarlyWarning",
    "FittedParameters",
    "FollowUpCall",
    "Holdout",
    "HoldoutProgramme",
    "ImprovementAction",
    "ImprovementFeedback",
    "ImprovementNotice",
    "ImprovementReading",
    "InterviewOccasion",
    "ListedCustomer",
    "LoopClosure",
    "LoopPolicy",
    "LoopStep",
    "Loss",
    "LossCause",
    "LossDefinition",
    "LossKind",
    "MeasureCoverage",
    "MeasureState",
    "MoveKind",
    "OwnMeasure",
    "PendingMatch",
    "RenewalCase",
    "RenewalPolicy",
    "RetentionCase",
    "RevisitPolicy",
    "RiseAlarm",
    "RuleMove",
    "RuleState",
    "RuleVersion",
    "Segment",
    "SegmentCount",
    "SegmentUse",
    "SegmentVersion",
    "Silence",
    "Standing",
    "StandingVersion",
    "StatedCause",
    "SweepRun",
    "SweepShard",
    "ValuePolicy",
    "WarningRule",
    "Way",
]

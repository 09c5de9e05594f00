"""The tables of loyalty."""

from loyalty.models.earning import OrderEarning
from loyalty.models.ledger import (
    EntryNote,
    LedgerCheck,
    LedgerSeal,
    LotAllocation,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
)
from loyalty.models.programme import EarningRule, EarningRuleVersion, Programme, ProgrammeVersion
from loyalty.models.rewards import MemberLink, Redemption, Referral, Reward, RewardCode
from loyalty.models.tiers import (
    BenefitUse,
    LoyaltyNotice,
    Membership,
    MembershipPlan,
    Tier,
    TierBenefit,
    TierMove,
)

__all__ = [
    "BenefitUse",
    "EarningRule",
    "EarningRuleVersion",
    "EntryNote",
    "LedgerCheck",
    "LedgerSeal",
    "LotAllocation",
    "LoyaltyNotice",
    "MemberLink",
    "Membership",
    "MembershipPlan",
    "OrderEarning",
    "PointsAccount",
    "PointsAdjustment",
    "PointsEntry",
    "PointsLot",
    "Programme",
    "ProgrammeVersion",
    "Redemption",
    "Referral",
    "Reward",
    "RewardCode",
    "Tier",
    "TierBenefit",
    "TierMove",
]

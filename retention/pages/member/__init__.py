"""The customer's own page: one link, no sign-in, no cookie, no script; looking at it writes nothing."""

from retention.pages.member.views import (
    member,
    member_contact,
    member_redemption,
    member_referral,
    member_reward,
    member_statement,
    member_told,
)

__all__ = [
    "member",
    "member_contact",
    "member_redemption",
    "member_referral",
    "member_reward",
    "member_statement",
    "member_told",
]

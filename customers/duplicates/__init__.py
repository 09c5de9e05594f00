"""Customers that look like one: found by what they have in common, judged by people."""

from customers.duplicates.deciding import ProposalDecided, consider_again, dismiss
from customers.duplicates.finding import (
    MOST_SHARING,
    find_all,
    find_for,
    lookalikes,
    refresh,
)
from customers.duplicates.joining import joined, parted

__all__ = [
    "MOST_SHARING",
    "ProposalDecided",
    "consider_again",
    "dismiss",
    "find_all",
    "find_for",
    "joined",
    "lookalikes",
    "parted",
    "refresh",
]

"""Merging two files of one customer, and taking that back.

It is the one stated exception to "the past does not change": all that was known of the other customer
counts as the survivor's, at every moment, and the timeline says so.
"""

from customers.merges.gathering import gather
from customers.merges.merging import (
    FIELDS,
    ErasedSince,
    MergedAlready,
    MergedWithItself,
    MergeReasonMissing,
    merge_customers,
)
from customers.merges.undoing import (
    MergeStandsFast,
    MergeTooOld,
    NotMerged,
    erase,
    forget_old,
    undo_merge,
    until,
    what_forbids_undo,
)

__all__ = [
    "FIELDS",
    "ErasedSince",
    "MergeReasonMissing",
    "MergeStandsFast",
    "MergeTooOld",
    "MergedAlready",
    "MergedWithItself",
    "NotMerged",
    "erase",
    "forget_old",
    "gather",
    "merge_customers",
    "undo_merge",
    "until",
    "what_forbids_undo",
]

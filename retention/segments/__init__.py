"""Segments: saved conditions and lists, who belongs to them on any day, how many, since when."""

from retention.segments.counting import note_counts
from retention.segments.membership import NothingKnown, ToCome, as_of_day, matching, members
from retention.segments.saving import (
    CodeTaken,
    ListHasMembers,
    NotACondition,
    NotAList,
    SegmentInUse,
    bring_back,
    make_list,
    parsed,
    put,
    remove,
    rename,
    retire,
    revise,
    save,
)

__all__ = [
    "CodeTaken",
    "ListHasMembers",
    "NotACondition",
    "NotAList",
    "NothingKnown",
    "SegmentInUse",
    "ToCome",
    "as_of_day",
    "bring_back",
    "make_list",
    "matching",
    "members",
    "note_counts",
    "parsed",
    "put",
    "remove",
    "rename",
    "retire",
    "revise",
    "save",
]

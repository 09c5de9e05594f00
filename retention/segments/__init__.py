"""Segments: saved conditions and lists, who belongs to them on any day, how many, since when."""

from retention.segments.counting import course_of, note_counts
from retention.segments.membership import (
    NothingKnown,
    ToCome,
    as_of_day,
    condition_of,
    count_matching,
    matching,
    members,
)
from retention.segments.naming import named
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
    users_of,
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
    "condition_of",
    "count_matching",
    "course_of",
    "make_list",
    "matching",
    "members",
    "named",
    "note_counts",
    "parsed",
    "put",
    "remove",
    "rename",
    "retire",
    "revise",
    "save",
    "users_of",
]

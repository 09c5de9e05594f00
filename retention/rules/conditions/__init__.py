"""Conditions of rules: trees over measures, read from JSON, checked, evaluated, compiled to SQL.

A tree is ``{"all": […]}``, ``{"any": […]}``, ``{"not": …}`` or a leaf:
``{"measure": code, "op": op, "value": …}``, where ``op`` is one of ``< <= > >= = != between one_of
is_known is_unknown``, or ``{"measure": a, "op": …, "factor": "0.5", "other": b}``, which compares a
customer with its own past. Who brings the company's own terms along (``parse(…, terms=…)``) may also ask
for an attribute, ``{"attribute": code, "op": …, "value": …}``, for a segment, ``{"segment": code}``, and for
an own measure, ``{"measure": "own.code", "op": …, "value": …}``.

Unknown matches nothing, and its negation neither: the logic has three values (true, false, unknown)
as SQL has, and only true matches. A comparison of a measure may say otherwise: with ``"unknown": "yes"``
it holds as well where it cannot be made, and its negation does not; ``"no"`` is what is meant without.

Numbers are exact: at most four decimals, written as whole numbers or text, and compared as integers, a
ratio by cross-multiplication. Every number and code of a tree is bound as a parameter and never stands
in the text of the SQL (P12).
"""

from retention.rules.conditions.dated import InSegment, OfAttribute
from retention.rules.conditions.leaves import Against, Between, Compare, IsKnown, OneOf, OrUnknown
from retention.rules.conditions.own import OfOwn
from retention.rules.conditions.reading import TooFarUnfolded, parse
from retention.rules.conditions.reading_terms import SegmentContainsItself
from retention.rules.conditions.sql import Params
from retention.rules.conditions.terms import MEASURES_ONLY, AttributeKind, AttributeTerm, SegmentTerm, Terms
from retention.rules.conditions.tree import All, AnyOf, Condition, Leaf, Not, OfMeasure
from retention.rules.conditions.vocabulary import (
    ATTRIBUTE_OPERATORS,
    COUNTED,
    DEEPEST,
    LONGEST_TEXT,
    MOST_NODES,
    MOST_UNFOLDED,
    OPERATORS,
    TESTS,
    ConditionRefused,
    Json,
    Path,
)

__all__ = [
    "ATTRIBUTE_OPERATORS",
    "COUNTED",
    "DEEPEST",
    "LONGEST_TEXT",
    "MEASURES_ONLY",
    "MOST_NODES",
    "MOST_UNFOLDED",
    "OPERATORS",
    "TESTS",
    "Against",
    "All",
    "AnyOf",
    "AttributeKind",
    "AttributeTerm",
    "Between",
    "Compare",
    "Condition",
    "ConditionRefused",
    "InSegment",
    "IsKnown",
    "Json",
    "Leaf",
    "Not",
    "OfAttribute",
    "OfMeasure",
    "OfOwn",
    "OneOf",
    "OrUnknown",
    "Params",
    "Path",
    "SegmentContainsItself",
    "SegmentTerm",
    "Terms",
    "TooFarUnfolded",
    "parse",
]

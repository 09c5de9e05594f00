"""Conditions of rules: trees over measures, read from JSON, checked, evaluated, compiled to SQL.

A tree is ``{"all": […]}``, ``{"any": […]}``, ``{"not": …}`` or a leaf:
``{"measure": code, "op": op, "value": …}``, where ``op`` is one of ``< <= > >= = != between one_of
is_known is_unknown``, or ``{"measure": a, "op": …, "factor": "0.5", "other": b}``, which compares a
customer with its own past.

Unknown matches nothing, and its negation neither: the logic has three values (true, false, unknown)
as SQL has, and only true matches. Numbers are exact: at most four decimals, written as whole numbers
or text, and compared as integers, a ratio by cross-multiplication. Every number and code of a tree is
bound as a parameter and never stands in the text of the SQL (P12).
"""

from retention.rules.conditions.leaves import Against, Between, Compare, IsKnown, OneOf
from retention.rules.conditions.reading import parse
from retention.rules.conditions.sql import Params
from retention.rules.conditions.tree import All, AnyOf, Condition, Leaf, Not
from retention.rules.conditions.vocabulary import (
    DEEPEST,
    MOST_NODES,
    OPERATORS,
    ConditionRefused,
    Json,
    Path,
)

__all__ = [
    "DEEPEST",
    "MOST_NODES",
    "OPERATORS",
    "Against",
    "All",
    "AnyOf",
    "Between",
    "Compare",
    "Condition",
    "ConditionRefused",
    "IsKnown",
    "Json",
    "Leaf",
    "Not",
    "OneOf",
    "Params",
    "Path",
    "parse",
]

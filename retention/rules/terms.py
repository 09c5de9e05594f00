"""The attributes, segments and own measures that conditions may name, as they stand."""

from __future__ import annotations

from typing import Any

from customers.models import Attribute
from retention.measures import own
from retention.models import Segment
from retention.rules.conditions import (
    AttributeKind,
    AttributeTerm,
    Condition,
    Json,
    SegmentTerm,
    Terms,
    parse,
)


def known() -> Terms:
    """Return all of them, retired ones too: conditions that stand go on naming them. Three queries."""
    return Terms(
        attributes={row.code: _attribute(row) for row in Attribute.objects.order_by("code")},
        segments={row.code: segment_term(row) for row in Segment.objects.order_by("code")},
        own=own.known(),
    )


def read(tree: Json, *, terms: Terms | None = None) -> Condition:
    """Read and check a rule's tree; raise ``ConditionRefused``.

    ``terms``: those that :func:`known` gave. Without them they are asked for, if the tree names any.
    """
    if not names_terms(tree):
        return parse(tree)
    return parse(tree, terms=terms or known())


def names_terms(tree: Json) -> bool:
    """Say whether a tree, well-formed or not, speaks of an attribute, a segment or an own measure."""
    left: list[Json] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if "attribute" in node or "segment" in node or is_own(node.get("measure")):
                return True
            left += node.values()
        elif isinstance(node, list):
            left += node
    return False


def is_own(code: Json) -> bool:
    """Say whether a tree names an own measure by this, whether there is such a one or not."""
    return isinstance(code, str) and code.startswith(own.PREFIX)


def segment_term(segment: Segment) -> SegmentTerm:
    """Return a segment as conditions read it."""
    return SegmentTerm(
        code=segment.code,
        name_en=segment.name_en,
        name_zh=segment.name_zh,
        condition=segment.condition,
        list_id=segment.list_id,
        is_retired=segment.retired_at is not None,
    )


def _attribute(row: Attribute) -> AttributeTerm:
    choices = tuple(_choice(one) for one in row.choices)
    return AttributeTerm(row.pk, row.code, AttributeKind(row.kind), row.label_en, row.label_zh, choices)


def _choice(one: Any) -> tuple[str, str, str]:
    """Return a choice's code and labels; a bare code is its own label."""
    if isinstance(one, dict):
        code = str(one["code"])
        return code, str(one.get("label_en") or code), str(one.get("label_zh") or code)
    return str(one), str(one), str(one)

"""The attributes and segments that conditions may name, as they stand."""

from __future__ import annotations

from typing import Any

from customers.models import Attribute
from retention.models import Segment
from retention.rules.conditions import AttributeKind, AttributeTerm, SegmentTerm, Terms


def known() -> Terms:
    """Return all of them, retired segments too: conditions that stand go on naming them. Two queries."""
    return Terms(
        attributes={row.code: _attribute(row) for row in Attribute.objects.order_by("code")},
        segments={row.code: segment_term(row) for row in Segment.objects.order_by("code")},
    )


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

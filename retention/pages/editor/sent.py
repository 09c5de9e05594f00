"""Reading a draft from what a form sent: named fields, a few for each node, never more than fit a tree."""

from __future__ import annotations

import re

from django.http import QueryDict

from retention.pages.editor.draft import Draft, GroupDraft, LeafDraft, Place, written
from retention.rules.conditions import DEEPEST, LONGEST_TEXT, MOST_NODES

_BETWEEN_NUMBERS = re.compile(r"[,，、;；\s]+")
_MOST_TEXT = LONGEST_TEXT + 1  # one more than is allowed, so that it is refused and not cut in silence


def read(data: QueryDict, name: str) -> GroupDraft:
    """Return the tree that was sent; an empty one when there is none."""
    root = _Reader(data, name).node((), depth=1)
    if isinstance(root, GroupDraft):
        return root
    return GroupDraft(parts=(root,)) if root is not None else GroupDraft()


class _Reader:
    def __init__(self, data: QueryDict, name: str) -> None:
        self.data = data
        self.name = name
        self.left = MOST_NODES + 1

    def node(self, place: Place, *, depth: int) -> Draft | None:
        kind = self._one(place, "is")
        if kind not in ("all", "any", "leaf") or depth > DEEPEST + 1 or not self.left:
            return None
        self.left -= 1
        negated = self._one(place, "not") == "1"
        if kind == "leaf":
            return self._leaf(place, negated)
        parts: list[Draft] = []
        while (part := self.node((*place, len(parts)), depth=depth + 1)) is not None:
            parts.append(part)
        return GroupDraft(kind, tuple(parts), negated)

    def _leaf(self, place: Place, negated: bool) -> LeafDraft:
        return LeafDraft(
            what=self._one(place, "what"),
            op=self._one(place, "op"),
            values=self._values(place),
            factor=self._one(place, "factor"),
            other=self._one(place, "other"),
            negated=negated,
            unknown=self._one(place, "unknown") == "yes",
        )

    def _values(self, place: Place) -> tuple[str, ...]:
        sent = self.data.getlist(f"{self.name}.{written(place)}.value")[: MOST_NODES + 1]
        form = self._one(place, "form")
        if form == "numbers" and sent:
            return tuple(one for one in _BETWEEN_NUMBERS.split(sent[0][:4000]) if one)
        if form == "texts" and sent:
            lines = [line.strip() for line in sent[0].splitlines()]
            return tuple(line[:_MOST_TEXT] for line in lines if line)[: MOST_NODES + 1]
        return tuple(one[:_MOST_TEXT] for one in sent)

    def _one(self, place: Place, part: str) -> str:
        return self.data.get(f"{self.name}.{written(place)}.{part}", "")[:_MOST_TEXT]

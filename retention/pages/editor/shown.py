"""The nodes of a draft as the templates show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retention.measures import Unit, every
from retention.pages.editor import controls, draft
from retention.pages.editor.draft import Draft, GroupDraft, LeafDraft, Place
from retention.rules.conditions import DEEPEST, AttributeKind

if TYPE_CHECKING:
    from retention.pages.editor.form import Editor


@dataclass
class Node:
    """What every node shows: where it stands, whether it is negated, what is wrong with it."""

    place: str
    key: str  # before the names of its fields
    id: str  # before the ids of its elements
    number: str  # as people count: 1.2
    negated: bool
    error: str
    hint: str
    is_first: bool
    is_last: bool
    may_group: bool

    @property
    def is_not(self) -> str:
        """Say, for ``aria-pressed``, whether it is negated."""
        return "true" if self.negated else "false"


@dataclass
class Group(Node):
    """All or any of some parts."""

    word: str = "all"
    parts: list[Node] = field(default_factory=list)
    is_group: bool = True
    is_root: bool = False

    @property
    def is_all(self) -> str:
        """Say, for ``aria-pressed``, whether all of the parts are asked for."""
        return "true" if self.word == "all" else "false"

    @property
    def is_any(self) -> str:
        """Say, for ``aria-pressed``, whether any of the parts is enough."""
        return "true" if self.word == "any" else "false"

    def walk(self) -> Iterator[Node]:
        """Yield the group and every node below it."""
        yield self
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.walk()
            else:
                yield part


@dataclass
class Leaf(Node):
    """A statement with its controls."""

    what: str = ""
    label: str = ""
    unit: str = ""
    help: str = ""
    op: str = ""
    ops: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    control: controls.Control = field(default_factory=lambda: controls.Control("none"))
    values: list[str] = field(default_factory=list)
    text: str = ""
    factor: str = ""
    other: str = ""
    others: list[controls.Options] = field(default_factory=list)
    is_choosing: bool = False
    is_segment: bool = False
    asks_unknown: bool = False
    unknown: bool = False
    is_group: bool = False


class Maker:
    """Makes the nodes of one editor."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor

    def node(self, one: Draft, place: Place, *, first: bool = True, last: bool = True) -> Node:
        """Return a node with all below it."""
        name, where = self.editor.name, draft.written(place)
        hint = self.editor.hints.get(place, "")
        error = self.editor.errors.get(place, "")
        if hint and self.editor.strict:
            error, hint = hint, ""
        common = {
            "place": where,
            "key": f"{name}.{where}",
            "id": f"{name}-{where}",
            "number": ".".join(str(number + 1) for number in place),
            "negated": one.negated,
            "error": error,
            "hint": hint,
            "is_first": first,
            "is_last": last,
            "may_group": len(place) + 2 < DEEPEST,
        }
        if isinstance(one, GroupDraft):
            most = len(one.parts) - 1
            parts = [
                self.node(part, (*place, n), first=n == 0, last=n == most) for n, part in enumerate(one.parts)
            ]
            return Group(**common, word=one.word, parts=parts, is_root=not place)  # type: ignore[arg-type]
        leaf = Leaf(**common, what=one.what, is_choosing=self.editor.choosing == place)  # type: ignore[arg-type]
        self._fill(leaf, one)
        return leaf

    def _fill(self, leaf: Leaf, one: LeafDraft) -> None:
        terms = self.editor.terms
        option = controls.option_of(one, terms)
        if option is None:
            leaf.label = one.code
            return
        leaf.label, leaf.unit, leaf.help = option.label, option.unit, option.help
        leaf.is_segment = one.family == "segment"
        if leaf.is_segment:
            return
        allowed = controls.allowed_ops(one, terms)
        op = one.op if one.op in allowed else controls.first_op(one, terms)
        leaf.op, leaf.ops = op, self._ops(one, allowed)
        leaf.asks_unknown = LeafDraft(one.what, op).may_be_unknown
        leaf.unknown = one.unknown and leaf.asks_unknown
        asked = LeafDraft(one.what, op, one.values, one.factor, one.other)
        leaf.control = controls.control_of(asked, terms, currency=self.editor.currency)
        leaf.values = [*one.values, "", ""][: leaf.control.count]
        if leaf.control.kind in ("choices", "choice"):
            leaf.values = list(one.values)
        leaf.text = ("\n" if leaf.control.kind == "texts" else ", ").join(one.values)
        if leaf.control.kind == "against":
            leaf.factor, leaf.other = one.factor or "1", one.other
            leaf.others = list(controls.comparable(one.code))

    def _ops(self, one: LeafDraft, allowed: list[str]) -> list[tuple[str, list[tuple[str, str]]]]:
        is_date = self._is_date(one)
        plain = [(op, controls.op_label(op, is_date=is_date)) for op in allowed if not op.startswith("x")]
        against = [(op, controls.op_label(op, is_date=is_date)) for op in allowed if op.startswith("x")]
        groups = [(gettext("compared with a value"), plain)]
        return [*groups, (gettext("compared with another measure"), against)] if against else groups

    def _is_date(self, one: LeafDraft) -> bool:
        if one.code in self.editor.terms.own:
            return self.editor.terms.own[one.code].unit == Unit.DAY
        if one.family == "measure":
            return every()[one.code].unit == Unit.DAY
        return self.editor.terms.attributes[one.code].kind == AttributeKind.DATE

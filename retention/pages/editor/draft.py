"""A tree that is being edited: it may be incomplete, and holds what was typed as it was typed.

Drafts are frozen; an act gives a new tree. A place in a tree is the numbers of the parts on the way to
it, written ``0-2``; the root is ``root``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

Place: TypeAlias = tuple[int, ...]
ROOT = "root"


@dataclass(frozen=True)
class LeafDraft:
    """A statement: ``what`` it is about (``measure:orders_90d``), how and with what it is compared.

    ``op`` begins with ``x`` when it compares with another measure. ``unknown``: it holds as well where the
    measure is unknown.
    """

    what: str = ""
    op: str = ""
    values: tuple[str, ...] = ()
    factor: str = ""
    other: str = ""
    negated: bool = False
    unknown: bool = False

    @property
    def may_be_unknown(self) -> bool:
        """Say whether it can be told what an unknown counts as."""
        return self.family == "measure" and self.op not in ("", "is_known", "is_unknown")

    @property
    def family(self) -> str:
        """Return ``measure``, ``attribute`` or ``segment``; nothing when nothing was chosen."""
        return self.what.partition(":")[0]

    @property
    def code(self) -> str:
        """Return the code of the measure, attribute or segment."""
        return self.what.partition(":")[2]


@dataclass(frozen=True)
class GroupDraft:
    """All, or any, of some parts."""

    word: str = "all"
    parts: tuple[Draft, ...] = ()
    negated: bool = False


Draft: TypeAlias = "LeafDraft | GroupDraft"


def written(place: Place) -> str:
    """Return a place as fields and buttons write it."""
    return "-".join(str(number) for number in place) or ROOT


def read_place(text: str) -> Place | None:
    """Return the place that a button wrote; ``None`` for anything else."""
    if text == ROOT:
        return ()
    numbers = text.split("-")
    if len(text) > 64 or not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    return tuple(int(number) for number in numbers)


def at(draft: Draft, place: Place) -> Draft | None:
    """Return what stands at a place."""
    for number in place:
        if not isinstance(draft, GroupDraft) or number >= len(draft.parts):
            return None
        draft = draft.parts[number]
    return draft


def walk(draft: Draft, place: Place = ()) -> Iterator[tuple[Place, Draft]]:
    """Yield every node with its place, a group before its parts."""
    yield place, draft
    if isinstance(draft, GroupDraft):
        for number, part in enumerate(draft.parts):
            yield from walk(part, (*place, number))


def put(draft: Draft, place: Place, change: Callable[[Draft], tuple[Draft, ...]]) -> GroupDraft:
    """Return the tree with the node at ``place`` replaced by what ``change`` makes of it."""
    if not isinstance(draft, GroupDraft):
        raise TypeError("only a group has parts")
    if not place:
        (changed,) = change(draft)
        return changed if isinstance(changed, GroupDraft) else GroupDraft(parts=(changed,))
    first, rest = place[0], place[1:]
    part = draft.parts[first]
    new = change(part) if not rest else (put(part, rest, change),)
    return replace(draft, parts=(*draft.parts[:first], *new, *draft.parts[first + 1 :]))


# --- Acts: each returns the new tree and the act whose button has the focus then --------------------
Acted: TypeAlias = "tuple[GroupDraft, str]"


def add(root: GroupDraft, place: Place, new: Draft) -> tuple[GroupDraft, Place]:
    """Put a part at the end of a group; return the tree and where the part stands."""
    group = at(root, place)
    count = len(group.parts) if isinstance(group, GroupDraft) else 0
    changed = put(
        root,
        place,
        lambda one: (replace(one, parts=(*one.parts, new)),) if isinstance(one, GroupDraft) else (one,),
    )
    return changed, (*place, count)


def remove(root: GroupDraft, place: Place) -> Acted:
    """Take a part away, and a group with it that has nothing left."""
    if not place:
        return GroupDraft(), f"add:{ROOT}"
    root = put(root, place, lambda _one: ())
    above = place[:-1]
    group = at(root, above)
    if above and isinstance(group, GroupDraft) and not group.parts:
        return remove(root, above)
    return root, f"add:{written(above)}"


def move(root: GroupDraft, place: Place, by: int) -> Acted:
    """Move a part up or down among its neighbours; at the edge nothing happens."""
    word = "up" if by < 0 else "down"
    above = at(root, place[:-1]) if place else None
    if not isinstance(above, GroupDraft) or not 0 <= place[-1] + by < len(above.parts):
        return root, f"{word}:{written(place)}"
    parts, here, there = list(above.parts), place[-1], place[-1] + by
    parts[here], parts[there] = parts[there], parts[here]
    root = put(root, place[:-1], lambda one: (replace(one, parts=tuple(parts)),))
    is_edge = (
        there in (0, len(parts) - 1) and not (by < 0 < there) and not (by > 0 and there < len(parts) - 1)
    )
    other = {"up": "down", "down": "up"}[word]
    return root, f"{other if is_edge else word}:{written((*place[:-1], there))}"


def negate(root: GroupDraft, place: Place) -> Acted:
    """Turn a part into its opposite."""
    return put(root, place, lambda one: (replace(one, negated=not one.negated),)), f"negate:{written(place)}"


def wrap(root: GroupDraft, place: Place) -> Acted:
    """Put a group around a part, to which others can be added."""
    if not place:
        return GroupDraft(parts=(root,)), f"add:{ROOT}"
    return put(root, place, lambda one: (GroupDraft("any", (one,)),)), f"add:{written(place)}"


def unwrap(root: GroupDraft, place: Place) -> Acted:
    """Let the parts of a group stand where it stood; one that is negated stays."""
    group = at(root, place)
    if not place or not isinstance(group, GroupDraft) or group.negated:
        return root, f"add:{written(place)}"
    parts = group.parts
    return put(root, place, lambda _one: parts), f"add:{written(place[:-1])}"


def word(root: GroupDraft, place: Place, new: str) -> Acted:
    """Ask a group for all, or for any, of its parts."""
    changed = put(
        root, place, lambda one: (replace(one, word=new),) if isinstance(one, GroupDraft) else (one,)
    )
    return changed, f"word:{written(place)}:{new}"


def use(root: GroupDraft, place: Place, what: str, op: str) -> Acted:
    """Let a leaf be about something else; what it was compared with is forgotten."""

    def change(one: Draft) -> tuple[Draft, ...]:
        if not isinstance(one, LeafDraft):
            return (one,)
        return (one if one.what == what else LeafDraft(what, op, negated=one.negated),)

    return put(root, place, change), f"op:{written(place)}"

"""The editor: a draft with all that is needed to show it, read from a tree or from what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from customers import company
from customers.models import User
from retention.pages.editor import controls, draft, outcome, sent, shown, trees
from retention.pages.editor.draft import Draft, GroupDraft, LeafDraft, Place
from retention.rules import terms
from retention.rules.conditions import Condition, ConditionRefused, Json, Path, Terms, parse

_NAME = re.compile(r"[a-z][a-z_]{0,31}")


@dataclass(frozen=True)
class Scope:
    """What the tree may speak of beside measures, and whose own condition it is (a segment's code)."""

    attributes: bool = True
    segments: bool = True
    within: str = ""

    def narrowed(self, known: Terms) -> Terms:
        """Return the terms that the tree may name."""
        return Terms(
            known.attributes if self.attributes else {}, known.segments if self.segments else {}, known.own
        )

    def __str__(self) -> str:
        words = [word for word in ("attributes", "segments") if getattr(self, word)]
        return " ".join([*words, f"within:{self.within}"])

    @classmethod
    def read(cls, text: str) -> Scope:
        """Return the scope that a form wrote."""
        words = text.split()
        within = next((word[7:] for word in words if word.startswith("within:")), "")
        return cls("attributes" in words, "segments" in words, within[:64])


@dataclass
class Editor:
    """A field called ``name`` whose value is a tree; ``user`` is shown how many of hers match.

    ``strict``: somebody tried to save, so that what is missing is an error, not a hint.
    """

    name: str
    root: GroupDraft
    user: User
    at: datetime
    scope: Scope = field(default_factory=Scope)
    choosing: Place | None = None
    focus: str = ""
    strict: bool = False
    refused: dict[Place, str] = field(default_factory=dict)

    # --- Where it comes from --------------------------------------------------------------------
    @classmethod
    def of_tree(
        cls, name: str, tree: Json, *, user: User, at: datetime, scope: Scope | None = None
    ) -> Editor:
        """Return the editor of a stored tree; of an empty one when there is none."""
        root = trees.draft_of(tree, currency=company.current().base_currency) if tree else GroupDraft()
        return cls(name, root, user, at, scope or Scope())

    @classmethod
    def of_request(
        cls, request: HttpRequest, name: str, *, at: datetime, scope: Scope | None = None
    ) -> Editor:
        """Return the editor as it was sent, after the act of the button that was pressed.

        ``scope`` is the page's; a fragment takes the one in the form, whatever it says: the verb that
        saves the tree looks for itself.
        """
        data = request.POST
        scope = scope or Scope.read(data.get(f"{name}.scope", ""))
        editor = cls(name, sent.read(data, name), request.user, at, scope)  # type: ignore[arg-type]
        editor._act(data.get(f"{name}.act", "")[:200])
        return editor

    @classmethod
    def is_name(cls, text: str) -> bool:
        """Say whether a text can be the name of an editor."""
        return _NAME.fullmatch(text) is not None

    @staticmethod
    def acted(data: QueryDict, name: str) -> bool:
        """Say whether a button of the editor was pressed, not one of the form around it."""
        return f"{name}.act" in data

    # --- What the page needs --------------------------------------------------------------------
    @cached_property
    def terms(self) -> Terms:
        """Return the attributes and segments that the tree may name."""
        return self.scope.narrowed(terms.known())

    @cached_property
    def currency(self) -> str:
        """Return the currency that amounts are typed in."""
        return company.current().base_currency

    @property
    def tree(self) -> Json:
        """Return the tree as it is typed; whether it stands is for ``parse`` to say."""
        return trees.tree_of(self.root, currency=self.currency)

    @cached_property
    def condition(self) -> Condition | None:
        """Return the condition when it is complete and stands."""
        if self.hints or any(self.errors.values()):
            return None
        return parse(self.tree, terms=self.terms, within=self.scope.within)

    @cached_property
    def outcome(self) -> outcome.Outcome:
        """Return what the condition says and who meets it now."""
        return outcome.of(self.condition, user=self.user, at=self.at, currency=self.currency)

    @cached_property
    def hints(self) -> dict[Place, str]:
        """Return what is still missing, by place."""
        found: dict[Place, str] = {}
        for place, node in draft.walk(self.root):
            if isinstance(node, GroupDraft) and not node.parts:
                found[place] = gettext("Add a condition.")
            elif isinstance(node, LeafDraft) and not node.what:
                found[place] = gettext("Choose what to compare.")
            elif isinstance(node, LeafDraft) and self._lacks_value(node):
                found[place] = gettext("Enter a value.")
        return found

    @cached_property
    def errors(self) -> dict[Place, str]:
        """Return what is wrong, by place."""
        found = dict(self.refused)
        for place, node in draft.walk(self.root):
            if isinstance(node, LeafDraft) and place not in self.hints and place not in found:
                said = self._wrong(trees.leaf_of(node, currency=self.currency))
                if said:
                    found[place] = said[1]
        if not found and not self.hints and (said := self._wrong(self.tree)):
            found[self.place_of(said[0])] = said[1]
        return found

    def refuse(self, error: ConditionRefused) -> None:
        """Show a refusal of the verb where it belongs."""
        self.strict = True
        for cached in ("errors", "condition", "outcome", "nodes"):
            self.__dict__.pop(cached, None)
        self.refused[self.place_of(error.path)] = str(error)

    @cached_property
    def nodes(self) -> shown.Group:
        """Return the tree ready to show."""
        made = shown.Maker(self).node(self.root, ())
        if not isinstance(made, shown.Group):
            raise TypeError("the root is a group")
        return made

    @property
    def flat(self) -> list[shown.Node]:
        """Return every node, a group before its parts."""
        return list(self.nodes.walk())

    @cached_property
    def options(self) -> list[controls.Options]:
        """Return what a condition can be about."""
        return controls.options(self.terms, without=self.scope.within)

    def place_of(self, path: Path) -> Place:
        """Return the place in the draft that the path of a refusal means."""
        alone = len(self.root.parts) == 1 and not self.root.negated
        place: Place = (0,) if alone else ()
        steps = list(path.steps)
        while steps:
            step = steps.pop(0)
            if step in ("all", "any") and steps and isinstance(steps[0], int):
                place = (*place, int(steps.pop(0)) - 1)
            elif step != "not":
                break
        return place if draft.at(self.root, place) is not None else ()

    # --- Inside ------------------------------------------------------------------------------------
    def _wrong(self, tree: Json) -> tuple[Path, str] | None:
        try:
            parse(tree, terms=self.terms, within=self.scope.within)
        except ConditionRefused as error:
            return error.path, str(error)
        return None

    def _lacks_value(self, leaf: LeafDraft) -> bool:
        if controls.option_of(leaf, self.terms) is None:
            return False  # an error of its own
        control = controls.control_of(leaf, self.terms, currency=self.currency)
        if control.kind == "none":
            return False
        if control.kind == "against":
            return not leaf.other or not leaf.factor.strip()
        values = [one for one in leaf.values if one.strip()]
        return len(values) < control.count

    def _act(self, text: str) -> None:
        verb, _, rest = text.partition(":")
        where, _, what = rest.partition(":")
        place = draft.read_place(where)
        if place is None or draft.at(self.root, place) is None:
            return
        acts: dict[str, Callable[[], draft.Acted]] = {
            "add": lambda: self._add(place, LeafDraft()),
            "group": lambda: self._add(place, GroupDraft("any", (LeafDraft(),))),
            "remove": lambda: draft.remove(self.root, place),
            "up": lambda: draft.move(self.root, place, -1),
            "down": lambda: draft.move(self.root, place, 1),
            "negate": lambda: draft.negate(self.root, place),
            "wrap": lambda: draft.wrap(self.root, place),
            "unwrap": lambda: draft.unwrap(self.root, place),
            "word": lambda: draft.word(self.root, place, "any" if what == "any" else "all"),
            "choose": lambda: self._choose(place),
            "cancel": lambda: (self.root, f"choose:{where}"),
            "use": lambda: self._use(place, what),
        }
        if verb in acts:
            self.root, self.focus = acts[verb]()

    def _add(self, place: Place, new: Draft) -> draft.Acted:
        root, there = draft.add(self.root, place, new)
        self.choosing = (*there, 0) if isinstance(new, GroupDraft) else there
        return root, "search"

    def _choose(self, place: Place) -> draft.Acted:
        self.choosing = place
        return self.root, "search"

    def _use(self, place: Place, what: str) -> draft.Acted:
        leaf = LeafDraft(what)
        root, focus = draft.use(self.root, place, what, controls.first_op(leaf, self.terms))
        is_segment = leaf.family == "segment"  # there is nothing to compare it with
        return root, f"choose:{draft.written(place)}" if is_segment else focus

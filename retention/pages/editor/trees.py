"""Between trees as JSON and drafts: amounts are typed in the major unit and stored in the minor one."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from customers.ground import money
from retention.measures import Unit, every
from retention.pages.editor.draft import Draft, GroupDraft, LeafDraft
from retention.rules.conditions import DEEPEST, Json

_WIDE = str.maketrans("０１２３４５６７８９．－", "0123456789.-")
SEVERAL = ("one_of", "between")
WITHOUT_VALUE = ("is_known", "is_unknown")


def draft_of(tree: Json, *, currency: str) -> GroupDraft:
    """Return a stored tree as a draft, also one that no longer stands."""
    read = _draft(tree, currency, negated=False, depth=1)
    return read if isinstance(read, GroupDraft) else GroupDraft(parts=(read,))


def _draft(tree: Json, currency: str, *, negated: bool, depth: int) -> Draft:
    if not isinstance(tree, dict) or depth > DEEPEST + 1:
        return LeafDraft(negated=negated)
    if set(tree) == {"not"}:
        return _draft(tree["not"], currency, negated=not negated, depth=depth + 1)
    for word in ("all", "any"):
        if set(tree) == {word} and isinstance(tree[word], list):
            parts = [_draft(part, currency, negated=False, depth=depth + 1) for part in tree[word]]
            return GroupDraft(word, tuple(parts), negated)
    return _leaf(tree, currency, negated=negated)


def _leaf(tree: dict[str, Json], currency: str, *, negated: bool) -> LeafDraft:
    for family in ("measure", "attribute", "segment"):
        if family in tree:
            what = f"{family}:{tree[family]}"
            break
    else:
        return LeafDraft(negated=negated)
    op, unknown = str(tree.get("op", "")), tree.get("unknown") == "yes"
    if "other" in tree:
        factor = str(tree.get("factor", 1))
        return LeafDraft(what, f"x{op}", (), factor, f"measure:{tree['other']}", negated, unknown)
    value = tree.get("value", [])
    values = value if isinstance(value, list) else [value]
    texts = [_major(one, currency) if _is_money(what) else _text(one) for one in values]
    return LeafDraft(what, op, tuple(texts), negated=negated, unknown=unknown)


def _text(value: Json) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _major(value: Json, currency: str) -> str:
    """Return an amount of minor units as people write it."""
    try:
        amount = Decimal(str(value)).scaleb(-money.exponent_of(currency))
    except InvalidOperation:
        return str(value)
    return f"{amount.normalize():f}"


def _is_money(what: str) -> bool:
    measure = every().get(what.partition(":")[2]) if what.startswith("measure:") else None
    return measure is not None and measure.unit == Unit.MONEY


# --- Back --------------------------------------------------------------------------------------------
def tree_of(root: GroupDraft, *, currency: str) -> Json:
    """Return a draft as the JSON that ``conditions.parse`` reads; one part alone needs no group."""
    if len(root.parts) == 1 and not root.negated:
        return node_of(root.parts[0], currency=currency)
    return node_of(root, currency=currency)


def node_of(draft: Draft, *, currency: str) -> Json:
    """Return one node as JSON."""
    if isinstance(draft, GroupDraft):
        made: Json = {draft.word: [node_of(part, currency=currency) for part in draft.parts]}
    else:
        made = leaf_of(draft, currency=currency)
    return {"not": made} if draft.negated else made


def leaf_of(leaf: LeafDraft, *, currency: str) -> Json:
    """Return a leaf as JSON, without its negation; a number that is none stays as it was typed."""
    if not leaf.what:
        return {}
    if leaf.family == "segment":
        return {"segment": leaf.code}
    made: dict[str, Any] = {leaf.family: leaf.code, "op": leaf.op.removeprefix("x")}
    if leaf.unknown and leaf.may_be_unknown:
        made["unknown"] = "yes"
    if leaf.op.startswith("x"):
        return {**made, "factor": _plain(leaf.factor) or "1", "other": leaf.other.partition(":")[2]}
    if leaf.op in WITHOUT_VALUE:
        return made
    values = [_value(leaf, text, currency) for text in leaf.values]
    if leaf.op in SEVERAL:
        return {**made, "value": values}
    return {**made, "value": values[0] if values else ""}


def _value(leaf: LeafDraft, text: str, currency: str) -> Json:
    measure = every().get(leaf.code) if leaf.family == "measure" else None
    if measure is None:
        return text
    if measure.unit == Unit.FLAG:
        return {"1": 1, "0": 0}.get(text, text)
    if measure.unit == Unit.MONEY:
        try:
            return _short(Decimal(_plain(text)).scaleb(money.exponent_of(currency)))
        except InvalidOperation:
            return text
    return text if measure.unit in (Unit.DAY, Unit.CODE) else _plain(text)


def _short(number: Decimal) -> str:
    return f"{number.normalize():f}" if number.is_finite() else str(number)


def _plain(text: str) -> str:
    """Return a number as it is read: without blanks and commas between thousands, in plain digits."""
    return "".join(text.translate(_WIDE).split()).replace(",", "").replace("，", "")

"""What a basket earns by the rules, and why: pure, exact, without a database.

Money is in minor units of the programme's currency. Everything is counted exactly and rounded once, for
the whole order, as the programme says. By amount a line earns on what is net paid for it: discounts and
points (lines with a negative price) are spread over the lines by their share, and goods that came back
in the same order count off. Multipliers, and the tier's, multiply what is earned by amount; points for
goods, for the first order and for events are fixed. Several multipliers multiply each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from loyalty.earning import documents
from loyalty.earning.documents import Document, Json, number

WHOLE_BP = 10_000
DOWN, HALF_UP = "down", "half_up"
_NOTHING = Fraction(0)
_ONE = Fraction(1)
_SHOWN_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A line as recorded: ``amount`` signed, negative for a discount or a return (``quantity`` < 0)."""

    line_no: int
    product: str
    label: str
    quantity: Decimal
    amount: int


@dataclass(frozen=True, slots=True)
class Goods:
    """What is left of a line: ``amount`` is net paid for it, above zero or zero."""

    line_no: int
    product: str
    label: str
    quantity: Decimal | Fraction
    amount: int


@dataclass(frozen=True, slots=True)
class Basket:
    """What is paid for, and by whom: the tier with its share of points, whether it is her first order."""

    goods: Sequence[Goods]
    day: int
    is_first: bool = False
    tier: str = ""
    tier_bp: int = WHOLE_BP
    birthday: frozenset[str] = frozenset()  # of "day" and "month" those that hold


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of a rule that counts."""

    id: int
    version: int
    document: Document


@dataclass(frozen=True, slots=True)
class Netted:
    """The goods of an order, and what of its returns went beyond what was sold in it (minor units)."""

    goods: list[Goods]
    beyond: int


@dataclass(slots=True)
class Outcome:
    """What is earned and why.

    ``exact`` is what ``points`` were rounded from (after caps); ``shares`` what each line brought to it
    before caps, ``fixed`` what belongs to no line.
    """

    points: int
    exact: Fraction
    net: int
    parts: list[Json] = field(default_factory=list)
    shares: dict[int, Fraction] = field(default_factory=dict)
    fixed: Fraction = _NOTHING
    rounding: str = DOWN

    def detail(self) -> Json:
        """Return it in ids, codes and numbers, for the entry's ``detail``."""
        return {
            "net": self.net,
            "parts": self.parts,
            "exact": shown(self.exact),
            "rounding": self.rounding,
            "points": self.points,
        }


# --- What is net paid -------------------------------------------------------------------------
def net_goods(lines: Iterable[Line]) -> Netted:
    """Return what is net paid for each line; what comes back in the order, and discounts, count off.

    What comes back counts off lines of the same product, the last first; else, like a discount, off all
    lines by their share. Whole minor units: the greatest remainders get what is left over.
    """
    sold: list[list[Any]] = []
    discount, back = 0, list[Line]()
    for line in lines:
        if line.quantity > 0 and line.amount >= 0:
            sold.append([line, line.quantity, line.amount])
        elif line.quantity < 0 and line.amount <= 0:
            back.append(line)
        else:
            discount -= line.amount
    returned = 0
    for line in back:
        returned += _take_off(sold, line)
    total = sum(row[2] for row in sold)
    off = min(total, max(0, discount + returned))
    if off:
        for row, part in zip(sold, spread(off, [row[2] for row in sold]), strict=True):
            row[2] -= part
    beyond = min(returned, max(0, discount + returned - total))
    return Netted(
        [Goods(row[0].line_no, row[0].product, row[0].label, row[1], row[2]) for row in sold if row[1] > 0],
        beyond,
    )


def _take_off(sold: list[list[Any]], line: Line) -> int:
    """Count a line that came back off the lines of its product; return the amount that found none."""
    quantity, amount = Fraction(-line.quantity), -line.amount
    if line.product:
        for row in reversed(sold):
            if row[0].product != line.product or row[1] <= 0 or quantity <= 0:
                continue
            row[1] = Fraction(row[1])
            taken = min(quantity, row[1])
            worth = min(row[2], amount * taken // quantity)
            row[1], row[2] = row[1] - taken, row[2] - worth
            quantity, amount = quantity - taken, amount - worth
    return int(amount)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Return ``amount`` in whole parts by weight; the greatest remainders, the first of equals, get more."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: (-(amount * weights[n] % total), n))
    for n in by_remainder[: amount - sum(parts)]:
        parts[n] += 1
    return parts


# --- The rules, made ready --------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Scope:
    products: frozenset[str]
    labels: frozenset[str]

    @property
    def is_all(self) -> bool:
        return not self.products and not self.labels

    def holds(self, goods: Goods) -> bool:
        return (
            self.is_all
            or goods.product in self.products
            or (bool(goods.label) and goods.label in self.labels)
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    rule: Rule
    scope: _Scope
    value: Fraction  # points for a minor unit, points for an item, times, or minor units


class Rules:
    """The rules that count together, made ready to be asked many times."""

    def __init__(self, rules: Iterable[Rule], *, exponent: int, rounding: str) -> None:
        """``exponent``: decimal places of the programme's currency; documents are checked ones."""
        self.rounding = rounding
        self.by_kind: dict[str, list[_Ready]] = {kind: [] for kind in documents.KINDS}
        unit = 10**exponent
        for rule in rules:
            document = rule.document
            kind = document["kind"]
            if kind == documents.AMOUNT:
                value = number(document["points"]) / (number(document["per"]) * unit)
            elif kind == documents.MULTIPLIER:
                value = number(document["times"])
            elif kind == documents.MINIMUM:
                value = number(document["amount"]) * unit
            elif kind == documents.EXCLUSION:
                value = _NOTHING
            else:
                value = number(str(document["points"]))
            scope = _Scope(frozenset(document.get("products", ())), frozenset(document.get("labels", ())))
            self.by_kind[kind].append(_Ready(rule, scope, value))

    def without(self, kinds: Collection[str]) -> Rules:
        """Return these rules without some kinds."""
        fewer = copy(self)
        fewer.by_kind = {kind: [] if kind in kinds else found for kind, found in self.by_kind.items()}
        return fewer

    def rounded_by(self, rounding: str) -> Rules:
        """Return these rules with another rounding."""
        if rounding == self.rounding:
            return self
        other = copy(self)
        other.rounding = rounding
        return other

    def event(self, event: str) -> list[Rule]:
        """Return the rules that give points for an event."""
        return [one.rule for one in self.by_kind[documents.EVENT] if one.rule.document["event"] == event]

    def periods(self) -> set[str]:
        """Return the periods beyond one order for which there are caps."""
        return {one.rule.document["period"] for one in self.by_kind[documents.CAP]} - {"order"}

    def most_of_one(self, points: int) -> int:
        """Return what the caps of one order leave of points."""
        caps = (one.rule.document for one in self.by_kind[documents.CAP])
        return min([points, *(cap["points"] for cap in caps if cap["period"] == "order")])

    @property
    def asks_birthday(self) -> bool:
        """Say whether a birthday matters to what an order earns."""
        return any("birthday" in one.rule.document for one in self.by_kind[documents.MULTIPLIER])

    @property
    def asks_first(self) -> bool:
        """Say whether it matters to be the first order."""
        return bool(self.by_kind[documents.FIRST_ORDER])


# --- What a basket earns ----------------------------------------------------------------------
def evaluate(
    basket: Basket,
    rules: Rules,
    *,
    earned: Mapping[str, int] | None = None,
    at_least: Mapping[str, int] | None = None,
    with_shares: bool = True,
) -> Outcome:
    """Return what a basket earns.

    Args:
        earned: points that other orders brought, by period, for caps.
        at_least: points that no cap takes away, by its period.
        with_shares: say also what each line brought, which takes as long again.
    """
    net = sum(goods.amount for goods in basket.goods)
    outcome = Outcome(0, _NOTHING, net, rounding=rules.rounding)
    if net <= 0:
        return outcome
    for one in rules.by_kind[documents.MINIMUM]:
        if net < one.value:
            outcome.parts.append({**_named(one), "base": net, "amount": one.rule.document["amount"]})
            return outcome
    goods = _without_excluded(basket.goods, rules, outcome)
    times = [one for one in rules.by_kind[documents.MULTIPLIER] if _holds(one.rule.document, basket)]
    total = _by_amount(goods, basket, rules, times, outcome, with_shares) + _by_item(goods, rules, outcome)
    if basket.is_first:
        for one in rules.by_kind[documents.FIRST_ORDER]:
            outcome.parts.append({**_named(one), "got": shown(one.value)})
            outcome.fixed += one.value
    outcome.exact = total + outcome.fixed
    outcome.points = rounded(outcome.exact, rules.rounding)
    _cap(outcome, rules, earned or {}, at_least or {})
    return outcome


def rounded(exact: Fraction, rounding: str) -> int:
    """Return whole points: down, or to the nearest, a half upwards."""
    half = Fraction(1, 2) if rounding == HALF_UP else _NOTHING
    return (exact + half).__floor__()


def shown(value: Fraction) -> str:
    """Return a number as a text, to four decimals."""
    if value.denominator == 1:
        return str(value.numerator)
    decimal = Decimal(value.numerator) / Decimal(value.denominator)
    step = Decimal(1).scaleb(-_SHOWN_DECIMALS)
    return f"{decimal.quantize(step, ROUND_HALF_EVEN).normalize():f}"


def _named(one: _Ready) -> Json:
    return {"rule": one.rule.id, "version": one.rule.version, "kind": one.rule.document["kind"]}


def _without_excluded(goods: Sequence[Goods], rules: Rules, outcome: Outcome) -> list[Goods]:
    kept = list(goods)
    for one in rules.by_kind[documents.EXCLUSION]:
        base = sum(line.amount for line in kept if one.scope.holds(line))
        if base:
            part = {**_named(one), "base": base}
            if "why" in one.rule.document:
                part["why"] = one.rule.document["why"]
            outcome.parts.append(part)
        kept = [line for line in kept if not one.scope.holds(line)]
    return kept


def _holds(document: Document, basket: Basket) -> bool:
    """Say whether a multiplier's conditions hold, but for its goods."""
    if "tiers" in document and basket.tier not in document["tiers"]:
        return False
    if "birthday" in document and document["birthday"] not in basket.birthday:
        return False
    day = date.fromordinal(basket.day)
    if "weekdays" in document and day.isoweekday() not in document["weekdays"]:
        return False
    text = day.isoformat()
    return document.get("from", text) <= text <= document.get("until", text)


def _by_amount(
    goods: Sequence[Goods],
    basket: Basket,
    rules: Rules,
    times: Sequence[_Ready],
    outcome: Outcome,
    with_shares: bool,
) -> Fraction:
    tier = Fraction(basket.tier_bp, WHOLE_BP)
    groups: dict[tuple[int, ...], list[Goods]] = {}
    for line in goods:
        key = tuple(n for n, one in enumerate(times) if one.scope.holds(line)) if times else ()
        groups.setdefault(key, []).append(line)
    total = _NOTHING
    for one in rules.by_kind[documents.AMOUNT]:
        for key, lines in groups.items():
            mine = lines if one.scope.is_all else [line for line in lines if one.scope.holds(line)]
            base = sum(line.amount for line in mine)
            if not base:
                continue
            rate = one.value * tier
            for n in key:
                rate *= times[n].value
            for line in mine if with_shares else ():
                outcome.shares[line.line_no] = outcome.shares.get(line.line_no, _NOTHING) + line.amount * rate
            total += base * rate
            part = {
                **_named(one),
                "base": base,
                "points": one.rule.document["points"],
                "per": one.rule.document["per"],
                "got": shown(base * rate),
            }
            if key:
                part["times"] = [
                    [times[n].rule.id, times[n].rule.version, times[n].rule.document["times"]] for n in key
                ]
            if tier != _ONE:
                part["tier"], part["tier_bp"] = basket.tier, basket.tier_bp
            outcome.parts.append(part)
    return total


def _by_item(goods: Sequence[Goods], rules: Rules, outcome: Outcome) -> Fraction:
    total = _NOTHING
    for one in rules.by_kind[documents.ITEM]:
        items = _NOTHING
        for line in goods:
            if line.amount > 0 and one.scope.holds(line):  # what nothing was paid for earns nothing
                quantity = Fraction(line.quantity)
                items += quantity
                share = quantity * one.value
                outcome.shares[line.line_no] = outcome.shares.get(line.line_no, _NOTHING) + share
        if items:
            got = items * one.value
            total += got
            points = one.rule.document["points"]
            outcome.parts.append({**_named(one), "items": shown(items), "points": points, "got": shown(got)})
    return total


def _cap(outcome: Outcome, rules: Rules, earned: Mapping[str, int], at_least: Mapping[str, int]) -> None:
    for one in rules.by_kind[documents.CAP]:
        period = one.rule.document["period"]
        most = one.rule.document["points"]
        left = most if period == "order" else max(at_least.get(period, 0), most - earned.get(period, 0))
        if outcome.points > left:
            part = {**_named(one), "period": period, "most": most, "cut": outcome.points - left}
            outcome.parts.append(part)
            outcome.points, outcome.exact = left, Fraction(left)


def start_of(period: str, day: int) -> int:
    """Return the first day of the day, month or year in which a day lies."""
    if period == "day":
        return day
    here = date.fromordinal(day)
    return (here.replace(day=1) if period == "month" else here.replace(month=1, day=1)).toordinal()


# --- What is kept when goods come back --------------------------------------------------------
def kept(
    exact: Fraction,
    shares: Mapping[int, Fraction],
    fixed: Fraction,
    back: Mapping[int, Fraction],
    *,
    lines: Iterable[int],
    rounding: str,
) -> int:
    """Return the points that an order keeps when of each line the share ``back`` came back.

    In proportion to what the lines brought; what belongs to no line is kept while anything is of ``lines``,
    those for which something was paid.
    """
    rest = sum((share * (1 - back.get(no, _NOTHING)) for no, share in shares.items()), _NOTHING)
    if any(back.get(no, _NOTHING) < 1 for no in lines):
        rest += fixed
    whole = sum(shares.values(), _NOTHING) + fixed
    return rounded(exact * rest / whole, rounding) if whole else 0

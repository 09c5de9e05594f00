"""Rules as a file: what goes out can come in; what is wrong with it is named, all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, gettext_lazy

from customers.ground.audit import Actor
from customers.ground.errors import Refused
from retention.measures import every, own
from retention.models import WarningRule
from retention.models.rules import CaseKind, Severity
from retention.rules import terms
from retention.rules.saving import revise, save

FORM = 1
MOST = 200
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CARRIED: dict[str, tuple[int, int] | type] = {
    "name_en": str,
    "name_zh": str,
    "condition": dict,
    "clear_condition": dict,
    "severity": (1, 3),
    "opens_work": bool,
    "case_kind": str,
    "hold_days": (0, 30),
    "cool_down_days": (0, 3650),
    "call_within_minutes": (1, 60 * 24 * 366),
}
"""What a file carries of a rule. Who gets its work, and its state, belong to the company."""


class BadRules(Refused):
    code = "rules_file"
    message = gettext_lazy("Nothing was taken over. %(problems)s")


@dataclass(frozen=True)
class Taken:
    """A rule of a file, and what became of it: ``made``, ``revised`` or ``unchanged``."""

    rule: WarningRule
    became: str


def export(rules: Iterable[WarningRule]) -> dict[str, Any]:
    """Return rules as a file carries them."""
    carried = [{"code": rule.code, **{name: getattr(rule, name) for name in CARRIED}} for rule in rules]
    return {"liuke_rules": FORM, "rules": carried}


@transaction.atomic
def take(data: Any, *, reason: str = "", by: Actor | None, at: datetime) -> list[Taken]:
    """Write the rules of a file: new codes as drafts, known ones as their next version.

    All or nothing: raises :class:`BadRules`, which names every rule and measure that is at fault.
    """
    listed = data.get("rules") if isinstance(data, dict) and data.get("liuke_rules") == FORM else None
    if not isinstance(listed, list) or not listed:
        raise BadRules(problems=gettext("This is not a file of rules. Export one to see its form."))
    if len(listed) > MOST:
        raise BadRules(problems=gettext("A file holds at most %(most)d rules.") % {"most": MOST})
    problems: list[str] = []
    taken: list[Taken] = []
    codes: set[str] = set()
    for number, one in enumerate(listed, start=1):
        said = list(_wrong(one, codes))
        if not said:
            try:
                with transaction.atomic():
                    taken.append(_take(one, reason=reason, by=by, at=at))
            except Refused as refusal:
                said = [str(refusal)]
        name = str(one.get("code"))[:64] if isinstance(one, dict) and one.get("code") else str(number)
        problems += [
            gettext("Rule “%(rule)s”: %(problem)s") % {"rule": name, "problem": text} for text in said
        ]
    if problems:
        raise BadRules(problems=" ".join(problems[:20]))
    return taken


def _take(one: dict[str, Any], *, reason: str, by: Actor | None, at: datetime) -> Taken:
    values = {name: one[name] for name in CARRIED if name in one}
    rule = WarningRule.objects.filter(code=one["code"]).first()
    if rule is None:
        opens = severity_opens_work(values.get("severity", Severity.MEDIUM))
        values = {"opens_work": opens} | values
        return Taken(save(WarningRule(code=one["code"], **values), reason=reason, by=by, at=at), "made")
    before = rule.version
    revise(rule, changes=values, reason=reason, by=by, at=at)
    return Taken(rule, "revised" if rule.version != before else "unchanged")


def _wrong(one: Any, codes: set[str]) -> Iterator[str]:
    """Yield what is wrong with a rule of a file, every unknown measure by its name."""
    if not isinstance(one, dict):
        yield gettext("It is not an object.")
        return
    code = one.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or len(code) > 64:
        yield gettext("It needs a code of small letters, digits and hyphens.")
    elif code in codes:
        yield gettext("Its code stands in the file twice.")
    codes.add(str(code))
    for name in one:
        if name not in CARRIED and name != "code":
            yield gettext("“%(field)s” is not a part of a rule.") % {"field": str(name)[:64]}
    for name in ("name_en", "name_zh", "condition"):
        if not one.get(name):
            yield gettext("“%(field)s” is missing.") % {"field": name}
    for name, wanted in CARRIED.items():
        if name in one and not _fits(name, one[name], wanted):
            yield gettext("“%(field)s” cannot be that.") % {"field": name}
    for measure in unknown_measures([one.get("condition"), one.get("clear_condition")]):
        yield gettext("There is no measure called “%(measure)s”.") % {"measure": measure}


def _fits(name: str, value: Any, wanted: tuple[int, int] | type) -> bool:
    if isinstance(wanted, tuple):
        return isinstance(value, int) and not isinstance(value, bool) and wanted[0] <= value <= wanted[1]
    if name == "clear_condition" and value is None:
        return True
    if name == "case_kind":
        return value in CaseKind.values
    if wanted is str:
        return isinstance(value, str) and 0 < len(value) <= 120 and "\0" not in value
    return isinstance(value, wanted)


def unknown_measures(trees: list[Any]) -> list[str]:
    """Return the codes in some trees, well-formed or not, that no measure has, each once, in order."""
    left, found = list(reversed(trees)), dict[str, None]()
    there = set(every())
    if any(map(terms.names_terms, trees)):
        there |= own.known(also_retired=False).keys()
    while left:
        node = left.pop()
        if isinstance(node, dict):
            for key in ("measure", "other"):
                if key in node and (not isinstance(node[key], str) or node[key] not in there):
                    found[str(node[key])[:64]] = None
            left += reversed(list(node.values()))
        elif isinstance(node, list):
            left += reversed(node)
    return list(found)


def severity_opens_work(severity: int) -> bool:
    """Say whether a rule of that severity opens work unless it says otherwise: a low one warns only."""
    return severity > Severity.LOW

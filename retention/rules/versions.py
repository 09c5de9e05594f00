"""What a version of a rule holds, and in what two of them differ, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext

from customers.ground.errors import Refused
from customers.models import Team, User
from retention.models import RuleVersion, WarningRule
from retention.models.rules import CaseKind, Severity, WorkTo
from retention.rules import terms
from retention.rules.sentences import rule_sentence

FIELDS = (
    "name_en",
    "name_zh",
    "condition",
    "clear_condition",
    "severity",
    "opens_work",
    "case_kind",
    "hold_days",
    "cool_down_days",
    "call_within_minutes",
    "work_to",
    "work_team_id",
    "work_person_id",
)
"""Everything that matters of a rule: what a revision may change and a version keeps."""

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing in which two versions differ, in words."""

    label: str
    before: str
    after: str


def content_of(rule: WarningRule) -> dict[str, Any]:
    """Return everything that matters of a rule as it stands."""
    return {name: getattr(rule, name) for name in FIELDS}


def content_of_version(version: RuleVersion) -> dict[str, Any]:
    """Return what a version holds; of one that is older than these words, condition and severity alone."""
    if version.content is not None:
        return {name: version.content[name] for name in FIELDS if name in version.content}
    return {"condition": version.condition, "severity": version.severity}


def differences(before: Content, after: Content, *, currency: str) -> list[Difference]:
    """Say in words what changed between two contents, of what both of them hold."""
    labels, tell = _labels(), _tellers(currency)
    found = []
    for name in FIELDS:
        if name in before and name in after and before[name] != after[name]:
            said = tell.get(name, str)
            found.append(Difference(labels[name], said(before[name]), said(after[name])))
    return found


def _labels() -> dict[str, str]:
    return {
        "name_en": gettext("English name"),
        "name_zh": gettext("Chinese name"),
        "condition": gettext("Warns when"),
        "clear_condition": gettext("Ends when"),
        "severity": gettext("Severity"),
        "opens_work": gettext("Opens work"),
        "case_kind": gettext("Kind of case"),
        "hold_days": gettext("Must have held"),
        "cool_down_days": gettext("Quiet after the close"),
        "call_within_minutes": gettext("First call within"),
        "work_to": gettext("Who gets it"),
        "work_team_id": gettext("Team"),
        "work_person_id": gettext("Person"),
    }


def _tellers(currency: str) -> dict[str, Callable[[Any], str]]:
    def sentence(tree: Any) -> str:
        return said_of(tree, currency=currency) if tree else gettext("the sign is gone")

    return {
        "condition": sentence,
        "clear_condition": sentence,
        "severity": lambda value: str(Severity(value).label),
        "opens_work": lambda value: gettext("yes") if value else gettext("no, it warns only"),
        "case_kind": lambda value: str(CaseKind(value).label),
        "hold_days": days,
        "cool_down_days": days,
        "call_within_minutes": lambda minutes: hours(minutes),
        "work_to": lambda value: str(WorkTo(value).label),
        "work_team_id": lambda pk: _name(Team, pk),
        "work_person_id": lambda pk: _name(User, pk),
    }


def said_of(tree: Any, *, currency: str) -> str:
    """Return a stored condition as a sentence, or why it no longer stands."""
    try:
        return rule_sentence(terms.read(tree), currency=currency)
    except Refused as refusal:
        return str(refusal)


def days(number: int) -> str:
    """Return a number of days in words."""
    return ngettext("%(days)s day", "%(days)s days", number) % {"days": f"{number:,}"}


def hours(minutes: int) -> str:
    """Return working minutes in words, as hours."""
    number = f"{minutes / 60:g}"
    return ngettext("%(hours)s working hour", "%(hours)s working hours", 1 if number == "1" else 2) % {
        "hours": number
    }


def _name(model: Any, pk: int | None) -> str:
    if pk is None:
        return "—"
    found = model._default_manager.filter(pk=pk).first()
    return str(found) if found is not None else "—"

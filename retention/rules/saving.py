"""Writing rules: new ones, their next version, and going back to an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers.changing import ChangedMeanwhile
from customers.ground import audit
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from customers.models import User
from customers.models.people import Role
from retention.models import PendingMatch, RuleVersion, WarningRule
from retention.models.rules import HOLD_DAYS, WorkTo
from retention.rules import contradictions, terms
from retention.rules.conditions import Json
from retention.rules.versions import FIELDS, content_of, content_of_version

WORKING_ROLES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD)
LONGEST_REASON = 300
RESERVED = frozenset({"new", "import", "export", "health"})


class CodeTaken(Refused):
    code = "rule_code_taken"
    message = _("There is a rule called “%(rule)s” already. Choose another code.")


class CodeReserved(CodeTaken):
    message = _("“%(rule)s” is an address of the pages. Choose another code.")


class NobodyGetsIt(Refused):
    code = "rule_work_to_nobody"
    message = _("Choose who gets the cases of this rule: a team, or somebody who works on cases.")


class HoldsOddly(Refused):
    code = "rule_hold_days"
    message = _("A rule may ask that its sign has stood for one of so many days: %(allowed)s.")


class NoSuchVersion(Refused):
    code = "rule_version_unknown"
    message = _("The rule has no version %(version)s.")


@transaction.atomic
def save(rule: WarningRule, *, reason: str = "", by: Actor | None, at: datetime) -> WarningRule:
    """Store a new rule as a draft with its version 1; raise ``ConditionRefused``, :class:`CodeTaken`.

    Conditions are stored in their canonical form. Raises also :class:`HoldsOddly`, :class:`NobodyGetsIt`.
    Side effects: a ``RuleVersion`` and an audit event.
    """
    if rule.code in RESERVED:
        raise CodeReserved(rule=rule.code)
    check(rule)
    rule.is_enabled, rule.enabled_at, rule.version = False, None, 1
    rule.stage, rule.retired_at, rule.cases_a_day = "", None, None
    try:
        with transaction.atomic():
            rule.save(force_insert=True)
    except IntegrityError as error:
        raise CodeTaken(rule=rule.code) from error
    keep_version(rule, reason=reason, by=by, at=at)
    audit.record("rule.save", obj=rule, by=by, at=at, codes={"rule": rule.code, "version": rule.version})
    return rule


@transaction.atomic
def revise(
    rule: WarningRule,
    *,
    condition: Json | None = None,
    severity: int | None = None,
    changes: Mapping[str, Any] | None = None,
    read: int | None = None,
    reason: str = "",
    by: Actor | None,
    at: datetime,
) -> WarningRule:
    """Change a rule as its next version; what stands changes nothing. Raises as :func:`save`.

    ``changes``: any of ``FIELDS``. ``read``: the version that was read; when another one stands by now,
    ``ChangedMeanwhile`` is raised. Warnings that stand keep the version that raised them. A condition that
    stands again mends a rule that was set aside. The days that it must hold count from anew.
    """
    rule.refresh_from_db(from_queryset=WarningRule.objects.select_for_update(no_key=True))
    if read not in (None, rule.version):
        raise ChangedMeanwhile()
    before = content_of(rule)
    wanted = {**(changes or {})}
    if condition is not None:
        wanted["condition"] = condition
    if severity is not None:
        wanted["severity"] = severity
    for name, value in wanted.items():
        if name not in FIELDS:
            raise ValueError(f"a rule has no {name}")
        setattr(rule, name, value)
    check(rule)
    after = content_of(rule)
    if after == before and rule.broken_since is None:
        return rule
    WarningRule.objects.filter(pk=rule.pk).update(**after, version=F("version") + 1, broken_since=None)
    rule.refresh_from_db()
    if any(before[name] != after[name] for name in ("condition", "hold_days")):
        PendingMatch.objects.filter(rule=rule).delete()
    keep_version(rule, reason=reason, by=by, at=at)
    audit.record("rule.revise", obj=rule, by=by, at=at, codes={"rule": rule.code, "version": rule.version})
    return rule


def revert(
    rule: WarningRule, *, version: int, reason: str = "", by: Actor | None, at: datetime
) -> WarningRule:
    """Make an earlier version the next one; raise :class:`NoSuchVersion`, and as :func:`save`."""
    found = RuleVersion.objects.filter(rule=rule, version=version).first()
    if found is None:
        raise NoSuchVersion(version=version)
    return revise(rule, changes=content_of_version(found), reason=reason, by=by, at=at)


def check(rule: WarningRule) -> None:
    """Bring a rule's conditions into their canonical form, and refuse what cannot be meant."""
    read = terms.read(rule.condition)
    contradictions.refuse(read)
    rule.condition = read.as_json()
    if rule.clear_condition:
        clear = terms.read(rule.clear_condition)
        contradictions.refuse(clear)
        rule.clear_condition = clear.as_json()
    else:
        rule.clear_condition = None
    if rule.hold_days not in HOLD_DAYS:
        raise HoldsOddly(allowed=", ".join(str(days) for days in HOLD_DAYS))
    _check_who(rule)


def _check_who(rule: WarningRule) -> None:
    """Refuse work that nobody can get; forget a team or a person that the choice does not name."""
    if rule.work_to != WorkTo.TEAM:
        rule.work_team_id = None
    if rule.work_to != WorkTo.PERSON:
        rule.work_person_id = None
    if rule.work_to == WorkTo.TEAM and rule.work_team_id is None:
        raise NobodyGetsIt()
    if rule.work_to == WorkTo.PERSON:
        able = User.objects.filter(pk=rule.work_person_id, is_active=True, role__in=WORKING_ROLES)
        if rule.work_person_id is None or not able.exists():
            raise NobodyGetsIt()


def keep_version(rule: WarningRule, *, reason: str, by: Actor | None, at: datetime) -> None:
    """Keep a rule as it stands as its version."""
    RuleVersion.objects.create(
        rule=rule,
        version=rule.version,
        condition=rule.condition,
        severity=rule.severity,
        content=content_of(rule),
        reason=reason.strip()[:LONGEST_REASON],
        made_at=at,
        by_id=by.pk if by is not None else None,
    )

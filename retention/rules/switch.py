"""Writing rules and switching them on and off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from retention import warnings
from retention.measures import compute, fingerprint
from retention.models import CustomerMeasures, EarlyWarning, RuleVersion, SweepRun, WarningRule
from retention.rules.compile import Compiled, compile_rule
from retention.rules.conditions import Json, parse
from retention.rules.scan import Scan, matching


class UnknownRule(Refused):
    code = "unknown_rule"
    message = _("There is no rule called “%(rule)s”. See: python manage.py rules list")


class CodeTaken(Refused):
    code = "rule_code_taken"
    message = _("There is a rule called “%(rule)s” already. Choose another code.")


class HoldoutRefused(Refused):
    code = "holdout"
    message = _(
        "A share of %(share)s cannot be held out: hold-out groups are not built yet. "
        "Use --holdout 0 or leave it out."
    )


def get(codes: Iterable[str]) -> list[WarningRule]:
    """Return the rules with these codes in their order; raise :class:`UnknownRule`."""
    wanted = list(dict.fromkeys(codes))
    found = {rule.code: rule for rule in WarningRule.objects.filter(code__in=wanted)}
    for code in wanted:
        if code not in found:
            raise UnknownRule(rule=code[:64])
    return [found[code] for code in wanted]


@transaction.atomic
def save(rule: WarningRule, *, by: Actor | None, at: datetime) -> WarningRule:
    """Store a new rule, switched off, with its version 1; raise ``ConditionRefused``, :class:`CodeTaken`.

    The condition is stored in its canonical form. Side effects: a ``RuleVersion`` and an audit event.
    """
    rule.condition = parse(rule.condition).as_json()
    rule.is_enabled, rule.enabled_at, rule.version = False, None, 1
    try:
        with transaction.atomic():
            rule.save(force_insert=True)
    except IntegrityError as error:
        raise CodeTaken(rule=rule.code) from error
    _keep_version(rule, by=by, at=at)
    audit.record("rule.save", obj=rule, by=by, at=at, codes={"rule": rule.code, "version": rule.version})
    return rule


@transaction.atomic
def revise(
    rule: WarningRule, *, condition: Json, severity: int | None = None, by: Actor | None, at: datetime
) -> WarningRule:
    """Give a rule another condition, or severity, as its next version; raise ``ConditionRefused``.

    Warnings that stand keep the version that raised them. A condition that stands again mends a
    rule that was set aside.
    """
    rule.condition = parse(condition).as_json()
    rule.severity = rule.severity if severity is None else severity
    WarningRule.objects.filter(pk=rule.pk).update(
        condition=rule.condition, severity=rule.severity, version=F("version") + 1, broken_since=None
    )
    rule.refresh_from_db()
    _keep_version(rule, by=by, at=at)
    audit.record("rule.revise", obj=rule, by=by, at=at, codes={"rule": rule.code, "version": rule.version})
    return rule


def enable(rule: WarningRule, *, open_existing: bool, by: Actor | None, at: datetime) -> bool:
    """Switch a rule on; return whether it was off.

    With ``open_existing`` the next sweep opens a case for everybody who matches. Without, those who
    match now become the rule's baseline: a warning stands for each of them that opens no case, so
    that a case is opened only when the sign went away and came back. The measures are brought up to
    date for that first, in short transactions, so that no other writer waits long. Raises
    ``ConditionRefused`` for a rule that does not compile, and an empty one.
    """
    compiled = compile_rule(rule)
    if not open_existing and not rule.is_enabled:
        compute.refresh_changed(as_of=at)
    with transaction.atomic():
        return _enable(rule, compiled, open_existing=open_existing, by=by, at=at)


def _enable(
    rule: WarningRule, compiled: Compiled, *, open_existing: bool, by: Actor | None, at: datetime
) -> bool:
    if not WarningRule.objects.filter(pk=rule.pk, is_enabled=False).update(
        is_enabled=True, enabled_at=at, broken_since=None
    ):
        return False
    baseline = 0 if open_existing else _lay_baseline(rule, at=at)
    codes = {"rule": rule.code, "version": compiled.version, "open_existing": open_existing}
    codes["baseline"] = baseline
    audit.record("rule.enable", obj=rule, by=by, at=at, codes=codes)
    rule.refresh_from_db()
    return True


@transaction.atomic
def disable(rule: WarningRule, *, by: Actor | None, at: datetime) -> bool:
    """Switch a rule off and close its open warnings; return whether it was on.

    Cases stay open: whoever works one ends it. Waits for a sweep that is just using the rule.
    """
    if not WarningRule.objects.filter(pk=rule.pk, is_enabled=True).update(
        is_enabled=False, enabled_at=None, broken_since=None
    ):
        return False
    closed = warnings.close(
        EarlyWarning.objects.filter(rule=rule), because=EarlyWarning.Closed.RULE_OFF, at=at
    )
    codes = {"rule": rule.code, "warnings_closed": closed}
    audit.record("rule.disable", obj=rule, by=by, at=at, codes=codes)
    rule.refresh_from_db()
    return True


def _lay_baseline(rule: WarningRule, *, at: datetime) -> int:
    """Let a warning without a case stand for everybody who matches now; return how many."""
    day = company.today(at)
    run = SweepRun.objects.create(
        scope=SweepRun.Scope.BASELINE, as_of=at, day=day.number, fingerprint=fingerprint(), started_at=at
    )
    scan = Scan(CustomerMeasures._meta.db_table, compute.EVERYONE, day.number)
    with matching([compile_rule(rule)], scan=scan) as found:
        raised = warnings.raise_matches(found, run=run, at=at, is_baseline=True)
    run.warnings, run.finished_at, run.status = raised, at, SweepRun.Status.DONE
    run.save(update_fields=["warnings", "finished_at", "status"])
    return sum(raised.values())


def _keep_version(rule: WarningRule, *, by: Actor | None, at: datetime) -> None:
    RuleVersion.objects.create(
        rule=rule,
        version=rule.version,
        condition=rule.condition,
        severity=rule.severity,
        made_at=at,
        by_id=by.pk if by is not None else None,
    )

"""Earning rules: made, changed by new versions, turned on and off, put in order, compared, taken back.

A version is never changed. For an order the newest version made by the moment at which it was recorded
counts; where all versions are newer, as when history is brought in, the first one that is on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, money
from customers.ground.errors import Refused
from customers.models import User
from loyalty.earning import documents, evaluate
from loyalty.models import EarningRule, EarningRuleVersion, Programme

LONGEST_REASON = 500
LONGEST_NAME = 100
MOST_RULES = 100
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class RuleCodeTaken(Refused):
    code = "earning_rule_code_taken"
    message = _("This programme has a rule with the code “%(code)s” already. Choose another code.")


class RuleChanged(Refused):
    code = "earning_rule_changed"
    message = _("Somebody else changed this rule meanwhile. Load the page again and make your change there.")


class RuleUnchanged(Refused):
    code = "earning_rule_unchanged"
    message = _("Nothing was changed.")


class RuleName(Refused):
    code = "earning_rule_name"
    message = _("A rule needs a name of up to 100 characters, and a code of small letters, digits, hyphens.")


class NoSuchVersion(Refused):
    code = "earning_rule_version"
    message = _("This rule has no version %(number)s.")


class TooManyRules(Refused):
    code = "too_many_earning_rules"
    message = _("A programme has at most %(most)s earning rules.")


class OrderIncomplete(Refused):
    code = "earning_rule_order"
    message = _("The order must name every rule of the programme once. Load the page again.")


@dataclass(frozen=True)
class Difference:
    """What differs between two versions in one field; empty where a version has none."""

    field: str
    before: Any
    after: Any


@transaction.atomic
def create_rule(
    programme: Programme,
    code: str,
    *,
    name: str,
    name_alt: str = "",
    document: Mapping[str, Any],
    is_on: bool = False,
    reason: str = "",
    by: User | None,
    at: datetime,
) -> EarningRule:
    """Make a rule at the end of the programme's; return it.

    Raises ``DocumentRefused``, :class:`RuleName`, :class:`RuleCodeTaken`, :class:`TooManyRules`. Side
    effects: version 1, audit ``earning_rule.create``.
    """
    found = documents.check(document)
    name, name_alt = name.strip(), name_alt.strip()
    if not _CODE.fullmatch(code) or not name or len(name) > LONGEST_NAME or len(name_alt) > LONGEST_NAME:
        raise RuleName()
    Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)
    mine = EarningRule.objects.filter(programme=programme)
    if mine.count() >= MOST_RULES:
        raise TooManyRules(most=MOST_RULES)
    last = mine.aggregate(last=Max("position"))["last"] or 0
    try:
        with transaction.atomic():
            rule = EarningRule.objects.create(
                programme=programme, code=code, name=name, name_alt=name_alt, position=last + 1, is_on=is_on
            )
    except IntegrityError as error:
        raise RuleCodeTaken(code=code) from error
    _write(rule, found, is_on=is_on, reason=reason, act="earning_rule.create", by=by, at=at)
    return rule


@transaction.atomic
def change_rule(
    rule: EarningRule,
    *,
    document: Mapping[str, Any] | None = None,
    name: str | None = None,
    name_alt: str | None = None,
    reason: str = "",
    version: int | None = None,
    by: User | None,
    at: datetime,
) -> EarningRule:
    """Change what a rule says, as a new version, or what it is called; return it.

    Args:
        version: the one that was read; whoever changed it since is not overwritten.

    Raises ``DocumentRefused``, :class:`RuleName`, :class:`RuleChanged`, :class:`RuleUnchanged`. Side
    effects: a version when the document differs, audit ``earning_rule.change``.
    """
    found = documents.check(document) if document is not None else None
    held = _hold(rule, version)
    names = {
        key: value.strip() for key, value in {"name": name, "name_alt": name_alt}.items() if value is not None
    }
    if names.get("name") == "" or any(len(value) > LONGEST_NAME for value in names.values()):
        raise RuleName()
    renamed = sorted(key for key, value in names.items() if getattr(held, key) != value)
    is_new = found is not None and found != newest(held).document
    if not renamed and not is_new:
        raise RuleUnchanged()
    for key in renamed:
        setattr(held, key, names[key])
    held.save(update_fields=renamed)
    if is_new:
        assert found is not None  # noqa: S101 — said by is_new
        _write(held, found, is_on=held.is_on, reason=reason, act="earning_rule.change", by=by, at=at)
    else:
        codes = {"code": held.code, "changed": renamed}
        audit.record("earning_rule.change", obj=held, by=by, at=at, codes=codes)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def turn_rule(
    rule: EarningRule, *, is_on: bool, reason: str = "", by: User | None, at: datetime
) -> EarningRule:
    """Let a rule count from now on, or not any more; return it.

    Raises :class:`RuleUnchanged`. Side effects: a version, audit ``earning_rule.turn_on`` or ``….turn_off``.
    """
    held = _hold(rule)
    if held.is_on == is_on:
        raise RuleUnchanged()
    act = "earning_rule.turn_on" if is_on else "earning_rule.turn_off"
    _write(held, newest(held).document, is_on=is_on, reason=reason, act=act, by=by, at=at)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def revert_rule(
    rule: EarningRule, *, number: int, reason: str = "", by: User | None, at: datetime
) -> EarningRule:
    """Let a rule say again what an earlier version said, as a new version; whether it is on stays.

    Raises :class:`NoSuchVersion`, :class:`RuleUnchanged`. Side effects: a version, audit
    ``earning_rule.revert``.
    """
    held = _hold(rule)
    old = held.versions.filter(number=number).first()
    if old is None:
        raise NoSuchVersion(number=number)
    if old.document == newest(held).document:
        raise RuleUnchanged()
    found = documents.check(old.document)
    _write(held, found, is_on=held.is_on, reason=reason, act="earning_rule.revert", by=by, at=at)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def order_rules(programme: Programme, ids: Sequence[int], *, by: User | None, at: datetime) -> None:
    """Put the rules of a programme in the order of ``ids``, in which explanations name them.

    Raises :class:`OrderIncomplete`. Side effects: audit ``earning_rule.order``.
    """
    Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)
    rules = {rule.pk: rule for rule in EarningRule.objects.filter(programme=programme)}
    if sorted(ids) != sorted(rules):
        raise OrderIncomplete()
    for position, pk in enumerate(ids, start=1):
        rules[pk].position = position
    EarningRule.objects.bulk_update(rules.values(), ["position"])
    audit.record("earning_rule.order", obj=programme, by=by, at=at, codes={"order": list(ids)})


def newest(rule: EarningRule) -> EarningRuleVersion:
    """Return the newest version of a rule."""
    return rule.versions.get(number=rule.version)


def difference(rule: EarningRule, before: int, after: int) -> list[Difference]:
    """Return what differs between two versions of a rule, field by field; raise :class:`NoSuchVersion`."""
    found = {version.number: version for version in rule.versions.filter(number__in=[before, after])}
    for number in (before, after):
        if number not in found:
            raise NoSuchVersion(number=number)
    old = {**found[before].document, "is_on": found[before].is_on}
    new = {**found[after].document, "is_on": found[after].is_on}
    # in an order of ours: the database keeps documents in one of its own
    names = ["kind", *sorted((old.keys() | new.keys()) - {"kind", "is_on"}), "is_on"]
    return [Difference(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)]


# --- Which versions count ---------------------------------------------------------------------
class History:
    """All versions of a programme's rules, read once.

    ``upto``: versions with a greater id do not count; by it an order is judged later as it was first.
    """

    def __init__(self, programme: Programme) -> None:
        rows = EarningRuleVersion.objects.filter(rule__programme=programme)
        self._programme = programme
        self._versions: dict[int, list[EarningRuleVersion]] = {}
        self.upto = 0
        for row in rows.order_by("rule__position", "rule_id", "number"):
            self._versions.setdefault(row.rule_id, []).append(row)
            self.upto = max(self.upto, row.pk)
        self._ready: dict[tuple[int, ...], evaluate.Rules] = {}

    def knows(self, event: str) -> bool:
        """Say whether any version, also an old one, gives points for an event."""
        rows = (row for found in self._versions.values() for row in found)
        return any(row.is_on and row.document.get("event") == event for row in rows)

    def has(self, kind: str) -> bool:
        """Say whether any version, also an old one, is a rule of a kind."""
        rows = (row for found in self._versions.values() for row in found)
        return any(row.is_on and row.document["kind"] == kind for row in rows)

    def cap_periods(self) -> set[str]:
        """Return the periods beyond one order for which any version, also an old one, is a cap."""
        rows = (row for found in self._versions.values() for row in found if row.is_on)
        return {row.document["period"] for row in rows if row.document["kind"] == documents.CAP} - {"order"}

    @property
    def began(self) -> datetime:
        """Return when the first version was made."""
        return min(rows[0].at for rows in self._versions.values())

    def in_force(self, moment: datetime) -> evaluate.Rules:
        """Return the rules that held at ``moment`` itself; none before the first version."""
        chosen = [
            one
            for rows in self._versions.values()
            if rows[0].at <= moment and (one := _of(rows, moment)) is not None
        ]
        return self._made_ready(chosen)

    def until(self, upto: int) -> History:
        """Return the history as it was up to a version; asks the database nothing."""
        if upto >= self.upto:
            return self
        found = copy(self)
        cut = {pk: [row for row in rows if row.pk <= upto] for pk, rows in self._versions.items()}
        found._versions = {pk: rows for pk, rows in cut.items() if rows}
        found.upto = max((row.pk for rows in found._versions.values() for row in rows), default=0)
        return found

    def at(self, moment: datetime) -> evaluate.Rules:
        """Return the rules that count for what was recorded at ``moment``."""
        chosen = [one for rows in self._versions.values() if (one := _of(rows, moment)) is not None]
        return self._made_ready(chosen)

    def _made_ready(self, chosen: Sequence[EarningRuleVersion]) -> evaluate.Rules:
        key = tuple(row.pk for row in chosen)
        if key not in self._ready:
            rules = [evaluate.Rule(row.rule_id, row.number, row.document) for row in chosen]
            self._ready[key] = ready(rules, self._programme)
        return self._ready[key]


def ready(rules: Sequence[evaluate.Rule], programme: Programme) -> evaluate.Rules:
    """Return rules made ready to be asked, in the programme's currency and rounding."""
    exponent = money.exponent_of(programme.currency)
    return evaluate.Rules(rules, exponent=exponent, rounding=programme.rounding)


def current_rules(programme: Programme) -> list[evaluate.Rule]:
    """Return the newest versions of the rules that are on."""
    rows = EarningRuleVersion.objects.filter(rule__programme=programme, is_on=True)
    rows = rows.filter(number=F("rule__version")).order_by("rule__position", "rule_id")
    return [evaluate.Rule(row.rule_id, row.number, row.document) for row in rows]


def _of(versions: Sequence[EarningRuleVersion], moment: datetime) -> EarningRuleVersion | None:
    made = [row for row in versions if row.at <= moment]
    if made:
        return made[-1] if made[-1].is_on else None
    return next((row for row in versions if row.is_on), None)


def _hold(rule: EarningRule, version: int | None = None) -> EarningRule:
    held: EarningRule = EarningRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
    if version is not None and held.version != version:
        raise RuleChanged()
    return held


def _write(
    rule: EarningRule,
    document: documents.Json,
    *,
    is_on: bool,
    reason: str,
    act: str,
    by: User | None,
    at: datetime,
) -> None:
    rule.version, rule.is_on = rule.version + 1, is_on
    rule.save(update_fields=["version", "is_on"])
    EarningRuleVersion.objects.create(
        rule=rule,
        number=rule.version,
        is_on=is_on,
        document=document,
        reason=reason.strip()[:LONGEST_REASON],
        by=by,
        at=at,
    )
    audit.record(act, obj=rule, by=by, at=at, codes={"code": rule.code, "version": rule.version})

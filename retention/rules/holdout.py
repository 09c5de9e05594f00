"""Hold-outs: who is left alone on purpose, so that the effect of a rule can be told (decision 14).

A customer is drawn once, at its first match after the rule was launched with a hold-out: first for the
programme, which is over all such rules, then for the rule. What was drawn is kept and never drawn anew.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from django.db import connection
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from retention.models import Holdout, HoldoutProgramme, WarningRule
from retention.rules import compile as compiling
from retention.rules import terms
from retention.rules.compile import Compiled
from retention.rules.conditions import ConditionRefused

BUCKETS = 10_000
LARGEST = 5_000  # hundredths of a percent: half of all
PROGRAMME, RULE = 500, 1_000
"""What is proposed at a launch: 5 % of the programme, 10 % of the rule."""

_HOLDOUT = Holdout._meta.db_table
_AT_ONCE = 5_000


class HoldoutRefused(Refused):
    code = "holdout"
    message = _("A share of %(share)s cannot be held out. Write a share from 0 to 0.5, for example 0.1.")


class NeverHeldOut(Refused):
    code = "never_held_out"
    message = _(
        "“%(rule)s” is about complaints or recovers them. Those customers are called at once: nobody is "
        "held out."
    )


@dataclass(frozen=True)
class Shares:
    """The shares of a launch in hundredths of a percent; ``programme`` is left as it stands when ``None``."""

    rule: int = 0
    programme: int | None = None


def share_of(text: str) -> int:
    """Return a share such as ``0.1`` in hundredths of a percent; raise :class:`HoldoutRefused`."""
    try:
        share = Decimal(text) * BUCKETS
        whole = int(share)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise HoldoutRefused(share=text[:20]) from error
    if share != whole or not 0 <= whole <= LARGEST:
        raise HoldoutRefused(share=text[:20])
    return whole


def bucket_of(salt: str, customer: int | str) -> int:
    """Return the bucket of a customer, 0 to 9999: from the first 8 bytes of a SHA-256."""
    return int.from_bytes(sha256(f"{salt}:{customer}".encode()).digest()[:8], "big") % BUCKETS


def may_hold_out(rule: WarningRule) -> bool:
    """Say whether customers may be held out of a rule; of one that no longer compiles they may not."""
    try:
        return compiling.may_hold_out(rule, terms.read(rule.condition))
    except ConditionRefused:
        return False


def start(rule: WarningRule, *, shares: Shares, at: datetime) -> None:
    """Begin the hold-out of a rule, or end it with a share of 0; in the transaction of its launch.

    Who was drawn already stays as drawn. Raises :class:`NeverHeldOut`.
    """
    wanted = shares.rule or shares.programme
    if wanted and not may_hold_out(rule):
        raise NeverHeldOut(rule=str(rule))
    rule.holdout_share = shares.rule
    rule.holdout_from = (rule.holdout_from or at) if wanted else None
    rule.holdout_salt = rule.holdout_salt or f"{rule.code[:40]}-{secrets.token_hex(8)}"
    rule.save(update_fields=["holdout_share", "holdout_from", "holdout_salt"])
    if shares.programme is not None and wanted:
        programme, made = HoldoutProgramme.objects.get_or_create(
            id=1,
            defaults={
                "share": shares.programme,
                "salt": f"programme-{secrets.token_hex(8)}",
                "started_at": at,
            },
        )
        if not made:
            HoldoutProgramme.objects.filter(pk=programme.pk).update(share=shares.programme)


def draw(new: str, rules: Sequence[Compiled], *, at: datetime) -> None:
    """Draw those of the temporary table ``new`` (customer, rule) who were not drawn yet."""
    drawing = [rule.rule_id for rule in rules if rule.is_held_out_of]
    if not drawing:
        return
    programme = HoldoutProgramme.objects.first()
    if programme is not None:
        whom = [(customer, None) for customer in _undrawn_of_programme(new, drawing)]
        _keep(whom, {None: (programme.salt, programme.share)}, at=at)
    of_rules = WarningRule.objects.filter(pk__in=drawing).values_list("pk", "holdout_salt", "holdout_share")
    _keep(_undrawn(new, drawing), {pk: (salt, share) for pk, salt, share in of_rules}, at=at)


def held_out(match: str) -> str:
    """Return the condition that the customer of a ``match`` (a table's alias) is held out of its rule."""
    return (
        f"EXISTS (SELECT 1 FROM {_HOLDOUT} h WHERE h.customer_id = {match}.customer_id AND h.is_held_out "
        f"AND (h.rule_id IS NULL OR h.rule_id = {match}.rule_id))"
    )


def _undrawn_of_programme(new: str, rules: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT DISTINCT t.customer_id FROM "{new}" t WHERE t.rule_id IN ({_marks(rules)}) '
            "AND NOT EXISTS "
            f"(SELECT 1 FROM {_HOLDOUT} h WHERE h.customer_id = t.customer_id AND h.rule_id IS NULL) "
            "ORDER BY t.customer_id",
            rules,
        )
        return [row[0] for row in cursor.fetchall()]


def _undrawn(new: str, rules: list[int]) -> list[tuple[int, int | None]]:
    """Return who is not drawn for a rule yet, leaving out whom the programme holds out."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT t.customer_id, t.rule_id FROM "{new}" t WHERE t.rule_id IN ({_marks(rules)}) '
            "AND NOT EXISTS "
            f"(SELECT 1 FROM {_HOLDOUT} h WHERE h.customer_id = t.customer_id "
            "AND (h.rule_id = t.rule_id OR (h.rule_id IS NULL AND h.is_held_out))) "
            "ORDER BY t.customer_id, t.rule_id",
            rules,
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]


def _marks(rules: list[int]) -> str:
    return ", ".join(["%s"] * len(rules))


def _keep(
    whom: Iterable[tuple[int, int | None]], drawn_by: dict[int | None, tuple[str, int]], *, at: datetime
) -> None:
    rows = []
    for customer, rule in whom:
        salt, share = drawn_by[rule]
        bucket = bucket_of(salt, customer)
        rows.append(
            Holdout(
                customer_id=customer,
                rule_id=rule,
                bucket=bucket,
                share=share,
                is_held_out=bucket < share,
                drawn_at=at,
            )
        )
    Holdout.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_AT_ONCE)

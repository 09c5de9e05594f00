"""Making, changing and retiring tiers and what they bring.

The lowest tier need not begin at 0: whoever reached none stands in no tier. What is retired stays for the
history. Accounts follow in the next night, or when they next earn.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.ground.money import GREATEST_MINOR
from customers.models import User
from loyalty.models import EarningRule, EarningRuleVersion, Programme, Reward, Tier, TierBenefit

MOST_TIERS = 20
MOST_MULTIPLIER_BP = 1_000_000
"""A hundred times the points: more is a slip of the pen."""
MOST_A_YEAR = 1000


class NoName(Refused):
    code = "tier_name"
    message = _("Write a name of at most %(most)s letters.")


class CodeRefused(Refused):
    code = "tier_code"
    message = _("Write a short code of letters, digits and hyphens that no other one has, for example gold.")


class DuplicateThreshold(Refused):
    code = "tier_threshold_taken"
    message = _("“%(tier)s” begins at the same threshold. Choose another one.")


class ThresholdRefused(Refused):
    code = "tier_threshold"
    message = _("A threshold is a whole number of zero or more.")


class MultiplierRefused(Refused):
    code = "tier_multiplier"
    message = _("Write how many percent of the points this tier earns, from 0 to 10,000.")


class TooManyTiers(Refused):
    code = "tier_too_many"
    message = _("There are %(most)s tiers already. Retire one first.")


class TierRetired(Refused):
    code = "tier_retired"
    message = _("“%(tier)s” is retired and does not change any more.")


class TierOfReward(Refused):
    code = "tier_of_reward"
    message = _("The reward “%(reward)s” is for this tier. Give it another tier, or offer it no more.")


class TierOfPlan(Refused):
    code = "tier_of_plan"
    message = _("The membership “%(plan)s” holds this tier. Give the plan another tier, or stop selling it.")


class TierOfRule(Refused):
    code = "tier_of_rule"
    message = _("The rule “%(rule)s” counts in this tier. Let it name another tier, or switch it off.")


class BenefitRefused(Refused):
    code = "benefit_a_year"
    message = _("Write how many times a year from 1 to 1,000, or nothing where it is not counted.")


class BenefitRetired(Refused):
    code = "benefit_retired"
    message = _("“%(benefit)s” is retired and cannot be changed. Let the tier bring another one instead.")


def create_tier(
    programme: Programme,
    *,
    code: str,
    name: str,
    name_alt: str = "",
    threshold: int,
    multiplier_bp: int = 10_000,
    by: User | None,
    at: datetime,
) -> Tier:
    """Make a tier of a programme; return it.

    Args:
        threshold: points, or minor units of the base currency where money counts; reached from it on.
        multiplier_bp: hundredths of a percent of the points that are earned in it.

    Raises :class:`NoName`, :class:`CodeRefused`, :class:`ThresholdRefused`, :class:`MultiplierRefused`,
    :class:`DuplicateThreshold`, :class:`TooManyTiers`. Side effects: audit ``tier.create``.
    """
    tier = Tier(programme=programme, code=_code(code), multiplier_bp=_multiplier(multiplier_bp))
    tier.name, tier.name_alt = _name(name, Tier), _name(name_alt, Tier, is_needed=False)
    tier.threshold = _threshold(threshold)
    with transaction.atomic():
        _hold(programme)
        others = Tier.objects.filter(programme=programme)
        if others.filter(code=tier.code).exists():
            raise CodeRefused()
        _refuse_taken(tier)
        if others.filter(is_retired=False).count() >= MOST_TIERS:
            raise TooManyTiers(most=MOST_TIERS)
        _save(tier)
        audit.record("tier.create", obj=tier, by=by, at=at, codes=_codes(tier))
    return tier


def change_tier(
    tier: Tier,
    *,
    name: str,
    name_alt: str = "",
    threshold: int,
    multiplier_bp: int,
    by: User | None,
    at: datetime,
) -> Tier:
    """Change a tier; accounts that it leaves too low begin their grace in the next night.

    Raises what :func:`create_tier` raises, and :class:`TierRetired`. Side effects: audit ``tier.change``.
    """
    wanted = {
        "name": _name(name, Tier),
        "name_alt": _name(name_alt, Tier, is_needed=False),
        "threshold": _threshold(threshold),
        "multiplier_bp": _multiplier(multiplier_bp),
    }
    with transaction.atomic():
        _hold(tier.programme)
        tier.refresh_from_db()
        if tier.is_retired:
            raise TierRetired(tier=tier.name)
        was = _codes(tier)
        changed = [field for field, value in wanted.items() if getattr(tier, field) != value]
        for field in changed:
            setattr(tier, field, wanted[field])
        if changed:
            _refuse_taken(tier)
            _save(tier)
            before = {f"{field}_before": value for field, value in was.items() if field in changed}
            audit.record("tier.change", obj=tier, by=by, at=at, codes={**_codes(tier), **before})
    return tier


def retire_tier(tier: Tier, *, by: User | None, at: datetime) -> Tier:
    """Retire a tier and what it brings; who stands in it goes to the tier of its basis in the next night.

    Raises :class:`TierOfPlan` while a plan that is sold holds it, :class:`TierOfReward` while a reward that
    is offered asks for it, :class:`TierOfRule` while a rule that is on names it. Side effects:
    audit ``tier.retire``.
    """
    with transaction.atomic():
        _hold(tier.programme)
        tier.refresh_from_db()
        if tier.is_retired:
            return tier
        plan = tier.plans.filter(is_on=True).first()
        if plan is not None:
            raise TierOfPlan(plan=plan.name)
        reward = Reward.objects.filter(tier=tier, is_on=True).first()
        if reward is not None:
            raise TierOfReward(reward=reward.name)
        rule = _naming(tier)
        if rule is not None:
            raise TierOfRule(rule=rule.name)
        tier.is_retired = True
        tier.save(update_fields=["is_retired"])
        tier.benefits.filter(is_retired=False).update(is_retired=True)
        audit.record("tier.retire", obj=tier, by=by, at=at, codes=_codes(tier))
    return tier


# --- Benefits ---------------------------------------------------------------------------------
def create_benefit(
    tier: Tier,
    *,
    kind: str,
    name: str,
    name_alt: str = "",
    a_year: int | None = None,
    by: User | None,
    at: datetime,
) -> TierBenefit:
    """Let a tier bring something; ``a_year``: how many times in a calendar year, ``None``: not counted.

    Raises :class:`NoName`, :class:`BenefitRefused`, :class:`TierRetired`. Side effects: audit
    ``benefit.create``.
    """
    benefit = TierBenefit(tier=tier, kind=TierBenefit.Kind(kind), a_year=_a_year(a_year))
    benefit.name = _name(name, TierBenefit)
    benefit.name_alt = _name(name_alt, TierBenefit, is_needed=False)
    with transaction.atomic():
        _hold(tier.programme)
        tier.refresh_from_db()
        if tier.is_retired:
            raise TierRetired(tier=tier.name)
        benefit.save()
        audit.record("benefit.create", obj=benefit, by=by, at=at, codes=_codes_of(benefit))
    return benefit


def change_benefit(
    benefit: TierBenefit,
    *,
    kind: str,
    name: str,
    name_alt: str = "",
    a_year: int | None,
    by: User | None,
    at: datetime,
) -> TierBenefit:
    """Change what a tier brings; what was used stays used, also where the entitlement is less now.

    Raises :class:`NoName`, :class:`BenefitRefused`, :class:`BenefitRetired`. Side effects: audit
    ``benefit.change``.
    """
    wanted = {
        "kind": TierBenefit.Kind(kind),
        "name": _name(name, TierBenefit),
        "name_alt": _name(name_alt, TierBenefit, is_needed=False),
        "a_year": _a_year(a_year),
    }
    with transaction.atomic():
        _hold(benefit.tier.programme)
        benefit.refresh_from_db()
        if benefit.is_retired:
            raise BenefitRetired(benefit=benefit.name)
        if any(getattr(benefit, field) != value for field, value in wanted.items()):
            before = {f"{field}_before": value for field, value in _codes_of(benefit).items()}
            for field, value in wanted.items():
                setattr(benefit, field, value)
            benefit.save(update_fields=list(wanted))
            codes = {**_codes_of(benefit), **before}
            audit.record("benefit.change", obj=benefit, by=by, at=at, codes=codes)
    return benefit


def retire_benefit(benefit: TierBenefit, *, by: User | None, at: datetime) -> TierBenefit:
    """Bring it no more; what was used stays in the history. Side effects: audit ``benefit.retire``."""
    with transaction.atomic():
        if TierBenefit.objects.filter(pk=benefit.pk, is_retired=False).update(is_retired=True):
            audit.record("benefit.retire", obj=benefit, by=by, at=at, codes=_codes_of(benefit))
    benefit.refresh_from_db()
    return benefit


# --- Checks -----------------------------------------------------------------------------------
def _hold(programme: Programme) -> None:
    """Let one at a time edit the tiers of a programme."""
    list(Programme.objects.select_for_update(no_key=True).filter(pk=programme.pk).values_list("pk"))


def _naming(tier: Tier) -> EarningRule | None:
    """Return a rule that is on and counts in the tier alone or among others, or nothing."""
    rows = EarningRuleVersion.objects.filter(rule__programme=tier.programme_id, rule__is_on=True)
    rows = rows.filter(number=F("rule__version")).select_related("rule").order_by("rule__position", "rule_id")
    return next((row.rule for row in rows if tier.code in row.document.get("tiers", [])), None)


def _save(tier: Tier) -> None:
    try:
        with transaction.atomic():
            tier.save()
    except IntegrityError as error:  # who does not hold the programme was faster
        raise CodeRefused() from error


def _refuse_taken(tier: Tier) -> None:
    same = Tier.objects.filter(programme=tier.programme_id, threshold=tier.threshold, is_retired=False)
    other = same.exclude(pk=tier.pk).first()
    if other is not None:
        raise DuplicateThreshold(tier=other.name)


def _name(text: str, model: Any, *, is_needed: bool = True) -> str:
    said, most = " ".join(text.split()), model._meta.get_field("name").max_length
    if len(said) > most or (is_needed and not said):
        raise NoName(most=most)
    return said


def _code(text: str) -> str:
    code = text.strip().lower()
    try:
        validate_slug(code)
    except ValidationError as error:
        raise CodeRefused() from error
    if len(code) > Tier._meta.get_field("code").max_length:  # type: ignore[operator]
        raise CodeRefused()
    return code


def _threshold(number: int) -> int:
    if not 0 <= number <= GREATEST_MINOR:
        raise ThresholdRefused()
    return number


def _multiplier(number: int) -> int:
    if not 0 <= number <= MOST_MULTIPLIER_BP:
        raise MultiplierRefused()
    return number


def _a_year(number: int | None) -> int | None:
    if number is not None and not 1 <= number <= MOST_A_YEAR:
        raise BenefitRefused()
    return number


def _codes(tier: Tier) -> dict[str, Any]:
    return {"code": tier.code, "threshold": tier.threshold, "multiplier_bp": tier.multiplier_bp}


def _codes_of(benefit: TierBenefit) -> dict[str, Any]:
    return {"tier": benefit.tier_id, "kind": str(benefit.kind), "a_year": benefit.a_year}

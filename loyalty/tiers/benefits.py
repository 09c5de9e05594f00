"""What a customer's tier brings: what it is entitled to in a year, what it used, what remains.

A year is the calendar year of the company's zone. Uses count by benefit: one of Gold and one of Platinum
are two. Each use has a number that no other one of the account, benefit and year has, at most as great as
the entitlement: of two who use the last one at once, one gets it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from customers import company, objections, stubs
from customers.ground import audit, events, localtime
from customers.ground.errors import Refused
from customers.models import Customer, User
from loyalty.ledger import accounts
from loyalty.models import BenefitUse, PointsAccount, TierBenefit

MOST_KEY = 64
MOST_TRIES = 50


class NotEntitled(Refused):
    code = "benefit_not_entitled"
    message = _("The tier of this customer does not bring “%(benefit)s”. Choose something that it brings.")


class NoneLeft(Refused):
    code = "benefit_none_left"
    message = _("All %(a_year)s of “%(benefit)s” are used in %(year)s.")


class WrongDay(Refused):
    code = "benefit_day"
    message = _("Write a day that is not in the future, and not before the account was opened on %(day)s.")


class Undone(Refused):
    code = "benefit_undone"
    message = _("This use was taken back already.")


class KeyOfAnotherBenefit(Refused):
    code = "benefit_key"
    message = _("This key was used for another benefit. Use a new key for each use.")


@dataclass(frozen=True)
class Entitlement:
    """One thing that a tier brings: ``a_year`` and ``remainder`` are ``None`` where it is not counted."""

    benefit: TierBenefit
    used: int
    a_year: int | None
    remainder: int | None


def entitlements(account: PointsAccount, *, at: datetime) -> list[Entitlement]:
    """Return what the tier of an account brings in the year of ``at``, with what is used; two queries."""
    if account.tier_id is None:
        return []
    benefits = TierBenefit.objects.filter(tier=account.tier_id, is_retired=False).order_by("pk")
    uses = BenefitUse.objects.filter(customer=account.customer_id, year=_year(at), undone_at=None)
    used = Counter(uses.values_list("benefit", flat=True))
    return [
        Entitlement(
            benefit=benefit,
            used=used[benefit.pk],
            a_year=benefit.a_year,
            remainder=None if benefit.a_year is None else max(benefit.a_year - used[benefit.pk], 0),
        )
        for benefit in benefits
    ]


def use_benefit(
    account: PointsAccount,
    benefit: TierBenefit,
    *,
    used_day: int | None = None,
    note: str = "",
    key: str = "",
    by: User | None,
    at: datetime,
) -> BenefitUse:
    """Note that a customer used what its tier brings; return the use.

    Args:
        used_day: local day; today where it is not said. Its calendar year is the year of the entitlement.
        key: names this one use: the same key again returns the first use and changes nothing.

    Raises :class:`NotEntitled`, :class:`NoneLeft`, :class:`WrongDay`, :class:`KeyOfAnotherBenefit`,
    ``Erased``. Side effects: event ``benefit.used``, audit ``benefit.use``.
    """
    today = company.today(at)
    day = today.number if used_day is None else used_day
    opened = localtime.day_number(account.opened_at, today.zone)
    if not opened <= day <= today.number:
        raise WrongDay(day=date_format(localtime.day_of(opened), "DATE_FORMAT"))
    tries = 0
    while True:
        try:
            with transaction.atomic():
                return _use(account, benefit, day=day, note=note, key=key[:MOST_KEY], by=by, at=at)
        except IntegrityError:  # somebody took this number; what is left is counted anew
            tries += 1
            if tries == MOST_TRIES:
                raise


def undo_use(use: BenefitUse, *, by: User | None, at: datetime) -> BenefitUse:
    """Take a use back, so that it can be used again; raise :class:`Undone`.

    Side effects: event ``benefit.undone``, audit ``benefit.undo``.
    """
    with transaction.atomic():
        if not BenefitUse.objects.filter(pk=use.pk, undone_at=None).update(undone_at=at):
            raise Undone()
        use.refresh_from_db()
        _note("benefit.undo", "benefit.undone", use, by=by, at=at)
    return use


def _use(
    account: PointsAccount,
    benefit: TierBenefit,
    *,
    day: int,
    note: str,
    key: str,
    by: User | None,
    at: datetime,
) -> BenefitUse:
    stubs.resolved_one(account.customer_id)  # before anything else: whoever merges locks customers first
    if key:
        asked = BenefitUse.objects.filter(account__in=accounts.with_merged(account), key=key)
        if (known := asked.order_by("pk").first()) is not None:
            if known.benefit_id != benefit.pk:
                raise KeyOfAnotherBenefit()
            return known
    standing = PointsAccount.objects.filter(pk=account.pk).values_list("tier", "customer").first()
    benefit.refresh_from_db()
    if standing is None or standing[0] != benefit.tier_id or benefit.is_retired:
        raise NotEntitled(benefit=benefit.name)
    objections.refuse_erased(Customer.objects.get(pk=standing[1]))
    year = localtime.day_of(day).year
    uses = BenefitUse.objects.filter(customer=standing[1], benefit=benefit, year=year, undone_at=None)
    taken = list(uses.values_list("account", "number"))
    if benefit.a_year is not None and len(taken) >= benefit.a_year:
        raise NoneLeft(a_year=benefit.a_year, benefit=benefit.name, year=year)
    own = {number for of, number in taken if of == account.pk}
    use = BenefitUse.objects.create(
        account=account,
        customer_id=standing[1],
        benefit=benefit,
        used_day=day,
        year=year,
        number=next(number for number in range(1, len(own) + 2) if number not in own),
        key=key,
        note=note.strip(),
        by=by,
        at=at,
    )
    _note("benefit.use", "benefit.used", use, by=by, at=at)
    return use


def _note(act: str, kind: str, use: BenefitUse, *, by: User | None, at: datetime) -> None:
    codes = {"benefit": use.benefit_id, "year": use.year, "number": use.number}
    events.record(kind, customer_id=use.customer_id, subject=use, occurred_at=at, data=codes)
    audit.record(act, obj=use, by=by, at=at, customer_id=use.customer_id, codes=codes)


def _year(at: datetime) -> int:
    return localtime.day_of(company.today(at).number).year

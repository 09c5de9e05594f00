"""Membership that is paid for: plans, and one row for each paid period of a customer.

While it runs, through its last day, a membership holds the tier of its plan. It does not renew by itself:
a renewal is another row that follows it. One that ran out and was not renewed has lapsed, which is a sign.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from customers import company, objections, stubs, touched, writing
from customers.ground import audit, events, localtime, money
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.models import User
from customers.models.people import Role
from loyalty.ledger import accounts
from loyalty.models import Membership, MembershipPlan, PointsAccount, Programme, Tier
from loyalty.naming import called
from loyalty.tiers.moving import move_accounts

MOST_MONTHS = 120
MOST_KEY = 64
MOST_AHEAD = 366
"""Days before and after today within which a period begins that is sold by hand."""
DECIDING = (Role.TEAM_LEAD, Role.ADMIN)
AT_ONCE = 1000


class PlanNameRefused(Refused):
    code = "plan_name"
    message = _("Write a name of at most 100 letters.")


class PlanCodeRefused(Refused):
    code = "plan_code"
    message = _("Write a short code of letters, digits and hyphens that no other plan has.")


class PlanMonthsRefused(Refused):
    code = "plan_months"
    message = _("A membership lasts 1 to 120 months.")


class PlanPriceRefused(Refused):
    code = "plan_price"
    message = _("A price is an amount of zero or more.")


class PlanTierRefused(Refused):
    code = "plan_tier"
    message = _("Choose a tier of this programme that is not retired.")


class PlanNotSold(Refused):
    code = "plan_not_sold"
    message = _("“%(plan)s” is not sold any more. Choose another membership.")
    on_renewal = _("“%(plan)s” is not sold any more. Sell another membership with the first day %(day)s.")


class PlanPriceChanged(Refused):
    code = "membership_price_changed"
    message = _("The price has changed: “%(plan)s” costs %(price)s now. Nothing was sold yet.")


class PriceNotYours(Refused):
    code = "membership_price_role"
    message = _("A team lead or admin sells it for another price. Leave the price empty, or ask one.")


class StartNotYours(Refused):
    code = "membership_start_role"
    message = _(
        "A team lead or admin lets a membership begin in the past. Choose today or later, or ask one."
    )


class StartsTooFar(Refused):
    code = "membership_start"
    message = _("The period would begin on %(day)s. It begins at most a year before or after today.")


class CancelReason(Refused):
    code = "membership_reason"
    message = _("Say in a sentence why the membership ends.")


class AlreadyMember(Refused):
    code = "already_member"
    message = _("There is a membership through %(day)s already. Renew that one instead.")


class AlreadyRenewed(Refused):
    code = "membership_renewed"
    message = _("This membership is renewed already. Renew the newer one instead.")
    on_cancel = _("This membership is renewed. Cancel the renewal first.")


class MembershipCancelled(Refused):
    code = "membership_cancelled"
    message = _("This membership is cancelled. Sell another one instead.")


class MembershipOver(Refused):
    code = "membership_over"
    message = _("This membership ran out on %(day)s; there is nothing to cancel.")


# --- Plans ------------------------------------------------------------------------------------
def create_plan(
    programme: Programme,
    *,
    code: str,
    name: str,
    name_alt: str = "",
    price: int,
    currency: str = "",
    months: int = 12,
    tier: Tier | None,
    by: User | None,
    at: datetime,
) -> MembershipPlan:
    """Make a plan that is sold from now on; return it.

    Args:
        price: minor units of ``currency``, the programme's where it is not said.
        tier: what it holds while it runs; ``None``: none.

    Raises :class:`PlanCodeRefused`, :class:`PlanNameRefused`, :class:`PlanMonthsRefused`,
    :class:`PlanPriceRefused`, :class:`PlanTierRefused`, ``UnknownCurrency``. Side effects: audit
    ``plan.create``.
    """
    plan = MembershipPlan(
        programme=programme,
        code=_code(code),
        **_wanted(programme, name, name_alt, price, currency or programme.currency, months, tier),
    )
    try:
        with transaction.atomic():
            plan.save()
            audit.record("plan.create", obj=plan, by=by, at=at, codes=_codes(plan))
    except IntegrityError as error:
        raise PlanCodeRefused() from error
    return plan


def change_plan(
    plan: MembershipPlan,
    *,
    name: str,
    name_alt: str = "",
    price: int,
    currency: str = "",
    months: int,
    tier: Tier | None,
    is_on: bool = True,
    by: User | None,
    at: datetime,
) -> MembershipPlan:
    """Change a plan, or stop selling it; price and days of what was sold stay, the tier follows at night.

    Raises what :func:`create_plan` raises. Side effects: audit ``plan.change``.
    """
    wanted = _wanted(plan.programme, name, name_alt, price, currency or plan.currency, months, tier)
    wanted["is_on"] = is_on
    with transaction.atomic():
        held = MembershipPlan.objects.select_for_update(no_key=True).filter(pk=plan.pk)
        list(held.values_list("pk"))
        plan.refresh_from_db()
        if any(getattr(plan, field) != value for field, value in wanted.items()):
            before = {f"{field}_before": value for field, value in _codes(plan).items()}
            for field, value in wanted.items():
                setattr(plan, field, value)
            plan.save(update_fields=list(wanted))
            audit.record("plan.change", obj=plan, by=by, at=at, codes={**_codes(plan), **before})
    return plan


# --- Memberships ------------------------------------------------------------------------------
def sell(
    account: PointsAccount,
    plan: MembershipPlan,
    *,
    starts_day: int | None = None,
    price: int | None = None,
    expected_price: int | None = None,
    key: str,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Membership:
    """Sell a membership; return it. It renews the one that ends on the day before its first, if any.

    The account has its tier at once, if it runs today and the programme is live; while that is paused
    nobody moves, and the tier comes in the night after it went on.

    Args:
        starts_day: its first local day, today where it is not said.
        price: what was paid, minor units of the plan's currency; the plan's price where it is not said.
        expected_price: the plan's price that whoever pressed was shown; where it is another one, refused.
        key: names this one sale: the same key again returns the first and changes nothing.
        occurred_at: when it was bought; ``at`` where it is not said.

    For another price, or from a day in the past, only a team lead or admin sells it. Raises
    :class:`PlanNotSold`, :class:`AlreadyMember`, :class:`PlanPriceRefused`, :class:`PlanPriceChanged`,
    :class:`PriceNotYours`, :class:`StartNotYours`, :class:`StartsTooFar`, ``InTheFuture``, ``Erased``. Side
    effects: event ``membership.sold``, audit ``membership.sell``; those of ``move_accounts``.
    """
    first = company.today(at).number if starts_day is None else starts_day
    with transaction.atomic():
        held = _hold(account)
        if (known := _known(held, key)) is not None:
            return known
        standing = running(held).filter(ends_day__gte=first).order_by("-ends_day").first()
        if standing is not None:
            raise AlreadyMember(day=_said(standing.ends_day))
        before = running(held).filter(~is_renewed(), ends_day=first - 1)
        return _write(
            held,
            plan,
            act="sell",
            renews=before.order_by("-pk").first(),
            first=first,
            price=price,
            expected_price=expected_price,
            key=key,
            occurred_at=occurred_at,
            by=by,
            at=at,
        )


def renew(
    membership: Membership,
    *,
    plan: MembershipPlan | None = None,
    price: int | None = None,
    expected_price: int | None = None,
    key: str,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Membership:
    """Sell the next period, from the day after the last one; from today where that is over.

    Where the customer was merged away it is sold to the survivor. ``plan``: another one than before. Raises
    :class:`AlreadyRenewed`, :class:`MembershipCancelled` and what :func:`sell` raises. Side effects: event
    ``membership.renewed``, audit ``membership.renew``; those of ``move_accounts``.
    """
    with transaction.atomic():
        held = _hold(membership.account)
        if (known := _known(held, key)) is not None:
            return known
        membership.refresh_from_db()
        if membership.cancelled_at is not None:
            raise MembershipCancelled()
        if Membership.objects.filter(renews=membership, cancelled_at=None).exists():
            raise AlreadyRenewed()
        first = max(membership.ends_day + 1, company.today(at).number)
        later = running(held).filter(ends_day__gte=first).order_by("-ends_day").first()
        if later is not None:
            raise AlreadyMember(day=_said(later.ends_day))
        return _write(
            held,
            plan or membership.plan,
            act="renew",
            renews=membership,
            first=first,
            price=price,
            expected_price=expected_price,
            key=key,
            occurred_at=occurred_at,
            by=by,
            at=at,
        )


def cancel(membership: Membership, *, reason: str = "", by: User | None, at: datetime) -> Membership:
    """End a membership at once, with the tier that it held; the renewal is to be cancelled first.

    Raises :class:`CancelReason` when a colleague gives none, :class:`MembershipCancelled`,
    :class:`AlreadyRenewed`, :class:`MembershipOver`. Side effects: event ``membership.cancelled``, audit
    ``membership.cancel``; those of ``move_accounts``.
    """
    if by is not None and not reason.strip():
        raise CancelReason()
    with transaction.atomic():
        held = _hold(membership.account)
        membership.refresh_from_db()
        if membership.cancelled_at is not None:
            raise MembershipCancelled()
        today = company.today(at).number
        if membership.ends_day < today:
            raise MembershipOver(day=_said(membership.ends_day))
        if Membership.objects.filter(renews=membership, cancelled_at=None).exists():
            raise AlreadyRenewed(AlreadyRenewed.on_cancel)
        membership.cancelled_at, membership.cancelled_day = at, today
        membership.cancel_reason = reason.strip()
        membership.save(update_fields=["cancelled_at", "cancelled_day", "cancel_reason"])
        _note("membership.cancel", "membership.cancelled", membership, by=by, at=at)
        move_accounts([held.pk], at=at)
    return membership


def running(account: PointsAccount) -> QuerySet[Membership]:
    """Return the memberships of an account's customer that are not cancelled."""
    of = Membership.objects.filter(customer=account.customer_id, plan__programme=account.programme_id)
    return of.filter(cancelled_at=None)


def is_renewed() -> Exists:
    """Return the condition that a membership has a renewal which is not cancelled."""
    return Exists(Membership.objects.filter(renews=OuterRef("pk"), cancelled_at=None))


def is_followed() -> Exists:
    """Return the condition that the customer is a member beyond the last day of a membership.

    By another one of the programme that ends later, a renewal or not, also one that begins after a gap. One
    that was cancelled counts if it ran beyond that last day: then its cancelling is the end. A renewal that
    was cancelled before it began is none.
    """
    later = Membership.objects.filter(
        customer=OuterRef("customer"),
        plan__programme=OuterRef("plan__programme"),
        ends_day__gt=OuterRef("ends_day"),
    )
    ran_on = Q(cancelled_day__gte=F("starts_day"), cancelled_day__gt=OuterRef("ends_day"))
    return Exists(later.filter(Q(cancelled_at=None) | ran_on))


def lapse_due(*, at: datetime) -> int:
    """Note which memberships ran out, and their customers are no members any more; return how many.

    Once for each, however often it is called. Side effects: event ``membership.lapsed``.
    """
    today = company.today(at).number
    over = Membership.objects.filter(
        ~is_renewed(),
        ~is_followed(),
        ends_day__lt=today,
        cancelled_at=None,
        lapsed_at=None,
    )
    done = 0
    while some := list(over.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            held = Membership.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
            rows = list(held.filter(pk__in=some, lapsed_at=None, cancelled_at=None))
            Membership.objects.filter(pk__in=[row.pk for row in rows]).update(lapsed_at=at)
            events.record_many(
                Event(
                    kind="membership.lapsed",
                    customer_id=row.customer_id,
                    subject_type=row._meta.label_lower,
                    subject_id=row.pk,
                    occurred_at=at,
                    data={"plan": row.plan_id, "ends_day": row.ends_day},
                )
                for row in rows
            )
        done += len(rows)
    return done


def last_day(first: int, months: int) -> int:
    """Return the last local day of so many calendar months from ``first`` on.

    A year from 2026-05-11 on ends with 2027-05-10; a month from 01-31 on with the last day of February.
    """
    day = localtime.day_of(first)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in range(day.day, 0, -1):
        try:
            same = date(year, month + 1, number)
        except ValueError:  # a short month
            continue
        return same.toordinal() - (number == day.day)
    raise AssertionError("every month has a first day")


# --- Parts ------------------------------------------------------------------------------------
def _hold(account: PointsAccount) -> PointsAccount:
    """Hold the customer and the account; return it, of a customer that was merged away the survivor's."""
    stubs.resolved_one(account.customer_id)
    return accounts.hold(account)


def _known(account: PointsAccount, key: str) -> Membership | None:
    if not key:
        raise ValueError("a sale has a key")
    asked = Membership.objects.filter(account__in=accounts.with_merged(account), key=key[:MOST_KEY])
    return asked.order_by("pk").first()


def _write(
    account: PointsAccount,
    plan: MembershipPlan,
    *,
    act: str,
    renews: Membership | None,
    first: int,
    price: int | None,
    expected_price: int | None,
    key: str,
    occurred_at: datetime | None,
    by: User | None,
    at: datetime,
) -> Membership:
    plan = MembershipPlan.objects.get(pk=plan.pk)
    if not plan.is_on or plan.programme_id != account.programme_id:
        said = PlanNotSold.on_renewal if act == "renew" else PlanNotSold.message
        raise PlanNotSold(said, plan=called(plan), day=_said(first))
    objections.refuse_erased(account.customer)
    if expected_price not in (None, plan.price):
        price_now = money.format_money(plan.price, plan.currency, get_language() or "en")
        raise PlanPriceChanged(plan=called(plan), price=price_now)
    paid = _price(plan.price if price is None else price)
    _check_role(plan, paid=paid, first=first, by=by, at=at)
    when = writing.moments(at=at, occurred_at=occurred_at)
    row = Membership.objects.create(
        account=account,
        customer_id=account.customer_id,
        plan=plan,
        renews=renews,
        price=paid,
        currency=plan.currency,
        starts_day=first,
        ends_day=last_day(first, plan.months),
        key=key[:MOST_KEY],
        occurred_at=when.occurred_at,
        occurred_day=localtime.day_number(when.occurred_at, company.today(at).zone),
        recorded_at=at,
        by=by,
    )
    if act == "sell":
        _note("membership.sell", "membership.sold", row, by=by, at=at)
    else:
        _note("membership.renew", "membership.renewed", row, by=by, at=at)
    move_accounts([account.pk], at=at)
    return row


def _check_role(plan: MembershipPlan, *, paid: int, first: int, by: User | None, at: datetime) -> None:
    """Refuse what this colleague may not sell; programs (``by`` is ``None``) sell as they say."""
    if by is None:
        return
    today = company.today(at).number
    if abs(first - today) > MOST_AHEAD:
        raise StartsTooFar(day=_said(first))
    if by.role in DECIDING:
        return
    if paid != plan.price:
        raise PriceNotYours()
    if first < today:
        raise StartNotYours()


def _said(day: int) -> str:
    """Return a local day for people to read."""
    return date_format(localtime.day_of(day), "DATE_FORMAT")


def _note(act: str, kind: str, row: Membership, *, by: User | None, at: datetime) -> None:
    codes = {"plan": row.plan_id, "price": row.price, "currency": row.currency, "ends_day": row.ends_day}
    events.record(kind, customer_id=row.customer_id, subject=row, occurred_at=at, data=codes)
    audit.record(act, obj=row, by=by, at=at, customer_id=row.customer_id, codes=codes)
    touched.mark([row.customer_id], at=at)


def _wanted(
    programme: Programme,
    name: str,
    name_alt: str,
    price: int,
    currency: str,
    months: int,
    tier: Tier | None,
) -> dict[str, Any]:
    said, said_alt = " ".join(name.split()), " ".join(name_alt.split())
    if not said or max(len(said), len(said_alt)) > 100:
        raise PlanNameRefused()
    if not 1 <= months <= MOST_MONTHS:
        raise PlanMonthsRefused()
    if tier is not None and (tier.programme_id != programme.pk or tier.is_retired):
        raise PlanTierRefused()
    money.exponent_of(currency)
    columns = {"price": _price(price), "currency": currency, "months": months, "tier": tier}
    return {"name": said, "name_alt": said_alt, **columns}


def _price(price: int) -> int:
    if not 0 <= price <= money.GREATEST_MINOR:
        raise PlanPriceRefused()
    return price


def _code(text: str) -> str:
    code = text.strip().lower()
    try:
        validate_slug(code)
    except ValidationError as error:
        raise PlanCodeRefused() from error
    if len(code) > MembershipPlan._meta.get_field("code").max_length:  # type: ignore[operator]
        raise PlanCodeRefused()
    return code


def _codes(plan: MembershipPlan) -> dict[str, Any]:
    return {
        "code": plan.code,
        "price": plan.price,
        "currency": plan.currency,
        "months": plan.months,
        "tier": plan.tier_id,
        "is_on": plan.is_on,
    }

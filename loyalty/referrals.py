"""Customers who bring customers: a code, its use, and the reward of both after the first order.

The first order that is rewarded is the earliest one of who was referred that is neither cancelled nor came
back wholly when its return window is over; without a window it is rewarded when it is recorded. Who was a
customer with orders before is not referred, nobody refers herself, and nobody is referred twice.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company, objections, stubs
from customers.duplicates.keys import email_key, phone_key, registration_key
from customers.ground import audit, events
from customers.ground.again import tried_again
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Order, User
from loyalty import programmes
from loyalty.ledger import accounts, earning
from loyalty.models import OrderEarning, PointsAccount, Programme, Referral

State = Referral.State
SELF, HAD_ORDERS, GONE = "self", "had_orders", "gone"
_AT_ONCE = 500


class UnknownReferralCode(Refused):
    code = "unknown_referral_code"
    message = _("No customer has the referral code “%(code)s”. Check its letters and digits.")


class SelfReferral(Refused):
    code = "self_referral"
    message = _(
        "Nobody refers herself: the two are the same customer, or share a phone number, an e-mail address "
        "or a registration number."
    )


class ReferredBefore(Refused):
    code = "referred_before"
    message = _("This customer was referred already. A customer can be referred once.")


class NotNew(Refused):
    code = "referred_not_new"
    message = _("This customer has ordered before and cannot be referred any more.")


class NoReferrals(Refused):
    code = "no_referrals"
    message = _("The programme rewards no referrals. An admin sets the points under Loyalty → Programme.")


def refer(code: str, customer: Customer, *, by: User | None, at: datetime) -> Referral:
    """Note that a customer came by the referral code of another one; return it.

    Case and spaces of the code do not matter. The account of who came is opened when there is none. Raises
    ``NoProgramme``, :class:`NoReferrals`, :class:`UnknownReferralCode`, :class:`SelfReferral`,
    :class:`ReferredBefore`, :class:`NotNew`, ``Erased``. Side effects: audit and event ``referral.make``;
    both get points when the first order stands.
    """
    programme = programmes.needed()
    if not rewards_any(programme):
        raise NoReferrals()
    written = "".join(code.split()).upper()
    with transaction.atomic():
        referrer = PointsAccount.objects.filter(programme=programme, referral_code=written).first()
        if referrer is None:
            raise UnknownReferralCode(code=written[:20])
        customer_id = stubs.held(customer.pk)
        objections.refuse_erased(Customer.objects.get(pk=customer_id))
        referrer_id = stubs.survivor_of(referrer.customer_id) or referrer.customer_id
        if is_same(referrer_id, customer_id):
            raise SelfReferral()
        if _was_referred(customer_id, programme):
            raise ReferredBefore()
        if _has_ordered(customer_id):
            raise NotNew()
        accounts.account_for(customer_id, at=at, programme=programme)
        try:
            with transaction.atomic():
                referral = Referral.objects.create(
                    referrer=referrer, programme=programme, customer_id=customer_id, by=by, at=at
                )
        except IntegrityError as error:
            raise ReferredBefore() from error
        _told("referral.make", referral, by=by, at=at)
    return referral


def can_be_referred(customer_id: int, programme: Programme) -> bool:
    """Say whether :func:`refer` would take the code of another customer; at most two queries."""
    return (
        rewards_any(programme) and not _was_referred(customer_id, programme) and not _has_ordered(customer_id)
    )


def rewards_any(programme: Programme) -> bool:
    """Say whether a referral brings points to either."""
    return bool(programme.referral_referrer or programme.referral_referred)


def is_same(one: int, other: int) -> bool:
    """Say whether two customers are one, by number, or share phone, e-mail or registration number."""
    if one == other:
        return True
    return bool(_signs(one) & _signs(other))


def reason_said(reason: str) -> str:
    """Return in words why a referral was refused; nothing for no reason."""
    said = {
        SELF: gettext("the two are the same customer"),
        HAD_ORDERS: gettext("the customer had ordered before"),
        GONE: gettext("who referred is not a customer any more"),
    }
    return said.get(reason, reason)


def reward_due(*, at: datetime, customer_ids: Collection[int] | None = None) -> int:
    """Reward referrals whose first order stands and whose return window is over; return how many.

    ``customer_ids``: of these who were referred; without it of all. Whether the two have become one
    customer meanwhile is looked at again, and whether who was referred had ordered on a day before: then it
    is refused. A rerun changes nothing. Side effects:
    two entries each, audit and event ``referral.reward`` or ``referral.refuse``.
    """
    programme = programmes.current()
    if programme is None or programme.state != Programme.State.LIVE:
        return 0
    waiting = Referral.objects.filter(programme=programme, state=State.WAITING)
    if customer_ids is not None:
        waiting = waiting.filter(customer__in=customer_ids)
    standing = OrderEarning.objects.filter(
        programme=programme,
        is_past=False,
        customer=OuterRef("customer"),
        occurred_day__lte=company.today(at).number - programme.pending_days,
        net_left__gt=0,
    ).exclude(Exists(_rewarded_for(OuterRef("order_id"), programme)))
    first = standing.order_by("occurred_at", "order_id").values("order_id")[:1]
    due = waiting.annotate(first=Subquery(first)).filter(first__isnull=False).order_by("pk")
    rewarded = last = 0
    while found := list(due.filter(pk__gt=last).values_list("pk", "first")[:_AT_ONCE]):
        last = found[-1][0]
        for pk, order_id in found:
            rewarded += tried_again(partial(_reward, pk, order_id, programme, at=at))
    return rewarded


def _reward(pk: int, order_id: int, programme: Programme, *, at: datetime) -> bool:
    accounts.lock_all(_accounts(pk, programme, at=at))  # before the referral, as whoever merges does
    referral = Referral.objects.select_for_update(of=("self",)).select_related("referrer").get(pk=pk)
    if referral.state != State.WAITING:
        return False
    standing = OrderEarning.objects.filter(programme=programme, order=order_id, is_past=False, net_left__gt=0)
    if not standing.filter(customer=referral.customer_id).exists():
        return False  # it came back, or went to another customer, meanwhile: the next night looks again
    if _rewarded_for(order_id, programme).exists():
        return False
    referrer_id = stubs.survivor_of(referral.referrer.customer_id) or referral.referrer.customer_id
    reason = ""
    if is_same(referrer_id, referral.customer_id):
        reason = SELF
    elif _had_orders(referral):
        reason = HAD_ORDERS
    elif (
        Customer.objects.filter(pk=referrer_id)
        .filter(Q(gone_at__isnull=False) | Q(erased_at__isnull=False))
        .exists()
    ):
        reason = GONE
    referral.order_id, referral.ended_at, referral.reason = order_id, at, reason
    referral.state = State.REFUSED if reason else State.REWARDED
    referral.save(update_fields=["order_id", "ended_at", "reason", "state"])
    if not reason:
        referred = accounts.account_for(referral.customer_id, at=at, programme=programme)
        both = sorted(
            [
                (referral.referrer, programme.referral_referrer, "referral"),
                (referred, programme.referral_referred, "referred"),
            ],
            key=lambda row: row[0].pk,
        )
        for account, points, role in both:
            if points:
                earning.earn(
                    account,
                    points=points,
                    source=(role, referral.pk),
                    occurred_at=at,
                    detail={"event": role, "referral": referral.pk, "points": points},
                    usable_day=company.today(at).number,
                    by=None,
                    at=at,
                )
    _told("referral.refuse" if reason else "referral.reward", referral, by=None, at=at)
    return not reason


def _rewarded_for(order: int | OuterRef, programme: Programme) -> QuerySet[Referral]:
    """Return the referral that an order was rewarded for: of another customer, where it moved since."""
    return Referral.objects.filter(programme=programme, state=State.REWARDED, order_id=order)


def _was_referred(customer_id: int, programme: Programme) -> bool:
    return Referral.objects.filter(programme=programme, customer=customer_id).exists()


def _has_ordered(customer_id: int) -> bool:
    return Order.objects.filter(customer=customer_id, void=False, is_purchase=True).exists()


def _accounts(pk: int, programme: Programme, *, at: datetime) -> set[int]:
    """Return the accounts of a referral's two, each as it is and as what it was merged into."""
    referrer, customer_id = Referral.objects.values_list("referrer", "customer_id").get(pk=pk)
    whose = PointsAccount.objects.values_list("customer_id", flat=True).get(pk=referrer)
    both = accounts.accounts_for({whose, customer_id}, at=at, programme=programme)
    return {referrer} | {account.pk for account in both.values()}


def _had_orders(referral: Referral) -> bool:
    """Say whether who was referred has a purchase that stands of a day before the referral's.

    By now it may be known of one that was not then: orders are brought in late, and customers merged.
    """
    standing = Order.objects.filter(customer=referral.customer_id, void=False, is_purchase=True)
    standing = standing.exclude(status=Order.Status.CANCELLED)
    return bool(standing.filter(occurred_day__lt=company.today(referral.at).number).exists())


def _signs(customer_id: int) -> set[tuple[str, str]]:
    """Return by what a customer is recognised: its contacts' numbers and addresses, its registration."""
    found = {
        ("registration", registration_key(number))
        for number in Customer.objects.filter(pk=customer_id).values_list("registration_number", flat=True)
    }
    for phone, email in Contact.objects.filter(customer=customer_id).values_list("phone", "email"):
        found |= {("phone", phone_key(phone)), ("email", email_key(email))}
    return {sign for sign in found if sign[1]}


def _told(act: str, referral: Referral, *, by: User | None, at: datetime) -> None:
    codes = {"referrer": referral.referrer_id}
    if referral.reason:
        codes["reason"] = referral.reason  # type: ignore[assignment]
    customer_id = referral.customer_id
    audit.record(act, obj=referral, by=by, at=at, customer_id=customer_id, codes=dict(codes))
    events.record(act, customer_id=customer_id, subject=referral, occurred_at=at, data=dict(codes))

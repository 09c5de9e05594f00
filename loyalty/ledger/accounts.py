"""Whose points: the account of a customer, made when it is first needed, and held while points move."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from customers import company, objections, stubs
from customers.models import Customer
from loyalty.ledger.errors import NoProgramme
from loyalty.models import PointsAccount, Programme

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that looks like another one
_CODE_LENGTH = 10
_TRIES = 5


def running() -> Programme:
    """Return the programme that is live or paused; raise :class:`NoProgramme` without one."""
    programme = Programme.objects.exclude(state=Programme.State.DRAFT).first()
    if programme is None:
        raise NoProgramme()
    return programme


def new_code() -> str:
    """Return a new referral code."""
    return "".join(secrets.choice(LETTERS) for _letter in range(_CODE_LENGTH))


def account_for(customer_id: int, *, at: datetime, programme: Programme | None = None) -> PointsAccount:
    """Return the account of a customer in the programme that runs (or ``programme``), made if it is missing.

    A customer that was merged away stands for the one that it went into. Raises :class:`NoProgramme`.
    """
    programme = programme or running()
    customer_id = stubs.survivor_of(customer_id) or customer_id
    for _try in range(_TRIES):
        account = PointsAccount.objects.filter(programme=programme, customer_id=customer_id).first()
        if account is not None:
            break
        try:
            with transaction.atomic():
                account = PointsAccount.objects.create(**_new(programme, customer_id, at=at))
            break
        except IntegrityError:  # somebody made it at the same moment, or the code is given already
            continue
    if account is None:
        raise RuntimeError(f"no points account could be made for customer {customer_id}")
    account.programme = programme
    return account


def open_for(customer: Customer, *, at: datetime) -> PointsAccount:
    """Open the account of a customer because somebody asks for it; return it, or the one that it has.

    Raises :class:`NoProgramme`, and ``Erased`` where there is none yet.
    """
    programme = running()
    if not PointsAccount.objects.filter(programme=programme, customer=customer).exists():
        objections.refuse_erased(customer)
    return account_for(customer.pk, at=at, programme=programme)


def accounts_for(
    customer_ids: Iterable[int], *, at: datetime, programme: Programme | None = None
) -> dict[int, PointsAccount]:
    """Return the accounts of many customers by the ids given, as :func:`account_for` does."""
    programme = programme or running()
    stands_for = {pk: pk for pk in customer_ids}
    merged = Customer.objects.filter(pk__in=stands_for, merged_into__isnull=False)
    for pk in merged.values_list("pk", flat=True):
        stands_for[pk] = stubs.survivor_of(pk) or pk
    wanted = set(stands_for.values())
    mine = PointsAccount.objects.filter(programme=programme, customer_id__in=wanted)
    found = {account.customer_id: account for account in mine}
    for _try in range(_TRIES):
        missing = sorted(wanted - found.keys())
        if not missing:
            break
        rows = [PointsAccount(**_new(programme, pk, at=at)) for pk in missing]
        PointsAccount.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
        found |= {account.customer_id: account for account in mine.filter(customer_id__in=missing)}
    for account in found.values():
        account.programme = programme
    return {pk: found[now] for pk, now in stands_for.items()}


class _Merged(Exception):
    """Customers were merged, or parted, while their accounts were waited for."""


def hold(account: PointsAccount) -> PointsAccount:
    """Lock the row of an account to the end of the transaction and return it as it stands now.

    Of a customer that was merged away meanwhile it is the account of the one that it went into; the stub's
    is locked with it. Locks are taken in the order customer, case, account; the customer is held lightly by
    what is written after.
    """
    return hold_all([account.pk])[account.pk]


def hold_all(ids: Iterable[int]) -> dict[int, PointsAccount]:
    """Do for many accounts what :func:`hold` does; return, by the ids given, where their points belong now.

    All are locked in one order: where a merge changed what is to be locked, what is held is let go first.
    """
    ways = {pk: [pk] for pk in ids}
    went: dict[int, int] = {}
    for _try in range(_TRIES):
        try:
            with transaction.atomic():
                held = lock_rows(pk for way in ways.values() for pk in way)
                now = _went_into(held[pk].customer_id for pk in ways)
                if now != went:
                    raise _Merged
        except _Merged:
            went = now
            ways = _ways([held[pk] for pk in ways], went)
            continue
        return {pk: held[way[-1]] for pk, way in ways.items()}
    raise RuntimeError(f"customers of the accounts {sorted(ways)} are merged again and again")


def way_of(account: PointsAccount) -> list[int]:
    """Return the account, and those that its points go through to that of the survivor of its customer."""
    return _ways([account], _went_into([account.customer_id]))[account.pk]


def with_merged(account: PointsAccount) -> list[int]:
    """Return the account and those of stubs that went into its customer: their keys are keys of it, too."""
    return [account.pk, *merged_into([account])]


def merged_into(given: Iterable[PointsAccount]) -> dict[int, int]:
    """Return the accounts of stubs that went into the customers of some accounts, each with that account."""
    own = {(account.programme_id, account.customer_id): account.pk for account in given}
    stands_for = {customer: customer for _programme, customer in own}
    stubs_of: dict[int, int] = {}
    while stands_for:
        found = Customer.objects.filter(merged_into__in=stands_for).values_list("pk", "merged_into")
        stands_for = {pk: stands_for[into] for pk, into in found if into is not None}
        stubs_of |= stands_for
    if not stubs_of:
        return {}
    rows = PointsAccount.objects.filter(customer__in=stubs_of).order_by("pk")
    return {
        pk: own[programme, stubs_of[customer]]
        for pk, programme, customer in rows.values_list("pk", "programme", "customer")
        if (programme, stubs_of[customer]) in own
    }


def lock(account: PointsAccount) -> PointsAccount:
    """Lock the row of this very account, also a stub's, and return it as it stands now."""
    return lock_rows([account.pk])[account.pk]


def lock_with_survivor(account: PointsAccount) -> PointsAccount:
    """Lock this very account, with a stub's those that its points go to; return it as it stands."""
    hold(account)
    return lock(account)


def lock_rows(ids: Iterable[int]) -> dict[int, PointsAccount]:
    """Lock the rows of these very accounts in order; return them as they stand now, by id."""
    rows = PointsAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("programme")
    return {account.pk: account for account in rows.filter(pk__in=set(ids)).order_by("pk")}


def _went_into(customer_ids: Iterable[int]) -> dict[int, int]:
    """Return the stubs among customers, and among those whom they went into, each with the next one."""
    went: dict[int, int] = {}
    asked = set(customer_ids)
    while asked:
        stubs_ = Customer.objects.filter(pk__in=asked, merged_into__isnull=False)
        found = dict(stubs_.values_list("pk", "merged_into_id"))
        went |= found
        asked = set(found.values()) - went.keys()
    return went


def _ways(given: Iterable[PointsAccount], went: dict[int, int]) -> dict[int, list[int]]:
    """Return for each account the ids of those on the way to the survivor's, made if that is missing."""
    ways: dict[int, list[int]] = {}
    for account in given:
        way = ways[account.pk] = [account.pk]
        into = went.get(account.customer_id)
        while into is not None and into in went:
            between = PointsAccount.objects.filter(programme=account.programme_id, customer=into)
            way += between.values_list("pk", flat=True)
            into = went[into]
        if into is not None:
            way.append(account_for(into, at=account.opened_at, programme=account.programme).pk)
    return ways


def lock_all(ids: Iterable[int]) -> list[int]:
    """Lock the rows of accounts in order; return those that are there."""
    rows = PointsAccount.objects.select_for_update(no_key=True).filter(pk__in=set(ids)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def change(
    account: PointsAccount, *, points: int = 0, pending: int = 0, debt: int = 0, day: int | None = None
) -> None:
    """Add to the sums of an account that is held; ``day`` is that of an earning or redemption."""
    values: dict[str, object] = {
        "balance": F("balance") + points,
        "pending": F("pending") + pending,
        "debt": F("debt") + debt,
    }
    if day is not None:
        values["moved_day"] = Greatest("moved_day", day)
        account.moved_day = max(account.moved_day, day)
    PointsAccount.objects.filter(pk=account.pk).update(**values)
    account.balance += points
    account.pending += pending
    account.debt += debt


def _new(programme: Programme, customer_id: int, *, at: datetime) -> dict[str, object]:
    return {
        "programme": programme,
        "customer_id": customer_id,
        "opened_at": at,
        "moved_day": company.today(at).number,
        "referral_code": new_code(),
    }

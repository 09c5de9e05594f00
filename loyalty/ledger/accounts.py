"""Whose points: the account of a customer, made when it is first needed, and held while points move."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from customers import company, stubs
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


def hold(account: PointsAccount) -> PointsAccount:
    """Lock the row of an account to the end of the transaction and return it as it stands now.

    Of a customer that was merged away meanwhile it is the account of the one that it went into. Locks are
    taken in the order customer, case, account; the customer is held lightly by what is written after.
    """
    held = lock(account)
    into = stubs.survivor_of(held.customer_id)
    if into is not None:
        held = lock(account_for(into, at=held.opened_at, programme=held.programme))
    return held


def lock(account: PointsAccount) -> PointsAccount:
    """Lock the row of this very account, also a stub's, and return it as it stands now."""
    rows = PointsAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("programme")
    return rows.get(pk=account.pk)


def lock_with_survivor(account: PointsAccount) -> PointsAccount:
    """Lock this very account, and with a stub's the account that its points go to; return it as it stands."""
    into = stubs.survivor_of(account.customer_id)
    pair = {account.pk}
    if into is not None:
        pair.add(account_for(into, at=account.opened_at, programme=account.programme).pk)
    lock_all(pair)
    return lock(account)


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

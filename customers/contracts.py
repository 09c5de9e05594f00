"""Recording contracts by hand or by program."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company, writing
from customers.ground import audit, events, localtime, money
from customers.ground.errors import Refused
from customers.models import Contract, Customer, User


class ContractRefused(Refused):
    code = "contract_days"
    message = _("A contract cannot end before it starts.")


def record_contract(
    customer: Customer,
    *,
    starts_on: date,
    ends_on: date,
    value: int = 0,
    currency: str = "",
    notice_on: date | None = None,
    auto_renew: bool = False,
    number: str = "",
    owner: User | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Contract:
    """Record a contract; ``value`` in minor units of ``currency`` over the whole term.

    ``owner`` answers for it; without one, whoever looks after the customer. Raises
    :class:`ContractRefused`, ``InTheFuture``, ``MissingRate``. Side effects: touches the customer, event
    ``contract.recorded``, audit ``contract.record``.
    """
    if ends_on < starts_on:
        raise ContractRefused()
    firm = company.current()
    currency = currency or firm.base_currency
    when = writing.moments(at=at, occurred_at=occurred_at)
    signed = localtime.day_of(localtime.day_number(when.occurred_at, firm.time_zone))
    rate = company.rate_of(currency, day=signed, company=firm)
    with transaction.atomic():
        contract = writing.write(
            Contract,
            customer_id=customer.pk,
            when=when,
            number=number,
            starts_day=starts_on.toordinal(),
            ends_day=ends_on.toordinal(),
            notice_day=notice_on.toordinal() if notice_on else None,
            auto_renew=auto_renew,
            owner_id=owner.pk if owner else customer.owner_id,
            currency=currency,
            value=value,
            value_base=money.convert(
                value, rate=rate, from_currency=currency, to_currency=firm.base_currency
            ),
        )
        events.record(
            "contract.recorded", customer_id=customer.pk, subject=contract, occurred_at=contract.occurred_at
        )
        audit.record("contract.record", obj=contract, by=by, at=at, customer_id=customer.pk)
    return contract


def change_contract(
    contract: Contract,
    *,
    starts_on: date,
    ends_on: date,
    value: int,
    notice_on: date | None = None,
    auto_renew: bool = False,
    number: str = "",
    owner: User | None = None,
    by: User | None,
    at: datetime,
) -> Contract:
    """Correct a contract; the version before stays known until ``at``. The rate is that of its signing.

    Raises :class:`ContractRefused`, ``MissingRate``, and ``OlderThanKnown`` when somebody else changed it
    since ``contract`` was read. Side effects: touches the customer, audit ``contract.change``.
    """
    if ends_on < starts_on:
        raise ContractRefused()
    firm = company.current()
    signed = localtime.day_of(contract.occurred_day)
    rate = company.rate_of(contract.currency, day=signed, company=firm)
    with transaction.atomic():
        before = contract.recorded_at
        writing.revise(
            contract,
            starts_day=starts_on.toordinal(),
            ends_day=ends_on.toordinal(),
            notice_day=notice_on.toordinal() if notice_on else None,
            auto_renew=auto_renew,
            number=number,
            owner_id=owner.pk if owner else None,
            value=value,
            value_base=money.convert(
                value, rate=rate, from_currency=contract.currency, to_currency=firm.base_currency
            ),
            at=at,
        )
        if contract.recorded_at != before:
            audit.record("contract.change", obj=contract, by=by, at=at, customer_id=contract.customer_id)
    return contract

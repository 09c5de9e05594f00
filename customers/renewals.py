"""What becomes of a contract at its end: it is renewed, changed, prolonged, or it lapses."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company, writing
from customers.ground import audit, events, localtime, money
from customers.ground.errors import Refused
from customers.models import Contract, User

How = Contract.Renewal


class Decided(Refused):
    code = "contract_decided"
    message = _("This contract was renewed or has lapsed already. Load the page again to see what stands.")


class NotLonger(Refused):
    code = "contract_term_not_longer"
    message = _("A longer term ends after %(day)s, the end of a term like the last one.")


@dataclass(frozen=True)
class Term:
    """A term by its days."""

    starts_on: date
    ends_on: date
    notice_on: date | None


def undecided() -> QuerySet[Contract]:
    """Return the contracts of which nobody said yet whether they go on."""
    customers = Q(customer__gone_at__isnull=True)
    return Contract.objects.filter(
        customers, void=False, renewed_day__isnull=True, terminated_day__isnull=True
    )


def next_term(contract: Contract) -> Term:
    """Return the term that would follow: as many months, else as many days, and as long a notice."""
    day = localtime.day_of
    starts, ends = day(contract.starts_day), day(contract.ends_day)
    begins = ends + timedelta(days=1)
    months = 12 * (begins.year - starts.year) + begins.month - starts.month
    if months > 0 and _months_on(starts, months) == begins:
        until = _months_on(begins, months) - timedelta(days=1)
    else:
        until = begins + (ends - starts)
    before = contract.ends_day - contract.notice_day if contract.notice_day is not None else None
    return Term(begins, until, until - timedelta(days=before) if before is not None else None)


def renew(
    contract: Contract,
    *,
    value: int | None = None,
    ends_on: date | None = None,
    by: User | None,
    at: datetime,
) -> Contract:
    """Let a contract go on by a new one, which begins on the day after its end; return that one.

    ``value`` (minor units of its currency) renegotiates it, ``ends_on`` makes the term longer; without
    either it goes on as it was. May come late, after the end. Raises :class:`Decided`,
    :class:`NotLonger`, ``MissingRate``. Side effects: the new fact, ``renewed_day`` of the old one, the
    customer touched, event ``contract.renewed``, audit ``contract.renew``.
    """
    how = How.LONGER if ends_on else How.RENEGOTIATED if value is not None else How.SAME
    term = next_term(contract)
    if ends_on is not None:
        if ends_on <= term.ends_on:
            raise NotLonger(day=term.ends_on.isoformat())
        longer = (ends_on - term.ends_on).days
        notice = term.notice_on and term.notice_on + timedelta(days=longer)
        term = Term(term.starts_on, ends_on, notice)
    return _go_on(contract, term, how=how, value=value, when=writing.moments(at=at), by=by, at=at)


def renew_itself(contract: Contract, *, at: datetime) -> Contract:
    """Let a contract that renews itself go on as it was, known from ``at`` on; see :func:`renew`."""
    term = next_term(contract)
    zone = company.current().time_zone
    begins = localtime.start_of_day(term.starts_on.toordinal(), zone)
    when = writing.Moments(min(begins, at), at)
    return _go_on(contract, term, how=How.ITSELF, value=None, when=when, by=None, at=at)


def lapse(contract: Contract, *, by: User | None, at: datetime) -> Contract:
    """Note that a contract does not go on: it is terminated as of today; the night counts the loss.

    Raises :class:`Decided`. Side effects: ``terminated_day``, the customer touched, event
    ``contract.lapsed``, audit ``contract.lapse``.
    """
    with transaction.atomic():
        contract = _locked(contract)
        writing.revise(contract, terminated_day=company.today(at).number, auto_renew=False, at=at)
        _write_down("lapse", contract, {}, by=by, at=at)
    return contract


def _go_on(
    contract: Contract,
    term: Term,
    *,
    how: str,
    value: int | None,
    when: writing.Moments,
    by: User | None,
    at: datetime,
) -> Contract:
    firm = company.current()
    with transaction.atomic():
        contract = _locked(contract)
        amount = contract.value if value is None else value
        signed = localtime.day_of(localtime.day_number(when.occurred_at, firm.time_zone))
        rate = company.rate_of(contract.currency, day=signed, company=firm)
        new = writing.write(
            Contract,
            customer_id=contract.customer_id,
            when=when,
            number=contract.number,
            owner_id=contract.owner_id,
            starts_day=term.starts_on.toordinal(),
            ends_day=term.ends_on.toordinal(),
            notice_day=term.notice_on.toordinal() if term.notice_on else None,
            auto_renew=contract.auto_renew,
            currency=contract.currency,
            value=amount,
            value_base=money.convert(
                amount, rate=rate, from_currency=contract.currency, to_currency=firm.base_currency
            ),
            renews=contract,
            renewal=how,
        )
        day = localtime.day_number(when.occurred_at, firm.time_zone)
        writing.revise(contract, renewed_day=day, at=at)
        _write_down("renew", new, {"renews": contract.pk, "how": str(how)}, by=by, at=at)
    return new


def _locked(contract: Contract) -> Contract:
    """Return the contract as it stands, held until the transaction ends; two presses are one."""
    row = Contract.objects.select_for_update(no_key=True).get(pk=contract.pk)
    if row.void or row.renewed_day is not None or row.terminated_day is not None:
        raise Decided()
    return row


def _write_down(
    act: str, contract: Contract, codes: dict[str, Any], *, by: User | None, at: datetime
) -> None:
    kind = {"renew": "contract.renewed", "lapse": "contract.lapsed"}[act]
    events.record(kind, customer_id=contract.customer_id, subject=contract, occurred_at=at, data=codes)
    audit.record(f"contract.{act}", obj=contract, by=by, at=at, customer_id=contract.customer_id, codes=codes)


def _months_on(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

"""Renewals: the nightly step, the cases that come before a notice date, and the losses of what lapsed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import company
from customers import renewals as contracts
from customers.ground import audit, localtime, runs
from customers.ground.errors import Refused
from customers.ground.models import BackgroundRun
from customers.ground.rows import insert_new
from customers.models import Contract, User
from retention import losses
from retention.calls.planning import span_of
from retention.cases.opening import Grounds, open_for
from retention.models import CustomerMeasures, Loss, LossKind, RenewalCase, RenewalPolicy, RetentionCase
from retention.models.rules import CaseKind, Severity

DAYS_BEFORE = 30
NAME = "renewals"  # of the nightly run in ``BackgroundRun``
CHUNK = 200
LATE = 7  # days that a night looks back beyond the last one: what ended before is history and stays as told
MOST_TERMS = 24  # that one contract catches up with in a night


class NightIsPast(Refused):
    code = "renewals_night_past"
    message = gettext_lazy(
        "%(day)s lies before %(last)s, the last night whose renewals were seen to. A night that is over is "
        "not done again."
    )


class BadDays(Refused):
    code = "renewal_days"
    message = gettext_lazy("Choose 1 to 365 days.")


def days_before() -> int:
    """Return how many days before its notice date a contract becomes a case."""
    return RenewalPolicy.objects.values_list("days_before", flat=True).first() or DAYS_BEFORE


def set_days_before(days: int, *, by: User, at: datetime) -> int:
    """Say how many days before its notice date a contract becomes a case, from the next night on.

    Raises :class:`BadDays`. Audit ``renewals.set_days``.
    """
    if not 1 <= days <= 365:
        raise BadDays()
    with transaction.atomic():
        policy, _new = RenewalPolicy.objects.update_or_create(id=1, defaults={"days_before": days})
        audit.record("renewals.set_days", obj=policy, by=by, at=at, codes={"days": days})
    return days


def renew(contract: Contract, *, by: User | None, at: datetime, **terms: Any) -> Contract:
    """Renew a contract, also late: a loss that its lapse was taken for ends. See ``renewals.renew``."""
    with transaction.atomic():
        new = contracts.renew(contract, by=by, at=at, **terms)
        if Loss.objects.filter(contract=contract, ended_at__isnull=True).exists():
            losses.end_loss(contract.customer, by=by, at=at)
    return new


def nightly(*, at: datetime) -> dict[str, int] | None:
    """See to renewals once each local day; return what was done, nothing when it was done before.

    In order: contracts renew themselves, cases come before notice dates, what lapsed becomes a loss. Each
    step does what is not done yet, so that a night that was stopped goes on where it was. Raises
    :class:`NightIsPast` when a later night was done.
    """
    firm = company.find()
    if firm is None:
        return None
    day = company.today(at, firm).number
    slot = localtime.day_of(day).isoformat()
    later = BackgroundRun.objects.filter(name=NAME, slot__gt=slot, status=BackgroundRun.Status.DONE)
    if newest := later.order_by("-slot").first():
        raise NightIsPast(day=slot, last=newest.slot)
    last = BackgroundRun.objects.filter(name=NAME, slot__lt=slot).order_by("-slot").first()
    if not runs.take(NAME, slot, at=at):
        return None
    since = (localtime.day_number(last.started_at, firm.time_zone) if last else day) - LATE
    try:
        done = _run(day=day, since=since, at=at)
    except BaseException:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return done


def _run(*, day: int, since: int, at: datetime) -> dict[str, int]:
    """Do one night's work for the contracts that ended since ``since``, or end soon."""
    return {
        "renewed": _renew_themselves(day=day, since=since, at=at),
        "cases": open_cases(day=day, within=days_before(), at=at),
        "missed": _raise_missed(day=day, at=at),
        "losses": _count_losses(day=day, since=since, at=at),
    }


# --- Contracts that renew themselves -----------------------------------------------------------
def _renew_themselves(*, day: int, since: int, at: datetime) -> int:
    """Each is a fact of its own with its own version: a term a contract, in its own transaction."""
    done = 0
    for _term in range(MOST_TERMS):
        over = contracts.undecided().filter(auto_renew=True, ends_day__lt=day)
        # what a successor of tonight is itself over was not over when the night before looked
        waiting = over.filter(Q(ends_day__gte=since) | Q(renewal=Contract.Renewal.ITSELF))
        ids = list(waiting.order_by("customer_id", "pk").values_list("pk", flat=True))
        if not ids:
            break
        for start in range(0, len(ids), CHUNK):
            with transaction.atomic():
                for contract in Contract.objects.filter(pk__in=ids[start : start + CHUNK]).order_by("pk"):
                    contracts.renew_itself(contract, at=at)
                    done += 1
    return done


# --- Cases before the notice date --------------------------------------------------------------
def due_soon(*, day: int, within: int) -> QuerySet[Contract]:
    """Return the undecided contracts whose notice date, without one the end, comes within so many days."""
    return (
        contracts.undecided()
        .annotate(due_day=Coalesce("notice_day", "ends_day"))
        .filter(due_day__lte=day + within, ends_day__gte=day)
    )


def open_cases(*, day: int, within: int, at: datetime) -> int:
    """Open a case, or join the open one, for each term that is due soon and has had none; return how many."""
    had = RenewalCase.objects.filter(contract=OuterRef("pk"))
    waiting = due_soon(day=day, within=within).filter(~Exists(had))
    ids = list(waiting.order_by("customer_id", "pk").values_list("pk", flat=True))
    done = 0
    for start in range(0, len(ids), CHUNK):
        with transaction.atomic():
            done += _open_chunk(ids[start : start + CHUNK], at=at)
    return done


def _open_chunk(ids: Sequence[int], *, at: datetime) -> int:
    rows = Contract.objects.filter(pk__in=ids).order_by("customer_id", "pk")
    asked = insert_new([RenewalCase(contract=row, opened_at=at) for row in rows], known_by="contract")
    if not asked:
        return 0
    grounds: dict[int, Grounds] = {}
    language = company.current().language
    for one in asked:
        contract = one.contract
        ground = grounds.setdefault(
            contract.customer_id,
            Grounds(
                customer_id=contract.customer_id,
                kind=CaseKind.SAVE,
                severity=Severity.MEDIUM,
                within=span_of(CaseKind.SAVE, None),
                codes={"contracts": []},
            ),
        )
        ground.reason = "\n".join(filter(None, [ground.reason, reason_of(contract, language=language)]))
        ground.codes["contracts"].append(contract.pk)
    cases = open_for(list(grounds.values()), at=at)
    by_customer = {case.customer_id: case for case in cases}
    for one in asked:
        one.case = by_customer[one.contract.customer_id]
    RenewalCase.objects.bulk_update(asked, ["case"])
    return len(asked)


def reason_of(contract: Contract, *, language: str) -> str:
    """Return in a language why a contract needs to be talked about: its dates."""
    with translation.override(language):
        values = {
            "number": contract.number or f"#{contract.pk}",
            "end": localtime.day_of(contract.ends_day).isoformat(),
            "notice": localtime.day_of(contract.notice_day or contract.ends_day).isoformat(),
        }
        if contract.notice_day is None:
            return _("Contract %(number)s ends on %(end)s.") % values
        return _("Contract %(number)s ends on %(end)s; notice until %(notice)s.") % values


def _raise_missed(*, day: int, at: datetime) -> int:
    """Make the cases urgent whose notice date passed without a word; return how many were made so."""
    missed = RenewalCase.objects.filter(
        contract__in=contracts.undecided().filter(notice_day__lt=day, auto_renew=False),
        missed_at__isnull=True,
        case__closed_at__isnull=True,
    )
    ids = list(missed.values_list("pk", flat=True))
    language = company.current().language
    with transaction.atomic():
        new = RenewalCase.objects.filter(pk__in=ids, missed_at__isnull=True)
        rows = list(new.select_related("contract", "case"))
        open_for(
            [
                Grounds(
                    customer_id=row.contract.customer_id,
                    kind=CaseKind.SAVE,
                    severity=Severity.HIGH,
                    within=span_of(CaseKind.SAVE, None),
                    reason=_missed(row.contract, language=language),
                    codes={"contracts": [row.contract_id]},
                )
                for row in {row.contract.customer_id: row for row in rows}.values()
            ],
            at=at,
        )
        new.update(missed_at=at)
    return len(rows)


def _missed(contract: Contract, *, language: str) -> str:
    with translation.override(language):
        day = localtime.day_of(contract.notice_day or contract.ends_day).isoformat()
        return _("The notice date of contract %(number)s, %(day)s, passed without an answer.") % {
            "number": contract.number or f"#{contract.pk}",
            "day": day,
        }


# --- What lapsed is a loss ---------------------------------------------------------------------
def lapsed(*, day: int, since: int) -> QuerySet[Contract]:
    """Return the contracts that ended unrenewed since a day, of customers with no other that goes on."""
    ended = Q(terminated_day__gte=since, terminated_day__lte=day) | Q(
        terminated_day__isnull=True, ends_day__gte=since, ends_day__lt=day
    )
    others = Contract.objects.filter(
        customer=OuterRef("customer"), void=False, terminated_day__isnull=True, ends_day__gte=day
    ).exclude(pk=OuterRef("pk"))
    return Contract.objects.filter(
        ended, ~Exists(others), void=False, renewed_day__isnull=True, customer__gone_at__isnull=True
    )


def _count_losses(*, day: int, since: int, at: datetime) -> int:
    """Write a loss for each lapse that has none; a customer who is lost already stays so."""
    if not losses.in_force(at)[LossKind.CONTRACT].is_on:
        return 0
    counted = Loss.objects.filter(contract=OuterRef("pk"))
    gone = Loss.objects.filter(customer=OuterRef("customer"), ended_at__isnull=True)
    gone = gone.exclude(definition=LossKind.PARTIAL)
    waiting = lapsed(day=day, since=since).filter(~Exists(counted), ~Exists(gone))
    rows = list(waiting.order_by("customer_id", "-ends_day", "pk"))
    done = 0
    firm = company.current()
    for start in range(0, len(rows), CHUNK):
        chunk = list({row.customer_id: row for row in rows[start : start + CHUNK]}.values())
        margins = dict(
            CustomerMeasures.objects.filter(customer__in=[row.customer_id for row in chunk]).values_list(
                "customer", "margin_365d"
            )
        )
        new = [
            Loss(
                customer_id=row.customer_id,
                contract=row,
                occurred_at=min(at, localtime.start_of_day(_lapse_day(row), firm.time_zone)),
                recorded_at=at,
                margin_365d=margins.get(row.customer_id) or 0,
                churn_type=_type_of(row),
                definition=LossKind.CONTRACT,
            )
            for row in chunk
        ]
        losses.complete(new)
        with transaction.atomic():
            losses.end_partial([row.customer_id for row in chunk], at=at)
            written = insert_new(new, known_by="contract")
            losses.write_down_many(written, at=at)
        done += len(written)
    return done


def _type_of(contract: Contract) -> str:
    """Return how it was left: who terminates leaves actively, who lets it end passively."""
    kind = RetentionCase.ChurnType
    return kind.ACTIVE if contract.terminated_day is not None else kind.PASSIVE


def _lapse_day(contract: Contract) -> int:
    return contract.terminated_day if contract.terminated_day is not None else contract.ends_day + 1


def waiting(among: QuerySet[Contract], *, day: int, within: int) -> QuerySet[Contract]:
    """Return the contracts of ``among`` that end within so many days and wait for an answer."""
    undecided = among.filter(void=False, renewed_day__isnull=True, terminated_day__isnull=True)
    return undecided.filter(ends_day__gte=day, ends_day__lte=day + within)

"""Revisits: lost customers are called again, on a day that somebody chose or by a cadence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import company
from customers.ground import audit, localtime
from customers.ground.errors import Refused
from customers.ground.rows import update_rows
from customers.models import User
from retention import cases
from retention.calls.planning import plan_call, refuse_unless_near, span_of, wanting_no_calls
from retention.cases import holders
from retention.cases.opening import Grounds, open_for
from retention.models import FollowUpCall, Loss, LossKind, RetentionCase, RevisitPolicy
from retention.models.rules import CaseKind, Severity

MOST_DAYS = 1095
MOST_STEPS = 6
AT_ONCE = 200  # losses that one press plans revisits for
CHUNK = 200


class BadCadence(Refused):
    code = "revisit_cadence"
    message = gettext_lazy(
        "Write up to six numbers of days that rise, from 1 to 1,095, for example 30, 90, 180; nothing for "
        "none."
    )


class NotLost(Refused):
    code = "revisit_not_lost"
    message = gettext_lazy("The customer is not lost any more.")


class CaseIsOpen(Refused):
    code = "revisit_case_open"
    message = gettext_lazy(
        "The customer has an open case: plan the call there, so that one person speaks with it."
    )


def cadence() -> list[int]:
    """Return after how many days of a loss its customer is visited, in order; empty for never."""
    days = RevisitPolicy.objects.values_list("days", flat=True).first()
    return [int(day) for day in days.split(",")] if days else []


def set_cadence(days: Sequence[int], *, by: User | None, at: datetime) -> list[int]:
    """Visit lost customers so many days after their loss was recorded, from the next night on.

    Days that the cadence before had set count no more. Raises :class:`BadCadence`. Audit
    ``revisits.set_cadence``.
    """
    wanted = list(days)
    if len(wanted) > MOST_STEPS or wanted != sorted(set(wanted)):
        raise BadCadence()
    if wanted and not (wanted[0] >= 1 and wanted[-1] <= MOST_DAYS):
        raise BadCadence()
    with transaction.atomic():
        if (before := cadence()) != wanted:
            _unschedule(before)
        said = {"days": ",".join(map(str, wanted))}
        policy, _new = RevisitPolicy.objects.update_or_create(id=1, defaults=said)
        audit.record("revisits.set_cadence", obj=policy, by=by, at=at, codes={"days": wanted})
    return wanted


def plan(loss: Loss, *, due_at: datetime, by: User, at: datetime) -> FollowUpCall:
    """Plan a revisit: a win-back case whose call is due then; return the call.

    Raises :class:`NotLost`, :class:`CaseIsOpen`, and what ``plan_call`` raises. Side effects: the case with
    its moves, the call with purpose ``revisit``, ``Loss.revisit_day``.
    """
    if loss.ended_at is not None:
        raise NotLost()
    refuse_unless_near(due_at, at=at)
    reason = _reason(loss)
    with transaction.atomic():
        holders.hold_desk()
        if RetentionCase.objects.filter(customer=loss.customer_id).open().exists():  # type: ignore[attr-defined]
            raise CaseIsOpen()
        codes = {"loss": loss.pk}
        case = cases.open_case(
            loss.customer,
            kind=CaseKind.WIN_BACK,
            severity=Severity.LOW,
            reason=reason,
            codes=codes,
            by=by,
            at=at,
        )
        call = plan_call(case, due_at=due_at, reason=reason, by=by, at=at)
        call.purpose = FollowUpCall.Purpose.REVISIT
        call.save(update_fields=["purpose"])
        loss.revisit_day = localtime.day_number(call.due_at, company.current().time_zone)
        loss.save(update_fields=["revisit_day"])
    return call


def plan_many(among: QuerySet[Loss], *, due_at: datetime, by: User, at: datetime) -> tuple[int, int]:
    """Plan revisits for the first 200 of some losses; return how many were planned and how many left out.

    Each is a case of its own with its own history, in its own transaction. Left out is who returned, has an
    open case or wants no calls. Raises what ``refuse_unless_near`` raises.
    """
    refuse_unless_near(due_at, at=at)
    planned = left = 0
    for loss in among.select_related("customer")[:AT_ONCE]:
        try:
            plan(loss, due_at=due_at, by=by, at=at)
        except Refused:
            left += 1
        else:
            planned += 1
    return planned, left


def nightly(*, at: datetime) -> int:
    """Give standing losses their next revisit by the cadence, and open those due; return how many.

    A step that had passed before anybody could keep it is left out, so that a new cadence brings no flood.
    Whoever has an open case is spoken with already; the partly lost are still there, and who was erased or
    wants no calls is left in peace. Safe to repeat: goes by 200 losses, a transaction each.
    """
    firm = company.find()
    if firm is None:
        return 0
    today = company.today(at, firm).number
    _schedule(cadence(), today=today, zone=firm.time_zone)
    planned = RetentionCase.objects.filter(customer=OuterRef("customer")).exclude(
        status=RetentionCase.Status.CLOSED
    )
    due = _visited().filter(revisit_day__lte=today).annotate(is_worked_on=Exists(planned))
    done = 0
    ids = list(due.order_by("customer_id").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        with transaction.atomic():
            holders.hold_desk()  # so that who is due, and who has a case, stays so
            done += _open(list(due.filter(pk__in=ids[start : start + CHUNK])), at=at)
    return done


def _visited() -> QuerySet[Loss]:
    return Loss.objects.filter(
        ended_at__isnull=True, customer__gone_at__isnull=True, customer__erased_at__isnull=True
    ).exclude(definition=LossKind.PARTIAL)


def _unschedule(days: Sequence[int]) -> None:
    """Clear the days that a cadence had set; one that somebody chose has its case and stays."""
    zone = company.current().time_zone
    spoken_with = RetentionCase.objects.open().values("customer")  # type: ignore[attr-defined]
    waiting = Loss.objects.filter(revisit_day__isnull=False, ended_at__isnull=True, revisits__lt=len(days))
    rows = []
    for loss in waiting.exclude(customer__in=spoken_with).order_by("pk"):
        if loss.revisit_day == localtime.day_number(loss.recorded_at, zone) + days[loss.revisits]:
            loss.revisit_day = None
            rows.append(loss)
    update_rows(rows, ["revisit_day"])


def _schedule(days: Sequence[int], *, today: int, zone: str) -> None:
    waiting = _visited().filter(revisits__lt=len(days), revisit_day__isnull=True)
    rows = []
    for loss in waiting.order_by("pk").only("pk", "recorded_at", "revisits").iterator(chunk_size=1000):
        begun = localtime.day_number(loss.recorded_at, zone)
        left = [n for n in range(loss.revisits, len(days)) if begun + days[n] >= today]
        loss.revisits = left[0] if left else len(days)
        loss.revisit_day = begun + days[left[0]] if left else None
        rows.append(loss)
    update_rows(rows, ["revisits", "revisit_day"])


def _open(due: list[Loss], *, at: datetime) -> int:
    refusing = wanting_no_calls([loss.customer_id for loss in due])
    wanted = [loss for loss in due if not loss.is_worked_on and loss.customer_id not in refusing]  # type: ignore[attr-defined]
    language = company.current().language
    with translation.override(language):
        grounds = [
            Grounds(
                customer_id=loss.customer_id,
                kind=CaseKind.WIN_BACK,
                severity=Severity.LOW,
                within=span_of(CaseKind.WIN_BACK, None),
                reason=_reason(loss),
                codes={"loss": loss.pk},
            )
            for loss in wanted
        ]
    opened = open_for(grounds, at=at)
    calls = FollowUpCall.objects.filter(case__in=opened, status=FollowUpCall.Status.PLANNED)
    calls.update(purpose=FollowUpCall.Purpose.REVISIT)
    for loss in due:
        loss.revisits, loss.revisit_day = loss.revisits + 1, None
    update_rows(due, ["revisits", "revisit_day"])
    return len(opened)


def _reason(loss: Loss) -> str:
    day = localtime.to_local(loss.occurred_at, company.current().time_zone).date().isoformat()
    return _("Revisit: lost since %(day)s.") % {"day": day}

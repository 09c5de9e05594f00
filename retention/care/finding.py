"""Finding who is due, every night: a row each, once, with who is left out on purpose drawn and kept.

Safe to repeat and to be done by two at once: the rows are unique by plan, contact and occasion.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from customers import company, stubs
from customers.channels import senders
from customers.contact.foreseeing import obstacles, way_to
from customers.ground import drain, localtime, runs
from customers.ground.errors import Refused
from customers.models import Contact, ContactClass, ContactReason
from retention.care import effect, occasions
from retention.models import CareDraw, CarePlan, CareTouch
from retention.rules.holdout import bucket_of

log = logging.getLogger(__name__)

NAME = "care"  # of the runs in ``BackgroundRun``: one for each local day, plan, version and start of it
AT_ONCE = 1_000
"""So many contacts are looked at in one transaction."""
APART = 300
"""Within so many days of a greeting the same occasion is not another one, however it was set right."""
State = CareTouch.State


def nightly(*, at: datetime) -> dict[str, int] | None:
    """Find who is due by each plan that runs, once each local day, plan, version and start; return counts.

    Nothing when there was nothing to do. A plan whose segment no longer stands is logged and tried again.
    Side effects: rows that the drain greets; those that waited too long are closed.
    """
    firm = company.find()
    if firm is None:
        return None
    today = localtime.day_of(company.today(at, firm).number).isoformat()
    done: dict[str, int] = {}
    for plan in CarePlan.objects.filter(state=CarePlan.State.LIVE).select_related("segment"):
        slot = f"{today}:{plan.pk}:{plan.version}:{plan.changed_at:%Y%m%dT%H%M%S%f}"
        if not runs.take(NAME, slot, at=at):
            continue
        try:
            done[plan.code] = find_due(plan, at=at)
        except Refused as refusal:
            log.warning("care plan left as it is", extra={"plan": plan.pk, "code": refusal.code})
            runs.give_up(NAME, slot)
            continue
        except BaseException:
            runs.give_up(NAME, slot)
            raise
        runs.end(NAME, slot, at=at)
    close_late(at=at)
    return done or None


def find_due(plan: CarePlan, *, at: datetime) -> int:
    """Write down who is due by a plan today and was not before; return how many contacts were looked at.

    Who cannot be reached is looked at again every night, closed with the reason on the last day, and not
    drawn; of the others the hold-out is drawn, once for each plan and customer. Raises ``ConditionRefused``
    for a segment that no longer stands.
    """
    first, last = occasions.window(plan, company.today(at).number)
    due = _not_yet(plan, occasions.having(plan, first, last, at=at), first, last)
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    done = 0
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        with transaction.atomic():
            # a merge or erasure waits, or is seen
            stubs.resolved(Contact.objects.filter(pk__in=chunk).values_list("customer_id", flat=True))
            still = occasions.having(plan, first, last, at=at, contacts=chunk, is_in_segment=True)
            some = list(_not_yet(plan, still, first, last).order_by("pk"))
            _write(plan, some, first, at=at)
        done += len(some)
    if done:
        drain.wake()
    return done


def close_late(*, at: datetime) -> int:
    """Close what still waits and is of no use any more, as of plans that were paused; return how many."""
    today = company.today(at).number
    waiting = CareTouch.objects.filter(state=State.WAITING, latest_day__lt=today)
    return waiting.update(state=State.CLOSED, reason=ContactReason.TOO_LATE, ended_at=at)


def draw(plan: CarePlan, customers: Iterable[int], *, at: datetime) -> dict[int, bool]:
    """Draw those of ``customers`` who were not drawn for a plan yet; return who is held out.

    When the plan holds out no share now nobody is drawn, and nobody held out but whom the comparison still
    looks at: greeting them would spoil it. What was drawn is kept and never drawn anew.
    """
    wanted = sorted(set(customers))
    kept = CareDraw.objects.filter(plan=plan, customer__in=wanted).values_list("customer_id", "is_held_out")
    known = dict(kept)
    if not plan.holdout_share:
        return dict.fromkeys(_looked_at(plan, [one for one in wanted if known.get(one)], at=at), True)
    rows = []
    for customer in wanted:
        if customer not in known:
            bucket = bucket_of(plan.holdout_salt, customer)
            rows.append(
                CareDraw(
                    plan=plan,
                    customer_id=customer,
                    bucket=bucket,
                    share=plan.holdout_share,
                    is_held_out=bucket < plan.holdout_share,
                    drawn_at=at,
                )
            )
    CareDraw.objects.bulk_create(rows, ignore_conflicts=True)
    return dict(kept.all())


def _not_yet(plan: CarePlan, due: QuerySet[Contact], first: int, last: int) -> QuerySet[Contact]:
    """Return those without a row for an occasion of these days, so that a second night looks at nobody.

    Nor whom the plan greeted or withheld for an occasion nearby: of the same birthday set right from one
    calendar to the other, whose years have other numbers.
    """
    again = CareTouch.objects.to_be_tried_again()  # type: ignore[attr-defined]
    there = CareTouch.objects.filter(plan=plan).exclude(pk__in=again.values("pk"))
    if plan.occasion == CarePlan.Occasion.ORDERS:
        return due.filter(~Exists(there.filter(customer=OuterRef("customer"))))
    had = Q(state__in=[State.SENT, State.WITHHELD]) | Q(entry__isnull=False)
    near = Q(occasion_day__gt=first - APART, occasion_day__lt=last + APART)
    there = there.filter(Q(occasion_day__gte=first, occasion_day__lte=last) | had & near)
    if plan.occasion == CarePlan.Occasion.BIRTHDAY:
        return due.filter(~Exists(there.filter(contact=OuterRef("pk"))))
    return due.filter(~Exists(there.filter(customer=OuterRef("customer"))))


def _looked_at(plan: CarePlan, customers: Sequence[int], *, at: datetime) -> list[int]:
    """Return those of ``customers`` whose days after their first occasion are not over yet."""
    drawn = CareTouch.objects.filter(plan=plan, is_drawn=True, customer__in=customers).order_by()
    began = drawn.values("customer").annotate(first=Min("due_day"))
    running = began.filter(first__gte=company.today(at).number - effect.DAYS)
    return list(running.values_list("customer", flat=True))


def _write(plan: CarePlan, contacts: Sequence[Contact], first: int, *, at: datetime) -> None:
    ways, sendable = obstacles(contacts, purpose=ContactClass.CARE, at=at), senders.channels_in_use()
    today = company.today(at).number
    known = {
        (row.contact_id, row.occasion): row
        for row in CareTouch.objects.filter(plan=plan, contact__in=[one.pk for one in contacts])
    }
    again = set(
        CareTouch.objects.to_be_tried_again()  # type: ignore[attr-defined]
        .filter(pk__in=[row.pk for row in known.values()])
        .values_list("pk", flat=True)
    )
    fresh: list[CareTouch] = []
    anew: list[CareTouch] = []
    for one in contacts:
        channel = plan.channel or way_to(one, ways[one.pk], sendable=sendable)
        obstacle, occurrence = ways[one.pk][channel], occasions.occurrence_of(plan, one, first)
        latest = occasions.latest_day(plan, occurrence.day)
        if obstacle and today < latest:
            continue  # consent or an address may still come
        row = known.get((one.pk, occurrence.key)) or CareTouch(
            plan=plan, contact=one, occasion=occurrence.key, made_at=at
        )
        if row.pk is not None and (row.pk not in again or obstacle):
            continue
        if row.customer_id != one.customer_id:  # drawn was the one that it belonged to before
            row.customer_id, row.is_drawn = one.customer_id, False
        row.channel = channel
        row.occasion_day, row.latest_day = occurrence.day, latest
        row.due_day = max(occurrence.day - plan.days_before, plan.live_from_day or 0)
        row.state, row.reason = (State.CLOSED, obstacle) if obstacle else (State.WAITING, "")
        row.due_at, row.ended_at = None, at if obstacle else None
        (fresh if row.pk is None else anew).append(row)
    waiting = [row for row in (*fresh, *anew) if row.state == State.WAITING]
    held = draw(plan, (row.customer_id for row in waiting), at=at)
    for row in waiting:
        row.is_drawn = row.is_drawn or row.customer_id in held
        if row.pk is None and held.get(row.customer_id):
            row.state = State.WITHHELD
    secrets.SystemRandom().shuffle(fresh)  # or a gap in the numbers would say who is withheld
    CareTouch.objects.bulk_create(fresh, ignore_conflicts=True)
    _reopen(plan, anew)


def _reopen(plan: CarePlan, rows: Sequence[CareTouch]) -> None:
    """Let wait again what was closed; not of whom is held out, or the row would be seen to go."""
    out = CareDraw.objects.filter(plan=plan, customer__in=[row.customer_id for row in rows], is_held_out=True)
    held = set(out.values_list("customer_id", flat=True))
    names = ["customer", "channel", "is_drawn", "occasion_day", "due_day", "latest_day"]
    again = [row for row in rows if row.customer_id not in held]
    CareTouch.objects.bulk_update(again, [*names, "state", "reason", "due_at", "ended_at"])

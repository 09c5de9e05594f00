"""Finding who is due, every night: a row each, once, with who is left out on purpose drawn and kept.

Safe to repeat and to be done by two at once: the rows are unique by plan, contact and occasion.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from customers import company, stubs
from customers.channels import senders
from customers.contact.foreseeing import obstacles, way_to
from customers.ground import drain, localtime, runs
from customers.ground.errors import Refused
from customers.models import Contact, ContactClass, ContactReason
from retention.care import occasions
from retention.models import CareDraw, CarePlan, CareTouch
from retention.rules.holdout import bucket_of

log = logging.getLogger(__name__)

NAME = "care"  # of the runs in ``BackgroundRun``: one for each plan and local day
AT_ONCE = 1_000
"""So many contacts are looked at in one transaction."""
State = CareTouch.State


def nightly(*, at: datetime) -> dict[str, int] | None:
    """Find who is due by each plan that runs, once each local day and plan; return counts.

    Nothing when there was nothing to do. A plan whose segment no longer stands is logged and tried again.
    Side effects: rows that the drain greets; those that waited too long are closed.
    """
    firm = company.find()
    if firm is None:
        return None
    today = localtime.day_of(company.today(at, firm).number).isoformat()
    done: dict[str, int] = {}
    for plan in CarePlan.objects.filter(state=CarePlan.State.LIVE).select_related("segment"):
        slot = f"{today}:{plan.pk}"
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

    Who cannot be reached is closed with the reason and not drawn; of the others the hold-out is drawn, once
    for each plan and customer. Raises ``ConditionRefused`` for a segment that no longer stands.
    """
    first, last = occasions.window(plan, company.today(at).number)
    due = _not_yet(plan, occasions.having(plan, first, last, at=at), first, last)
    done, after = 0, 0
    while True:
        with transaction.atomic():
            ids = list(due.filter(pk__gt=after).order_by("pk").values_list("pk", "customer_id")[:AT_ONCE])
            if not ids:
                break
            stubs.resolved(customer for _pk, customer in ids)  # a merge or erasure waits, or is seen
            some = list(due.filter(pk__in=[pk for pk, _customer in ids]).order_by("pk"))
            _write(plan, some, first, at=at)
        done, after = done + len(some), ids[-1][0]
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

    Nobody is when the plan holds out no share now. What was drawn is kept and never drawn anew.
    """
    if not plan.holdout_share:
        return {}
    wanted = sorted(set(customers))
    kept = CareDraw.objects.filter(plan=plan, customer__in=wanted).values_list("customer_id", "is_held_out")
    known = dict(kept)
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
    """Return those without a row for an occasion of these days, so that a second night looks at nobody."""
    there = CareTouch.objects.filter(plan=plan)
    if plan.occasion == CarePlan.Occasion.ORDERS:
        return due.filter(~Exists(there.filter(customer=OuterRef("customer"))))
    there = there.filter(occasion_day__gte=first, occasion_day__lte=last)
    if plan.occasion == CarePlan.Occasion.BIRTHDAY:
        return due.filter(~Exists(there.filter(contact=OuterRef("pk"))))
    return due.filter(~Exists(there.filter(customer=OuterRef("customer"))))


def _write(plan: CarePlan, contacts: Sequence[Contact], first: int, *, at: datetime) -> None:
    ways, sendable = obstacles(contacts, purpose=ContactClass.CARE, at=at), senders.channels_in_use()
    reach = {}
    for one in contacts:
        channel = plan.channel or way_to(one, ways[one.pk], sendable=sendable)
        reach[one.pk] = channel, ways[one.pk][channel]
    open_to = [one for one in contacts if not reach[one.pk][1]]
    held = draw(plan, (one.customer_id for one in open_to), at=at)
    rows = []
    for one in contacts:
        channel, obstacle = reach[one.pk]
        occurrence = occasions.occurrence_of(plan, one, first)
        state = State.CLOSED if obstacle else State.WITHHELD if held.get(one.customer_id) else State.WAITING
        rows.append(
            CareTouch(
                plan=plan,
                customer_id=one.customer_id,
                contact=one,
                occasion=occurrence.key,
                occasion_day=occurrence.day,
                due_day=max(occurrence.day - plan.days_before, plan.live_from_day or 0),
                latest_day=occasions.latest_day(plan, occurrence.day),
                state=state,
                reason=obstacle,
                channel=channel,
                is_drawn=not obstacle and one.customer_id in held,
                made_at=at,
                ended_at=at if obstacle else None,
            )
        )
    CareTouch.objects.bulk_create(rows, ignore_conflicts=True)

"""The weekly watch: products and lots that draw more complaints, or come back more often, than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import company
from customers.ground import audit, localtime, runs
from customers.ground.errors import Refused
from customers.models import Complaint, Customer, FeedbackKind, Order, OrderLine, Product, User
from retention.improving import attaching, planning, rates, reading
from retention.models import ImprovementAction, RiseAlarm

NAME = "rises"  # of the weekly run in ``BackgroundRun``
RECENT, BEFORE = 28, 168
"""Whole local days that are compared: the last four weeks with the 24 before them."""
FEWEST = 5
"""Of both windows together: fewer say nothing. It chooses by the sum, of which p is independent."""
FALSE_SHARE = 0.05
QUIET = timedelta(days=28)
"""So long nothing is raised again of what was decided: the same complaints are in the window still."""
DUE_IN = timedelta(days=28)
Kind, Basis, State = RiseAlarm.Kind, RiseAlarm.Basis, RiseAlarm.State


class AlarmDecided(Refused):
    code = "alarm_decided"
    message = gettext_lazy("This alarm is decided already. Load the page again.")


@dataclass(frozen=True)
class Counted:
    """How often something happened with a product or lot, recently and before, and of how many."""

    kind: str
    product: int
    lot: str
    recent: int
    before: int
    recent_of: int
    before_of: int
    basis: str

    @property
    def p(self) -> float:
        """Return how likely so many recent ones are if nothing rose."""
        return rates.rise(self.recent, self.before, recent_of=self.recent_of, before_of=self.before_of)


def weekly(*, at: datetime) -> dict[str, int] | None:
    """Watch once each local week, and read means again; return what was done, nothing if it was before."""
    if company.find() is None:
        return None
    year, week, _day = localtime.day_of(company.today(at).number).isocalendar()
    slot = f"{year}-W{week:02}"
    if not runs.take(NAME, slot, at=at):
        return None
    try:
        done = watch(at=at)
    except BaseException:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return done


def watch(*, at: datetime) -> dict[str, int]:
    """Raise an alarm for each product and lot whose rate rose; return how many were looked at and raised.

    All are tested exactly (:func:`rates.rise`) and corrected together (:func:`rates.corrected`): at most one
    in twenty of those raised is chance, on average. An open alarm is brought up to date; what was decided in
    the last 28 days, or is being improved, is not raised again. Safe to repeat.
    """
    last = company.today(at).number - 1
    counted = list(counts(last=last))
    ps = [one.p for one in counted]
    risen = [
        _alarm(one, p=p, q=q, on=localtime.day_of(last), at=at)
        for one, p, q in zip(counted, ps, rates.corrected(ps), strict=True)
        if q <= FALSE_SHARE
    ]
    with transaction.atomic():
        quiet = _quiet(at=at)
        risen = [one for one in risen if (one.kind, one.product_id, one.lot) not in quiet]
        raised = _write(risen)
        if raised:
            audit.record("rises.watch", obj=None, by=None, at=at, codes={"raised": raised})
    return {"watched": len(counted), "risen": len(risen), "raised": raised, "read": reading.read_after(at=at)}


def counts(*, last: int) -> Iterator[Counted]:
    """Yield what is compared, whose two windows together hold five or more; ``last``: the last local day.

    Complaints and returns of a product are measured against its lines sold; complaints of what is not sold
    by lines in both windows, and of lots, against days. What was sold only recently has no past. Since when
    a lot is sold nobody says: its past are the days after the one of its first complaint, for from there on
    complaints at an even rate are Poisson, whenever it came.
    """
    recent = (last - RECENT + 1, last)
    before = (last - RECENT - BEFORE + 1, last - RECENT)
    lines = _lines(recent, before)
    first = _first_of_lots(since=before[0])
    for (product, lot), (now, then) in sorted(_complaints(recent, before, first).items()):
        if now + then < FEWEST:
            continue
        sold, sold_before, *_back = lines.get(product, (0, 0, 0, 0))
        past = min(BEFORE, before[1] - first[product, lot]) if lot else BEFORE
        if not lot and sold and sold_before:
            yield Counted(Kind.COMPLAINTS, product, "", now, then, sold, sold_before, Basis.LINES)
        elif past > 0 and (lot or not sold):
            yield Counted(Kind.COMPLAINTS, product, lot, now, then, RECENT, past, Basis.DAYS)
    for product, (went, went_before, back, back_before) in sorted(lines.items()):
        if went and went_before and back + back_before >= FEWEST:
            yield Counted(Kind.RETURNS, product, "", back, back_before, went, went_before, Basis.LINES)


def concerned(alarm: RiseAlarm) -> QuerySet[Customer]:
    """Return the customers whom a rise concerns: who complained of it, sent it back or bought it recently.

    Each row says which: ``has_complained``, ``has_returned``, ``has_bought``. Buyers are of the product, for
    orders name no lots.
    """
    last = alarm.on.toordinal()
    window = (last - RECENT + 1, last)
    complained = _of(alarm).filter(occurred_day__range=window, customer=OuterRef("pk"))
    lines = OrderLine.objects.filter(
        product=alarm.product_id,
        void=False,
        order__void=False,
        order__occurred_day__range=window,
        customer=OuterRef("pk"),
    ).exclude(order__status=Order.Status.CANCELLED)
    return Customer.objects.annotate(
        has_complained=Exists(complained),
        has_returned=Exists(lines.filter(quantity__lt=0)),
        has_bought=Exists(lines.filter(quantity__gt=0)),
    ).filter(Q(has_complained=True) | Q(has_returned=True) | Q(has_bought=True))


def take_up(alarm: RiseAlarm, *, by: User, at: datetime) -> ImprovementAction:
    """Plan the improvement that a rise asks for, owned by who presses; return it.

    It is to find and mend what makes the figure rise, within four weeks; the complaints of the window hang
    on it. Raises :class:`AlarmDecided`. Side effects: those of ``plan_improvement``; audit ``rises.take_up``.
    """
    today = localtime.day_of(company.today(at).number)
    with transaction.atomic():
        action = planning.plan_improvement(_proposed(alarm, owner=by, today=today), by=by, at=at)
        _decide(alarm, State.ACTED, by=by, at=at, action=action)
        if alarm.kind == Kind.COMPLAINTS:
            since = alarm.on.toordinal() - RECENT + 1
            attaching.attach_matching(action, among=_of(alarm), since_day=since, by=by, at=at)
        audit.record("rises.take_up", obj=alarm, by=by, at=at, codes={"improvement": action.pk})
    return action


def dismiss(alarm: RiseAlarm, *, reason: str, by: User | None, at: datetime) -> RiseAlarm:
    """Say that a rise needs nothing, and why; raise :class:`AlarmDecided`, ``NoReason``.

    Side effects: audit ``rises.dismiss``.
    """
    reason = reason.strip()[:500]
    if not reason:
        raise planning.NoReason()
    with transaction.atomic():
        _decide(alarm, State.DISMISSED, by=by, at=at, reason=reason)
        audit.record("rises.dismiss", obj=alarm, by=by, at=at)
    return alarm


# --- Counting ---------------------------------------------------------------------------------
def _complaints(
    recent: tuple[int, int], before: tuple[int, int], first: Mapping[tuple[int, str], int]
) -> dict[tuple[int, str], tuple[int, int]]:
    """Return the complaints of each product (all its lots) and each lot, recently and before.

    Those of the day on which a lot was complained of ``first`` do not count as before.
    """
    rows = _standing().filter(occurred_day__range=(before[0], recent[1]))
    by_day = rows.order_by().values_list("product", "lot", "occurred_day").annotate(n=Count("pk"))
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for product, named, day, n in by_day:
        for lot in {"", named}:
            now, then = found.get((product, lot), (0, 0))
            if day >= recent[0]:
                now += n
            elif not lot or day > first[product, lot]:
                then += n
            found[product, lot] = now, then
    return found


def _first_of_lots(*, since: int) -> dict[tuple[int, str], int]:
    """Return the local day of the first complaint of each lot that was complained of ``since`` a day."""
    lots = _standing().exclude(lot="").order_by().values_list("product", "lot")
    days = lots.annotate(first=Min("occurred_day"), last=Max("occurred_day")).filter(last__gte=since)
    return {(product, lot): day for product, lot, day, _last in days}


def _standing() -> QuerySet[Complaint]:
    return Complaint.objects.filter(void=False, kind=FeedbackKind.COMPLAINT, product__isnull=False)


def _lines(recent: tuple[int, int], before: tuple[int, int]) -> dict[int, tuple[int, int, int, int]]:
    """Return the lines of each product: sold recently and before, come back recently and before."""
    rows = OrderLine.objects.filter(
        void=False,
        product__isnull=False,
        order__void=False,
        order__occurred_day__range=(before[0], recent[1]),
    ).exclude(order__status=Order.Status.CANCELLED)
    signs = {"sold": {"quantity__gt": 0}, "back": {"quantity__lt": 0}}
    windows = {"now": recent, "then": before}
    grouped = rows.order_by().values("product")
    found = grouped.annotate(
        **{
            f"{what}_{when}": Count("pk", filter=Q(order__occurred_day__range=window, **sign))
            for what, sign in signs.items()
            for when, window in windows.items()
        }
    )
    return {
        row["product"]: (row["sold_now"], row["sold_then"], row["back_now"], row["back_then"])
        for row in found
    }


def _of(alarm: RiseAlarm) -> QuerySet[Complaint]:
    rows = Complaint.objects.filter(product=alarm.product_id, void=False, kind=FeedbackKind.COMPLAINT)
    return rows.filter(lot=alarm.lot) if alarm.lot else rows


# --- Writing ----------------------------------------------------------------------------------
def _alarm(one: Counted, *, p: float, q: float, on: date, at: datetime) -> RiseAlarm:
    return RiseAlarm(
        kind=one.kind,
        product_id=one.product,
        lot=one.lot,
        on=on,
        recent=one.recent,
        before=one.before,
        recent_of=one.recent_of,
        before_of=one.before_of,
        basis=one.basis,
        p=p,
        q=q,
        raised_at=at,
    )


def _quiet(*, at: datetime) -> set[tuple[str, int, str]]:
    """Return what is not raised again: decided lately, or being improved."""
    decided = RiseAlarm.objects.exclude(state=State.OPEN)
    rows = decided.filter(
        Q(decided_at__gt=at - QUIET)
        | Q(action__state__in=ImprovementAction.OPEN_STATES)
        | Q(action__ended_at__gt=at - QUIET)
    )
    return set(rows.values_list("kind", "product_id", "lot"))


def _write(risen: list[RiseAlarm]) -> int:
    """Bring open alarms up to date and add new ones; return how many are new."""
    known = {
        (one.kind, one.product_id, one.lot): one
        for one in RiseAlarm.objects.select_for_update().filter(state=State.OPEN).order_by("pk")
    }
    new = []
    for one in risen:
        if (standing := known.get((one.kind, one.product_id, one.lot))) is None:
            new.append(one)
            continue
        for name in _FIGURES:
            setattr(standing, name, getattr(one, name))
    RiseAlarm.objects.bulk_update(known.values(), _FIGURES, batch_size=500)
    # another watch may have raised the same meanwhile: its row stands
    count = RiseAlarm.objects.count()
    RiseAlarm.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    return RiseAlarm.objects.count() - count


_FIGURES = ["on", "recent", "before", "recent_of", "before_of", "basis", "p", "q"]


def _decide(alarm: RiseAlarm, state: str, *, by: User | None, at: datetime, **values: object) -> None:
    standing = RiseAlarm.objects.filter(pk=alarm.pk, state=State.OPEN)
    if not standing.update(state=state, decided_by=by, decided_at=at, **values):
        raise AlarmDecided()
    alarm.refresh_from_db()


def _proposed(alarm: RiseAlarm, *, owner: User, today: date) -> planning.Plan:
    product = Product.objects.get(pk=alarm.product_id)
    name = f"{product.name[:100]} {alarm.lot}".strip()
    with translation.override(company.current().language):
        if alarm.kind == Kind.COMPLAINTS:
            title = _("Find and mend why complaints about %(product)s rise") % {"product": name}
        else:
            title = _("Find and mend why %(product)s comes back more often") % {"product": name}
    return planning.Plan(
        title=title[:200],
        owner=owner,
        begins_on=today,
        due_on=today + DUE_IN,
        moves=alarm.kind,  # both kinds are called as the figure that they are about
        product=product,
        lot=alarm.lot,
    )

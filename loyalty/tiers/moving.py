"""Moving accounts between tiers: all of them once a night in sets, and one at once when it earned.

* A tier is reached from its threshold on (≥), and at once.
* Below the threshold grace begins; on the day after its last day the account falls: one tier, with grace
  anew where it stands too low for that one, or to the tier of its basis, as the programme says.
* A running paid membership holds its tier. What only it held goes when it ends, without grace.
* Who is in a retired tier goes to the tier of its basis, without grace.
* While a programme is paused nobody moves; nor does the account that a merged customer left behind.

Every move, and the beginning of grace, is a row of :class:`TierMove`. A second run changes nothing.
"""

# ruff: noqa: S608 — SQL is put together from names and numbers of our own; every value of others is bound
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, QuerySet

from customers import company, stubs, touched
from customers.ground import audit, events
from customers.models import Customer
from loyalty.models import Membership, MembershipPlan, PointsAccount, Programme, Tier, TierMove
from loyalty.tiers.counting import Counting, basis_sql, counting

CHUNK = 5000
"""Accounts that are looked at, and at most held, at once."""
_ACCOUNTS, _MOVES = PointsAccount._meta.db_table, TierMove._meta.db_table
_MEMBERSHIPS, _PLANS = Membership._meta.db_table, MembershipPlan._meta.db_table
_CUSTOMERS = Customer._meta.db_table
_RETIRED = -1
Reason = TierMove.Reason


@dataclass(frozen=True)
class Moved:
    """What a nightly run did."""

    accounts: int  # looked at
    moves: int


@dataclass(frozen=True)
class _Pass:
    """What one pass over accounts needs: the tiers by rank (1 is the lowest), and what counts."""

    which: Counting
    tiers: Sequence[Tier]
    retired: Sequence[Tier]
    is_first: bool  # no night computed tiers yet: whoever gets one is placed, not risen


def move_all(*, at: datetime) -> Moved:
    """Move every account of the live programme to the tier that it deserves at ``at``.

    Goes by :data:`CHUNK` accounts, a transaction each: one that dies is made up for by the next. Side
    effects: ``Programme.tiers_as_of_day``, empty while there are no tiers; who moved is touched; audit
    ``tiers.move`` when somebody did. Events are told of accounts that move by themselves only
    (:func:`move_accounts`).
    """
    programme = Programme.objects.filter(state=Programme.State.LIVE).first()
    if programme is None:
        return Moved(0, 0)
    run = _pass(programme, at=at)
    accounts = moves = last = 0
    while ids := _after(programme, last):
        last = ids[-1]
        accounts += len(ids)
        due = _due(run, first=ids[0], last=last)
        if due:
            with transaction.atomic():
                count, made = _move(run, due)
                _mark(made, at=at)
                moves += count
    today = run.which.today if run.tiers else None
    Programme.objects.filter(pk=programme.pk).exclude(tiers_as_of_day=today).update(tiers_as_of_day=today)
    if moves:
        audit.record("tiers.move", obj=programme, by=None, at=at, codes={"moves": moves})
    return Moved(accounts, moves)


def move_accounts(account_ids: Iterable[int], *, at: datetime) -> list[TierMove]:
    """Move these accounts at once; return the moves that were made, in order of account.

    Those of a programme that is not live stay. In the caller's transaction, if there is one. Side
    effects: event ``loyalty.tier_moved`` for each move, with the move as its subject; their customers are
    touched.
    """
    programme = Programme.objects.filter(state=Programme.State.LIVE).first()
    asked = sorted(set(account_ids))
    if programme is None or not asked:
        return []
    run = _pass(programme, at=at)
    made: list[TierMove] = []
    for start in range(0, len(asked), CHUNK):
        some = PointsAccount.objects.filter(pk__in=asked[start : start + CHUNK], programme=programme)
        with transaction.atomic():
            _count, moves = _move(run, list(some.order_by("pk").values_list("pk", "customer_id")))
            for move in moves.select_related("from_tier", "to_tier").order_by("account_id"):
                codes = {"reason": move.reason, "from": move.from_tier_id, "to": move.to_tier_id}
                events.record(
                    "loyalty.tier_moved",
                    customer_id=move.customer_id,
                    subject=move,
                    occurred_at=at,
                    data=codes,
                )
                made.append(move)
            _mark(moves, at=at)
    return made


def move_account(account: PointsAccount, at: datetime) -> TierMove | None:
    """Move one account at once, as when an order earned; return the move, if it made one.

    ``account`` has its new tier afterwards. Side effects: those of :func:`move_accounts`.
    """
    moves = move_accounts([account.pk], at=at)
    names = ["tier", "tier_since_day", "is_tier_paid", "tier_basis", "tier_basis_day", "grace_until_day"]
    account.refresh_from_db(fields=names)
    return moves[0] if moves else None


def hold_graces(programme: Programme) -> None:
    """Lock the accounts of a programme that are in grace, in order, in the caller's transaction."""
    rows = PointsAccount.objects.filter(programme=programme, grace_until_day__isnull=False)
    for _pk in rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True).iterator():
        pass


def lengthen_grace(programme: Programme, *, days: int, at: datetime) -> int:
    """Let every grace of a programme last so many days longer; return how many accounts that are.

    In the caller's transaction. Side effects: a move each, so that the new day is told and counted with;
    their customers are touched.
    """
    rank: dict[int | None, int] = {tier.pk: n for n, tier in _ranked(_pass(programme, at=at))}
    today, last, count = company.today(at).number, 0, 0
    rows = PointsAccount.objects.filter(programme=programme, grace_until_day__isnull=False)
    held = rows.select_for_update(no_key=True, of=("self",)).select_related("customer", "tier").order_by("pk")
    while some := list(held.filter(pk__gt=last)[:CHUNK]):
        last, count = some[-1].pk, count + len(some)
        rows.filter(pk__in=[account.pk for account in some]).update(
            grace_until_day=F("grace_until_day") + days
        )
        # the account of a merged customer has no history of its own, and a retired tier is left without grace
        some = [one for one in some if one.customer.merged_into_id is None and one.tier_id in rank]
        TierMove.objects.bulk_create(
            [
                TierMove(
                    account=account,
                    customer_id=account.customer_id,
                    from_tier_id=account.tier_id,
                    to_tier_id=account.tier_id,
                    from_rank=rank[account.tier_id],
                    to_rank=rank[account.tier_id],
                    reason=Reason.GRACE,
                    basis=account.tier_basis,
                    grace_until_day=(account.grace_until_day or 0) + days,
                    occurred_at=at,
                    occurred_day=today,
                    recorded_at=at,
                )
                for account in some
            ],
            batch_size=1000,
        )
        touched.mark([account.customer_id for account in some], at=at)
    return count


# --- One pass ---------------------------------------------------------------------------------
def _pass(programme: Programme, *, at: datetime) -> _Pass:
    tiers = list(Tier.objects.filter(programme=programme).order_by("threshold", "pk"))
    return _Pass(
        which=counting(programme, at=at),
        tiers=[tier for tier in tiers if not tier.is_retired],
        retired=[tier for tier in tiers if tier.is_retired],
        is_first=programme.tiers_as_of_day is None,
    )


def _after(programme: Programme, last: int) -> list[int]:
    """Return the next accounts of a programme by number."""
    rows = PointsAccount.objects.filter(programme=programme, pk__gt=last).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:CHUNK])


def _due(run: _Pass, *, first: int, last: int) -> list[tuple[int, int]]:
    """Return the accounts of a range, with their customers, of which something is to be written."""
    bound: dict[str, Any] = {"first": first, "last": last}
    basis = _counted(run, bound)
    among = "a.id BETWEEN %(first)s AND %(last)s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {_decided(run, bound, basis=basis, among=among)} SELECT id, customer_id FROM decided "
            "WHERE reason IS NOT NULL OR basis <> tier_basis OR tier_basis_day IS NULL ORDER BY id",
            bound,
        )
        return list(cursor.fetchall())


def _move(run: _Pass, accounts: Sequence[tuple[int, int]]) -> tuple[int, QuerySet[TierMove]]:
    """Hold accounts, count anew, and move those that are to; return how many did, and the moves."""
    stubs.resolved(customer for _pk, customer in accounts)  # customers before accounts, as a merge does
    ids = [pk for pk, _customer in accounts]
    held = PointsAccount.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    ids = list(held.order_by("pk").values_list("pk", flat=True))
    if not ids:
        return 0, TierMove.objects.none()
    before = TierMove.objects.aggregate(last=Max("pk"))["last"] or 0
    bound: dict[str, Any] = {"ids": ids if _is_postgresql() else json.dumps(ids), "before": before}
    with connection.cursor() as cursor:
        cursor.execute(_write_moves(run, bound), bound)
        count = cursor.rowcount
        if count:
            cursor.execute(_write_accounts(), bound)
        if count < len(ids):
            cursor.execute(_write_basis(run, bound), bound)
    # others move other accounts meanwhile, so the number alone does not say which moves are ours
    return count, TierMove.objects.filter(pk__gt=before, account__in=ids)


def _mark(moves: QuerySet[TierMove], *, at: datetime) -> None:
    select, bound = moves.order_by().values("customer_id").query.sql_with_params()
    touched.mark_selected(select, bound, at=at)


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def _among() -> str:
    return "a.id = ANY(%(ids)s)" if _is_postgresql() else "a.id IN (SELECT value FROM json_each(%(ids)s))"


def _counted(run: _Pass, bound: dict[str, Any]) -> str:
    return basis_sql(run.which, bound, customer="a.customer_id")


def _write_basis(run: _Pass, bound: dict[str, Any]) -> str:
    """Return SQL that writes what counts into the accounts that do not move, where it is another."""
    return (
        f"WITH {_mine(_among())}, moved AS MATERIALIZED "
        f"(SELECT account_id FROM {_MOVES} WHERE id > %(before)s), "
        f"counted AS MATERIALIZED (SELECT a.id, {_counted(run, bound)} AS basis FROM mine AS a "
        "WHERE a.programme_id = %(programme)s AND a.id NOT IN (SELECT account_id FROM moved)) "
        f"UPDATE {_ACCOUNTS} SET tier_basis = {_at_least_zero('counted.basis')}, tier_basis_day = %(today)s "
        f"FROM counted WHERE {_ACCOUNTS}.id = counted.id AND ({_ACCOUNTS}.tier_basis_day IS NULL "
        f"OR {_ACCOUNTS}.tier_basis <> {_at_least_zero('counted.basis')})"
    )


def _write_moves(run: _Pass, bound: dict[str, Any]) -> str:
    """Return SQL that writes a move for each account whose tier or grace is to change."""
    reason = "reason"
    if run.is_first:
        reason = "CASE WHEN tier_id IS NULL AND reason = %(reached)s THEN %(placed)s ELSE reason END"
        bound["placed"] = str(Reason.PLACED)
    return (
        f"INSERT INTO {_MOVES} (account_id, customer_id, from_tier_id, to_tier_id, from_rank, to_rank, "
        "reason, basis, grace_until_day, is_paid, occurred_at, occurred_day, recorded_at, by_id) "
        f"WITH {_decided(run, bound, basis=_counted(run, bound), among=_among())} "
        f"SELECT id, customer_id, tier_id, {_id_of(run, 'goes_to')}, {_left_rank(run)}, goes_to, "
        f"{reason}, basis, "
        f"CASE WHEN goes_to > target THEN CAST(%(grace_until)s AS integer) END, "
        f"(paid > reached AND goes_to = paid), {_moment()}, %(today)s, {_moment()}, NULL "
        "FROM decided WHERE reason IS NOT NULL ORDER BY id"
    )


def _write_accounts() -> str:
    """Return SQL that brings the accounts to where their newest move says."""
    # the list of ids stands with the moves: beside the join it would be read again for each account; the
    # limit cuts nothing off, it tells the planner that they are few
    mine = _among().replace("a.id", "account_id")
    tier = f"COALESCE({_ACCOUNTS}.tier_id, 0) <> COALESCE(made.to_tier_id, 0)"
    same = f"{_ACCOUNTS}.tier_basis_day IS NOT NULL AND {_ACCOUNTS}.tier_basis = made.basis"
    return (
        "WITH made AS MATERIALIZED "
        "(SELECT account_id, to_tier_id, grace_until_day, is_paid, basis, occurred_day "
        f"FROM {_MOVES} WHERE id > %(before)s AND {mine} LIMIT {CHUNK}) "
        f"UPDATE {_ACCOUNTS} SET tier_id = made.to_tier_id, grace_until_day = made.grace_until_day, "
        f"is_tier_paid = made.is_paid, tier_basis = made.basis, "
        f"tier_basis_day = CASE WHEN {same} THEN tier_basis_day ELSE made.occurred_day END, "
        f"tier_since_day = CASE WHEN {tier} THEN made.occurred_day ELSE tier_since_day END "
        f"FROM made WHERE made.account_id = {_ACCOUNTS}.id"
    )


def _moment() -> str:
    return "CAST(%(at)s AS timestamp with time zone)" if _is_postgresql() else "%(at)s"


def _mine(among: str) -> str:
    """Return a CTE of the accounts of a chunk, read by their numbers and before anything is joined.

    Joined at once, a planner without statistics, as after an import, reads every account for each chunk.
    """
    return (
        "mine AS MATERIALIZED (SELECT id, programme_id, customer_id, tier_id, grace_until_day, is_tier_paid, "
        f"tier_basis, tier_basis_day FROM {_ACCOUNTS} AS a WHERE {among})"
    )


def _at_least_zero(value: str) -> str:
    return f"(CASE WHEN {value} < 0 THEN 0 ELSE {value} END)"


# --- The decision -----------------------------------------------------------------------------
def _decided(run: _Pass, bound: dict[str, Any], *, basis: str, among: str) -> str:
    """Return CTEs that end in ``decided``: where each account of ``among`` stands, goes to, and why.

    Tiers are ranks: 0 is none, 1 the lowest. ``reached``: by the basis; ``paid``: by a membership that
    runs; ``now``: where it stands; ``target``: where it belongs. No ``reason``: nothing changes.
    """
    programme, today = run.which.programme, run.which.today
    bound |= {
        "programme": programme.pk,
        "today": today,
        "grace_until": today + programme.tier_grace_days,
        "at": connection.ops.adapt_datetimefield_value(run.which.at),
        **{name.lower(): str(getattr(Reason, name)) for name in ("REACHED", "GRACE", "HELD", "FELL")},
        **{name.lower(): str(getattr(Reason, name)) for name in ("MEMBERSHIP", "LAPSED", "CHANGED")},
    }
    paid = (
        f"SELECT MAX({_rank_of(run, 'p.tier_id')}) FROM {_MEMBERSHIPS} AS m JOIN {_PLANS} AS p "
        "ON p.id = m.plan_id WHERE m.customer_id = a.customer_id AND p.programme_id = %(programme)s "
        "AND m.starts_day <= %(today)s AND m.ends_day >= %(today)s AND m.cancelled_at IS NULL"
    )
    falls = "now - 1" if programme.tier_fall == Programme.Fall.ONE_STEP else "target"
    grace = "grace_until_day IS NULL" if programme.tier_grace_days else "1 = 0"
    return f"""
    {_mine(among)}, counted AS MATERIALIZED (
        SELECT a.id, a.customer_id, a.tier_id, a.grace_until_day, a.is_tier_paid, a.tier_basis,
            a.tier_basis_day, {basis} AS counted, COALESCE(({paid}), 0) AS paid,
            CASE WHEN a.tier_id IS NULL THEN 0 ELSE {_rank_of(run, "a.tier_id", missing=_RETIRED)} END AS now
        FROM mine AS a WHERE a.programme_id = %(programme)s
            AND (SELECT c.merged_into_id FROM {_CUSTOMERS} AS c WHERE c.id = a.customer_id) IS NULL
    ), standing AS (
        SELECT id, customer_id, tier_id, grace_until_day, is_tier_paid, tier_basis, tier_basis_day, paid, now,
            {_at_least_zero("counted")} AS basis, {_reached(run, _at_least_zero("counted"))} AS reached
        FROM counted
    ), aimed AS (
        SELECT *, CASE WHEN paid > reached THEN paid ELSE reached END AS target FROM standing
    ), reasoned AS (
        SELECT *, CASE
            WHEN paid > reached AND paid >= now THEN
                CASE WHEN paid > now OR NOT is_tier_paid OR grace_until_day IS NOT NULL
                    THEN %(membership)s END
            WHEN paid > reached AND is_tier_paid THEN %(membership)s
            WHEN now = {_RETIRED} THEN %(changed)s
            WHEN reached > now THEN %(reached)s
            WHEN reached = now THEN
                CASE WHEN is_tier_paid OR grace_until_day IS NOT NULL THEN %(held)s END
            WHEN is_tier_paid THEN %(lapsed)s
            WHEN {grace} THEN %(grace)s
            WHEN grace_until_day IS NULL OR grace_until_day < %(today)s THEN %(fell)s
        END AS reason FROM aimed
    ), decided AS (
        SELECT *, CASE reason WHEN %(grace)s THEN now WHEN %(fell)s THEN {falls} ELSE target END AS goes_to
        FROM reasoned
    )"""


def _reached(run: _Pass, basis: str) -> str:
    """Return SQL of the rank that ``basis`` reaches, from the threshold on."""
    arms = [f"WHEN {basis} >= {tier.threshold} THEN {rank}" for rank, tier in _ranked(run)]
    if not arms:
        return "0"
    return f"(CASE {' '.join(reversed(arms))} ELSE 0 END)"


def _rank_of(run: _Pass, tier: str, *, missing: int = 0) -> str:
    """Return SQL of the rank of the tier whose id is ``tier``; ``missing`` for a retired one and none."""
    arms = [f"WHEN {one.pk} THEN {rank}" for rank, one in _ranked(run)]
    return f"(CASE {tier} {' '.join(arms)} ELSE {missing} END)" if arms else f"({missing})"


def _id_of(run: _Pass, rank: str) -> str:
    """Return SQL of the id of the tier of a rank; NULL for none."""
    arms = [f"WHEN {n} THEN CAST({tier.pk} AS bigint)" for n, tier in _ranked(run)]
    return f"CASE {rank} {' '.join(arms)} END" if arms else "CAST(NULL AS bigint)"


def _left_rank(run: _Pass) -> str:
    """Return SQL of the rank that an account leaves.

    A retired tier stands between those below and above it: what is reached from there is a rise above its
    threshold, a fall below it, and neither where another tier took its place.
    """
    arms = []
    for one in run.retired:
        below = sum(tier.threshold < one.threshold for tier in run.tiers)
        up_to = sum(tier.threshold <= one.threshold for tier in run.tiers)
        arms.append(f"WHEN {one.pk} THEN CASE WHEN goes_to > {up_to} THEN {up_to} ELSE {below + 1} END")
    place = f"CASE tier_id {' '.join(arms)} ELSE 0 END" if arms else "0"
    return f"(CASE WHEN now = {_RETIRED} THEN {place} ELSE now END)"


def _ranked(run: _Pass) -> list[tuple[int, Tier]]:
    return list(enumerate(run.tiers, start=1))

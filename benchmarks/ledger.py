"""The ledger of points at five entries a customer: statements, a night's expiry and tiers, a hot account."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from statistics import quantiles
from typing import Any

from django.db import connection, models, reset_queries, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks.book import FACTS, Limit, Measured, Ratio, Stage, Trial, Unequal, bench
from benchmarks.generate.rows import execute, insert, references_unchecked
from customers import company
from customers.models import Customer, Order
from loyalty.ledger import expiring, redeeming, statement
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Programme, Tier
from loyalty.tiers import counting, moving

DEPENDS = (
    "loyalty/ledger",
    "loyalty/models",
    "loyalty/tiers",
    *FACTS,
    "customers/touched.py",
    "benchmarks/ledger.py",
)
EACH, POINTS = 5, 100  # entries of a customer, points of each
ASKED, PAGE = 400, 50  # statements asked for, rows of each
HOT = 2_000  # more entries of the one account that everybody redeems from
THREADS, REDEMPTIONS = 8, 25
SECONDS = 60
BARE = "bench_bare_lots"
SHARES = (20, 5, 1)  # per cent of the customers that reach a tier, from the lowest up


@bench(
    "ledger-statement",
    title=f"Statement of an account, {PAGE} rows of 5 entries a customer, and what it has",
    ratios=(Ratio("ours", "floor"),),
    limits=(
        Limit("ours", "p95 ms", at_most=100),
        Limit("ours", "queries of a balance", at_most=2),
    ),
    depends=DEPENDS,
    row="statement",
    engines=("postgresql",),
    states=("fresh",),
)
def ledger_statement(stage: Stage) -> Trial:
    """Ours reads account, standing and the newest rows with their running balance; the floor the rows alone.

    One of the accounts has thousands of entries. A balance is the account as it stands and what is due of
    its lots; that the company's settings are read beside it, as for every page, is not counted.
    """
    hot = _filled(stage)
    step = max(1, stage.customers // ASKED)
    asked = [hot, *PointsAccount.objects.order_by("pk").values_list("pk", flat=True)[::step][: ASKED - 1]]
    entries = PointsEntry._meta.db_table

    def ours() -> Measured:
        times, found = [], {}
        most = max(_queries_of_a_balance(pk, stage) for pk in (asked[0], asked[-1]))
        began = time.perf_counter()
        for pk in asked:
            since = time.perf_counter()
            account = PointsAccount.objects.select_related("programme").get(pk=pk)
            statement.standing(account, at=stage.now)
            rows = list(statement.entries_of(account)[:PAGE])
            times.append(1000 * (time.perf_counter() - since))
            found[pk] = [row.pk for row in rows]
        took = time.perf_counter() - began
        p95 = quantiles(times, n=20, method="inclusive")[-1]
        figures = {"p95 ms": round(p95, 1), "slowest ms": round(max(times), 1), "queries of a balance": most}
        return Measured(seconds=took, figures=figures, output=found)

    def floor() -> dict[int, list[int]]:
        found = {}
        with connection.cursor() as cursor:
            for pk in asked:
                cursor.execute(
                    f"SELECT id, points FROM {entries} WHERE account_id = %s "
                    f"ORDER BY occurred_at DESC, id DESC LIMIT {PAGE}",
                    [pk],
                )
                found[pk] = [row[0] for row in cursor.fetchall()]
        return found

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["ours"] != outputs["floor"]:
            raise Unequal("the statements name other entries")
        return f"the newest entries of {len(asked)} accounts"

    return Trial(ways={"floor": floor, "ours": ours}, same=same, rows=len(asked))


@bench(
    "ledger-expiry",
    title="Expiry of a lot of every second customer in one night",
    ratios=(Ratio("ours", "floor", at_most=4),),
    limits=(Limit("ours", "s", at_most=SECONDS), Limit("ours", "entries of a rerun", at_most=0)),
    depends=DEPENDS,
    row="lot",
    engines=("postgresql",),
    states=("fresh",),
    pairs={"xs": 2, "s": 2, "m": 2, "l": 2},
)
def ledger_expiry(stage: Stage) -> Trial:
    """Ours writes entries, allocations and sums; the floor is one UPDATE of as many lots.

    The lots of the floor are a copy that has the indexes and checks of the real ones.

    Each round expires the lots of the next day, so that each finds as many.
    """
    _filled(stage)
    _bare_lots()
    first, ours_days, floor_days = _today(stage), count(1), count(1)

    def ours() -> Measured:
        at = stage.now + timedelta(days=next(ours_days) + 1)
        began = time.perf_counter()
        moved = expiring.expire_all(at)
        took = time.perf_counter() - began
        again = expiring.expire_all(at)
        figures = {"s": round(took, 2), "entries of a rerun": float(again.entries)}
        return Measured(seconds=took, figures=figures, output=-moved.points // POINTS)

    def floor() -> int:
        with connection.cursor() as cursor:
            day = first + next(floor_days)
            cursor.execute(f'UPDATE {BARE} SET "left" = 0 WHERE expires_day = %s AND "left" > 0', [day])
            return cursor.rowcount

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["ours"] != outputs["floor"] or not outputs["ours"]:
            raise Unequal(f"{outputs['ours']} lots expired, {outputs['floor']} were due")
        return f"{outputs['ours']:,} lots"

    return Trial(ways={"floor": floor, "ours": ours}, same=same, rows=stage.customers // 2)


@bench(
    "ledger-tiers",
    title="Tiers of every customer by the money of 365 days",
    ratios=(Ratio("ours", "floor", at_most=3),),
    limits=(Limit("ours", "s", at_most=SECONDS), Limit("ours", "moves of a rerun", at_most=0)),
    depends=DEPENDS,
    row="account",
    engines=("postgresql",),
    states=("fresh",),
    pairs={"xs": 3, "s": 3, "m": 3, "l": 2},
)
def ledger_tiers(stage: Stage) -> Trial:
    """Ours counts, decides and writes what changed, a day further each round; the floor is the GROUP BY."""
    _filled(stage)
    programme = Programme.objects.get()
    _make_tiers(programme, stage)
    day = [0]

    def next_day() -> None:
        day[0] += 1

    def ours() -> Measured:
        at = stage.now + timedelta(days=day[0])
        began = time.perf_counter()
        moved = moving.move_all(at=at)
        took = time.perf_counter() - began
        again = moving.move_all(at=at)
        figures = {"s": round(took, 2), "moves": float(moved.moves), "moves of a rerun": float(again.moves)}
        basis = PointsAccount.objects.aggregate(sum=models.Sum("tier_basis"))["sum"]
        return Measured(seconds=took, figures=figures, output=int(basis or 0))

    def floor() -> int:
        which = counting.counting(programme, at=stage.now + timedelta(days=day[0]))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(greatest(spent, 0)) FROM (SELECT customer_id, sum(sold_base - returned_base) "
                f"AS spent FROM {Order._meta.db_table} WHERE NOT void AND status <> 'cancelled' AND "
                "occurred_day BETWEEN %s AND %s AND occurred_at <= %s AND recorded_at <= %s "
                "GROUP BY customer_id) t",
                [which.first_day, which.today, which.at, which.at],
            )
            return int(cursor.fetchone()[0] or 0)

    def same(outputs: Mapping[str, Any]) -> str:
        if outputs["ours"] != outputs["floor"]:
            raise Unequal(f"{outputs['ours']} counts for tiers, the orders say {outputs['floor']}")
        return f"what counts for the tiers of {stage.customers:,} accounts"

    return Trial(
        ways={"floor": floor, "ours": ours}, same=same, rows=stage.customers, before={"floor": next_day}
    )


@bench(
    "ledger-hot",
    title=f"{THREADS * REDEMPTIONS} redemptions from one account, {THREADS} at once",
    ratios=(Ratio("FOR UPDATE", "ours", at_least=1.5),),
    depends=DEPENDS,
    floor="FOR UPDATE",
    row="redemption",
    engines=("postgresql",),
    states=("fresh",),
)
def ledger_hot(stage: Stage) -> Trial:
    """Ours redeems; the peer locks the account with FOR UPDATE and writes entry, lots and allocations alike.

    It writes neither audit nor event, nor looks whether anything is due or was asked for before.
    """
    hot = _filled(stage)
    begun = count(1)

    def together(work: Callable[[str], None]) -> int:
        before, run = _left(hot), next(begun)

        def some(thread: int) -> None:
            try:
                for number in range(REDEMPTIONS):
                    work(f"{run}-{thread}-{number}")
            finally:
                connection.close()

        threads = [threading.Thread(target=some, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return before - _left(hot)

    def redeem(key: str) -> None:
        account = PointsAccount.objects.select_related("programme").get(pk=hot)
        redeeming.redeem(account, points=1, source=None, key=key, detail={}, by=None, at=stage.now)

    def peer(key: str) -> None:
        with transaction.atomic():
            account = PointsAccount.objects.select_for_update().get(pk=hot)
            if account.balance < 1:
                raise Unequal("nothing is left")
            entry = PointsEntry.objects.create(
                programme_id=account.programme_id,
                account=account,
                customer_id=account.customer_id,
                kind="redeem",
                points=-1,
                occurred_at=stage.now,
                occurred_day=_today(stage),
                recorded_at=stage.now,
                key=f"peer {key}",
            )
            open_lots = PointsLot.objects.filter(account=account, left__gt=0, is_pending=False)
            lot = open_lots.order_by(models.F("expires_day").asc(nulls_last=True), "pk")[0]
            lot.left -= 1
            lot.save(update_fields=["left"])
            LotAllocation.objects.create(entry=entry, lot=lot, points=-1)
            account.balance -= 1
            account.save(update_fields=["balance"])

    def same(outputs: Mapping[str, Any]) -> str:
        wanted = THREADS * REDEMPTIONS
        if set(outputs.values()) != {wanted}:
            raise Unequal(f"of {wanted} points {outputs} left the lots")
        return f"{wanted} points left the lots and the balance"

    ways: dict[str, Callable[[], int]] = {
        "FOR UPDATE": lambda: together(peer),
        "ours": lambda: together(redeem),
    }
    return Trial(ways=ways, same=same, rows=THREADS * REDEMPTIONS)


# --- Rows -------------------------------------------------------------------------------------
def _queries_of_a_balance(pk: int, stage: Stage) -> int:
    """Return how many queries of the ledger a balance takes; some, or the count itself is wrong."""
    reset_queries()  # the log of a connection has a limit
    with CaptureQueriesContext(connection) as caught:
        statement.standing(PointsAccount.objects.select_related("programme").get(pk=pk), at=stage.now)
    queries = sum("loyalty_" in one["sql"] for one in caught.captured_queries)
    if not queries:
        raise Unequal("no query of a balance was seen")
    return queries


def _today(stage: Stage) -> int:
    return company.today(stage.now).number


def _left(account: int) -> int:
    """Return what lots hold, which the balance must say, too."""
    lots = PointsLot.objects.filter(account=account, left__gt=0).aggregate(sum=models.Sum("left"))["sum"]
    if lots != PointsAccount.objects.values_list("balance", flat=True).get(pk=account):
        raise Unequal("lots and balance differ")
    return int(lots)


def _filled(stage: Stage) -> int:
    """Give every customer an account with five earnings, each a lot; return the account with many more.

    The lots of every second customer expire on the days after the company's today, one a day.
    """
    programme = Programme.objects.create(
        code="bench",
        name="Bench",
        state="live",
        starts_day=1,
        currency=company.current().base_currency,
    )
    today, account, entry = _today(stage), PointsAccount._meta.db_table, PointsEntry._meta.db_table
    customers = Customer._meta.db_table
    moment = f"TIMESTAMPTZ '{stage.now.isoformat()}' - interval '1 hour'"
    same = {"programme_id": str(programme.pk)}
    with references_unchecked():
        insert(
            PointsAccount,
            {
                **same,
                "customer_id": "c.id",
                "balance": str(EACH * POINTS),
                "opened_at": moment,
                "moved_day": str(today),
                "referral_code": "'B' || c.id",
            },
            f"{customers} c ORDER BY c.id",
        )
        hot = PointsAccount.objects.order_by("pk").values_list("pk", flat=True)[0]
        said = {
            **same,
            "account_id": "a.id",
            "customer_id": "a.customer_id",
            "kind": "'earn'",
            "points": str(POINTS),
            "occurred_at": f"{moment} - (100 - n) * interval '1 day'",
            "occurred_day": f"{today} - 100 + n",
            "recorded_at": f"{moment} - (100 - n) * interval '1 day'",
            "ingested_at": moment,
        }
        insert(PointsEntry, said, f"{account} a CROSS JOIN generate_series(1, {EACH}) n ORDER BY a.id, n")
        more = {**said, "occurred_day": f"{today}", "occurred_at": moment, "recorded_at": moment}
        insert(PointsEntry, more, f"{account} a CROSS JOIN generate_series(1, {HOT}) n WHERE a.id = {hot}")
        execute(f"UPDATE {account} SET balance = {(EACH + HOT) * POINTS} WHERE id = {hot}")
        n = f"(e.occurred_day - {today} + 100)"
        insert(
            PointsLot,
            {
                "account_id": "e.account_id",
                "customer_id": "e.customer_id",
                "entry_id": "e.id",
                "points": "e.points",
                "left": "e.points",
                "earned_day": "e.occurred_day",
                "usable_day": "e.occurred_day",
                "expires_day": f"CASE WHEN e.customer_id % 2 = 0 AND {n} <= {EACH} THEN {today} + {n} END",
            },
            f"{entry} e ORDER BY e.id",
        )
    return int(hot)


def _bare_lots() -> None:
    execute(f"DROP TABLE IF EXISTS {BARE}")
    lots = PointsLot._meta.db_table
    execute(f"CREATE TABLE {BARE} (LIKE {lots} INCLUDING ALL EXCLUDING IDENTITY)")
    execute(f"INSERT INTO {BARE} SELECT * FROM {lots}")
    execute(f"ANALYZE {BARE}")


def _make_tiers(programme: Programme, stage: Stage) -> None:
    """Make three tiers of which few customers reach each."""
    first = counting.counting(programme, at=stage.now).first_day
    with connection.cursor() as cursor:
        shares = ", ".join(str(1 - share / 100) for share in SHARES)
        cursor.execute(
            f"SELECT percentile_disc(ARRAY[{shares}]) WITHIN GROUP (ORDER BY spent) FROM (SELECT "
            f"sum(sold_base - returned_base) AS spent FROM {Order._meta.db_table} "
            "WHERE NOT void AND occurred_day >= %s GROUP BY customer_id) t",
            [first],
        )
        thresholds = sorted({int(value) for value in cursor.fetchone()[0]})
    Tier.objects.bulk_create(
        Tier(programme=programme, code=f"t{number}", name=f"T{number}", threshold=max(1, threshold))
        for number, threshold in enumerate(thresholds, start=1)
    )

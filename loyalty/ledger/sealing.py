"""What proves that the ledger is whole: entries are sealed in a chain, sums are counted again.

A seal names every row with the beginning of its digest, and is chained to the seal before. So a row that
was changed, lost or slipped in past the database's own guards is told by its number.
"""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, Max, Min, OuterRef, Q
from django.db.models.functions import Mod

from customers import company
from customers.ground import audit
from customers.ground.rows import update_rows
from loyalty.ledger import accounts
from loyalty.models import LedgerCheck, LedgerSeal, LotAllocation, PointsAccount, PointsEntry, PointsLot

CHUNK = 500  # accounts sealed, or compared row by row, at a time
SUMMED = 20_000  # accounts whose sums are counted at a time
MOST_FINDINGS = 100
TURNS = 30  # nights after which every account was compared row by row
_PRINT = 16  # letters of a row's digest
_ACCOUNT, _ENTRY, _LOT, _ALLOCATION = (
    model._meta.db_table for model in (PointsAccount, PointsEntry, PointsLot, LotAllocation)
)
_OF_ENTRY = (
    *("id", "programme_id", "account_id", "kind", "points", "pending", "debt"),
    *("occurred_at", "occurred_day", "recorded_at", "recorded_assumed"),
    *("source_type", "source_id", "key", "reverses_id", "detail", "by_id", "batch_id"),
)
_OF_LOT = ("id", "account_id", "entry_id", "origin_id", "points", "earned_day", "usable_day", "expires_day")
_OF_ALLOCATION = ("id", "entry_id", "lot_id", "points")
_TABLES = {"e": _ENTRY, "l": _LOT, "a": _ALLOCATION}


@dataclass(frozen=True)
class Finding:
    """One thing that is damaged: what, in which row, and what should stand there."""

    code: str
    table: str
    id: int
    expected: int | str | None = None
    found: int | str | None = None


# --- Sealing ---------------------------------------------------------------------------------------
def seal(at: datetime) -> int:
    """Seal the entries that no seal holds yet; return how many. A second run changes nothing.

    The account is held meanwhile: whoever moves points holds it too, so no entry comes in between.
    """
    sealed = last = 0
    while some := _unsealed(last):
        last = some[-1]
        with transaction.atomic():
            ids = accounts.lock_all(some)
            sealed += _seal(ids, at=at)
    if sealed:
        audit.record("points.seal", obj=None, by=None, at=at, codes={"entries": sealed})
    return sealed


def _unsealed(after: int) -> list[int]:
    new = PointsEntry.objects.filter(account=OuterRef("pk"), pk__gt=OuterRef("sealed_entry"))
    accounts_with = PointsAccount.objects.filter(Exists(new), pk__gt=after).order_by("pk")
    return list(accounts_with.values_list("pk", flat=True)[:CHUNK])


def _seal(ids: Sequence[int], *, at: datetime) -> int:
    rows = PointsEntry.objects.filter(account__in=ids, pk__gt=F("account__sealed_entry"))
    prints = _prints(rows.order_by("account", "pk").values(*_OF_ENTRY))
    before = _last_digests(ids)
    made = []
    for account, found in prints.items():
        text = " ".join(found)
        entry_ids = [int(one[1:].partition(":")[0]) for one in found if one[0] == "e"]
        made.append(
            LedgerSeal(
                account_id=account,
                first_entry=entry_ids[0],
                last_entry=entry_ids[-1],
                entries=len(entry_ids),
                prints=text,
                digest=_chained(before.get(account, ""), text),
                sealed_at=at,
            )
        )
    LedgerSeal.objects.bulk_create(made)
    sealed = [PointsAccount(pk=one.account_id, sealed_entry=one.last_entry) for one in made]
    update_rows(sealed, ["sealed_entry"])
    return sum(one.entries for one in made)


def _last_digests(ids: Sequence[int]) -> dict[int, str]:
    newest = LedgerSeal.objects.filter(account__in=ids).order_by().values("account")
    rows = LedgerSeal.objects.filter(pk__in=newest.annotate(last=Max("pk")).values("last"))
    return dict(rows.values_list("account", "digest"))


def _chained(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def _prints(rows: Iterable[dict[str, Any]]) -> dict[int, list[str]]:
    """Return the prints of entries by account, each followed by those of its lots and allocations."""
    found = list(rows)
    ids = [row["id"] for row in found]
    parts: dict[int, list[str]] = defaultdict(list)
    for letter, model, columns in (("l", PointsLot, _OF_LOT), ("a", LotAllocation, _OF_ALLOCATION)):
        for start in range(0, len(ids), CHUNK):
            mine: Any = model._default_manager.filter(entry__in=ids[start : start + CHUNK])
            for row in mine.order_by("pk").values(*columns):
                parts[row["entry_id"]].append(_print(letter, row))
    prints: dict[int, list[str]] = defaultdict(list)
    for row in found:
        prints[row["account_id"]] += [_print("e", row), *parts[row["id"]]]
    return prints


def _print(letter: str, row: dict[str, Any]) -> str:
    plain = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{letter}{row['id']}:{hashlib.sha256(text.encode()).hexdigest()[:_PRINT]}"


# --- Verifying -------------------------------------------------------------------------------------
def verify(
    *, at: datetime, ended_at: datetime | None = None, account: int | None = None, only_new: bool = False
) -> LedgerCheck:
    """Count sums again and compare rows with their seals; return what was found, and keep it.

    Args:
        account: only this one's; unset: everybody's.
        only_new: compare with seals only the accounts that were sealed since the last check of everybody,
            and a share of the others, so that each is compared once a month; sums are counted of all.

    Findings name the row: ``account_entries``, ``account_lots``, ``entry_lots`` and ``lot_left`` are sums
    that do not fit; ``changed``, ``missing`` and ``added`` are rows that differ from their seal;
    ``seal_changed`` and ``seal_missing`` are seals. Nothing is mended.
    """
    check = LedgerCheck(began_at=at, account_id=account)
    found = _Found()
    mine = PointsAccount.objects.all() if account is None else PointsAccount.objects.filter(pk=account)
    ends = mine.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is not None:
        for low in range(ends["first"], ends["last"] + 1, SUMMED):
            high = min(low + SUMMED - 1, ends["last"])
            for query in _SUMS:
                found.add(_sums(query, low, high))
    compared = mine.filter(_news(at)) if only_new else mine
    check.accounts = mine.count()
    last_account = 0
    while True:
        some = list(compared.filter(pk__gt=last_account).order_by("pk")[:CHUNK])
        if not some:
            break
        last_account = some[-1].pk
        entries, findings = _compare(some)
        check.entries += entries
        if findings:
            findings = _compare_held({one for one, _finding in findings})
        found.add(finding for _account, finding in findings)
    check.ended_at = ended_at or at
    check.damaged = found.count
    check.findings = [asdict(one) for one in found.first]
    check.save()
    if found.count:
        audit.record("points.ledger_damaged", obj=check, by=None, at=at, codes={"rows": found.count})
    return check


def _news(at: datetime) -> Q:
    """Return the condition for accounts sealed since the last check of everybody, and those of this day."""
    last = LedgerCheck.objects.filter(account=None).order_by("-pk").values_list("began_at", flat=True).first()
    if last is None:
        return Q()
    new = LedgerSeal.objects.filter(account=OuterRef("pk"), sealed_at__gt=last)
    turn = PointsAccount.objects.annotate(turn=Mod("pk", TURNS)).filter(turn=company.today(at).number % TURNS)
    return Q(Exists(new)) | Q(pk__in=turn.values("pk"))


class _Found:
    """The first findings, and how many there are."""

    def __init__(self) -> None:
        self.first: list[Finding] = []
        self.count = 0

    def add(self, found: Iterable[Finding]) -> None:
        for one in found:
            self.count += 1
            if len(self.first) < MOST_FINDINGS:
                self.first.append(one)


_OF_ACCOUNTS = f"""
SELECT a.id, a.{{column}}, COALESCE(t.moved, 0) FROM {_ACCOUNT} a LEFT JOIN
(SELECT account_id, SUM({{of_rows}}) AS moved FROM {{table}} WHERE account_id BETWEEN %s AND %s {{which}}
GROUP BY account_id) t ON t.account_id = a.id
WHERE a.id BETWEEN %s AND %s AND a.{{column}} <> COALESCE(t.moved, 0) ORDER BY a.id
"""
_SUMS: list[tuple[str, str, str]] = [
    *(
        (
            "account_entries",
            _ACCOUNT,
            _OF_ACCOUNTS.format(column=column, of_rows=of_rows, table=_ENTRY, which=""),
        )
        for column, of_rows in (("balance", "points"), ("pending", "pending"), ("debt", "debt"))
    ),
    *(
        (
            "account_lots",
            _ACCOUNT,
            _OF_ACCOUNTS.format(column=column, of_rows='"left"', table=_LOT, which=which),
        )
        for column, which in (("balance", "AND NOT is_pending"), ("pending", "AND is_pending"))
    ),
    (
        "lot_left",
        _LOT,
        f"""
SELECT l.id, l."left", l.points + COALESCE(t.moved, 0) FROM {_LOT} l LEFT JOIN
(SELECT x.lot_id, SUM(x.points) AS moved FROM {_ALLOCATION} x JOIN {_LOT} m ON m.id = x.lot_id
WHERE m.account_id BETWEEN %s AND %s GROUP BY x.lot_id) t ON t.lot_id = l.id
WHERE l.account_id BETWEEN %s AND %s AND l."left" <> l.points + COALESCE(t.moved, 0) ORDER BY l.id
""",
    ),
    (
        "entry_lots",
        _ENTRY,
        f"""
SELECT e.id, e.points + e.pending, COALESCE(m.made, 0) + COALESCE(t.moved, 0) FROM {_ENTRY} e
LEFT JOIN (SELECT entry_id, SUM(points) AS made FROM {_LOT} WHERE account_id BETWEEN %s AND %s
GROUP BY entry_id) m ON m.entry_id = e.id
LEFT JOIN (SELECT x.entry_id, SUM(x.points) AS moved FROM {_ALLOCATION} x JOIN {_ENTRY} f ON f.id = x.entry_id
WHERE f.account_id BETWEEN %s AND %s GROUP BY x.entry_id) t ON t.entry_id = e.id
WHERE e.account_id BETWEEN %s AND %s
AND e.points + e.pending <> COALESCE(m.made, 0) + COALESCE(t.moved, 0) ORDER BY e.id
""",
    ),
]


def _sums(query: tuple[str, str, str], low: int, high: int) -> list[Finding]:
    """Return where a sum that is kept is not what its rows add up to."""
    code, table, statement = query
    with connection.cursor() as cursor:
        cursor.execute(statement, [low, high] * (statement.count("%s") // 2))
        return [Finding(code, table, pk, int(counted), int(kept)) for pk, kept, counted in cursor.fetchall()]


def _compare(some: Sequence[PointsAccount]) -> tuple[int, list[tuple[int, Finding]]]:
    """Compare the rows of accounts with their seals; return how many entries there are, and what differs."""
    ids = [account.pk for account in some]
    seals: dict[int, list[LedgerSeal]] = defaultdict(list)
    for row in LedgerSeal.objects.filter(account__in=ids).order_by("pk"):
        seals[row.account_id].append(row)
    rows = PointsEntry.objects.filter(account__in=ids, pk__lte=F("account__sealed_entry"))
    present = _prints(rows.order_by("account", "pk").values(*_OF_ENTRY))
    findings = [
        (account.pk, finding)
        for account in some
        for finding in _against(account, seals[account.pk], present.get(account.pk, []))
    ]
    return sum(one[0] == "e" for prints in present.values() for one in prints), findings


def _compare_held(ids: Iterable[int]) -> list[tuple[int, Finding]]:
    """Compare accounts again that seem damaged, held: nobody seals or moves points between two questions."""
    with transaction.atomic():
        held = accounts.lock_rows(ids)
        return _compare(list(held.values()))[1]


def _against(account: PointsAccount, seals: Sequence[LedgerSeal], present: Sequence[str]) -> list[Finding]:
    findings = []
    before = ""
    sealed: dict[str, str] = {}
    for row in seals:
        expected = _chained(before, row.prints)
        if row.digest != expected:
            table = LedgerSeal._meta.db_table
            findings.append(Finding("seal_changed", table, row.pk, expected, row.digest))
        before = row.digest
        sealed |= dict(one.split(":") for one in row.prints.split())
    last = seals[-1].last_entry if seals else 0
    if last != account.sealed_entry:
        findings.append(Finding("seal_missing", _ACCOUNT, account.pk, account.sealed_entry, last))
    there = dict(one.split(":") for one in present)
    for name in sorted(sealed.keys() | there.keys(), key=lambda one: (one[0], int(one[1:]))):
        expected_print, print_found = sealed.get(name), there.get(name)
        if expected_print == print_found:
            continue
        code = "added" if expected_print is None else "missing" if print_found is None else "changed"
        findings.append(Finding(code, _TABLES[name[0]], int(name[1:]), expected_print, print_found))
    return findings

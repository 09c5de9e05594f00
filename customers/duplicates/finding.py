"""Finding pairs: keys are written for the customers that changed, and joined in one statement a sign.

A value that more than ``MOST_SHARING`` customers share says nothing (a switchboard, an address of the
company's own): it makes no pairs, so that the work stays bounded, and the search says how many there were.
"""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q

from customers import regions
from customers.company import today
from customers.duplicates.keys import keys_of
from customers.ground.rows import insert_missing
from customers.models import Contact, Customer, DuplicateKey, DuplicateProposal, DuplicateSearch
from customers.models.duplicates import Sign

MOST_SHARING = 10
CHUNK = 2000
OVERLAP = timedelta(days=1)  # a long import is dated by its beginning
GIVEN_UP = timedelta(hours=2)
MOST_LOOKALIKES = 5
_KEY = DuplicateKey._meta.db_table
_PAIR = DuplicateProposal._meta.db_table
State = DuplicateProposal.State


def find_all(*, at: datetime) -> DuplicateSearch | None:
    """Look through all customers once each local day; return the search, or nothing when it was done.

    May be called again after it was stopped: it goes on where it was. Pairs about which somebody
    decided stay decided; open ones that have nothing in common any more go.
    """
    search = _begin(at)
    if search is None:
        return None
    refresh_changed(since=_last_before(search), at=at)
    with transaction.atomic():
        open_pairs = DuplicateProposal.objects.filter(state=State.OPEN)
        open_pairs.update(signs=0)
        for sign in Sign:
            _pair(sign, at=at)
        open_pairs.filter(signs=0).delete()
        search.left_out = _left_out()
        search.found = open_pairs.count()
        search.finished_at = at
        search.save()
    return search


def find_for(customer_ids: Iterable[int], *, at: datetime) -> None:
    """Look for duplicates of a few customers, as they stand now."""
    ids = sorted(set(customer_ids))
    with transaction.atomic():
        refresh(ids)
        mine = DuplicateProposal.objects.filter(Q(low__in=ids) | Q(high__in=ids), state=State.OPEN)
        mine.update(signs=0)
        for sign in Sign:
            _pair(sign, at=at, of=ids)
        mine.filter(signs=0).delete()


def lookalikes(
    *,
    name: str,
    city: str = "",
    country: str = "",
    region: str = "",
    phone: str = "",
    email: str = "",
    registration: str = "",
) -> list[int]:
    """Return the customers that look like one that is about to be made; five at most."""
    keys = set(
        keys_of(
            names=[name],
            places=_places(city, country, region),
            registration=registration,
            phones=[phone],
            emails=[email],
        )
    )
    found: set[int] = set()
    for sign, key in sorted(keys, reverse=True):
        holders = DuplicateKey.objects.filter(sign=sign, key=key).values_list("customer_id", flat=True)
        shared = list(holders[: MOST_SHARING + 1])
        found |= set(shared) if len(shared) <= MOST_SHARING else set()
    return sorted(found)[:MOST_LOOKALIKES]


# --- Keys --------------------------------------------------------------------------------------
def refresh(customer_ids: Collection[int]) -> int:
    """Bring the keys of customers into agreement with their files and contacts; return how many changed."""
    wanted = _wanted(customer_ids)
    stored = {
        (customer, sign, key): pk
        for pk, customer, sign, key in DuplicateKey.objects.filter(customer__in=customer_ids).values_list(
            "pk", "customer_id", "sign", "key"
        )
    }
    gone = [pk for values, pk in stored.items() if values not in wanted]
    for start in range(0, len(gone), CHUNK):
        DuplicateKey.objects.filter(pk__in=gone[start : start + CHUNK]).delete()
    new = sorted(wanted - stored.keys())
    insert_missing(DuplicateKey, ("customer_id", "sign", "key"), new)
    return len(gone) + len(new)


def refresh_changed(*, since: datetime | None, at: datetime) -> None:
    """Refresh the keys of the customers whose file or contacts changed, some thousand at once."""
    last = 0
    while True:
        some = Customer.objects.filter(pk__gt=last)
        if since is not None:
            contacts = Contact.objects.filter(updated_at__gte=since).values("customer_id")
            some = some.filter(Q(updated_at__gte=since) | Q(pk__in=contacts))
        ids = list(some.order_by("pk").values_list("pk", flat=True)[:CHUNK])
        if not ids:
            return
        with transaction.atomic():
            refresh(ids)
        last = ids[-1]


def _wanted(customer_ids: Collection[int]) -> set[tuple[int, int, int]]:
    people: dict[int, list[tuple[str, str]]] = {}
    for customer, phone, email in Contact.objects.filter(customer__in=customer_ids).values_list(
        "customer_id", "phone", "email"
    ):
        people.setdefault(customer, []).append((phone, email))
    found = set()
    present = Customer.objects.present().filter(pk__in=customer_ids)  # type: ignore[attr-defined]
    columns = ("pk", "name", "name_alt", "city", "country", "region", "registration_number")
    for pk, name, name_alt, city, country, region, number in present.values_list(*columns):
        reached = people.get(pk, [])
        keys = keys_of(
            names=[name, name_alt],
            places=_places(city, country, region),
            registration=number,
            phones=[phone for phone, _email in reached],
            emails=[email for _phone, email in reached],
        )
        found |= {(pk, int(sign), key) for sign, key in keys}
    return found


def _places(city: str, country: str, region: str) -> list[str]:
    return [city, regions.place(country, region) if region else ""]


# --- Pairs -------------------------------------------------------------------------------------
def _pair(sign: Sign, *, at: datetime, of: Sequence[int] | None = None) -> None:
    """Propose every pair that has a value of one sign in common, in one statement.

    ``of``: only pairs with one of these customers.
    """
    bound: dict[str, Any] = {"sign": int(sign), "most": MOST_SHARING, "more": MOST_SHARING + 1}
    bound |= {"at": connection.ops.adapt_datetimefield_value(at)}
    if of is None:
        pairs = (
            f"SELECT DISTINCT a.customer_id AS low, b.customer_id AS high FROM (SELECT key FROM {_KEY} "
            "WHERE sign = %(sign)s GROUP BY key HAVING COUNT(*) BETWEEN 2 AND %(most)s) k "
            f"JOIN {_KEY} a ON a.sign = %(sign)s AND a.key = k.key "
            f"JOIN {_KEY} b ON b.sign = %(sign)s AND b.key = k.key AND b.customer_id > a.customer_id"
        )
    else:
        names = [f"of{number}" for number in range(len(of))]
        bound |= dict(zip(names, of, strict=True))
        listed = ", ".join(f"%({name})s" for name in names)
        pairs = (
            "SELECT DISTINCT CASE WHEN a.customer_id < b.customer_id THEN a.customer_id ELSE b.customer_id "
            "END AS low, CASE WHEN a.customer_id < b.customer_id THEN b.customer_id ELSE a.customer_id "
            f"END AS high FROM {_KEY} a JOIN {_KEY} b ON b.sign = a.sign AND b.key = a.key "
            f"AND b.customer_id <> a.customer_id WHERE a.sign = %(sign)s AND a.customer_id IN ({listed}) "
            f"AND (SELECT COUNT(*) FROM (SELECT 1 FROM {_KEY} k WHERE k.sign = a.sign AND k.key = a.key "
            "LIMIT %(more)s) few) <= %(most)s"
        )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_PAIR} (low_id, high_id, signs, state, found_at) "
            f"SELECT p.low, p.high, %(sign)s, 'open', {_moment()} FROM ({pairs}) p WHERE 1 = 1 "
            "ORDER BY p.low, p.high ON CONFLICT (low_id, high_id) "
            f"DO UPDATE SET signs = {_PAIR}.signs | excluded.signs WHERE {_PAIR}.state = 'open'",
            bound,
        )


def _moment() -> str:
    return "CAST(%(at)s AS timestamptz)" if connection.vendor == "postgresql" else "%(at)s"


def _left_out() -> dict[str, int]:
    """Return, by sign, how many values more customers share than are paired."""
    found = {}
    for sign in Sign:
        shared = DuplicateKey.objects.filter(sign=sign).order_by().values("key").annotate(n=Count("pk"))
        if many := shared.filter(n__gt=MOST_SHARING).count():
            found[sign.name.lower()] = many
    return found


# --- Searches ----------------------------------------------------------------------------------
def _begin(at: datetime) -> DuplicateSearch | None:
    """Return today's search if it is ours to do: new, or left unfinished by whoever began it."""
    search, is_new = DuplicateSearch.objects.get_or_create(day=today(at).number, defaults={"started_at": at})
    if is_new:
        return search
    stale = DuplicateSearch.objects.filter(
        pk=search.pk, finished_at__isnull=True, started_at__lt=at - GIVEN_UP
    )
    return search if stale.update(started_at=at) else None


def _last_before(search: DuplicateSearch) -> datetime | None:
    """Return from when on changes count: a day before the last search that came to its end began."""
    done = DuplicateSearch.objects.filter(day__lt=search.day, finished_at__isnull=False)
    last = done.order_by("-day").values_list("started_at", flat=True).first()
    return last - OVERLAP if last else None

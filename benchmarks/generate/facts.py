"""Customers and what happened to them: 24 months, in the order in which it happened."""

from __future__ import annotations

from benchmarks.generate.rows import below, chance, insert, loading, moment, numbers
from benchmarks.generate.times import END, START, TODAY, ZONE_SECONDS, day_of
from customers.models import (
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    ExternalRef,
    Interaction,
    Order,
    Ownership,
)

SPAN = END - START
PER_CUSTOMER = {"orders": 10, "interactions": 3}


def load(customers: int, *, managers: list[tuple[int, int]]) -> None:
    """Load every table of facts. ``managers``: ids of account managers and of their teams, in order."""
    _people(customers, managers)
    with loading(Order):
        orders(1, customers * PER_CUSTOMER["orders"], customers=customers, begin=START, span=SPAN)
    with loading(Interaction):
        last = customers * PER_CUSTOMER["interactions"]
        interactions(1, last, customers=customers, begin=START, span=SPAN)
    with loading(Complaint, ComplaintEvent):
        complaints(1, customers * 3 // 10, customers=customers, begin=START, span=SPAN)


def _people(customers: int, managers: list[tuple[int, int]]) -> None:
    owner, team = _nth(managers, 0, "k", 1), _nth(managers, 1, "k", 1)
    with loading(Customer, Contact, ExternalRef, Ownership, Contract):
        start, everyone = at_second(START), f"{numbers(1, customers)} n"
        insert(
            Customer,
            {
                "id": "k",
                "kind": f"CASE WHEN {below(10, 'k', 2)} < 7 THEN 'company' ELSE 'person' END",
                "name": "'Customer ' || k",
                "segment": f"CASE {below(2, 'k', 3)} WHEN 0 THEN 'small' ELSE 'large' END",
                "owner_id": owner,
                "team_id": team,
                "created_at": start,
                "updated_at": start,
            },
            everyone,
        )
        insert(
            Contact,
            {
                "id": "k",
                "customer_id": "k",
                "name": "'Contact ' || k",
                "phone": "'+86 138 ' || (10000000 + k)",
                "is_main": "true",
                "created_at": start,
                "updated_at": start,
            },
            everyone,
        )
        insert(
            ExternalRef,
            {
                "source": "'bench'",
                "kind": "'customer'",
                "external_id": "'C' || substr(CAST(10000000 + k AS text), 2)",
                "object_id": "k",
            },
            everyone,
        )
        _ownership(customers, managers)
        _contracts(customers)


def _ownership(customers: int, managers: list[tuple[int, int]]) -> None:
    """Everybody has an owner from the start; one in ten got another one since."""
    changed = f"{below(10, 'k', 4)} = 0"
    first, later = _nth(managers, 0, "k", 5), _nth(managers, 0, "k", 1)
    team, later_team = _nth(managers, 1, "k", 5), _nth(managers, 1, "k", 1)
    insert(
        Ownership,
        {
            "id": "k",
            "customer_id": "k",
            "user_id": f"CASE WHEN {changed} THEN {first} ELSE {later} END",
            "team_id": f"CASE WHEN {changed} THEN {team} ELSE {later_team} END",
            **happened(str(START)),
        },
        f"{numbers(1, customers)} n",
    )
    insert(
        Ownership,
        {
            "id": f"{customers} + k",
            "customer_id": "k",
            "user_id": later,
            "team_id": later_team,
            **happened(f"({START} + {below(SPAN, 'k', 6)})"),
        },
        f"{numbers(1, customers)} n WHERE {changed}",
    )


def _contracts(customers: int) -> None:
    """Every second customer has a contract of a year; of those that ended half were renewed."""
    starts = f"({TODAY} - {below(700, 'k', 7)})"
    insert(
        Contract,
        {
            "id": "k",
            "customer_id": "k",
            "number": "'K' || k",
            "starts_day": "starts",
            "ends_day": "starts + 364",
            "auto_renew": f"{below(10, 'k', 8)} < 3",
            "renewed_day": f"CASE WHEN starts + 364 < {TODAY} AND {below(2, 'k', 9)} = 0 "
            "THEN starts + 360 END",
            "currency": "'CNY'",
            "value": f"1000000 + {below(100_000_000, 'k', 10)}",
            "value_base": f"1000000 + {below(100_000_000, 'k', 10)}",
            **happened(f"((starts - 719163) * 86400 - {ZONE_SECONDS} - 400000)"),
        },
        f"(SELECT k, {starts} AS starts FROM {numbers(1, customers)} n WHERE k % 2 = 0) n",
    )


def orders(first: int, last: int, *, customers: int, begin: int, span: int) -> None:
    """Insert orders number first…last, spread over ``span`` seconds: a few cancelled, a few returned."""
    count = last - first + 1
    sold = (
        f"CASE WHEN kind < 2 THEN 0 ELSE 2000 + ({chance('k', 12)}) % 97 * (({chance('k', 13)}) % 6000) END"
    )
    back = "CASE WHEN kind < 2 THEN 9000 WHEN kind < 6 THEN 1500 ELSE 0 END"
    insert(
        Order,
        {
            "id": "k",
            "customer_id": "customer",
            "number": "'B' || k",
            "status": f"CASE WHEN kind > 97 THEN 'cancelled' WHEN second > {END - 259200} THEN 'placed' "
            "ELSE 'delivered' END",
            "is_purchase": "kind >= 2",
            "currency": "'CNY'",
            "sold": "sold",
            "returned": "back",
            "sold_base": "sold",
            "returned_base": "back",
            "margin_base": "(sold - back) * 3 / 10",
            **happened("second"),
        },
        f"(SELECT k, customer, kind, second, {sold} AS sold, {back} AS back FROM "
        f"(SELECT k, {below(customers, 'k', 11)} + 1 AS customer, {below(100, 'k', 14)} AS kind, "
        f"{begin} + (k - {first}) * {span} / {count} AS second FROM {numbers(first, last)} n) o) o",
    )


def interactions(first: int, last: int, *, customers: int, begin: int, span: int) -> None:
    """Insert contacts number first…last; one in seven reached nobody."""
    count = last - first + 1
    insert(
        Interaction,
        {
            "id": "k",
            "customer_id": "customer",
            "kind": f"CASE {below(4, 'k', 21)} WHEN 0 THEN 'call' WHEN 1 THEN 'email' WHEN 2 THEN 'chat' "
            "ELSE 'visit' END",
            "direction": f"CASE WHEN {below(3, 'k', 22)} = 0 THEN 'in' ELSE 'out' END",
            "reached": f"{below(7, 'k', 23)} > 0",
            "contact_id": "customer",
            "text": "'Spoke about order ' || k",
            **happened("second"),
        },
        f"(SELECT k, {below(customers, 'k', 20)} + 1 AS customer, "
        f"{begin} + (k - {first}) * {span} / {count} AS second FROM {numbers(first, last)} n) o",
    )


def complaints(first: int, last: int, *, customers: int, begin: int, span: int) -> None:
    """Insert complaints number first…last with events: opened, due, mostly resolved, seldom reopened."""
    count = last - first + 1
    source = (
        f"(SELECT k, customer, second, {day_of('second')} + 5 AS due, "
        f"second + 86400 + {below(600_000, 'k', 31)} AS solved FROM "
        f"(SELECT k, {below(customers, 'k', 30)} + 1 AS customer, "
        f"{begin} + (k - {first}) * {span} / {count} AS second FROM {numbers(first, last)} n) i) o"
    )
    is_solved = f"(solved < {END - 1200} AND {below(25, 'k', 32)} > 0)"
    reopened = f"(solved + 90000 < {END} AND {is_solved} AND {below(30, 'k', 33)} = 0)"
    due_at = moment(f"(due - 719162) * 86400 - {ZONE_SECONDS}")
    insert(
        Complaint,
        {
            "id": "k",
            "customer_id": "customer",
            "category": f"CASE {below(3, 'k', 34)} WHEN 0 THEN 'late' WHEN 1 THEN 'broken' ELSE 'wrong' END",
            "severity": f"1 + {below(3, 'k', 35)}",
            "text": "'Complaint ' || k",
            "state": f"CASE WHEN {is_solved} AND NOT {reopened} THEN 'resolved' ELSE 'open' END",
            "due_at": due_at,
            **happened("second"),
        },
        source,
    )
    for number, (kind, second, where) in enumerate(
        (
            ("opened", "second", "true"),
            ("due", "second", "true"),
            ("resolved", "solved", is_solved),
            ("reopened", "solved + 80000", reopened),
        )
    ):
        insert(
            ComplaintEvent,
            {
                "id": f"4 * k + {number}",
                "customer_id": "customer",
                "complaint_id": "k",
                "kind": f"'{kind}'",
                "due_day": "due" if kind == "due" else "NULL",
                **happened(second),
            },
            f"{source} WHERE {where}",
        )


def happened(second: str) -> dict[str, str]:
    """Return the columns that date a fact: known a minute after it happened."""
    known = moment(f"{second} + 60")
    return {
        "occurred_at": moment(second),
        "occurred_day": day_of(second),
        "recorded_at": known,
        "ingested_at": known,
    }


def at_second(second: int) -> str:
    """Return SQL for a moment given as a UTC second."""
    return moment(str(second))


def _nth(managers: list[tuple[int, int]], part: int, number: str, salt: int) -> str:
    """Return SQL for the id (or team, by ``part``) of a pseudo-randomly chosen account manager.

    Ids and teams run without gaps, ten managers a team, so arithmetic finds them.
    """
    chosen = below(len(managers), number, salt)
    first = managers[0][part]
    return f"({first} + {chosen})" if part == 0 else f"({first} + ({chosen}) / 10)"

"""What really happened, hidden from the product: who left, when, why. Only tests read it."""

import gzip
import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

# Kinds of leaving and causes, by the names of the catalogue that every company starts with.
ACTIVE, PASSIVE, HIDDEN, COMPETITIVE = "active", "passive", "hidden", "competitive"


class Departure(NamedTuple):
    """One spell's end. Days are ordinals; 0 = not (yet) within the window."""

    customer: str
    type: str
    cause: str
    second_cause: str
    manner: str  # abrupt, fading or contract_end
    competitor: str
    decided: int  # the day when the customer turned away; nobody is told
    left: int  # no order from this day on
    returned: int


class Courting(NamedTuple):
    customer: str
    competitor: str
    day: int


class Pause(NamedTuple):
    """A near miss: the customer stops buying for a reason of its own, and comes back."""

    customer: str
    first: int
    last: int


class Failure(NamedTuple):
    customer: str
    order: str
    kind: str
    day: int


class Truth(NamedTuple):
    first: int
    days: int
    departures: list[Departure]
    courtings: list[Courting]
    pauses: list[Pause]
    failures: list[Failure]
    moods: dict[str, list[int]]  # a hundredth, one a week from the week of the customer's first day


def digest(groups: Iterable[tuple[str, Any]]) -> str:
    """Return the SHA-256 of named groups of plain records, whatever their order."""
    total = sha256()
    for name, rows in sorted(groups, key=lambda group: group[0]):
        total.update(f"{name}\n".encode())
        items = rows.items() if isinstance(rows, dict) else rows if isinstance(rows, list) else [rows]
        lines = sorted(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
        total.update("\n".join(lines).encode())
    return total.hexdigest()


def truth_digest(truth: Truth) -> str:
    """Return the digest of the whole truth."""
    return digest(truth._asdict().items())


def write(truth: Truth, path: Path) -> None:
    """Write the truth as gzipped JSON; the same truth gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(truth._asdict(), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(data, mtime=0))


def read(path: Path) -> Truth:
    """Read a truth that `write` wrote."""
    plain = json.loads(gzip.decompress(path.read_bytes()))
    return Truth(
        first=plain["first"],
        days=plain["days"],
        departures=[Departure(*row) for row in plain["departures"]],
        courtings=[Courting(*row) for row in plain["courtings"]],
        pauses=[Pause(*row) for row in plain["pauses"]],
        failures=[Failure(*row) for row in plain["failures"]],
        moods=plain["moods"],
    )

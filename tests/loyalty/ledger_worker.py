"""A process of its own that moves points, and may be killed at any moment and started again.

``python -m tests.loyalty.ledger_worker DATABASE FOLDER SEED NUMBER OPERATIONS``: what it does follows from
seed and number alone. After each operation it notes in its file how that ended; started again, it goes on
after the last note, so that an operation whose note was lost is done again with the same key.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

DONE, REFUSED, NOTHING = "done", "refused", "nothing"


def key_of(number: int, operation: int) -> str:
    return f"w{number}-{operation}"


def notes_of(folder: Path, number: int) -> dict[int, str]:
    """Return how each operation of a worker ended, as far as it noted that; a torn last line is no note."""
    file = folder / f"{number}.txt"
    if not file.exists():
        return {}
    whole = file.read_text().rpartition("\n")[0]
    return {int(one.split()[0]): one.split()[1] for one in whole.splitlines()}


def do(operation: int, *, seed: int, number: int) -> str:
    """Do one operation; return how it ended."""
    from customers.ground.errors import Refused
    from loyalty.ledger import earning, expiring, redeeming, sealing
    from loyalty.models import PointsAccount, PointsEntry
    from tests.factories import NOW, day

    random = Random(f"{seed}:{number}:{operation}")
    accounts = list(PointsAccount.objects.order_by("pk").select_related("programme"))
    account = random.choice(accounts)
    at = NOW + timedelta(hours=operation)
    key = key_of(number, operation)
    given: dict[str, Any] = {"source": None, "key": key, "by": None, "at": at}
    what = random.choices(["earn", "redeem", "take", "give", "expire", "seal"], [40, 32, 10, 10, 6, 2])[0]
    try:
        if what == "earn":
            last = random.choice([None, day(at) + random.randint(0, 20)])
            usable = day(at) + random.choice([0, 0, 3])
            earning.earn(
                account, points=random.randint(1, 60), occurred_at=at, detail={}, usable_day=usable,
                expires_day=last, **given,
            )  # fmt: skip
        elif what == "redeem":
            redeeming.redeem(account, points=random.randint(1, 60), detail={}, **given)
        elif what in ("take", "give"):
            kind = "earn" if what == "take" else "redeem"
            before = [key_of(number, one) for one in range(max(0, operation - 60), operation)]
            entries = PointsEntry.objects.filter(kind=kind, key__in=before).order_by("key")
            entry = random.choice([None, *entries])
            if entry is None:
                return NOTHING
            points = random.randint(1, abs(entry.points) + entry.pending - entry.debt)
            if what == "give":
                redeeming.give_back(entry, points=points, **given)
            elif (
                earning.take_back(
                    entry, points=points, occurred_at=at, detail={}, is_partial=random.random() < 0.5, **given
                )
                is None
            ):
                return NOTHING
        elif what == "expire":
            expiring.release_due(account, at=at)
            expiring.expire_due(account, at=at)
            return NOTHING
        else:
            sealing.seal(at)
            return NOTHING
    except Refused:
        return REFUSED
    return DONE


def main(database: str, folder: str, seed: str, number: str, operations: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    import django

    django.setup()
    begun = max(notes_of(Path(folder), int(number)), default=-1) + 1
    file = Path(folder) / f"{number}.txt"
    if file.exists():  # what a death tore apart is no note
        file.write_text("".join(f"{n} {how}\n" for n, how in notes_of(Path(folder), int(number)).items()))
    with file.open("a", buffering=1) as notes:
        for operation in range(begun, int(operations)):
            how = do(operation, seed=int(seed), number=int(number))
            notes.write(f"{operation} {how}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

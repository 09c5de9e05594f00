"""After a restore: erasing again whom the backup brought back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from customers.erasure import erasing, log, names
from customers.models import Contact, Customer, ErasureReceipt

_MODELS: dict[str, Any] = {"contact": Contact, "customer": Customer}


def replay(*, at: datetime) -> dict[str, int]:
    """Do every erasure of this database's log that the database does not know of; return what was done.

    Somebody is erased again when the record has the same number and was made at the same moment; a
    number alone could be somebody else's by now. Hashed ids are refused again in any case. Safe to
    repeat: what the database knows of is passed over.
    """
    known = set(ErasureReceipt.objects.values_list("number", flat=True))
    done = {"lines": 0, "replayed": 0, "people": 0}
    for line in log.lines():
        done["lines"] += 1
        if line["receipt"] in known:
            continue
        known.add(line["receipt"])
        done["replayed"] += 1
        done["people"] += _again(line, at=at)
    return done


def _again(line: log.Line, *, at: datetime) -> int:
    erased_at = datetime.fromisoformat(line["at"])
    with transaction.atomic():
        names.remember([tuple(name) for name in line["names"]], at=erased_at)
        again = 0
        # a customer first: its contacts go with it, and are erased when it is their turn
        for said in sorted(line["people"], key=lambda said: said[0] != "customer"):
            row = _there(*said)
            if row is not None:
                number = f"{line['receipt']}.{again}" if again else line["receipt"]
                erasing.erase_again(row, number=number, reason=line["reason"], erased_at=erased_at, at=at)
                again += 1
        if not again:
            ErasureReceipt.objects.create(
                number=line["receipt"],
                person=line["person"],
                object_id=line["id"],
                reason=line["reason"],
                names=len(line["names"]),
                at=erased_at,
                is_replay=True,
            )
    return again


def _there(kind: str, pk: int, made_at: str) -> Any:
    """Return the record that was erased, if the database has it again with its name."""
    row = _MODELS[kind]._default_manager.filter(pk=pk, erased_at__isnull=True).first()
    return row if row is not None and row.created_at == datetime.fromisoformat(made_at) else None

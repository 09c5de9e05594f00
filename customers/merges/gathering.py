"""What came to a stub after the merge, by whoever did not know of it yet, moves on to the survivor.

Facts never do: whoever writes one asks for whom a number stands, and holds it (``stubs``). A pass over
everybody that was under way may leave a row of what it computed, a worker an event.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from customers import movers
from customers.merges import keeping
from customers.merges.merging import absorb, lock_pair
from customers.models import Merge

AT_ONCE = 1000


def gather(*, at: datetime) -> int:
    """Move what stands with stubs to their survivors, a transaction for each stub; return how many stubs."""
    left = _with_rows()
    for merge in Merge.objects.filter(merged__in=left).standing().order_by("pk"):  # type: ignore[attr-defined]
        with transaction.atomic():
            lock_pair(merge.survivor_id, merge.merged_id)
            merge.at, merge.by = at, None  # as of this act; neither is stored
            keeping.note_pointers(merge)
            absorb(merge)
    return len(left)


def _with_rows() -> set[int]:
    """Return the stubs with rows that would move, one query for each column that may point to them."""
    found: set[int] = set()
    for model in movers.movers():
        if model not in keeping.DERIVED:
            for column in movers.pointers(model, "customer"):
                rows = movers.of_stubs(model, column).order_by()
                found |= set(rows.values_list(column, flat=True).distinct()[:AT_ONCE])
    return found

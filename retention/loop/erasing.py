"""What erasing a person does to her loops: words go, from the steps too."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from customers import movers, tracking
from customers.feedback import keeping
from customers.models import UnknownFeedback
from retention.models import LoopClosure, LoopStep


def register() -> None:
    """Enter what happens to loops of people who are erased or ask for their data (in ``ready()``)."""
    movers.register(LoopClosure, eraser=erase, exporter=export)


def erase(person: str, pk: int) -> int:
    """Blank what was written in the loops of a person and in their steps; return how many rows changed.

    What she wrote before anybody knew that it was she was emptied just before
    (``customers.feedback.keeping``); what others wrote, and was kept long enough, is none of it. The links
    to her status pages lead nowhere from then on.
    """
    of_hers = UnknownFeedback.objects.filter(**{f"complaint__{person}": pk}).exclude(token_hash=None)
    gone = of_hers | keeping.emptied_now()
    hers = Q(**{person: pk}) | Q(unknown__in=gone.values("pk"))
    ids = list(LoopClosure.objects.filter(hers).values_list("pk", flat=True))
    _end_links(LoopClosure.objects.filter(hers | Q(complaint__was_unknown__in=gone.values("pk"))))
    gone.update(salt="", token_hash=None)
    changed = LoopStep.objects.filter(loop__in=ids).exclude(text="").update(text="")
    written = LoopClosure.objects.filter(pk__in=ids).exclude(Q(action_text="") & Q(message_text=""))
    return changed + written.update(action_text="", message_text="")


def _end_links(loops: QuerySet[LoopClosure]) -> None:
    """Give loops links that nobody was told."""
    held = list(loops.only("pk"))
    for loop in held:
        loop.salt = tracking.new_salt()
        loop.token_hash = tracking.hash_of(tracking.token_of(loop.salt))
    LoopClosure.objects.bulk_update(held, ["salt", "token_hash"], batch_size=500)


def export(person: str, pk: int) -> list[dict[str, Any]]:
    """Return the loops of a person with what was written in their steps."""
    rows: list[dict[str, Any]] = []
    steps: dict[int, list[dict[str, Any]]] = {}
    hers = Q(**{person: pk}) | Q(unknown__in=keeping.of_person(person, pk).values("pk"))
    theirs = LoopClosure.objects.filter(hers).order_by("pk")
    for step in LoopStep.objects.filter(loop__in=theirs.values("pk")).order_by("at", "pk"):
        steps.setdefault(step.loop_id, []).append({"kind": step.kind, "at": step.at, "text": step.text})
    for row in theirs.values():
        hidden = {name: value for name, value in row.items() if name not in ("salt", "token_hash")}
        rows.append({**hidden, "steps": steps.get(row["id"], [])})
    return rows

"""How a case moves: the table of allowed moves, and the only writer of ``status``.

Every step of a case (also one that leaves its status alone) is one guarded UPDATE, one ``CaseMove``,
one audit event and one ``Event``, in one transaction. Whoever comes second is told what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, events
from customers.ground.audit import only_codes
from customers.ground.errors import Refused
from customers.ground.models import Event
from customers.ground.rows import update_rows
from customers.models import User
from retention.models import CaseMove, MoveKind, RetentionCase

Status = RetentionCase.Status

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.UNASSIGNED: frozenset({Status.ASSIGNED, Status.CLOSED}),
    Status.ASSIGNED: frozenset({Status.WORKING, Status.UNASSIGNED, Status.CLOSED}),
    Status.WORKING: frozenset({Status.ASSIGNED, Status.UNASSIGNED, Status.CLOSED}),
    Status.CLOSED: frozenset(),
}
OPEN = (Status.UNASSIGNED, Status.ASSIGNED, Status.WORKING)

Codes = dict[str, Any]


class NotAllowed(Refused):
    code = "case_move_not_allowed"
    message = _(
        "A case that is %(from_status)s cannot become %(to_status)s. From here it can become: %(allowed)s."
    )


class CaseClosed(Refused):
    code = "case_closed"
    message = _("This case is closed and stays closed. Open a new case if the customer needs work again.")


class MovedMeanwhile(Refused):
    code = "case_moved_meanwhile"
    message = _(
        "Nothing was changed, because the case moved meanwhile: %(name)s %(what)s; it is now %(status)s. "
        "Look at the case again before you go on."
    )


def move_to(
    case: RetentionCase,
    status: str,
    *,
    kind: str,
    codes: Codes | None = None,
    by: User | None,
    at: datetime,
    **fields: Any,
) -> CaseMove:
    """Move a case to another status; the only writer of ``status``.

    Args:
        kind: what the step was, a ``MoveKind``; ``codes``: ids and codes that explain it.
        fields: columns that change with it.

    Raises :class:`CaseClosed` and :class:`NotAllowed` by the table of moves, :class:`MovedMeanwhile`
    when the stored case has another status or assignee than ``case``. Side effects: one ``CaseMove``,
    audit and event ``case.<kind>``; ``case`` shows the new values.
    """
    refuse_unless_allowed(case.status, status)
    return _guarded(case, kind=kind, codes=codes, by=by, at=at, fields={"status": Status(status), **fields})


def note(
    case: RetentionCase,
    *,
    kind: str,
    codes: Codes | None = None,
    by: User | None,
    at: datetime,
    **fields: Any,
) -> CaseMove:
    """Write a step that leaves the status alone, guarded and recorded as :func:`move_to` does.

    Raises :class:`CaseClosed` and :class:`MovedMeanwhile`.
    """
    if not case.is_open:
        raise CaseClosed()
    return _guarded(case, kind=kind, codes=codes, by=by, at=at, fields=fields)


def move_many(
    cases: Sequence[RetentionCase],
    status: str,
    *,
    kind: str,
    codes_of: Callable[[RetentionCase], Codes],
    by: User | None,
    at: datetime,
    fields_of: Callable[[RetentionCase], dict[str, Any]],
) -> list[RetentionCase]:
    """Move many cases to one status in a bounded number of statements; return them.

    The caller has locked them by :func:`lock`. Raises as :func:`move_to`, for all or none.
    """
    for case in cases:
        refuse_unless_allowed(case.status, status)
    if not cases:
        return []
    before = {case.pk: case.status for case in cases}
    changed: set[str] = {"status"}
    for case in cases:
        values = fields_of(case)
        changed |= set(values)
        for name, value in {"status": Status(status), **values}.items():
            setattr(case, name, value)
    with transaction.atomic():
        if update_rows(cases, sorted(changed), only=("status", set(before.values()))) != len(cases):
            raise MovedMeanwhile(
                _("Nothing was changed, because one of the cases moved meanwhile. Load the list again.")
            )
        record_many(cases, kind=kind, codes_of=codes_of, by=by, at=at, before=before)
    return list(cases)


def lock(case_ids: Iterable[int]) -> list[RetentionCase]:
    """Lock cases in order of customer and return them as they stand; inside a transaction.

    SQLite has no row locks, but there a transaction is the only writer from its first statement on.
    """
    rows = RetentionCase.objects.select_for_update(no_key=True, of=("self",))
    return list(rows.filter(pk__in=list(case_ids)).order_by("customer_id", "pk"))


def lock_one(case: RetentionCase) -> RetentionCase:
    """Lock one open case and return it as it stands; raise :class:`CaseClosed` if it is not open."""
    locked = lock([case.pk])[0]
    if not locked.is_open:
        raise CaseClosed()
    return locked


def record_many(
    cases: Sequence[RetentionCase],
    *,
    kind: str,
    codes_of: Callable[[RetentionCase], Codes],
    by: User | None,
    at: datetime,
    before: dict[int, str] | None = None,
) -> None:
    """Write the steps of many cases: moves, audit and events, three statements.

    ``before`` holds the status that each case left; without an entry it stayed what it is.
    """
    if not cases:
        return
    before = before or {}
    CaseMove.objects.bulk_create(
        [
            CaseMove(
                case=case,
                kind=MoveKind(kind),
                from_status=before.get(case.pk, case.status),
                to_status=case.status,
                at=at,
                by=by,
                codes=only_codes(codes_of(case)),
            )
            for case in cases
        ],
        batch_size=1000,
    )
    audit.record_many(f"case.{kind}", objs=cases, by=by, at=at, codes_of=codes_of)
    events.record_many(
        Event(
            kind=f"case.{kind}",
            customer_id=case.customer_id,
            subject_type=case._meta.label_lower,
            subject_id=case.pk,
            occurred_at=at,
            data=only_codes(codes_of(case)),
        )
        for case in cases
    )


def refuse_unless_allowed(from_status: str, to_status: str) -> None:
    """Raise :class:`CaseClosed` or :class:`NotAllowed` unless the table of moves has this one."""
    if from_status == Status.CLOSED:
        raise CaseClosed()
    allowed = TRANSITIONS[Status(from_status)]
    if to_status not in allowed:
        raise NotAllowed(
            from_status=Status(from_status).label,
            to_status=Status(to_status).label,
            allowed=gettext(", ").join(str(status.label) for status in Status if status in allowed),
        )


def diagram() -> str:
    """Return the state diagram of :data:`TRANSITIONS` in Mermaid's language, as docs/cases.md shows it."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.UNASSIGNED.value}"]
    for old in Status:
        lines += [f"    {old.value} --> {new.value}" for new in Status if new in TRANSITIONS[old]]
        if not TRANSITIONS[old]:
            lines.append(f"    {old.value} --> [*]")
    return "\n".join(lines)


def _guarded(
    case: RetentionCase,
    *,
    kind: str,
    codes: Codes | None,
    by: User | None,
    at: datetime,
    fields: dict[str, Any],
) -> CaseMove:
    before, codes = case.status, codes or {}
    with transaction.atomic():
        seen = RetentionCase.objects.filter(pk=case.pk, status=before, assignee_id=case.assignee_id)
        if not seen.update(**(fields or {"status": before})):
            raise _what_happened(case)
        for name, value in fields.items():
            setattr(case, name, value)
        step = CaseMove.objects.create(
            case=case,
            kind=MoveKind(kind),
            from_status=before,
            to_status=case.status,
            at=at,
            by=by,
            codes=only_codes(codes),
        )
        audit.record(f"case.{kind}", obj=case, by=by, at=at, customer_id=case.customer_id, codes=codes)
        events.record(f"case.{kind}", customer_id=case.customer_id, subject=case, occurred_at=at, data=codes)
    return step


def _what_happened(case: RetentionCase) -> Refused:
    """Return the refusal for the loser of a race, naming who did what meanwhile."""
    last = CaseMove.objects.filter(case=case).select_related("by", "case").order_by("-at", "-id").first()
    if last is None:
        return CaseClosed()
    return MovedMeanwhile(
        name=str(last.by) if last.by else gettext("the system"),
        what=MoveKind(last.kind).label,
        status=Status(last.case.status).label,
    )

"""The verb that takes an import back: asked once, checked, then worked off in the background."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, drain
from customers.ground.errors import Refused
from customers.models import ImportBatch, User
from customers.undo.blockers import ACCOUNTS_STAY, COLLEAGUES, in_the_way
from customers.undo.shares import shares_of

Status = ImportBatch.Status
LONGEST_REASON = 500


class ReasonMissing(Refused):
    code = "undo_without_reason"
    message = _("Say in a few words why the import is taken back.")


class NotUndoable(Refused):
    code = "undo_not_now"
    message = _("This import is %(status)s: only one that has ended can be taken back, and only once.")


class NothingKept(Refused):
    code = "undo_nothing_kept"
    message = _(
        "Nothing that this import made or changed still stands as it left it, so there is nothing to "
        "take back."
    )


class AccountsStay(Refused):
    code = "undo_accounts_stay"
    message = ACCOUNTS_STAY


class UndoBlocked(Refused):
    code = "undo_blocked"
    message = _(
        "%(count)s things rest on this import and would lose their ground: %(what)s. Mend them first."
    )


def undo_import(batch: ImportBatch, *, reason: str, by: User | None, at: datetime) -> ImportBatch:
    """Begin to take an import back; the drain does it, or ``finish`` at once.

    Raises :class:`ReasonMissing`, :class:`NotUndoable`, :class:`NothingKept`, for colleagues
    :class:`AccountsStay`, and :class:`UndoBlocked`, which names the first things that rest on the import.
    Side effects: audit ``import.undo``; when it is done audit and event ``import.undone``, a
    ``HistoryTakenBack`` row, and marks on the customers touched.
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ReasonMissing()
    refuse_unless_ended(batch)
    shares = shares_of(batch)
    if not shares:
        raise AccountsStay() if batch.kind == COLLEAGUES else NothingKept()
    standing = in_the_way(batch)
    if standing.count:
        count = format_lazy("{}+", standing.count) if standing.more else standing.count
        raise UndoBlocked(count=count, what="; ".join(blocker.text for blocker in standing.shown))
    with transaction.atomic():
        begun = ImportBatch.objects.filter(pk=batch.pk, status=batch.status).update(
            status=Status.UNDOING,
            undo_reason=reason,
            undone_by=by,
            undo_asked_at=at,
            attempts=0,
            lease_until=None,
            lease_token="",
            progress={"phase": "undoing", "total": sum(share.created + share.changed for share in shares)},
        )
        batch.refresh_from_db()
        if not begun:
            raise NotUndoable(status=batch.get_status_display())
        audit.record("import.undo", obj=batch, by=by, at=at, codes={"kind": batch.kind})
        transaction.on_commit(drain.wake)
    return batch


def refuse_unless_ended(batch: ImportBatch) -> None:
    """Raise :class:`NotUndoable` unless the import has ended and was not taken back."""
    if batch.status not in {Status.DONE, Status.REFUSED}:
        raise NotUndoable(status=batch.get_status_display())

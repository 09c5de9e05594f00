"""Saying that a warning is no sign: it was noise, for a reason out of a closed list."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from retention import warnings
from retention.cases import moves
from retention.cases.closing import close_untouched
from retention.models import Dismissal, EarlyWarning, MoveKind, RetentionCase


class DismissedAlready(Refused):
    code = "warning_dismissed_already"
    message = _("Somebody has said already that this warning is no sign.")


class NotTold(Refused):
    code = "warning_not_told"
    message = _("This warning was told to nobody, so nobody can say what it is.")


def dismiss(warning: EarlyWarning, *, reason: str, by: User | None, at: datetime) -> Dismissal:
    """Say that a warning is no sign; return what was kept.

    Args:
        reason: one of ``Dismissal.Reason``.

    The warning closes and its rule cools down for the customer, as after any other. A case that is left
    without a sign, and that nobody worked on, closes as not pursued. One that is closed already can be judged
    too. Raises :class:`DismissedAlready`, :class:`NotTold`. Side effects: one row, audit
    ``warning.dismiss``, and a move of the case that is open, with its audit and event.
    """
    reason = Dismissal.Reason(reason)
    with transaction.atomic():
        # cases before warnings, as everywhere
        locked = moves.lock([warning.case_id]) if warning.case_id is not None else []
        if not EarlyWarning.objects.told().filter(pk=warning.pk).exists():  # type: ignore[attr-defined]
            raise NotTold()
        kept, is_new = Dismissal.objects.get_or_create(
            warning=warning, defaults={"reason": reason, "at": at, "by": by}
        )
        if not is_new:
            raise DismissedAlready()
        warnings.close(
            EarlyWarning.objects.filter(pk=warning.pk), because=EarlyWarning.Closed.DISMISSED, at=at
        )
        codes = {"warning": warning.pk, "rule": warning.rule_id, "reason": reason.value}
        audit.record(
            "warning.dismiss", obj=warning, by=by, at=at, customer_id=warning.customer_id, codes=codes
        )
        for case in locked:
            if case.is_open:
                _told_of_case(case, codes, by=by, at=at)
    warning.refresh_from_db()
    return kept


def _told_of_case(case: RetentionCase, codes: moves.Codes, *, by: User | None, at: datetime) -> None:
    moves.note(case, kind=MoveKind.DISMISSED, codes=codes, by=by, at=at)
    close_untouched([case.pk], outcome=RetentionCase.Outcome.NOT_PURSUED, kind=MoveKind.CLOSED, by=by, at=at)

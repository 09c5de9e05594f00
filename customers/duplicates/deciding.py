"""What people decide about a proposed pair."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import DuplicateProposal, User

State = DuplicateProposal.State


class ProposalDecided(Refused):
    code = "duplicate_decided"
    message = _("Somebody decided about these two already. Load the list again.")


def dismiss(proposal: DuplicateProposal, *, by: User | None, at: datetime) -> DuplicateProposal:
    """Decide that two customers are not one; they are not proposed again.

    Raises :class:`ProposalDecided`. Side effects: audit ``duplicate.dismiss``.
    """
    return _decide(proposal, State.OPEN, State.NOT_A_DUPLICATE, act="dismiss", by=by, at=at)


def consider_again(proposal: DuplicateProposal, *, by: User | None, at: datetime) -> DuplicateProposal:
    """Take back that two customers are not one. Raises and writes as :func:`dismiss`."""
    return _decide(proposal, State.NOT_A_DUPLICATE, State.OPEN, act="consider_again", by=by, at=at)


def _decide(
    proposal: DuplicateProposal, old: str, new: str, *, act: str, by: User | None, at: datetime
) -> DuplicateProposal:
    with transaction.atomic():
        guarded = DuplicateProposal.objects.filter(pk=proposal.pk, state=old)
        if not guarded.update(state=new, decided_at=at, decided_by=by):
            raise ProposalDecided()
        codes = {"low": proposal.low_id, "high": proposal.high_id}
        audit.record(f"duplicate.{act}", obj=proposal, by=by, at=at, codes=codes)
    proposal.refresh_from_db()
    return proposal

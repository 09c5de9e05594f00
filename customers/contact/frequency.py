"""How often somebody wants to be contacted at most: her own limit over all classes but service together."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import changing, objections
from customers.ground.errors import Refused
from customers.models import Contact, ContactReason, ContactReservation, User


class FrequencyRefused(Refused):
    code = "contact_frequency"
    message = _("Choose one of these: as usual, at most once in 30 days, at most once in 90 days.")


def set_frequency(contact: Contact, *, days: int | None, by: User | None, at: datetime) -> Contact:
    """Contact somebody at most once in so many days, or (``None``) as often as the company's limits let us.

    Of her own limit and the company's the stricter counts. ``by`` is ``None`` when she says so herself. The
    row is locked: of two at once the later word stands. Raises :class:`FrequencyRefused`, ``Erased``.
    Side effects: audit ``contact.set_frequency``, the old and new value sealed; those of :func:`follow`.
    """
    check(days)
    with transaction.atomic():
        row = Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
        objections.refuse_erased(row)
        was = row.at_most_once_in_days
        changing.change(
            row,
            act="contact.set_frequency",
            customer_id=row.customer_id,
            by=by,
            at=at,
            values={"at_most_once_in_days": days},
        )
        follow(row, was=was, at=at)
    return row


def check(days: int | None) -> None:
    """Raise :class:`FrequencyRefused` unless ``days`` can be chosen."""
    if days is not None and days not in Contact.AtMostOnce.values:
        raise FrequencyRefused()


def is_more(days: int | None, than: int | None) -> bool:
    """Say whether ``days`` lets us contact somebody more often ``than`` something else."""
    return than is not None and (days is None or days < than)


def follow(contact: Contact, *, was: int | None, at: datetime) -> None:
    """Let what waits for a limit be decided anew when somebody allows more than there ``was``."""
    if not is_more(contact.at_most_once_in_days, was):
        return
    waiting = ContactReservation.objects.filter(
        contact=contact, state=ContactReservation.State.DEFERRED, reason=ContactReason.LIMIT_REACHED
    )
    waiting.filter(due_at__gt=at).update(due_at=at)

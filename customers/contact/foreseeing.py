"""Who cannot be reached, of many at once: what ``obstacle_to`` says of each, in few queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from customers import company, consents
from customers.channels.addresses import key_of
from customers.ground import localtime
from customers.models import Channel, Contact, ContactReason, DeadAddress, Purpose
from customers.models.contacting import CONSENT_FOR

WRITTEN = (Channel.EMAIL, Channel.SMS)
Ways = dict[str, str]


def obstacles(contacts: Sequence[Contact], *, purpose: str, at: datetime) -> dict[int, Ways]:
    """Return for each contact what stands in the way by e-mail and by text message; empty: nothing.

    Two queries; ``contacts`` come with their customer. Booked is nothing.
    """
    ids = [contact.pk for contact in contacts]
    today = localtime.day_of(company.today(at).number)
    dead = {
        (row.contact_id, row.channel, row.address)
        for row in DeadAddress.objects.filter(contact__in=ids, channel__in=WRITTEN)
    }
    said, needs_word = consents.states(ids), CONSENT_FOR[purpose] != Purpose.SERVICE
    found: dict[int, Ways] = {}
    for one in contacts:
        is_gone = one.erased_at or one.customer.gone_at or (one.left_on is not None and one.left_on <= today)
        ways: Ways = {}
        found[one.pk] = ways
        for channel in WRITTEN:
            address = (one.email if channel == Channel.EMAIL else one.phone).strip()
            state = said[one.pk].get((CONSENT_FOR[purpose], channel))
            if is_gone:
                ways[channel] = ContactReason.GONE
            elif not address:
                ways[channel] = ContactReason.NO_ADDRESS
            elif (one.pk, channel, key_of(address, channel=channel)) in dead:
                ways[channel] = ContactReason.DEAD_ADDRESS
            elif (state is None and needs_word) or (state is not None and not state.is_given):
                ways[channel] = ContactReason.NO_CONSENT
            else:
                ways[channel] = ""
    return found


def way_to(contact: Contact, ways: Ways) -> str:
    """Return the channel to take: the preferred one, else e-mail, else text message; the first that is open.

    Where none is, the first of them whose address is known.
    """
    order = sorted(WRITTEN, key=lambda one: one != contact.preferred_channel)
    for wanted in ("", ContactReason.NO_CONSENT, ContactReason.DEAD_ADDRESS):
        for channel in order:
            if ways[channel] == wanted:
                return channel
    return order[0]

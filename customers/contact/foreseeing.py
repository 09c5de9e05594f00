"""Who cannot be reached, of many at once: what ``obstacle_to`` says of each, in few queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from customers import company, consents
from customers.channels.addresses import key_of
from customers.ground import localtime
from customers.models import Channel, Contact, ContactReason, DeadAddress, Purpose, SocialHandle
from customers.models.contacting import CONSENT_FOR

WRITTEN = (Channel.EMAIL, Channel.SMS, Channel.MESSENGER)
Ways = dict[str, str]


def obstacles(contacts: Sequence[Contact], *, purpose: str, at: datetime) -> dict[int, Ways]:
    """Return for each contact what stands in the way by e-mail, text message and messenger; empty: nothing.

    Three queries; ``contacts`` come with their customer. Booked is nothing.
    """
    ids = [contact.pk for contact in contacts]
    today = localtime.day_of(company.today(at).number)
    dead = {
        (row.contact_id, row.channel, row.address)
        for row in DeadAddress.objects.filter(contact__in=ids, channel__in=WRITTEN)
    }
    names = _messenger_names(ids)
    said, needs_word = consents.states(ids), CONSENT_FOR[purpose] != Purpose.SERVICE
    found: dict[int, Ways] = {}
    for one in contacts:
        is_gone = one.erased_at or one.customer.gone_at or (one.left_on is not None and one.left_on <= today)
        ways: Ways = {}
        found[one.pk] = ways
        addresses = {
            Channel.EMAIL: one.email,
            Channel.SMS: one.phone,
            Channel.MESSENGER: names.get(one.pk, ""),
        }
        for channel in WRITTEN:
            address = addresses[channel].strip()
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


def way_to(contact: Contact, ways: Ways, *, sendable: Collection[str]) -> str:
    """Return the channel to take: the first that is open, of those by which messages can leave if one is.

    In the order preferred one, e-mail, text message, messenger; where none is open, the first of them whose
    address is known. ``sendable``: the channels with a sender in use.
    """
    order = sorted(WRITTEN, key=lambda one: (one not in sendable, one != contact.preferred_channel))
    for wanted in ("", ContactReason.NO_CONSENT, ContactReason.DEAD_ADDRESS):
        for channel in order:
            if ways[channel] == wanted:
                return channel
    return order[0]


def first_to_reach(
    contacts: Sequence[Contact], ways: Mapping[int, Ways], *, sendable: Collection[str]
) -> tuple[Contact, str] | None:
    """Return the first of some contacts who can be reached, and by which channel; nothing where none can.

    Who can be reached by a channel with a sender in use (``sendable``) comes before who cannot, whose
    message would wait for one. ``ways``: what :func:`obstacles` says of each.
    """
    open_to = [(one, way_to(one, ways[one.pk], sendable=sendable)) for one in contacts]
    found = [(one, channel) for one, channel in open_to if not ways[one.pk][channel]]
    return min(found, key=lambda pair: pair[1] not in sendable, default=None)


def _messenger_names(ids: Sequence[int]) -> dict[int, str]:
    """Return by which name each contact is written to on a messenger, as ``address_of`` does."""
    platforms = (SocialHandle.Platform.WECHAT, SocialHandle.Platform.WECOM)  # the second is taken first
    rows = SocialHandle.objects.filter(contact__in=ids, platform__in=platforms).order_by("-id")
    by_platform: dict[str, dict[int, str]] = {platform: {} for platform in platforms}
    for contact, platform, handle in rows.values_list("contact_id", "platform", "handle"):
        by_platform[platform][contact] = handle
    wechat, wecom = by_platform.values()
    return wechat | {pk: name for pk, name in wecom.items() if name}

"""Of consents the stricter wins: one person in both files does not agree in one and refuse in the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from customers import consents
from customers.consents import NOTHING_SAID, State
from customers.duplicates import keys
from customers.models import Consent, Contact, Merge

Pair = tuple[str, str]  # purpose and channel


def agree(merge: Merge) -> int:
    """Say of each person of both files as taken back what one of the two took back; return how many.

    Contacts are one person when they share a phone number or an e-mail address. The statement bears the
    moment of the agreement that it wins over; it stays when the merge is taken back.
    """
    mine, theirs = (list(Contact.objects.filter(customer=c)) for c in (merge.survivor_id, merge.merged_id))
    same = [(one, two) for one in mine for two in theirs if _reached_by(one) & _reached_by(two)]
    if not same:
        return 0
    states = consents.states([contact.pk for pair in same for contact in pair])
    said: dict[tuple[int, Pair], Consent] = {}
    for one, two in same:
        for strict, lax in ((one, two), (two, one)):
            for pair, moment in _overruled(states[strict.pk], states[lax.pk]):
                said[lax.pk, pair] = Consent(
                    contact=lax,
                    purpose=pair[0],
                    channel=pair[1],
                    is_given=False,
                    source=Consent.Source.MERGE,
                    occurred_at=moment,
                    recorded_at=merge.at,
                    by=merge.by,
                )
    Consent.objects.bulk_create(said.values())
    return len(said)


def _reached_by(contact: Contact) -> set[str]:
    return {keys.phone_key(contact.phone), keys.email_key(contact.email)} - {""}


def _overruled(strict: dict[Pair, State], lax: dict[Pair, State]) -> Iterator[tuple[Pair, datetime]]:
    """Give what ``strict`` took back and ``lax`` did not, with the moment from which that counts."""
    for pair, state in strict.items():
        other = lax.get(pair, NOTHING_SAID)
        if state.is_given is False and other.is_given is not False:
            moment = other.since or state.since
            if moment is not None:
                yield pair, moment

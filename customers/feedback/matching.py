"""Who may have written: customers proposed by phone, e-mail and order number, each with its reason.

A proposal is for people to decide; what is exact and of one person alone was linked before
(``customers.recognising``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.duplicates.keys import email_key, phone_key
from customers.ground.bytewise import begins
from customers.models import Contact, Customer, Order, SearchToken, UnknownFeedback, User
from customers.search import words

MOST = 3  # proposals for one
MOST_PEOPLE = 200  # behind all numbers of a page; more share one than can be proposed
_Place = SearchToken.Place


class Reason(StrEnum):
    """By what somebody is proposed, the strongest first."""

    EMAIL = "email"
    PHONE = "phone"
    ORDER = "order"


LABELS: dict[Reason, str | Promise] = {
    Reason.EMAIL: _("same e-mail address"),
    Reason.PHONE: _("same phone number"),
    Reason.ORDER: _("has an order of this number"),
}


@dataclass
class Match:
    """A customer that may be meant; ``contact`` where an address or number is a person's."""

    customer: Customer
    contact: Contact | None = None
    reasons: set[Reason] = field(default_factory=set)

    @property
    def labels(self) -> list[str]:
        """Return the reasons in words."""
        return [str(LABELS[reason]) for reason in Reason if reason in self.reasons]


def proposals(rows: Sequence[UnknownFeedback], *, user: User) -> dict[int, list[Match]]:
    """Return whom each row may come from, of the customers that ``user`` may see; four queries at most.

    The most reasons first.
    """
    emails = {row.pk: email_key(row.stated_reach) for row in rows if "@" in row.stated_reach}
    phones = {row.pk: phone_key(row.stated_reach) for row in rows if "@" not in row.stated_reach}
    orders = {row.pk: row.stated_order for row in rows if row.stated_order}
    people = _people(set(filter(None, emails.values())), set(filter(None, phones.values())))
    bought = _bought(set(orders.values()))
    visible: dict[int, Customer] = (
        Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        .select_related("owner")
        .in_bulk({one.customer_id for one in people} | {pk for found in bought.values() for pk in found})
    )
    made: dict[int, list[Match]] = {}
    for row in rows:
        found: dict[int, Match] = {}
        for one in people:
            by_mail = bool(emails.get(row.pk)) and email_key(one.email) == emails[row.pk]
            by_phone = bool(phones.get(row.pk)) and phone_key(one.phone) == phones[row.pk]
            if (by_mail or by_phone) and one.customer_id in visible:
                match = found.setdefault(one.customer_id, Match(visible[one.customer_id]))
                match.contact = match.contact or one
                match.reasons.add(Reason.EMAIL if by_mail else Reason.PHONE)
        for pk in bought.get(orders.get(row.pk, ""), ()):
            if pk in visible:
                found.setdefault(pk, Match(visible[pk])).reasons.add(Reason.ORDER)
        ranked = sorted(found.values(), key=lambda one: (-len(one.reasons), one.customer.pk))
        made[row.pk] = ranked[:MOST]
    return made


def _people(emails: Iterable[str], phones: Iterable[str]) -> list[Contact]:
    """Return the people who may have one of these addresses or numbers."""
    which = Q(place=_Place.WORD, token__in=[one[: words.WHOLE] for one in emails])
    for phone in phones:
        which |= Q(place=_Place.TAIL, **begins("token", phone[::-1][: words.PART]))
    if not emails and not phones:
        return []
    ids = SearchToken.objects.filter(which).exclude(contact_id=0).order_by()
    found = Contact.objects.filter(
        pk__in=list(ids.values_list("contact_id", flat=True).distinct()[:MOST_PEOPLE]), erased_at=None
    )
    return list(found.order_by("-is_main", "pk"))


def _bought(numbers: Iterable[str]) -> dict[str, list[int]]:
    """Return the customers who have an order of each number."""
    if not numbers:
        return {}
    rows = Order.objects.filter(number__in=list(numbers), void=False).exclude(number="").order_by("-pk")
    found: dict[str, list[int]] = {}
    for number, customer in rows.values_list("number", "customer_id")[:MOST_PEOPLE]:
        if customer not in found.setdefault(number, []):
            found[number].append(customer)
    return found

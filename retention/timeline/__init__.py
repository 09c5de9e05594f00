"""One timeline of a customer: what happened, what we noticed and what we did about it, newest first.

Each source gives its newest rows, all in one query; they are merged and cut to a page, so that the cost
does not depend on how much happened. Pages are keyed by (moment, source, id).
"""

from __future__ import annotations

from customers import company
from customers.models import Customer, User
from retention.models import RetentionCase
from retention.timeline.places import Entry, Page, Place, UnknownPlace
from retention.timeline.telling import Teller

__all__ = ["Entry", "Page", "Place", "UnknownPlace", "timeline", "told"]

MOST = 200


def timeline(customer: Customer, *, user: User, before: str = "", limit: int = 30) -> Page:
    """Return a page of the customer's timeline for ``user``, empty if the customer is none of hers.

    Args:
        before: ``older`` of the page above; ``limit``: entries, at most 200.

    Raises :class:`UnknownPlace`. Withheld warnings and those that a rule took as its baseline are not
    told. A bounded number of queries.
    """
    place = Place.parse(before) if before else None
    return _told(customer, place, limit) if _may_see(user, customer) else Page([], "")


def told(customer: Customer, *, before: str = "", limit: int = 30) -> Page:
    """As :func:`timeline`, for a reader who was found to see the customer, or its case, already."""
    return _told(customer, Place.parse(before) if before else None, limit)


def _told(customer: Customer, place: Place | None, limit: int) -> Page:
    limit = max(1, min(limit, MOST))
    teller = Teller(customer, company.current(), place, limit + 1)
    rows = sorted(teller.rows(), key=lambda row: row[0], reverse=True)
    shown = rows[:limit]
    return Page([make() for _place, make in shown], str(shown[-1][0]) if len(rows) > limit else "")


def _may_see(user: User, customer: Customer) -> bool:
    """Whoever sees the customer, or one of its cases (a lead those that nobody could take)."""
    return (
        Customer.objects.visible_to(user).filter(pk=customer.pk).exists()  # type: ignore[attr-defined]
        or RetentionCase.objects.visible_to(user).filter(customer=customer).exists()  # type: ignore[attr-defined]
    )

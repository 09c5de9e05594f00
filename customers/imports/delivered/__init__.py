"""The kinds that come with the product: what their columns can hold. ``landing`` writes them.

A further family of kinds is a module here with its ``KINDS``.
"""

from __future__ import annotations

from customers.imports.delivered import (
    colleagues,
    communities,
    consents,
    indicators,
    members,
    mentions,
    payments,
    people,
    sightings,
    talk,
    trade,
    usage,
)
from customers.imports.kinds import register

KINDS = (
    *people.KINDS,
    *trade.KINDS,
    *talk.KINDS,
    *consents.KINDS,
    *usage.KINDS,
    *sightings.KINDS,
    *mentions.KINDS,
    *payments.KINDS,
    *communities.KINDS,
    *indicators.KINDS,
    *members.KINDS,
    *colleagues.KINDS,
)


def register_all() -> None:
    """Enter every kind of this package."""
    for kind in KINDS:
        register(kind)

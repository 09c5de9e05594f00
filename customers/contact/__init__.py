"""Contacting people: one budget over surveys, offers, care and mail (decision 15)."""

from customers.contact.budget import Limit, Quiet, limits, quiet_hours, set_limits
from customers.contact.frequency import set_frequency
from customers.contact.reserving import (
    ReservationEnded,
    address_of,
    consider_due,
    history,
    let_go,
    obstacle_to,
    reserve_contact,
    take_back,
)

__all__ = [
    "Limit",
    "Quiet",
    "ReservationEnded",
    "address_of",
    "consider_due",
    "history",
    "let_go",
    "limits",
    "obstacle_to",
    "quiet_hours",
    "reserve_contact",
    "set_frequency",
    "set_limits",
    "take_back",
]

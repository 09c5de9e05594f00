"""Causes: why customers leave, in two levels. Delivered, edited by admins, chosen in diagnoses."""

from customers.causes.choosing import choices, in_order, may_be_chosen
from customers.causes.delivered import CAUSES, DETAILS, UNKNOWN, sync
from customers.causes.editing import (
    MOST,
    CatalogueFull,
    CauseNameTaken,
    CauseStays,
    CauseTooDeep,
    ParentRetired,
    add_cause,
    bring_back,
    move_cause,
    rename_cause,
    retire_cause,
)

__all__ = [
    "CAUSES",
    "DETAILS",
    "MOST",
    "UNKNOWN",
    "CatalogueFull",
    "CauseNameTaken",
    "CauseStays",
    "CauseTooDeep",
    "ParentRetired",
    "add_cause",
    "bring_back",
    "choices",
    "in_order",
    "may_be_chosen",
    "move_cause",
    "rename_cause",
    "retire_cause",
    "sync",
]

"""Taking an import back: what it did, what stands in the way, and the work itself (decision 2).

A *retraction* makes each version that the import wrote one that counts at no moment: what it created
is void from the moment at which it was recorded, what it changed holds again what it held before, from
that very moment on. So every measure as of any day is what it would be without the import, and nothing
is deleted from the tables of facts.
"""

from customers.undo.asking import (
    AccountsStay,
    NothingKept,
    NotUndoable,
    ReasonMissing,
    UndoBlocked,
    undo_import,
)
from customers.undo.blockers import Standing, in_the_way
from customers.undo.history import history_taken_back
from customers.undo.shares import Share, records_of, shares_of
from customers.undo.working import Overtaken, finish

__all__ = [
    "AccountsStay",
    "NotUndoable",
    "NothingKept",
    "Overtaken",
    "ReasonMissing",
    "Share",
    "Standing",
    "UndoBlocked",
    "finish",
    "history_taken_back",
    "in_the_way",
    "records_of",
    "shares_of",
    "undo_import",
]

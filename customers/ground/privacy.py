"""What each field holds of a person, and what erasure does with it (decision 16).

Every model carries ``privacy = declare(...)``; tests/test_architecture.py fails on a field without one.
"""

from __future__ import annotations

from enum import StrEnum


class Data(StrEnum):
    """Class of personal data that a field holds."""

    NONE = "none"  # ids, codes, numbers and moments that name nobody
    IDENTITY = "identity"  # names
    REACH = "reach"  # phone, mail, address
    TEXT = "text"  # words that somebody wrote freely
    CONDUCT = "conduct"  # what a person did: orders, calls, complaints
    STAFF = "staff"  # data of the company's own people
    KEY = "key"  # passwords, keys


class Erasure(StrEnum):
    """What erasing the person does with the field."""

    KEEP = "keep"
    BLANK = "blank"
    DESTROY = "destroy"  # the row goes


Declaration = dict[str, tuple[Data, Erasure]]


def declare(**groups: str) -> Declaration:
    """Return the declaration of a model's fields.

    Each keyword is ``<class>_<action>`` (``text_blank="note reason"``), its value the field names.
    Raises ``ValueError`` for an unknown class or action or a field named twice.
    """
    declared: Declaration = {}
    for group, names in groups.items():
        data, _, action = group.rpartition("_")
        pair = (Data(data), Erasure(action))
        for name in names.split():
            if name in declared:
                raise ValueError(f"{name} is declared twice")
            declared[name] = pair
    return declared


def fields_of(declaration: Declaration, *, data: set[Data]) -> list[str]:
    """Return the names of the fields whose class is in ``data``, in order of declaration."""
    return [name for name, (kind, _action) in declaration.items() if kind in data]

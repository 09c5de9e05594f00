"""Giving people what is stored about them, and erasing it so that it stays erased (decision 16)."""

from customers.erasure.erasing import (
    ConfirmationWrong,
    NoSuchPerson,
    confirmed,
    erase_customer,
    erase_person,
    find,
    finish,
)
from customers.erasure.exporting import export_person
from customers.erasure.replaying import replay

__all__ = [
    "ConfirmationWrong",
    "NoSuchPerson",
    "confirmed",
    "erase_customer",
    "erase_person",
    "export_person",
    "find",
    "finish",
    "replay",
]

"""Filing feedback that may be filed already: it is shown first, to two who press at once as well."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import complaints, stubs
from customers.feedback import before
from customers.ground.errors import Refused
from customers.models import Complaint, Customer, User

ABOUT = ("kind", "text", "contact", "order")


class MayBeFiled(Refused):
    code = "feedback_alike"
    message = _("This may be filed already. Nothing was saved yet.")

    def __init__(self, same: list[Complaint]) -> None:
        super().__init__()
        self.same = same


def file_unless_alike(
    customer: Customer, *, seen: Collection[int] = (), by: User | None, at: datetime, **values: Any
) -> Complaint:
    """File feedback unless it may be the same as some that nobody has looked at; return it.

    Args:
        seen: the numbers of those that were shown, and that it is not the same as.
        values: as ``file_complaint`` takes them.

    Raises :class:`MayBeFiled` with what may be the same, and what ``file_complaint`` raises. Of two at once
    the second one is shown what the first one filed.
    """
    about = {name: values[name] for name in ABOUT if name in values}
    with transaction.atomic():
        stubs.held(customer.pk)
        same = before.alike(customer, **about, at=at)
        if not {row.pk for row in same} <= set(seen):
            raise MayBeFiled(same)
        return complaints.file_complaint(customer, **values, by=by, at=at)

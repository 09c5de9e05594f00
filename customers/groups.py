"""Companies that belong together: each has at most one parent, never in a circle, never too deep.

What a customer's page tells of its children counts only those that the reader may see: of the others
it says how many there are, nothing more. A sum over a single hidden child would tell what it spends.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.models import Customer

MOST_LEVELS = 5  # a parent of a parent … : a group of companies has few, a mistake many


class ParentInCircle(Refused):
    code = "parent_in_circle"
    message = _("“%(name)s” belongs to this customer itself: nobody can be the parent of its own parent.")


class GroupTooDeep(Refused):
    code = "group_too_deep"
    message = _("A group of companies has at most %(most)s levels. Choose a parent nearer to the top.")


def hold() -> None:
    """Let nobody else change a parent until the end of the transaction: two half circles make one.

    Customers whose rows are changed are locked before (lock order: customers, then the company).
    """
    list(Company.objects.select_for_update(no_key=True).values_list("pk"))


def check_parent(customer: Customer, parent: Customer | None) -> None:
    """Refuse a parent that is below the customer, or makes the group too deep. Needs :func:`hold`."""
    if parent is None:
        return
    over = above(parent.pk)
    if customer.pk in over:
        raise ParentInCircle(name=parent.name)
    if len(over) + _levels_below(customer.pk) > MOST_LEVELS - 1:
        raise GroupTooDeep(most=MOST_LEVELS)


def above(pk: int) -> list[int]:
    """Return the customer and its parents upwards; ends also when the rows already form a circle."""
    chain: list[int] = []
    here: int | None = pk
    while here is not None and here not in chain:
        chain.append(here)
        here = Customer.objects.filter(pk=here).values_list("parent_id", flat=True).first()
    return chain


def _levels_below(pk: int) -> int:
    return len(list(_generations([pk]))) if pk else 0


def _generations(parents: Iterable[int]) -> Iterable[list[int]]:
    """Yield the children, their children … as ids; a customer met twice ends it."""
    here, seen = list(parents), set(parents)
    while here:
        rows = Customer.objects.filter(parent__in=here).order_by("pk").values_list("pk", flat=True)
        here = [pk for pk in rows if pk not in seen]
        seen.update(here)
        if here:
            yield here


def all_below(customer: Customer) -> list[int]:
    """Return the ids of all customers of the group below ``customer``, level by level."""
    return [pk for generation in _generations([customer.pk]) for pk in generation]

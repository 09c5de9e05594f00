"""What a merge of two customers does to the wide table."""

from __future__ import annotations

from retention.models.measures import CustomerMeasures


def move(person: str, source: int, target: int) -> int:
    """Drop the row of the customer who is merged away; return how many rows went.

    A row is computed from facts, which the merge moves: the target is touched by it and computed anew.
    """
    if person != "customer":
        return 0
    return int(CustomerMeasures.objects.filter(customer_id=source).delete()[0])

"""What a sweep found, written to a file: a line for every match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from customers.models import ExternalRef

_AT_ONCE = 1000


def write(path: Path, matches: Iterable[tuple[int, str, str]]) -> None:
    """Write customer, rule and evidence to ``path``, divided by tabs, in order of customer and rule.

    A customer is named by its first external id, else by our own.
    """
    found = list(matches)
    names = external_ids(sorted({customer for customer, _rule, _evidence in found}))
    lines = sorted((names.get(customer, str(customer)), rule, text) for customer, rule, text in found)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join((_one_word(name), rule, text)) + "\n" for name, rule, text in lines)


def external_ids(customer_ids: list[int]) -> Mapping[int, str]:
    """Return the first external id of each customer that has one."""
    names: dict[int, str] = {}
    for start in range(0, len(customer_ids), _AT_ONCE):
        refs = ExternalRef.objects.filter(
            kind="customer", object_id__in=customer_ids[start : start + _AT_ONCE]
        )
        for customer, external_id in refs.order_by("id").values_list("object_id", "external_id"):
            names.setdefault(customer, external_id)
    return names


def _one_word(name: str) -> str:
    return name.replace("\t", " ").replace("\n", " ").replace("\r", " ")

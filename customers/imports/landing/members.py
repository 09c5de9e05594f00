"""How lines become dated memberships of lists."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from customers import lists
from customers.batch import references
from customers.ground.errors import Refused
from customers.imports.kinds import Context, Group, LineRefusal, Outcome, Row
from customers.models import CustomerList
from customers.writing import Moments


class UnknownList(Refused):
    code = "unknown_list"
    message = _("There is no list with the code “%(name)s”. Make a segment of the kind “list” first.")


def land_members(groups: Sequence[Group], context: Context) -> Outcome:
    """Put customers on lists, or take them off; a line that changes nothing writes nothing."""
    outcome = Outcome()
    rows = [row for group in groups for row in group.rows]
    known = {one.code: one for one in CustomerList.objects.filter(code__in={r.values["list"] for r in rows})}
    ids = references.numbers_of("customer", (row.values["customer"] for row in rows), source=context.source)
    wanted: dict[str, dict[int, list[tuple[bool, Moments]]]] = {}
    for row in rows:
        listed, name = row.values["list"], row.values["customer"]
        if listed not in known:
            outcome.refused.append(LineRefusal(row.number, "list", UnknownList(name=listed)))
        elif name not in ids:
            reason = references.UnknownCustomer(name=name)
            outcome.refused.append(LineRefusal(row.number, "customer", reason))
        else:
            of_customer = wanted.setdefault(listed, {}).setdefault(ids[name], [])
            of_customer.append((row.values.get("is_member", True), _moments(row, context)))
    for code in sorted(wanted):
        _put(known[code], wanted[code], context, outcome)
    return outcome


def _moments(row: Row, context: Context) -> Moments:
    occurred_at = row.values.get("occurred_at") or context.at
    recorded_at, assumed = context.known(occurred_at, row.values.get("recorded_at"))
    return Moments(occurred_at, recorded_at, assumed)


def _put(
    listed: CustomerList,
    wanted: dict[int, list[tuple[bool, Moments]]],
    context: Context,
    outcome: Outcome,
) -> None:
    """Write what the file says of one list: for each customer one step after the other."""
    for steps in wanted.values():
        steps.sort(key=lambda step: step[1].occurred_at)
    for turn in range(max(len(steps) for steps in wanted.values())):
        now = {customer: steps[turn] for customer, steps in wanted.items() if len(steps) > turn}
        changed = lists.put_many(listed, now, batch=context.batch, by=None, at=context.at)
        outcome.landed.created += changed
        outcome.landed.unchanged += len(now) - changed

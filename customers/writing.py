"""How one fact is written: the moments checked, the day counted, the customer touched.

Every verb that records or changes a single fact goes through here; files go through ``batch``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers import stubs, touched
from customers.company import today
from customers.facts import Fact
from customers.ground import sealed
from customers.ground.errors import Refused
from customers.ground.privacy import Data, fields_of
from customers.models import Contact

FactType = TypeVar("FactType", bound=Fact)


class InTheFuture(Refused):
    code = "in_the_future"
    message = _("That moment lies in the future. Enter when it really happened.")


class OlderThanKnown(Refused):
    code = "older_than_known"
    message = _(
        "A newer version of this was recorded meanwhile. Load the page again and make your change there."
    )


@dataclass(frozen=True)
class Moments:
    """When a fact occurred and when the company knew it; see decision 1."""

    occurred_at: datetime
    recorded_at: datetime
    assumed: bool = False


def moments(*, at: datetime, occurred_at: datetime | None = None) -> Moments:
    """Return the moments of a fact entered at ``at``; it cannot have occurred later."""
    occurred_at = occurred_at or at
    if occurred_at > at:
        raise InTheFuture()
    return Moments(occurred_at, at)


def write(model: type[FactType], *, customer_id: int, when: Moments, **values: Any) -> FactType:
    """Insert one fact and mark its customer as touched.

    Of a customer that was merged into another meanwhile it becomes a fact of that one.
    """
    customer_id = stubs.resolved_one(customer_id)
    fact = model._default_manager.create(
        customer_id=customer_id,
        occurred_at=when.occurred_at,
        occurred_day=today(when.occurred_at).number,
        recorded_at=when.recorded_at,
        recorded_assumed=when.assumed,
        **values,
    )
    touched.mark([customer_id], at=when.recorded_at)
    return fact


def revise(fact: FactType, *, at: datetime, **values: Any) -> FactType:
    """Write a new version of a fact: the trigger keeps the old one, old texts are sealed first.

    The version is nobody's import: what is taken back with the import before it would lose it. Does
    nothing when no value differs. Raises :class:`OlderThanKnown` when ``at`` lies before the version
    that stands.
    """
    changed = {name: value for name, value in values.items() if getattr(fact, name) != value}
    if not changed:
        return fact
    if at < fact.recorded_at:
        raise OlderThanKnown()
    left = fact.customer_id
    seal_old(fact, names=set(changed))
    if "occurred_at" in changed:
        changed["occurred_day"] = today(changed["occurred_at"]).number
    guarded = type(fact)._default_manager.filter(pk=fact.pk, recorded_at=fact.recorded_at)
    if not guarded.update(**changed, recorded_at=at, recorded_assumed=False, batch=None):
        raise OlderThanKnown()
    fact.refresh_from_db()
    touched.mark({pk for pk in (left, fact.customer_id) if pk is not None}, at=at)
    return fact


def void(fact: FactType, *, at: datetime) -> FactType:
    """Remove a fact from ``at`` on; before that it stays known (a *void* version)."""
    return revise(fact, at=at, void=True)


def holder_of(row: models.Model) -> str:
    """Return whose key seals the texts of ``row``: its contact's, else its customer's."""
    if isinstance(row, Contact):
        return sealed.holder_of(row)
    contact_id = getattr(row, "contact_id", None)
    if contact_id:
        return f"contact:{contact_id}"
    customer_id = getattr(row, "customer_id", None)
    return f"customer:{customer_id}" if customer_id else sealed.holder_of(row)


def personal_fields(model: type[models.Model]) -> list[str]:
    """Return the names of the fields that hold names, addresses or free text."""
    return fields_of(model.privacy, data={Data.IDENTITY, Data.REACH, Data.TEXT})  # type: ignore[attr-defined]


def seal_old(row: models.Model, *, names: set[str]) -> None:
    """Seal the personal values of ``row`` that are about to be overwritten."""
    old = {
        name: getattr(row, name)
        for name in personal_fields(type(row))
        if name in names and getattr(row, name)
    }
    if old:
        sealed.seal(holder_of(row), subject=row, values={"old": old})

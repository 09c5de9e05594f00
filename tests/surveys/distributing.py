"""Distributions and those whom they ask, made by the verbs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from customers import consents
from customers.ground import drain
from customers.models import Contact, Customer
from surveys.distributions import making
from surveys.models import Distribution, PlannedAsk, Survey
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CustomerFactory, ago
from tests.surveys.makers import WHO, live

DAY = timedelta(days=1)
GONE_NAME = "a group that is gone"


def person(**values: Any) -> Contact:
    """Return the main contact of a customer of her own, who agreed to be asked."""
    return agreeing(**values)


def people(number: int, **values: Any) -> list[Contact]:
    """Return main contacts of customers of their own, who agreed to be asked; few statements."""
    customers = [CustomerFactory(contact=False, **values) for _n in range(number)]
    contacts = Contact.objects.bulk_create(
        Contact(
            customer=one,
            name=f"P{one.pk}",
            email=f"p{one.pk}@example.org",
            is_main=True,
            created_at=NOW,
            updated_at=NOW,
        )
        for one in customers
    )
    for contact in contacts:
        consents.record_consent(
            contact,
            purposes=["survey"],
            channels=["email"],
            is_given=True,
            source="form",
            by=None,
            at=ago(500),
        )
    return contacts


def distribution(survey: Survey | None = None, **said: Any) -> Distribution:
    """Return a draft: by e-mail, to chosen people unless said otherwise."""
    by = said.pop("by", None)
    settings = {"name": "Ask them", "kind": "list", "channel": "email"} | said
    asked = survey or Survey.objects.filter(status="live").first() or live()
    return making.create(asked, making.Settings(**settings), by=by, at=NOW)


def running(survey: Survey | None = None, *, at: datetime = NOW, **said: Any) -> Distribution:
    """Return a distribution that was started."""
    chosen = said.pop("contacts", ())
    made = distribution(survey, **said)
    if chosen:
        making.add_people(made, chosen, by=None, at=at)
    return making.start(made, by=None, at=at)


def listed(contacts: list[Contact], **said: Any) -> Distribution:
    """Return a started distribution to chosen people."""
    return running(contacts=contacts, **said)


def told(one: Distribution) -> dict[str, tuple[str, str]]:
    """Return what became of each ask by the contact's name: state and reason, the sending's if it has one."""
    rows = PlannedAsk.objects.filter(distribution=one).select_related("contact", "dispatch")
    found = {}
    for ask in rows:
        last = ask.dispatch or ask
        found[ask.contact.name] = (last.state, last.reason)
    return found


def reasons(one: Distribution) -> list[tuple[str, str]]:
    """Return what became of the asks, sorted."""
    return sorted(told(one).values())


def drained(at: datetime = NOW) -> int:
    """Do all that is due."""
    return drain.until_empty(at=at)


def settings_of(one: Distribution, **changed: Any) -> making.Settings:
    """Return the settings of a distribution, some changed."""
    names = making.Settings.__dataclass_fields__
    return making.Settings(**{name: getattr(one, name) for name in names} | changed)


__all__ = [
    "DAY",
    "NOW",
    "WHO",
    "Customer",
    "distribution",
    "drained",
    "listed",
    "live",
    "people",
    "person",
    "reasons",
    "running",
    "settings_of",
    "told",
]

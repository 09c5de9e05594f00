"""The tab with all that the file says of a customer: where, who, needs, attributes, files, the group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from customers import attributes, company, regions
from customers.access import allow
from customers.ground import clock
from customers.ground.localtime import day_of
from customers.models import (
    Address,
    Attribute,
    AttributeValue,
    Contact,
    Customer,
    Need,
    SocialHandle,
    User,
)
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.file.acting import AttachmentForm, AttributesForm, HandleForm, NeedForm
from retention.pages.file.customer import customer_of
from retention.pages.file.group import group_of
from retention.pages.forms import WORKERS

MOST_CONTACTS = 100
MOST_NEEDS = 100
MOST_PLACES = 20


@dataclass
class Person:
    """A contact with the names under which it is known elsewhere."""

    contact: Contact
    handles: list[SocialHandle] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where the customer was since when, in words."""

    name: str
    since: int


@dataclass(frozen=True)
class Value:
    """An attribute and what it is worth now, in words."""

    label: str
    text: str
    since: int | None
    is_retired: bool


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a customer's file."""
    return shown(request, customer_of(request.user, pk))


def shown(request: HttpRequest, customer: Customer, **bound: forms.Form) -> HttpResponse:
    """Show the tab; with a form that came back, its sheet is open."""
    at, firm = clock.now(), company.current()
    people, own_handles = _people(customer)
    listed = list(Attribute.objects.order_by("code"))
    values = attributes.current_values([customer.pk])
    may_work = request.user.role in WORKERS
    context: dict[str, Any] = {
        "customer": customer,
        "now": at,
        "currency": firm.base_currency,
        "parent": _parent(customer, request.user),
        "address": place_name(customer.country, customer.region),
        "places": _places(customer),
        "people": people,
        "handles": own_handles,
        "needs": _needs(customer),
        "values": _values(customer, listed, values),
        "attachments": customer.attachments.select_related("by").order_by("-pk"),
        "group": group_of(customer, request.user),
        "may_work": may_work,
        "language": get_language(),
    }
    if may_work:
        contacts = [person.contact for person in people if person.contact.left_on is None]
        context |= {
            "need_form": NeedForm(customer=customer, contacts=contacts),
            "handle_form": HandleForm(customer=customer, contacts=contacts),
            "attachment_form": AttachmentForm(),
            "attributes_form": AttributesForm(
                attributes=[a for a in listed if a.retired_at is None],
                values={key[1]: row for key, row in values.items()},
            ),
            **bound,
        }
    context["open_sheet"] = next(iter(bound), "")
    return render(request, "retention/file/file.html", context, status=422 if bound else 200)


def place_name(country: str, region: str) -> str:
    """Return country and region in words, the largest first."""
    parts = [regions.country_name(country)] if country else []
    return " · ".join([*parts, *regions.region_names(country, region)])


def worth(attribute: Attribute, row: AttributeValue | None) -> str:
    """Return a value in words."""
    if row is None:
        return "—"
    if row.number is not None:
        return f"{row.number.normalize():,f}"
    if row.day is not None:
        return date_format(day_of(row.day), "DATE_FORMAT")
    return attribute.label_of(row.choice) if row.choice else row.text or "—"


def _parent(customer: Customer, user: User) -> Customer | None:
    """Return the parent company, if the reader may see it."""
    if customer.parent_id is None:
        return None
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    found: Customer | None = visible.filter(pk=customer.parent_id).first()
    return found


def _people(customer: Customer) -> tuple[list[Person], list[SocialHandle]]:
    contacts = customer.contacts.order_by("left_on", "-is_main", "pk").select_related("successor")
    people = {contact.pk: Person(contact) for contact in contacts[:MOST_CONTACTS]}
    own: list[SocialHandle] = []
    for handle in customer.social_handles.all():
        (people[handle.contact_id].handles if handle.contact_id in people else own).append(handle)
    here = sorted(people.values(), key=lambda person: person.contact.left_on is not None)
    return here, own


def _places(customer: Customer) -> list[Place]:
    facts = Address.objects.filter(customer=customer, void=False).order_by("-occurred_at", "-pk")
    return [
        Place(place_name(fact.country, fact.region) or "—", fact.occurred_day) for fact in facts[:MOST_PLACES]
    ]


def _needs(customer: Customer) -> Iterable[Need]:
    facts = Need.objects.filter(customer=customer, void=False).select_related("contact")
    return list(facts.order_by("-occurred_at", "-pk")[:MOST_NEEDS])


def _values(
    customer: Customer, listed: list[Attribute], values: dict[tuple[int, int], AttributeValue]
) -> list[Value]:
    found = []
    for attribute in listed:
        row = values.get((customer.pk, attribute.pk))
        if row is None and attribute.retired_at is not None:
            continue
        found.append(
            Value(
                attribute.label,
                worth(attribute, row),
                row.occurred_day if row else None,
                attribute.retired_at is not None,
            )
        )
    return found

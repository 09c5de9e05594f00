"""Changing one record by a form, and what one sees when somebody else changed it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.changing import ChangedMeanwhile, differing
from customers.ground.errors import Refused
from customers.ground.models import AuditEvent
from customers.models import Contact, Customer, User
from retention.pages.file.forms import FileForm

LOADED = "loaded"
"""The field that carries the version which the form was loaded with."""
THEIRS = "theirs"
_KEEP = "keep."
_MOST_EVENTS = 50


@dataclass(frozen=True)
class Difference:
    """A field that now says something else than was entered."""

    name: str
    label: str
    mine: str
    now: str
    by: str
    at: datetime | None
    is_theirs: bool  # which of both is proposed


@dataclass(frozen=True)
class Edited:
    """What is edited and where it leads: the words of the page and the verb that saves."""

    row: Customer | Contact
    title: str
    customer: Customer
    back: str
    save: Callable[[Any, dict[str, Any], dict[str, Any]], Any]


def back_to(request: HttpRequest, customer: Customer) -> str:
    """Return the tab that the form was opened from."""
    tab = "customer_file" if request.GET.get("from") == "file" else "customer"
    return reverse(f"retention:{tab}", args=[customer.pk])


def loaded_with(row: Customer | Contact) -> str:
    """Return the version of a record as a form carries it."""
    return row.updated_at.isoformat()


def answer(request: HttpRequest, edited: Edited, form: FileForm) -> HttpResponse:
    """Show the form; save what was sent; show the conflict when somebody else was quicker."""
    if request.method != "POST" or not form.is_valid():
        return _form(request, edited, form, loaded=request.POST.get(LOADED) or loaded_with(edited.row))
    values = form.values()
    for name in list(values):
        if request.POST.get(_KEEP + form.TOGETHER.get(name, name)) == THEIRS:
            del values[name]
    row = type(edited.row)._default_manager.get(pk=edited.row.pk)
    row.updated_at = _version(request.POST.get(LOADED, "")) or row.updated_at
    try:
        edited.save(row, values, form.extras())
    except ChangedMeanwhile:
        return _conflict(request, edited, form)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _form(request, edited, form, loaded=request.POST.get(LOADED, ""))
    messages.success(request, _("Saved."))
    return redirect(edited.back)


def _form(request: HttpRequest, edited: Edited, form: FileForm, *, loaded: str) -> HttpResponse:
    context = {"form": form, "edited": edited, "customer": edited.customer, "loaded": loaded}
    return render(request, "retention/file/edit.html", context, status=422 if form.errors else 200)


def _version(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


# --- When somebody else was quicker ------------------------------------------------------------
def _conflict(request: HttpRequest, edited: Edited, form: FileForm) -> HttpResponse:
    """Show field by field what was entered, what stands, and who changed it; nothing is saved yet."""
    row = type(edited.row)._default_manager.get(pk=edited.row.pk)
    since = _version(request.POST.get(LOADED, ""))
    changes = _changes(row, since=since)
    sent = {
        name: request.POST.getlist(name)
        for name in request.POST
        if name not in {LOADED, "csrfmiddlewaretoken"} and not name.startswith(_KEEP)
    }
    context = {
        "edited": edited,
        "customer": edited.customer,
        "differences": _differences(form, row, changes),
        "sent": [(name, value) for name, values in sent.items() for value in values],
        "loaded": loaded_with(row),
        "latest": next(iter(changes.values()), None),
    }
    return render(request, "retention/file/conflict.html", context, status=409)


def _differences(
    form: FileForm, row: Customer | Contact, changes: dict[str, tuple[str, datetime]]
) -> list[Difference]:
    mine = form.values()
    stands = {name: getattr(row, name) for name in mine}
    names = {form.TOGETHER.get(name, name) for name in differing(row, mine)}
    found = []
    for name in [name for name in mine if name in names]:
        own = [name, *(other for other, leader in form.TOGETHER.items() if leader == name)]
        who = next((changes[field] for field in own if field in changes), None)
        found.append(
            Difference(
                name=name,
                label=str(form.fields[name].label),
                mine=form.shown(name, mine),
                now=form.shown(name, stands),
                by=who[0] if who else "",
                at=who[1] if who else None,
                # what nobody is known to have changed since is the one's own change
                is_theirs=who is not None or not changes,
            )
        )
    return found


def _changes(row: Model, *, since: datetime | None) -> dict[str, tuple[str, datetime]]:
    """Return who changed each field last and when, since a moment; by field, the newest first."""
    events = AuditEvent.objects.filter(object_type=row._meta.label_lower, object_id=row.pk)
    if since is not None:
        events = events.filter(at__gte=since)
    found: dict[str, tuple[str, datetime]] = {}
    newest = list(events.order_by("-at", "-pk")[:_MOST_EVENTS])
    people = User.objects.in_bulk({event.actor_id for event in newest if event.actor_id})
    for event in newest:
        if since is not None and event.at == since:
            continue  # the version that was loaded
        for name in event.codes.get("fields", ()):
            found.setdefault(name, (str(people.get(event.actor_id) or _("the system")), event.at))
    return found

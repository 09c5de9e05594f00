"""The customer's file: facts, measures, one timeline, cases, and what one can enter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import (
    causes,
    company,
    complaints,
    consents,
    interactions,
    objections,
    ownership,
    reminders,
    text,
)
from customers.access import allow
from customers.ground import clock
from customers.ground.gathering import gathered
from customers.ground.localtime import day_of
from customers.ground.models import Company
from customers.models import (
    Aspect,
    Attribute,
    AttributeValue,
    Complaint,
    Customer,
    DeadAddress,
    Reminder,
    TextReading,
    User,
)
from customers.text.showing import OF_CAUSE, OF_READING, Chip, chips, names_of
from loyalty.models import PointsAccount, PointsLot, Programme, Tier
from loyalty.naming import called
from retention import cases, measures
from retention.measures import compute, making
from retention.measures.display import format_value
from retention.measures.history import history
from retention.models import CustomerMeasures, LoopClosure, MeasureState, OwnMeasure, RetentionCase
from retention.pages.about import OF_CONTACT, contacts_of
from retention.pages.acting import Verb, act, customer_of
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.duplicates import alike, hints
from retention.pages.forms import (
    WORKERS,
    ComplaintForm,
    InteractionForm,
    OpenCaseForm,
    OwnerForm,
    PlanWithForm,
    ReminderForm,
)
from retention.pages.loops import card_of
from retention.pages.merging import MAY_MERGE
from retention.timeline import Page, UnknownPlace, told

MOST_COMPLAINTS = 20
MOST_CASES = 20
MOST_CONTACTS = 100
MOST_REMINDERS = 10
_OF_CASE = ("id", "kind", "status", "outcome", "severity", "opened_at", "due_at", "assignee_id")
_OF_ASSIGNEE = ("assignee__username", "assignee__first_name", "assignee__last_name")
_OF_COMPLAINT = ("id", "kind", "severity", "state", "occurred_at", "due_at", "text")


@dataclass(frozen=True)
class Shown:
    """One measure, ready to show."""

    label: str
    value: str
    help: str
    bars: list[int] | None = None


@dataclass(frozen=True)
class Group:
    """The measures of one source."""

    label: str
    rows: list[Shown] = field(default_factory=list)


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one customer; ``?before=`` pages the timeline, ``&part=timeline`` gives that page alone."""
    customer = customer_of(request, pk)
    if request.GET.get("part") == "timeline":
        return render(
            request,
            "retention/timeline_part.html",
            {"page": _timeline(request, customer), "customer": customer},
        )
    return _page(request, customer)


@require_POST
@allow(*WORKERS)
def customer_interaction(request: HttpRequest, pk: int) -> HttpResponse:
    """Log a contact with the customer."""
    customer = customer_of(request, pk)
    form = InteractionForm(request.POST, customer=customer)
    return _act(
        request,
        customer,
        "interaction_form",
        form,
        lambda values, at: interactions.log_interaction(customer, **form.said(at=at), by=request.user, at=at),
        done=_("It stands on the timeline."),
    )


@require_POST
@allow(*WORKERS)
def customer_complaint(request: HttpRequest, pk: int) -> HttpResponse:
    """File a complaint of the customer; a recovery case opens within seconds."""
    customer = customer_of(request, pk)
    form = ComplaintForm(request.POST, customer=customer)
    return _act(
        request,
        customer,
        "complaint_form",
        form,
        lambda values, at: complaints.file_complaint(customer, **values, by=request.user, at=at),
        done=_("The complaint is filed. A recovery case opens within seconds."),
    )


@require_POST
@allow(*WORKERS)
def customer_case(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a case by hand, with a reason."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "case_form",
        OpenCaseForm(request.POST),
        lambda values, at: cases.open_case(customer, **values, by=request.user, at=at),
        done=_("The case is open."),
    )


@require_POST
@allow(*WORKERS)
def customer_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan a call with a reason; a case opens when none is open."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "plan_form",
        PlanWithForm(request.POST),
        lambda values, at: cases.plan_call_with(customer, **values, by=request.user, at=at),
        done=_("The call is planned."),
    )


@require_POST
@allow(*WORKERS)
def customer_reminder(request: HttpRequest, pk: int) -> HttpResponse:
    """Set oneself a reminder about the customer."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "reminder_form",
        ReminderForm(request.POST),
        lambda values, at: reminders.set_reminder(
            request.user, customer=customer, **values, by=request.user, at=at
        ),
        done=_("You will be reminded."),
    )


@require_POST
@allow("team_lead", "admin")
def customer_owner(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the customer to another account manager."""
    customer = customer_of(request, pk)
    return _act(
        request,
        customer,
        "owner_form",
        OwnerForm(request.POST, user=request.user),
        lambda values, at: ownership.assign_owner(customer, user=values["to"], by=request.user, at=at),
        done=_("The customer has a new owner."),
    )


def measure_groups(
    customer: Customer, *, today: int, firm: Company, spark: dict[str, list[int]]
) -> list[Group]:
    """Return the customer's current measures by source, formatted, those worth it with bars."""
    values = compute.values_of([customer.pk]).get(customer.pk)
    if values is None:
        return []
    language = get_language() or "en"
    groups = {code: Group(str(source.label)) for code, source in measures.registry.sources().items()}
    for measure in measures.every().values():
        value = measure.read(values, today=today)
        text = format_value(measure, value, currency=firm.base_currency, language=language)
        bars = spark.get(measure.spark) if measure.spark else None
        groups[measure.source].rows.append(Shown(str(measure.label), text, str(measure.help), bars))
    return [group for group in groups.values() if group.rows]


def own_group(customer: Customer, terms: list[measures.own.OwnTerm], *, at: datetime) -> list[Group]:
    """Return the customer's own measures, formatted; nothing, and no query, where there are none."""
    values = measures.own.values_of([customer.pk], terms, at=at).get(customer.pk, {})
    if not values:
        return []
    group = Group(_("Own measures"))
    group.rows.extend(Shown(term.label, term.text(values[term.key]), term.help, None) for term in terms)
    return [group]


def attributes_of(rows: Iterable[Any], *, language: str) -> list[tuple[str, str]]:
    """Return the customer's own attributes, oldest value first, as pairs of label and newest value."""
    newest = {row.attribute__code: row for row in rows}
    label = "attribute__label_zh" if language.startswith("zh") else "attribute__label_en"
    rest = [(getattr(row, label), _value_of(row)) for _code, row in sorted(newest.items())]
    return [(name, value) for name, value in rest if value != "—"]


def _value_of(row: Any) -> str:
    if row.number is not None:
        return f"{row.number.normalize():,f}"
    if row.day is not None:
        return date_format(day_of(row.day), "DATE_FORMAT")
    if row.choice:
        return Attribute(choice_labels=row.attribute__choice_labels).label_of(row.choice)
    return row.text or "—"


def _page(request: HttpRequest, customer: Customer, **bound: forms.Form) -> HttpResponse:
    at, firm = clock.now(), company.current()
    today = company.today(at, firm).number
    rows = gathered(alike=alike(customer, request.user), **_lists(customer, request.user, today=today))
    contacts = contacts_of(rows)
    context: dict[str, Any] = {
        "customer": customer,
        "contacts": contacts,
        "now": at,
        "currency": firm.base_currency,
        "attributes": attributes_of(rows["attributes"], language=get_language() or "en"),
        "groups": [
            *measure_groups(customer, today=today, firm=firm, spark=history(customer.pk, at=at)),
            *own_group(customer, [measures.own.read(row) for row in rows["own"]], at=at),
        ],
        "as_of": max(row.as_of for row in rows["measured"] + rows["swept"]) if rows["measured"] else None,
        "page": _timeline(request, customer),
        "objection": next(iter(rows["objections"]), None),
        "cases": [_case(row) for row in rows["cases"]],
        "complaints": _complaints(rows),
        "loops": card_of(LoopClosure.objects.visible_to(request.user).filter(customer=customer)),  # type: ignore[attr-defined]
        "may_work": request.user.role in WORKERS,
        "may_assign": cases.may_assign(request.user),
        "duplicates": hints(customer, rows["alike"]),
        "may_merge": request.user.role in MAY_MERGE,
        "interaction_form": InteractionForm(
            customer=customer,
            contacts=contacts,
            initial={"contact": next((contact.pk for contact in contacts), None)},
        ),
        "complaint_form": ComplaintForm(customer=customer, contacts=contacts),
        "case_form": OpenCaseForm(),
        "plan_form": PlanWithForm(),
        "reminder_form": ReminderForm(),
        "reminders": rows["reminders"],
        "points": _points(rows),
        "owner_form": OwnerForm(user=request.user),
        **bound,
    }
    context["open_case"] = next((case for case in context["cases"] if case.is_open), None)
    context["open_sheet"] = next(iter(bound), "")
    return render(request, "retention/customer.html", context, status=422 if bound else 200)


def _lists(customer: Customer, user: User, *, today: int) -> dict[str, QuerySet[Any, Any]]:
    """Return what the page lists beside measures and timeline."""
    given = AttributeValue.objects.filter(customer=customer, void=False).order_by("occurred_at", "pk")
    opened = RetentionCase.objects.filter(customer=customer).order_by("-opened_at")
    complained = Complaint.objects.filter(customer=customer, void=False).order_by("state", "-occurred_at")
    mine = Reminder.objects.visible_to(user).waiting().filter(customer=customer)  # type: ignore[attr-defined]
    label = ("attribute__code", "attribute__label_en", "attribute__label_zh", "attribute__choice_labels")
    return {
        "contacts": customer.contacts.all()[:MOST_CONTACTS].values(*OF_CONTACT),
        "uncalled": customer.contacts.filter(consents.asked_not_to_be_called())[:MOST_CONTACTS].values("id"),
        "dead": DeadAddress.objects.filter(customer=customer)[:MOST_CONTACTS].values(
            "contact_id", "channel", "address"
        ),
        "objections": objections.standing_of(customer).select_related(None)[:1].values("occurred_at"),
        "attributes": given.values("number", "day", "choice", "text", *label),
        "measured": CustomerMeasures.objects.filter(customer=customer).values("as_of"),
        "swept": MeasureState.objects.filter(id=1).values("as_of"),  # rows that would be the same stay
        "cases": opened[:MOST_CASES].values(*_OF_CASE, *_OF_ASSIGNEE),
        "complaints": complained[:MOST_COMPLAINTS].values(*_OF_COMPLAINT),
        "readings": TextReading.objects.filter(
            subject_kind="complaint", subject_id__in=complained[:MOST_COMPLAINTS].values("id")
        ).values(*OF_READING),
        "causes": causes.in_order().values(*OF_CAUSE, "is_retired", "parent__is_retired")[: causes.MOST],
        "own": OwnMeasure.objects.filter(retired_at=None).values(*measures.own.OF_TERM)[: making.MOST],
        "reminders": mine[:MOST_REMINDERS].values("id", "text", "due_at"),
        **_points_of(customer, today=today),
    }


def _points_of(customer: Customer, *, today: int) -> dict[str, QuerySet[Any, Any]]:
    """Return the programme that runs, the customer's account in it, and what of it expires next."""
    runs = Programme.objects.exclude(state=Programme.State.DRAFT)
    account = PointsAccount.objects.filter(customer=customer, programme__in=runs.values("pk"))
    lots = PointsLot.objects.filter(account__in=account.values("pk"), left__gt=0, is_pending=False)
    return {
        "programmes": runs[:1].values("id"),
        "accounts": account[:1].values(
            "id", "balance", "pending", "debt", "grace_until_day", "tier__name", "tier__name_alt"
        ),
        "lots": lots.filter(expires_day__gte=today).order_by("expires_day", "pk")[:1].values("expires_day"),
    }


def _points(rows: dict[str, list[Any]]) -> dict[str, Any] | None:
    """Return what the page shows of the customer's points; nothing while no programme runs."""
    if not rows["programmes"]:
        return None
    account = next(iter(rows["accounts"]), None)
    tier = None
    if account is not None and account.tier__name:
        tier = Tier(name=account.tier__name, name_alt=account.tier__name_alt)
    return {
        "account": account,
        "tier": called(tier) if tier is not None else "",
        "expires_day": next((lot.expires_day for lot in rows["lots"]), None),
    }


def _complaints(rows: dict[str, list[Any]]) -> list[tuple[Complaint, list[tuple[Chip, dict[str, str]]]]]:
    """Return the complaints, each with what its text says and what else may be said."""
    shown = chips(rows["readings"], rows["causes"])
    names = names_of(rows["causes"])
    may = {
        Aspect.SENTIMENT.value: text.answers(Aspect.SENTIMENT),
        Aspect.URGENCY.value: text.answers(Aspect.URGENCY),
        Aspect.CAUSE.value: {
            row.code: names[f"{Aspect.CAUSE}:{row.code}"]
            for row in rows["causes"]
            if row.code != causes.UNKNOWN and not row.is_retired and not row.parent__is_retired
        },
    }
    return [
        (
            Complaint(**vars(row)),
            [(chip, may[chip.aspect]) for chip in shown.get(("complaint", row.id), [])],
        )
        for row in rows["complaints"]
    ]


def _case(row: Any) -> RetentionCase:
    case = RetentionCase(**{name: getattr(row, name) for name in _OF_CASE})
    if row.assignee_id is not None:
        parts = {name.removeprefix("assignee__"): getattr(row, name) for name in _OF_ASSIGNEE}
        case.assignee = User(pk=row.assignee_id, **parts)
    return case


def _timeline(request: HttpRequest, customer: Customer) -> Page:
    try:
        return told(customer, before=request.GET.get("before", ""))
    except UnknownPlace:
        return told(customer)


def _act(
    request: HttpRequest, customer: Customer, name: str, form: forms.Form, verb: Verb, *, done: str
) -> HttpResponse:
    return act(
        request,
        form,
        verb,
        done=done,
        back=("retention:customer", customer.pk),
        again=lambda: _page(request, customer, **{name: form}),
    )

"""Two customers side by side: which values stay, what moves, and taking a merge back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import merges, regions
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from customers.models import (
    Complaint,
    Contact,
    Contract,
    Customer,
    DuplicateProposal,
    ExternalRef,
    Interaction,
    Merge,
    Order,
)
from retention.models import EarlyWarning, RetentionCase

MAY_MERGE = ("team_lead", "admin")
MINE, THEIRS = "mine", "theirs"
CHOICES = [(MINE, MINE), (THEIRS, THEIRS)]
MOST_CONTACTS = 20
CHOSEN = tuple(name for name in merges.FIELDS if name != "country")  # the country comes with the region


@dataclass(frozen=True)
class Line:
    """One field of both files; ``field`` is the choice between them, nothing where they agree."""

    label: str
    mine: str
    theirs: str
    field: forms.BoundField | None = None


class MergeForm(forms.Form):
    """Whose value stays, for each field in which the two files differ, and why they are one."""

    reason = forms.CharField(
        label=gettext_lazy("How do you know that they are one?"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
    )

    def __init__(self, *args: Any, survivor: Customer, other: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.survivor, self.other = survivor, other
        for name in (*CHOSEN, "owner"):
            if getattr(survivor, name) != getattr(other, name):
                self.fields[f"of_{name}"] = forms.ChoiceField(
                    choices=CHOICES,
                    required=False,
                    initial=THEIRS if getattr(survivor, name) in (None, "") else MINE,
                )

    def lines(self) -> Iterator[Line]:
        """Give the fields of both files in which anything stands."""
        for name in ("name", "owner", *(name for name in CHOSEN if name != "name")):
            mine, theirs = shown(self.survivor, name), shown(self.other, name)
            if mine != "—" or theirs != "—":
                label = str(Customer._meta.get_field(name).verbose_name) if name != "owner" else _("Owner")  # type: ignore[union-attr]
                field = self[f"of_{name}"] if f"of_{name}" in self.fields else None
                yield Line(label[:1].upper() + label[1:], mine, theirs, field)

    def values(self) -> dict[str, Any]:
        """Return what shall stand in the survivor's file and does not yet."""
        taken = {
            name.removeprefix("of_"): getattr(self.other, name.removeprefix("of_"))
            for name, choice in self.cleaned_data.items()
            if name.startswith("of_") and choice == THEIRS
        }
        return {**taken, "country": self.other.country} if "region" in taken else taken


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*MAY_MERGE)
def customer_merge(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """Show two customers side by side; merge the second into the first."""
    visible = Customer.objects.visible_to(request.user).select_related("owner", "team", "parent")  # type: ignore[attr-defined]
    survivor, gone = get_object_or_404(visible, pk=pk), get_object_or_404(visible, pk=other)
    form = MergeForm(request.POST or None, survivor=survivor, other=gone)
    if request.method == "POST" and form.is_valid():
        try:
            merge = merges.merge_customers(
                survivor,
                gone,
                values=form.values(),
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The two are one customer now. You may take that back for 30 days."))
            return redirect("retention:merge", pk=merge.pk)
    return _compared(request, survivor, gone, form)


@require_safe
@allow(*MAY_MERGE)
def merge_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one merge: what moved, and whether it may still be taken back."""
    return _merge(request, _merge_of(request, pk))


@require_POST
@allow(*MAY_MERGE)
def merge_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a merge back."""
    merge = _merge_of(request, pk)
    try:
        merges.undo_merge(merge, by=request.user, at=clock.now())
    except Refused as refusal:
        return _merge(request, _merge_of(request, pk), refused=str(refusal))
    messages.success(request, _("They are two customers again."))
    return redirect("retention:merge", pk=merge.pk)


def shown(customer: Customer, name: str) -> str:
    """Return a field of a customer's file as it is read."""
    if name == "region":
        names = [
            regions.country_name(customer.country),
            *regions.region_names(customer.country, customer.region),
        ]
        return " · ".join(filter(None, names)) if customer.country else "—"
    display = getattr(customer, f"get_{name}_display", None)
    value = display() if display and getattr(customer, name) else getattr(customer, name)
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value) if value not in (None, "") else "—"


def _compared(request: HttpRequest, survivor: Customer, other: Customer, form: MergeForm) -> HttpResponse:
    mine, theirs = _what_stands(survivor), _what_stands(other)
    both = [survivor.pk, other.pk]
    opened = RetentionCase.objects.filter(customer__in=both).open().select_related("assignee")  # type: ignore[attr-defined]
    cases = list(opened.order_by("opened_at", "pk"))
    low, high = sorted(both)
    proposal = DuplicateProposal.objects.filter(low=low, high=high).first()
    context = {
        "survivor": survivor,
        "other": other,
        "form": form,
        "lines": list(form.lines()),
        "counts": [(label, mine[key], theirs[key]) for key, label in _labels().items()],
        "contacts": (_contacts(survivor), _contacts(other)),
        "cases": cases,
        "staying": cases[0] if len(cases) == 2 else None,
        "proposal": proposal,
        "crumbs": _crumbs(),
        "now": clock.now(),
    }
    return render(request, "retention/customer_merge.html", context, status=422 if form.errors else 200)


def _labels() -> dict[str, str]:
    return {
        "orders": _("Orders"),
        "interactions": _("Contacts logged"),
        "complaints": _("Complaints"),
        "contracts": _("Contracts"),
        "cases": _("Cases"),
        "warnings": _("Warnings"),
        "names": _("Names in other systems"),
    }


def _what_stands(customer: Customer) -> dict[str, int]:
    """Return how much of each kind stands with a customer; one query."""
    facts: dict[str, Any] = {"customer": customer, "void": False}
    lists: dict[str, QuerySet[Any]] = {
        "orders": Order.objects.filter(**facts),
        "interactions": Interaction.objects.filter(**facts),
        "complaints": Complaint.objects.filter(**facts),
        "contracts": Contract.objects.filter(**facts),
        "cases": RetentionCase.objects.filter(customer=customer),
        "warnings": EarlyWarning.objects.filter(customer=customer, case__isnull=False),
        "names": ExternalRef.objects.filter(kind="customer", object_id=customer.pk),
    }
    return counted(**lists)


def _contacts(customer: Customer) -> list[Contact]:
    return list(customer.contacts.all()[:MOST_CONTACTS])


def _merge_of(request: HttpRequest, pk: int) -> Merge:
    visible = Merge.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return get_object_or_404(visible.select_related("survivor", "merged", "by", "undone_by"), pk=pk)


def _merge(request: HttpRequest, merge: Merge, *, refused: str = "") -> HttpResponse:
    at = clock.now()
    is_open = merge.undone_at is None and at <= merges.until(merge)
    context = {
        "merge": merge,
        "refused": refused,
        "until": merges.until(merge),
        "may_undo": is_open,
        "forbidden": merges.what_forbids_undo(merge) if is_open else [],
        "rows": sum(merge.moved.values()),
        "crumbs": _crumbs(),
        "now": at,
    }
    return render(request, "retention/merge.html", context, status=422 if refused else 200)


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Duplicates"), reverse("retention:duplicate_list"))]

"""The interviews with one customer, and beginning one: from its page, a loss, or a planned call."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from customers import company, consents
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Interaction
from retention import interviews
from retention.models import FollowUpCall, Loss, LossCause
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.dealing_forms import ListedField
from retention.pages.file.customer import customer_of
from retention.pages.forms import WORKERS
from surveys.models import Guide, Interview, Purpose

PAGE = 20


class LossField(ListedField):
    """One of the customer's losses, called by when it began."""

    def label_from_instance(self, obj: Any) -> str:
        """Return since when the customer is, or was, lost."""
        zone = company.current().time_zone
        day = localtime.to_local(obj.occurred_at, zone).date().isoformat()
        if obj.ended_at is None:
            return _("lost since %(day)s") % {"day": day}
        returned = localtime.to_local(obj.ended_at, zone).date().isoformat()
        return _("lost %(day)s, returned %(returned)s") % {"day": day, "returned": returned}


class BeginForm(forms.Form):
    """By which guide, with whom, how, and what for."""

    guide = ListedField(label=gettext_lazy("Guide"), queryset=Guide.objects.none(), empty_label=None)
    contact = ListedField(
        label=gettext_lazy("With whom"), queryset=Contact.objects.none(), required=False, empty_label="—"
    )
    kind = forms.ChoiceField(
        label=pgettext_lazy("one speaks", "How"),
        choices=Interaction.Kind.choices,
        initial=Interaction.Kind.CALL,
    )
    loss = LossField(
        label=gettext_lazy("About which loss"),
        queryset=Loss.objects.none(),
        required=False,
        empty_label=gettext_lazy("the one that stands when it is held"),
        help_text=gettext_lazy("For an exit interview: the causes that are named are written on it."),
    )
    is_call = forms.BooleanField(
        label=gettext_lazy("This is the planned call"),
        required=False,
        help_text=gettext_lazy("It is logged as reached when the interview is finished."),
    )

    def __init__(self, *args: Any, customer: Customer, call: FollowUpCall | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["guide"].queryset = Guide.objects.filter(is_retired=False).order_by("code")
        fields["contact"].queryset = customer.contacts.filter(erased_at=None, left_on=None).order_by(
            "-is_main", "name", "pk"
        )
        theirs = Loss.objects.filter(customer=customer).order_by("-occurred_at", "-pk")
        fields["loss"].queryset = theirs
        if not theirs.exists():
            del fields["loss"]
        if call is None:
            del fields["is_call"]


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SEES_CUSTOMERS)
def customer_interviews(request: HttpRequest, pk: int) -> HttpResponse:
    """List the interviews with a customer; begin one."""
    customer = customer_of(request.user, pk)
    call = _planned(customer)
    may_work = request.user.role in WORKERS and not customer.erased_at
    if request.method != "POST" or not may_work:
        form = BeginForm(customer=customer, call=call, initial=_initial(request, customer, call))
        status = 200 if request.method != "POST" else 403
        return _page(request, customer, form, may_work=may_work, status=status)
    form = BeginForm(request.POST, customer=customer, call=call)
    if form.is_valid():
        data = form.cleaned_data
        try:
            interview = interviews.begin(
                customer,
                data["guide"],
                contact=data["contact"],
                kind=data["kind"],
                loss=data.get("loss"),
                call=call if data.get("is_call") else None,
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("surveys:interview", interview.pk)
    return _page(request, customer, form, may_work=may_work, status=422)


def _initial(request: HttpRequest, customer: Customer, call: FollowUpCall | None) -> dict[str, Any]:
    """Return what the form begins with: who came from a loss or a call speaks about that."""
    main = customer.contacts.filter(is_main=True, erased_at=None).first()
    purpose = Purpose.EXIT if "loss" in request.GET else Purpose.RELATIONSHIP
    guide = Guide.objects.filter(is_retired=False, purpose=purpose).order_by("code").first()
    return {
        "contact": main and main.pk,
        "loss": request.GET.get("loss"),
        "guide": guide and guide.pk,
        "is_call": call is not None and "call" in request.GET,
        "kind": Interaction.Kind.CALL,
    }


def _planned(customer: Customer) -> FollowUpCall | None:
    planned = FollowUpCall.objects.filter(customer=customer, status=FollowUpCall.Status.PLANNED)
    return planned.order_by("due_at", "pk").first()


def _page(
    request: HttpRequest, customer: Customer, form: BeginForm, *, may_work: bool, status: int = 200
) -> HttpResponse:
    rows = Interview.objects.filter(customer=customer).select_related("guide", "contact", "ended_by", "by")
    page = Paginator(rows.defer("draft").order_by("-id"), PAGE).get_page(request.GET.get("page"))
    named: dict[int, list[Any]] = {}
    stated = LossCause.objects.filter(interview__in=[row.pk for row in page], withdrawn_at=None)
    for one in stated.select_related("cause", "loss").order_by("pk"):
        named.setdefault(one.interview_id, []).append(one)
    for row in page:
        row.stated = named.get(row.pk, [])  # type: ignore[attr-defined]
    context = {
        "customer": customer,
        "page": page,
        "form": form,
        "may_work": may_work,
        "guides": Guide.objects.filter(is_retired=False).exists(),
        "uncalled": customer.contacts.filter(consents.asked_not_to_be_called(), erased_at=None)[:5],
    }
    return render(request, "retention/interviews.html", context, status=status)

"""What a customer was asked and answered; asking one of its people by a message, or by a link."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Channel, Contact, Customer
from customers.models.channels import SENDABLE
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.file.customer import customer_of
from retention.pages.forms import WORKERS
from surveys import invitations, sending
from surveys.models import Invitation, Survey, SurveyDispatch, SurveyResponse
from surveys.pages.telling import verdict

PAGE = 20
SENDING = "send"  # before the names of the form's fields: the form for a link stands on the same page


class LinkForm(forms.Form):
    """Who is asked what."""

    survey = forms.ModelChoiceField(label=gettext_lazy("Survey"), queryset=Survey.objects.none())
    contact = forms.ModelChoiceField(label=gettext_lazy("Who"), queryset=Contact.objects.none())

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["survey"].queryset = Survey.objects.filter(status=Survey.Status.LIVE).defer("draft")
        fields["contact"].queryset = customer.contacts.filter(erased_at=None, left_on=None)


class SendForm(LinkForm):
    """Who is asked what, and by which way."""

    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        choices=[(str(one), one.label) for one in SENDABLE],
        initial=Channel.EMAIL,
    )


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_surveys(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a customer was asked and answered, newest first."""
    customer = customer_of(request.user, pk)
    return _page(request, customer, LinkForm(customer=customer))


@never_cache
@require_POST
@allow(*WORKERS)
def customer_surveys_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link for one person; it is shown now and never again."""
    customer = customer_of(request.user, pk)
    form = LinkForm(request.POST, customer=customer)
    if form.is_valid():
        try:
            _invitation, token = invitations.invite(
                form.cleaned_data["survey"],
                form.cleaned_data["contact"],
                by=request.user,
                now=clock.real_now(),
                at=clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            address = settings.PUBLIC_BASE_URL + reverse("surveys:answer", args=[token])
            return _page(request, customer, LinkForm(customer=customer), address=address)
    return _page(request, customer, form, status=422)


@require_POST
@allow(*WORKERS)
def customer_surveys_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask one person by a message, and say what became of it."""
    customer = customer_of(request.user, pk)
    form = SendForm(request.POST, customer=customer, prefix=SENDING)
    if form.is_valid():
        asked = form.cleaned_data
        try:
            dispatch = sending.send_by_hand(
                asked["contact"],
                asked["survey"],
                channel=asked["channel"],
                by=request.user,
                now=clock.real_now(),
                at=clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            said = verdict(dispatch)
            levels = {"success": messages.SUCCESS, "warning": messages.WARNING, "error": messages.ERROR}
            messages.add_message(request, levels[said.tone], said.text)
            return redirect("retention:customer_surveys", customer.pk)
    return _page(request, customer, LinkForm(customer=customer), send_form=form, status=422)


@require_POST
@allow(*WORKERS)
def customer_surveys_take_back(request: HttpRequest, pk: int, dispatch: int) -> HttpResponse:
    """Do not send an invitation that still waits."""
    customer = customer_of(request.user, pk)
    found = get_object_or_404(
        SurveyDispatch.objects.select_related("reservation"), customer=customer, pk=dispatch
    )
    try:
        sending.take_back(found, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("It is not sent."))
    return redirect("retention:customer_surveys", customer.pk)


@require_POST
@allow(*WORKERS)
def customer_surveys_revoke(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    """Let a link open nothing from now on."""
    customer = customer_of(request.user, pk)
    found = get_object_or_404(Invitation, customer=customer, pk=invitation)
    invitations.revoke(found, by=request.user, now=clock.real_now(), at=clock.now())
    return _page(request, customer, LinkForm(customer=customer))


def _page(
    request: HttpRequest,
    customer: Customer,
    form: LinkForm,
    *,
    send_form: SendForm | None = None,
    address: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "customer": customer,
        "page": Paginator(_asked(customer), PAGE).get_page(request.GET.get("page")),
        "unsent": Paginator(_unsent(customer), PAGE).get_page(request.GET.get("unsent")),
        "form": form,
        "send_form": send_form or SendForm(customer=customer, prefix=SENDING),
        "address": address,
        "may_work": request.user.role in WORKERS and not customer.erased_at,
        "real_now": clock.real_now(),
    }
    return render(request, "retention/surveys.html", context, status=status)


def _asked(customer: Customer) -> QuerySet[Invitation]:
    """Return the links by which its people were asked, and the open ones where they said who they are."""
    theirs = Invitation.objects.filter(customer=customer).order_by().values("pk")
    stated = SurveyResponse.objects.filter(customer=customer).order_by().values("invitation")
    rows = Invitation.objects.filter(pk__in=theirs.union(stated)).defer("survey__draft", "answers")
    return (
        rows.select_related("survey", "contact", "response__contact", "by", "link")
        .select_related("dispatch__reservation__message", "dispatch__reminder__message")
        .prefetch_related("response__answers")
        .order_by("-id")
    )


def _unsent(customer: Customer) -> QuerySet[SurveyDispatch]:
    """Return what waits to be asked by a message, or was not sent."""
    rows = SurveyDispatch.objects.filter(customer=customer, invitation=None).defer("survey__draft")
    return rows.select_related("survey", "contact", "reservation", "by").order_by("-id")

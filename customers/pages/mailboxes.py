"""Mailboxes: set up by admins, tried out, put into use; what became of the newest letters."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.channels import mailing
from customers.ground import clock
from customers.ground.errors import Refused
from customers.letters import mailboxes
from customers.models import FeedbackKind, Mailbox

LETTERS = 20


class MailboxForm(forms.Form):
    """Where letters lie, and what they are."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    kind = forms.ChoiceField(
        label=gettext_lazy("Letters are, unless somebody says otherwise"),
        choices=FeedbackKind.choices,
        initial=FeedbackKind.QUESTION,
        help_text=gettext_lazy("Only a complaint opens a recovery case."),
    )
    host = forms.CharField(
        label=gettext_lazy("Mail server"),
        max_length=253,
        help_text=gettext_lazy("For example imap.example.com."),
    )
    port = forms.IntegerField(label=gettext_lazy("Port"), min_value=1, max_value=65535, initial=993)
    security = forms.ChoiceField(
        label=gettext_lazy("Encryption"),
        choices=[
            (mailing.TLS, "TLS"),
            (mailing.STARTTLS, "STARTTLS"),
            (mailing.NONE, gettext_lazy("none (own networks only)")),
        ],
    )
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Never shown again. Empty: it stays as it is."),
    )
    folder = forms.CharField(
        label=gettext_lazy("Folder"),
        max_length=200,
        initial="INBOX",
        help_text=gettext_lazy("It is read and never changed."),
    )

    def said(self) -> dict[str, Any]:
        """Return what was written, by the names of the verbs."""
        config = {key: value for key, value in self.cleaned_data.items() if key not in _BESIDE}
        return {"config": config, **{key: self.cleaned_data[key] for key in _BESIDE}}


_BESIDE = ("name", "kind", "password")


@require_safe
@allow("admin")
def mailbox_list(request: HttpRequest) -> HttpResponse:
    """List the mailboxes with when each was looked into."""
    rows = Mailbox.objects.order_by("-is_active", "name", "pk")
    return render(request, "customers/letters/list.html", {"rows": rows, "most": mailboxes.MOST})


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def mailbox_new(request: HttpRequest) -> HttpResponse:
    """Add a mailbox."""
    form = MailboxForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = mailboxes.add_mailbox(**form.said(), by=request.user, at=clock.now())
        except Refused as refusal:
            _tell(form, refusal)
        else:
            messages.success(request, _("Added. Try it out, then put it into use."))
            return redirect("customers:mailbox", pk=row.pk)
    return render(request, "customers/letters/new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def mailbox(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and change a mailbox, with what became of the newest letters."""
    row = get_object_or_404(Mailbox, pk=pk)
    stands = {"name": row.name, "kind": row.kind, **row.config}
    form = MailboxForm(request.POST or None, initial=stands)
    if request.method == "POST" and form.is_valid():
        try:
            mailboxes.change_mailbox(row, **form.said(), by=request.user, at=clock.now())
        except Refused as refusal:
            _tell(form, refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:mailbox", pk=pk)
    context = {
        "mailbox": row,
        "form": form,
        "letters": row.letters.select_related("unknown").order_by("-pk")[:LETTERS],
    }
    return render(request, "customers/letters/mailbox.html", context, status=422 if form.errors else 200)


@require_POST
@allow("admin")
def mailbox_try(request: HttpRequest, pk: int) -> HttpResponse:
    """Look into a mailbox at once and take nothing."""
    row = get_object_or_404(Mailbox, pk=pk)
    trouble = mailboxes.try_out(row, by=request.user, at=clock.now())
    if trouble:
        messages.error(request, _("It does not work: %(why)s.") % {"why": row.get_trouble_display()})
    else:
        messages.success(request, _("It works: the folder can be read."))
    return redirect("customers:mailbox", pk=pk)


@require_POST
@allow("admin")
def mailbox_use(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a mailbox into use, or out of it."""
    row = get_object_or_404(Mailbox, pk=pk)
    is_active = request.POST.get("active") == "1"
    mailboxes.use_mailbox(row, is_active=is_active, by=request.user, at=clock.now())
    said = _("“%(name)s” is in use now.") if is_active else _("“%(name)s” is not in use any more.")
    messages.success(request, said % {"name": row.name})
    return redirect("customers:mailbox", pk=pk)


def _tell(form: MailboxForm, refusal: Refused) -> None:
    field = getattr(refusal, "field", None)
    form.add_error(field if field in form.fields else None, str(refusal))

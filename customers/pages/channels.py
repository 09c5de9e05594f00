"""Channels: the senders that admins set up and try out, and the messages that left by them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import ANYBODY_SIGNED_IN, allow
from customers.channels import filling, mailing, senders, signing, writing
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Channel, Message, Sender
from customers.models.channels import SENDABLE

PAGE = 50
TESTS = 5
LINES = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"})


class PairsField(forms.CharField):
    """Lines of a name and a value with a mark between them."""

    def __init__(self, mark: str = "=", **kwargs: Any) -> None:
        self.mark = mark
        super().__init__(widget=LINES, required=False, max_length=10_000, **kwargs)

    def to_python(self, value: Any) -> list[list[str]]:  # type: ignore[override]
        """Return the pairs."""
        pairs = []
        for line in filter(None, map(str.strip, (super().to_python(value) or "").splitlines())):
            name, mark, said = line.partition(self.mark)
            if not mark or not name.strip():
                raise ValidationError(
                    _("Write a line name%(mark)svalue for each.") % {"mark": self.mark}, code="pair"
                )
            pairs.append([name.strip(), said.strip()])
        return pairs

    def prepare_value(self, value: Any) -> Any:
        """Return the lines as they are written."""
        return "\n".join(self.mark.join(pair) for pair in value) if isinstance(value, list) else value


class WordsField(forms.CharField):
    """Codes with blanks or commas between them."""

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        """Return the codes."""
        return (super().to_python(value) or "").replace(",", " ").split()

    def prepare_value(self, value: Any) -> Any:
        """Return the codes as they are written."""
        return " ".join(value) if isinstance(value, list) else value


class SenderForm(forms.Form):
    """What every sender has."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)

    def split(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the configuration and the secrets that were written."""
        raise NotImplementedError


class SmtpForm(SenderForm):
    """A mail server."""

    host = forms.CharField(
        label=gettext_lazy("Mail server"),
        max_length=253,
        help_text=gettext_lazy("For example smtp.example.com."),
    )
    port = forms.IntegerField(label=gettext_lazy("Port"), min_value=1, max_value=65535, initial=587)
    security = forms.ChoiceField(
        label=gettext_lazy("Encryption"),
        choices=[
            (mailing.STARTTLS, "STARTTLS"),
            (mailing.TLS, "TLS"),
            (mailing.NONE, gettext_lazy("none (own networks only)")),
        ],
    )
    username = forms.CharField(label=gettext_lazy("User name"), max_length=200, required=False)
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Never shown again. Empty: it stays as it is."),
    )
    from_name = forms.CharField(label=gettext_lazy("Sender's name"), max_length=100, required=False)
    from_address = forms.EmailField(label=gettext_lazy("Sender's address"), max_length=200)
    reply_to = forms.EmailField(label=gettext_lazy("Replies go to"), max_length=200, required=False)

    def split(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the configuration and the password, if one was written."""
        config = {key: value for key, value in self.cleaned_data.items() if key not in ("name", "password")}
        password = self.cleaned_data["password"]
        return config, {senders.PASSWORD: password} if password else {}


class HttpForm(SenderForm):
    """An address that takes messages by HTTP."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2000,
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy("It is called by POST; no redirect is followed."),
    )
    body_kind = forms.ChoiceField(
        label=gettext_lazy("Body"), choices=[("json", "JSON"), ("form", gettext_lazy("form"))]
    )
    body = forms.CharField(
        label=gettext_lazy("Body template"),
        max_length=senders.MOST_BODY,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "JSON, or a line name=value for each field of a form. Placeholders: {{to}} {{text}} {{subject}} "
            "{{template_id}} {{params}} {{param.NAME}} {{message_id}} {{secret.NAME}}."
        ),
    )
    headers = PairsField(
        ":",
        label=gettext_lazy("Headers"),
        help_text=gettext_lazy("A line each: Name: {{secret.NAME}}."),
    )
    secrets = PairsField(
        label=gettext_lazy("Secrets"),
        help_text=gettext_lazy(
            "A line name=value each. Never shown again. What is not named stays, an empty value removes."
        ),
    )
    signature = forms.ChoiceField(
        label=gettext_lazy("Signature"),
        choices=[
            (signing.Signature.NONE, gettext_lazy("none")),
            (signing.Signature.HMAC, "HMAC-SHA256 (signing_key)"),
            (signing.Signature.STANDARD, gettext_lazy("Standard Webhooks (signing_key)")),
            (signing.Signature.ALIYUN, gettext_lazy("Aliyun (access_key_id, access_key_secret)")),
            (signing.Signature.TENCENT, gettext_lazy("Tencent Cloud (secret_id, secret_key)")),
        ],
    )
    templates = PairsField(
        label=gettext_lazy("Template ids"),
        help_text=gettext_lazy("A line each: our template=the provider's id."),
    )
    default_template = forms.CharField(
        label=gettext_lazy("Template id of everything else"), max_length=100, required=False
    )
    ok_path = forms.CharField(
        label=gettext_lazy("Where the answer says that all is well"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("For example Response.SendStatusSet.0.Code. Empty: status 2xx will do."),
    )
    ok_value = forms.CharField(label=gettext_lazy("What it says there"), max_length=100, required=False)
    id_path = forms.CharField(
        label=gettext_lazy("Where the provider's number of the message stands"),
        max_length=200,
        required=False,
    )
    code_path = forms.CharField(
        label=gettext_lazy("Where the code of a failure stands"), max_length=200, required=False
    )
    retry_codes = WordsField(label=gettext_lazy("Codes to be tried again"), max_length=2000, required=False)
    dead_codes = WordsField(
        label=gettext_lazy("Codes of an address that does not work"), max_length=2000, required=False
    )

    def split(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the configuration and the secrets that were written."""
        data = dict(self.cleaned_data)
        secrets, data["templates"] = dict(data.pop("secrets")), dict(data["templates"])
        data.pop("name")
        return data, secrets


FORMS: dict[str, type[SenderForm]] = {Sender.Kind.SMTP: SmtpForm, Sender.Kind.HTTP: HttpForm}


class TestForm(forms.Form):
    """Where a test goes."""

    to = forms.CharField(
        label=gettext_lazy("Send a test to"), max_length=254, widget=forms.TextInput({"autocomplete": "off"})
    )


@require_safe
@allow("admin")
def channel_list(request: HttpRequest) -> HttpResponse:
    """Show by which sender each channel leaves, and all senders."""
    rows = list(Sender.objects.order_by("channel", "-is_active", "name", "pk"))
    used = {row.channel: row for row in rows if row.is_active}
    ways = [(channel.label, used.get(channel)) for channel in SENDABLE]
    return render(request, "customers/channels/list.html", {"rows": rows, "ways": ways, "now": clock.now()})


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def sender_new(request: HttpRequest, channel: str, kind: str) -> HttpResponse:
    """Add a sender of one channel and kind."""
    if kind not in FORMS or channel not in SENDABLE or (kind == "smtp" and channel != Channel.EMAIL):
        raise Http404
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        config, secrets = form.split()
        try:
            sender = senders.add_sender(
                name=form.cleaned_data["name"],
                channel=channel,
                kind=kind,
                config=config,
                secrets=secrets,
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            _tell(form, refusal)
        else:
            messages.success(request, _("Added. Send a test, then put it into use."))
            return redirect("customers:sender", pk=sender.pk)
    context = {"form": form, "channel": Channel(channel).label}
    return render(request, "customers/channels/new.html", context, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def sender(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and change a sender, with the tests it was put to."""
    row = get_object_or_404(Sender, pk=pk)
    form = FORMS[row.kind](request.POST or None, initial=_stands(row))
    if request.method == "POST" and form.is_valid():
        config, secrets = form.split()
        try:
            senders.change_sender(
                row,
                name=form.cleaned_data["name"],
                config=config,
                secrets=secrets,
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            _tell(form, refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:sender", pk=pk)
    return _show(request, row, form=form)


@require_POST
@allow("admin")
def sender_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test by a sender; what the provider answers is shown on its page."""
    row = get_object_or_404(Sender, pk=pk)
    form = TestForm(request.POST, auto_id="test_%s")
    if form.is_valid():
        try:
            writing.try_out(row, to=form.cleaned_data["to"], by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("to", str(refusal))
        else:
            messages.success(request, _("The test is on its way. Load the page again to see the answer."))
            return redirect(reverse("customers:sender", args=[pk]) + "#tests")
    return _show(request, row, test=form)


@require_POST
@allow("admin")
def sender_use(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a sender into use, or out of it."""
    row = get_object_or_404(Sender, pk=pk)
    is_active = request.POST.get("active") == "1"
    try:
        senders.use_sender(row, is_active=is_active, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        said = _("“%(name)s” is in use now.") if is_active else _("“%(name)s” is not in use any more.")
        messages.success(request, said % {"name": row.name})
    return redirect("customers:sender", pk=pk)


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def message_list(request: HttpRequest) -> HttpResponse:
    """List the messages to customers that one sees; ``?state=``, ``?customer=``, ``?before=`` pages them."""
    found = writing.history(Message.objects.visible_to(request.user))  # type: ignore[attr-defined]
    asked = request.GET.get("state", "")
    state = asked if asked in Message.State.values else ""
    customer, before = whole(request.GET.get("customer")), whole(request.GET.get("before"))
    if state:
        found = found.filter(state=state)
    if customer is not None:
        found = found.filter(customer_id=customer)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    kept = "".join(f"{name}={value}&" for name, value in (("state", state), ("customer", customer)) if value)
    context = {
        "rows": rows[:PAGE],
        "state": state,
        "customer": customer,
        "states": Message.State.choices,
        "now": clock.now(),
        "older": f"?{kept}before={rows[PAGE - 1].pk}" if len(rows) > PAGE else None,
        "newer": f"?{kept}" if before is not None else None,
    }
    return render(request, "customers/channels/messages.html", context)


def _show(
    request: HttpRequest, row: Sender, *, form: SenderForm | None = None, test: TestForm | None = None
) -> HttpResponse:
    tests = Message.objects.tests().filter(sender=row).order_by("-id")  # type: ignore[attr-defined]
    context = {
        "sender": row,
        "form": form or FORMS[row.kind](initial=_stands(row)),
        "test_form": test or TestForm(auto_id="test_%s"),
        "tests": tests.prefetch_related("attempts")[:TESTS],
        "hook": settings.PUBLIC_BASE_URL + reverse("customers:hook", args=[row.hook]),
        "placeholders": sorted(filling.PLAIN),
        "now": clock.now(),
    }
    bound = test or form
    return render(request, "customers/channels/sender.html", context, status=_status(bound) if bound else 200)


def _stands(row: Sender) -> dict[str, Any]:
    """Return what the form shows of a sender: never a secret."""
    shown = {"name": row.name, **row.config}
    if row.kind == Sender.Kind.HTTP:
        shown["templates"] = [list(pair) for pair in row.config["templates"].items()]
    return shown


def _tell(form: SenderForm, refusal: Refused) -> None:
    field = getattr(refusal, "field", None)
    form.add_error(field if field in form.fields else None, str(refusal))


def _status(form: forms.Form) -> int:
    return 422 if form.is_bound and form.errors else 200

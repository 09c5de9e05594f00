"""The form for everybody who has something to tell us: no sign-in, no cookie, no script."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from customers import attachments, callbacks, company
from customers.feedback import files, links, unknown
from customers.feedback.stated import is_reach, product_named
from customers.ground import clock, context
from customers.ground.api import throttles
from customers.ground.errors import Refused
from customers.models import FeedbackKind, UnknownFeedback
from customers.pages.uploading import bound
from customers.token_pages import token_page

SOURCE = "form"
VISITS_A_MINUTE, SENDINGS_A_MINUTE = 120, 10
"""Of one address; a house that shares one is slowed, not shut out: the next minute is a new one."""
MOST_BYTES = files.MOST * attachments.MOST_BYTES + 1024**2
TICKET_LASTS = 24 * 3600  # seconds
_TICKET = "customers.public_form"
_ACCEPT = ",".join(ending for kind in attachments.TYPES.values() for ending in kind.suffixes)
KINDS = (
    (FeedbackKind.COMPLAINT, gettext_lazy("Something went wrong")),
    (FeedbackKind.QUESTION, gettext_lazy("I have a question or a request")),
    (FeedbackKind.SUGGESTION, gettext_lazy("I have a suggestion")),
    (FeedbackKind.PRAISE, gettext_lazy("I want to praise somebody or something")),
)


class Files(forms.ClearableFileInput):
    """Several files at once."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """The files that are sent along; each is checked by its content."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Return the files; refuse one too many, or one that is not kept."""
        found = [super(FilesField, self).clean(one, initial) for one in data or [] if one]
        try:
            files.check(found)
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return found


class PublicForm(forms.Form):
    """What somebody tells us, and who she is as far as she likes to say."""

    kind = forms.ChoiceField(
        label=pgettext_lazy("feedback", "What is it?"),
        choices=KINDS,
        initial=FeedbackKind.COMPLAINT,
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        label=gettext_lazy("Please tell us"),
        max_length=unknown.LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": gettext_lazy("Please write what it is about.")},
    )
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    reach = forms.CharField(
        label=gettext_lazy("Your e-mail or phone"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("So that we can answer you. Leave it empty if you do not want that."),
        widget=forms.TextInput(attrs={"autocomplete": "email"}),
    )
    order = forms.CharField(label=gettext_lazy("Order number"), max_length=64, required=False)
    product = forms.CharField(label=gettext_lazy("Product"), max_length=200, required=False)
    enclosed = FilesField(
        label=gettext_lazy("Pictures or documents"),
        required=False,
        help_text=gettext_lazy("At most 3 files of 10 MB each: pictures, PDF, text, Office documents."),
        widget=Files(attrs={"accept": _ACCEPT}),
    )
    website = forms.CharField(label=gettext_lazy("Please leave this field empty"), required=False)
    """A trap for machines: whoever does not see the page fills every field. People are told what to do."""

    def clean_reach(self) -> str:
        """Return the address or number; refuse what can be neither."""
        reach = str(self.cleaned_data["reach"])
        if reach and not is_reach(reach):
            raise forms.ValidationError(_("This is no e-mail address and no phone number. Please check it."))
        return reach

    def clean_website(self) -> str:
        """Refuse what a machine filled in."""
        if self.cleaned_data["website"]:
            raise forms.ValidationError(_("Please leave this field empty, then send it once more."))
        return ""


@require_http_methods(["GET", "HEAD", "POST"])
@token_page("customers:public_form")
def public_form(request: HttpRequest) -> HttpResponse:
    """Ask what somebody has to tell us; keep it, and say by when she hears from us and where to follow it."""
    address = f"address:{throttles.address_of(request)}:feedback"  # type: ignore[arg-type]
    is_sent = request.method == "POST"
    try:
        throttles.count(f"{address}:visit", limit=VISITS_A_MINUTE, at=clock.real_now())
    except throttles.Throttled as slowed:  # not a byte of what is sent was read
        return _slowed(request, slowed, typed=[])
    if is_sent and not bound(request, most=MOST_BYTES):
        return _too_large(request)
    language = _language(request)
    with company.reading_once(), context.acting(channel="page", address=""), translation.override(language):
        if company.find() is None:
            return render(request, "customers/public/closed.html", _frame(language), status=404)
        if not is_sent:
            return _page(request, language=language)
        try:
            throttles.count(f"{address}:send", limit=SENDINGS_A_MINUTE, at=clock.real_now())
        except throttles.Throttled as slowed:
            typed = [(name, value) for name, values in request.POST.lists() for value in values]
            return _slowed(request, slowed, typed=typed, language=language)
        return _pressed(request, language)


def _pressed(request: HttpRequest, language: str) -> HttpResponse:
    sent = request.POST
    form = PublicForm(sent, request.FILES)
    if "language" in sent:  # the switch, not the sending
        return _page(request, _unsent(sent), language=language)
    visit = _visit(sent.get("ticket", ""))
    if not form.is_valid():
        return _page(request, form, language=language, status=422)
    if visit is None:
        return _page(
            request,
            _unsent(sent),
            language=language,
            note=_("This page was open for very long. Please press “Send” once more."),
        )
    said = form.cleaned_data
    product, named = product_named(said["product"])
    text = f"{said['text']}\n\n{_('Product')}: {named}" if named else said["text"]
    row = unknown.receive_feedback(
        kind=said["kind"],
        text=text,
        source=SOURCE,
        external_id=_name(visit, said),
        name=said["name"],
        reach=said["reach"],
        order=said["order"],
        product=product,
        language=language,
        uploads=said["enclosed"],
        at=clock.now(),
    )
    return _thanks(request, row, language=language)


def _thanks(request: HttpRequest, row: UnknownFeedback, *, language: str) -> HttpResponse:
    """Say that it has arrived; the same to those whom we know and to everybody else."""
    context = {
        **_frame(language),
        "link": links.address_of(row),
        "promised": callbacks.promise(row.respond_by, company.current().time_zone),
        "is_reachable": bool(row.stated_reach),
    }
    return render(request, "customers/public/thanks.html", context)


def _page(
    request: HttpRequest,
    form: PublicForm | None = None,
    *,
    language: str,
    note: str = "",
    status: int = 200,
) -> HttpResponse:
    if form is None:
        known = {name: request.GET.get(name, "")[:200] for name in ("order", "product", "kind")}
        form = PublicForm(initial={name: value for name, value in known.items() if value})
    context = {
        **_frame(language),
        "form": form,
        "note": note,
        "ticket": signing.dumps(secrets.token_urlsafe(16), salt=_TICKET),
        "trap": bool(form.is_bound and form.errors.get("website")),
        "wrong": [field for field in form if field.errors] if form.is_bound else [],
    }
    return render(request, "customers/public/form.html", context, status=status)


def _unsent(sent: Any) -> PublicForm:
    """Return a form with what was typed, and no complaint about it."""
    return PublicForm(
        initial={name: sent.get(name, "") for name in PublicForm.base_fields if name != "enclosed"}
    )


def _visit(ticket: str) -> str | None:
    """Return the name of the visit that a ticket stands for; nothing for one that we did not give."""
    try:
        return str(signing.loads(ticket, salt=_TICKET, max_age=TICKET_LASTS))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def _name(visit: str, said: dict[str, Any]) -> str:
    """Return what makes the same words and files of one visit one, however often they are sent."""
    sent = sha256()
    for name in ("kind", "text", "name", "reach", "order", "product"):
        sent.update(f"{said[name]}\0".encode())
    for upload in said["enclosed"]:
        sent.update(sha256(f"{upload.name}".encode()).digest())
        content = sha256()
        for piece in upload.chunks():
            content.update(piece)
        sent.update(content.digest())
    return f"{visit}:{sent.hexdigest()[:32]}"


def _language(request: HttpRequest) -> str:
    """Return the language that was chosen, else that of the browser."""
    known = dict(settings.LANGUAGES)
    chosen = [request.POST.get("language"), request.POST.get("lang")] if request.method == "POST" else []
    wanted = [*chosen, request.GET.get("lang"), translation.get_language()]
    return next((one for one in wanted if one and one in known), settings.LANGUAGE_CODE)


def _frame(language: str) -> dict[str, Any]:
    firm = company.find()
    return {
        "words": language,
        "others": [(code, name) for code, name in settings.LANGUAGES if code != language],
        "company": firm.name if firm else "",
    }


def _too_large(request: HttpRequest) -> HttpResponse:
    """Answer a request that was not read to its end."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return render(request, "customers/public/too_large.html", _frame(language), status=413)


def _slowed(
    request: HttpRequest, slowed: throttles.Throttled, *, typed: list[tuple[str, str]], language: str = ""
) -> HttpResponse:
    """Ask to wait, with what was typed in a form that can be sent again."""
    frame = _frame(language or translation.get_language() or settings.LANGUAGE_CODE)
    seconds = (getattr(slowed, "headers", {}) or {}).get("Retry-After", "60")
    had_files = bool(typed and request.FILES)
    shown = {**frame, "typed": typed, "seconds": seconds, "had_files": had_files}
    response = render(request, "customers/public/slowed.html", shown, status=429)
    response["Retry-After"] = seconds
    return response

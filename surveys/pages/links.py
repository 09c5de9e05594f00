"""Open links of a survey: made, shown with a QR code to print and to take along, revoked."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company, qr
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from surveys import invitations
from surveys.definition import LANGUAGES, best, said, words_language
from surveys.models import OpenLink
from surveys.pages.roles import BUILDS_SURVEYS
from surveys.pages.surveys import survey_of


class OpenLinkForm(forms.Form):
    """Where the link hangs."""

    label = forms.CharField(
        label=gettext_lazy("Where it hangs or stands"),
        max_length=100,
        help_text=gettext_lazy("For colleagues only, for example “till” or “delivery note”."),
    )
    asks = forms.ChoiceField(
        label=gettext_lazy("Who answers"),
        choices=OpenLink.Asks.choices,
        initial=OpenLink.Asks.NOBODY,
        help_text=gettext_lazy(
            "Where people say who they are, the answer is put to the customer whose e-mail, phone or number "
            "is exactly that; nobody is told whether it is known."
        ),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*BUILDS_SURVEYS)
def survey_links(request: HttpRequest, code: str) -> HttpResponse:
    """List the open links of a survey, each with its address; make new ones."""
    survey = survey_of(request, code)
    form = OpenLinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invitations.make_open_link(
                survey,
                label=form.cleaned_data["label"],
                asks=form.cleaned_data["asks"],
                by=request.user,
                now=clock.real_now(),
                at=clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("surveys:survey_links", survey.code)
    links = [
        (link, address_of(link))
        for link in OpenLink.objects.filter(survey=survey, revoked_at=None).select_related("by")
    ]
    context = {"survey": survey, "links": links, "form": form}
    return render(request, "surveys/survey_links.html", context, status=422 if form.errors else 200)


@require_POST
@allow(*BUILDS_SURVEYS)
def survey_link_revoke(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Let an open link open nothing from now on."""
    survey = survey_of(request, code)
    link = get_object_or_404(OpenLink, survey=survey, pk=pk)
    invitations.revoke_open_link(link, by=request.user, now=clock.real_now(), at=clock.now())
    messages.success(request, _("The link opens nothing any more."))
    return redirect("surveys:survey_links", survey.code)


@never_cache
@require_safe
@allow(*BUILDS_SURVEYS)
def survey_link_qr(request: HttpRequest, code: str, pk: int, kind: str) -> HttpResponse:
    """Give the QR code of an open link as a file; with ``?inline=1`` to be shown on a page."""
    link, address = _shown(request, code, pk)
    make, mime = {"svg": (qr.svg, "image/svg+xml"), "png": (qr.png, "image/png")}[kind]
    response = HttpResponse(make(address), content_type=mime)
    if "inline" not in request.GET:
        name = f"{link.survey.code}-{link.pk}.{kind}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@never_cache
@require_safe
@allow(*BUILDS_SURVEYS)
def survey_link_print(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Show a sheet to hang up: what it is about, the QR code, the address; in a language of the survey."""
    link, address = _shown(request, code, pk)
    version = link.survey.versions.order_by("-number").first()
    if version is None:
        raise Http404
    definition = version.definition
    wanted = request.GET.get("lang", "") or company.current().language
    language = best(wanted, definition.languages)
    with translation.override(words_language(language)):
        context = {
            "link": link,
            "survey": link.survey,
            "address": address,
            "lang": language,
            "title": said(definition.title, language),
            "company": company.current().name,
            "scan": _("Scan and answer"),
            "type_it": _("or open this address:"),
            "others": [(one, LANGUAGES[one]) for one in definition.languages if one != language],
            "words": words_language(language),
        }
    return render(request, "surveys/survey_link_print.html", context)


def _shown(request: HttpRequest, code: str, pk: int) -> tuple[OpenLink, str]:
    """Return an open link of a survey with its address; nothing is there once it cannot be shown."""
    survey = survey_of(request, code)
    link = get_object_or_404(OpenLink.objects.select_related("survey"), survey=survey, pk=pk, revoked_at=None)
    address = address_of(link)
    if not address:
        raise Http404
    return link, address


def address_of(link: OpenLink) -> str:
    """Return the address of an open link; nothing once the server's secret has changed."""
    token = invitations.token_of(link)
    return settings.PUBLIC_BASE_URL + reverse("surveys:answer", args=[token]) if token else ""

"""The address of the public form, with a QR code to take along and a sheet to print."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from customers import company, qr
from customers.access import allow

MAY_SEE = ("admin", "team_lead")


@require_safe
@allow(*MAY_SEE)
def public_sheet(request: HttpRequest) -> HttpResponse:
    """Show the address, the QR code as files, and a sheet to hang up in a language of one's choice."""
    firm = company.current()
    known = dict(settings.LANGUAGES)
    language = next(one for one in (request.GET.get("lang", ""), firm.language, "en") if one in known)
    with translation.override(language):
        words = {
            "title": _("How was it? Tell us"),
            "scan": _("Scan and write"),
            "type_it": _("or open this address:"),
        }
    context = {
        **words,
        "address": address(),
        "company": firm.name,
        "words": language,
        "others": [(code, name) for code, name in settings.LANGUAGES if code != language],
    }
    return render(request, "customers/public/sheet.html", context)


@never_cache
@require_safe
@allow(*MAY_SEE)
def public_sheet_qr(request: HttpRequest, kind: str) -> HttpResponse:
    """Give the QR code as a file; with ``?inline=1`` to be shown on a page."""
    make, mime = {"svg": (qr.svg, "image/svg+xml"), "png": (qr.png, "image/png")}[kind]
    response = HttpResponse(make(address()), content_type=mime)
    if "inline" not in request.GET:
        response["Content-Disposition"] = f'attachment; filename="feedback.{kind}"'
    return response


def address() -> str:
    """Return the address of the form, as it is printed."""
    return settings.PUBLIC_BASE_URL + reverse("customers:public_form")

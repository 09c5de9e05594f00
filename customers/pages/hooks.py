"""The pages without signing in: what providers and programs tell us, and taking consent back by one press.

All are free of CSRF tokens: a signature, or the link itself, is the right to call them. Neither sets a
cookie; looking changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from customers import company
from customers.access import PUBLIC, allow
from customers.channels import receiving, unsubscribing
from customers.ground import clock
from customers.mentions import hooks as mentions
from customers.models import Consent, Contact
from customers.token_pages import token_page

STATUS = {
    "webhook_replayed": 409,
    "webhook_not_signed": 401,
    "webhook_not_readable": 400,
    "webhook_unmatched": 404,
}


@csrf_exempt
@never_cache
@require_POST
@allow(PUBLIC)
def hook(request: HttpRequest, secret: str) -> HttpResponse:
    """Take receipts and replies of a provider; 404 when nothing of it is known, so that it tries again."""
    if int(request.headers.get("Content-Length") or 0) > receiving.MOST_BYTES:
        return JsonResponse({"code": "webhook_too_large"}, status=413)
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        taken = receiving.receive(
            secret, headers=headers, body=request.body, now=clock.real_now(), at=clock.now()
        )
    except (receiving.NotSigned, receiving.NotReadable, receiving.NobodyKnown) as refusal:
        return JsonResponse({"code": refusal.code}, status=STATUS[refusal.code])
    return JsonResponse({"taken": taken.items, "repeat": taken.is_repeat})


@csrf_exempt
@never_cache
@require_POST
@allow(PUBLIC)
def mention_hook(request: HttpRequest, secret: str) -> HttpResponse:
    """Take mentions of a program, signed and once; a call that is not as described lands nothing."""
    if int(request.headers.get("Content-Length") or 0) > mentions.MOST_BYTES:
        return JsonResponse({"code": "webhook_too_large"}, status=413)
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        taken = mentions.receive(
            secret, headers=headers, body=request.body, now=clock.real_now(), at=clock.now()
        )
    except (mentions.NotSigned, mentions.NotReadable, mentions.Replayed) as refusal:
        return JsonResponse({"code": refusal.code, "detail": str(refusal)}, status=STATUS[refusal.code])
    return JsonResponse(asdict(taken))


@require_http_methods(["GET", "HEAD", "POST"])
@token_page("customers:unsubscribe")
def unsubscribe(request: HttpRequest, secret: str) -> HttpResponse:
    """Show a button; pressed, or called by a mail program (RFC 8058), it takes consent back."""
    link = unsubscribing.find(secret, now=clock.real_now())
    is_done = link is not None and request.method == "POST"
    if link is not None and is_done:
        unsubscribing.withdraw(link.contact, channel=link.channel, source=Consent.Source.LINK, at=clock.now())
    firm = company.find()
    context = {"link": link, "is_done": is_done, "company": firm.name if firm is not None else ""}
    with translation.override(_language(link.contact if link is not None else None)):
        return render(request, "customers/channels/unsubscribe.html", context, status=200 if link else 404)


def _language(contact: Contact | None) -> str:
    """Return the contact's language, the company's where none is known."""
    known = dict(settings.LANGUAGES)
    firm = company.find()
    wanted = (contact.language if contact is not None else "", firm.language if firm is not None else "")
    return next((code for code in wanted if code in known), translation.get_language() or "en")

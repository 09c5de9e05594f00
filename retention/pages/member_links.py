"""Links to a customer's own page: made for one contact, copied, printed as a QR code, revoked."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from customers import qr
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer
from loyalty import links
from loyalty.models import MemberLink
from retention.pages.file.customer import customer_of
from retention.pages.forms import WORKERS

MOST_CONTACTS = 100


@never_cache
@require_safe
@allow(*WORKERS)
def customer_member(request: HttpRequest, pk: int) -> HttpResponse:
    """List the contacts of a customer, each with the link to the own page that she has."""
    customer = customer_of(request.user, pk)
    return _page(request, customer)


@require_POST
@allow(*WORKERS)
def customer_member_make(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link for a contact; the one before opens nothing any more."""
    customer = customer_of(request.user, pk)
    contact = get_object_or_404(customer.contacts.all(), pk=whole(request.POST.get("contact")) or 0)
    try:
        links.make_link(contact, by=request.user, at=clock.now(), now=clock.real_now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The link is made. Send it however you write to her."))
    return redirect("retention:customer_member", customer.pk)


@require_POST
@allow(*WORKERS)
def customer_member_revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """Let a link open nothing from now on."""
    found = _link_of(request, pk, link)
    links.revoke(found, by=request.user, at=clock.now(), now=clock.real_now())
    messages.success(request, _("The link opens nothing any more."))
    return redirect("retention:customer_member", pk)


@never_cache
@require_safe
@allow(*WORKERS)
def customer_member_qr(request: HttpRequest, pk: int, link: int, kind: str) -> HttpResponse:
    """Give the QR code of a live link as a file; with ``?inline=1`` to be shown on a page."""
    address = links.address_of(_link_of(request, pk, link))
    if not address:
        raise Http404
    make, mime = {"svg": (qr.svg, "image/svg+xml"), "png": (qr.png, "image/png")}[kind]
    response = HttpResponse(make(address), content_type=mime)
    if "inline" not in request.GET:
        response["Content-Disposition"] = f'attachment; filename="own-page-{link}.{kind}"'
    return response


def _page(request: HttpRequest, customer: Customer) -> HttpResponse:
    live = links.live_of(customer.pk, now=clock.real_now())
    contacts = customer.contacts.filter(erased_at=None, left_on=None)[:MOST_CONTACTS]
    rows: list[tuple[Any, MemberLink | None, str]] = []
    for contact in contacts:
        link = live.get(contact.pk)
        rows.append((contact, link, links.address_of(link) if link is not None else ""))
    context = {"customer": customer, "rows": rows, "may_work": customer.erased_at is None}
    return render(request, "retention/member_links.html", context)


def _link_of(request: HttpRequest, pk: int, link: int) -> MemberLink:
    customer = customer_of(request.user, pk)
    return get_object_or_404(links.all_live(now=clock.real_now()).filter(customer=customer), pk=link)

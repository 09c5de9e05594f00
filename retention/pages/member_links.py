"""Links to a customer's own page: made for one contact, shown by a press, printed as a QR code, revoked.

With a link one acts as the customer. So the page itself shows none: it stands in the answer to "Show the
link", and each such press is audited.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from customers import qr
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Contact, Customer
from loyalty import links
from loyalty.models import MemberLink
from retention.pages.file.customer import customer_of
from retention.pages.forms import WORKERS

PAGE = 50


@dataclass(frozen=True)
class Shown:
    """A link as it is shown once: its address, and its QR code as files that stand in the page itself."""

    link: MemberLink
    address: str  # empty once the server's secret has changed

    @property
    def svg(self) -> str:
        """Return the QR code as the address of an SVG file."""
        return _file("image/svg+xml", qr.svg(self.address))

    @property
    def png(self) -> str:
        """Return the QR code as the address of a PNG file."""
        return _file("image/png", qr.png(self.address))


@never_cache
@require_safe
@allow(*WORKERS)
def customer_member(request: HttpRequest, pk: int) -> HttpResponse:
    """List the contacts of a customer, each with how long the link to the own page opens."""
    return _page(request, customer_of(request.user, pk))


@never_cache
@require_POST
@allow(*WORKERS)
def customer_member_make(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link for a contact; the one before opens nothing any more. Loading the page again makes none."""
    customer = customer_of(request.user, pk)
    contact = get_object_or_404(customer.contacts.all(), pk=whole(request.POST.get("contact")) or 0)
    try:
        links.make_link(contact, by=request.user, at=clock.now(), now=clock.real_now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("retention:customer_member", customer.pk)
    messages.success(
        request, _("The link is made. Press “Show the link”, and send it however you write to her.")
    )
    here = reverse("retention:customer_member", args=[customer.pk])
    number = whole(request.POST.get("page")) or 1
    return redirect(f"{here}{f'?page={number}' if number > 1 else ''}#contact-{contact.pk}")


@never_cache
@require_POST
@allow(*WORKERS)
def customer_member_show(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """Show the address and the QR code of a live link; of one that opens nothing there is none."""
    customer = customer_of(request.user, pk)
    opens = links.there(at=clock.now(), contact="contact__")
    return _shown(request, customer, _link_of(customer, link, opens))


@require_POST
@allow(*WORKERS)
def customer_member_revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """Let a link open nothing from now on."""
    found = _link_of(customer_of(request.user, pk), link)
    links.revoke(found, by=request.user, at=clock.now(), now=clock.real_now())
    messages.success(request, _("The link opens nothing any more."))
    return redirect("retention:customer_member", pk)


def _shown(request: HttpRequest, customer: Customer, link: MemberLink) -> HttpResponse:
    address = links.show(link, by=request.user, at=clock.now())  # type: ignore[arg-type]
    return _page(request, customer, Shown(link, address))


def _page(request: HttpRequest, customer: Customer, shown: Shown | None = None) -> HttpResponse:
    live = links.live_of(customer.pk, now=clock.real_now())
    contacts = Paginator(customer.contacts.filter(links.there(at=clock.now())), PAGE)
    page = contacts.get_page(request.POST.get("page") or request.GET.get("page"))
    rows: list[tuple[Contact, MemberLink | None]] = [
        (contact, live.get(contact.pk)) for contact in page.object_list
    ]
    here = reverse("retention:customer_member", args=[customer.pk])  # also after a press elsewhere
    context: dict[str, Any] = {
        "customer": customer,
        "rows": rows,
        "page": page,
        "newer": here if page.has_previous() else "",
        "older": f"{here}?page={page.next_page_number()}" if page.has_next() else "",
        "shown": shown,
        "may_work": customer.erased_at is None,
    }
    return render(request, "retention/member_links.html", context)


def _link_of(customer: Customer, link: int, *which: Q) -> MemberLink:
    return get_object_or_404(links.all_live(now=clock.real_now()).filter(*which, customer=customer), pk=link)


def _file(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"

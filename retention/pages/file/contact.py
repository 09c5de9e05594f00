"""Making and changing the contacts of a customer by hand."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from customers import contacts
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Contact, Customer, User
from retention.pages.file.customer import customer_of
from retention.pages.file.editing import Edited, answer, back_to
from retention.pages.file.forms import ContactForm
from retention.pages.forms import WORKERS


def contact_of(user: User, pk: int) -> Contact:
    """Return a contact of a customer that ``user`` may see; else 404."""
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    found: Contact = get_object_or_404(
        Contact.objects.select_related("customer__owner").filter(customer__in=visible.values("pk")), pk=pk
    )
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def contact_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a contact to a customer."""
    customer = customer_of(request.user, pk)
    form = ContactForm(request.POST or None, customer=customer)
    if request.method == "POST" and form.is_valid():
        try:
            made = contacts.create_contact(customer, **form.values(), by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(name)s is a contact now.") % {"name": made.name})
            return redirect(back_to(request, customer))
    context = {"form": form, "customer": customer, "back": back_to(request, customer)}
    return render(request, "retention/file/contact_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def contact_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a contact."""
    contact = contact_of(request.user, pk)
    customer = contact.customer
    form = ContactForm(request.POST or None, customer=customer, contact=contact)
    edited = Edited(
        row=contact,
        title=_("Edit the contact %(name)s") % {"name": contact.name},
        customer=customer,
        back=back_to(request, customer),
        save=lambda row, values, extras: contacts.change_contact(
            row, **values, by=request.user, at=clock.now()
        ),
    )
    return answer(request, edited, form)


@require_POST
@allow(*WORKERS)
def contact_main(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a contact the one who is asked first."""
    contact = contact_of(request.user, pk)
    try:
        contacts.name_main(contact, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(name)s is the main contact now.") % {"name": contact.name})
    return redirect("retention:customer_file", pk=contact.customer_id)

"""Finding a customer by what somebody types."""

from __future__ import annotations

from django.db.models import Q

from customers.models import Contact, ExternalRef

SHORT = 3
MOST = 50


def matching(text: str, *, through: str = "") -> Q:
    """Return the condition for customers called, numbered or phoned like ``text``.

    A part of the name in either language is enough. One or two Latin letters are taken for the beginning
    of a name: so short a part says little, and no index finds it. A text with a digit in it is also
    looked up as the id in another system and as a phone number, both whole. ``through`` leads to the
    customer.
    """
    text = " ".join(text.split())
    how = "istartswith" if len(text) < SHORT and text.isascii() else "icontains"
    found = Q(**{f"{through}name__{how}": text}) | Q(**{f"{through}name_alt__{how}": text})
    if any(letter.isdigit() for letter in text):
        found |= Q(**{f"{through}pk__in": _by_number(text)})
    return found


def _by_number(text: str) -> list[int]:
    refs = ExternalRef.objects.filter(kind="customer", external_id=text).values_list("object_id", flat=True)
    phones = {text, text.replace(" ", "")}
    contacts = Contact.objects.filter(phone__in=phones).values_list("customer_id", flat=True)
    return sorted({*refs[:MOST], *contacts[:MOST]})

"""What people state of themselves and of what they bought: taken exactly, or kept as words."""

from __future__ import annotations

from django.db.models import Q

from customers.duplicates.keys import email_key, phone_key
from customers.models import Contact, Product


def is_reach(text: str) -> bool:
    """Say whether ``text`` can be an e-mail address or a phone number."""
    if "@" in text:
        user, _at, host = text.strip().partition("@")
        return bool(user) and "." in host.strip(".") and not any(one.isspace() for one in text.strip())
    return bool(phone_key(text))


def is_of(reach: str, contact: Contact) -> bool:
    """Say whether ``reach`` is exactly a contact's own address or number."""
    if "@" in reach:
        return email_key(reach) == email_key(contact.email) != ""
    return phone_key(reach) == phone_key(contact.phone) != ""


def product_named(text: str) -> tuple[Product | None, str]:
    """Return the product of this very code or name, else the words themselves."""
    text = " ".join(text.replace("\0", "").split())
    if not text:
        return None, ""
    found = list(
        Product.objects.filter(Q(code=text) | Q(name__iexact=text) | Q(name_alt__iexact=text)).order_by("pk")[
            :2
        ]
    )
    return (found[0], "") if len(found) == 1 else (None, text)

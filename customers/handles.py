"""Names of customers and their contacts on social media and messengers."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Contact, Customer, SocialHandle, User


class NoHandle(Refused):
    code = "no_handle"
    message = _("Write the name that they use on the platform.")


def add_handle(
    customer: Customer,
    *,
    platform: str,
    handle: str,
    contact: Contact | None = None,
    by: User | None,
    at: datetime,
) -> SocialHandle:
    """Add a name on a platform; what is known already stays one.

    Raises :class:`NoHandle`. Side effects: audit ``handle.add``.
    """
    name = handle.strip().removeprefix("@")
    if not name:
        raise NoHandle()
    said = {
        "customer": customer,
        "contact": contact,
        "platform": SocialHandle.Platform(platform),
        "handle": name,
    }
    with transaction.atomic():
        list(Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk).values_list("pk"))
        known = SocialHandle.objects.filter(**said).first()
        if known is not None:
            return known
        made = SocialHandle.objects.create(**said, created_at=at)
        audit.record(
            "handle.add", obj=made, by=by, at=at, customer_id=customer.pk, codes={"platform": made.platform}
        )
    return made


def drop_handle(row: SocialHandle, *, by: User | None, at: datetime) -> None:
    """Take a name away; it stays sealed beside the audit ``handle.drop``."""
    holder = f"contact:{row.contact_id}" if row.contact_id else f"customer:{row.customer_id}"
    with transaction.atomic():
        audit.record(
            "handle.drop",
            obj=row,
            by=by,
            at=at,
            customer_id=row.customer_id,
            codes={"platform": row.platform},
            before={"handle": row.handle},
            holder=holder,
        )
        SocialHandle.objects.filter(pk=row.pk).delete()

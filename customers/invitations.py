"""Invitations: a colleague gets a link by which she sets her password, by mail, from the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company, links
from customers.ground import audit, clock, outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import User
from customers.models.people import Role

HANDLER = "customers.invite"
MOST = 500


class NoAddress(Refused):
    code = "no_mail_address"
    message = _("%(name)s has no e-mail address. Enter one, or show a link and hand it over.")


def waiting() -> Any:
    """Return the colleagues who have no password yet, in order."""
    people = User.objects.filter(is_active=True, password__startswith="!").exclude(role=Role.INTEGRATION)  # noqa: S106
    return people.order_by("pk")


def invite(user: User, *, by: User, at: datetime) -> None:
    """Send a colleague a link by which she sets her password; raise :class:`NoAddress`.

    Side effects: a row of the outbox, audit ``user.invite``. The link is made when the mail is sent.
    """
    if not user.email:
        raise NoAddress(name=str(user))
    _invite([user], by=by, at=at)


def invite_all(*, by: User, at: datetime) -> int:
    """Invite those who have no password and an address, up to 500; return how many."""
    found = list(waiting().exclude(email="")[:MOST])
    _invite(found, by=by, at=at)
    return len(found)


def address_of(secret: str) -> str:
    """Return the whole address of a link for a password."""
    return settings.PUBLIC_BASE_URL + reverse("customers:join", args=[secret])


def _invite(users: Iterable[User], *, by: User, at: datetime) -> None:
    people = list(users)
    with transaction.atomic():
        audit.record_many("user.invite", objs=people, by=by, at=at)
        outbox.add_many(
            outbox.row(
                HANDLER,
                due_at=at,
                dedupe_key=f"invite:{user.pk}:{at.isoformat()}",
                payload={"user": user.pk, "by": by.pk},
            )
            for user in people
        )


@outbox.handler(HANDLER)
def send(row: OutboxRow, at: datetime) -> None:
    """Make the link and mail it; who was locked out or lost her address meanwhile gets none."""
    user = User.objects.filter(pk=row.payload["user"], is_active=True).exclude(email="").first()
    if user is None:
        return
    by = User.objects.filter(pk=row.payload["by"]).first()
    secret = links.password_link(user, by=by, now=clock.real_now(), at=at)
    firm = company.find()
    values = {
        "name": user.first_name or user.username,
        "company": firm.name if firm is not None and firm.name else "Liuke",
        "link": address_of(secret),
        "days": links.LASTS.days,
        "username": user.username,
    }
    with translation.override(user.language):
        subject = gettext("Your access to Liuke of %(company)s") % values
        text = (
            gettext(
                "Hello %(name)s,\n\nopen this link within %(days)s days to choose your password; it works "
                "once:\n%(link)s\n\nLater you sign in as %(username)s.\n"
            )
            % values
        )
    send_mail(" ".join(subject.split()), text, None, [user.email])

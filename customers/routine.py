"""What this app does by the clock, in words, and the limits of it that fill up over the months."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Count, Model
from django.utils.translation import gettext_lazy as _

from customers import attachments, attributes, competitors
from customers.causes import editing
from customers.ground.limits import Limit
from customers.ground.limits import register as limit
from customers.ground.updates import Update, register
from customers.letters import mailboxes
from customers.models import Attachment, Attribute, Cause, CompetitorName, Mailbox


def register_all() -> None:
    """Enter both (in ``ready()``)."""
    for update in UPDATES:
        register(update)
    for one in LIMITS:
        limit(one)


UPDATES = (
    Update(
        "customers.tasks.fill_search",
        _("Search"),
        _("Who is entered or changed can be found at once. This brings in what a bulk load wrote beside it."),
    ),
    Update(
        "customers.tasks.clear_old",
        _("Retention periods"),
        _("Texts, addresses and files that were kept long enough are cleared."),
    ),
    Update(
        "customers.tasks.look_for_duplicates",
        _("Duplicates"),
        _("Customers that look like one are proposed; facts that came to a merged customer follow it."),
        once_a_day=True,
    ),
    Update(
        "customers.tasks.keep_working_calendar",
        _("Working calendar"),
        _("The public holidays and make-up days of the coming year are brought in."),
    ),
    Update(
        "customers.tasks.read_texts",
        _("Reading of texts"),
        _("A complaint or an interaction that is entered is read at once. This reads what files brought."),
    ),
    Update(
        "customers.tasks.fetch_letters",
        _("Letters"),
        _("Mailboxes in use are looked into every minute; what people write comes into the inbox."),
    ),
    Update(
        "customers.tasks.look_at_feeds",
        _("Feeds"),
        _("Posts and reviews are fetched from the feeds that are set up under Mentions."),
    ),
    Update(
        "customers.tasks.train_texts",
        _("Learning to read texts"),
        _("What people corrected is learnt; the new reader is used only if it reads better."),
        once_a_day=True,
    ),
    Update(
        "customers.ground.tasks.forget_api_calls",
        _("Answers of the API"),
        _("Answers kept for a repeated call are forgotten after two days."),
    ),
)


def _fullest(model: type[Model], owner: str) -> Callable[[], int]:
    """Return the question how many rows the owner with most of them has."""

    def ask() -> int:
        rows: Any = model._default_manager.order_by().values(owner).annotate(number=Count("pk"))
        top = rows.order_by("-number").values_list("number", flat=True)[:1]
        return next(iter(top), 0)

    return ask


def _most_choices() -> int:
    found = Attribute.objects.values_list("choices", flat=True)
    return max((len(choices) for choices in found), default=0)


LIMITS = (
    Limit("causes", _("Causes in the catalogue"), editing.MOST, Cause.objects.count, "customers:cause_list"),
    Limit(
        "attribute_choices",
        _("Choices of one attribute"),
        attributes.MOST_CHOICES,
        _most_choices,
        "customers:attribute_list",
    ),
    Limit(
        "competitor_aliases",
        _("Names of one competitor"),
        competitors.MOST_ALIASES + 1,
        _fullest(CompetitorName, "competitor"),
        "customers:competitor_list",
    ),
    Limit("mailboxes", _("Mailboxes"), mailboxes.MOST, Mailbox.objects.count, "customers:mailbox_list"),
    Limit(
        "attachments",
        _("Files attached to one customer"),
        attachments.MOST_OF_A_CUSTOMER,
        _fullest(Attachment, "customer"),
    ),
)

"""What a notice says: the explanation, what is offered instead, and the answers to what people will ask."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from customers import company
from customers.ground import localtime
from customers.models import Channel, Contact
from retention.models import BusinessChange

MOST_OF_SUBJECT = 200
TEMPLATE = "change_notice"


@dataclass(frozen=True)
class Letter:
    """One notice: what ``send_message`` takes."""

    subject: str
    text: str
    template: str = ""


def language_of(contact: Contact) -> str:
    """Return the language in which a contact is written to: hers, the customer's, the company's."""
    said = contact.language or contact.customer.language or company.current().language
    return "zh-hans" if said.lower().startswith("zh") else "en"


def write(change: BusinessChange, *, contact: Contact, channel: str) -> Letter:
    """Return the notice of a change for a contact, in her language; short ones go without the answers."""
    language = language_of(contact)
    with translation.override(language):
        title = change.said("title", language)
        day = date_format(localtime.day_of(change.effect_day), "DATE_FORMAT")
        offer = "\n\n".join(filter(None, [_substitute(change, language), change.said("offer", language)]))
        name = company.current().name
        if channel != Channel.EMAIL:
            short = [title, _("From %(day)s on.") % {"day": day}, change.said("explanation", language), offer]
            return Letter(title[:MOST_OF_SUBJECT], "\n".join(filter(None, [*short, name])), TEMPLATE)
        questions = change.said("questions", language)
        parts = [
            _("Dear %(name)s,") % {"name": contact.name},
            change.said("explanation", language),
            _("It takes effect on %(day)s.") % {"day": day},
            offer,
            "\n\n".join([_("Questions and answers"), questions]) if questions else "",
            name,
        ]
        return Letter(title[:MOST_OF_SUBJECT], "\n\n".join(part.strip() for part in parts if part.strip()))


def _substitute(change: BusinessChange, language: str) -> str:
    product = change.substitute
    if product is None:
        return ""
    name = (product.name_alt if language.startswith("zh") else "") or product.name
    return _("In its place we offer you %(product)s.") % {"product": name}

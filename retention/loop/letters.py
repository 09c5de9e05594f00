"""What customers are told: the receipt at once, and the message that asks whether it is solved.

The link stands in it as a place that is filled when it leaves, so that what is stored opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils import translation
from django.utils.translation import gettext as _

from customers import callbacks, company
from customers.contact.budget import zone_of
from customers.models import Channel, Contact
from retention.models import LoopClosure
from surveys.definition import words_language

LINK = "loop_link"
PLACE = "{{" + LINK + "}}"
TEMPLATES = ("loop_receipt", "loop_asked")
MOST_IN_TEXT = 300
"""Letters of a colleague's words in a text message; all of them stand on the page that it leads to."""


@dataclass(frozen=True)
class Letter:
    """One message: what ``send_message`` takes."""

    subject: str
    text: str
    template: str
    params: dict[str, str] = field(default_factory=dict)


def language_of(contact: Contact) -> str:
    """Return the language of ours in which ``contact`` is written to."""
    return words_language(contact.language or contact.customer.language or company.current().language)


def receipt(loop: LoopClosure, contact: Contact, *, channel: str) -> Letter:
    """Return what says at once that it has arrived, by when she hears from us, and where to look."""
    with translation.override(language_of(contact)):
        firm = company.current().name
        said = {
            "name": contact.name,
            "company": firm,
            "moment": callbacks.promise(loop.respond_by, zone_of(contact.customer)),
            "link": PLACE,
        }
        if channel == Channel.EMAIL:
            text = _(
                "Dear %(name)s,\n\nthank you for telling us. It has arrived, and somebody will be in touch "
                "with you by %(moment)s.\n\nHere you can see at any time how far it is:\n%(link)s\n\n"
                "%(company)s"
            )
        else:
            text = _(
                "%(company)s: it has arrived. You hear from us by %(moment)s. See how far it is: %(link)s"
            )
        subject = _("We have received what you told us – %(company)s") % said
        return Letter(subject, text % said, TEMPLATES[0], {k: v[:500] for k, v in said.items()})


def asked(loop: LoopClosure, contact: Contact, *, channel: str, message: str) -> Letter:
    """Return the colleague's words with the question whether it is solved."""
    with translation.override(language_of(contact)):
        said = {
            "name": contact.name,
            "company": company.current().name,
            "message": message if channel == Channel.EMAIL else message[:MOST_IN_TEXT],
            "signer": str(loop.owner) if loop.owner is not None else "",
            "link": PLACE,
        }
        if channel == Channel.EMAIL:
            text = _(
                "Dear %(name)s,\n\n%(message)s\n\nIs it solved? Please tell us with one press; if it is not, "
                "we go on at once:\n%(link)s\n\n%(signer)s\n%(company)s"
            )
        else:
            text = _("%(company)s: %(message)s – Is it solved? Please say so here: %(link)s")
        subject = _("Is it solved? – %(company)s") % said
        return Letter(subject, text % said, TEMPLATES[1], {k: v[:500] for k, v in said.items()})

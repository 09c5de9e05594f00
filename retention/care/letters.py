"""What a greeting says: the plan's words in her language, with a closed list of placeholders filled."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from customers import company
from customers.channels import filling
from customers.channels.composing import UNSUBSCRIBE
from customers.ground import localtime
from customers.models import Channel
from retention.models import CarePlan, CareTouch
from surveys.definition import words_language

PLACEHOLDERS = (
    *("name", "customer", "company", "manager", "day", "festival", "years", "orders"),
    *("points", "gift", "unsubscribe"),
)
"""What the words of a plan may name in double braces."""
KNOWN = frozenset(PLACEHOLDERS)


@dataclass(frozen=True)
class Letter:
    """Subject and text of one greeting."""

    subject: str
    text: str


def write(touch: CareTouch, *, channel: str, years: int = 0) -> Letter:
    """Return what a greeting says, in her language, else the customer's, else the company's.

    Messages that are no e-mails say how to end them; e-mails get that line when they are sent. ``channel``:
    that of the contact that was granted.
    """
    plan, contact, firm = touch.plan, touch.contact, company.current()
    language = words_language(contact.language or contact.customer.language or firm.language)
    with translation.override(language):
        values = _values(touch, language, years)
        text = filling.fill(plan.said("text", language), values)
        if channel != Channel.EMAIL and UNSUBSCRIBE not in text:
            text += "\n" + _("No more of these messages: %(link)s") % {"link": UNSUBSCRIBE}
    return Letter(filling.fill(plan.said("subject", language), values), text)


def _values(touch: CareTouch, language: str, years: int) -> dict[str, str]:
    plan, customer = touch.plan, touch.customer
    owner = customer.owner
    is_chinese = language.startswith("zh")
    day = localtime.day_of(touch.occasion_day)
    festival = ""
    if plan.occasion == CarePlan.Occasion.FESTIVAL:
        is_own = plan.festival == CarePlan.Festival.OWN
        festival = plan.said_name(language) if is_own else str(plan.get_festival_display())
    return {
        "name": touch.contact.name,
        "customer": _named(customer.name, customer.name_alt, is_chinese),
        "company": company.current().name,
        "manager": str(owner) if owner is not None and owner.is_active else "",
        "day": date_format(day, "DATE_FORMAT"),
        "festival": festival,
        "years": str(years) if years else "",
        "orders": str(plan.orders or ""),
        "points": str(plan.points or ""),
        "gift": plan.said("gift", language),
        "unsubscribe": UNSUBSCRIBE,
    }


def _named(name: str, alt: str, is_chinese: bool) -> str:
    fitting = [one for one in (name, alt) if one and any("一" <= sign <= "鿿" for sign in one) == is_chinese]
    return (fitting or [name])[0]

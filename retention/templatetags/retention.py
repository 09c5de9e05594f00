"""How entries of the timeline look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from customers.feedback import words
from customers.ground.templatetags.ui import fragment
from customers.models import Complaint, Customer
from retention.models import CustomerMeasures
from retention.models.standing import Stage
from retention.pages.tabs import tabs_for
from retention.timeline import Entry

register = template.Library()


@dataclass(frozen=True)
class Look:
    """The icon and tone of a timeline entry, and whether its text is somebody's words."""

    icon: str
    tone: str = ""
    quote: bool = False


LOOKS = {
    "order": Look("shopping-cart"),
    "return": Look("undo-2", "warn"),
    "interaction": Look("message-circle", quote=True),
    "complaint": Look("message-square-warning", "bad", quote=True),
    "feedback": Look("message-square-text", quote=True),
    "contract": Look("file-text"),
    "owner": Look("user-round"),
    "usage": Look("gauge"),
    "competitor": Look("swords", "warn"),
    "mention": Look("megaphone", quote=True),
    "community": Look("users"),
    "community_left": Look("users", "warn"),
    "care": Look("gift", "good"),
    "indicator": Look("gauge"),
    "invoice": Look("receipt"),
    "payment_failed": Look("receipt", "bad"),
    "survey": Look("clipboard-list", quote=True),
    "points": Look("gem"),
    "points_gone": Look("gem", "warn"),
    "tier": Look("medal", "good"),
    "tier_lost": Look("medal", "warn"),
    "warning": Look("triangle-alert", "warn"),
    "case": Look("briefcase", "accent"),
    "merge": Look("merge"),
    "call": Look("phone", "accent", quote=True),
}


def look(entry: Entry) -> Look:
    """Return how an entry looks."""
    return LOOKS.get(entry.kind, Look("circle"))


@register.filter
def feedback_state(complaint: Complaint) -> str:
    """Return the state of feedback in the words of its kind."""
    return words.of_state(complaint)


@register.filter
def feedback_resolve(complaint: Complaint) -> str:
    """Return what the button says that resolves feedback of this kind."""
    return str(words.RESOLVE[complaint.kind])


def note(entry: Entry) -> str:
    """Return the quiet line of an entry: who did it, with whom, and what comes next."""
    parts = [entry.by]
    if entry.whom:
        parts.append(gettext("with %(name)s") % {"name": entry.whom})
    if entry.next_step:
        parts.append(gettext("next: %(step)s") % {"step": entry.next_step})
    return " · ".join(part for part in parts if part)


@register.simple_tag(takes_context=True)
def timeline_entries(context: Context, entries: Sequence[Entry]) -> SafeString:
    """Draw the lines of a timeline."""
    return fragment(context, "retention/timeline_entries.html", entries=entries, look_of=look, note_of=note)


@register.simple_tag(takes_context=True)
def customer_tabs(context: Context, customer: Customer) -> list[dict[str, Any]]:
    """Return the tabs of a customer's page."""
    return tabs_for(context["request"], customer)


@register.simple_tag
def standing_of(customer: Customer) -> dict[str, str]:
    """Return the value tier and the stage of a customer as the page shows them; empty while unknown."""
    known = CustomerMeasures.objects.filter(customer=customer)
    tier, stage = known.values_list("value_tier", "lifecycle_stage").first() or (None, None)
    return {"tier": tier or "", "stage": str(Stage(stage).label) if stage else ""}

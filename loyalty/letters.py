"""What a notice of loyalty says, in the language of whom it is for: a mail, or one short text.

The link to the customer's own page stands in it as a place that is filled when it leaves
(``customers.channels.links``), so that what is stored of the message opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers import company
from customers.channels.composing import UNSUBSCRIBE
from customers.models import Channel, Contact
from loyalty.ledger.expiring import idle_until
from loyalty.models import LoyaltyNotice, Membership, TierBenefit, TierMove
from loyalty.naming import called
from loyalty.tiers import progress as progressing
from loyalty.tiers.progress import amount_text, day_text

TEMPLATE = "loyalty_notice"
LINK = "loyalty_page"
_PLACE = "{{" + LINK + "}}"
Kind = LoyaltyNotice.Kind


@dataclass(frozen=True)
class Letter:
    """One notice: what ``send_message`` takes."""

    subject: str
    text: str
    html: str = ""
    template: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Any]:
        """Return it by the names of ``send_message``."""
        return {name: getattr(self, name) for name in ("subject", "text", "html", "template", "params")}


def language_of(contact: Contact) -> str:
    """Return the language in which a contact is written to: hers, the customer's, the company's."""
    said = contact.language or contact.customer.language or company.current().language
    return "zh-hans" if said.lower().startswith("zh") else "en"


def write(notice: LoyaltyNotice, *, contact: Contact, channel: str, has_page: bool, at: datetime) -> Letter:
    """Return what a notice says to a contact as things stand at ``at``; ``has_page``: with her own page."""
    with translation.override(language_of(contact)):
        subject, said = _PARTS[Kind(notice.kind)](notice, at)
        firm = company.current().name
        if channel != Channel.EMAIL:
            return _short(subject, contact=contact, firm=firm, has_page=has_page)
        paragraphs = [_("Dear %(name)s,") % {"name": contact.name}, *said]
        return _mail(subject, paragraphs, firm=firm, has_page=has_page)


def _mail(subject: str, paragraphs: Sequence[str], *, firm: str, has_page: bool) -> Letter:
    page, leave = _("Your points and your tier: %(link)s"), _("No more of these messages: %(link)s")
    end = [page % {"link": _PLACE}] if has_page else []
    text = "\n\n".join([*paragraphs, *end, firm, leave % {"link": UNSUBSCRIBE}]).strip() + "\n"
    lines = [format_html_join("<br>", "{}", ((line,) for line in part.split("\n"))) for part in paragraphs]
    html = format_html_join("", "<p>{}</p>", ((line,) for line in lines))
    if has_page:
        html += format_html('<p><a href="{}">{}</a></p>', _PLACE, _("Your points and your tier"))
    html += format_html("<p>{}</p>", firm)
    html += format_html('<p><a href="{}">{}</a></p>', UNSUBSCRIBE, _("No more of these messages"))
    return Letter(subject=subject, text=text, html=html)


def _short(subject: str, *, contact: Contact, firm: str, has_page: bool) -> Letter:
    """Return one text message; a provider of templates gets its parts."""
    values = {"company": firm, "text": subject, "link": _PLACE if has_page else ""}
    text = " ".join((_("%(company)s: %(text)s. %(link)s No more of these: reply TD") % values).split())
    params = {"name": contact.name[:500], "company": firm[:500], "text": subject[:500]}
    if has_page:
        params["link"] = _PLACE
    return Letter(subject=subject, text=text, template=TEMPLATE, params=params)


# --- Each kind --------------------------------------------------------------------------------
def _expiry(notice: LoyaltyNotice, at: datetime) -> tuple[str, list[str]]:
    values = {"n": f"{notice.points:,}", "day": day_text(notice.subject_id)}
    subject = ngettext(
        "%(n)s point expires after %(day)s", "%(n)s points expire after %(day)s", notice.points
    )
    used = ngettext(
        "%(n)s of your points can be used through %(day)s. After that day it expires.",
        "%(n)s of your points can be used through %(day)s. After that day they expire.",
        notice.points,
    )
    balance = notice.account.balance
    total = ngettext("In all you have %(n)s point.", "In all you have %(n)s points.", balance)
    said = [used % values, total % {"n": f"{balance:,}"}]
    if idle_until(notice.account.programme, notice.account.moved_day) == notice.subject_id:
        said.append(_("If you earn or use points by then, the rest stays."))
    return subject % values, said


def _tier_up(notice: LoyaltyNotice, at: datetime) -> tuple[str, list[str]]:
    move = _move_of(notice)
    name = called(move.to_tier)
    benefits = TierBenefit.objects.filter(tier=move.to_tier_id, is_retired=False).order_by("pk")
    said = [_("You are now in our tier %(tier)s.") % {"tier": name}]
    if names := [called(benefit) for benefit in benefits]:
        said.append("\n".join([_("It brings you:"), *(f"– {one}" for one in names)]))
    return _("You have reached %(tier)s") % {"tier": name}, said


def _grace(notice: LoyaltyNotice, at: datetime) -> tuple[str, list[str]]:
    found = progressing.progress_of(notice.account, at=at)
    values = {
        "amount": amount_text(found.to_keep, found),
        "tier": called(_move_of(notice).to_tier),
        "day": day_text(notice.latest_day),
    }
    return _("%(amount)s to keep %(tier)s, through %(day)s") % values, [_stays(values)]


def _stays(values: dict[str, str]) -> str:
    return (
        _("Your tier %(tier)s stays through %(day)s. With another %(amount)s by then you keep it.") % values
    )


def _tier_down(notice: LoyaltyNotice, at: datetime) -> tuple[str, list[str]]:
    move = _move_of(notice)
    found = progressing.progress_of(notice.account, at=at)
    if move.to_tier is None:
        subject = _("You are no longer in %(tier)s") % {"tier": called(move.from_tier)}
        said = [_("Your time in our tier %(tier)s is over.") % {"tier": called(move.from_tier)}]
    else:
        values = {"tier": called(move.to_tier), "was": called(move.from_tier)}
        subject = _("Your tier is now %(tier)s") % values
        said = [_("Your tier is no longer %(was)s but %(tier)s.") % values]
        until = notice.account.grace_until_day
        if found.is_in_grace and until is not None:  # no other notice says so
            values |= {"amount": amount_text(found.to_keep, found), "day": day_text(until)}
            subject = _("Your tier is now %(tier)s: %(amount)s to keep it, through %(day)s") % values
            said.append(_stays(values))
    if found.next_tier is not None and found.to_next is not None:
        values = {"amount": amount_text(found.to_next, found), "tier": called(found.next_tier)}
        said.append(_("With another %(amount)s you reach %(tier)s.") % values)
    return subject, said


def _membership(notice: LoyaltyNotice, at: datetime) -> tuple[str, list[str]]:
    membership = Membership.objects.select_related("plan__tier").get(pk=notice.subject_id)
    values = {"plan": called(membership.plan), "day": day_text(membership.ends_day)}
    said = [_("Your membership “%(plan)s” runs through %(day)s and does not renew by itself.") % values]
    if membership.plan.tier is not None:
        said.append(
            _("Until then it holds our tier %(tier)s for you.") % {"tier": called(membership.plan.tier)}
        )
    said.append(_("If you want to go on, just answer this message."))
    return _("Your membership “%(plan)s” ends on %(day)s") % values, said


def _move_of(notice: LoyaltyNotice) -> TierMove:
    return TierMove.objects.select_related("from_tier", "to_tier").get(pk=notice.subject_id)


_PARTS = {
    Kind.EXPIRY: _expiry,
    Kind.TIER_UP: _tier_up,
    Kind.GRACE: _grace,
    Kind.TIER_DOWN: _tier_down,
    Kind.MEMBERSHIP: _membership,
}

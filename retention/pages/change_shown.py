"""What the page of a change shows beside its customers: the states, what a crisis gathered, its effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from customers.models import Customer, Mention, User
from retention.changes import Effect
from retention.changes.effect import Difference, Share
from retention.models import BusinessChange, ConcernedCustomer

MOST_TAGS = 50


def told_of(change: BusinessChange, language: str) -> dict[str, Any]:
    """Return what a caller needs of a change, in her language."""
    names = ("explanation", "questions", "offer")
    return {"pk": change.pk, "title": str(change), **{name: change.said(name, language) for name in names}}


def state_views(request: HttpRequest, counts: dict[str, int], *, waiting: int) -> list[dict[str, Any]]:
    """Return the states as views of the list, each with how many stand there."""
    current = request.GET.get("state", "")
    labels = dict(ConcernedCustomer.State.choices)
    found = [("", _("All"), sum(counts.values())), ("waiting", _("Still waiting"), waiting)]
    found += [(state, str(capfirst(labels[state])), n) for state, n in counts.items()]
    return [
        {"url": f"?state={state}" if state else "?", "label": label, "count": n, "current": state == current}
        for state, label, n in found
    ]


def tags_of(change: BusinessChange, *, user: User) -> dict[str, Any]:
    """Return the newest of what a crisis gathered and this person may see, and how much there is of it."""
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    theirs = Q(complaint__void=False) & Q(Exists(visible.filter(pk=OuterRef("complaint__customer_id"))))
    public = Mention.objects.visible_to(user).filter(pk=OuterRef("mention_id"), void=False)  # type: ignore[attr-defined]
    rows = change.tags.filter(theirs | Q(Exists(public)))
    shown = rows.select_related("complaint__customer", "mention__customer").order_by("-pk")
    return {"tags": list(shown[:MOST_TAGS]), "tagged": rows.count()}


@dataclass(frozen=True)
class EffectLine:
    """One share that the effect compares, in words."""

    label: str
    lost: str
    share: str
    interval: str


def effect_lines(effect: Effect | None) -> list[EffectLine]:
    """Return the shares and the differences of an effect as the page writes them."""
    if effect is None:
        return []
    lines = [
        _line(_("Concerned, since"), effect.concerned),
        _line(_("The same customers, before"), effect.before),
        _line(_("Others of the same tiers, since"), effect.others),
    ]
    for label, difference in (
        (_("More than before"), effect.against_before),
        (_("More than others, tier by tier"), effect.against_others),
    ):
        if difference is not None:
            lines.append(_points(label, difference))
    return lines


def _line(label: str, share: Share) -> EffectLine:
    lost = _("%(lost)s of %(all)s") % {"lost": share.lost, "all": share.customers}
    if share.share is None or share.interval is None:
        return EffectLine(label, lost, "–", "")
    low, high = share.interval
    return EffectLine(label, lost, _percent(share.share), f"{_percent(low)} – {_percent(high)}")


def _points(label: str, one: Difference) -> EffectLine:
    return EffectLine(label, "", f"{one.more * 100:+.1f}", f"{one.low * 100:+.1f} – {one.high * 100:+.1f}")


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"

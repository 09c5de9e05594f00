"""What the timeline tells of loyalty: points that came and went, and tiers that changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext, ngettext

from loyalty.models import EntryNote, PointsEntry, Programme, Tier, TierMove
from loyalty.naming import called
from retention.timeline.places import Entry
from retention.timeline.sources import Source, Told, entry_of

_ENTRY = ("kind", "points", "pending", "debt", "note__text")
_TIER = ("name", "name_alt")
_MOVE = (
    "reason",
    "from_rank",
    "to_rank",
    *(f"{side}__{name}" for side in ("from_tier", "to_tier") for name in _TIER),
)
Kind, Reason = PointsEntry.Kind, TierMove.Reason
UNTOLD = (Kind.RELEASE, Kind.RECOVERY)
"""What became usable was told when it was earned; points that make up for a failure stand with the case."""


def sources(facts: dict[str, Any]) -> dict[str, Source]:
    """Return the sources; ``facts`` narrows them to one customer."""
    mine = {"customer": facts["customer"]}
    entries = PointsEntry.objects.filter(**mine).exclude(kind__in=UNTOLD)
    moves = TierMove.objects.filter(**mine)
    return {
        "points": Source(entries, "occurred_at", _ENTRY, _entry),
        "tier": Source(moves, "occurred_at", _MOVE, _move),
    }


def reasons_of(source: str, ids: Collection[int]) -> dict[int, str]:
    """Return why recovery points were granted, by what they were granted for; one query."""
    notes = EntryNote.objects.filter(
        entry__programme__in=Programme.objects.values("pk"),  # where the index begins
        entry__source_type=source,
        entry__source_id__in=ids,
        entry__kind=Kind.RECOVERY,
    )
    return {of: text for of, text in notes.values_list("entry__source_id", "text") if of is not None}


def _entry(row: Told) -> Entry:
    moved = row.points + row.pending - row.debt
    points = ngettext("%(n)s point", "%(n)s points", abs(moved)) % {"n": f"{abs(moved):,}"}
    said = {
        Kind.OPENING: gettext("Opening balance of %(points)s"),
        Kind.EARN: gettext("Earned %(points)s"),
        Kind.REDEEM: gettext("Redeemed %(points)s"),
        Kind.GIVE_BACK: gettext("Redemption cancelled: %(points)s came back"),
        Kind.TAKE_BACK: gettext("%(points)s taken back"),
        Kind.EXPIRE: gettext("%(points)s expired"),
        Kind.ADJUST: gettext("%(points)s given by hand")
        if moved > 0
        else gettext("%(points)s taken by hand"),
        Kind.GIFT: gettext("Gift of %(points)s"),
        Kind.TRANSFER_OUT: gettext("%(points)s moved to the customer that this one was merged into"),
        Kind.TRANSFER_IN: gettext("%(points)s came from a customer that was merged"),
    }
    kind = "points_gone" if row.kind in (Kind.EXPIRE, Kind.TAKE_BACK) else "points"
    title = said[Kind(row.kind)] % {"points": points}
    return entry_of("points", row, kind, title, text=row.note__text or "")


def _move(row: Told) -> Entry:
    values = {"to": _name(row, "to_tier"), "from": _name(row, "from_tier")}
    if row.reason == Reason.GRACE:
        return entry_of(
            "tier", row, "tier_lost", gettext("Below the threshold of %(from)s: grace began") % values
        )
    if row.reason == Reason.HELD:
        return entry_of("tier", row, "tier", gettext("Reached the threshold of %(to)s again") % values)
    if row.to_rank >= row.from_rank:
        return entry_of("tier", row, "tier", gettext("In the tier %(to)s now") % values)
    if not values["to"]:
        return entry_of("tier", row, "tier_lost", gettext("Lost the tier %(from)s") % values)
    return entry_of("tier", row, "tier_lost", gettext("Fell from %(from)s to %(to)s") % values)


def _name(row: Told, side: str) -> str:
    """Return what a tier of the row is called in the reader's language; "" where there is none."""
    name, other = getattr(row, f"{side}__name"), getattr(row, f"{side}__name_alt")
    return called(Tier(name=name, name_alt=other or "")) if name else ""

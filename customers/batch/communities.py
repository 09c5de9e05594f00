"""Landing memberships of communities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers import company
from customers.batch import people, references
from customers.batch.landing import count, in_chunks, land_rows
from customers.batch.records import FactRecord, Landed, Reference, Refusal
from customers.batch.theirs import is_theirs, theirs
from customers.communities import LeftBeforeJoined
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import Community, CommunityMembership, Contact, ImportBatch
from customers.writing import InTheFuture


class UnknownCommunity(Refused):
    code = "unknown_community"
    message = _("There is no community “%(name)s”. Let an admin add it under “Communities” first.")


@dataclass(slots=True, kw_only=True)
class CommunityRecord(FactRecord):
    """A membership of a community, named by its code or name; ``values`` may hold ``left_at``."""

    community: str
    contact: Reference | None = None


def upsert_communities(
    records: Iterable[CommunityRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change memberships of communities. Side effects: marks on the customers touched."""
    zone = company.current().time_zone
    communities = _communities()

    def land(chunk: list[CommunityRecord]) -> Landed:
        landed = Landed()
        sound = [record for record in chunk if _is_sound(record, communities, landed, at=at)]
        ids, known = people.customers_for(
            sound, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        contacts = theirs(Contact, "contact", known, source=source)
        wanted = []
        for record in known:
            if not is_theirs(record, ids[record.customer], "contact", contacts, landed):
                continue
            more: dict[str, Any] = {}
            if record.contact is not None:
                more["contact_id"] = contacts[record.contact][0]
            if "left_at" in record.values:
                left_at = record.values["left_at"]
                more["left_day"] = left_at and localtime.day_number(left_at, zone)
            wanted.append(
                references.wanted_fact(
                    record,
                    ids[record.customer],
                    zone=zone,
                    community_id=communities[record.community.strip().lower()],
                    **more,
                )
            )
        rows = land_rows(
            CommunityMembership, "communitymembership", wanted, source=source, batch=batch, at=at
        )
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def _communities() -> dict[str, int]:
    """Return the number of each community by every name that files may give it."""
    rows = list(Community.objects.order_by("-is_retired", "-pk").values_list("code", "name", "pk"))
    return {name.lower(): pk for _code, name, pk in rows} | {code.lower(): pk for code, _name, pk in rows}


def _is_sound(record: CommunityRecord, communities: dict[str, int], landed: Landed, *, at: datetime) -> bool:
    """Say whether a record can land; refuse it in ``landed`` otherwise."""
    left_at = record.values.get("left_at")
    refusal: tuple[str, Refused] | None = None
    if record.community.strip().lower() not in communities:
        refusal = ("community", UnknownCommunity(name=record.community))
    elif left_at is not None and left_at < record.occurred_at:
        refusal = ("left_at", LeftBeforeJoined())
    elif left_at is not None and left_at > at:
        refusal = ("left_at", InTheFuture())
    if refusal:
        landed.refused.append(Refusal(record, *refusal))
    return refusal is None

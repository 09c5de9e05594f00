"""How lines become mentions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from customers import mentions
from customers.imports.kinds import Context, Group, Outcome
from customers.imports.landing.together import land
from customers.mentions import MentionRecord, stars
from customers.models import Mention


def land_mentions(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change mentions; a file without a column of platforms is of that which its source names."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            MentionRecord(
                external_id=group.key,
                platform=platform_of(values, context.source),
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values=_said(values),
                history=context.history,
            )
        )

    def upsert(records: Sequence[MentionRecord], *, source: str, **rest: Any) -> Any:
        return mentions.upsert_mentions(records, source="import", **rest)

    return land(upsert, groups, records, context)


def platform_of(values: dict[str, Any], source: str) -> str:
    """Return the platform that a line names; else the one that its source is, else "other"."""
    usual = source if source in Mention.Platform.values else Mention.Platform.OTHER.value
    return values.get("platform") or usual


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """Return what a line says of a mention; a heading stands above its text."""
    said: dict[str, Any] = {name: values[name] for name in ("handle", "url") if name in values}
    if "text" in values or "title" in values:
        parts = (values.get("title") or "", values.get("text") or "")
        said["text"] = "\n".join(part for part in parts if part)
    if "rating" in values:
        said["rating"] = stars.read(values["rating"] or "")
    return said

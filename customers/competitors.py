"""The catalogue of competitors: found by any spelling, kept by hand, two made one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from customers.changing import ChangedMeanwhile
from customers.competitor_names import CompetitorNameRefused, key_of, plain
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import (
    Competitor,
    CompetitorName,
    CompetitorSighting,
    CompetitorSightingVersion,
    User,
)

MOST_ALIASES = 200
MOST_SUGGESTIONS = 200


class CompetitorNameTaken(Refused):
    code = "competitor_name_taken"
    message = _("“%(name)s” is a name of “%(competitor)s” already. Merge the two, or leave that name out.")


class TooManyAliases(Refused):
    code = "too_many_aliases"
    message = _("A competitor has at most %(most)s aliases.")


class CompetitorInUse(Refused):
    code = "competitor_in_use"
    message = _("“%(name)s” was seen at customers. Merge it into the right competitor instead.")


class CompetitorMerged(Refused):
    code = "competitor_merged"
    message = _("“%(name)s” was merged into another competitor. Load the page again.")


class UnknownCompetitor(Refused):
    code = "unknown_competitor"
    message = _("There is no competitor “%(name)s” in the catalogue.")


class SameCompetitor(Refused):
    code = "same_competitor"
    message = _("A competitor cannot be merged into itself. Choose another one.")


# --- Finding -----------------------------------------------------------------------------------
def standing() -> models.QuerySet[Competitor]:
    """Return the competitors that were not merged into another, by name."""
    return Competitor.objects.filter(merged_into=None)


def with_text(found: models.QuerySet[Competitor], text: str) -> models.QuerySet[Competitor]:
    """Keep the competitors that have the text in a name or alias, as it is written or in any spelling."""
    said = Q(name__icontains=text)
    try:
        said |= Q(key__contains=key_of(text))
    except CompetitorNameRefused:
        pass
    return found.filter(Exists(CompetitorName.objects.filter(said, competitor=OuterRef("pk"))))


def seen_of(competitor: Competitor) -> Q:
    """Return the condition for the sightings of a competitor and of all that were merged into it."""
    return Q(competitor=competitor) | Q(competitor__merged_into=competitor)


def suggestions() -> list[str]:
    """Return the names that a form proposes: the checked competitors first, cut to some."""
    return list(
        standing().order_by("-is_checked", "name", "pk").values_list("name", flat=True)[:MOST_SUGGESTIONS]
    )


def known(name: str) -> Competitor:
    """Return the competitor of a name in any spelling; raise :class:`UnknownCompetitor`."""
    row = CompetitorName.objects.filter(key=key_of(name)).select_related("competitor").first()
    if row is None:
        raise UnknownCompetitor(name=name)
    return row.competitor


def named_all(names: Iterable[str], *, by: User | None, at: datetime) -> dict[str, Competitor]:
    """Return the competitor of each name; one that nobody knows is entered "to be checked".

    Names that are none are left out. In the caller's transaction; raises ``IntegrityError`` when
    somebody else entered the same one meanwhile. Side effects: audit ``competitor.note``.
    """
    keys: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            keys[name] = key_of(name)
        except CompetitorNameRefused:
            continue
    found = {
        row.key: row.competitor
        for row in CompetitorName.objects.filter(key__in=set(keys.values())).select_related("competitor")
    }
    first = {key: name for name, key in reversed(keys.items())}  # how it was written first
    for key in sorted(first.keys() - found.keys()):  # in one order for everybody
        found[key] = _enter(plain(first[key]), key, by=by, at=at)
    return {name: found[key] for name, key in keys.items()}


def named(name: str, *, by: User | None, at: datetime) -> Competitor:
    """Return the competitor of a name, entered "to be checked" when nobody knows it.

    Raises :class:`CompetitorNameRefused`. Side effects: audit ``competitor.note`` for a new one.
    """
    key_of(name)
    try:
        with transaction.atomic():
            return named_all([name], by=by, at=at)[name]
    except IntegrityError:  # somebody else entered it meanwhile
        return named_all([name], by=by, at=at)[name]


def _enter(name: str, key: str, *, by: User | None, at: datetime) -> Competitor:
    competitor = Competitor.objects.create(name=name)
    CompetitorName.objects.create(competitor=competitor, name=name, key=key)
    audit.record("competitor.note", obj=competitor, by=by, at=at)
    return competitor


def aliases_of(competitor: Competitor) -> list[str]:
    """Return the other names of a competitor, in the order in which they came."""
    own = key_of(competitor.name)
    return [row.name for row in competitor.names.all() if row.key != own]


def mark_of(competitor: Competitor) -> str:
    """Return a mark of all that the catalogue says of a competitor: it changes when anything does."""
    said = [competitor.name, competitor.products, competitor.talking_points, competitor.is_checked]
    names = sorted(competitor.names.values_list("name", flat=True))
    return hashlib.sha256(repr([said, names]).encode()).hexdigest()[:16]


# --- Keeping the catalogue ---------------------------------------------------------------------
def add_competitor(
    *,
    name: str,
    aliases: Sequence[str] = (),
    products: str = "",
    talking_points: str = "",
    by: User | None,
    at: datetime,
) -> Competitor:
    """Add a competitor that somebody has looked at.

    Raises :class:`CompetitorNameRefused`, :class:`CompetitorNameTaken`, :class:`TooManyAliases`. Side
    effects: audit ``competitor.add``.
    """
    with transaction.atomic():
        competitor = Competitor.objects.create(
            name=plain(name), products=products, talking_points=talking_points, is_checked=True
        )
        _write_names(competitor, [name, *aliases])
        audit.record("competitor.add", obj=competitor, by=by, at=at)
    return competitor


def change_competitor(
    competitor: Competitor,
    *,
    name: str,
    aliases: Sequence[str],
    products: str,
    talking_points: str,
    is_checked: bool = True,
    read: str = "",
    by: User | None,
    at: datetime,
) -> Competitor:
    """Change what the catalogue says of a competitor; ``aliases`` are all of them.

    ``read``: the :func:`mark_of` what was read; refused when it stands otherwise by now. Raises
    ``ChangedMeanwhile``, :class:`CompetitorMerged`, :class:`CompetitorNameRefused`,
    :class:`CompetitorNameTaken`, :class:`TooManyAliases`. Side effects: audit ``competitor.change``,
    unless nothing changes.
    """
    wanted = {
        "name": plain(name),
        "products": products,
        "talking_points": talking_points,
        "is_checked": is_checked,
    }
    with transaction.atomic():
        competitor = _locked(competitor)
        if read and read != mark_of(competitor):
            raise ChangedMeanwhile()
        changed = sorted(field for field, value in wanted.items() if getattr(competitor, field) != value)
        for field in changed:
            setattr(competitor, field, wanted[field])
        if _write_names(competitor, [name, *aliases]):
            changed.append("names")
        if changed:
            competitor.save(update_fields=[*wanted])
            audit.record("competitor.change", obj=competitor, by=by, at=at, codes={"changed": changed})
    return competitor


def merge_competitors(source: Competitor, *, into: Competitor, by: User | None, at: datetime) -> Competitor:
    """Make two competitors one: ``source``'s names become aliases of ``into``, what was seen follows.

    No fact is written anew: ``source`` stays as a pointer. Raises :class:`SameCompetitor`,
    :class:`CompetitorMerged`. Side effects: audit ``competitor.merge``.
    """
    if source.pk == into.pk:
        raise SameCompetitor()
    with transaction.atomic():
        first, second = sorted((source, into), key=lambda one: one.pk)  # in one order for everybody
        locked = {row.pk: row for row in (_locked(first), _locked(second))}
        source, into = locked[source.pk], locked[into.pk]
        CompetitorName.objects.filter(competitor=source).update(competitor=into)
        Competitor.objects.filter(merged_into=source).update(merged_into=into)
        for field in ("products", "talking_points"):
            texts = [text for text in (getattr(into, field), getattr(source, field)) if text]
            most = Competitor._meta.get_field(field).max_length
            if len(joined := "\n".join(dict.fromkeys(texts))) <= (most or 0):
                setattr(into, field, joined)
        into.save(update_fields=["products", "talking_points"])
        source.merged_into = into
        source.save(update_fields=["merged_into"])
        audit.record("competitor.merge", obj=source, by=by, at=at, codes={"into": into.pk})
    return into


def remove_competitor(competitor: Competitor, *, by: User | None, at: datetime) -> None:
    """Take a competitor out of the catalogue that was never seen at a customer.

    Raises :class:`CompetitorInUse`, :class:`CompetitorMerged`. Side effects: audit ``competitor.remove``.
    """
    with transaction.atomic():
        competitor = _locked(competitor)
        theirs = [competitor.pk, *competitor.merged.values_list("pk", flat=True)]
        for fact in (CompetitorSighting, CompetitorSightingVersion):
            if fact._default_manager.filter(competitor_id__in=theirs).exists():
                raise CompetitorInUse(name=competitor.name)
        audit.record("competitor.remove", obj=competitor, by=by, at=at)
        Competitor.objects.filter(merged_into=competitor).delete()
        competitor.delete()


def _locked(competitor: Competitor) -> Competitor:
    """Return the row as it stands now, held to the end of the transaction."""
    row = Competitor.objects.select_for_update().filter(pk=competitor.pk).first()
    if row is None or row.merged_into_id is not None:
        raise CompetitorMerged(name=competitor.name)
    return row


def _write_names(competitor: Competitor, names: Sequence[str]) -> bool:
    """Let a competitor have exactly these names, its own first; say whether any differs."""
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(key_of(name), plain(name))
    if len(wanted) > MOST_ALIASES + 1:
        raise TooManyAliases(most=MOST_ALIASES)
    others = CompetitorName.objects.filter(key__in=wanted).exclude(competitor=competitor)
    if taken := others.select_related("competitor").first():
        raise CompetitorNameTaken(name=wanted[taken.key], competitor=taken.competitor.name)
    stand = {row.key: row for row in competitor.names.all()}
    gone = [row.pk for key, row in stand.items() if key not in wanted]
    respelt = [row for key, row in stand.items() if key in wanted and row.name != wanted[key]]
    new = [key for key in wanted if key not in stand]
    CompetitorName.objects.filter(pk__in=gone).delete()
    for row in respelt:
        row.name = wanted[row.key]
        row.save(update_fields=["name"])
    try:
        with transaction.atomic():
            CompetitorName.objects.bulk_create(
                CompetitorName(competitor=competitor, name=wanted[key], key=key) for key in new
            )
    except IntegrityError as error:
        raise CompetitorNameTaken(name=wanted[new[0]], competitor=wanted[new[0]]) from error
    return bool(gone or respelt or new)

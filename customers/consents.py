"""What people agreed to: recorded in statements that only add up, asked before anybody is contacted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company, objections
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.models import Channel, Consent, ConsentText, Contact, Purpose, User
from customers.models.consents import REACHING
from customers.writing import InTheFuture

CALLING = (Purpose.CARE, Purpose.SERVICE)  # what an account manager's calls are for
MOST_TEXT = 10_000


class NoStatement(Refused):
    code = "consent_without_purpose"
    message = _("Choose at least one purpose, and a channel for each purpose but profiling.")


class TextNotValid(Refused):
    code = "consent_text_not_valid"
    message = _("The text “%(text)s” is valid from %(day)s only: nobody agreed to it before.")


class TextEmpty(Refused):
    code = "consent_text_empty"
    message = _("Write the text in at least one language.")


@dataclass(frozen=True)
class State:
    """How things stand for one purpose and channel; ``is_given`` is ``None`` while nobody said anything."""

    is_given: bool | None
    since: datetime | None = None
    source: str = ""
    text_id: int | None = None


NOTHING_SAID = State(None)


def record_consent(
    contact: Contact,
    *,
    purposes: Iterable[str],
    channels: Iterable[str],
    is_given: bool,
    source: str,
    text: ConsentText | None = None,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> list[Consent]:
    """Record that a contact agreed to purposes by channels, or took that back; return the statements.

    What was recorded with the same content and moment already is returned as it stands.

    Args:
        purposes, channels: every pair is a statement; profiling is one without a channel.
        text: the version of the words that she agreed to.
        occurred_at: when she said so, ``at`` when unknown; never in the future.

    Profiling taken back is an objection too, and profiling agreed to lifts it. Raises
    :class:`NoStatement`, :class:`TextNotValid`, ``InTheFuture``, ``Erased``. Side effects: event
    ``consent.recorded``, audit ``consent.record``.
    """
    objections.refuse_erased(contact)
    occurred_at = occurred_at or at
    if occurred_at > at:
        raise InTheFuture()
    _refuse_text(text, at=occurred_at)
    pairs = _pairs(purposes, channels)
    with transaction.atomic():
        same = Consent.objects.filter(contact=contact, occurred_at=occurred_at, is_given=is_given)
        known = {(row.purpose, row.channel): row for row in same}
        rows = Consent.objects.bulk_create(
            Consent(
                contact=contact,
                purpose=purpose,
                channel=channel,
                is_given=is_given,
                source=Consent.Source(source),
                text=text,
                occurred_at=occurred_at,
                recorded_at=at,
                by=by,
            )
            for purpose, channel in pairs
            if (purpose, channel) not in known
        )
        if rows:
            _tell(contact, rows, by=by, at=at)
        if (Purpose.PROFILING, "") in pairs:
            follow_profiling(contact, source=source, by=by, at=at)
    return [*rows, *(known[pair] for pair in pairs if pair in known)]


def may_contact(contact: Contact, *, purpose: str, channel: str, at: datetime) -> bool:
    """Say whether ``contact`` may be reached for ``purpose`` by ``channel`` at ``at``.

    Service needs no consent, every other purpose does. What was taken back counts from its commit on,
    whatever moment it bears: a sender that looked at the clock a moment earlier must not send. Who has
    left or was erased is not reached. ``reserve_contact`` asks here.
    """
    if purpose not in REACHING or channel not in Channel.values:
        raise ValueError(f"nobody is reached for {purpose} by {channel}")
    if contact.erased_at is not None or (contact.left_on is not None and contact.left_on <= _day(at)):
        return False
    said = Consent.objects.filter(contact=contact, purpose=purpose, channel=channel).order_by()
    moments = said.aggregate(
        given=Max("occurred_at", filter=Q(is_given=True, occurred_at__lte=at)),
        withdrawn=Max("occurred_at", filter=Q(is_given=False)),
    )
    given, withdrawn = moments["given"], moments["withdrawn"]
    if withdrawn is not None and (given is None or given <= withdrawn):
        return False
    return given is not None or purpose == Purpose.SERVICE


def states(contact_ids: Sequence[int]) -> dict[int, dict[tuple[str, str], State]]:
    """Return how things stand for each contact, by purpose and channel; one query."""
    found: dict[int, dict[tuple[str, str], State]] = {pk: {} for pk in contact_ids}
    ordered = Consent.objects.filter(contact__in=contact_ids).order_by("occurred_at", "-is_given", "id")
    for row in ordered.values(
        "contact_id", "purpose", "channel", "is_given", "occurred_at", "source", "text_id"
    ):
        found[row["contact_id"]][row["purpose"], row["channel"]] = State(
            row["is_given"], row["occurred_at"], row["source"], row["text_id"]
        )
    return found


def history(contacts: QuerySet[Contact]) -> QuerySet[Consent]:
    """Return every statement of ``contacts``, the one recorded last first."""
    return (
        Consent.objects.filter(contact__in=contacts.order_by().values("pk"))
        .select_related("contact", "text", "by")
        .order_by("-id")
    )


def asked_not_to_be_called() -> Exists:
    """Return the condition, on a queryset of contacts, of those who do not want to be called.

    They took back calls for care or service, and did not agree to them again.
    """
    later = Consent.objects.filter(
        contact=OuterRef("contact"),
        purpose=OuterRef("purpose"),
        channel=Channel.PHONE,
        is_given=True,
        occurred_at__gt=OuterRef("occurred_at"),
    )
    taken_back = Consent.objects.filter(
        contact=OuterRef("pk"), purpose__in=CALLING, channel=Channel.PHONE, is_given=False
    )
    return Exists(taken_back.filter(~Exists(later)))


# --- Texts -------------------------------------------------------------------------------------
def add_text(
    *, code: str, text_en: str, text_zh: str, valid_from: date, by: User | None, at: datetime
) -> ConsentText:
    """Add a version of the words that people agree to; raise :class:`TextEmpty`.

    Side effects: audit ``consent_text.add``.
    """
    if not (text_en.strip() or text_zh.strip()):
        raise TextEmpty()
    for left in (1, 0):
        newest = ConsentText.objects.filter(code=code).aggregate(last=Max("version"))["last"] or 0
        try:
            with transaction.atomic():
                text = ConsentText.objects.create(
                    code=code,
                    version=newest + 1,
                    text_en=text_en.strip(),
                    text_zh=text_zh.strip(),
                    valid_from=valid_from,
                )
                audit.record("consent_text.add", obj=text, by=by, at=at, codes={"version": text.version})
            return text
        except IntegrityError:  # somebody else made this version at the same moment
            if not left:
                raise
    raise AssertionError("unreachable")


def texts_on(day: date) -> QuerySet[ConsentText]:
    """Return the newest version of each text that is valid on ``day``."""
    newer = ConsentText.objects.filter(
        code=OuterRef("code"), version__gt=OuterRef("version"), valid_from__lte=day
    )
    return ConsentText.objects.filter(valid_from__lte=day).filter(~Exists(newer)).order_by("code")


# --- Joining two records of one person ---------------------------------------------------------
def move(person: str, source: int, target: int) -> int:
    """Move the statements of one contact to another, as a mover: of two consents the stricter wins.

    Where one of the two had taken a consent back that stands, it stays taken back: a statement of the
    same moment as the newest agreement says so, which wins over it. Nothing else is changed, and that
    statement stays when the merge is undone.
    """
    if person != "contact":
        return 0
    before = states([source, target])
    moved = Consent.objects.filter(contact_id=source).update(contact_id=target)
    strict = []
    for pair in before[source].keys() & before[target].keys():
        one, other = before[source][pair], before[target][pair]
        if one.is_given == other.is_given:
            continue
        given = one if one.is_given else other
        moment: Any = given.since
        strict.append(
            Consent(
                contact_id=target,
                purpose=pair[0],
                channel=pair[1],
                is_given=False,
                source=Consent.Source.MERGE,
                occurred_at=moment,
                recorded_at=moment,
            )
        )
    Consent.objects.bulk_create(strict)
    return moved


def blocks_undo(batch_id: int) -> list[str]:
    """Return what stands in the way of taking an import back: statements of consent are never unsaid."""
    if not Consent.objects.filter(batch=batch_id).exists():
        return []
    return [str(_("It recorded consents, which are kept as evidence. Record what is right as new ones."))]


# --- Writing -----------------------------------------------------------------------------------
def follow_profiling(contact: Contact, *, source: str, by: User | None, at: datetime) -> None:
    """Let the newest word of a contact about profiling be an objection, or the end of one."""
    newest = states([contact.pk])[contact.pk].get((Purpose.PROFILING, ""), NOTHING_SAID)
    if newest.is_given is True:
        objections.lift(contact.customer, contact=contact, by=by, at=at)
    elif newest.is_given is False:
        objections.object_to_profiling(
            contact.customer, contact=contact, source=source, occurred_at=newest.since, by=by, at=at
        )


def _pairs(purposes: Iterable[str], channels: Iterable[str]) -> list[tuple[str, str]]:
    wanted = [Purpose(purpose) for purpose in dict.fromkeys(purposes)]
    ways = [Channel(channel) for channel in dict.fromkeys(channels)]
    pairs = [(str(p), "") for p in wanted if p == Purpose.PROFILING]
    reaching = [p for p in wanted if p != Purpose.PROFILING]
    if not wanted or (reaching and not ways):
        raise NoStatement()
    return [*pairs, *((str(p), str(c)) for p in reaching for c in ways)]


def _refuse_text(text: ConsentText | None, *, at: datetime) -> None:
    if text is not None and text.valid_from > _day(at):
        raise TextNotValid(text=text, day=text.valid_from.isoformat())


def _day(at: datetime) -> date:
    return day_of(company.today(at).number)


def _tell(contact: Contact, rows: list[Consent], *, by: User | None, at: datetime) -> None:
    codes = {
        "given": rows[0].is_given,
        "purposes": sorted({row.purpose for row in rows}),
        "channels": sorted({row.channel for row in rows if row.channel}),
    }
    said: dict[str, Any] = {"customer_id": contact.customer_id, "subject": contact}
    events.record("consent.recorded", **said, occurred_at=rows[0].occurred_at, data=codes)
    audit.record("consent.record", obj=contact, by=by, at=at, customer_id=contact.customer_id, codes=codes)

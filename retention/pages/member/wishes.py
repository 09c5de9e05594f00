"""How a contact may be reached: for what, by which way, how often; and her word on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from customers import consents, objections
from customers.contact import budget, frequency
from customers.contact.reserving import address_of
from customers.ground.numbers import whole
from customers.models import Channel, Consent, Contact, ContactClass, Purpose
from customers.models.consents import REACHING
from customers.models.contacting import TOGETHER
from retention.pages.member.visit import Visit

WANTED = (Purpose.OFFER, Purpose.CARE, Purpose.SURVEY, Purpose.SERVICE)
STOPPED = (Purpose.OFFER, Purpose.CARE, Purpose.SURVEY)
"""What one press ends; what she needs from us anyway she takes back one by one."""
_LIMITS = {
    Purpose.OFFER: (ContactClass.OFFER,),
    Purpose.CARE: (ContactClass.CARE,),
    Purpose.SURVEY: (ContactClass.EVENT_SURVEY, ContactClass.RELATIONSHIP_SURVEY),
}
Pair = tuple[str, str]


@dataclass(frozen=True)
class Way:
    """One way of reaching her for a purpose."""

    value: str  # purpose and channel, as the form sends them
    label: str
    is_on: bool
    is_ticked: bool  # as the form shows it: what stands, or what she sent and could not be kept


@dataclass(frozen=True)
class Wish:
    """One purpose: what it is, how often at most, and by which ways."""

    label: str
    help: str
    often: str
    ways: list[Way]


@dataclass(frozen=True)
class Frequency:
    """How often she may be contacted at most: one of the choices of the form."""

    value: str  # days, or nothing: as the company does
    label: str
    is_chosen: bool  # as the form shows it: what stands, or what she sent and could not be kept


@dataclass(frozen=True)
class Wishes:
    """All that she may say."""

    rows: list[Wish]
    together: str
    quiet: str
    frequencies: list[Frequency]
    frequency: str  # what stands
    is_profiled: bool
    is_profiling_ticked: bool
    by_another: bool  # the customer as a whole objects, which she cannot take back here


def of(visit: Visit, posted: QueryDict | None = None) -> Wishes:
    """Return how things stand for a contact; ``posted``: with the boxes as she sent them."""
    contact, limits, quiet = visit.contact, budget.limits(), budget.quiet_hours()
    known = consents.states([contact.pk])[contact.pk]
    ways = [way for way in Channel if address_of(contact, way) or any(one[1] == way for one in known)]
    rows = [
        Wish(
            _labels()[purpose][0],
            _labels()[purpose][1],
            _limits_of(purpose, limits),
            [_way(purpose, way, known, posted) for way in ways],
        )
        for purpose in WANTED
    ]
    standing = {row.contact_id for row in objections.standing_of(visit.customer)}
    is_profiled = contact.pk not in standing
    is_sent = posted is not None and "profiling_shown" in posted
    return Wishes(
        rows if ways else [],
        _often(limits[TOGETHER]),
        _quiet(quiet),
        _frequencies(contact, posted),
        _value(contact.at_most_once_in_days),
        is_profiled,
        "profiling" in posted if is_sent and posted is not None else is_profiled,
        None in standing,
    )


def keep(visit: Visit, posted: QueryDict) -> int:
    """Record what she changed on the form; return how many statements that made.

    Only what she changed counts: ``shown`` is what stood there, ``was`` what was ticked, ``may`` what is;
    ``often_was`` how often at most, ``often`` how often now.
    ``stop`` ends all of :data:`STOPPED`; what she unticked before that press is ended, too, and what she
    ticked is not begun. Raises ``FrequencyRefused``. Side effects: those of ``consents.record_consent`` and
    ``frequency.set_frequency``.
    """
    with transaction.atomic():
        hold(visit.contact)
        known = consents.states([visit.contact.pk])[visit.contact.pk]
        before, after = set(_pairs(posted.getlist("was"))), set(_pairs(posted.getlist("may")))
        seen = _pairs(posted.getlist("shown"))
        changed = [pair for pair in seen if (pair in before) != (pair in after)]
        new = [pair for pair in changed if _is_on(known, pair) != (pair in after)]
        given, ended = [pair for pair in new if pair in after], [pair for pair in new if pair not in after]
        is_stop = "stop" in posted
        if is_stop:
            off = [pair for pair in _pairs(_all_values()) if pair[0] in STOPPED and _may_end(known, pair)]
            given, ended = [], list(dict.fromkeys([*off, *ended]))
        _set_frequency(visit, posted, is_stop=is_stop)
        made = _record(visit, given, is_given=True) + _record(visit, ended, is_given=False)
        return made + _profiling(visit, posted, is_stop=is_stop)


def hold(contact: Contact) -> None:
    """Let one press of hers be done after the other: the second sees what the first said."""
    list(Contact.objects.select_for_update(no_key=True).filter(pk=contact.pk).values_list("pk"))


def _profiling(visit: Visit, posted: QueryDict, *, is_stop: bool) -> int:
    if "profiling_shown" not in posted:
        return 0
    was, wanted = "profiling_was" in posted, "profiling" in posted
    own = objections.standing_of(visit.customer).filter(contact=visit.contact).exists()
    if was == wanted or wanted == (not own) or (is_stop and wanted):
        return 0
    return _record(visit, [(Purpose.PROFILING, "")], is_given=wanted)


def _set_frequency(visit: Visit, posted: QueryDict, *, is_stop: bool) -> None:
    sent = posted.get("often")
    if sent is None or sent == posted.get("often_was"):
        return
    days = whole(sent) if sent else None
    if sent and days is None:
        raise frequency.FrequencyRefused()
    frequency.check(days)
    stands = Contact.objects.values_list("at_most_once_in_days", flat=True).get(pk=visit.contact.pk)
    if not (is_stop and frequency.is_more(days, stands)):
        frequency.set_frequency(visit.contact, days=days, by=None, at=visit.at)


def _frequencies(contact: Contact, posted: QueryDict | None) -> list[Frequency]:
    stands, labels = _value(contact.at_most_once_in_days), _frequency_labels()
    sent = posted.get("often") if posted is not None else None
    chosen = sent if sent in labels else stands
    return [Frequency(value, label, value == chosen) for value, label in labels.items()]


def _frequency_labels() -> dict[str, str]:
    found = {"": _("As you usually do")}
    for days in Contact.AtMostOnce:
        found[_value(days.value)] = _("At most once in %(days)s days") % {"days": days.value}
    return found


def _value(days: int | None) -> str:
    return "" if days is None else str(days)


def _way(
    purpose: Purpose, channel: Channel, known: dict[Pair, consents.State], posted: QueryDict | None
) -> Way:
    value, is_on = f"{purpose}:{channel}", _is_on(known, (purpose, channel))
    is_sent = posted is not None and value in posted.getlist("shown")
    is_ticked = value in posted.getlist("may") if is_sent and posted is not None else is_on
    return Way(value, str(channel.label), is_on, is_ticked)


def _record(visit: Visit, pairs: list[Pair], *, is_given: bool) -> int:
    """Record statements, one call for each purpose."""
    made = 0
    for purpose in dict.fromkeys(pair[0] for pair in pairs):
        rows = consents.record_consent(
            visit.contact,
            purposes=[purpose],
            channels=[channel for one, channel in pairs if one == purpose and channel],
            is_given=is_given,
            source=Consent.Source.LINK,
            by=None,
            at=visit.at,
        )
        made += len(rows)
    return made


def _is_on(known: dict[Pair, consents.State], pair: Pair) -> bool:
    """Say whether she may be reached: service unless she took it back, the rest once she agreed."""
    said = known.get((str(pair[0]), str(pair[1])), consents.NOTHING_SAID).is_given
    return said is True or (said is None and pair[0] == Purpose.SERVICE)


def _may_end(known: dict[Pair, consents.State], pair: Pair) -> bool:
    return known.get(pair, consents.NOTHING_SAID).is_given is not False


def _all_values() -> list[str]:
    return [f"{purpose}:{way}" for purpose in REACHING for way in Channel]


def _pairs(values: Iterable[str]) -> list[Pair]:
    """Return the pairs that values name; what names none is left out."""
    known = set(_all_values())
    found = dict.fromkeys(value for value in values if value in known)
    return [(value.partition(":")[0], value.partition(":")[2]) for value in found]


def _labels() -> dict[Any, tuple[str, str]]:
    return {
        Purpose.OFFER: (
            pgettext("what we contact somebody for", "Offers"),
            _("Prices, vouchers, news about what we sell."),
        ),
        Purpose.CARE: (
            pgettext("what we contact somebody for", "Care"),
            _("Birthday wishes and calls to keep in touch."),
        ),
        Purpose.SURVEY: (
            pgettext("what we contact somebody for", "Questions"),
            _("Whether you are satisfied."),
        ),
        Purpose.SERVICE: (
            _("What you need from us anyway"),
            _("Answers to your complaints, promised calls, receipts."),
        ),
    }


def _often(limit: budget.Limit) -> str:
    if limit.most is None:
        return _("As often as there is a reason.")
    words = ngettext("At most once in %(days)s days.", "At most %(most)s times in %(days)s days.", limit.most)
    return words % {"most": limit.most, "days": limit.days}


def _limits_of(purpose: Purpose, limits: dict[str, budget.Limit]) -> str:
    """Return how often she is contacted for a purpose; of surveys there are two kinds."""
    said = [_often(limits[code]) for code in _LIMITS.get(purpose, ())]
    if purpose != Purpose.SURVEY:
        return " ".join(said)
    values = {"event": said[0], "general": said[1]}
    return _("After you bought something or told us something: %(event)s In general: %(general)s") % values


def _quiet(quiet: budget.Quiet) -> str:
    if quiet.starts == quiet.ends:
        return ""
    hours = {
        name: f"{minute // 60:02d}:{minute % 60:02d}"
        for name, minute in (("starts", quiet.starts), ("ends", quiet.ends))
    }
    return _("Never between %(starts)s and %(ends)s.") % hours

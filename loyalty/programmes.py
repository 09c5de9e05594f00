"""The loyalty programme: made, changed, started, paused and resumed; every step is a version and audited."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from loyalty import ready
from loyalty.ledger.errors import NoProgramme
from loyalty.models import EarningRule, EarningRuleVersion, Programme, ProgrammeVersion
from loyalty.tiers import moving

State = Programme.State
LONGEST_REASON = 500
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MOST_POINTS = 1_000_000_000
MOST_REMINDERS = 8
SETTINGS = (
    "name",
    "name_alt",
    "pending_days",
    "rounding",
    "worth_of_100",
    "expiry",
    "expiry_months",
    "remind_days",
    "on_spent_return",
    "adjust_limit",
    "recovery_limit",
    "recovery_budget",
    "breakage_bp",
    "tier_basis",
    "tier_window",
    "tier_window_days",
    "tier_grace_days",
    "tier_fall",
    "referral_referrer",
    "referral_referred",
)
"""What :func:`change_programme` changes; state and first day have verbs of their own."""

_KEPT = (*SETTINGS, "state", "starts_day")  # what a version holds


class ProgrammeCodeTaken(Refused):
    code = "programme_code_taken"
    message = _("There is a programme with the code “%(code)s” already. Choose another code.")


class ProgrammeRuns(Refused):
    code = "programme_runs"
    message = _("Another programme runs already; only one can at a time.")


class ProgrammeStep(Refused):
    code = "programme_step"
    message = _("The programme is %(state)s: this step is not possible now. Load the page again.")


class ProgrammeChanged(Refused):
    code = "programme_changed"
    message = _(
        "Somebody else changed the programme meanwhile. Load the page again and make your change there."
    )


class NothingChanged(Refused):
    code = "programme_unchanged"
    message = _("Nothing was changed.")


class NoRuleCounts(Refused):
    code = "programme_without_rules"
    message = _("No earning rule is on, so nobody would earn anything. Turn one on first.")


class SettingRefused(Refused):
    """A setting cannot be so; ``field`` names it."""

    code = "programme_setting"

    def __init__(self, message: str | Promise, *, field: str, **values: object) -> None:
        super().__init__(message, field=field, **values)
        self.field = field


BETWEEN = _("“%(label)s” must be a whole number from %(least)s to %(most)s.")
EMPTY = _("“%(label)s” must not be empty, and has at most %(most)s characters.")
CHOICE = _("“%(label)s” must be one of: %(known)s.")
UNKNOWN = _("A programme has no setting “%(field)s”.")
BASIS = _(
    "The threshold of the tier “%(tier)s” is written in what is counted now. Retire the tiers that begin "
    "above zero, change this, and make them again with new thresholds."
)
REMINDERS = _("Reminders are up to %(most)s different numbers of days, from 1 to 365, for example 30, 7, 1.")
NO_CODE = _("A code has up to 40 small letters, digits and hyphens.")


def current(*, at: datetime | None = None) -> Programme | None:
    """Return the programme that runs (live or paused), or nothing; ``at``: only if it had begun by then."""
    programme = Programme.objects.exclude(state=State.DRAFT).first()
    if programme is None or at is None:
        return programme
    starts = programme.starts_day
    return programme if starts is not None and starts <= company.today(at).number else None


def needed() -> Programme:
    """Return the programme that runs; raise :class:`NoProgramme`."""
    programme = current()
    if programme is None:
        raise NoProgramme()
    return programme


@transaction.atomic
def create_programme(
    code: str,
    *,
    name: str,
    name_alt: str = "",
    settings: Mapping[str, Any] | None = None,
    with_ready_rules: bool = True,
    by: User | None,
    at: datetime,
) -> Programme:
    """Make a programme as a draft, in the company's base currency; return it.

    Args:
        settings: any of :data:`SETTINGS`; amounts in minor units, shares in basis points.
        with_ready_rules: deliver the rules of ``loyalty.ready``, of which the first is on.

    Raises :class:`ProgrammeCodeTaken`, :class:`SettingRefused`. Side effects: version 1, the ready rules,
    audit ``programme.create``.
    """
    if not _CODE.fullmatch(code):
        raise SettingRefused(NO_CODE, field="code")
    values = checked({"name": name, "name_alt": name_alt, "remind_days": [30, 15, 7, 1], **(settings or {})})
    try:
        with transaction.atomic():
            programme = Programme.objects.create(
                code=code, currency=company.current().base_currency, **values
            )
    except IntegrityError as error:
        raise ProgrammeCodeTaken(code=code) from error
    _note("programme.create", programme, reason="", by=by, at=at)
    if with_ready_rules:
        _deliver_rules(programme, by=by, at=at)
    return programme


def change_programme(
    programme: Programme,
    *,
    values: Mapping[str, Any],
    reason: str = "",
    version: int | None = None,
    by: User | None,
    at: datetime,
) -> Programme:
    """Change settings from now on; points that were earned keep their expiry. Return the programme.

    Args:
        version: the one that was read; whoever changed it since is not overwritten.

    Raises :class:`SettingRefused`, :class:`ProgrammeChanged`, :class:`NothingChanged`. Side effects: a new
    version, audit ``programme.change`` with the names of what changed.
    """
    with transaction.atomic():
        held = _hold(programme)
        if version is not None and held.version != version:
            raise ProgrammeChanged()
        now = {name: getattr(held, name) for name in SETTINGS}
        wanted = checked(values)
        changed = sorted(name for name, value in wanted.items() if now[name] != value)
        if not changed:
            raise NothingChanged()
        if "tier_basis" in changed:
            _refuse_thresholds(held)
        for name in changed:
            setattr(held, name, wanted[name])
        held.save(update_fields=changed)
        _note("programme.change", held, reason=reason, by=by, at=at, codes={"changed": changed})
    programme.refresh_from_db()
    return programme


def start_programme(
    programme: Programme, *, starts_on: date | None = None, by: User | None, at: datetime
) -> Programme:
    """Let a draft run: orders from the local day ``starts_on`` (empty: today) on earn.

    Raises :class:`ProgrammeStep`, :class:`ProgrammeRuns`, :class:`NoRuleCounts`. Side effects: a version,
    audit ``programme.start``; orders of days that are past earn in the next night.
    """
    day = starts_on.toordinal() if starts_on else company.today(at).number
    if not EarningRule.objects.filter(programme=programme, is_on=True).exists():
        raise NoRuleCounts()
    return _step(programme, {State.DRAFT}, State.LIVE, act="programme.start", by=by, at=at, starts_day=day)


def pause_programme(programme: Programme, *, reason: str = "", by: User | None, at: datetime) -> Programme:
    """Let nothing be earned from now on; what was earned can be used, and expires.

    Orders of the time in which it is paused never earn. Raises :class:`ProgrammeStep`. Side effects: a
    version, audit ``programme.pause``.
    """
    return _step(programme, {State.LIVE}, State.PAUSED, act="programme.pause", reason=reason, by=by, at=at)


def resume_programme(programme: Programme, *, reason: str = "", by: User | None, at: datetime) -> Programme:
    """Let orders earn again from now on; grace lasts as many days longer as nobody could earn.

    Raises :class:`ProgrammeStep`. Side effects: a version, audit ``programme.resume``; a tier move for each
    account in grace.
    """
    with transaction.atomic():
        moving.hold_graces(programme)  # accounts before the programme, as whoever grants points
        _step(programme, {State.PAUSED}, State.LIVE, act="programme.resume", reason=reason, by=by, at=at)
        paused_at = paused_spans(programme)[-1][0]
        if days := company.today(at).number - company.today(paused_at).number:
            moving.lengthen_grace(programme, days=days, at=at)
    return programme


def paused_spans(programme: Programme) -> list[tuple[datetime, datetime | None]]:
    """Return when it was paused: from, and until (open: still)."""
    spans: list[tuple[datetime, datetime | None]] = []
    for document, at in programme.versions.order_by("number").values_list("document", "at"):
        is_paused = document["state"] == State.PAUSED
        is_open = bool(spans) and spans[-1][1] is None
        if is_paused and not is_open:
            spans.append((at, None))
        elif is_open and not is_paused:
            spans[-1] = (spans[-1][0], at)
    return spans


def worth(programme: Programme, points: int) -> int:
    """Return what points are worth, in minor units, rounded half up."""
    whole = (abs(points) * programme.worth_of_100 + 50) // 100
    return whole if points >= 0 else -whole


# --- What settings may be ---------------------------------------------------------------------
def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as they are stored; raise :class:`SettingRefused`, which names the field."""
    found = {}
    for name, value in values.items():
        if name not in _CHECKS:
            raise SettingRefused(UNKNOWN, field=name)
        found[name] = _CHECKS[name](name, value)
    return found


def _label(name: str) -> str:
    return str(getattr(Programme._meta.get_field(name), "verbose_name", name))


def _between(least: int, most: int, *, may_be_empty: bool = False) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> int | None:
        if value is None and may_be_empty:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            values = {"label": _label(name), "least": f"{least:,}", "most": f"{most:,}"}
            raise SettingRefused(BETWEEN, field=name, **values)
        return value

    return check


def _text(most: int, *, may_be_empty: bool = False) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        text = value.strip() if isinstance(value, str) else ""
        if len(text) > most or not (text or may_be_empty):
            raise SettingRefused(EMPTY, field=name, label=_label(name), most=most)
        return text

    return check


def _choice(known: type[models.TextChoices]) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in known.values:
            raise SettingRefused(CHOICE, field=name, label=_label(name), known=", ".join(known.values))
        return str(value)

    return check


def _reminders(name: str, value: Any) -> list[int]:
    days = list(value) if isinstance(value, list | tuple) else [None]
    whole = [day for day in days if isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= 365]
    if len(whole) != len(days) or len(set(days)) != len(days) or len(days) > MOST_REMINDERS:
        raise SettingRefused(REMINDERS, field=name, most=MOST_REMINDERS)
    return sorted(whole, reverse=True)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "name": _text(100),
    "name_alt": _text(100, may_be_empty=True),
    "pending_days": _between(0, 365),
    "rounding": _choice(Programme.Rounding),
    "worth_of_100": _between(0, MOST_POINTS),
    "expiry": _choice(Programme.Expiry),
    "expiry_months": _between(1, 120),
    "remind_days": _reminders,
    "on_spent_return": _choice(Programme.OnSpentReturn),
    "adjust_limit": _between(0, MOST_POINTS),
    "recovery_limit": _between(0, MOST_POINTS),
    "recovery_budget": _between(0, MOST_POINTS, may_be_empty=True),
    "breakage_bp": _between(0, 10_000, may_be_empty=True),
    "tier_basis": _choice(Programme.Basis),
    "tier_window": _choice(Programme.Window),
    "tier_window_days": _between(1, 3650),
    "tier_grace_days": _between(0, 365),
    "tier_fall": _choice(Programme.Fall),
    "referral_referrer": _between(0, MOST_POINTS),
    "referral_referred": _between(0, MOST_POINTS),
}


# --- Steps and versions -----------------------------------------------------------------------
def _step(
    programme: Programme,
    allowed: set[State],
    state: State,
    *,
    act: str,
    reason: str = "",
    by: User | None,
    at: datetime,
    **values: Any,
) -> Programme:
    with transaction.atomic():
        held = _hold(programme)
        if held.state not in allowed:
            raise ProgrammeStep(state=held.get_state_display())
        held.state = state
        for name, value in values.items():
            setattr(held, name, value)
        try:
            with transaction.atomic():
                held.save(update_fields=["state", *values])
        except IntegrityError as error:
            raise ProgrammeRuns() from error
        _note(act, held, reason=reason, by=by, at=at)
    programme.refresh_from_db()
    return programme


def _refuse_thresholds(programme: Programme) -> None:
    """Refuse another basis while the threshold of a tier is in the unit of the old one."""
    tier = programme.tiers.filter(is_retired=False, threshold__gt=0).order_by("threshold", "pk").first()
    if tier is not None:
        raise SettingRefused(BASIS, field="tier_basis", tier=tier.name)


def _hold(programme: Programme) -> Programme:
    # its number stays: whoever holds accounts and writes rows of the programme need not wait
    return Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)


def _note(
    act: str,
    programme: Programme,
    *,
    reason: str,
    by: User | None,
    at: datetime,
    codes: dict[str, Any] | None = None,
) -> None:
    programme.version += 1
    programme.save(update_fields=["version"])
    ProgrammeVersion.objects.create(
        programme=programme,
        number=programme.version,
        document={name: getattr(programme, name) for name in _KEPT},
        reason=reason.strip()[:LONGEST_REASON],
        by=by,
        at=at,
    )
    audit.record(act, obj=programme, by=by, at=at, codes={"version": programme.version, **(codes or {})})


def _deliver_rules(programme: Programme, *, by: User | None, at: datetime) -> None:
    rules = EarningRule.objects.bulk_create(
        EarningRule(
            programme=programme,
            code=one.code,
            name=one.name,
            name_alt=one.name_alt,
            position=position,
            is_on=one.is_on,
            version=1,
        )
        for position, one in enumerate(ready.RULES, start=1)
    )
    EarningRuleVersion.objects.bulk_create(
        EarningRuleVersion(rule=rule, number=1, is_on=one.is_on, document=one.document, by=by, at=at)
        for rule, one in zip(rules, ready.RULES, strict=True)
    )

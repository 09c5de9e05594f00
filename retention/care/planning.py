"""Care plans: written as a draft, started, paused, written anew with a version each time."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import birthdays, company
from customers.birthdays import Birthday
from customers.channels import filling
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Channel, User
from customers.models.channels import SENDABLE
from loyalty.ledger import accounts
from retention import segments
from retention.care.letters import KNOWN, PLACEHOLDERS
from retention.models import CarePlan, CarePlanVersion, Segment
from retention.rules.holdout import LARGEST

MOST_POINTS, MOST_ORDERS, MOST_DAYS_BEFORE, MOST_TEXT = 1_000_000, 10_000, 30, 5_000
Kind, State = CarePlan.Occasion, CarePlan.State
SETTLED = ("code", "occasion", "festival", "calendar", "month", "day", "orders")
"""What says which occasion it is: it stays once a plan was started."""
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class CarePlanRefused(Refused):
    """``field``: what is to be mended."""

    code = "care_plan"
    message = _("%(why)s")

    def __init__(self, field: str, why: str | Promise) -> None:
        self.field = field
        super().__init__(why=str(why))


class CodeTaken(CarePlanRefused):
    code = "care_code_taken"

    def __init__(self, code: str) -> None:
        why = _("There is a plan with the code “%(code)s” already. Choose another code.")
        super().__init__("code", str(why) % {"code": code})


class CareStarted(CarePlanRefused):
    code = "care_plan_started"

    def __init__(self, field: str) -> None:
        why = _("This plan was started: its code and its occasion stay. Make another plan instead.")
        super().__init__(field, why)


class CareMoved(Refused):
    code = "care_plan_moved"
    message = _("Somebody else changed this plan meanwhile. Load the page again.")


@dataclass(frozen=True)
class Said:
    """All that a person says of a plan; ``holdout_share`` in hundredths of a percent.

    One language is enough: the other falls back on it.
    """

    code: str
    name: str
    occasion: str
    name_alt: str = ""
    festival: str = ""
    calendar: str = ""
    month: int | None = None
    day: int | None = None
    orders: int | None = None
    days_before: int = 0
    segment: Segment | None = None
    language: str = ""
    channel: str = ""
    subject_en: str = ""
    subject_zh: str = ""
    text_en: str = ""
    text_zh: str = ""
    points: int = 0
    gift_en: str = ""
    gift_zh: str = ""
    holdout_share: int = 0


def create_plan(said: Said, *, by: User | None, at: datetime) -> CarePlan:
    """Keep a plan as a draft: nobody is greeted.

    Raises :class:`CarePlanRefused` with the field to mend, :class:`CodeTaken`. Side effects: version 1,
    audit ``care.create``.
    """
    values = checked(said, at=at)
    salt = f"care-{said.code}-{secrets.token_hex(8)}"
    with transaction.atomic():
        try:
            with transaction.atomic():
                plan = CarePlan.objects.create(
                    **values, holdout_salt=salt, made_at=at, made_by=by, changed_at=at
                )
        except IntegrityError as error:
            if not CarePlan.objects.filter(code=said.code).exists():
                raise
            raise CodeTaken(said.code) from error
        _keep_version(plan, said, by=by, at=at)
        audit.record("care.create", obj=plan, by=by, at=at, codes={"occasion": plan.occasion})
    return plan


def change_plan(plan: CarePlan, said: Said, *, by: User | None, at: datetime) -> CarePlan:
    """Write a plan anew as its next version; who was greeted or drawn already stays so.

    Raises as :func:`create_plan`, :class:`CareStarted` for another occasion once it was started, and
    :class:`CareMoved` when somebody else was quicker. Side effects: audit ``care.change``.
    """
    values = checked(said, at=at)
    changed = sorted(name for name, value in values.items() if getattr(plan, name) != value)
    if not changed:
        return plan
    if plan.state != State.DRAFT and (settled := [name for name in SETTLED if name in changed]):
        raise CareStarted(settled[0])
    with transaction.atomic():
        same = CarePlan.objects.filter(pk=plan.pk, version=plan.version, state=plan.state)
        try:
            with transaction.atomic():
                is_mine = same.update(**values, version=plan.version + 1, changed_at=at)
        except IntegrityError as error:
            if not CarePlan.objects.filter(code=said.code).exclude(pk=plan.pk).exists():
                raise
            raise CodeTaken(said.code) from error
        if not is_mine:
            raise CareMoved()
        plan.refresh_from_db()
        _keep_version(plan, said, by=by, at=at)
        audit.record("care.change", obj=plan, by=by, at=at, codes={"fields": changed})
    return plan


def start_plan(plan: CarePlan, *, by: User | None, at: datetime) -> CarePlan:
    """Let a draft or paused plan greet: within minutes who is due today, then every night.

    Raises ``NoProgramme`` when it gives points and no programme runs, ``ConditionRefused`` when its segment
    no longer stands, :class:`CareMoved`. Side effects: audit ``care.start``.
    """
    if plan.points:
        accounts.running()
    if plan.segment is not None:
        segments.condition_of(plan.segment)
    first = plan.live_from_day or company.today(at).number
    return _move(
        plan, (State.DRAFT, State.PAUSED), State.LIVE, "care.start", by=by, at=at, live_from_day=first
    )


def pause_plan(plan: CarePlan, *, by: User | None, at: datetime) -> CarePlan:
    """Let a plan greet nobody until it is started again; what waits and is too late then is not sent.

    Raises :class:`CareMoved`. Side effects: audit ``care.pause``; contacts that were put off are given back
    within minutes.
    """
    return _move(plan, (State.LIVE,), State.PAUSED, "care.pause", by=by, at=at)


def said_of(plan: CarePlan) -> Said:
    """Return what stands of a plan."""
    return Said(**{name: getattr(plan, name) for name in Said.__dataclass_fields__})


def checked(said: Said, *, at: datetime) -> dict[str, Any]:
    """Return the columns of a plan that holds together; raise :class:`CarePlanRefused` with the field."""
    values = {name: getattr(said, name) for name in Said.__dataclass_fields__}
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = value.strip()
    if not _CODE.fullmatch(values["code"]):
        raise CarePlanRefused("code", _("Write a code of small letters, digits, - and _, at most 40."))
    if not values["name"]:
        raise CarePlanRefused("name", _("Give the plan a name."))
    if values["occasion"] not in Kind.values:
        raise CarePlanRefused("occasion", _("Choose the occasion."))
    _occasion(values, at=at)
    if not 0 <= values["days_before"] <= MOST_DAYS_BEFORE:
        raise CarePlanRefused("days_before", _("Days before: a number from 0 to 30."))
    if values["channel"] and values["channel"] not in SENDABLE:
        raise CarePlanRefused("channel", _("Nothing is sent by this channel."))
    if said.segment is not None and said.segment.retired_at is not None:
        raise CarePlanRefused("segment", _("This segment is retired. Choose another one."))
    _words(values)
    if not 0 <= values["points"] <= MOST_POINTS:
        raise CarePlanRefused("points", _("Points: a number from 0 to 1,000,000."))
    if values["points"] and (values["gift_en"] or values["gift_zh"]):
        raise CarePlanRefused("gift_en", _("Give either points or a gift, not both."))
    if not 0 <= values["holdout_share"] <= LARGEST:
        raise CarePlanRefused("holdout_share", _("Hold out a share from 0 to 50 %."))
    return values


def _occasion(values: dict[str, Any], *, at: datetime) -> None:
    """Check what belongs to the occasion; what belongs to another one is dropped."""
    is_festival = values["occasion"] == Kind.FESTIVAL
    if not is_festival:
        values["festival"] = ""
    elif values["festival"] not in CarePlan.Festival.values:
        raise CarePlanRefused("festival", _("Choose the festival."))
    if values["festival"] != CarePlan.Festival.OWN:
        values |= {"calendar": "", "month": None, "day": None}
    else:
        values["calendar"] = values["calendar"] or birthdays.SOLAR
        if values["month"] is None or values["day"] is None:
            raise CarePlanRefused("month" if values["month"] is None else "day", _("Write month and day."))
        try:
            birthdays.checked(Birthday(values["month"], values["day"], calendar=values["calendar"]), at=at)
        except Refused as refusal:
            raise CarePlanRefused("day", str(refusal)) from refusal
    if values["occasion"] != Kind.ORDERS:
        values["orders"] = None
        return
    if values["orders"] is None or not 1 <= values["orders"] <= MOST_ORDERS:
        raise CarePlanRefused("orders", _("After so many orders: a number from 1 to 10,000."))
    values["days_before"] = 0  # nobody is thanked for an order to come


def _words(values: dict[str, Any]) -> None:
    if not (values["text_en"] or values["text_zh"]):
        raise CarePlanRefused("text_en", _("Write the text, in English or Chinese."))
    is_mail = values["channel"] in ("", Channel.EMAIL)
    if is_mail and not (values["subject_en"] or values["subject_zh"]):
        raise CarePlanRefused("subject_en", _("An e-mail needs a subject, in English or Chinese."))
    for name in ("subject_en", "subject_zh", "text_en", "text_zh"):
        if len(values[name]) > MOST_TEXT:
            raise CarePlanRefused(name, _("At most 5,000 letters."))
        if unknown := sorted(filling.names_in(values[name]) - KNOWN):
            why = _("“%(name)s” is no placeholder. Known are: %(known)s.")
            said = {"name": unknown[0][:40], "known": ", ".join(PLACEHOLDERS)}
            raise CarePlanRefused(name, str(why) % said)


def _keep_version(plan: CarePlan, said: Said, *, by: User | None, at: datetime) -> None:
    values = asdict(said) | {"segment": said.segment.code if said.segment is not None else None}
    CarePlanVersion.objects.create(plan=plan, version=plan.version, said=values, at=at, by=by)


def _move(
    plan: CarePlan,
    before: tuple[CarePlan.State, ...],
    to: CarePlan.State,
    act: str,
    *,
    by: User | None,
    at: datetime,
    **fields: Any,
) -> CarePlan:
    with transaction.atomic():
        rows = CarePlan.objects.filter(pk=plan.pk, state__in=before, version=plan.version)
        if not rows.update(state=to, changed_at=at, **fields):
            raise CareMoved()
        audit.record(act, obj=plan, by=by, at=at, codes={"version": plan.version})
    plan.refresh_from_db()
    return plan

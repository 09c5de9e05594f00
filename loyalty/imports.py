"""Points of another system as a kind of data that files and programs bring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.errors import Refused
from customers.imports import errors
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id, words
from customers.imports.kinds import CellRefused, Context, Group, Kind, Outcome, register
from customers.imports.landing.together import creating, land, new_customer
from loyalty.landing import RANKS, PointsRecord, upsert_points
from loyalty.models import PointsEntry

Of = PointsEntry.Kind
MOST_POINTS = 10**12
_KINDS = words(
    {str(kind): str(kind) for kind in RANKS},
    opening="期初 期初余额 openingbalance balance",
    earn="获得 获取 赚取 earned accrual",
    redeem="兑换 使用 redeemed redemption spend",
    expire="过期 失效 expired expiry",
    adjust="调整 adjusted adjustment correction",
)


class NotWholePoints(Refused):
    code = "points_not_whole"
    message = _("Points are whole numbers. Write them without decimals, at most %(most)s.")


class NoPointsMoved(Refused):
    code = "points_none"
    message = _("The line moves no points. Write a number other than zero, or leave the line out.")


class ComesIn(Refused):
    code = "points_below_zero"
    message = _("What is earned, and an opening balance, is above zero. Points taken away are “adjust”.")


class ExpiresBefore(Refused):
    code = "points_expire_before"
    message = _("The points would expire before they came in. Correct one of the two days.")


def check_points(values: dict[str, Any], context: Context) -> None:
    """Refuse what no movement of points can be."""
    for name in ("occurred_at", "recorded_at"):
        if values.get(name) and values[name] > context.at:
            raise CellRefused(name, errors.Future())
    points = Decimal(values["points"])
    if points != int(points) or abs(points) > MOST_POINTS:
        raise CellRefused("points", NotWholePoints(most=f"{MOST_POINTS:,}"))
    if not points:
        raise CellRefused("points", NoPointsMoved())
    if values["kind"] in (Of.OPENING, Of.EARN) and points < 0:
        raise CellRefused("points", ComesIn())
    expires = values.get("expires_on")
    # the zone of the company is at most a day away from UTC: a file says it to the day
    if expires and expires.toordinal() < values["occurred_at"].astimezone(UTC).toordinal() - 1:
        raise CellRefused("expires_on", ExpiresBefore())


def place_of(values: dict[str, Any]) -> str:
    """Return where a line lands among others: by customer, moment, and what comes in first."""
    moment = values["occurred_at"].astimezone(UTC).isoformat(timespec="microseconds")
    return f"{values['customer']}\x1f{moment}\x1f{RANKS[values['kind']]}"


def land_points(groups: Sequence[Group], context: Context) -> Outcome:
    """Write movements of the past; what stands is left alone."""
    records = []
    for group in groups:
        values = group.first.values
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        points, expires = abs(int(values["points"])), values.get("expires_on")
        if values["kind"] == Of.ADJUST:
            points = int(values["points"])
        elif values["kind"] in (Of.REDEEM, Of.EXPIRE):
            points = -points
        records.append(
            PointsRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                kind=str(values["kind"]),
                points=points,
                expires_day=expires.toordinal() if isinstance(expires, date) and points > 0 else None,
                new_customer=new_customer(values),
            )
        )
    return land(creating(upsert_points, context), groups, records, context)


POINTS = Kind(
    "points",
    pgettext_lazy("of loyalty", "Points"),
    (
        external_id("entry", "entryid", "transaction", "transactionid", "流水号", "交易号", "积分流水号"),
        customer(),
        Field(
            "kind",
            _("what moved them"),
            Type.CHOICE,
            required=True,
            guesses=("kind", "type", "movement", "类型", "变动类型", "业务类型"),
            choices=_KINDS,
            example=(("opening", "期初余额"), ("earn", "获得"), ("adjust", "调整")),
        ),
        Field(
            "points",
            _("number of points"),
            Type.NUMBER,
            required=True,
            is_whole=True,
            guesses=("points", "amount", "quantity", "积分", "积分数", "变动积分"),
            example=("500", "120", "50"),
        ),
        Field(
            "occurred_at",
            _("moved at"),
            Type.MOMENT,
            required=True,
            guesses=("occurredat", "date", "day", "time", "movedat", "postedat", "日期", "时间", "发生时间"),
            example=(-30, -20, -10),
        ),
        Field(
            "expires_on",
            _("last day of the points that come in"),
            Type.DAY,
            guesses=("expireson", "expires", "expiry", "expirydate", "validuntil", "到期日", "有效期至"),
            default=None,
            example=(300, 345, ""),
        ),
        *NEW_CUSTOMER[:1],
        RECORDED,
    ),
    land_points,
    occurred="occurred_at",
    check=check_points,
    place=place_of,
)


def enter() -> None:
    """Enter the kind (in ``AppConfig.ready()``)."""
    register(POINTS)

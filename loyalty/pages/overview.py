"""The first page of loyalty: how the programme stands, and what waits for somebody."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.money import format_money, from_minor
from loyalty.ledger import statement
from loyalty.models import PointsAdjustment, Programme, Redemption
from loyalty.pages import charts, figures, shortfalls
from loyalty.pages.frame import running, show
from loyalty.pages.roles import SEES_FIGURES, SEES_LOYALTY

WAITING = 8
TO_FULFIL = (Redemption.State.ASKED, Redemption.State.READY)


@require_safe
@allow(*SEES_LOYALTY)
def overview(request: HttpRequest) -> HttpResponse:
    """Show the programme's figures to those who see them, and everybody what waits."""
    programme = running()
    if programme is None:
        return show(request, "overview.html", "overview", {}, programme=None)
    context = _waiting(request, programme)
    if request.user.role in SEES_FIGURES:  # type: ignore[union-attr]
        context |= _figures(programme)
    return show(request, "overview.html", "overview", context, programme=programme)


def _waiting(request: HttpRequest, programme: Programme) -> dict[str, Any]:
    """Return what waits for approval or to be handed over, the oldest first, and how much came short."""
    asked = PointsAdjustment.objects.visible_to(request.user).filter(state="asked")  # type: ignore[attr-defined]
    wanted = Redemption.objects.visible_to(request.user).filter(state__in=TO_FULFIL)  # type: ignore[attr-defined]
    counts = counted(asked=asked, wanted=wanted, short=shortfalls.visible(programme, request.user))
    return {
        "adjustments": asked.select_related("customer", "by").order_by("pk")[:WAITING]
        if counts["asked"]
        else (),
        "redemptions": wanted.select_related("customer", "reward").order_by("pk")[:WAITING]
        if counts["wanted"]
        else (),
        "counts": counts,
    }


def _figures(programme: Programme) -> dict[str, Any]:
    at = clock.now()
    today = company.today(at).number
    held = figures.outstanding(programme)
    months = figures.by_month(programme, today=today, now_outstanding=held.points)
    currency = programme.currency

    def in_money(minor: int) -> str:
        return charts.short(int(from_minor(minor, currency)))

    language = get_language() or "en"
    activity = charts.draw(
        [charts.Column(one.first, (one.earned,), (one.redeemed, one.expired)) for one in months],
        label=_("Points earned, redeemed and expired, month by month; the table says the same."),
        write=charts.short,
        css=("earned", "redeemed", "expired"),
    )
    worth_label = _("Worth of outstanding points, in %(currency)s") % {"currency": currency}
    worths = charts.draw(
        [charts.Column(one.first, (one.worth,)) for one in months],
        label=_("What outstanding points are worth at the end of each month; the table says the same."),
        write=in_money,
    )
    owed = statement.liability(programme, at)
    share = f"{owed.breakage_bp / 100:g} %"
    return {
        "held": held,
        "liability": owed,
        "breakage": share,
        "breakage_note": _("as measured over a year") if owed.is_measured else _("as the programme says"),
        "pending_worth": figures.worth(programme, held.pending),
        "expiring": [
            (span, points, format_money(figures.worth(programme, points), currency, language))
            for span, points in figures.expiring(programme, today=today)
        ],
        "months": months,
        "activity_chart": activity,
        "liability_chart": worths,
        "worth_label": worth_label,
    }

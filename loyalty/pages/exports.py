"""Accounts and their movements as files: all that the filter in the address shows, noted in the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from customers import company, exports
from customers.access import allow
from customers.ground import audit, clock, localtime
from customers.models import ExternalRef
from loyalty.landing import COMES_IN as LANDS
from loyalty.landing import NEVER
from loyalty.models import PointsEntry, PointsLot
from loyalty.pages.accounts import ListForm, narrowed
from loyalty.pages.frame import running
from loyalty.pages.roles import EXPORTS

_CHUNK = 1_000


@require_safe
@allow(*EXPORTS)
def account_export(request: HttpRequest) -> HttpResponseBase:
    """Hand out the accounts that the filter shows.

    With ``?what=entries`` all that moved the points of their customers; with ``?what=lots`` the points that
    can be used now, as ``import_data points`` reads them: they land with the same balances and last days.
    """
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    form = ListForm(request.GET, tiers=list(programme.tiers.filter(is_retired=False)))
    if not form.is_valid():
        messages.error(request, _("Nothing was taken away: the filter shows what is wrong with it."))
        return redirect(f"{reverse('loyalty:account_list')}?{request.GET.urlencode()}")
    found, _sort = narrowed(form, programme, request.user)
    if request.GET.get("what") == "entries":
        whose = found.order_by().values("customer")  # also what moved in accounts that went into theirs
        entries = PointsEntry.objects.filter(programme=programme, customer__in=whose)
        rows: QuerySet[Any] = entries.select_related("customer").order_by("pk")
        return _answer(request, rows, "points-entries", _entry_header(), _entry)
    if request.GET.get("what") == "lots":
        return _answer(request, _lots(found), "points", list(LOT_COLUMNS), _lot)
    first = PointsLot.objects.filter(
        account=OuterRef("pk"), left__gt=0, is_pending=False, expires_day__isnull=False
    ).order_by("expires_day")
    rows = found.select_related("customer", "tier").order_by("pk")
    rows = rows.annotate(next_expiry=Subquery(first.values("expires_day")[:1]))
    return _answer(request, rows, "points-accounts", _account_header(), _account)


def _account_header() -> list[str]:
    return [
        _("Id"),
        _("Customer's id"),
        _("Name"),
        pgettext("of an account", "Points"),
        _("Pending"),
        _("Debt of points"),
        pgettext("of loyalty", "Tier"),
        _("Next expiry"),
        _("Last movement"),
    ]


def _account(row: Any) -> Sequence[Any]:
    return (
        row.pk,
        row.customer_id,
        row.customer.name,
        row.balance,
        row.pending,
        row.debt,
        row.tier.code if row.tier else "",
        row.next_expiry and localtime.day_of(row.next_expiry),
        localtime.day_of(row.moved_day),
    )


LOT_COLUMNS = ("external_id", "customer", "kind", "points", "occurred_at", "expires_on")
"""The columns of ``loyalty.imports.POINTS``; not translated, so that every language reads them again."""


def _lots(found: QuerySet[Any]) -> QuerySet[Any]:
    """Return what can be used now, by lots. Pending points come into a later file under the same ids."""
    lots = PointsLot.objects.filter(account__in=found.order_by().values("pk"), left__gt=0, is_pending=False)
    names = ExternalRef.objects.filter(kind="customer", object_id=OuterRef("customer")).order_by("pk")
    rows: QuerySet[Any] = lots.select_related("entry").order_by("pk")
    return rows.annotate(called=Subquery(names.values("external_id")[:1]))


def _lot(row: Any) -> Sequence[Any]:
    entry = row.entry
    moment = entry.occurred_at
    if entry.occurred_day != row.earned_day:  # it came from another account, where it was earned before
        moment = localtime.start_of_day(row.earned_day, company.current().time_zone)
    return (
        f"lot-{row.pk}",
        row.called or f"customer-{row.customer_id}",
        entry.kind if entry.kind in LANDS else PointsEntry.Kind.OPENING.value,
        row.left,
        moment,
        NEVER if row.expires_day is None else localtime.day_of(row.expires_day),
    )


def _entry_header() -> list[str]:
    return [
        _("Id"),
        _("Customer's id"),
        _("Name"),
        pgettext("of an entry", "Kind"),
        pgettext("of an account", "Points"),
        _("Pending"),
        _("Debt of points"),
        _("Occurred at"),
        _("Recorded at"),
        _("Source"),
    ]


def _entry(row: Any) -> Sequence[Any]:
    return (
        row.pk,
        row.customer_id,
        row.customer.name,
        row.kind,
        row.points,
        row.pending,
        row.debt,
        row.occurred_at,
        row.recorded_at,
        f"{row.source_type} {row.source_id}" if row.source_type else "",
    )


def _answer(
    request: HttpRequest,
    rows: QuerySet[Any],
    name: str,
    header: list[str],
    cells: Callable[[Any], Sequence[Any]],
) -> HttpResponseBase:
    """Count and note what leaves, then write it; a sheet that is too long is refused."""
    form = "xlsx" if request.GET.get("format") == "xlsx" else "csv"
    count, at = rows.order_by().count(), clock.now()
    if form == "xlsx" and count > exports.MOST_ROWS:
        messages.error(request, _("A workbook holds a million lines at most. Take CSV, or filter."))
        return redirect("loyalty:account_list")
    named = f"{name}-{localtime.day_of(company.today(at).number).isoformat()}"
    if request.method == "HEAD":  # nothing leaves
        return exports.download((), header=header, form=form, name=named)
    codes = {"list": name, "format": form, "rows": count}
    audit.record("export.run", obj=None, by=request.user, at=at, codes=codes)

    def lines() -> Iterator[Sequence[Any]]:
        for row in rows.iterator(chunk_size=_CHUNK):
            yield cells(row)

    return exports.download(lines(), header=header, form=form, name=named)

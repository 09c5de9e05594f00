"""Lists as files: exactly what the filter in the address shows, all of it, and noted in the audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from customers import company, exports
from customers.access import allow
from customers.ground import audit, clock, localtime, money
from customers.models import Cause, Complaint, Customer, FeedbackKind, Mention
from retention.cases import queue
from retention.improving.showing import moves_of
from retention.models import BusinessChange, ConcernedCustomer, ImprovementAction, LossKind, RetentionCase
from retention.models.rules import CaseKind, Severity
from retention.pages.changes import drafted, followed
from retention.pages.complaints import complaints_of, kind_of, of_kind, open_complaints
from retention.pages.contracts import ContractFilter, contracts_of, shown_to, state_of
from retention.pages.customers import with_figures
from retention.pages.filters import CustomerFilter, QueueFilter
from retention.pages.improving.lists import SHOWN
from retention.pages.improving.lists import found as found_improvements
from retention.pages.losses import found_losses
from retention.pages.mentions import shown as shown_mentions
from retention.pages.queue import viewed

MAY_EXPORT = ("team_lead", "admin", "analyst")
_CHUNK = 1_000


@dataclass(frozen=True)
class Table:
    """What is written: the columns, and the rows one by one."""

    name: str
    header: list[str]
    rows: QuerySet[Any]
    cells: Any  # one row → its cells


@require_safe
@allow(*MAY_EXPORT)
def export_customers(request: HttpRequest) -> HttpResponseBase:
    """Hand out the customers that the filter shows."""
    found = CustomerFilter(
        request.GET,
        queryset=Customer.objects.visible_to(request.user),  # type: ignore[attr-defined]
        request=request,
    )
    kinds = _plain(Customer.Kind.choices)
    currency = company.current().base_currency

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.pk,
            row.name,
            row.name_alt,
            kinds[row.kind],
            row.segment,
            row.city,
            row.owner.username if row.owner else "",
            row.team.name if row.team else "",
            row.since,
            row.last_order_day and localtime.day_of(row.last_order_day),
            _major(row.spend, currency),
            _yes(row.has_case),
        )

    header = [
        _("Id"),
        _("Name"),
        _("Name in the other language"),
        _("Company or person"),
        _("Segment"),
        _("City"),
        _("Account manager"),
        _("Team"),
        _("Customer since"),
        _("Last order"),
        _("Spend, 12 months (%(currency)s)") % {"currency": currency},
        _("Open case"),
    ]
    rows = with_figures(found.qs).select_related("owner", "team")
    return _answer(request, Table("customers", header, rows, cells), filters=found)


@require_safe
@allow(*MAY_EXPORT)
def export_queue(request: HttpRequest) -> HttpResponseBase:
    """Hand out the cases that the filter of the queue shows."""
    at = clock.now()
    found = QueueFilter(request.GET, queryset=viewed(request), request=request, at=at)
    kinds, states = _plain(CaseKind.choices), _plain(RetentionCase.Status.choices)
    severities, zone = _plain(Severity.choices), company.current().time_zone
    currency = company.current().base_currency

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.pk,
            row.customer_id,
            row.customer.name,
            kinds[row.kind],
            severities[row.severity],
            states[row.status],
            row.assignee.username if row.assignee else "",
            _local(row.opened_at, zone),
            _local(row.due_at, zone),
            _major(row.margin_365d, currency),
        )

    header = [
        _("Case"),
        _("Customer's id"),
        _("Customer"),
        _("Kind"),
        _("Severity"),
        _("Status"),
        _("Held by"),
        _("Opened"),
        _("Due"),
        _("Margin, 12 months (%(currency)s)") % {"currency": currency},
    ]
    rows = queue.in_order(found.qs, at=at).select_related("customer", "assignee")
    return _answer(request, Table("queue", header, rows, cells), filters=found)


@require_safe
@allow(*MAY_EXPORT)
def export_complaints(request: HttpRequest) -> HttpResponseBase:
    """Hand out the open complaints, or all."""
    wants_all = request.GET.get("state") == "all"
    found = complaints_of(request.user) if wants_all else open_complaints(request.user)
    found = of_kind(found, kind_of(request))
    kinds = _plain(FeedbackKind.choices)
    states, severities = _plain(Complaint.State.choices), _plain(Complaint.Severity.choices)
    channels, zone = _plain(Complaint.Channel.choices), company.current().time_zone

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.pk,
            row.customer_id,
            row.customer.name,
            _local(row.occurred_at, zone),
            channels.get(row.channel, row.channel),
            row.category,
            severities[row.severity],
            states[row.state],
            _local(row.due_at, zone),
            row.text,
            kinds[row.kind],
            row.product.code if row.product else "",
            row.lot,
            str(row.cause or ""),
            _local(row.respond_by, zone),
        )

    header = [
        _("Complaint"),
        _("Customer's id"),
        _("Customer"),
        _("Complained at"),
        _("Channel"),
        _("Category"),
        _("Severity"),
        _("Status"),
        _("Due"),
        _("What went wrong"),
        _("Kind"),
        _("Product code"),
        _("Lot"),
        pgettext("of feedback", "Cause"),
        _("First response by"),
    ]
    rows = found.select_related("customer", "product", "cause").order_by("-pk" if wants_all else "pk")
    return _answer(request, Table("complaints", header, rows, cells), filters=None)


@require_safe
@allow(*MAY_EXPORT)
def export_mentions(request: HttpRequest) -> HttpResponseBase:
    """Hand out the mentions that the list shows with the filter."""
    platforms, sentiments = _plain(Mention.Platform.choices), _plain(Mention.Sentiment.choices)
    zone = company.current().time_zone

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.pk,
            platforms[row.platform],
            row.external_id,
            row.handle,
            _local(row.occurred_at, zone),
            row.rating,
            sentiments[row.sentiment],
            row.customer_id,
            row.customer.name if row.customer else "",
            row.text,
            row.url,
        )

    header = [
        _("Mention"),
        _("Platform"),
        _("Id there"),
        _("Name there"),
        _("Posted at"),
        _("Stars"),
        _("Sentiment"),
        _("Customer's id"),
        _("Customer"),
        _("Text"),
        _("Address"),
    ]
    rows = shown_mentions(request.user, request.GET).select_related("customer").order_by("-pk")
    return _answer(request, Table("mentions", header, rows, cells), filters=None)


@require_safe
@allow(*MAY_EXPORT)
def export_contracts(request: HttpRequest) -> HttpResponseBase:
    """Hand out the contracts that the list, or the month of the calendar, shows with the filter."""
    day = company.today(clock.now()).number
    found = ContractFilter(request.GET, queryset=contracts_of(request.user), request=request)

    def cells(row: Any) -> Sequence[Any]:
        owner = row.owner or row.customer.owner
        return (
            row.pk,
            row.number,
            row.customer_id,
            row.customer.name,
            localtime.day_of(row.starts_day),
            localtime.day_of(row.ends_day),
            row.notice_day and localtime.day_of(row.notice_day),
            _yes(row.auto_renew),
            _major(row.value, row.currency),
            row.currency,
            owner.username if owner else "",
            state_of(row, day=day)[0],
        )

    header = [
        _("Contract"),
        _("Number"),
        _("Customer's id"),
        _("Customer"),
        _("Begins"),
        _("Ends"),
        _("Notice until"),
        _("Renews itself"),
        _("Value of the term"),
        _("Currency"),
        _("Account manager"),
        _("Status"),
    ]
    rows = shown_to(request, found.qs, day=day)
    return _answer(request, Table("contracts", header, rows, cells), filters=found)


@require_safe
@allow(*MAY_EXPORT)
def export_change(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Hand out whom a change concerns: of a draft who would be, else how far each was followed."""
    change = get_object_or_404(BusinessChange, pk=pk)
    currency, zone = company.current().base_currency, company.current().time_zone
    states = _plain(ConcernedCustomer.State.choices)
    margin = _("Margin, 12 months (%(currency)s)") % {"currency": currency}
    first = [_("Customer's id"), _("Customer"), _("Account manager"), _("Value tier"), margin]
    if change.announced_at is None:
        who = drafted(request, change).order_by("pk")

        def would(row: Any) -> Sequence[Any]:
            owner, brings = row.owner.username if row.owner else "", _major(row.margin, currency)
            return (row.pk, row.name, owner, row.value_tier, brings, _yes(row.has_case))

        return _answer(request, Table("change", [*first, _("Open case")], who, would), filters=None)

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.customer_id,
            row.customer.name,
            row.customer.owner.username if row.customer.owner else "",
            row.tier,
            _major(row.margin_365d, currency),
            states[row.state],
            _local(row.changed_at, zone),
            row.unsent_reason,
            row.case_id,
            _yes(row.is_late),
        )

    more = [_("State"), _("Since"), _("Why no notice left"), _("Case"), _("Came in later")]
    rows = followed(request, change).order_by("pk")
    return _answer(request, Table("change", [*first, *more], rows, cells), filters=None)


@require_safe
@allow(*MAY_EXPORT)
def export_losses(request: HttpRequest) -> HttpResponseBase:
    """Hand out the losses that the filter shows."""
    found = found_losses(request, at=clock.now())
    types, kinds = _plain(RetentionCase.ChurnType.choices), _plain(LossKind.choices)
    currency, zone = company.current().base_currency, company.current().time_zone
    causes = {cause.pk: str(cause) for cause in Cause.objects.all()}

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.pk,
            row.customer_id,
            row.customer.name,
            _local(row.occurred_at, zone),
            _local(row.recorded_at, zone),
            types.get(row.churn_type, ""),
            kinds[row.found_by],
            _major(row.margin_365d, currency),
            "" if row.is_valuable is None else _yes(row.is_valuable),
            row.days_ahead,
            _local(row.ended_at, zone),
            row.revisit_day and localtime.day_of(row.revisit_day),
            "; ".join(causes[pk] for pk in row.named_in_interviews),
        )

    header = [
        _("Loss"),
        _("Customer's id"),
        _("Customer"),
        _("Lost since"),
        _("Found"),
        _("Type"),
        _("Found by"),
        _("Margin a year before (%(currency)s)") % {"currency": currency},
        _("Valuable"),
        _("Days that a warning came before"),
        _("Returned"),
        _("Next revisit"),
        _("Causes named by the customer"),
    ]
    rows = found.qs.select_related("customer").prefetch_related("stated").order_by("-occurred_at", "-pk")
    return _answer(request, Table("losses", header, rows, cells), filters=found)


@require_safe
@allow(*MAY_EXPORT)
def export_improvements(request: HttpRequest) -> HttpResponseBase:
    """Hand out the improvements of the view that is shown."""
    shown = request.GET.get("state", "")
    shown = shown if shown in SHOWN else "open"
    states, currency = _plain(ImprovementAction.State.choices), company.current().base_currency
    zone = company.current().time_zone

    def cells(row: Any) -> Sequence[Any]:
        return (
            row.pk,
            row.title,
            states[row.state],
            row.owner.username,
            "; ".join(str(cause) for cause in row.causes.all()),
            row.product.code if row.product else "",
            row.lot,
            moves_of(row),
            _major(row.cost, currency),
            row.begins_on,
            row.due_on,
            _local(row.ended_at, zone),
            row.pieces,
        )

    header = [
        _("Improvement"),
        _("Title"),
        _("Status"),
        _("Owner"),
        _("Causes"),
        _("Product"),
        _("Lot"),
        _("Should move"),
        _("Cost (%(currency)s)") % {"currency": currency},
        _("Begins"),
        _("Due"),
        _("Ended"),
        _("Pieces of feedback"),
    ]
    rows = found_improvements(request.user, shown).select_related("owner", "product", "survey")
    rows = rows.prefetch_related("causes").annotate(pieces=Count("feedback"))
    return _answer(request, Table("improvements", header, rows, cells), filters=None)


def _answer(request: HttpRequest, table: Table, *, filters: Any) -> HttpResponseBase:
    """Count and note what leaves, then write it; a sheet that is too long is refused."""
    form = "xlsx" if request.GET.get("format") == "xlsx" else "csv"
    count = table.rows.order_by().count()
    if form == "xlsx" and count > exports.MOST_ROWS:
        messages.error(request, _("A workbook holds a million lines at most. Take CSV, or filter."))
        return redirect(f"retention:{_LISTS[table.name]}")
    codes: dict[str, Any] = {"list": table.name, "format": form, "rows": count}
    if filters is not None and filters.form.is_valid():
        codes |= _codes(filters.form.cleaned_data)
    elif request.GET.get("state") == "all":
        codes["state"] = "all"
    audit.record("export.run", obj=None, by=request.user, at=clock.now(), codes=codes)
    name = f"{table.name}-{localtime.day_of(company.today(clock.now()).number).isoformat()}"
    return exports.download(_cells(table), header=table.header, form=form, name=name)


_LISTS = {
    "customers": "customer_list",
    "queue": "queue",
    "complaints": "complaint_list",
    "contracts": "contract_list",
    "losses": "loss_list",
    "change": "change_list",
    "improvements": "improvement_list",
    "mentions": "mention_list",
    "inbox": "inbox",
}


def _cells(table: Table) -> Iterator[Sequence[Any]]:
    for row in table.rows.iterator(chunk_size=_CHUNK):
        yield table.cells(row)


def _codes(values: dict[str, Any]) -> dict[str, Any]:
    """Return the filters as codes: which were set, and to what where that is a code and no text."""
    told: dict[str, Any] = {"filters": [name for name, value in values.items() if value not in (None, "")]}
    for name in told["filters"]:
        value = getattr(values[name], "pk", values[name])
        if name not in {"q", "city", "segment"} and isinstance(value, int | str):
            told[f"filter_{name}"] = value
    return told


def _plain(choices: Any) -> dict[Any, str]:
    """Return labels in the language of the request: the rows are written when it has ended."""
    return {code: str(capfirst(label)) for code, label in choices}


def _yes(flag: bool) -> str:
    return _("yes") if flag else _("no")


def _local(moment: Any, zone: str) -> Any:
    return moment and localtime.to_local(moment, zone).replace(tzinfo=None)


def _major(amount: int | None, currency: str) -> Any:
    return None if amount is None else money.from_minor(amount, currency)

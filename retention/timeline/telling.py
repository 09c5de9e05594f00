"""The sources of the timeline: each gives its newest rows in one query and words them when shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import get_language, gettext

from customers.ground.localtime import start_of_day
from customers.ground.models import Company
from customers.ground.money import format_money
from customers.models import ComplaintEvent, Contract, Customer, Interaction, Order, Ownership, User
from retention.models import CaseMove, EarlyWarning, FollowUpCall, MoveKind, RetentionCase
from retention.rules import evidence_sentence
from retention.timeline.places import Entry, Place

Row = tuple[Place, Callable[[], Entry]]
"""Where an entry stands, and what words it."""

_STEPS = (  # those that calls do not tell already
    MoveKind.OPENED,
    MoveKind.JOINED,
    MoveKind.ASSIGNED,
    MoveKind.REASSIGNED,
    MoveKind.UNASSIGNED,
    MoveKind.ESCALATED,
    MoveKind.DIAGNOSED,
    MoveKind.CLOSED,
    MoveKind.RECOVERED,
)


@dataclass(frozen=True)
class Teller:
    """Reads the newest rows of every source behind a place and words them."""

    customer: Customer
    company: Company
    before: Place | None
    most: int

    def rows(self) -> Iterator[Row]:
        facts = {"customer": self.customer, "void": False}
        yield from self._of("order", Order.objects.filter(**facts), self._order)
        yield from self._of("interaction", self._interactions(facts), self._interaction)
        steps = ComplaintEvent.objects.filter(**facts).select_related("complaint")
        yield from self._of("complaint", steps, self._complaint)
        yield from self._contracts(facts)
        owners = Ownership.objects.filter(**facts).select_related("user", "team")
        yield from self._of("owner", owners, self._owner)
        yield from self._warnings()
        yield from self._steps()
        done = FollowUpCall.objects.filter(customer=self.customer, status=FollowUpCall.Status.DONE)
        yield from self._of("call", done.select_related("by"), self._call, moment="done_at")

    def _of(
        self, source: str, rows: QuerySet[Any], word: Callable[[Any], Entry], *, moment: str = "occurred_at"
    ) -> Iterator[Row]:
        """Yield the newest rows of one source, each with how to word it."""
        for place, row in self._newest(source, rows, moment=moment):
            yield place, lambda row=row: word(row)

    def _newest(self, source: str, rows: QuerySet[Any], *, moment: str) -> Iterator[tuple[Place, Any]]:
        """Yield the newest rows of one source behind the place."""
        if self.before is not None:
            rows = rows.filter(_behind(self.before, source, moment))
        for row in rows.order_by(f"-{moment}", "-pk")[: self.most]:
            yield Place(getattr(row, moment), source, row.pk), row

    # --- What happened ------------------------------------------------------------------------
    def _order(self, order: Order) -> Entry:
        amount = _money(order.sold - order.returned, order.currency)
        values = {"number": order.number or order.pk, "amount": amount}
        if order.status == Order.Status.CANCELLED:
            title = gettext("Cancelled order %(number)s, %(amount)s")
        elif order.is_purchase:
            title = gettext("Ordered %(number)s, %(amount)s")
        else:
            title = gettext("Returned goods %(number)s, %(amount)s")
        return _entry("order", order, "order" if order.is_purchase else "return", title % values)

    def _interactions(self, facts: dict[str, Any]) -> QuerySet[Interaction]:
        """Those that no follow-up call tells already."""
        told = FollowUpCall.objects.filter(interaction=OuterRef("pk"))
        return Interaction.objects.filter(~Exists(told), **facts).select_related("by")

    def _interaction(self, interaction: Interaction) -> Entry:
        values = {"kind": interaction.get_kind_display()}
        if not interaction.reached:
            title = gettext("%(kind)s: nobody reached")
        elif interaction.direction == Interaction.Direction.IN:
            title = gettext("%(kind)s: they contacted us")
        else:
            title = gettext("%(kind)s: we contacted them")
        title = _capital(title % values)
        return _entry(
            "interaction", interaction, "interaction", title, text=interaction.text, by=_name(interaction.by)
        )

    def _complaint(self, step: ComplaintEvent) -> Entry:
        title = {
            ComplaintEvent.Kind.OPENED: gettext("Complained"),
            ComplaintEvent.Kind.DUE: gettext("Complaint got another due date"),
            ComplaintEvent.Kind.ACKNOWLEDGED: gettext("Complaint acknowledged"),
            ComplaintEvent.Kind.RESOLVED: gettext("Complaint resolved"),
            ComplaintEvent.Kind.REOPENED: gettext("Complaint reopened"),
        }[ComplaintEvent.Kind(step.kind)]
        text = step.complaint.text if step.kind == ComplaintEvent.Kind.OPENED else ""
        return _entry("complaint", step, "complaint", title, text=text, severity=step.complaint.severity)

    def _contracts(self, facts: dict[str, Any]) -> Iterator[Row]:
        """A contract tells up to three things; a customer has few of them, so all are read."""
        for contract in Contract.objects.filter(**facts):
            values = {"number": contract.number, "amount": _money(contract.value, contract.currency)}
            told = {
                "contract_signed": (contract.occurred_at, gettext("Signed contract %(number)s, %(amount)s")),
                "contract_renewed": (self._day(contract.renewed_day), gettext("Renewed contract %(number)s")),
                "contract_ended": (
                    self._day(contract.terminated_day),
                    gettext("Terminated contract %(number)s"),
                ),
            }
            for source, (moment, title) in told.items():
                if moment is None:
                    continue
                place = Place(moment, source, contract.pk)
                if self.before is None or place < self.before:
                    entry = Entry(str(place), moment, "contract", title % values)
                    yield place, lambda entry=entry: entry

    def _day(self, day: int | None) -> datetime | None:
        return None if day is None else start_of_day(day, self.company.time_zone)

    def _owner(self, ownership: Ownership) -> Entry:
        if ownership.user is None:
            title = gettext("Nobody looks after the customer any more")
        else:
            title = gettext("%(name)s looks after the customer now") % {"name": ownership.user}
        return _entry("owner", ownership, "owner", title)

    # --- What we noticed ----------------------------------------------------------------------
    def _warnings(self) -> Iterator[Row]:
        """Those that belong to a case: what was withheld, or a baseline, never got one."""
        withheld = Q(state=EarlyWarning.State.WITHHELD) | Q(is_baseline=True) | Q(case__isnull=True)
        told = EarlyWarning.objects.filter(~withheld, customer=self.customer).select_related("rule")
        yield from self._of("warning", told, self._warning, moment="raised_at")
        gone = told.filter(closed_because=EarlyWarning.Closed.SIGN_GONE)
        yield from self._of("warning_gone", gone, self._gone, moment="closed_at")

    def _warning(self, warning: EarlyWarning) -> Entry:
        title = gettext("Warning: %(rule)s") % {"rule": warning.rule}
        return _entry(
            "warning",
            warning,
            "warning",
            title,
            moment="raised_at",
            text=evidence_sentence(
                warning, language=get_language() or "en", currency=self.company.base_currency
            ),
            severity=warning.severity,
            case_id=warning.case_id,
        )

    def _gone(self, warning: EarlyWarning) -> Entry:
        title = gettext("The sign is gone: %(rule)s") % {"rule": warning.rule}
        return _entry("warning_gone", warning, "warning", title, moment="closed_at", case_id=warning.case_id)

    # --- What we did --------------------------------------------------------------------------
    def _steps(self) -> Iterator[Row]:
        steps = CaseMove.objects.filter(case__customer=self.customer, kind__in=_STEPS)
        rows = list(self._newest("step", steps.select_related("by", "case"), moment="at"))
        mentioned = {person for _place, step in rows for person in _mentioned(step)}
        names = {user.pk: str(user) for user in User.objects.filter(pk__in=mentioned)}
        for place, step in rows:
            yield place, lambda step=step: self._step(step, names)

    def _step(self, step: CaseMove, names: dict[int, str]) -> Entry:
        case: RetentionCase = step.case
        text = ""
        if step.kind == MoveKind.OPENED:
            text = case.reason
        elif step.kind == MoveKind.CLOSED:
            text = case.outcome_reason
        title = _step_title(step, case, [names[pk] for pk in _mentioned(step) if pk in names])
        severity = case.severity if step.kind == MoveKind.OPENED else None
        return _entry(
            "step",
            step,
            "case",
            title,
            moment="at",
            text=text,
            by=_name(step.by),
            case_id=case.pk,
            severity=severity,
        )

    def _call(self, call: FollowUpCall) -> Entry:
        title = gettext("Follow-up call: %(outcome)s") % {"outcome": call.get_outcome_display()}
        return _entry(
            "call",
            call,
            "call",
            title,
            moment="done_at",
            text=call.note,
            by=_name(call.by),
            case_id=call.case_id,
        )


def _behind(place: Place, source: str, moment: str) -> Q:
    """Return the condition for rows of ``source`` that stand behind ``place``."""
    earlier, same = Q(**{f"{moment}__lt": place.at}), Q(**{moment: place.at})
    if source < place.source:
        return earlier | same
    return earlier | same & Q(pk__lt=place.pk) if source == place.source else earlier


def _step_title(step: CaseMove, case: RetentionCase, people: list[str]) -> str:
    values = {
        "kind": case.get_kind_display(),
        "outcome": case.get_outcome_display(),
        "name": people[0] if people else gettext("a colleague"),
    }
    given = gettext("Case given to %(name)s")
    return {
        MoveKind.OPENED: gettext("Case opened (%(kind)s)"),
        MoveKind.JOINED: gettext("Case got another reason"),
        MoveKind.ASSIGNED: given,
        MoveKind.REASSIGNED: given,
        MoveKind.UNASSIGNED: gettext("Case taken back"),
        MoveKind.ESCALATED: gettext("Call overdue: %(name)s was told"),
        MoveKind.DIAGNOSED: gettext("Diagnosis entered"),
        MoveKind.CLOSED: gettext("Case closed: %(outcome)s"),
        MoveKind.RECOVERED: gettext("Case closed: the signs are gone"),
    }[MoveKind(step.kind)] % values


def _mentioned(step: CaseMove) -> list[int]:
    """Return the ids of the people whom a step gives the case or the news to."""
    return [step.codes[name] for name in ("assignee", "to") if step.codes.get(name)]


def _entry(
    source: str, row: Model, kind: str, title: str, *, moment: str = "occurred_at", **values: Any
) -> Entry:
    at: datetime = getattr(row, moment)
    return Entry(str(Place(at, source, row.pk)), at, kind, title, **values)


def _name(user: User | None) -> str:
    return str(user) if user else ""


def _money(minor: int, currency: str) -> str:
    return format_money(minor, currency, get_language() or "en")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

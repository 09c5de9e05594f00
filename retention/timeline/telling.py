"""The sources of the timeline: all give their newest rows in one query and word them when shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext

from customers import causes
from customers.feedback import words
from customers.ground.gathering import gathered
from customers.ground.localtime import start_of_day
from customers.ground.models import Company
from customers.models import (
    Cause,
    ComplaintEvent,
    Contract,
    Customer,
    FeedbackKind,
    Interaction,
    Merge,
    Order,
    Ownership,
    TextReading,
    User,
)
from customers.text.showing import OF_CAUSE, OF_READING, Chip, Key, chips
from retention.cases.recovery import SOURCE
from retention.models import (
    CaseMove,
    Dismissal,
    EarlyWarning,
    FollowUpCall,
    MoveKind,
    RetentionCase,
    WarningRule,
)
from retention.models.rules import CaseKind
from retention.rules import evidence_sentence
from retention.timeline import answers, dealings, greetings, points
from retention.timeline.places import Entry, Place
from retention.timeline.sources import Source, Told, entry_of, money

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
    MoveKind.OBJECTED,
    MoveKind.DISMISSED,
    MoveKind.POINTS,
)


_MOST_CONTRACTS = 200
_BY = ("by_id", "by__username", "by__first_name", "by__last_name")
_OWNER = ("user_id", "user__username", "user__first_name", "user__last_name")
_MERGE = ("survivor_id", "survivor__name", "merged__name")
_UNDONE = ("undone_by_id", "undone_by__username", "undone_by__first_name", "undone_by__last_name")
_RULE = ("rule__name_en", "rule__name_zh", "rule__condition")


@dataclass(frozen=True)
class Teller:
    """Reads the newest rows of every source behind a place, all in one query, and words them."""

    customer: Customer
    company: Company
    before: Place | None
    most: int
    names: dict[int, str] = field(default_factory=dict)
    causes: dict[int, str] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    chips: dict[Key, list[Chip]] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        sources = self._sources()
        lists = {name: self._newest(name, source) for name, source in sources.items()}
        told = gathered(**lists, **self._readings_of(lists), contract=self._contracts_of())
        self._learn_names(told["step"])
        self._learn_causes(told["step"])
        self._learn_reasons(told["step"])
        read = [*told["read_interaction"], *told["read_complaint"], *told["read_call"]]
        self.chips.update(chips(read, told["causes"]))
        for name, source in sources.items():
            for row in told[name]:
                place = Place(getattr(row, source.moment), name, row.id)
                yield place, lambda row=row, word=source.word: word(row)
        yield from self._contracts(told["contract"])

    def _sources(self) -> dict[str, Source]:
        facts: dict[str, Any] = {"customer": self.customer, "void": False}
        warned, calls = self._warned(), FollowUpCall.objects.filter(customer=self.customer)
        order = ("number", "sold", "returned", "currency", "status", "is_purchase")
        contact = ("kind", "reached", "direction", "text", "next_step", "contact__name", *_BY)
        about = ("case__reason", "case__outcome_reason", "case__kind", "case__outcome", "case__severity")
        return {
            "order": Source(Order.objects.filter(**facts), "occurred_at", order, self._order),
            "interaction": Source(self._untold(facts), "occurred_at", contact, self._interaction),
            "complaint": Source(
                ComplaintEvent.objects.filter(**facts),
                "occurred_at",
                ("kind", "complaint_id", "complaint__text", "complaint__severity", "complaint__kind"),
                self._complaint,
            ),
            "owner": Source(Ownership.objects.filter(**facts), "occurred_at", _OWNER, self._owner),
            "merge": Source(self._merged(), "at", (*_MERGE, *_BY), self._merge),
            "unmerge": Source(
                self._merged().filter(undone_at__isnull=False),
                "undone_at",
                (*_MERGE, *_UNDONE),
                self._unmerge,
            ),
            "warning": Source(
                warned, "raised_at", ("evidence", "severity", "case_id", *_RULE), self._warning
            ),
            "warning_gone": Source(
                warned.filter(closed_because=EarlyWarning.Closed.SIGN_GONE),
                "closed_at",
                ("case_id", *_RULE),
                self._gone,
            ),
            "step": Source(
                CaseMove.objects.filter(case__customer=self.customer, kind__in=_STEPS),
                "at",
                ("kind", "codes", "case_id", *about, *_BY),
                self._step,
            ),
            "call": Source(
                calls.filter(status=FollowUpCall.Status.DONE),
                "done_at",
                ("outcome", "note", "case_id", "interaction_id", *_BY),
                self._call,
            ),
            **dealings.sources(facts),
            **answers.sources(facts),
            **points.sources(facts),
            **greetings.sources(facts),
        }

    def _newest(self, name: str, source: Source) -> QuerySet[Any, Any]:
        """Return the newest rows of one source behind the place."""
        rows = source.rows
        if self.before is not None:
            rows = rows.filter(_behind(self.before, name, source.moment))
        newest = rows.order_by(f"-{source.moment}", "-pk")[: self.most]
        return newest.values("id", source.moment, *source.columns)

    def _learn_names(self, steps: list[Told]) -> None:
        """Read the names of those whom steps mention only by number; one query when there are any."""
        mentioned = {person for step in steps for person in _mentioned(step)}
        if mentioned:
            self.names.update({user.pk: str(user) for user in User.objects.filter(pk__in=mentioned)})

    def _learn_causes(self, steps: list[Told]) -> None:
        """Read the names of the causes that diagnoses mention; one query when there are any."""
        mentioned = {pk for step in steps for name in ("causes", "stated") for pk in step.codes.get(name, ())}
        if mentioned:
            self.causes.update({cause.pk: str(cause) for cause in Cause.objects.filter(pk__in=mentioned)})

    def _learn_reasons(self, steps: list[Told]) -> None:
        """Read what the points of steps were granted for; one query when there are any."""
        granted = [step.id for step in steps if step.kind == MoveKind.POINTS]
        if granted:
            self.reasons.update(points.reasons_of(SOURCE, granted))

    def _readings_of(self, lists: dict[str, QuerySet[Any, Any]]) -> dict[str, QuerySet[Any, Any]]:
        """Return the readings of what the entries say, list by list, and the causes that they name."""
        texts = {
            "interaction": ("interaction", "id"),
            "complaint": ("complaint", "complaint_id"),
            "call": ("interaction", "interaction_id"),
        }
        found: dict[str, QuerySet[Any, Any]] = {
            f"read_{name}": TextReading.objects.filter(
                subject_kind=kind, subject_id__in=lists[name].values(column)
            ).values(*OF_READING)
            for name, (kind, column) in texts.items()
        }
        return {**found, "causes": Cause.objects.values(*OF_CAUSE)[: causes.MOST]}

    def _said(self, kind: str, pk: int | None) -> dict[str, Any]:
        """Return what an entry shows of what its text says."""
        return {"chips": self.chips.get((kind, pk or 0), ())}

    def _diagnosis(self, step: Told) -> str:
        """Say what the customer named and what we saw, as it was entered then."""
        said = (
            ("stated", gettext("The customer says: %(causes)s.")),
            ("causes", gettext("We see: %(causes)s.")),
        )
        parts = []
        for name, text in said:
            named = [self.causes[pk] for pk in step.codes.get(name, ()) if pk in self.causes]
            if named:
                parts.append(text % {"causes": gettext(", ").join(named)})
        return " ".join(parts)

    # --- What happened ------------------------------------------------------------------------
    def _order(self, order: Told) -> Entry:
        amount = money(order.sold - order.returned, order.currency)
        values = {"number": order.number or order.id, "amount": amount}
        if order.status == Order.Status.CANCELLED:
            title = gettext("Cancelled order %(number)s, %(amount)s")
        elif order.is_purchase:
            title = gettext("Ordered %(number)s, %(amount)s")
        else:
            title = gettext("Returned goods %(number)s, %(amount)s")
        return entry_of("order", order, "order" if order.is_purchase else "return", title % values)

    def _untold(self, facts: dict[str, Any]) -> QuerySet[Interaction]:
        """Those that no follow-up call tells already."""
        told = FollowUpCall.objects.filter(interaction=OuterRef("pk"))
        return Interaction.objects.filter(~Exists(told), **facts)

    def _interaction(self, interaction: Told) -> Entry:
        values = {"kind": Interaction.Kind(interaction.kind).label}
        if not interaction.reached:
            title = gettext("%(kind)s: nobody reached")
        elif interaction.direction == Interaction.Direction.IN:
            title = gettext("%(kind)s: they contacted us")
        else:
            title = gettext("%(kind)s: we contacted them")
        title = _capital(title % values)
        return entry_of(
            "interaction",
            interaction,
            "interaction",
            title,
            text=interaction.text,
            next_step=interaction.next_step,
            whom=interaction.contact__name or "",
            by=_by(interaction),
            **self._said("interaction", interaction.id),
        )

    def _complaint(self, step: Told) -> Entry:
        is_told = step.kind in (ComplaintEvent.Kind.OPENED, ComplaintEvent.Kind.RECEIVED)
        return entry_of(
            "complaint",
            step,
            "complaint" if step.complaint__kind == FeedbackKind.COMPLAINT else "feedback",
            words.of_step(step.complaint__kind, step.kind),
            text=step.complaint__text if is_told else "",
            severity=step.complaint__severity,
            **(self._said("complaint", step.complaint_id) if is_told else {}),
        )

    def _contracts_of(self) -> QuerySet[Any, Any]:
        rows = Contract.objects.filter(customer=self.customer, void=False).order_by("-pk")[:_MOST_CONTRACTS]
        return rows.values(
            "id", "number", "value", "currency", "occurred_at", "renewed_day", "terminated_day"
        )

    def _contracts(self, contracts: list[Told]) -> Iterator[Row]:
        """A contract tells up to three things; a customer has few of them, so all are read."""
        for contract in contracts:
            values = {"number": contract.number, "amount": money(contract.value, contract.currency)}
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
                place = Place(moment, source, contract.id)
                if self.before is None or place < self.before:
                    entry = Entry(str(place), moment, "contract", title % values)
                    yield place, lambda entry=entry: entry

    def _day(self, day: int | None) -> datetime | None:
        return None if day is None else start_of_day(day, self.company.time_zone)

    def _owner(self, ownership: Told) -> Entry:
        if ownership.user_id is None:
            title = gettext("Nobody looks after the customer any more")
        else:
            title = gettext("%(name)s looks after the customer now") % {"name": _name(ownership, "user")}
        return entry_of("owner", ownership, "owner", title)

    def _merged(self) -> QuerySet[Merge]:
        return Merge.objects.filter(Q(survivor=self.customer) | Q(merged=self.customer))

    def _merge(self, merge: Told) -> Entry:
        """The one exception to "the past does not change", said where it was made."""
        text = gettext("Figures of the past count for both from here on, as of every moment.")
        title = gettext("Merged with “%(name)s”") % {"name": self._other(merge)}
        return entry_of("merge", merge, "merge", title, moment="at", text=text, by=_by(merge))

    def _unmerge(self, merge: Told) -> Entry:
        title = gettext("Merge with “%(name)s” taken back") % {"name": self._other(merge)}
        return entry_of("unmerge", merge, "merge", title, moment="undone_at", by=_name(merge, "undone_by"))

    def _other(self, merge: Told) -> str:
        other: str = merge.merged__name if merge.survivor_id == self.customer.pk else merge.survivor__name
        return other

    # --- What we noticed ----------------------------------------------------------------------
    def _warned(self) -> QuerySet[EarlyWarning]:
        """Those of cases, and of rules that warn only; nobody is told what was withheld, or a baseline."""
        told: QuerySet[EarlyWarning] = EarlyWarning.objects.told().filter(customer=self.customer)  # type: ignore[attr-defined]
        return told

    def _warning(self, warning: Told) -> Entry:
        rule = _rule(warning)
        title = gettext("Warning: %(rule)s") % {"rule": rule}
        return entry_of(
            "warning",
            warning,
            "warning",
            title,
            moment="raised_at",
            text=evidence_sentence(
                warning.evidence,
                rule,
                language=get_language() or "en",
                currency=self.company.base_currency,
            ),
            severity=warning.severity,
            case_id=warning.case_id,
        )

    def _gone(self, warning: Told) -> Entry:
        title = gettext("The sign is gone: %(rule)s") % {"rule": _rule(warning)}
        return entry_of(
            "warning_gone", warning, "warning", title, moment="closed_at", case_id=warning.case_id
        )

    # --- What we did --------------------------------------------------------------------------
    def _step(self, step: Told) -> Entry:
        text = ""
        if step.kind == MoveKind.OPENED:
            text = step.case__reason
        elif step.kind == MoveKind.CLOSED:
            text = step.case__outcome_reason
        elif step.kind == MoveKind.DIAGNOSED:
            text = self._diagnosis(step)
        elif step.kind == MoveKind.POINTS:
            text = self.reasons.get(step.id, "")
        people = [self.names[pk] for pk in _mentioned(step) if pk in self.names]
        return entry_of(
            "step",
            step,
            "case",
            _step_title(step, people),
            moment="at",
            text=text,
            by=_by(step),
            case_id=step.case_id,
            severity=step.case__severity if step.kind == MoveKind.OPENED else None,
        )

    def _call(self, call: Told) -> Entry:
        title = gettext("Follow-up call: %(outcome)s") % {"outcome": FollowUpCall.Outcome(call.outcome).label}
        return entry_of(
            "call",
            call,
            "call",
            title,
            moment="done_at",
            text=call.note,
            by=_by(call),
            case_id=call.case_id,
            **self._said("interaction", call.interaction_id),
        )


def _behind(place: Place, source: str, moment: str) -> Q:
    """Return the condition for rows of ``source`` that stand behind ``place``."""
    earlier, same = Q(**{f"{moment}__lt": place.at}), Q(**{moment: place.at})
    if source < place.source:
        return earlier | same
    return earlier | same & Q(pk__lt=place.pk) if source == place.source else earlier


def _step_title(step: Told, people: list[str]) -> str:
    values = {
        "kind": CaseKind(step.case__kind).label,
        "outcome": dict(RetentionCase.Outcome.choices).get(step.case__outcome, ""),
        "name": people[0] if people else gettext("a colleague"),
        "reason": dict(Dismissal.Reason.choices).get(step.codes.get("reason", ""), ""),
        "points": number_format(step.codes.get("points", 0), force_grouping=True),
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
        MoveKind.OBJECTED: gettext("Case closed: profiling was objected to"),
        MoveKind.DISMISSED: gettext("A warning was no sign: %(reason)s"),
        MoveKind.POINTS: gettext("Recovery points granted: %(points)s"),
    }[MoveKind(step.kind)] % values


def _mentioned(step: Told) -> list[int]:
    """Return the ids of the people whom a step gives the case or the news to."""
    return [step.codes[name] for name in ("assignee", "to") if step.codes.get(name)]


def _by(row: Told) -> str:
    return _name(row, "by")


def _name(row: Told, person: str) -> str:
    """Return the name of whom a row points to as ``person``, "" for nobody."""
    if getattr(row, f"{person}_id") is None:
        return ""
    parts = {name: getattr(row, f"{person}__{name}") for name in ("username", "first_name", "last_name")}
    return str(User(**parts))


def _rule(warning: Told) -> WarningRule:
    """Return as much of the warning's rule as words are made of."""
    return WarningRule(
        name_en=warning.rule__name_en, name_zh=warning.rule__name_zh, condition=warning.rule__condition
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

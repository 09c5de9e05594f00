"""The demo company's first two weeks with Liuke: rules switched on, cases worked, some saved, some lost.

Everything is done through the verbs that people use, at moments of past working days. What the demo's
own account managers decide is drawn from a seed and from what stands in their notes; they do not know
the truth either.
"""

# ruff: noqa: E501 — sentences in two languages
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from customers import company, complaints
from customers.demo.chance import stream
from customers.ground import localtime
from customers.ground.working_time import WorkingCalendar
from customers.models import Cause, Contact, Customer, User
from retention import calls, cases, rules, sweep
from retention.models import CustomerMeasures, EarlyWarning, FollowUpCall, RetentionCase
from retention.models.rules import CaseKind

FIRST_RULES = (
    "overdue", "no-contact", "complaint-overdue", "complaint-reopened", "complaints-rising",
    "contract-ending", "owner-gone",
)  # fmt: skip
LATER_RULES = (
    "spend-halved",
    "usage-falling",
    "balance-falling",
    "invoice-overdue",
    "payment-failed",
    "delivery-late",
    "courted-by-competitor",
    "left-community",
)
WORKING_DAYS = 10
LONG_GONE_DAYS = 100
"""After so many days without an order the demo's people write a customer off instead of calling."""

Outcome = RetentionCase.Outcome
CallOutcome = FollowUpCall.Outcome
ChurnType = RetentionCase.ChurnType
Act = tuple[datetime, Callable[[datetime], None]]

# What the notes say last -> what the account manager makes of it.
DIAGNOSES: dict[str, tuple[str, str]] = {
    "gone": (ChurnType.ACTIVE, "need_changed"),
    "closing": (ChurnType.PASSIVE, "own_situation"),
    "rival": (ChurnType.COMPETITIVE, "competitor"),
    "price": (ChurnType.ACTIVE, "price"),
    "uneasy": (ChurnType.HIDDEN, "neglected_relationship"),
    "apology": (ChurnType.ACTIVE, "service_experience"),
}
UNTOLD = (ChurnType.HIDDEN, "unknown")
WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "reached": (
        ("联系上了，对方说近期用量减少，下月会恢复订货。", "Reached them; they used less lately and will order again next month."),
        ("聊了二十分钟，主要是送货时间的问题，已答应改为上午送。", "Talked for twenty minutes; it was the delivery time. Promised mornings."),
        ("对方认可我们的服务，已确认下一批需求。", "They are content with us and named their next needs."),
    ),
    "later": (
        ("对方在开会，约了再打。", "They were in a meeting; we agreed on another time."),
        ("老板不在，请我过几天再打。", "The owner is away and asked me to call in a few days."),
    ),
    "unanswered": (("没人接。", "No answer."), ("响了很久没人接。", "It rang for a long time."), ("", "")),
    "saved": (
        ("问题已解决，客户恢复订货。", "The problem is solved and the customer orders again."),
        ("客户同意继续合作。", "The customer agreed to stay."),
    ),
    "lost": (
        ("早已不再订货，核实后记为流失。", "Has not ordered for a long time; checked and recorded as lost."),
        ("客户明确表示不再合作。", "The customer said plainly that they will not go on."),
    ),
    "not_pursued": (("客户只是歇业装修，不需要跟进。", "They are closed for renovation only; nothing to do."),),
    "complaint": (
        ("今天送来的货又破损了，上次的问题还没处理好，请马上联系我。", "Today's delivery was damaged again and the last one is not settled. Call me at once."),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What the demo's people know of a customer: its name at the source, and its last telling note."""

    key: str
    topic: str = ""


@dataclass
class Desk:
    """What the demo's people have before them while they work."""

    seed: int
    now: datetime
    mornings: list[datetime]
    calendar: WorkingCalendar
    known: Mapping[int, Known]
    causes: dict[str, Cause]
    contacts: dict[int, Contact]
    measures: dict[int, CustomerMeasures]


def live_in(*, seed: int, known: Mapping[int, Known], at: datetime) -> dict[str, int]:
    """Switch the ready rules on, work two weeks, and sweep up to ``at``; return what stands then.

    Args:
        seed: the demo's; ``known``: what is known of each customer, by its id.

    Runs two full sweeps, the first ten working days before ``at``. Side effects: warnings, cases, calls,
    interactions, losses, one complaint filed at ``at``, with their audit and events.
    """
    with transaction.atomic():
        calendar = company.working_calendar()
        mornings = mornings_before(at, calendar=calendar)
        _enable(FIRST_RULES, at=mornings[0])
        sweep.run(as_of=mornings[0])
        for moment, act in sorted(
            _acts(_desk(seed, known, mornings, calendar, at)), key=lambda pair: pair[0]
        ):
            act(moment)
        _enable(LATER_RULES, at=mornings[-1])
        sweep.run(as_of=at)
        calls.escalate_overdue(at=at)
        _complain(at=at)
    closed = RetentionCase.objects.filter(status=RetentionCase.Status.CLOSED).count()
    return {"open": RetentionCase.objects.open().count(), "closed": closed}  # type: ignore[attr-defined]


def _enable(codes: tuple[str, ...], *, at: datetime) -> None:
    for rule in rules.get(codes):
        rules.enable(rule, open_existing=True, by=None, at=at)


def mornings_before(at: datetime, *, calendar: WorkingCalendar) -> list[datetime]:
    """Return the openings of the last ten working days before the local day of ``at``, the oldest first."""
    day = localtime.day_number(at, calendar.zone)
    found: list[datetime] = []
    while len(found) < WORKING_DAYS:
        day -= 1
        ranges = calendar.ranges_on(localtime.day_of(day))
        if ranges:
            found.insert(0, ranges[0][0])
    return found


def _desk(
    seed: int, known: Mapping[int, Known], mornings: list[datetime], calendar: WorkingCalendar, at: datetime
) -> Desk:
    return Desk(
        seed=seed,
        now=at,
        mornings=mornings,
        calendar=calendar,
        known=known,
        causes={cause.code: cause for cause in Cause.objects.all()},
        contacts={contact.customer_id: contact for contact in Contact.objects.filter(is_main=True)},
        measures=CustomerMeasures.objects.in_bulk(),
    )


def _acts(desk: Desk) -> Iterator[Act]:
    """Yield what is done about each case, and when."""
    codes: dict[int, set[str]] = {}
    for case_id, code in EarlyWarning.objects.filter(case__isnull=False).values_list("case_id", "rule__code"):
        codes.setdefault(case_id, set()).add(code)
    opened = RetentionCase.objects.open().filter(assignee__isnull=False)  # type: ignore[attr-defined]
    for case in opened.select_related("customer", "assignee").order_by("customer_id"):
        random = stream(desk.seed, "desk", desk.known[case.customer_id].key)
        worker = _Worker(desk, case, random)
        measures = desk.measures.get(case.customer_id)
        silent = 0
        if measures is not None and measures.last_order_day is not None:
            silent = localtime.day_number(desk.mornings[0], desk.calendar.zone) - measures.last_order_day
        yield from worker.acts(silent=silent, codes=codes.get(case.pk, set()))


class _Worker:
    """One account manager at one case."""

    def __init__(self, desk: Desk, case: RetentionCase, random: Random) -> None:
        self.desk, self.case, self.random = desk, case, random
        self.by: User = case.assignee  # type: ignore[assignment]

    def acts(self, *, silent: int, codes: set[str]) -> list[Act]:
        """Return the acts on this case: the moments and what is done then."""
        if silent >= LONG_GONE_DAYS:
            return [(self._moment(0, 4), self._write_off)]
        if self.case.kind == CaseKind.RECOVERY:
            shares = {"saved": 0.5, "later": 0.25, "none": 0.25}
        elif "overdue" in codes:
            shares = {"unanswered": 0.5, "lost": 0.2, "saved": 0.1, "later": 0.1, "none": 0.1}
        else:
            shares = {
                "saved": 0.34,
                "later": 0.2,
                "unanswered": 0.16,
                "dropped": 0.08,
                "lost": 0.04,
                "none": 0.18,
            }
        choice = self.random.choices(list(shares), list(shares.values()))[0]
        return getattr(self, f"_plan_{choice}")()  # type: ignore[no-any-return]

    def _plan_none(self) -> list[Act]:
        return []

    def _plan_saved(self) -> list[Act]:
        first = self._moment(0, 4)
        acts: list[Act] = [(first, self._log(CallOutcome.REACHED, "reached"))]
        if self.random.random() < 0.4:
            acts.insert(0, (first - timedelta(minutes=self.random.randint(60, 200)), self._unanswered()))
        return [*acts, (self._moment(5, 9), self._close(Outcome.SAVED, "saved"))]

    def _plan_later(self) -> list[Act]:
        when = self.desk.now + timedelta(days=self.random.randint(0, 4), hours=self.random.randint(2, 6))
        return [(self._moment(2, 9), self._log(CallOutcome.CALL_LATER, "later", next_at=when))]

    def _plan_unanswered(self) -> list[Act]:
        tries = [self._moment(day, day) for day in ((1, 4, 9), (2, 9), (9,))[self.random.randrange(3)]]
        return [(moment, self._unanswered()) for moment in tries]

    def _plan_dropped(self) -> list[Act]:
        return [(self._moment(1, 6), self._close(Outcome.NOT_PURSUED, "not_pursued"))]

    def _plan_lost(self) -> list[Act]:
        return [(self._moment(1, 4), self._unanswered()), (self._moment(6, 9), self._write_off)]

    # What is done.

    def _write_off(self, at: datetime) -> None:
        """Record the loss, with what the notes say about why."""
        churn_type, cause = DIAGNOSES.get(self.desk.known[self.case.customer_id].topic, UNTOLD)
        case = self._fresh()
        cases.diagnose(case, churn_type=churn_type, causes=[self.desk.causes[cause]], by=self.by, at=at)
        at += timedelta(minutes=2)
        cases.close_case(case, outcome=Outcome.LOST, reason=self._words("lost"), by=self.by, at=at)

    def _close(self, outcome: str, words: str) -> Callable[[datetime], None]:
        def close(at: datetime) -> None:
            cases.close_case(self._fresh(), outcome=outcome, reason=self._words(words), by=self.by, at=at)

        return close

    def _unanswered(self) -> Callable[[datetime], None]:
        outcome = CallOutcome.LEFT_MESSAGE if self.random.random() < 0.25 else CallOutcome.NO_ANSWER
        return self._log(outcome, "unanswered")

    def _log(
        self, outcome: str, words: str, *, next_at: datetime | None = None
    ) -> Callable[[datetime], None]:
        def log(at: datetime) -> None:
            calls.log_unplanned(
                self._fresh(),
                outcome=outcome,
                note=self._words(words),
                next_at=next_at,
                contact=self.desk.contacts.get(self.case.customer_id),
                by=self.by,
                at=at,
            )

        return log

    def _fresh(self) -> RetentionCase:
        return RetentionCase.objects.select_related("customer").get(pk=self.case.pk)

    def _words(self, about: str) -> str:
        return in_language(self.random.choice(WORDS[about]), self.case.customer)

    def _moment(self, first: int, last: int) -> datetime:
        """Draw an open moment of one of the working days, counted from the first."""
        morning = self.desk.mornings[self.random.randint(first, last)]
        opens, closes = self.random.choice(
            self.desk.calendar.ranges_on(localtime.to_local(morning, self.desk.calendar.zone).date())
        )
        span = int((closes - opens).total_seconds())
        return opens + timedelta(seconds=self.random.randrange(span // 20, span * 19 // 20))


def _complain(*, at: datetime) -> None:
    """Let a customer of the demo's account manager complain just now."""
    manager = User.objects.filter(username="manager").first()
    mine = Customer.objects.filter(owner=manager).exclude(cases__status__in=RetentionCase.Status.values)
    customer = mine.order_by("pk").first()
    if manager is None or customer is None:
        return
    complaints.file_complaint(
        customer,
        text=in_language(WORDS["complaint"][0], customer),
        category="damaged",
        severity=3,
        contact=customer.contacts.filter(is_main=True).first(),
        by=manager,
        at=at,
    )


def in_language(pair: tuple[str, str], customer: Customer) -> str:
    """Return the Chinese or the English of two, as the customer speaks."""
    return pair[1] if customer.language == "en" else pair[0]

"""What the demo company was told in its first two weeks with Liuke, and how far each loop came.

Complaints are those of the story, with the moments at which its people acted; questions, suggestions,
praise, posts and what nobody known wrote are drawn here, from streams of their own. Nothing is sent: the
links are passed on by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from django.db import transaction
from django.db.models import Q

from customers import company, complaints
from customers.demo.chance import stream
from customers.feedback import unknown as inbox
from customers.ground import audit, localtime
from customers.ground.working_time import WorkingCalendar, add_working_time
from customers.mentions import recording
from customers.models import (
    Cause,
    Complaint,
    ComplaintEvent,
    Contact,
    Customer,
    FeedbackKind,
    Mention,
    Order,
    UnknownFeedback,
    User,
)
from customers.models.people import Role
from retention.demo import words
from retention.demo.ways import DAY, HOUR, MINUTE, Way, write
from retention.demo.weeks import in_language, mornings_before
from retention.loop import making, owners, policy
from retention.loop.told import Told
from retention.models import LoopClosure, RetentionCase

Action = LoopClosure.Action
Source = LoopClosure.Source
Events = ComplaintEvent.Kind
ONE_IN, LEAST = 50, 16
"""So many customers ask, suggest or praise something in these weeks: one in fifty, at least sixteen times."""
SAID = {
    FeedbackKind.QUESTION: words.QUESTIONS,
    FeedbackKind.SUGGESTION: words.SUGGESTIONS,
    FeedbackKind.PRAISE: words.PRAISE,
}
KINDS = (
    FeedbackKind.QUESTION,
    FeedbackKind.SUGGESTION,
    FeedbackKind.QUESTION,
    FeedbackKind.PRAISE,
)
ENDS = (
    "confirmed",
    "told",
    "silent",
    "again",
    "confirmed",
    "untouched",
    "begun",
    "twice",
    "confirmed",
    "silent",
)
"""What becomes of them, one after the other; whatever would lie ahead is still to come."""
POSTED = (8, 5, 6, 9, 7)
"""On which of the ten mornings each post was read."""
CAUSES = {
    "late": "late_delivery",
    "damaged": "unstable_quality",
    "wrong": "service_experience",
    "invoice": "service_experience",
    "price": "price_raised",
    "staff": "nobody_in_touch",
}
ACTIONS = {
    "late": Action.CORRECTED,
    "damaged": Action.REPLACED,
    "wrong": Action.CORRECTED,
    "invoice": Action.CORRECTED,
    "price": Action.EXPLAINED,
    "staff": Action.APOLOGISED,
}


@dataclass
class Desk:
    """What is the same for all feedback of these weeks."""

    seed: int
    now: datetime
    mornings: list[datetime]
    calendar: WorkingCalendar
    causes: dict[str, Cause]
    cases: dict[int, RetentionCase]
    leads: dict[int | None, User]
    silent: timedelta

    def later(self, moment: datetime, hours: float) -> datetime:
        """Return the moment so many working hours later."""
        return add_working_time(moment, timedelta(hours=hours), calendar=self.calendar)

    def moment(self, random: Random, day: int) -> datetime:
        """Draw a moment at which the company works, on one of the working days."""
        morning = self.mornings[day]
        opens, closes = random.choice(
            self.calendar.ranges_on(localtime.to_local(morning, self.calendar.zone).date())
        )
        return opens + timedelta(seconds=random.randrange(int((closes - opens).total_seconds())))

    def lead_of(self, team_id: int | None) -> User | None:
        """Return the lead of a team, or any."""
        return self.leads.get(team_id) or next(iter(self.leads.values()), None)


@transaction.atomic
def close_loops(*, seed: int, at: datetime) -> int:
    """Bring what was told in the last ten working days, with its loops; return how many there are.

    Side effects: feedback of customers and of nobody known, mentions, loops with their steps; those who are
    still waited for have a case; one audit event. No message is written.
    """
    desk = _desk(seed, at)
    ways = [*_complaints(desk), *_told(desk), *_inbox(desk), *_posts(desk)]
    made = write(ways, at=at)
    audit.record("demo.loops", obj=None, by=None, at=at, codes={"loops": made})
    return made


def _desk(seed: int, at: datetime) -> Desk:
    calendar = company.working_calendar()
    leads = User.objects.filter(role=Role.TEAM_LEAD, is_active=True).order_by("-pk")
    cases = RetentionCase.objects.open().select_related("assignee").order_by("pk")  # type: ignore[attr-defined]
    return Desk(
        seed=seed,
        now=at,
        mornings=mornings_before(at, calendar=calendar),
        calendar=calendar,
        causes={cause.code: cause for cause in Cause.objects.all()},
        cases={case.customer_id: case for case in cases},
        leads={one.team_id: one for one in leads},
        silent=timedelta(days=policy.silent_days()),
    )


# --- Complaints of the story ------------------------------------------------------------------
def _complaints(desk: Desk) -> Iterator[Way]:
    """Yield the ways of complaints that came in these weeks, or are open since before."""
    recent = Q(recorded_at__gte=desk.mornings[0]) | Q(state=Complaint.State.OPEN)
    found = Complaint.objects.filter(
        recent, void=False, kind=FeedbackKind.COMPLAINT, recorded_at__lt=desk.now, customer__gone_at=None
    )
    for complaint in found.select_related("customer__owner", "contact").order_by("recorded_at", "pk"):
        random = stream(desk.seed, "loop", str(complaint.pk))
        yield _of_complaint(desk, complaint, random)


def _of_complaint(desk: Desk, complaint: Complaint, random: Random) -> Way:
    """Tell what the complaint's own steps tell: the talk, the end, and when it was opened again."""
    way = _known(desk, complaint, needs_case=complaint.state == Complaint.State.OPEN)
    steps = ComplaintEvent.objects.filter(complaint=complaint, void=False, recorded_at__lt=desk.now)
    category = complaint.category if complaint.category in CAUSES else "late"
    done = in_language(words.DONE[category], complaint.customer)
    talked = False
    for step in steps.exclude(kind=Events.OPENED).order_by("recorded_at", "pk"):
        moment = step.recorded_at
        if step.kind == Events.REOPENED:
            lead = desk.lead_of(way.loop.team_id)
            said = in_language(words.NOT_SOLVED, complaint.customer)
            way.not_solved(said, lead=lead, calendar=desk.calendar, at=moment)
            talked = False
            continue
        if not talked:
            _talk(way, desk, random, after=moment if step.kind == Events.ACKNOWLEDGED else moment - HOUR)
            talked = True
        if step.kind == Events.RESOLVED:
            _tell(way, ACTIONS[category], done, desk.causes[CAUSES[category]], at=moment)
    if way.loop.state == LoopClosure.State.ASKED:
        _hear(way, desk, random, random.choice(("confirmed", "confirmed", "told", "silent")))
    return way


def _talk(way: Way, desk: Desk, random: Random, *, after: datetime) -> None:
    said = random.choice(words.CONTACTS)
    customer = way.loop.customer
    way.contacted(in_language(said, customer) if customer is not None else said[0], at=after)


def _tell(way: Way, action: str, done: str, cause: Cause | None, *, at: datetime) -> None:
    """Name the cause, say what was done, and ask."""
    if cause is not None:
        way.diagnosed(cause, at=at - 20 * MINUTE)
    way.acted(action, done, at=at - 10 * MINUTE)
    customer = way.loop.customer
    message = in_language(words.MESSAGE, customer) if customer is not None else words.MESSAGE[0]
    way.asked(message.format(done=done), at=at)


def _hear(way: Way, desk: Desk, random: Random, end: str) -> None:
    """Let her say something or nothing, as far as that lies behind us."""
    asked_at = way.loop.asked_at
    if asked_at is None:
        return
    word_at = asked_at + random.uniform(2, 60) * HOUR
    silent_at = asked_at + desk.silent
    if end == "silent":
        if silent_at <= desk.now:
            way.kept_silent(at=silent_at)
    elif word_at <= desk.now:
        if end == "told":
            customer = way.loop.customer
            said = in_language(words.TOLD_US, customer) if customer is not None else words.TOLD_US[0]
            way.confirmed(said, by=way.worker, at=desk.later(word_at, 0.5))
        else:
            way.confirmed(at=word_at)


# --- Questions, suggestions, praise -----------------------------------------------------------
def _told(desk: Desk) -> Iterator[Way]:
    """Yield the ways of what some customers asked, suggested or praised."""
    random = stream(desk.seed, "told")
    people = _who_orders(desk)
    if not people:
        return
    number = max(LEAST, Customer.objects.count() // ONE_IN)
    for place in range(number):
        customer = random.choice(people)
        kind = KINDS[place % len(KINDS)]
        day = place * len(desk.mornings) // number
        received_at = desk.moment(random, day)
        complaint = complaints.file_complaint(
            customer,
            kind=kind,
            text=in_language(random.choice(SAID[kind]), customer),
            channel=random.choice((Complaint.Channel.PHONE, Complaint.Channel.CHAT, Complaint.Channel.WEB)),
            severity=Complaint.Severity.LOW,
            contact=customer.contacts.filter(is_main=True).first(),
            praised=customer.owner if kind == FeedbackKind.PRAISE else None,
            by=customer.owner,
            at=received_at,
        )
        way = _known(desk, complaint, needs_case=False)
        end = ENDS[place % len(ENDS)]
        is_left_long = end in ("untouched", "begun") and day < len(desk.mornings) - 2
        _go(way, desk, random, "told" if is_left_long else end)
        yield way


def _who_orders(desk: Desk) -> list[Customer]:
    """Return customers who ordered lately and are looked after, in order."""
    lately = Order.objects.filter(is_purchase=True, void=False, occurred_at__gte=desk.now - 45 * DAY)
    present = Customer.objects.present()  # type: ignore[attr-defined]
    found = present.filter(owner__is_active=True, pk__in=lately.values("customer_id"))
    return list(found.select_related("owner").order_by("pk"))


def _go(way: Way, desk: Desk, random: Random, end: str) -> None:
    """Take a question, suggestion or praise as far as it goes by now."""
    if end == "untouched":
        return
    talk_at = desk.later(way.loop.received_at, random.uniform(0.5, 9))
    done_at = desk.later(talk_at, random.uniform(1, 10))
    if talk_at > desk.now:
        return
    if end == "twice":
        lead = desk.lead_of(way.loop.team_id)
        way.withdrawn(_said(words.FILED_TWICE, way), by=lead, at=talk_at)
        _resolve(way, at=talk_at)
        return
    _talk(way, desk, random, after=talk_at)
    if end == "begun" or done_at > desk.now:
        return
    _tell(way, *_done(way, random), None, at=done_at)
    _resolve(way, at=done_at)
    if end == "again":
        _again(way, desk, random, after=done_at)
    else:
        _hear(way, desk, random, end)


def _again(way: Way, desk: Desk, random: Random, *, after: datetime) -> None:
    """Let her say once that it is not solved; the lead sees to it."""
    moment = desk.later(after, random.uniform(2, 6))
    talk_at = desk.later(moment, random.uniform(0.5, 3))
    done_at = desk.later(talk_at, random.uniform(1, 6))
    if moment > desk.now:
        return
    lead = desk.lead_of(way.loop.team_id)
    way.not_solved(_said(words.NOT_SOLVED, way), lead=lead, calendar=desk.calendar, at=moment)
    if way.loop.complaint is not None:
        complaints.reopen(way.loop.complaint, by=None, at=moment)
    if done_at > desk.now:
        return
    _talk(way, desk, random, after=talk_at)
    _tell(way, *_done(way, random), None, at=done_at)
    _resolve(way, at=done_at)
    _hear(way, desk, random, "confirmed")


def _resolve(way: Way, *, at: datetime) -> None:
    """Let the feedback be resolved with its message."""
    if way.loop.complaint is not None:
        complaints.resolve(way.loop.complaint, by=way.worker, at=at)


def _done(way: Way, random: Random) -> tuple[str, str]:
    """Return what is done about a kind of feedback, and the words for it."""
    kind = way.loop.kind
    if kind == FeedbackKind.PRAISE:
        return Action.THANKED, _said(words.DONE["praise"], way)
    if kind == FeedbackKind.SUGGESTION:
        is_taken = random.random() < 0.7
        chosen = Action.IMPROVED if is_taken else Action.REFUSED
        return chosen, _said(words.DONE["suggestion" if is_taken else "refused"], way)
    return Action.EXPLAINED, _said(words.DONE["question"], way)


def _said(pair: words.Pair, way: Way) -> str:
    customer = way.loop.customer
    return in_language(pair, customer) if customer is not None else pair[0]


# --- From nobody known ------------------------------------------------------------------------
def _inbox(desk: Desk) -> Iterator[Way]:
    """Yield the ways of what came by the public form; some of it is linked or answered by now."""
    random = stream(desk.seed, "inbox")
    orders = _numbers(desk, random)
    last = len(desk.mornings) - 1
    for place, (kind, said, name, reach, end) in enumerate(words.UNKNOWN):
        is_english = place % 3 == 1
        is_left = end in ("open", "nobody")
        received_at = desk.moment(random, last - (place < 5) if is_left else place * (last - 1) // 12)
        order = next(orders, None) if reach == "order" else None
        row = inbox.receive_feedback(
            kind=kind,
            text=said[is_english],
            source="form",
            external_id=f"demo-{desk.seed}-{place + 1}",
            name=name[is_english],
            reach=_reach(reach, place, random),
            order=order.number if order is not None else "",
            language="en" if is_english else "zh-hans",
            at=received_at,
        )
        yield _of_unknown(desk, row, order, end, random)


def _numbers(desk: Desk, random: Random) -> Iterator[Order]:
    """Yield orders of these weeks whose numbers somebody could write into a form."""
    lately = Order.objects.filter(is_purchase=True, void=False, occurred_at__gte=desk.now - 30 * DAY)
    there = lately.filter(customer__gone_at=None, customer__owner__is_active=True).exclude(number="")
    found = list(there.select_related("customer__owner").order_by("pk"))
    random.shuffle(found)
    return iter(found)


def _reach(reach: str, place: int, random: Random) -> str:
    """Return the address that was left: a stranger's, a contact's, or none."""
    if reach == "new":
        return f"guest{place + 1}@visitor.example"
    if reach == "known":
        main = Contact.objects.filter(is_main=True, erased_at=None, customer__gone_at=None).exclude(email="")
        found = list(main.order_by("pk").values_list("email", flat=True)[:200])
        return random.choice(found) if found else ""
    return ""


def _of_unknown(desk: Desk, row: UnknownFeedback, order: Order | None, end: str, random: Random) -> Way:
    """Link, answer or leave what nobody known wrote."""
    moment = desk.later(row.recorded_at, random.uniform(0.5, 5))
    if row.state == UnknownFeedback.State.LINKED and row.complaint is not None:  # recognised
        way = _known(desk, row.complaint, needs_case=False, told_as=row)
        _go(way, desk, random, "begun")
        return way
    lead = row.owner
    if end == "nobody":
        UnknownFeedback.objects.filter(pk=row.pk).update(owner=None)
        row.owner = lead = None
    if end == "linked" and order is not None:
        complaint = inbox.link_feedback(row, customer=order.customer, by=lead, at=moment)
        way = _known(desk, complaint, needs_case=False, told_as=row)
        _talk(way, desk, random, after=desk.later(moment, 1))
        return way
    way = Way(
        Told(
            source=Source.UNKNOWN,
            subject=row,
            kind=row.kind,
            customer=None,
            severity=row.severity,
            received_at=row.recorded_at,
            respond_by=row.respond_by,
            due_at=row.due_at,
            salt=row.salt,
            token_hash=row.token_hash or "",
        ),
        customer=None,
        case=None,
        owner=lead,
    )
    if end in words.ANSWERS:
        said = words.ANSWERS[end][0]
        inbox.handle_without_customer(row, answered=end, words=said, by=lead, at=moment)
        ends = way.withdrawn if end == UnknownFeedback.Answer.NONE else way.answered
        ends(said, by=lead, at=moment)
    return way


# --- Posts ------------------------------------------------------------------------------------
def _posts(desk: Desk) -> Iterator[Way]:
    """Yield the ways of bad posts of these weeks; the good ones have none."""
    random = stream(desk.seed, "posts")
    people = _who_orders(desk)
    before = Mention.objects.filter(
        sentiment=Mention.Sentiment.NEGATIVE, void=False, recorded_at__gte=desk.mornings[0]
    )
    bad = [(one, "open") for one in before.select_related("customer__owner", "contact").order_by("pk")]
    for place, (platform, said, stars, is_known, end) in enumerate(words.POSTS):
        customer = random.choice(people) if is_known and people else None
        mention = recording.record_mention(
            platform=platform,
            external_id=f"demo-{desk.seed}-new-{place + 1}",
            handle=f"guest{place + 1:02d}",
            text=said[0],
            rating=Decimal(stars) if stars is not None else None,
            customer=customer,
            by=None,
            at=desk.moment(random, POSTED[place]),
        )
        if mention.sentiment == Mention.Sentiment.NEGATIVE:
            bad.append((mention, end))
    for mention, end in bad:
        yield _of_post(desk, mention, end, random)


def _of_post(desk: Desk, mention: Mention, end: str, random: Random) -> Way:
    customer = mention.customer
    told = Told(
        source=Source.MENTION,
        subject=mention,
        kind=FeedbackKind.COMPLAINT,
        customer=customer,
        contact=mention.contact,
        received_at=mention.recorded_at,
        respond_by=making.respond_by(mention.recorded_at),
        needs_case=customer is not None,
    )
    way = _way(desk, told)
    moment = desk.later(mention.recorded_at, random.uniform(1, 6))
    if end == "contact":
        _talk(way, desk, random, after=moment)
    elif end == "public":
        way.answered(words.ANSWERED_POST[0], by=way.worker, at=moment)
    return way


# --- Both -------------------------------------------------------------------------------------
def _known(
    desk: Desk, complaint: Complaint, *, needs_case: bool, told_as: UnknownFeedback | None = None
) -> Way:
    """Return the way of a customer's feedback, as it begins."""
    told = Told(
        source=Source.COMPLAINT,
        subject=complaint,
        kind=complaint.kind,
        customer=complaint.customer,
        contact=complaint.contact,
        severity=complaint.severity,
        received_at=told_as.recorded_at if told_as is not None else complaint.recorded_at,
        respond_by=told_as.respond_by if told_as is not None else complaint.respond_by,
        due_at=told_as.due_at if told_as is not None else complaint.due_at,
        salt=told_as.salt if told_as is not None else "",
        token_hash=(told_as.token_hash or "") if told_as is not None else "",
        needs_case=needs_case,
    )
    return _way(desk, told)


def _way(desk: Desk, told: Told) -> Way:
    customer = told.customer
    case = desk.cases.get(customer.pk) if customer is not None and told.needs_case else None
    owner = owners.owner_for(customer, case)
    if customer is None or owner is None:
        owner = desk.lead_of(customer.team_id if customer is not None else None)
    return Way(told, customer=customer, case=case, owner=owner)

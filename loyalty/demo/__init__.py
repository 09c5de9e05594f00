"""The demo company's loyalty programme: ten months of points, tiers and rewards, and a few paid members.

Its history is that of the company's orders, told from a random stream of its own, so that nothing else of
the demo changes with it. What is told first lies in the past and is written in bulk (``book``); what is
left for today goes through the verbs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction

from customers.demo.chance import stream
from customers.demo.company import CURRENCY, moment
from customers.demo.load import SOURCE
from customers.demo.moments import aware, local_day
from customers.models import Complaint, Contact, ExternalRef, Order, User
from loyalty import programmes
from loyalty.demo.book import Account, Book, Terms
from loyalty.earning import baskets, rules
from loyalty.earning.baskets import Head
from loyalty.earning.evaluate import Line
from loyalty.ledger import adjusting, recovery
from loyalty.ledger.accounts import LETTERS
from loyalty.models import PointsAccount, Programme, Redemption, Reward, Tier
from loyalty.rewards import catalogue
from loyalty.tiers import editing, membership

DAYS = 300
"""So long ago the programme began."""
AT_ONCE = 5_000
RECOVERED = 4
"""So many of those whose complaint was resolved last got points for it."""
REDEEMS, STOPS = 0.55, 0.25
"""Of the customers these redeem now and then, and of them these do not any more."""
OFFICE = (9 * 3600, 17 * 3600)
State = Redemption.State
SETTINGS: dict[str, Any] = {
    "pending_days": 7,
    "worth_of_100": 100,  # 100 points are worth one yuan
    "expiry": Programme.Expiry.MONTHS,
    "expiry_months": 6,
    "recovery_budget": 20_000,
    "tier_basis": Programme.Basis.SPEND,
    "tier_window": Programme.Window.ROLLING,
    "tier_grace_days": 30,
}
TIERS = (  # code, zh, en, fen in twelve months, share of points, what it brings
    ("silver", "银卡", "Silver", 2_000_000, 10_000, ("discount", "运费八折", "20 % off delivery", None)),
    ("gold", "金卡", "Gold", 5_000_000, 12_000, ("support", "专属客服", "A line of your own", None)),
    ("platinum", "铂金", "Platinum", 9_000_000, 15_000, ("training", "员工培训", "Staff training", 2)),
)
REWARDS = (  # code, zh, en, kind, points, how many are left, from which tier on
    ("cups", "定制纸杯 500 只", "500 printed cups", Reward.Kind.GOODS, 300, 180, ""),
    ("delivery", "免费加急配送", "One express delivery", Reward.Kind.SERVICE, 500, None, ""),
    ("coffee", "咖啡豆 5 公斤", "5 kg of coffee beans", Reward.Kind.GOODS, 1200, 60, ""),
    ("training", "门店培训半天", "Half a day of training", Reward.Kind.SERVICE, 3000, None, "gold"),
)
PLAN = ("plus", "优享会员", "Plus", 99_900, 12)
MEMBERS = ((-340, ""), (-352, ""), (-200, ""), (-120, ""), (-400, "lapsed"), (-366, "renewed"))
"""Since which day who pays for membership, and what came of it when it ended."""


@dataclass(frozen=True)
class Told:
    """Something that happens to an account: at which second, what, and with which order."""

    second: int
    act: str
    head: Head | None = None


@transaction.atomic
def run_programme(*, seed: int, at: datetime) -> int:
    """Start the programme in the past and bring its history; return how many accounts there are.

    Customers and orders must be there. Side effects: the programme with rules, tiers, rewards and a plan;
    rows of the ledger with the moments of their story; memberships and two adjustments of today.
    """
    admin = User.objects.filter(username="admin").first()
    today = local_day(int(at.timestamp()))
    terms = _found(begins=today - DAYS, by=admin)
    rewards = _offer(terms, by=admin)
    book = Book(terms)
    contacts = dict(Contact.objects.filter(is_main=True).values_list("customer", "pk"))
    names = dict(
        ExternalRef.objects.filter(source=SOURCE, kind="customer").values_list("object_id", "external_id")
    )
    for account, story, lines in _stories(book, names, seed=seed, at=at):
        random = stream(seed, "points", names[account.customer_id])
        _live(account, story, lines, random=random, rewards=rewards, today=today, contacts=contacts)
        account.close()
    book.write()
    Programme.objects.filter(pk=terms.programme.pk).update(tiers_as_of_day=today)
    _sell(terms.programme, seed=seed, at=at, by=admin)
    _adjust(terms.programme, at=at)
    _make_up(terms.programme, at=at)
    return PointsAccount.objects.count()


# --- The programme ----------------------------------------------------------------------------
def _found(*, begins: int, by: User | None) -> Terms:
    """Make the programme as it began; return its terms."""
    at = aware(moment(begins, OFFICE[0]))
    programme = programmes.create_programme(
        "club",
        name="云帆会员",
        name_alt="Yunfan Club",
        settings=SETTINGS,
        with_ready_rules=False,
        by=by,
        at=at,
    )
    rules.create_rule(
        programme,
        "spend",
        name="每消费 10 元得 1 分",
        name_alt="1 point for every ¥10",
        document={"kind": "amount", "points": "1", "per": "10"},
        is_on=True,
        by=by,
        at=at,
    )
    rules.create_rule(
        programme,
        "delivery",
        name="运费不计积分",
        name_alt="Delivery earns nothing",
        document={"kind": "exclusion", "labels": ["delivery"], "why": "delivery"},
        is_on=True,
        by=by,
        at=at,
    )
    programmes.start_programme(programme, starts_on=date.fromordinal(begins), by=by, at=at)
    for code, zh, en, threshold, share, (kind, benefit, benefit_alt, a_year) in TIERS:
        tier = editing.create_tier(
            programme,
            code=code,
            name=zh,
            name_alt=en,
            threshold=threshold,
            multiplier_bp=share,
            by=by,
            at=at,
        )
        editing.create_benefit(
            tier, kind=kind, name=benefit, name_alt=benefit_alt, a_year=a_year, by=by, at=at
        )
    history = rules.History(programme)
    tiers = list(Tier.objects.filter(programme=programme).order_by("threshold"))
    return Terms(programme, history.at(at), history.upto, tiers)


def _offer(terms: Terms, *, by: User | None) -> list[Reward]:
    """Offer the rewards since the programme began; stock is what is left today."""
    begins = terms.programme.starts_day or 0
    tiers = {tier.code: tier for tier in terms.tiers}
    return [
        catalogue.create_reward(
            terms.programme,
            code=code,
            name=zh,
            name_alt=en,
            kind=kind,
            points=points,
            stock=stock,
            tier=tiers.get(tier),
            is_on=True,
            by=by,
            at=aware(moment(begins, OFFICE[0])),
        )
        for code, zh, en, kind, points, stock, tier in REWARDS
    ]


# --- Stories ----------------------------------------------------------------------------------
def _stories(
    book: Book, names: dict[int, str], *, seed: int, at: datetime
) -> Iterator[tuple[Account, list[Told], dict[int, list[Line]]]]:
    """Yield every customer's account, what happened to it but redemptions, and the lines of its orders.

    In order of the names that the demo gives to customers: their numbers are those of the database.
    """
    begins = book.terms.programme.starts_day or 0
    spent: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    known = Order.objects.filter(void=False).exclude(status=Order.Status.CANCELLED)
    columns = ("customer_id", "recorded_at", "occurred_day", "sold_base", "returned_base")
    for customer, recorded_at, day, sold, returned in known.values_list(*columns):
        spent[customer].append((int(recorded_at.timestamp()), day, sold - returned))
    orders = Order.objects.filter(occurred_day__gte=begins, recorded_at__lte=at).order_by("customer_id", "pk")
    whose = orders.order_by("customer_id").values_list("customer_id", flat=True).distinct()
    customers = sorted(whose, key=names.__getitem__)
    for start in range(0, len(customers), AT_ONCE // 10):
        some = customers[start : start + AT_ONCE // 10]
        heads = baskets.heads(orders.filter(customer__in=some))
        lines = baskets.lines_of(heads, currency=CURRENCY)
        mine: dict[int, list[Head]] = defaultdict(list)
        for head in heads:
            mine[head.customer_id].append(head)
        for place, customer in enumerate(some, start=start):
            code = _code(stream(seed, "points-code", names[customer]), place)
            account = Account(book, customer, code=code, spent=spent[customer])
            yield account, _told(mine[customer]), lines


def _told(heads: Sequence[Head]) -> list[Told]:
    """Return when each order was written down; what comes back is known after what was bought."""
    known = {head.pk: int(head.recorded_at.timestamp()) for head in heads}
    story = []
    for head in heads:
        second = max(known[head.pk], known.get(head.returns_of_id or 0, 0))
        story.append(Told(second, "order" if head.is_purchase else "return", head))
    return story


def _live(
    account: Account,
    story: list[Told],
    lines: dict[int, list[Line]],
    *,
    random: Random,
    rewards: Sequence[Reward],
    today: int,
    contacts: dict[int, int],
) -> None:
    """Let one account live through its story, the nights between, and what it redeems."""
    begins = account.book.terms.programme.starts_day or 0
    wishes = _wishes(random, begins=begins, today=today)
    nights = account.tier_days(begins + 1, today) | {today}
    waiting = [*story, *(Told(second, "wish") for second in wishes)]
    waiting.sort(key=lambda told: (told.second, told.act, told.head.pk if told.head else 0), reverse=True)
    for day in range(begins, today + 1):
        if day in nights or account.is_due(day):
            account.night(day)
            if account.grace is not None:
                nights.add(account.grace + 1)
        midnight = moment(day + 1, 0)
        while waiting and waiting[-1].second < midnight:
            told = waiting.pop()
            if told.head is None:
                _wish(account, random, told.second, rewards, today=today, contacts=contacts)
            elif told.act == "order":
                account.order(told.head, lines[told.head.pk], second=told.second)
            else:
                account.came_back(told.head, lines[told.head.pk], second=told.second)


def _wishes(random: Random, *, begins: int, today: int) -> list[int]:
    """Return the seconds, before today, at which a customer would take a reward if it could."""
    if random.random() >= REDEEMS:
        return []
    every = random.randrange(35, 110)
    last = today - random.randrange(185, 230) if random.random() < STOPS else today
    days = range(begins + random.randrange(10, 10 + every), last, every)
    return [moment(day, random.randrange(*OFFICE)) for day in days]


def _wish(
    account: Account,
    random: Random,
    second: int,
    rewards: Sequence[Reward],
    *,
    today: int,
    contacts: dict[int, int],
) -> None:
    """Take the dearest reward but one that the account can have, if it can have any."""
    ranks = {tier.pk: rank for rank, tier in enumerate(account.book.terms.tiers, start=1)}
    free = [
        reward
        for reward in rewards
        if reward.points <= account.balance and ranks.get(reward.tier_id or 0, 0) <= account.rank
    ]
    if not free:
        return
    reward = random.choice(free[-2:])
    age = today - local_day(second)
    state = State.DONE if age > 9 else State.SENT if age > 4 else State.READY if age > 2 else State.ASKED
    until = second if state == State.ASKED else second + min(age, 3) * 86_400 - 3600
    contact = contacts.get(account.customer_id)
    account.redeem(reward, second=second, contact=contact, state=str(state), until=until)


def _code(random: Random, place: int) -> str:
    """Return a referral code that no other customer has."""
    letters, number = [random.choice(LETTERS) for _ in range(5)], place
    for _place in range(5):
        number, rest = divmod(number, len(LETTERS))
        letters.append(LETTERS[rest])
    return "".join(letters)


# --- What is left for today -------------------------------------------------------------------
def _sell(programme: Programme, *, seed: int, at: datetime, by: User | None) -> None:
    """Sell memberships: most run, one ended and was not renewed, one was."""
    code, zh, en, price, months = PLAN
    begun = at - timedelta(days=420)
    plan = membership.create_plan(
        programme, code=code, name=zh, name_alt=en, price=price, months=months, tier=None, by=by, at=begun
    )
    today = local_day(int(at.timestamp()))
    accounts = list(PointsAccount.objects.filter(programme=programme).order_by("-balance", "pk")[:60])
    buyers = stream(seed, "members").sample(accounts, min(len(accounts), len(MEMBERS)))
    for account, (days, came) in zip(buyers, MEMBERS, strict=False):
        row = membership.sell(
            account,
            plan,
            starts_day=today + days,
            key="demo-1",
            occurred_at=aware(moment(today + days, OFFICE[0])),
            by=None,  # nobody sells this far back by hand
            at=at,
        )
        if came == "renewed":
            membership.renew(row, key="demo-2", by=by, at=at)
    membership.lapse_due(at=at)


def _adjust(programme: Programme, *, at: datetime) -> None:
    """Adjust points by hand: a few at once, and more than one person may, which waits."""
    lead = User.objects.filter(username="lead").first()
    owned = PointsAccount.objects.filter(programme=programme)
    if lead is not None:
        owned = owned.filter(customer__owner__team=lead.team_id)
    owned = owned.order_by("pk")[:2]
    for account, points, reason in zip(
        owned, (200, 5000), ("展会签到礼，漏记补发。", "年度协议承诺的积分，待批。"), strict=False
    ):
        adjusting.adjust(account, points=points, reason=reason, key="demo", by=lead, at=at)


def _make_up(programme: Programme, *, at: datetime) -> None:
    """Give recovery points to some whose complaint was resolved lately."""
    accounts = {account.customer_id: account for account in PointsAccount.objects.filter(programme=programme)}
    resolved = Complaint.objects.filter(void=False, state=Complaint.State.RESOLVED, customer__in=accounts)
    for complaint in resolved.order_by("-occurred_at", "pk")[:RECOVERED]:
        recovery.grant_recovery(
            accounts[complaint.customer_id],
            points=300,
            source=("complaint", complaint.pk),
            reason="为投诉带来的不便致歉。",
            key="",
            by=User.objects.filter(username="lead").first(),
            at=at,
        )

"""How the company deals with a customer: complaints and their handling, talks and their notes."""

from math import log

from customers.demo import texts
from customers.demo.chance import stream
from customers.demo.company import DAY, RANGE, moment
from customers.demo.late import Desk
from customers.demo.life import Life
from customers.demo.records import Complaint, ComplaintStep, Interaction, Order
from customers.demo.seasons import is_break

CHANNEL = {"phone": 0.45, "chat": 0.35, "email": 0.12, "web": 0.08}
KIND = {"call": 0.44, "chat": 0.28, "visit": 0.16, "email": 0.08, "meeting": 0.04}


class Complaints:
    """The complaints of one life."""

    def __init__(self, life: Life, desk: Desk) -> None:
        self.life, self.desk = life, desk
        self.random = stream(life.window.seed, "complaints", life.customer.key)
        self.complaints: list[Complaint] = []
        self.steps: list[ComplaintStep] = []

    def step(self, first: int, failed: list[tuple[int, Order, str]]) -> None:
        """Complain about failed deliveries, and about invoices, prices and people."""
        random, life = self.random, self.life
        for day, order, kind in failed:
            if random.random() < 0.3 + 0.35 * life.traits.outspoken:
                self._complain(day + random.randint(0, 3), kind, order.key, after=order.at)
        if life.is_gone(first) or first < life.traits.start:
            return
        chance = random.random()
        rise = first - life.window.history.price_rise
        price = 0.0006 + (0.03 * life.traits.price_sensitive if 0 <= rise < 28 else 0.0)
        if chance < 0.0016:
            self._complain(first + random.randrange(7), "invoice", "")
        elif chance < 0.0016 + price:
            self._complain(first + random.randrange(7), "price", "")
        elif chance < 0.0016 + price + (0.0009 if life.owner(first) else 0.008):
            self._complain(first + random.randrange(7), "staff", "")

    def _complain(self, day: int, kind: str, order: str, after: int = 0) -> None:
        random, life = self.random, self.life
        window = life.window
        at = max(window.at(day, 9 * 3600 + random.randrange(9 * 3600)), after + 3600)
        person = random.choice(life.customer.contacts)
        english = life.customer.language == "en"
        products = list(RANGE[life.customer.industry])
        who = person.name_en if english else person.name_zh
        text = texts.write(random, texts.COMPLAINTS[kind], english=english, who=who, products=products)
        channel = random.choices(list(CHANNEL), list(CHANNEL.values()))[0]
        complaint = Complaint(
            key=f"K{life.customer.key}-{len(self.complaints) + 1:03d}",
            customer=life.customer.key,
            contact=person.key,
            order=order,
            kind=kind,
            severity=random.choices((1, 2, 3), (45, 42, 13))[0],
            channel=channel,
            text=text,
            language=life.customer.language,
            at=at,
            known_at=self.desk.known(at, late=0.012, usual=1800),
            due_day=_working_days_after(window.first + window.day_of(at), 5),
        )
        self.complaints.append(complaint)
        weight = 0.2 * complaint.severity
        life.hurt(window.day_of(at), weight, kind)
        life.topics.append((window.day_of(at) + random.randrange(5), "apology"))
        self._handle(complaint, weight)

    def _handle(self, complaint: Complaint, weight: float) -> None:
        """Acknowledge, resolve, perhaps reopen; speed and a second failure move the mood."""
        random, life = self.random, self.life
        owner = life.owner(life.window.day_of(complaint.at))
        speed = owner.diligence if owner else 0.45
        who = owner.key if owner else ""
        wait = int(random.expovariate(1 / 9000))
        at = self._step(complaint, "acknowledged", who, complaint.known_at + wait)
        days = random.lognormvariate(log(2.5), 0.55) / speed
        if random.random() < 0.09:
            days *= random.uniform(4, 10)
        resolved = self._step(complaint, "resolved", who, at + int(days * DAY))
        due_at = moment(complaint.due_day + 1, 0)
        if resolved > due_at:
            life.hurt(life.window.day_of(due_at), 0.22 * complaint.severity, "handling")
        else:
            life.hurt(life.window.day_of(resolved), -0.5 * weight, complaint.kind)
        if random.random() < (0.24 if resolved > due_at else 0.1):
            again = self._step(complaint, "reopened", who, resolved + random.randint(DAY, 9 * DAY))
            life.hurt(life.window.day_of(again), 0.25 + 0.15 * complaint.severity, "handling")
            self._step(complaint, "resolved", who, again + int(random.lognormvariate(log(9.0), 0.6) * DAY))

    def _step(self, complaint: Complaint, kind: str, who: str, at: int) -> int:
        """Note one step, in office hours; answer its moment."""
        window = self.life.window
        day = window.day_of(at)
        if kind == "resolved":
            day = _working_days_after(window.first + day - 1, 1) - window.first
        done_at = max(at + 60, window.at(day, 9 * 3600 + self.random.randrange(9 * 3600)))
        known_at = done_at + self.random.randrange(1200)
        due_day = _working_days_after(window.first + day, 5) if kind == "reopened" else 0
        self.steps.append(
            ComplaintStep(complaint.key, complaint.customer, kind, who, done_at, known_at, due_day)
        )
        return known_at


def _working_days_after(day: int, count: int) -> int:
    """Return the ordinal of the count-th day after `day` that is no weekend nor in the New Year's break."""
    while count:
        day += 1
        if (day + 6) % 7 < 5 and not is_break(day):
            count -= 1
    return day


class Contacts:
    """The talks of one life, as the account manager noted them."""

    def __init__(self, life: Life, desk: Desk) -> None:
        self.life, self.desk = life, desk
        self.random = stream(life.window.seed, "contacts", life.customer.key)
        self.interactions: list[Interaction] = []
        self.tries = 0
        self.english = life.customer.language == "en"
        self.products = [product for product, _ in life.traits.basket]
        every = self._every(life.traits.start)
        self.next = life.traits.start + self.random.randrange(1, max(2, int(every)))
        if not life.traits.old:
            life.topics.append((life.traits.start + 2, "hello"))
        for day, _, _ in life.owners[1:]:
            if self.random.random() < 0.85:
                life.topics.append((day + self.random.randint(1, 15), "hello"))

    def _every(self, day: int) -> float:
        owner = self.life.owner(max(day, self.life.traits.start))
        usual = owner.contact_every if owner else 30
        return usual * (0.8 if self.life.traits.size > 1.3 else 1.0)

    def step(self, first: int, last: int) -> None:
        """Hold the talks of the days up to `last`."""
        random, life = self.random, self.life
        if not life.is_gone(last):
            self.tries = 0
        if life.topics:
            planned = [entry for entry in life.topics if entry[0] <= last]
            life.topics = [entry for entry in life.topics if entry[0] > last]
            for day, topic in sorted(planned)[-1:]:
                self._talk(max(day, first), topic)
        while self.next <= last:
            day = self.next
            self.next = self._after(day, random.gammavariate(14, self._every(day) / 14))
            if not self._is_looked_after(day):
                continue
            if life.is_gone(day):
                self.tries += 1
            if self.tries <= 2 and day - life.last_contact > 4:
                self._talk(day, self._topic(day))
        if random.random() < 0.012 and not life.is_gone(first) and life.traits.start < first:
            self._talk(first + random.randrange(6), "asks", inbound=True)

    def _is_looked_after(self, day: int) -> bool:
        return day >= self.life.traits.start and self.life.owner(day) is not None

    def _after(self, day: int, wait: float) -> int:
        day += max(1, round(wait))
        first = self.life.window.first
        while (first + day + 6) % 7 >= 5 or is_break(first + day):
            day += 1
        return day

    def _topic(self, day: int) -> str:
        life, random = self.life, self.random
        if life.is_gone(day):
            return "silent"
        if 0 < life.contract_end - day < 75 and random.random() < 0.4:
            return "renewal"
        if life.mood < 0.1 and random.random() < 0.5:
            return "uneasy"
        if life.mood > 0.95 and random.random() < 0.3:
            return "happy"
        return "silent" if random.random() < 0.06 else "routine"

    def _talk(self, day: int, topic: str, *, inbound: bool = False) -> None:
        random, life = self.random, self.life
        window, customer = life.window, life.customer
        owner = life.owner(max(day, life.traits.start))
        if owner is None:
            return
        person = random.choice(customer.contacts)
        english = self.english or owner.language == "en"
        who = person.name_en if english else person.name_zh
        lines = texts.INTERACTIONS[topic]
        text = texts.write(random, lines, english=english, who=who, products=self.products, rival=life.rival)
        kind = random.choices(list(KIND), list(KIND.values()))[0]
        kind = texts.kind_of(text) or kind
        if inbound and kind in ("visit", "meeting"):
            kind = "chat"
        at = window.at(day, 9 * 3600 + random.randrange(9 * 3600))
        known_at = self.desk.known(at, late=0.015, usual=6 * 3600)
        self.interactions.append(
            Interaction(
                key=f"I{customer.key}-{len(self.interactions) + 1:04d}",
                customer=customer.key,
                contact=person.key,
                employee=owner.key,
                kind=kind,
                inbound=inbound or topic == "back",
                topic=topic,
                text=text,
                language="en" if english else "zh-hans",
                at=at,
                known_at=known_at,
                void_at=known_at + random.randint(3600, 4 * DAY) if random.random() < 0.006 else 0,
            )
        )
        if topic != "silent":
            life.last_contact = day
            if topic in ("routine", "happy", "hello"):
                life.hurt(day, -0.05, "neglect")

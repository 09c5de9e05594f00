"""What a customer buys: orders by its own rhythm, failed deliveries, returns, corrections."""

from random import Random

from customers.demo.chance import stream
from customers.demo.company import PRODUCTS, RISE
from customers.demo.late import Desk
from customers.demo.life import Life
from customers.demo.records import Line, Order, OrderChange, Return
from customers.demo.truth import Failure

FAILURES = {"late": 0.5, "damaged": 0.27, "wrong": 0.23}
WEIGHT = {"late": 0.32, "damaged": 0.42, "wrong": 0.3}


class Trade:
    """The orders of one life."""

    def __init__(self, life: Life, desk: Desk) -> None:
        """Plan the first order: at once for a new customer, somewhere in the rhythm for an old one."""
        self.life, self.desk = life, desk
        self.random: Random = stream(life.window.seed, "orders", life.customer.key)
        self.clock = life.window.clocks[life.customer.industry]
        self.orders: list[Order] = []
        self.changes: list[OrderChange] = []
        self.returns: list[Return] = []
        self.failures: list[Failure] = []
        self.was_gone = False
        start = life.traits.start
        wait = self.random.random() * life.traits.interval if life.traits.old else 1.0
        self.next = self.clock.after(start, wait) if life.traits.old else start + self.random.randrange(4)

    def step(self, first: int, last: int) -> list[tuple[int, Order, str]]:
        """Place the orders of the days up to `last`; return the failed deliveries (day, order, what)."""
        life = self.life
        if life.is_gone(last):
            self.was_gone = True
        elif self.was_gone:
            self.was_gone = False
            self.next = max(first, life.last_contact) + self.random.randrange(3)
        failed = []
        while self.next <= last and self.next < life.window.days:
            day = self.next
            if not (life.is_gone(day) or life.is_paused(day)):
                order = self._order(day)
                change = self._correct(order)
                failure = "" if change else self._deliver(day, order)
                if failure:
                    failed.append((day, order, failure))
            self.next = self.clock.after(day, self._wait(day))
            if life.is_paused(self.next):
                self.next = life.pause[1] + self.random.randint(1, 5)
        return failed

    def _wait(self, day: int) -> float:
        traits, fade = self.life.traits, self.life.fade(day)
        mean = traits.interval * (1 + 2.8 * fade) * (1 + 0.12 * max(0.0, -self.life.mood))
        return self.random.gammavariate(traits.regularity, mean / traits.regularity)

    def _order(self, day: int) -> Order:
        random, life = self.random, self.life
        traits, window = life.traits, life.window
        scale = (1 + traits.growth) ** (day / 365) * (1 - 0.55 * life.fade(day))
        scale *= random.lognormvariate(0, 0.1)
        count = min(len(traits.basket), random.choices((1, 2, 3), (16, 56, 28))[0])
        lines = tuple(
            self._line(day, product, max(1, round(usual * scale * random.lognormvariate(0, 0.15))))
            for product, usual in random.sample(traits.basket, count)
        )
        at = window.at(day, 8 * 3600 + random.randrange(11 * 3600))
        known_at = self.desk.known(at, late=0.014 if traits.channel in ("phone", "sales") else 0.009)
        order = Order(
            key=f"{life.customer.key}-{len(self.orders) + 1:04d}",
            customer=life.customer.key,
            at=at,
            known_at=known_at,
            channel=traits.channel,
            amount=sum(line.amount for line in lines),
            cost=sum(line.cost for line in lines),
            lines=lines,
        )
        self.orders.append(order)
        return order

    def _line(self, day: int, place: int, quantity: int) -> Line:
        product = PRODUCTS[place]
        dearer = 1 + RISE if day >= self.life.window.history.price_rise else 1.0
        price = round(product.price * dearer * (1 - self.life.traits.discount))
        cost = round(product.cost * (1 + RISE * 0.6 if dearer > 1 else 1.0))
        return Line(product.key, quantity, price, price * quantity, cost * quantity)

    def _correct(self, order: Order) -> bool:
        """Sometimes the company learns later that an order was other than written, or was none."""
        chance = self.random.random()
        if chance >= 0.017:
            return False
        known_at = order.known_at + self.random.randint(3600, 8 * 86400)
        if chance < 0.005:
            self.changes.append(OrderChange(order.key, known_at, True, order.amount, order.cost, order.lines))
            return True
        place = self.random.randrange(len(order.lines))
        line = order.lines[place]
        quantity = max(1, line.quantity + self.random.choice((-2, -1, 1, 1, 2)))
        each = line.cost // line.quantity
        mended = Line(line.product, quantity, line.price, line.price * quantity, each * quantity)
        if mended == line:
            return False
        lines = (*order.lines[:place], mended, *order.lines[place + 1 :])
        amount, cost = sum(x.amount for x in lines), sum(x.cost for x in lines)
        self.changes.append(OrderChange(order.key, known_at, False, amount, cost, lines))
        return True

    def _deliver(self, day: int, order: Order) -> str:
        """Let the delivery go well or wrong; a wrong one weighs on the mood and may bring goods back."""
        random, life = self.random, self.life
        first, last = life.window.history.trouble
        chance = 0.03
        if life.customer.team == "south" and first <= day <= last:
            chance = 0.15
        failure = ""
        if random.random() < chance:
            failure = random.choices(list(FAILURES), list(FAILURES.values()))[0]
            life.hurt(day + 2, WEIGHT[failure] * random.uniform(0.6, 1.5), failure)
            self.failures.append(Failure(life.customer.key, order.key, failure, life.window.first + day))
        if random.random() < {"damaged": 0.55, "wrong": 0.6}.get(failure, 0.006):
            self._send_back(day, order, failure or "unused")
        return failure

    def _send_back(self, day: int, order: Order, reason: str) -> None:
        random = self.random
        place = random.randrange(len(order.lines))
        line = order.lines[place]
        quantity = random.randint(1, line.quantity)
        at = self.life.window.at(day + random.randint(2, 12), 9 * 3600 + random.randrange(8 * 3600))
        self.returns.append(
            Return(
                key=f"R{order.key}",
                order=order.key,
                customer=order.customer,
                line=place,
                quantity=quantity,
                amount=line.price * quantity,
                cost=line.cost // line.quantity * quantity,
                reason=reason,
                at=at,
                known_at=max(order.known_at, self.desk.known(at, late=0.01)),
            )
        )

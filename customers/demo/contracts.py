"""Contracts: signed, renewed in time, renewed late, left to lapse, or ended by a customer that goes."""

from datetime import date

from customers.demo.chance import stream
from customers.demo.company import PRODUCTS
from customers.demo.life import Life
from customers.demo.records import Contract, ContractEnd


class Contracts:
    """The contracts of one life; at most one runs at a time."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.random = stream(life.window.seed, "contracts", life.customer.key)
        self.contracts: list[Contract] = []
        self.ends: list[ContractEnd] = []
        self.current: Contract | None = None
        self.talk_at = 0
        if life.traits.contract:
            self._first()

    def _first(self) -> None:
        life, random = self.life, self.random
        months = self._months()
        if life.traits.old:
            start = -random.randrange(1, max(2, round(months * 30.44)))
            start = max(start, life.customer.since - life.window.first)
        else:
            start = life.traits.start + random.randint(3, 40)
        early = random.randint(0, 3)
        self._sign(max(start - early, life.customer.since - life.window.first), start, months, "")

    def _months(self) -> int:
        return self.random.choices((12, 24, 6), (72, 18, 10))[0]

    def _sign(self, day: int, start: int, months: int, renews: str) -> None:
        life, random, window = self.life, self.random, self.life.window
        at = window.at(day, 10 * 3600 + random.randrange(6 * 3600))
        end = _months_after(window.first + start, months) - 1
        order = sum(PRODUCTS[product].price * usual for product, usual in life.traits.basket) * 2.3
        yearly = order / len(life.traits.basket) * 365 / life.traits.interval
        contract = Contract(
            key=f"V{life.customer.key}-{len(self.contracts) + 1}",
            customer=life.customer.key,
            renews=renews,
            at=at,
            known_at=at + random.randrange(3 * 86400),
            start=window.first + start,
            end=end,
            value=max(100000, round(yearly * months / 12 / 100000) * 100000),
            auto_renew=random.random() < 0.45,
            notice_days=random.choice((30, 30, 60)),
        )
        self.contracts.append(contract)
        self.current = contract
        life.contract_end = end - window.first
        # What renews of itself does so before the time for notice; the rest is talked about, sometimes late.
        early = random.randint(12, 110)
        if contract.auto_renew:
            early = contract.notice_days + random.randint(15, 45)
        self.talk_at = life.contract_end - early

    def step(self, first: int, last: int) -> None:
        """Renew, lapse or end what falls into the days up to `last`."""
        life, contract = self.life, self.current
        if contract is None:
            self._win_back(last)
            return
        if life.is_gone(last) and not life.leaving_by_contract:
            self._close(contract, "terminated", max(life.leaves, first))
        elif self.talk_at <= last < life.contract_end and life.decided < 0:
            self._renew(contract, max(first, self.talk_at))
        elif life.contract_end < last:
            self._close(contract, "lapsed", life.contract_end)

    def _renew(self, contract: Contract, day: int) -> None:
        life, random = self.life, self.random
        self.talk_at = 1 << 30
        if random.random() < (0.95 if life.mood > 0 else 0.75):
            self.ends.append(self._end(contract, "renewed", day, contract.end))
            self._sign(day, contract.end + 1 - life.window.first, self._months(), contract.key)

    def _close(self, contract: Contract, kind: str, day: int) -> None:
        end = min(contract.end, self.life.window.first + day)
        self.ends.append(self._end(contract, kind, day, end))
        self.current, self.life.contract_end = None, 0

    def _win_back(self, last: int) -> None:
        """Some whose contract ran out while they went on buying sign again."""
        life = self.life
        if self.contracts and life.decided < 0 and self.random.random() < 0.03:
            self._sign(last, last, 12, "")

    def _end(self, contract: Contract, kind: str, day: int, end: int) -> ContractEnd:
        at = self.life.window.at(day, 11 * 3600 + self.random.randrange(3600))
        known_at = max(at + self.random.randrange(3600), contract.known_at + 60)
        return ContractEnd(contract.key, contract.customer, kind, at, known_at, end)


def _months_after(day: int, months: int) -> int:
    """Return the ordinal of the same day of the month so many months later (the 28th at the latest)."""
    when = date.fromordinal(day)
    place = when.month - 1 + months
    return date(when.year + place // 12, place % 12 + 1, min(when.day, 28)).toordinal()

"""When the company came to know of what happened: mostly at once, now and then days later."""

from random import Random

from customers.demo.chance import stream
from customers.demo.company import DAY


class Desk:
    """Dates the records of one customer."""

    def __init__(self, seed: int, customer: str) -> None:
        self.random: Random = stream(seed, "late", customer)

    def known(self, at: int, *, late: float, usual: int = 900) -> int:
        """Return when a fact of `at` was written down: within `usual` seconds or, seldom, days later."""
        if self.random.random() < late:
            return at + self.random.randint(2 * DAY, 19 * DAY)
        return at + self.random.randrange(usual)

"""What customers write in public: seldom, and then as their mood is.

Like the signs it draws from a stream of its own and only reads the story. Some posts are of nobody known.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from random import Random
from typing import Any

from customers.demo.company import moment as at_day
from customers.demo.moments import local_day
from customers.demo.rows.base import FACT, Rows
from customers.demo.rows.signs import Signs
from customers.models import Mention

A_WEEK = 0.002
"""The chance that a customer of a middling mood writes in a week; the glad and the angry write more."""
UNKNOWN = 0.3
"""The share of posts of which nobody knows whose they are."""
_PLATFORMS = (("dianping", 5), ("weibo", 2), ("xiaohongshu", 2), ("google", 1))
_RATED = {"dianping", "google"}
_WORDS = {
    "negative": (
        "催了三次才送到，包装还破了，太失望了。",
        "Had to chase them three times, and the box was broken. Disappointed.",
        "客服没人接，问题一直没解决，不会再买。",
        "Nobody answers, the problem is still there. Will not buy again.",
    ),
    "neutral": (
        *("和以前差不多，没什么变化。", "About the same as before."),
        *("这次换了包装。", "They changed the packaging."),
    ),
    "positive": (
        "送货很快，质量稳定，推荐！",
        "Quick delivery and steady quality. Recommended!",
        "服务热情，有问题马上处理，很满意。",
        "Friendly people who deal with problems at once. Very satisfied.",
    ),
}  # fmt: skip
_STARS = {"negative": (1, 2), "neutral": (3, 3), "positive": (4, 5)}


class Posts(Signs):
    """Makes the mentions."""

    def mention_rows(self) -> Rows:
        """Make the posts and reviews of customers, known and not known to be theirs."""
        names = (
            *FACT,
            "platform",
            "external_id",
            "handle",
            "text",
            "rating",
            "sentiment",
            "judged",
            "source",
        )
        return names, self._mentions()

    def _mentions(self) -> Iterator[tuple[Any, ...]]:
        number = 0
        for customer in self.facts.customers:
            random = self._stream("mentions", customer.key)
            for week, hundredth in enumerate(self.world.truth.moods.get(customer.key, ())):
                mood = hundredth / 100
                day = customer.since + 7 * week + random.randrange(7)
                told = random.random() < A_WEEK * exp(min(2.0, abs(mood - 0.6)))
                post = self._post(random, mood)
                if not told or not self.world.window.first <= day <= self._last:
                    continue
                number += 1
                at = at_day(day, random.randrange(8 * 3600, 23 * 3600))
                owner = None if random.random() < UNKNOWN else self.customers[customer.key]
                name = f"demo-{self.world.window.seed}-{number}"
                moment = self._moment(at)
                yield (owner, moment, local_day(at), moment, post[0], name, f"user{number:04d}", *post[1:])

    def _post(self, random: Random, mood: float) -> tuple[Any, ...]:
        """Return the platform, words, stars, sentiment, by what it was told, and the way it came."""
        felt = mood + random.gauss(0, 0.3)
        sentiment = "negative" if felt < 0.1 else "positive" if felt > 0.8 else "neutral"
        platform = random.choices([code for code, _n in _PLATFORMS], [n for _code, n in _PLATFORMS])[0]
        low, high = _STARS[sentiment]
        stars = random.randint(low, high) if platform in _RATED else None
        judged = Mention.Judged.TEXT if stars is None else Mention.Judged.RATING
        return platform, random.choice(_WORDS[sentiment]), stars, sentiment, judged.value, "import"

"""How far precision may lie from what was found: the interval by a bootstrap of customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

DRAWS = 4_000
SEED = 9
LOW, HIGH = 2.5, 97.5


def precision_interval(by_customer: Mapping[int, tuple[int, int]]) -> tuple[float, float] | None:
    """Return the 95 % interval of right ÷ judged, by customer-cluster bootstrap (percentiles).

    Alarms of one customer are no independent witnesses, so whole customers are drawn, with replacement,
    as many as there are. Customers with the same numbers are one cell, so that a draw of all of them is one
    multinomial. Seeded: the same numbers give the same interval. Nothing without a judged alarm.

    Args:
        by_customer: customer → alarms judged and alarms that were right.
    """
    cells = sorted(Counter(by_customer.values()).items())
    if not cells:
        return None
    size = np.array([count for _cell, count in cells], dtype=np.int64)
    judged = np.array([cell[0] for cell, _count in cells], dtype=np.int64)
    right = np.array([cell[1] for cell, _count in cells], dtype=np.int64)
    drawn = np.random.default_rng(SEED).multinomial(size.sum(), size / size.sum(), size=DRAWS)
    low, high = np.percentile((drawn @ right) / (drawn @ judged), [LOW, HIGH])
    return float(low), float(high)

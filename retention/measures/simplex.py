"""The downhill simplex of Nelder and Mead, for likelihoods of a few parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]


def minimise(
    function: Callable[[Point], float], start: Sequence[float], *, step: float = 0.5, most: int = 600
) -> Point:
    """Return where a function is least, from ``start`` on; the same start always gives the same end.

    Stops when the values at all corners agree to a part in 10⁹, or after ``most`` steps.
    """
    n = len(start)
    corners = [np.array(start, dtype=np.float64)]
    corners += [corners[0] + step * np.eye(n)[k] for k in range(n)]
    values = [function(corner) for corner in corners]
    for _step in range(most):
        order = np.argsort(values, kind="stable")
        corners, values = [corners[k] for k in order], [values[k] for k in order]
        if values[-1] - values[0] <= 1e-9 * (1 + abs(values[0])):
            break
        centre = np.mean(corners[:-1], axis=0)
        _move(function, corners, values, centre)
    return corners[int(np.argmin(values))]


def _move(
    function: Callable[[Point], float], corners: list[Point], values: list[float], centre: Point
) -> None:
    """Replace the worst corner, the last one, or draw all towards the best."""

    def at(share: float) -> tuple[Point, float]:
        point = centre + share * (centre - corners[-1])
        return point, function(point)

    mirrored, value = at(1.0)
    if value < values[0]:
        further, beyond = at(2.0)
        corners[-1], values[-1] = (further, beyond) if beyond < value else (mirrored, value)
    elif value < values[-2]:
        corners[-1], values[-1] = mirrored, value
    else:
        inside, within = at(0.5 if value < values[-1] else -0.5)
        if within < min(value, values[-1]):
            corners[-1], values[-1] = inside, within
        else:
            for k in range(1, len(corners)):
                corners[k] = (corners[0] + corners[k]) / 2
                values[k] = function(corners[k])

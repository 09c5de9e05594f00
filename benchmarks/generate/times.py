"""When the generated company lives: 24 months up to the morning of 1 July 2026 in Shanghai."""

from __future__ import annotations

from datetime import UTC, datetime

ZONE, ZONE_SECONDS = "Asia/Shanghai", 8 * 3600  # no summer time there
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
END = int(NOW.timestamp()) - 7200  # the last fact is two hours old
START = END - 730 * 86400
TODAY = (int(NOW.timestamp()) + ZONE_SECONDS) // 86400 + 719163  # local day number


def day_of(second: str) -> str:
    """Return SQL for the local day number of a UTC second."""
    return f"(({second}) + {ZONE_SECONDS}) / 86400 + 719163"

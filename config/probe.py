"""``python -m config.probe /readyz``: what a health check asks of the web process of its own machine.

Without Django, since it runs every few seconds; with the public host's name, since others are refused.
"""

from __future__ import annotations

import os
import sys
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

SECONDS = 4.0


def ask(path: str) -> int:
    """Return 0 when the answer is 200, else 1."""
    allowed = [name.strip() for name in os.environ.get("ALLOWED_HOSTS", "").split(",") if name.strip()]
    public = urlsplit(os.environ.get("PUBLIC_BASE_URL", "")).hostname or "127.0.0.1"
    host = public if not allowed or public in allowed else allowed[0].removeprefix(".")
    address = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}{path}"
    try:
        with urlopen(Request(address, headers={"Host": host}), timeout=SECONDS) as answer:
            return 0 if answer.status == 200 else 1
    except (URLError, OSError):
        return 1


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1] if len(sys.argv) > 1 else "/healthz"))

"""Running the demo command."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from django.core.management import call_command

UNTIL = "2026-06-30"


def run_demo(*, customers: int) -> dict[str, Any]:
    """Build the demo company in the empty database; return what it says of itself."""
    out = StringIO()
    call_command(
        "demo", "--customers", str(customers), "--until", UNTIL, "--json", stdout=out, stderr=StringIO()
    )
    made: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return made

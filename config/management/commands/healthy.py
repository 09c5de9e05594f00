"""``manage.py healthy worker``: what a health check asks about a process that has no port."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from config import health
from customers.ground import clock
from customers.ground.models import Heartbeat


class Command(BaseCommand):
    help = "End with 0 when a worker or scheduler of this machine lives and its loop turns, else with 1."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("kind", choices=Heartbeat.Kind.values)

    def handle(self, *args: Any, kind: str, **options: Any) -> None:
        state = health.process_state(kind, host=socket.gethostname(), real=clock.real_now(), alive=_is_alive)
        self.stdout.write(f"{kind}: {state}")
        if state != "ok":
            sys.exit(1)


def _is_alive(pid: int) -> bool:
    """Say whether the process runs; one that has ended and that nobody has fetched yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, but there
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # no /proc on this system, or gone this moment
        return True
    return state not in ("Z", "X")

"""``manage.py runstack``: the whole system in one process."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from config import embedded, env
from config.stack import Stack
from customers import links
from customers.ground import clock, context
from customers.ground.models import Company

DEMO_ACCOUNTS = ("admin", "lead", "manager", "analyst")


class Command(BaseCommand):
    help = "Run web server, worker and scheduler in one process (the embedded default)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, default=settings.PORT, help="port, 0 for any free one")
        parser.add_argument("--prepare", action="store_true", help="first bring the database up to date")
        parser.add_argument(
            "--demo", action="store_true", help="with --prepare: the demo company, in a database of its own"
        )

    def handle(self, *args: Any, host: str, port: int, prepare: bool, demo: bool, **options: Any) -> None:
        self.started = time.monotonic()
        self._refuse_a_taken_port(host, port)
        if prepare and settings.EMBEDDED:
            self._find_the_place(demo=demo)
        if prepare:
            self._prepare(demo=demo)
        from config.wsgi import application

        try:
            stack = Stack(application, host=host, port=port)
        except OSError as error:
            raise CommandError(_taken(port)) from error
        stack.serve(ready=lambda bound: self._announce(host, bound))
        self._say("Ended.")

    def _refuse_a_taken_port(self, host: str, port: int) -> None:
        # Before the minutes of preparation, not after them.
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(_taken(port)) from error

    def _find_the_place(self, *, demo: bool) -> None:
        """Keep the demo apart from one's own company; begin anew where settings name another place."""
        own = settings.VAR_ROOT / embedded.DATABASE
        try:
            moved = not settings.DEMO and embedded.settle(settings.VAR_ROOT)
        except embedded.CannotMove as error:
            raise CommandError(str(error)) from error
        if moved:
            self._say(f"The demo company moved to {embedded.home(settings.VAR_ROOT, demo=True)}.")
        if moved or (demo and not settings.DEMO):
            sys.stdout.flush()
            os.environ["LIUKE_DEMO"] = "1" if demo else "0"
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 — this very program
        if settings.DEMO and embedded.holds(own) == embedded.Holds.OWN:
            self._say(f"This is the demo company. Your own company stands in {own}: make run DEMO=0")

    def _prepare(self, *, demo: bool) -> None:
        self._say("Bringing the database up to date …")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("replay_erasures")  # of a database that was restored
        if demo and not (Company.objects.exists() or get_user_model().objects.exists()):
            settings.DEMO_PASSWORD = _demo_password()
            self._say("Building the demo company: 2,000 customers, 18 months (once, about a minute) …")
            call_command("demo")

    def _announce(self, host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        address = f"http://{shown}:{port}"
        if not env.text("PUBLIC_BASE_URL"):  # links lead to the port that is really there
            settings.PUBLIC_BASE_URL = address
        self._say(f"Web, worker and scheduler are running: {address}/   (Ctrl-C ends all)")
        if not links.has_admin():
            with context.acting(channel="command"):
                secret = links.first_admin_link(now=clock.real_now(), at=clock.now())
            page = settings.PUBLIC_BASE_URL + reverse("customers:first_admin", args=[secret])
            self._say(f"Nobody is here yet. Make the first admin by this link, it works once: {page}")
        if not Company.objects.filter(is_demo=True).exists():
            return
        names = get_user_model().objects.filter(username__in=DEMO_ACCOUNTS).values_list("username", flat=True)
        if names:
            kept = _password_file()
            password = kept.read_text().strip() if kept.exists() else "the DEMO_PASSWORD of the first run"
            self._say(f"Demo accounts: {', '.join(sorted(names))} — password: {password}")

    def _say(self, text: str) -> None:
        self.stdout.write(f"[{time.monotonic() - self.started:5.1f} s] {text}")
        self.stdout.flush()


def _taken(port: int) -> str:
    return f"Port {port} is taken by another program. Choose another: PORT={port + 1} make run"


def _password_file() -> Path:
    return settings.VAR_DIR / "demo_password"


def _demo_password() -> str:
    """Return the demo accounts' password, kept so that every later start can print it."""
    kept = _password_file()
    if settings.DEMO_PASSWORD:
        password: str = settings.DEMO_PASSWORD
    elif kept.exists():
        return kept.read_text().strip()
    else:
        password = secrets.token_urlsafe(9)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch(mode=0o600)
    kept.write_text(password)
    return password

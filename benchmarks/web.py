"""The shipped web server on a free port, with the database of the stage."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time

from django.core.management import call_command
from django.db import connection

from benchmarks import server

BARE_TABLE = "bench_answer"
"""What :mod:`benchmarks.bare` writes to; that module, imported, changes the settings of its process."""


def collect_static() -> None:
    """Collect the static files: a production names them by content, and fails without the list of them."""
    call_command("collectstatic", verbosity=0, interactive=False)


class Server:
    """Gunicorn as the image starts it, with ``workers`` processes; it answers when this returns.

    Args:
        application: the module of the WSGI application. ``knock``: a path of it that answers a GET.

    Raises ``RuntimeError`` when it does not start within twenty seconds.
    """

    def __init__(self, workers: int, *, application: str = "config.wsgi", knock: str = "/healthz") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        known = connection.settings_dict
        address = (
            f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"
        )
        env = {
            **os.environ,
            "DATABASE_URL": address,
            "WEB_CONCURRENCY": str(workers),
            "LOG_LEVEL": "WARNING",
        }
        how = ["--config", "python:config.gunicorn", "--bind", f"127.0.0.1:{self.port}"]
        words = [sys.executable, "-m", "gunicorn", application, *how]
        self.process = subprocess.Popen(words, cwd=server.ROOT, env=env)
        for _ in range(200):
            try:
                asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                asking.request("GET", knock)
                asking.getresponse().read()
                asking.close()
                return
            except OSError:
                time.sleep(0.1)
        self.end()
        raise RuntimeError("the web server did not start")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(20)

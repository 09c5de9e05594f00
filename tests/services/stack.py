"""All services of the compose file, run on this machine beside each other."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services import containers
from tests.services.containers import ROOT, Running

VALUES = {
    "SECRET_KEY": "canary-secret-" + "k" * 40,
    "POSTGRES_PASSWORD": "canary-password",
    "PUBLIC_BASE_URL": "https://liuke.example.com",
    "EMAIL_URL": "dummymail://",
    "METRICS_TOKEN": "canary-token-0123456789",
    "WEB_CONCURRENCY": "2",
}
OURS = ("migrate", "web", "worker", "beat")
SECONDS = 180.0


def loaded(name: str) -> Any:
    """Return a module of ``.ci``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stack:
    """The services of the compose file, run on this machine."""

    def __init__(self, folder: Path) -> None:
        self.tools = loaded("services")
        self.folder = folder
        self.image = containers.stages()[-1]
        self.services = containers.compose(VALUES)["services"]
        self.ports = {name: self.tools.free_port() for name in ("postgres", "redis", "web")}
        self.volume = folder / "files"
        self.volume.mkdir(mode=0o777)
        self.volume.chmod(0o777)
        self.static = folder / "static"
        self.hosts = {
            "@postgres:5432": f"@127.0.0.1:{self.ports['postgres']}",
            "redis:6379": f"127.0.0.1:{self.ports['redis']}",
        }
        self.running: dict[str, Running] = {}

    def environment(self, name: str) -> dict[str, str]:
        given = containers.environment(self.services[name], self.image, hosts=self.hosts, volume=self.volume)
        static = {"STATIC_ROOT": str(self.static), "PORT": str(self.ports["web"])}
        return {**given, **static, "DJANGO_SETTINGS_MODULE": "config.settings"}

    def run(self, name: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command inside a service, as ``docker compose exec`` does."""
        return subprocess.run(
            self.words(name, command), cwd=ROOT, env=self.environment(name),
            capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip

    def words(self, name: str, command: list[str]) -> list[str]:
        service = self.services[name]
        mounted = any(str(volume).startswith("files:") for volume in service.get("volumes", []))
        return containers.confined(
            command,
            user=service["user"],
            volume=self.volume if mounted else None,
            writable=not service["read_only"],
        )

    def start(self, name: str) -> Running:
        command = self.services[name].get("command") or self.image.command
        return self._started(name, self.words(name, command), ROOT, self.environment(name))

    def _started(self, name: str, words: list[str], cwd: Path, env: dict[str, str]) -> Running:
        log = self.folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                words, cwd=cwd, env=env, stdout=file, stderr=file, start_new_session=True
            )
        self.running[name] = Running(name, process, log)
        return self.running[name]

    def start_postgres(self) -> None:
        """The server of the file with its settings, but less memory, on a data folder of its own."""
        data, port = self.folder / "pg", self.ports["postgres"]
        bin_of = [f"/usr/lib/postgresql/*/bin/{name}" for name in ("initdb", "postgres")]
        initdb, server = (self.tools.program(Path(p).name, p) for p in bin_of)
        if not initdb or not server:
            pytest.skip("PostgreSQL is needed (apt-get install postgresql)")
        owner = self.folder / "pg-owner"
        owner.mkdir()
        as_user = self.tools.unprivileged(owner)
        (owner / "password").write_text(VALUES["POSTGRES_PASSWORD"])
        (owner / "password").chmod(0o644)
        data = owner / "data"
        common = {"cwd": owner, "check": True, "capture_output": True}
        subprocess.run(
            [*as_user, initdb, "-D", str(data), "-U", "liuke", "-A", "scram-sha-256", "-N", "-E", "UTF8",
             "--locale=C", f"--pwfile={owner / 'password'}"], **common,
        )  # fmt: skip
        given = self.services["postgres"].get("command", ["postgres"])
        assert given[0] == "postgres"
        less = ["-cshared_buffers=64MB", "-cmax_wal_size=256MB", "-cfsync=off"]
        mine = ["-D", str(data), "-p", str(port), "-k", str(owner), "-clisten_addresses=127.0.0.1"]
        env = {"PATH": os.environ["PATH"], "LANG": "C"}
        self._started("postgres", [*as_user, server, *given[1:], *less, *mine], owner, env)
        until(lambda: self.healthy("postgres"), running=self.running["postgres"])
        env = {**env, "PGPASSWORD": VALUES["POSTGRES_PASSWORD"], "PGHOST": "127.0.0.1", "PGPORT": str(port)}
        subprocess.run(
            ["psql", "-U", "liuke", "-d", "postgres", "-c", "CREATE DATABASE liuke"], env=env, **common
        )

    def start_redis(self) -> None:
        command = self.services["redis"]["command"]
        server = self.tools.program(command[0])
        if not server:
            pytest.skip("Redis is needed (apt-get install redis-server)")
        mine = ["--port", str(self.ports["redis"]), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        words = [*containers.as_user(self.services["redis"]["user"]), server, *command[1:], *mine]
        self._started("redis", words, self.folder, {"PATH": os.environ["PATH"]})
        until(lambda: self.healthy("redis"), running=self.running["redis"])

    def healthy(self, name: str) -> bool:
        """Run the health check of the file; servers are asked on their own port."""
        kind, *test = self.services[name]["healthcheck"]["test"]
        if name in OURS:
            assert kind == "CMD"
            return self.run(name, test).returncode == 0
        env = {"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(self.ports["postgres"])}
        words = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        if words[0] == "redis-cli":
            words = [words[0], "-p", str(self.ports["redis"]), *words[1:]]
        asked = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=SECONDS)
        return asked.returncode == 0

    def ask(self, path: str, **headers: str) -> tuple[int, str]:
        """Ask the web process as the proxy before it does."""
        given = {"Host": "liuke.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['web']}{path}", headers={**given, **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def end(self) -> None:
        for running in reversed(self.running.values()):
            running.kill()


def until(true: Callable[[], bool], *, running: Running, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true():
        alive = running.process.poll() is None and time.monotonic() < end
        assert alive, f"{running.name}: {running.said()[:3000]} … {running.said()[-1500:]}"
        threading.Event().wait(0.3)

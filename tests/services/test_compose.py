"""The compose file and the image: checked as text, and run as plain processes against real services.

There is no Docker engine here. What is run is what the files say: commands, environment, users, health
checks, a read-only root where this machine can mount one. What is not shown: the build of the image.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services import containers
from tests.services.containers import ROOT, Running

pytestmark = pytest.mark.services

VALUES = {
    "SECRET_KEY": "canary-secret-" + "k" * 40,
    "POSTGRES_PASSWORD": "canary-password",
    "PUBLIC_BASE_URL": "https://liuke.example.com",
    "EMAIL_URL": "dummymail://",
    "METRICS_TOKEN": "canary-token-0123456789",
    "WEB_CONCURRENCY": "2",
}
OURS = ("migrate", "web", "worker", "beat")
SECONDS = 60.0
ADD_WORK = """
import django; django.setup()
from customers.ground import clock
from customers.ground.models import OutboxRow
OutboxRow.objects.create(handler="retention.complaint_opens_case", dedupe_key="compose", due_at=clock.now())
from config.celery import app
app.send_task("celery.backend_cleanup")
"""
DONE_AT = """
import django; django.setup()
from customers.ground.models import OutboxRow
print(OutboxRow.objects.get(dedupe_key="compose").done_at or "")
"""


def loaded(name: str) -> Any:
    """Return a module of ``.ci``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- The files as text ------------------------------------------------------------------------
def test_compose_file_meets_the_schema() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    asked = [str(tool), "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_service_is_confined_and_watched() -> None:
    services = containers.compose(VALUES)["services"]
    assert set(services) == {*OURS, "postgres", "redis"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith("0"), name
        if name != "migrate":
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        if name not in ("web", "migrate"):
            assert "ports" not in service, name
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert containers.compose(VALUES)["networks"]["inside"] == {"internal": True}
    assert services["postgres"]["networks"] == services["redis"]["networks"] == ["inside"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "POSTGRES_PASSWORD", "PUBLIC_BASE_URL", "EMAIL_URL"])
def test_compose_names_what_is_missing(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        containers.compose({**VALUES, name: ""})


def test_compose_passes_on_only_what_the_settings_read() -> None:
    read = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.M))
    for name in OURS:
        given = set(containers.compose(VALUES)["services"][name]["environment"])
        assert given - read <= {"TMPDIR"}, name


def test_image_has_an_unprivileged_user_and_no_secret() -> None:
    build, image = containers.stages()
    assert image.user == "10001:10001" == containers.compose(VALUES)["services"]["web"]["user"]
    assert image.healthcheck == ["python", "-m", "config.probe", "/healthz"]
    assert [origin for origin, _what in image.copied] == ["build", "build"]
    words = " ".join([*image.env, *build.env])
    assert not re.search(r"SECRET|PASSWORD|TOKEN|DATABASE_URL", words)
    everything = (ROOT / "Dockerfile").read_text()
    assert "ARG" not in everything and "ADD " not in everything and "--mount=type=secret" not in everything


def test_build_is_given_only_what_the_image_copies() -> None:
    build = containers.stages()[0]
    wanted = {path.rstrip("/") for _origin, paths in build.copied for path in paths}
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == wanted
    never = [rule for rule in rules[1:] if not rule.startswith("!")]
    for secret in (".env", ".env.production", "liuke.sqlite3"):
        assert any(fnmatch.fnmatch(secret, rule.removeprefix("**/")) for rule in never), secret
    sent = [path for name in wanted for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    secret = re.compile(r"\.(pem|key|p12|sqlite3|env)$|secret_key|demo_password")
    odd = [path for path in sent if secret.search(path.name)]
    assert odd == []


# --- The services as processes ----------------------------------------------------------------
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


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Not below pytest's folder: that one is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="liuke-compose-", dir="/var/tmp"))
    folder.chmod(0o755)
    made = Stack(folder)
    if os.geteuid() == 0:
        (folder / "redis").mkdir()
    try:
        made.start_postgres()
        made.start_redis()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_services_run_as_the_files_say(stack: Stack) -> None:
    collected = re.search(r"(SECRET_KEY=.*collectstatic.*?) &&", containers.stages()[0].run[-1])
    assert collected is not None
    line = collected.group(1).replace("/srv/liuke/static", str(stack.static))
    line = line.replace("/opt/liuke/bin/python", sys.executable)
    subprocess.run(["sh", "-c", line], cwd=ROOT, check=True, env={"PATH": os.environ["PATH"]})

    migrated = stack.run("migrate", stack.services["migrate"]["command"])
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    began = time.time()
    for name in ("web", "worker", "beat"):
        stack.start(name)
    for name in ("web", "worker", "beat"):
        until(lambda name=name: stack.healthy(name), running=stack.running[name])

    # Web: ready, pages with their static files, metrics for whoever brings the token.
    assert stack.ask("/readyz") == (
        200,
        json.dumps({"status": "ok", "checks": {"database": "ok", "broker": "ok"}}),
    )
    status, page = stack.ask("/accounts/login/")
    assert status == 200 and "<form" in page
    style = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert style is not None and stack.ask(style.group(1))[0] == 200
    assert stack.ask("/metrics")[0] == 401
    status, told = stack.ask("/metrics", Authorization=f"Bearer {VALUES['METRICS_TOKEN']}")
    assert status == 200
    for kind, least in (("web", 1), ("worker", 2), ("beat", 1)):
        (number,) = re.findall(rf'liuke_processes\{{kind="{kind}"\}} ([\d.]+)', told)
        assert float(number) >= least, kind

    # Worker: a row of the outbox is done, and a task of the broker.
    worker = stack.running["worker"]
    assert stack.run("web", ["python", "-c", ADD_WORK]).returncode == 0
    until(lambda: stack.run("web", ["python", "-c", DONE_AT]).stdout.strip() != "", running=worker)
    until(lambda: '"task": "celery.backend_cleanup"' in worker.said(), running=worker)

    # Nothing was written but what the file declares, and no secret stands in any log.
    probe = ["python", "-c", "import sys; open(sys.argv[1], 'w')"]
    if containers.namespaces():
        for name in OURS:
            assert stack.run(name, [*probe, "/tmp/x"]).returncode == 0, name
            refused = stack.run(name, [*probe, str(stack.folder / "x")])
            assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr, name
    assert stack.run("web", [*probe, str(ROOT / "x")]).returncode != 0 or os.geteuid() != 0
    if os.geteuid() == 0:
        uid = int(stack.services["web"]["user"].partition(":")[0])
        places = [ROOT / "config", Path("/var/tmp"), Path("/tmp")]
        left = [
            p for place in places for p in written_since(place, began, uid) if stack.folder not in p.parents
        ]
        assert left == []
    for running in stack.running.values():
        assert "canary-" not in running.said(), running.name

    # Each health check tells the dead from the living.
    for name in ("web", "worker", "beat", "redis", "postgres"):
        assert stack.healthy(name), name
        stack.running[name].kill()
        assert not stack.healthy(name), name


def written_since(place: Path, began: float, uid: int) -> list[Path]:
    found = []
    for folder, _folders, names in os.walk(place, onerror=None):
        for name in names:
            path = Path(folder, name)
            try:
                stat = path.lstat()
            except OSError:
                continue
            if stat.st_uid == uid and stat.st_mtime >= began:
                found.append(path)
    return found

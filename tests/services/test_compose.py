"""The compose file and the image: checked as text, and run as plain processes against real services.

There is no Docker engine here. What is run is what the files say: commands, environment, users, health
checks, a read-only root where this machine can mount one. What is not shown: the build of the image.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import containers
from tests.services.containers import ROOT
from tests.services.stack import OURS, VALUES, Stack, until

pytestmark = pytest.mark.services

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

    assert stack.run("web", stack.image.healthcheck).returncode == 0

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
        assert name != "web" or stack.run("web", stack.image.healthcheck).returncode == 1


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

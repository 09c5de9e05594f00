"""The embedded run as a process: it starts, does work, prints what it does, and ends when told."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.services


def environment(var: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return {**kept, "LIUKE_VAR": str(var), "PYTHONUNBUFFERED": "1", "LOG_LEVEL": "WARNING"}


def start(var: Path, port: int, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "runstack", "--port", str(port), *more],
        cwd=ROOT,
        env=environment(var),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until_running(process: subprocess.Popen[str]) -> list[str]:
    """Read its lines until it says that it runs; the line comes after the port is bound."""
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if "are running" in line:
            return said
    raise AssertionError("it ended instead: " + "".join(said))


def ask(port: int, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def running(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    process = start(tmp_path, port, "--prepare")
    try:
        until_running(process)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout and process.stdout.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_runstack_answers_and_ends_when_told(
    running: subprocess.Popen[str], port: int, how: signal.Signals
) -> None:
    assert ask(port, "/healthz") == (200, '{"status": "ok"}')
    assert ask(port, "/readyz")[0] == 200
    asked = time.monotonic()
    running.send_signal(how)
    said, _none = running.communicate(timeout=15)
    assert running.returncode == 0
    assert time.monotonic() - asked < 12
    assert "Ended." in said
    assert "Traceback" not in said


def test_runstack_works_off_a_task_that_another_process_sent(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    queue = tmp_path / "broker" / "queue"
    subprocess.run(
        [sys.executable, "-c", "from config.celery import app; app.send_task('celery.backend_cleanup')"],
        cwd=ROOT, env={**environment(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}, check=True,
    )  # fmt: skip
    until = time.monotonic() + 15
    while any(queue.iterdir()):
        assert time.monotonic() < until, "nobody took the task"
        threading.Event().wait(0.05)


def test_runstack_is_healthy_in_all_its_parts_until_it_ends(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    def healthy(kind: str) -> int:
        command = [sys.executable, "manage.py", "healthy", kind]
        env = environment(tmp_path)
        return subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=False).returncode

    until = time.monotonic() + 20  # the scheduler begins in a thread of its own
    while any(healthy(kind) for kind in ("beat", "worker", "web")):
        assert time.monotonic() < until, "one of the parts is not heard of"
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=15)
    assert healthy("worker") == 1


def test_runstack_keeps_the_data_of_the_first_run(tmp_path: Path, port: int) -> None:
    secrets = []
    for _run in range(2):
        process = start(tmp_path, port, "--prepare")
        try:
            until_running(process)
            secrets.append((tmp_path / "secret_key").read_text())
        finally:
            process.terminate()
            process.communicate(timeout=15)
    assert secrets[0] == secrets[1]


def link_of(process: subprocess.Popen[str], port: int) -> str:
    """Run to the line with the link of the first admin; return its path."""
    until_running(process)
    assert process.stdout is not None
    base = f"http://127.0.0.1:{port}"
    line = next(line for line in process.stdout if f"{base}/setup/" in line)
    return line.strip().partition(base)[2]


OLDER = """
from tests.factories import CompanyFactory, UserFactory
CompanyFactory(is_demo=True, name="Demo")
UserFactory(role="admin")
"""


def make_demo(var: Path) -> None:
    """Leave a demo company where 0.2.0 had it, the smallest there is."""
    for arguments in (("migrate", "--verbosity", "0"), ("shell", "-v", "0", "-c", OLDER)):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment(var), check=True)


def test_runstack_prints_a_new_link_at_each_start_of_an_empty_company(tmp_path: Path, port: int) -> None:
    paths = []
    for _run in range(2):
        process = start(tmp_path, port, "--prepare")
        try:
            paths.append(link_of(process, port))
            assert ask(port, paths[-1])[0] == 200
            if len(paths) == 2:
                with pytest.raises(urllib.error.HTTPError) as gone:
                    ask(port, paths[0])
                assert gone.value.code == 404
        finally:
            process.terminate()
            process.communicate(timeout=15)


def test_runstack_keeps_demo_and_own_company_apart(tmp_path: Path, port: int) -> None:
    make_demo(tmp_path)
    for arguments, is_demo in ((("--prepare",), False), (("--prepare", "--demo"), True)):
        process = start(tmp_path, port, *arguments)
        try:
            said = until_running(process)
            assert any("moved to" in line for line in said) == (not is_demo)
        finally:
            process.terminate()
            process.communicate(timeout=15)
        file = tmp_path / ("demo" if is_demo else "") / "liuke.sqlite3"
        with closing(sqlite3.connect(file)) as database:
            found = database.execute("SELECT name FROM ground_company").fetchall()
        assert found == ([("Demo",)] if is_demo else [])


def test_runstack_names_a_free_port_when_its_own_is_taken(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        process = start(tmp_path, taken)
        said, _none = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {taken} is taken" in said
    assert f"PORT={taken + 1} make run" in said

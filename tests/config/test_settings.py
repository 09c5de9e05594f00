"""The settings, loaded in a process of their own under different environments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "k" * 50,
    "DATABASE_URL": "postgres://liuke:pw@db.example.com/liuke",
    "REDIS_URL": "redis://redis.example.com/0",
    "PUBLIC_BASE_URL": "https://liuke.example.com",
    "EMAIL_URL": "smtp+tls://u:p@mail.example.com:587",
}
SHOWN = """
import json, sys
from config import settings
names = sys.argv[1].split(",")
print(json.dumps({name: getattr(settings, name, None) for name in names}, default=str))
"""


def load(*names: str, env: dict[str, str], var: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", SHOWN, ",".join(names)],
        env={**kept, "LIUKE_VAR": str(var), **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def loaded(*names: str, env: dict[str, str], var: Path) -> dict[str, Any]:
    done = load(*names, env=env, var=var)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_settings_need_nothing_when_embedded(tmp_path: Path) -> None:
    seen = loaded(
        "DATABASES",
        "CELERY_BROKER_URL",
        "ALLOWED_HOSTS",
        "DEBUG",
        "SECURE_SSL_REDIRECT",
        env={},
        var=tmp_path,
    )
    assert seen["DATABASES"]["default"]["NAME"] == str(tmp_path / "liuke.sqlite3")
    assert seen["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert seen["CELERY_BROKER_URL"].startswith("filesystem://")
    assert "127.0.0.1" in seen["ALLOWED_HOSTS"]
    assert seen["DEBUG"] is False
    assert seen["SECURE_SSL_REDIRECT"] is False
    assert (tmp_path / "secret_key").exists()


def test_demo_has_a_place_and_cookies_of_its_own(tmp_path: Path) -> None:
    names = ("DATABASES", "BROKER_DIR", "MEDIA_ROOT", "SECRET_KEY", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME")
    own = loaded(*names, env={}, var=tmp_path)
    demo = loaded(*names, env={"LIUKE_DEMO": "1"}, var=tmp_path)
    assert demo["DATABASES"]["default"]["NAME"] == str(tmp_path / "demo" / "liuke.sqlite3")
    assert demo["BROKER_DIR"] == str(tmp_path / "demo" / "broker")
    assert [name for name in names if own[name] == demo[name]] == []
    assert loaded("DEMO", env={**PRODUCTION, "LIUKE_DEMO": "1"}, var=tmp_path)["DEMO"] is False


def test_settings_are_strict_in_production(tmp_path: Path) -> None:
    seen = loaded(
        "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "STORAGES",
        "CELERY_TASK_ACKS_LATE", "CELERY_TASK_REJECT_ON_WORKER_LOST", "SWEEP_SECONDS",
        "CELERY_TASK_TIME_LIMIT",
        "CELERY_BROKER_TRANSPORT_OPTIONS", "CELERY_WORKER_PREFETCH_MULTIPLIER", "CELERY_ACCEPT_CONTENT",
        "DATABASES",
        env=PRODUCTION, var=tmp_path,
    )  # fmt: skip
    assert seen["ALLOWED_HOSTS"] == ["liuke.example.com"]
    assert seen["SESSION_COOKIE_SECURE"] and seen["CSRF_COOKIE_SECURE"]
    assert seen["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert "Manifest" in seen["STORAGES"]["staticfiles"]["BACKEND"]
    assert seen["CELERY_TASK_ACKS_LATE"] and seen["CELERY_TASK_REJECT_ON_WORKER_LOST"]
    assert seen["CELERY_WORKER_PREFETCH_MULTIPLIER"] == 1
    assert seen["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert seen["CELERY_TASK_TIME_LIMIT"] <= seen["SWEEP_SECONDS"]
    limit, options = seen["SWEEP_SECONDS"], seen["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["visibility_timeout"] >= 4 * limit
    assert seen["DATABASES"]["default"]["CONN_MAX_AGE"] > 0
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize("missing", ["SECRET_KEY", "EMAIL_URL"])
def test_settings_stop_the_start_when_production_lacks_a_value(missing: str, tmp_path: Path) -> None:
    done = load("DEBUG", env={**PRODUCTION, missing: ""}, var=tmp_path)
    assert done.returncode != 0
    assert f"{missing} is not set" in done.stderr


def test_settings_believe_no_proxy_unless_told(tmp_path: Path) -> None:
    name = "SECURE_PROXY_SSL_HEADER"
    assert loaded(name, env=PRODUCTION, var=tmp_path)[name] is None
    told = loaded(name, env={**PRODUCTION, "TRUSTED_PROXY_COUNT": "1"}, var=tmp_path)
    assert told[name] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_env_example_lists_exactly_what_the_settings_read() -> None:
    read = set(re.findall(r'env\.[a-z_]+\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    told = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.M))
    only_compose = {"POSTGRES_PASSWORD", "WEB_CONCURRENCY"}
    assert told - only_compose == read


def test_compose_passes_on_what_production_needs() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    for name in PRODUCTION:
        assert re.search(rf"^    {name}:", compose, flags=re.M), name
    for service in ("web", "worker", "beat", "postgres", "redis"):
        assert re.search(rf"^  {service}:$", compose, flags=re.M), service

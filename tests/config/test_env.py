"""The readers of the environment speak up instead of guessing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch):
    return lambda value: monkeypatch.setenv("LIUKE_TEST", value)


@pytest.mark.parametrize(
    ("written", "read"),
    [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False), ("", False)],
)
def test_flag_reads_yes_and_no(put, written: str, read: bool) -> None:
    put(written)
    assert env.flag("LIUKE_TEST") is read


@pytest.mark.parametrize("written", ["maybe", "2", "tru"])
def test_flag_refuses_what_is_neither_yes_nor_no(put, written: str) -> None:
    put(written)
    with pytest.raises(ImproperlyConfigured, match="LIUKE_TEST"):
        env.flag("LIUKE_TEST")


def test_whole_number_takes_the_default_when_empty(put) -> None:
    put("  ")
    assert env.whole_number("LIUKE_TEST", default=7) == 7


@pytest.mark.parametrize("written", ["-1", "1.5", "eight"])
def test_whole_number_refuses_other_words(put, written: str) -> None:
    put(written)
    with pytest.raises(ImproperlyConfigured, match="whole number"):
        env.whole_number("LIUKE_TEST", default=7)


def test_moment_keeps_a_moment_with_its_zone(put) -> None:
    put("2011-12-10T00:00:00+08:00")
    assert env.moment("LIUKE_TEST") == "2011-12-10T00:00:00+08:00"


@pytest.mark.parametrize("written", ["2011-12-10", "2011-12-10T00:00:00", "yesterday"])
def test_moment_refuses_a_moment_without_a_zone(put, written: str) -> None:
    put(written)
    with pytest.raises(ImproperlyConfigured, match="time zone"):
        env.moment("LIUKE_TEST")


def test_base_url_drops_the_last_slash(put) -> None:
    put("https://liuke.example.com/")
    assert env.base_url("LIUKE_TEST", default="") == "https://liuke.example.com"


@pytest.mark.parametrize(
    "written", ["liuke.example.com", "ftp://liuke.example.com", "https://", "https://a/?b=c"]
)
def test_base_url_refuses_what_is_no_address(put, written: str) -> None:
    put(written)
    with pytest.raises(ImproperlyConfigured, match="address"):
        env.base_url("LIUKE_TEST", default="")


@pytest.mark.parametrize("written", ["redis://a:6379/0", "rediss://a/0", "unix:///run/redis.sock", ""])
def test_redis_url_reads_an_address(put, written: str) -> None:
    put(written)
    assert env.redis_url("LIUKE_TEST") == written


def test_redis_url_refuses_another_broker(put) -> None:
    put("amqp://a")
    with pytest.raises(ImproperlyConfigured, match="redis://"):
        env.redis_url("LIUKE_TEST")


@pytest.mark.parametrize(
    ("written", "engine"), [("sqlite:////tmp/a.sqlite3", "sqlite3"), ("postgres://u@h/d", "postgresql")]
)
def test_database_reads_the_two_engines(put, written: str, engine: str) -> None:
    put(written)
    assert env.database("LIUKE_TEST", default="")["ENGINE"].endswith(engine)


def test_database_refuses_another_engine(put) -> None:
    put("mysql://u@h/d")
    with pytest.raises(ImproperlyConfigured, match="postgres://"):
        env.database("LIUKE_TEST", default="")


def test_email_refuses_another_scheme(put) -> None:
    put("pigeon://loft")
    with pytest.raises(ImproperlyConfigured, match="smtp://"):
        env.email("LIUKE_TEST", default="")


def test_secret_is_made_up_once_and_kept_for_its_owner_only(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("LIUKE_TEST", raising=False)
    kept = tmp_path / "var" / "secret"
    first = env.secret("LIUKE_TEST", kept_in=kept)
    assert len(first) >= 50
    assert env.secret("LIUKE_TEST", kept_in=kept) == first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret"]


def test_secret_is_demanded_where_none_may_be_made_up(monkeypatch) -> None:
    monkeypatch.delenv("LIUKE_TEST", raising=False)
    with pytest.raises(ImproperlyConfigured, match="not set"):
        env.secret("LIUKE_TEST", kept_in=None)


def test_secret_refuses_a_short_one(put) -> None:
    put("short")
    with pytest.raises(ImproperlyConfigured, match="32"):
        env.secret("LIUKE_TEST", kept_in=None)


def test_networks_are_read_with_commas_between_them(put) -> None:
    put("10.1.0.0/16, 127.0.0.1,fd00::/8")
    assert env.networks("LIUKE_TEST") == ["10.1.0.0/16", "127.0.0.1", "fd00::/8"]
    put("")
    assert env.networks("LIUKE_TEST") == []


@pytest.mark.parametrize("written", ["10.1.0.0/33", "mail.example.com", "10.1.0.0/16;10.2.0.0/16"])
def test_networks_refuse_what_is_none(put, written: str) -> None:
    put(written)
    with pytest.raises(ImproperlyConfigured, match="networks"):
        env.networks("LIUKE_TEST")

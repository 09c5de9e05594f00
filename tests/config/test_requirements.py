"""The pinned requirements: hashes for everything, and nothing that names a place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = ["requirements.txt", "requirements-dev.txt", "docs/requirements/prod.txt"]
PIN = re.compile(r"([a-z0-9._-]+)(?:\[[a-z,-]+\])?==(\S+)(?: ; .+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+\s*$")
NAMED_BY_THE_USER = {
    "django", "djangorestframework", "celery", "redis", "django-filter", "factory-boy", "pytest-django",
}  # fmt: skip


def pins(name: str) -> dict[str, str]:
    """Return name → version of every entry; an entry may continue on further lines."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            match = PIN.match(line)
            assert match, f"{name}: not a pin with hashes: {line[:100]}"
            found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("name", PINNED)
def test_requirements_pin_everything_with_hashes(name: str) -> None:
    assert len(pins(name)) > 25


@pytest.mark.parametrize("name", PINNED)
def test_requirements_name_no_index_and_no_path(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"--(extra-)?index|--find-links|--trusted|://|file:|^-|@ ", text, flags=re.M)


def test_requirements_hold_the_seven_named_packages() -> None:
    assert set(pins("requirements.txt")) >= NAMED_BY_THE_USER


def test_requirements_agree_between_the_files() -> None:
    dev = pins("requirements-dev.txt")
    for name in ("requirements.txt", "docs/requirements/prod.txt"):
        for package, version in pins(name).items():
            assert dev[package] == version, f"{package} in {name}"


def test_image_holds_no_test_tools() -> None:
    image = pins("docs/requirements/prod.txt")
    assert "gunicorn" in image
    assert not {name for name in image if name.startswith(("pytest", "factory-boy", "hypothesis"))}

"""A real browser against a real server with a real drain thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command

from customers.ground import clock, drain
from tests.factories import NOW, PASSWORD

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session", autouse=True)
def _playwright_has_a_loop() -> None:
    """Playwright's loop runs in this thread, which Django takes for an asynchronous context."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(autouse=True)
def _today(transactional_db: None) -> None:
    clock.fix(NOW)
    call_command("createcachetable", verbosity=0)


@pytest.fixture
def draining() -> Iterator[None]:
    """What ``runstack`` and every worker have: a thread that does what is due."""
    stop = threading.Event()
    thread = threading.Thread(target=drain.run_forever, args=(stop,), daemon=True)
    thread.start()
    yield
    stop.set()
    drain.wake()
    thread.join(timeout=20)


@pytest.fixture
def sign_in(page: Any, live_server: Any) -> Callable[..., Any]:
    """Sign a user in by the page, in a language and at a width; problems of the page fail the test."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)

    def go(user: Any, *, language: str = "en", width: int = 1440) -> Any:
        page.problems = problems
        page.set_viewport_size({"width": width, "height": 900})
        type(user).objects.filter(pk=user.pk).update(language=language)
        page.goto(f"{live_server.url}/accounts/login/")
        page.fill("[name=login]", user.username)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{live_server.url}/")
        assert page.locator("html").get_attribute("lang") == language
        return page

    return go

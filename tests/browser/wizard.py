"""The wizard of imports as a person drives it, from the file to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import expect


def bring(page: Any, path: Path, *, kind: str, history: bool = False) -> None:
    """Import a file from the page of a new import, which is open; end on the report of its lines."""
    page.select_option("main [name=kind]", kind)
    page.set_input_files("main [name=file]", str(path))
    page.click("main form button.btn-primary")
    page.fill("main [name=source]", "shop")
    if history:
        page.select_option("main [name=history]", "true")
    page.click("main button[name=do][value=start]")
    expect(page.locator("main .stats")).to_be_visible(timeout=20_000)
    fits(page)


def fits(page: Any) -> None:
    """Fail when the page that is open is wider than its window."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
        page.url
    )

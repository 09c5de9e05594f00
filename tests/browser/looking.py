"""What is looked at on every page: who can use it, whether it fits, whether all of it is translated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

_AXE = Axe()
_SCRIPT = Path(__file__).with_suffix(".js").read_text()
_FILLED_IN = re.compile(r"\{\{[\w.]+\}\}")  # what a template names
_WORD = re.compile(r"(?<![\w.@/-])[A-Za-z]{3,}(?![\w@/-])")
_ADDRESS = re.compile(r"https?://|@|^[\w.-]+\.[a-z]{2,4}$")
# Words of every language, and what is data and not text.
SAME_EVERYWHERE = {
    *("WhatsApp", "LinkedIn", "Facebook", "Instagram", "Telegram"),
    *("Liuke", "CSV", "XLSX", "API", "JSON", "URL", "English", "Enter", "curl", "Idempotency", "Key"),
    *("Asia", "Shanghai", "ics", "http", "https", "localhost", "example", "com", "org", "utf", "GB18030"),
}


def look(page: Any, what: str) -> Any:
    """Ask the page one of the questions of ``looking.js``."""
    return page.evaluate(f"() => {_SCRIPT.strip()}.{what}()")


def untranslated(page: Any, *, known: set[str]) -> list[str]:
    """Return the texts of a page in the pseudo language that hold plain words other than ``known``."""
    found = []
    for text in look(page, "texts"):
        words = [] if _ADDRESS.search(text) else _WORD.findall(_FILLED_IN.sub("", text))
        if any(word not in SAME_EVERYWHERE | known and not word.isupper() for word in words):
            found.append(text[:80])
    return found[:8]


def wrong_with(page: Any, *, is_pseudo: bool, known: set[str]) -> list[str]:
    """Return what is wrong with the page that is open; nothing when it is right."""
    violations = _AXE.run(page, options={"preload": False, "resultTypes": ["violations"]}).response[
        "violations"
    ]
    found = {
        "axe": [f"{one['id']}: {one['nodes'][0]['html'][:90]}" for one in violations],
        "sideways": look(page, "widest")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        else [],
        "clipped": look(page, "clipped"),
        "keyboard": look(page, "unreachable"),
        "untranslated": untranslated(page, known=known) if is_pseudo else [],
        "h1": [] if page.locator("h1").count() == 1 else [page.locator("h1").count()],
    }
    return [f"{kind}: {what}" for kind, what in found.items() if what]

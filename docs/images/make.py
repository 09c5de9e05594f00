"""Make the pictures of the docs from a running demo.

Run ``python docs/images/make.py http://127.0.0.1:8000 PASSWORD``.

Signs in as ``manager``, opens queue, case and customer in both languages, at two widths, light and
dark, and writes ``<page>-<language>-<width>-<scheme>.png`` beside this file. Needs requirements-dev.txt
and Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
SIZES = {1440: 900, 390: 844}


def sign_in(page: Page, base: str, password: str) -> None:
    """Sign in as the account manager of the demo company."""
    page.goto(f"{base}/accounts/login/")
    page.fill("[name=login]", "manager")
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{base}/")


def speak(page: Page, language: str) -> None:
    """Switch the language the way a person does."""
    if page.locator("html").get_attribute("lang") != language:
        page.locator(".me summary").click()
        page.locator(f".me button[name=language][value={language}]").click()
        page.wait_for_selector(f"html[lang={language}]")


def main(base: str, password: str) -> None:
    """Make all pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
            sign_in(page, base, password)
            page.goto(f"{base}/queue/")
            case = page.locator("[data-row-link]").nth(1).get_attribute("href") or ""
            page.goto(base + case)
            customer = page.locator("h1 a").get_attribute("href") or ""
            for language in ("en", "zh-hans"):
                page.set_viewport_size({"width": 1440, "height": 900})
                page.goto(f"{base}/queue/")
                speak(page, language)
                for name, path in (("queue", "/queue/"), ("case", case), ("customer", customer)):
                    for width, height in SIZES.items():
                        page.set_viewport_size({"width": width, "height": height})
                        page.goto(base + path)
                        page.wait_for_load_state("networkidle")
                        page.screenshot(path=str(HERE / f"{name}-{language[:2]}-{width}-{scheme}.png"))
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(f"{base}/queue/")
            speak(page, "en")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2])

"""Make the pictures of the docs from a running demo.

Run ``LIUKE_DEMO=1 python docs/images/fill.py`` once, which says the number of a customer, then
``python docs/images/make.py http://127.0.0.1:8000 PASSWORD CUSTOMER [page …]``; without pages, all.

Signs in as ``manager`` or ``admin``, opens each page and writes ``<page>-<language>-<width>-<scheme>.png``
beside this file: the three that are worked in all day in both languages, at two widths, light and dark;
the others as they stand on a desk in English and on a phone in Chinese. Needs requirements-dev.txt and
Chromium.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
HEIGHTS = {1440: 900, 390: 844}
EVERY = list(product(("en", "zh-hans"), ("light", "dark"), (1440, 390)))
PHONE = [("en", "light", 390), ("zh-hans", "dark", 390)]
TWO = [("en", "light", 1440), ("zh-hans", "dark", 390)]


@dataclass(frozen=True)
class Picture:
    """A page, who looks at it, and the way to it on the page that is open: its address."""

    name: str
    user: str
    address: Callable[[Page], str]
    ways: list[tuple[str, str, int]]


def at(path: str) -> Callable[[Page], str]:
    """Return the way to a page whose address is known."""
    return lambda _page: path


def behind(path: str, selector: str, *, place: int = 0, end: str = "") -> Callable[[Page], str]:
    """Return the way to the page behind a link of another one."""

    def find(page: Page) -> str:
        page.goto(origin(page) + path)
        return (page.locator(selector).nth(place).get_attribute("href") or "") + end

    return find


def case_of_queue(page: Page) -> str:
    return behind("/queue/", "[data-row-link]", place=1)(page)


def customer_of_case(page: Page) -> str:
    return behind(case_of_queue(page), "h1 a")(page)


def pictures(customer: str) -> list[Picture]:
    """Return what is shown; ``customer``: the number of the one that ``fill.py`` filled."""
    file = f"/customers/{customer}/"
    return [
        Picture("queue", "manager", at("/queue/"), EVERY),
        Picture("case", "manager", case_of_queue, EVERY),
        Picture("customer", "manager", customer_of_case, EVERY),
        Picture("file", "manager", at(f"{file}file/"), TWO),
        Picture("dealings", "manager", at(f"{file}dealings/#sightings"), TWO),
        Picture("renewals", "admin", at("/contracts/"), TWO),
        Picture("segment", "admin", at("/segments/quiet/edit/"), TWO),
        Picture("import", "admin", behind("/imports/", "main tbody a, main .card a", end="undo/"), TWO),
        Picture("merge", "admin", behind("/customers/duplicates/", "main .btn-primary"), TWO),
        Picture("settings", "admin", at("/settings/"), TWO),
        Picture("rules", "admin", at("/rules/"), TWO),
        Picture("rule", "admin", at("/rules/overdue/"), TWO),
        Picture("builder", "admin", at("/rules/overdue/edit/"), TWO),
        Picture("backtest", "admin", at("/rules/overdue/backtest/"), TWO),
        Picture("health", "admin", at("/rules/overdue/health/"), TWO),
        Picture("losses", "lead", at("/losses/"), TWO),
        Picture("definitions", "admin", at("/settings/losses/"), TWO),
        Picture("survey", "admin", at("/surveys/relationship-nps/edit/"), TWO),
        Picture("answers", "admin", at("/surveys/relationship-nps/answers/"), TWO),
        Picture("distribution", "admin", at("/surveys/relationship-nps/distributions/1/"), TWO),
        Picture("interview", "manager", behind(f"{file}interviews/", "main a[href^='/interviews/']"), TWO),
        Picture("channels", "admin", at("/settings/channels/"), TWO),
        Picture("texts", "admin", at("/settings/texts/"), TWO),
        Picture("inbox", "admin", at("/inbox/"), TWO),
        Picture("loops", "admin", at("/loops/"), TWO),
        Picture("loop-figures", "admin", at("/loops/figures/"), TWO),
        Picture("loop-status", "admin", status_of_asked, PHONE),
        Picture("mentions", "admin", at("/mentions/"), TWO),
        Picture("improvements", "admin", at("/improvements/"), TWO),
        Picture("improvement", "admin", at("/improvements/1/"), TWO),
        Picture("change-impact", "admin", at("/changes/1/"), TWO),
        Picture("change", "admin", at("/changes/2/"), TWO),
        Picture("own-measures", "admin", at("/settings/measures/own/"), TWO),
        Picture("loyalty", "admin", at("/loyalty/"), TWO),
        Picture("points", "admin", behind("/loyalty/accounts/?tier=2", "main tbody a"), TWO),
        Picture("rewards", "admin", at("/loyalty/rewards/"), TWO),
        Picture("earning", "admin", at("/loyalty/rules/"), TWO),
        Picture("tiers", "admin", at("/loyalty/tiers/"), TWO),
        Picture("member", "admin", own_page, PHONE),
        Picture("care", "admin", at("/care/"), TWO),
        Picture("care-upcoming", "admin", behind("/care/", "main tbody a", place=1, end="upcoming/"), TWO),
    ]


def status_of_asked(page: Page) -> str:
    """Return the way to what a customer sees who was asked whether it is solved."""
    address = behind(behind("/loops/?state=asked", "main th a")(page), "main a[rel=noreferrer]")(page)
    language = page.locator("html").get_attribute("lang")
    return f"{address.removeprefix(origin(page))}?lang={language}"


def own_page(page: Page) -> str:
    """Return the way to the own page of a customer who stands in a tier; its link is made if it has none."""
    account = behind("/loyalty/accounts/?tier=2", "main tbody a")(page)
    language = page.locator("html").get_attribute("lang")
    page.goto(origin(page) + behind(account, "main a[href$='/own-page/']")(page))
    for _press in range(2):  # to make a link, and to show it
        if not page.locator("input[readonly]").count():
            page.locator("main form button").first.click()
            page.wait_for_load_state()
    address = page.locator("input[readonly]").first.input_value()
    return f"/{address.split('/', 3)[3]}?lang={language}"


def origin(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def sign_in(browser: Browser, base: str, *, user: str, password: str, language: str, scheme: str) -> Page:
    """Open a window of somebody of the demo company, in a language chosen the way a person does."""
    page = browser.new_page(
        viewport={"width": 1440, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page.goto(f"{base}/accounts/login/")
    page.fill("[name=login]", user)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{base}/")
    if page.locator("html").get_attribute("lang") != language:
        page.locator(".me summary").click()
        page.locator(f".me button[name=language][value={language}]").click()
        page.wait_for_selector(f"html[lang={language}]")
    return page


def main(base: str, password: str, customer: str, wanted: list[str]) -> None:
    """Make the wanted pictures, or all; whoever looked last looks on at the next."""
    chosen = [picture for picture in pictures(customer) if not wanted or picture.name in wanted]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        last: tuple[str, str, str] | None = None
        for picture in chosen:
            for language, scheme, width in picture.ways:
                if last != (picture.user, language, scheme):
                    last = (picture.user, language, scheme)
                    page = sign_in(
                        browser, base, user=picture.user, password=password, language=language, scheme=scheme
                    )
                page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
                page.goto(base + picture.address(page))
                page.wait_for_load_state("networkidle")
                page.screenshot(path=str(HERE / f"{picture.name}-{language[:2]}-{width}-{scheme}.png"))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3], sys.argv[4:])

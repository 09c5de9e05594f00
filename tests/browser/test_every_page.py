"""Every page, in each language and width, in each state: usable, whole, translated.

A page that is new is found by itself; when its address names an object of a new kind, ``OBJECTS`` must say
which. ``make shots`` looks at every combination and keeps the pictures under ``var/shots``; the usual run
looks at each page once in each state.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from customers.access import is_foreign
from tests.browser import looking, pseudo, states
from tests.factories import PASSWORD
from tests.test_architecture import routes

FULL = bool(os.environ.get("LIUKE_SHOTS"))
LANGUAGES = ["en", "zh-hans", pseudo.CODE]
WIDTHS = [320, 768, 1440]
ONCE = {
    "empty": ("zh-hans", 768),
    "one": (pseudo.CODE, 1440),
    "many": ("en", 320),
    "long": (pseudo.CODE, 320),
}
COMBINATIONS = (
    [(state, language, width) for state in states.STATES for language in LANGUAGES for width in WIDTHS]
    if FULL
    else [(state, *how) for state, how in ONCE.items()]
)
# Route → the kind of object that its address names, or the kinds when it names several.
OBJECTS: dict[str, str | tuple[str, ...]] = {
    "retention:customer": "customer",
    "retention:customer_privacy": "customer",
    "retention:customer_privacy_erase": "customer",
    "customers:erasure_receipt": "receipt",
    "retention:case": "case",
    "retention:loop": "loop",
    "retention:complaint": "complaint",
    "retention:care_plan": "care_plan",
    "retention:care_edit": "care_plan",
    "retention:care_upcoming": "care_plan",
    "retention:care_effect": "care_plan",
    "retention:change": "change",
    "retention:change_edit": "change_draft",
    "retention:sweep": "sweep",
    "customers:import_detail": "import",
    "customers:user_edit": "user",
    "customers:team_edit": "team",
    "customers:attribute_edit": "attribute",
    "retention:customer_edit": "customer",
    "retention:customer_file": "customer",
    "retention:contact_new": "customer",
    "retention:contact_edit": "contact",
    "retention:customer_dealings": "customer",
    "retention:customer_merge": ("alike", "other"),
    "retention:merge": "merge",
    "retention:contract": "contract",
    "retention:contract_new": "customer",
    "retention:contract_edit": "contract",
    "retention:rule_backtest": "tested",
    "retention:rule": "rule_code",
    "retention:rule_health": "tested",
    "retention:rule_edit": "rule_code",
    "retention:segment": "segment",
    "retention:segment_edit": "segment",
    "customers:import_undo": "import",
    "customers:import_records": ("import", "model"),
    "customers:profile_detail": "profile",
    "customers:profile_new": "import",
    "customers:metric_edit": "metric",
    "customers:competitor_edit": "competitor",
    "customers:mention_feed": "feed",
    "retention:mention": "mention",
    "customers:sender": "sender",
    "customers:mailbox": "mailbox",
    "retention:inbox_item": "feedback",
    "customers:sender_new": ("way", "sender_kind"),
    "customers:indicator_edit": "indicator",
    "retention:measure_own_edit": "own_measure",
    "customers:community_edit": "community",
    "customers:cause_edit": "cause",
    "customers:text": "reading",
    "retention:customer_surveys": "customer",
    "retention:customer_interviews": "customer",
    "surveys:interview": "held",
    "surveys:guide": "guide",
    "surveys:guide_edit": "guide",
    "surveys:survey": "survey",
    "surveys:survey_edit": "survey",
    "surveys:survey_copy": "survey",
    "surveys:survey_links": "survey",
    "surveys:distribution_list": "survey",
    "surveys:distribution_new": "survey",
    "surveys:distribution": ("survey", "distribution"),
    "surveys:distribution_edit": ("survey", "distribution_draft"),
    "surveys:survey_link_print": ("survey", "open_link"),
    "surveys:survey_answers": "survey",
    "surveys:survey_words": "survey",
    "surveys:survey_silent": "survey",
    "retention:improvement": "improvement",
    "retention:improvement_edit": "improvement_open",
    "retention:improvement_people": "improvement",
    "retention:rise": "rise",
    "retention:customer_member": "customer",
    "loyalty:account": "points_account",
    "loyalty:reward": "reward",
    "loyalty:rule": "earning_rule",
    "loyalty:rule_edit": "earning_rule",
    "loyalty:tier": "tier",
    "loyalty:tier_benefit": "benefit",
    "loyalty:plan_edit": "plan",
}
# The same route once more, for an object of another kind.
ALSO = [
    ("retention:change", "change_draft"),
    ("retention:segment", "list"),
    ("retention:segment_edit", "list"),
    ("retention:rule", "draft"),
    ("retention:rule_health", "draft"),
    ("surveys:distribution", ("survey", "distribution_draft")),
    ("surveys:distribution_edit", ("survey", "distribution")),
    ("surveys:interview", "holding"),
    ("retention:improvement", "improvement_open"),
]
# Not pages: pieces of one, files, answers for programs.
PIECES = {
    "retention:change_export",  # a file; tests/retention/changes/test_pages.py
    *("healthz", "readyz", "metrics", "account_logout", "api:schema", "api:docs"),
    # these need a file that lies on the disk; tests/customers/test_import_pages.py looks at them
    *("customers:import_columns", "customers:import_errors"),
    "retention:rule_export",  # a file; tests/retention/test_pages_rules.py
    "surveys:survey_answers_export",  # a file; tests/surveys/test_results.py
    "surveys:survey_export",  # a file; tests/surveys/test_surveyjs.py
    *("surveys:survey_link_svg", "surveys:survey_link_png"),  # files; tests/surveys/test_link_pages.py
    *("customers:public_sheet_svg", "customers:public_sheet_png"),  # tests/customers/test_public_form.py
    *("retention:inbox_file", "retention:inbox_export"),  # files; tests/retention/test_inbox_pages.py
    "loyalty:account_export",  # files; tests/loyalty/test_pages_lists.py
    "retention:attachment",  # tests/retention/test_pages_file_tab.py
}
WORDS_OF_DATA = {"SurveyJS", "stars", "guanli", "xiaoshou", "customers", "csv", "zhao"} | {
    *("Directive", "Article", "Handbook"),  # statutes are cited as they are called
    *("delivery", "sale"),  # labels of goods that a ready rule of loyalty passes over
}


def is_a_page(client: Client, path: str) -> bool:
    answer = client.get(path)
    if answer.status_code == 405 or answer.status_code in {301, 302}:
        return False
    assert answer.status_code == 200, f"{path} answers {answer.status_code}"
    return answer["Content-Type"].startswith("text/html") and "</html>" in answer.content.decode()


def addresses(world: states.World) -> list[tuple[str, str]]:
    """Return the name and the address of every page that an admin may open in this world."""
    client = Client()
    client.force_login(world.admin)
    found, unknown = [], []
    for route, pattern in routes():
        name = full_name(route, pattern)
        roles = getattr(pattern.callback, "roles", None)
        if not pattern.name or name in PIECES or (roles is None or is_foreign(pattern.callback)):
            continue
        if "admin" not in roles or hasattr(pattern.callback, "api_access"):
            continue
        if "<" not in route:
            path = reverse(name)
        elif name in OBJECTS:
            if not (path := address(name, OBJECTS[name], world)):
                continue
        else:
            if client.get(re.sub(r"<[^>]+>", "1", "/" + route)).status_code not in {405, 404, 403}:
                unknown.append(name)
            continue
        if is_a_page(client, path):
            found.append((name, path))
    assert unknown == [], "say in OBJECTS what these addresses name, or in PIECES that they are no pages"
    also = [(name, path) for name, kind in ALSO if (path := address(name, kind, world))]
    return found + also


def address(name: str, kinds: str | tuple[str, ...], world: states.World) -> str:
    """Return the address of a page about the world's objects of these kinds; nothing when it has none."""
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if not set(kinds) <= set(world.objects):
        return ""
    return reverse(name, args=[named(world.objects[kind]) for kind in kinds])


def named(obj: Any) -> Any:
    return obj if isinstance(obj, str) else obj.pk


def full_name(route: str, pattern: Any) -> str:
    """Return the name of a route with the namespace of the app that its view belongs to."""
    if route.startswith("api/"):
        return f"api:{pattern.name}"
    module = pattern.callback.__module__
    app = module.split(".")[0]
    return (
        f"{app}:{pattern.name}"
        if app in {"customers", "surveys", "loyalty", "retention"} and "language" not in module
        else str(pattern.name)
    )


@pytest.fixture
def language_of_nobody(tmp_path, settings):
    settings.LOCALE_PATHS = [pseudo.write(tmp_path / "locale"), *settings.LOCALE_PATHS]
    settings.LANGUAGES = [*settings.LANGUAGES, (pseudo.CODE, "Ƥšéúđó")]


def keep(page: Any, *parts: object) -> None:
    """Keep a picture of the page, when pictures were asked for."""
    if FULL:
        folder = Path(settings.BASE_DIR) / "var" / "shots"
        folder.mkdir(parents=True, exist_ok=True)
        name = "-".join(str(part) for part in parts).replace(":", "-")
        page.screenshot(path=str(folder / f"{name}.png"), full_page=True)


@pytest.mark.parametrize(("state", "language", "width"), COMBINATIONS)
def test_every_page_is_usable_whole_and_translated(
    sign_in, live_server, language_of_nobody, state, language, width
):
    world = states.STATES[state]()
    world.admin.set_password(PASSWORD)
    world.admin.save()
    page = sign_in(world.admin, language=language, width=width)
    console: list[str] = []
    page.on("console", lambda m: console.append(m.text) if m.type == "error" else None)
    wrong: list[str] = []
    for name, path in addresses(world):
        page.goto(live_server.url + path)
        found = looking.wrong_with(page, is_pseudo=language == pseudo.CODE, known=WORDS_OF_DATA)
        keep(page, name, state, language, width)
        wrong += [f"{name}: {what}" for what in found]
        wrong += [f"{name}: console: {text}" for text in console]
        console.clear()
    assert not wrong, "\n".join(wrong)
    assert page.problems == []


@pytest.mark.parametrize(
    ("language", "width"),
    [(language, width) for language in LANGUAGES for width in WIDTHS] if FULL else [(pseudo.CODE, 320)],
)
def test_every_form_that_is_refused_says_why_on_a_page_as_good(
    sign_in, live_server, language_of_nobody, language, width
):
    world = states.one()
    page = sign_in(world.admin, language=language, width=width)
    wrong: list[str] = []
    refused = 0
    for name, path in addresses(world):
        page.goto(live_server.url + path)
        if looking.look(page, "canSendNothing"):
            with page.expect_navigation():
                looking.look(page, "sendNothing")
        if page.locator(".form-errors").count() == 0:
            continue
        refused += 1
        found = looking.wrong_with(page, is_pseudo=language == pseudo.CODE, known=WORDS_OF_DATA)
        keep(page, name, "error", language, width)
        wrong += [f"{name}: {what}" for what in found]
    assert not wrong, "\n".join(wrong)
    assert refused >= 4

"""Everything that the product says is said in Simplified Chinese too, in the words of the glossary."""

from __future__ import annotations

import functools
import re
from datetime import timedelta
from html.parser import HTMLParser

import polib
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation

from config import catalogue
from customers import complaints
from customers.ground import clock, drain
from retention import rules, sweep
from retention.models import RetentionCase, WarningRule
from tests.factories import NOW, InteractionFactory, OrderFactory

pytestmark = pytest.mark.slow  # asks of no database what another would answer otherwise: once is enough

PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+0 ]?\d*(?:\.\d+)?[sdfr%]")
# English word → the one Chinese word for it (product.md, “Words”).
GLOSSARY = {
    r"customers?(?:'s)?": "客户",
    r"account managers?(?:'s)?": "客户经理",
    r"orders? of|orders|last order|first order": "订单|下单|首单|顺序",
    r"contacts": "联系",
    r"complaints?": "投诉",
    r"measures?": "指标",
    r"rules?": "规则",
    r"warn(?:s|ings?)?": "预警",
    r"sweeps?": "扫描",
    r"cases?": "个案|结案",
    r"follow-up calls?": "回访电话",
    r"causes?": "原因",
    r"churn": "流失",
    r"loss(?:es)?|lost": "流失|等级|降级",  # a tier can be lost, too
    r"hold-out": "对照组",
    r"contracts?": "合同",
    r"severity": "严重度",
    r"margin": "毛利",
    r"team leads?": "主管",
    r"timeline": "时间线",
    r"imports?": "导入",
}
# Words that stand for something else somewhere: never for what the product names.
WRONG = ("警告", "工单", "顾客", "案件", "跟进电话", "控制组", "度量", "告警")


@pytest.fixture(scope="module")
def chinese() -> polib.POFile:
    return catalogue.read()


def said(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_phrases_finds_every_way_of_saying_something():
    found = catalogue.phrases()
    assert (None, "Sign in") in found  # {% translate %}
    assert ("of a customer", "File") in found  # … with a context
    assert found[None, "%(calls)s call today, about %(minutes_today)s minutes"].plural  # {% blocktranslate %}
    assert (None, "warning rule") not in found  # a word of the sources that nobody sees
    assert found[None, "%(days)s day"].plural == "%(days)s days"  # ngettext
    assert "customers/ground/templatetags/ui.py" in found[None, "just now"].files


def test_every_phrase_of_the_sources_stands_in_the_catalogue(chinese):
    written = {(entry.msgctxt, entry.msgid): entry.msgid_plural or None for entry in chinese}
    spoken = {key: phrase.plural for key, phrase in catalogue.phrases().items()}
    assert written == spoken, "run: manage.py messages"


def test_every_phrase_is_translated(chinese):
    assert [entry.msgid for entry in chinese if not all(text.strip() for text in said(entry))] == []
    assert [entry.msgid for entry in chinese if entry.fuzzy or entry.obsolete] == []
    assert chinese.obsolete_entries() == []
    assert [entry.msgid for entry in chinese if entry.msgid_plural and list(entry.msgstr_plural) != [0]] == []


def test_placeholders_are_named_and_those_of_the_english(chinese):
    wrong = []
    for entry in chinese:
        assert not re.search(r"%[sdfr]", entry.msgid), entry.msgid
        english = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        wrong += [text for text in said(entry) if set(PLACEHOLDER.findall(text)) != set(english)]
    assert wrong == []


def test_compiled_catalogue_is_the_written_one(chinese):
    compiled = polib.mofile(str(catalogue.CATALOGUE.with_suffix(".mo")))
    assert {(e.msgctxt, e.msgid): said(e) for e in compiled} == {
        (e.msgctxt, e.msgid): said(e) for e in chinese
    }
    assert compiled.metadata["Plural-Forms"] == "nplurals=1; plural=0;"


def test_catalogue_does_not_change_from_run_to_run(chinese):
    assert not any(name in chinese.metadata for name in ("POT-Creation-Date", "PO-Revision-Date"))
    assert all(not place.startswith("/") and not line for e in chinese for place, line in e.occurrences)
    again = catalogue.renewed(catalogue.renewed(chinese))
    assert str(again) == str(catalogue.renewed(chinese))


def test_renewed_keeps_what_is_known_and_drops_what_is_gone():
    old = polib.POFile()
    old.append(polib.POEntry(msgid="Sign in", msgstr="登入"))
    old.append(polib.POEntry(msgid="Nobody says this", msgstr="没人说"))
    new = {entry.msgid: entry.msgstr for entry in catalogue.renewed(old)}
    assert new["Sign in"] == "登入"
    assert new["Sign out"] == ""
    assert "Nobody says this" not in new


def test_messages_writes_both_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "CATALOGUE", tmp_path / "locale" / "django.po")
    call_command("messages")
    assert "Sign in" in capsys.readouterr().out
    assert (tmp_path / "locale" / "django.mo").exists()
    assert not catalogue.read().translated_entries()


def test_our_words_win_over_those_of_the_libraries(chinese):
    with translation.override("zh-hans"):
        other = [
            (entry.msgid, translation.gettext(entry.msgid))
            for entry in chinese
            if not entry.msgctxt and not entry.msgid_plural
            if translation.gettext(entry.msgid) != entry.msgstr
        ]
    assert other == []


def test_the_words_are_those_of_the_glossary(chinese):
    strange = []
    for entry in chinese:
        text = " ".join(said(entry))
        english = PLACEHOLDER.sub(" ", f"{entry.msgid} {entry.msgid_plural or ''}").lower()
        english = re.sub(r"manage\.py \w+|docs/\S+|--\w+|import_data|“[a-z_]+”|_\w+", " ", english)
        for word, chinese_word in GLOSSARY.items():
            if re.search(rf"\b(?:{word})\b", english) and not re.search(chinese_word, text):
                strange.append((entry.msgid, text, chinese_word))
        strange += [(entry.msgid, text, word) for word in WRONG if word in text]
    assert strange == []


def test_punctuation_is_chinese(chinese):
    # A half-width mark between two characters of a Chinese sentence.
    half = re.compile(
        r"[\u4e00-\u9fff”）][,;:?!]|[,;?!][\u4e00-\u9fff“]|[\u4e00-\u9fff][.(]|\)[\u4e00-\u9fff]"
    )
    assert [text for e in chinese for text in said(e) if half.search(text) and "history" not in text] == []


# --- On the pages -----------------------------------------------------------------------------
class Heard(HTMLParser):
    """What a person reads or hears of a page: its text and the words in its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.silent += tag in {"script", "style"}
        self.words += [
            value or "" for name, value in attrs if name in self.SPOKEN or name.startswith("data-")
        ]

    def handle_endtag(self, tag):
        self.silent -= tag in {"script", "style"}

    def handle_data(self, data):
        if not self.silent:
            self.words.append(data)

    SPOKEN = frozenset({"title", "aria-label", "placeholder", "alt"})


@functools.cache
def sentences() -> frozenset[str]:
    """Return the pieces, longer than three words, of the English that the catalogue knows."""
    return frozenset(
        piece.strip()
        for entry in catalogue.read()
        for english in (entry.msgid, entry.msgid_plural)
        for piece in PLACEHOLDER.split(english)
        if len(piece.split()) > 3 and "manage.py" not in piece
    )


# A sentence that goes on behind a half-width mark, or that was put together with one.
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:!?] ?[\u4e00-\u9fff]|。 [\u4e00-\u9fff]")


def english_on(page: str) -> list[str]:
    """Return the pieces of our English sentences, and the half-Chinese ones, that stand on a page."""
    words = [" ".join(word.split()) for word in Heard(page).words]
    text = " ".join(words)
    return [piece for piece in sentences() if piece in text] + [w for w in words if HALF_WIDTH.search(w)]


@pytest.fixture
def world(manager, customer):
    """A customer who is silent, whose orders fell off, and who complained: cases, calls, warnings."""
    clock.fix(NOW)
    for days in (200, 170, 140, 110, 80):
        OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=days))
    InteractionFactory(customer=customer, occurred_at=NOW - timedelta(days=70))
    complaints.file_complaint(customer, text="Late again.", by=None, at=NOW - timedelta(minutes=1))
    for rule in WarningRule.objects.all():
        rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + timedelta(seconds=1), scope="full")
    drain.until_empty(at=NOW + timedelta(minutes=5))
    return customer


def paths(user, world, colleague) -> list[str]:
    """Return the pages that a person of this role may open, full and with nothing found."""
    names = ["home", "queue", "customer_list", "complaint_list"]
    names += ["rule_list"] if user.role != "account_manager" else []
    names += ["sweep_list"] if user.role in {"admin", "analyst"} else []
    found = [reverse(f"retention:{name}") for name in names]
    found += [found[1] + "?q=nobody", found[2] + "?q=nobody", found[3] + "?state=all"]
    found.append(reverse("retention:customer", args=[world.pk]))
    found.append(reverse("retention:case", args=[RetentionCase.objects.get().pk]))
    if user.role == "admin":
        names = ["user_list", "user_new", "team_list", "import_list", "import_new"]
        found += [reverse(f"customers:{name}") for name in names]
        found.append(reverse("customers:user_edit", args=[colleague.pk]))
        found.append(reverse("customers:team_edit", args=[colleague.team_id]))
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_no_english_sentence_stands_on_a_chinese_page(client, request, world, manager, who):
    user = request.getfixturevalue(who)
    user.language = "zh-hans"
    user.save()
    client.force_login(user)
    for path in paths(user, world, manager):
        response = client.get(path)
        assert response.status_code == 200, path
        assert english_on(response.content.decode()) == [], path


@pytest.mark.django_db
def test_no_english_sentence_stands_on_a_chinese_import(client, admin, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    admin.language = "zh-hans"
    admin.save()
    client.force_login(admin)
    lines = b"id,name,since\n1,Blue Lake,2020-13-45\n2,,2020-01-01\n"
    file = SimpleUploadedFile("customers.csv", lines, content_type="text/csv")
    sent = client.post(reverse("customers:import_new"), {"kind": "customers", "file": file}, follow=True)
    page = sent.content.decode()
    assert "customers.csv" in page
    assert english_on(page) == []
    answers = {"do": "preview"}
    assert english_on(client.post(sent.redirect_chain[-1][0], answers).content.decode()) == []


@pytest.mark.django_db
def test_a_refused_form_answers_in_chinese(client, manager, world):
    manager.language = "zh-hans"
    manager.save()
    client.force_login(manager)
    case = RetentionCase.objects.get()
    page = client.post(reverse("retention:case_close", args=[case.pk]), {"outcome": "lost", "reason": "–"})
    assert english_on(page.content.decode()) == []
    page = client.post(reverse("retention:case_call", args=[case.pk]), {})
    assert "请登记电话结果" in page.content.decode()


@pytest.mark.django_db
def test_the_search_for_english_finds_it_on_an_english_page(client, manager, world):
    client.force_login(manager)
    case = reverse("retention:case", args=[RetentionCase.objects.get().pk])
    assert english_on(client.get(case).content.decode()) != []

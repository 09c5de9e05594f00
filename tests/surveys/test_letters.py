"""What invitations say: in her language, escaped, the first question as presses, texts that are one text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.translation import get_language

from customers.ground import clock
from customers.models import Contact, Customer
from surveys import after_last_answer, invitations, letters
from surveys.definition import read
from surveys.models import Invitation
from tests.factories import NOW, CompanyFactory, ContactFactory, UserFactory
from tests.surveys.documents import both, every, nps
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
PLACE = "{{survey_link}}"
CHINESE = re.compile(r"[一-鿿]")


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def contact() -> Contact:
    made: Contact = ContactFactory(name="王伟", language="zh-hans")
    return made


def invited(contact: Contact, document: Any = None) -> Invitation:
    survey = live(f"s{Invitation.objects.count()}", document=document)
    return invitations.invite_by_message(
        survey, contact, about=("", None), is_short=False, by=None, now=clock.real_now(), at=NOW
    )


def letter(contact: Contact, document: Any = None, *, channel: str = "email", **more: Any) -> letters.Letter:
    said = {"channel": channel, "contact": contact, "by": None, "at": NOW} | more
    return letters.write(invited(contact, document), **said)


def starting_with(question: dict[str, Any]) -> Any:
    """Return a survey whose first question is this one."""
    document = every()
    document["pages"][0]["questions"].insert(0, {"code": "first", "text": both("First?")} | question)
    return document


# --- The mail ---------------------------------------------------------------------------------
def test_mail_is_wholly_in_her_language(contact):
    chinese = letter(contact)
    words = re.sub(r"<style.*?</style>|<[^>]+>|\{\{\w+\}\}", " ", chinese.html, flags=re.S)
    assert set(re.findall(r"[A-Za-z]{3,}", words)) <= {"Liuke", "Test"}  # the company's name
    assert "您有多大可能推荐我们？" in chinese.html and '<html lang="zh-hans"' in chinese.html
    Contact.objects.filter(pk=contact.pk).update(language="en", name="Wang")
    contact.refresh_from_db()
    english = letter(contact)
    assert not CHINESE.search(english.text) and not CHINESE.search(english.html)
    assert "Hello Wang," in english.text


def test_unknown_language_falls_back_on_the_survey_and_words_on_english(contact):
    contact.language = "th"
    document = nps()
    assert letter(contact, document).text.startswith("Hello")
    german = nps()
    german["languages"] = ["de"]
    german = _only(german, "de")
    said = letter(contact, german)
    assert '<html lang="en"' in said.html and '<h1 lang="de"' in said.html


def _only(document: Any, language: str) -> Any:
    if isinstance(document, dict):
        if "en" in document and "zh-hans" in document:
            return {language: document["en"]}
        return {name: _only(value, language) for name, value in document.items()}
    return [_only(one, language) for one in document] if isinstance(document, list) else document


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({"kind": "nps"}, [f"score={n}" for n in range(11)]),
        ({"kind": "csat"}, [f"score={n}" for n in range(1, 6)]),
        ({"kind": "ces", "points": 7}, [f"score={n}" for n in range(1, 8)]),
        ({"kind": "rating", "points": 3}, [f"q=first:{n}" for n in range(1, 4)]),
        ({"kind": "yes_no"}, ["q=first:yes", "q=first:no"]),
        ({"kind": "single", "choices": "2"}, ["q=first:c0", "q=first:c1"]),
        ({"kind": "single", "choices": "7"}, [f"q=first:c{n}" for n in range(7)]),
        ({"kind": "single", "choices": "8"}, []),
        ({"kind": "multiple", "choices": "2"}, []),
        ({"kind": "text"}, []),
        ({"kind": "date"}, []),
    ],
)
def test_first_question_is_answered_by_a_press_where_one_says_it(contact, question, expected):
    if "choices" in question:
        names = [f"c{n}" for n in range(int(question["choices"]))]
        question = question | {"choices": [{"code": one, "text": both(one.upper())} for one in names]}
    html = letter(contact, starting_with(question)).html
    found = re.findall(r'class="m-press" href="\{\{survey_link\}\}\?([^"]+)"', html)
    assert found == expected
    assert ('class="m-go" href="{{survey_link}}"' in html) is not expected or bool(expected)
    assert html.count(PLACE) == len(expected) + 1  # and the page without an answer


def test_score_that_is_not_the_first_question_is_not_chosen_by_its_press(contact):
    html = letter(contact, starting_with({"kind": "rating", "points": 5})).html
    assert "?score=" not in html


def test_faces_stand_beside_the_number_of_satisfaction_only(contact):
    assert "😞" in letter(contact, starting_with({"kind": "csat"})).html
    assert "😞" not in letter(contact, starting_with({"kind": "ces", "points": 5})).html


def test_every_text_is_inert(contact):
    owner = UserFactory(first_name=EVIL, last_name="")
    CompanyFactory().__class__.objects.update(name=EVIL)
    Customer.objects.filter(pk=contact.customer_id).update(owner=owner)
    Contact.objects.filter(pk=contact.pk).update(name=EVIL)
    found = Contact.objects.select_related("customer__owner").get(pk=contact.pk)
    document = starting_with(
        {
            "kind": "single",
            "text": both(EVIL),
            "choices": [{"code": "a", "text": both(EVIL)}, {"code": "b", "text": both("B")}],
        }
    )
    document["title"] = document["intro"] = both(EVIL)
    html = letter(found, document).html
    assert "<script" not in html and "<img" not in html
    assert html.count("&lt;script&gt;") >= 6


def test_mail_fetches_nothing_and_has_no_script(contact):
    html = letter(contact).html
    assert not re.search(r"<(img|link|script|iframe|form|input)\b|url\(|@import|https?://", html)


def test_both_parts_let_one_unsubscribe(contact):
    said = letter(contact)
    assert said.text.count("{{unsubscribe}}") == said.html.count("{{unsubscribe}}") == 1


def test_last_day_is_on_the_customers_clock(contact):
    contact.customer.time_zone = "Pacific/Kiritimati"
    invitation = invited(contact)
    invitation.expires_at = datetime(2026, 6, 10, 23, 0, tzinfo=UTC)
    invitation.language = "en"
    said = {"channel": "email", "by": None, "at": NOW}
    assert "works until June 11." in letters.write(invitation, contact=contact, **said).text
    contact.customer.time_zone = "America/Lima"
    assert "works until June 10." in letters.write(invitation, contact=contact, **said).text


def test_what_followed_the_last_answer_is_told_in_her_language_once_somebody_knows(contact, monkeypatch):
    monkeypatch.setattr(after_last_answer, "_tellers", [])
    assert "m-told" not in re.sub(r"<style.*?</style>", "", letter(contact).html, flags=re.S)
    asked = []
    after_last_answer.register(lambda who, at: "")
    after_last_answer.register(lambda who, at: asked.append((who, at)) or f"<b>{get_language()}</b>")
    after_last_answer.register(lambda who, at: "never heard")
    said = letter(contact)
    assert "&lt;b&gt;zh-hans&lt;/b&gt;" in said.html and "<b>zh-hans</b>" in said.text
    assert "never heard" not in said.text
    assert asked == [(contact, NOW)]


# --- Text messages ----------------------------------------------------------------------------
@pytest.mark.parametrize("channel", ["sms", "messenger"])
@pytest.mark.parametrize(("language", "most"), [("en", 160), ("zh-hans", 70)])
@pytest.mark.parametrize("is_reminder", [False, True])
def test_text_is_one_text_with_its_link_and_says_how_to_end(
    contact, settings, channel, language, most, is_reminder
):
    settings.PUBLIC_BASE_URL = "https://care.example.com"
    contact.language = language
    contact.name = "Wang Wei" if language == "en" else "王伟"
    CompanyFactory().__class__.objects.update(name="Blue Lake" if language == "en" else "蓝湖贸易")
    said = letter(contact, channel=channel, is_reminder=is_reminder)
    whole = said.text.replace(PLACE, f"https://care.example.com/s/{'x' * 22}/")
    assert len(whole) <= most
    assert letters.is_one_text(whole)
    assert "TD" in said.text and said.text.count(PLACE) == 1
    assert bool(CHINESE.search(said.text)) is (language == "zh-hans")
    assert said.html == said.subject == ""


def test_longest_text_that_fits_is_chosen_and_the_shortest_when_none_does(contact, settings):
    contact.language, contact.name = "en", "Wang"
    assert "Two questions" in letter(contact, channel="sms").text
    document = nps()
    document["title"] = both("A title that is much too long for a text " * 4)
    said = letter(contact, document, channel="sms").text
    assert "title" not in said and "Liuke Test Co." in said
    settings.PUBLIC_BASE_URL = "https://" + "long." * 30 + "example.com"
    assert letter(contact, channel="sms").text == f"Please tell us: {PLACE} End: reply TD"


def test_values_of_a_providers_template(contact):
    said = letter(contact, channel="sms")
    assert said.template == "survey_invitation"
    assert said.params == {
        "name": "王伟",
        "company": "Liuke Test Co.",
        "title": "两个问题，30 秒",
        "link": PLACE,
        "code": "{{survey_code}}",
    }


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("中" * 70, True),
        ("中" * 71, False),
        ("a" * 70 + "中", False),
        ("–" * 71, False),
    ],
)
def test_one_text_message_is_160_letters_of_gsm_or_70_of_any(text, is_one):
    assert letters.is_one_text(text) is is_one


def test_press_of_every_choice_is_understood_by_the_page(contact):
    """What the mail offers is what the page takes: the codes are those of the survey."""
    definition = read(starting_with({"kind": "rating", "points": 5}))
    first = definition.pages[0].questions[0]
    found = letters.presses(first, language="en", is_score=False)
    assert [int(one.address.rpartition(":")[2]) for one in found] == list(first.scale)

"""Answering by link: once, in the version that was asked; nothing is lost, looking writes nothing."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from customers import merges
from customers.erasure import erase_person
from customers.ground import clock
from customers.ground.api import throttles
from customers.ground.models import AuditEvent, Event
from customers.models import Contact, Customer, TouchedCustomer
from customers.objections import Erased
from surveys import answering, building, invitations
from surveys.definition import Given
from surveys.models import Invitation, Survey, SurveyAnswer, SurveyResponse
from tests.factories import NOW, CustomerFactory
from tests.retention.racing import race
from tests.surveys.documents import every, nps, question
from tests.surveys.makers import WHO, live

pytestmark = pytest.mark.django_db
SLOT = "20260511T0530Z"  # Monday 13:30–18:00 in Shanghai
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture(autouse=True)
def _now(db: Any) -> Any:
    clock.fix(NOW)
    throttles.forget()
    yield
    throttles.forget()


@pytest.fixture
def contact(customer: Customer) -> Contact:
    return customer.contacts.get(is_main=True)


def invited(contact: Contact, survey: Survey | None = None, **given: Any) -> tuple[Invitation, str]:
    survey = survey or live()
    return invitations.invite(survey, contact, **given, by=None, now=clock.real_now(), at=NOW)


def at(token: str) -> str:
    return reverse("surveys:answer", args=[token])


def form(html: str) -> dict[str, Any]:
    """Return what a browser would send of the page as it stands, without a button."""
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = (re.search(rf'{one}="([^"]*)"', tag) for one in ("name", "value"))
        if 'type="hidden"' in tag or " checked" in tag or 'type="date"' in tag:
            sent[name[1]] = value[1] if value else ""  # type: ignore[index]
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', html):
        sent[name] = text
    return sent


def send(client: Client, token: str, **answers: Any) -> Any:
    page = form(client.get(at(token)).content.decode())
    return client.post(at(token), page | {name.replace("__", "."): value for name, value in answers.items()})


def tables() -> dict[str, list[Any]]:
    """Return every row of every table but the counters of visits."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values_list())
        for model in apps.get_models()
        if model._meta.label != "ground.RateCounter"
    }


# --- Once -------------------------------------------------------------------------------------
def test_answer_is_stored_once_with_its_moments_and_told_upward(client, contact):
    _invitation, token = invited(contact)
    answer = send(client, token, q__nps="9")
    assert answer.status_code == 200
    assert "Thank you" in answer.content.decode()
    response = SurveyResponse.objects.get()
    assert (response.customer_id, response.contact_id) == (contact.customer_id, contact.pk)
    assert (response.metric, response.score, response.is_low, response.wants_call) == ("nps", 9, False, False)
    assert NOW <= response.occurred_at == response.recorded_at <= clock.now()
    (said,) = SurveyAnswer.objects.all()
    assert (said.question, said.kind, said.number, said.customer_id) == ("nps", "nps", 9, contact.customer_id)
    event = Event.objects.get(kind="survey.answered")
    assert (event.subject_id, event.customer_id) == (response.pk, contact.customer_id)
    assert (event.data["score"], event.data["low"], event.data["promised_at"]) == (9, False, None)
    assert TouchedCustomer.objects.filter(customer=contact.customer_id).exists()
    audited = AuditEvent.objects.get(act="survey.answer")
    assert (audited.actor_id, audited.address) == (None, None)


def test_score_of_the_link_is_chosen_but_looking_writes_nothing(client, contact):
    _invitation, token = invited(contact)
    before = tables()
    html = client.get(f"{at(token)}?score=3").content.decode()
    assert re.search(r'value="3"[^>]* checked', html)
    assert 'data-asked="low"' in html
    assert 'name="q.call"' in html  # a bad score: may we call?
    good = client.get(f"{at(token)}?q=nps:10").content.decode()
    assert re.search(r'value="10"[^>]* checked', good)
    assert 'name="q.call"' not in good
    for odd in ("?score=99", "?score=x", "?q=nps", "?q=nothing:1", "?q=call:no", "?lang=tlh", "?score="):
        html = client.get(f"{at(token)}{odd}").content.decode()
        assert " checked" not in html
    assert tables() == before


def test_two_hundred_scanners_cast_no_vote_and_the_link_still_works(client, contact):
    _invitation, token = invited(contact)
    before = tables()
    for number in range(100):
        visit = {"REMOTE_ADDR": f"198.51.100.{number}", "HTTP_USER_AGENT": "SafeLinks"}
        assert client.get(f"{at(token)}?score={number % 11}", **visit).status_code == 200
        assert client.head(at(token), **visit).status_code == 200
    assert tables() == before
    assert send(client, token, q__nps="7").status_code == 200
    assert SurveyResponse.objects.get().score == 7


@pytest.mark.parametrize("twice", ["page", "verb"])
def test_second_press_stores_nothing_more(client, contact, twice):
    invitation, token = invited(contact)
    page = form(client.get(at(token)).content.decode()) | {"q.nps": "8"}
    client.post(at(token), page)
    if twice == "page":
        again = client.post(at(token), page | {"q.nps": "1"})
        assert (again.status_code, "they have arrived" in again.content.decode()) == (404, True)
    else:
        with pytest.raises(answering.LinkClosed):
            answering.submit(
                invitation, answers={"nps": Given(number=1)}, by=None, now=clock.real_now(), at=NOW
            )
    assert [r.score for r in SurveyResponse.objects.all()] == [8]
    assert Event.objects.filter(kind="survey.answered").count() == 1


def test_database_keeps_one_response_of_an_invitation(contact):
    invitation, _token = invited(contact)
    answers = {"nps": Given(number=9)}
    response = answering.submit(invitation, answers=answers, by=None, now=clock.real_now(), at=NOW)
    response.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        response.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_send_at_once_one_is_stored(company, manager):
    customer = CustomerFactory(owner=manager)
    invitation, _token = invited(customer.contacts.get())

    def act(score: int) -> int:
        mine = Invitation.objects.get(pk=invitation.pk)
        given = {"nps": Given(number=score)}
        return answering.submit(mine, answers=given, by=None, now=clock.real_now(), at=NOW).score or 0

    results = race(*[lambda score=score: act(score) for score in range(1, 9)])
    won = [one for one in results if isinstance(one, int)]
    assert len(won) == 1
    assert all(isinstance(one, answering.LinkClosed) for one in results if not isinstance(one, int))
    assert [r.score for r in SurveyResponse.objects.all()] == won
    assert Event.objects.filter(kind="survey.answered").count() == 1


# --- Dead links -------------------------------------------------------------------------------
def bare(text: str) -> str:
    return re.sub(r'nonce="[^"]*"', "", text)


def test_links_that_open_nothing_look_the_same(client, contact, company):
    survey, answers = live(), []

    def note(token: str) -> None:
        for answer in (client.get(at(token)), client.post(at(token), {"q.nps": "3", "asked": "nps"})):
            assert answer.status_code == 404
            answers.append(bare(answer.content.decode()))

    note("x" * 43)
    _used, token = invited(contact, survey)
    send(client, token, q__nps="9")
    note(token)
    expired, token = invited(contact, survey)
    long_ago = timedelta(days=31)
    Invitation.objects.filter(pk=expired.pk).update(
        made_at=expired.made_at - long_ago, expires_at=expired.expires_at - long_ago
    )
    note(token)
    revoked, token = invited(contact, survey)
    assert invitations.revoke(revoked, by=None, now=clock.real_now(), at=NOW)
    note(token)
    gone = CustomerFactory().contacts.get()
    _invitation, token = invited(gone, survey)
    erase_person(gone, reason="request", by=None, at=NOW)
    note(token)
    open_link = invitations.make_open_link(survey, label="Till", by=None, now=clock.real_now(), at=NOW)
    ticket = invitations.ticket(open_link)
    begun = invitations.begin(open_link, ticket, language="en", now=clock.real_now())
    assert begun is not None and client.get(at(begun[1])).status_code == 200
    invitations.revoke_open_link(open_link, by=None, now=clock.real_now(), at=NOW)
    note(invitations.token_of(open_link))
    note(begun[1])  # what a visit to it had begun
    _invitation, token = invited(contact, survey)
    building.close_survey(survey, **WHO)
    note(token)
    assert len(set(answers)) == 1
    assert SurveyResponse.objects.count() == 1


@pytest.mark.parametrize("what", ["erased", "link revoked", "closed"])
def test_link_that_closed_since_the_page_was_looked_up_takes_nothing(contact, company, what):
    survey, now = live(), clock.real_now()
    if what == "link revoked":
        link = invitations.make_open_link(survey, label="Till", by=None, now=now, at=NOW)
        begun = invitations.begin(link, invitations.ticket(link), language="en", now=now)
        assert begun is not None
        invitation = begun[0]
        invitations.revoke_open_link(link, by=None, now=now, at=NOW)
    else:
        invitation, _token = invited(contact, survey)
    if what == "erased":
        erase_person(contact, reason="request", by=None, at=NOW)
    if what == "closed":
        building.close_survey(survey, **WHO)
    given = {"nps": Given(number=3)}
    with pytest.raises(answering.LinkClosed):
        answering.submit(invitation, answers=given, by=None, now=now, at=NOW)
    with pytest.raises(answering.LinkClosed):
        answering.keep(invitation, answers=given, page=0, now=now)
    assert not SurveyResponse.objects.exists()
    assert not Invitation.objects.exclude(answers=None).exists()


def test_token_of_another_kind_of_link_opens_no_survey(client, contact):
    invitation, token = invited(contact)
    from customers.tokens import hash_of

    Invitation.objects.filter(pk=invitation.pk).update(token_hash=hash_of(token))
    assert client.get(at(token)).status_code == 404


def test_only_the_hash_of_a_link_is_stored(contact):
    _invitation, token = invited(contact)
    assert len(token) >= 43  # 256 bits
    assert token not in repr(tables())


def test_survey_that_is_not_live_invites_nobody(contact):
    survey = building.close_survey(live(), **WHO)
    with pytest.raises(building.SurveyNotLive):
        invited(contact, survey)


# --- The page ---------------------------------------------------------------------------------
def test_page_sets_no_cookie_is_not_kept_and_tells_nobody_where_one_was(contact):
    client = Client(enforce_csrf_checks=True)
    _invitation, token = invited(contact)
    for answer in (client.get(at(token)), send(client, token, q__nps="9"), client.get(at("no"))):
        assert not answer.cookies
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "<script" not in answer.content.decode()
    assert SurveyResponse.objects.count() == 1


def test_every_page_of_a_token_is_listed_in_one_place():
    from customers.token_pages import TOKEN_PAGES
    from tests.test_architecture import routes

    found = {
        f"{pattern.callback.__module__.partition('.')[0]}:{pattern.name}"
        for _route, pattern in routes()
        if hasattr(pattern.callback, "token_purpose")
    }
    assert found == set(TOKEN_PAGES)


def test_page_speaks_the_language_of_the_contact_and_switches(client, contact):
    Contact.objects.filter(pk=contact.pk).update(language="zh-CN")
    contact.refresh_from_db()
    _invitation, token = invited(contact)
    html = client.get(at(token)).content.decode()
    assert ("您有多大可能推荐我们？" in html, '<html lang="zh-hans">' in html) == (True, True)
    page = form(html) | {"q.nps": "4", "q.nps.why": "送货晚了", "language": "en"}
    html = client.post(at(token), page).content.decode()
    assert "How likely are you to recommend us?" in html
    assert "送货晚了" in html  # what was typed is not lost
    assert not SurveyResponse.objects.exists()
    assert "How likely" in client.get(at(token)).content.decode()  # and is remembered
    assert "您有多大可能" in client.get(f"{at(token)}?lang=zh-hans").content.decode()


def test_unknown_language_falls_back_on_the_first_of_the_survey(client, contact):
    Contact.objects.filter(pk=contact.pk).update(language="tlh")
    contact.refresh_from_db()
    assert invited(contact)[0].language == "en"


def test_missing_answer_is_told_at_its_question_and_nothing_is_sent(client, contact):
    _invitation, token = invited(contact)
    answer = send(client, token, q__nps__why="because")
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#q-nps"' in html
    assert 'aria-describedby="q-nps-error"' in html
    assert "because" in html
    assert not SurveyResponse.objects.exists()


def test_link_goes_on_where_one_left_off(client, contact):
    document = every()
    question(document, "again")["required"] = True
    invitation, token = invited(contact, live(document=document))
    html = send(client, token, q__ces="2", q__cause="service").content.decode()
    assert "Step 2 of 2" in html
    again = Client().get(at(token)).content.decode()  # another device
    assert "Step 2 of 2" in again
    assert 'name="q.words"' in again  # shown because of the first page
    back = form(again) | {"back": "1", "q.words": "Late again"}
    first = client.post(at(token), back).content.decode()
    assert re.search(r'value="2"[^>]* checked', first)
    assert not SurveyResponse.objects.exists()
    second = client.post(at(token), form(first)).content.decode()
    assert "Late again" in second
    answer = client.post(at(token), form(second) | {"q.again": "no"})
    assert answer.status_code == 200
    said = {one.question: (one.number, one.chosen, one.text) for one in SurveyAnswer.objects.all()}
    assert said == {
        "ces": (2, [], ""),
        "cause": (None, ["service"], ""),
        "words": (None, [], "Late again"),
        "again": (None, ["no"], ""),
    }
    invitation.refresh_from_db()
    assert invitation.answers is None


def test_question_that_an_answer_brings_up_is_asked_before_anything_is_sent(client, contact):
    _invitation, token = invited(contact)
    answer = send(client, token, q__nps="3")
    html = answer.content.decode()
    assert ("There is something more to ask" in html, 'name="q.call"' in html) == (True, True)
    assert not SurveyResponse.objects.exists()
    assert client.post(at(token), form(html)).status_code == 200
    assert SurveyResponse.objects.get().is_low


def test_answer_to_a_question_that_is_not_asked_any_more_is_left_out(client, contact):
    _invitation, token = invited(contact)
    html = send(client, token, q__nps="3").content.decode()
    client.post(at(token), form(html) | {"q.nps": "9", "q.call": SLOT})
    response = SurveyResponse.objects.get()
    assert (response.score, response.wants_call) == (9, False)
    assert [one.question for one in response.answers.all()] == ["nps"]


def test_survey_that_changes_meanwhile_takes_the_answers_to_what_was_asked(client, contact):
    survey = live(document=every())
    _invitation, token = invited(contact, survey)
    page = send(client, token, q__ces="4", q__cause="price").content.decode()
    changed = nps()
    building.save_draft(survey, document=changed, **WHO)
    building.publish(survey, **WHO)
    assert client.post(at(token), form(page) | {"q.wishes": "nearer"}).status_code == 200
    response = SurveyResponse.objects.get()
    assert response.version.number == 1
    assert {one.question for one in response.answers.all()} == {"ces", "cause", "wishes"}
    newer, _token = invited(contact, survey)
    assert newer.version.number == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("q.ces", "6"),
        ("q.ces", "0"),
        ("q.ces", "x"),
        ("q.ces", "٣"),
        ("q.cause", "weather"),
        ("q.cause", EVIL),
    ],
)
def test_value_that_was_not_offered_is_refused(client, contact, field, value):
    _invitation, token = invited(contact, live(document=every()))
    page = form(client.get(at(token)).content.decode()) | {"q.ces": "3"} | {field: value}
    answer = client.post(at(token), page)
    assert answer.status_code == 422
    assert "<script>" not in answer.content.decode()


@pytest.mark.parametrize(("page", "status"), [("99", 200), ("-1", 200), ("x", 200), ("9" * 30, 200)])
def test_page_that_does_not_exist_does_no_harm(client, contact, page, status):
    _invitation, token = invited(contact, live(document=every()))
    answer = client.post(at(token), {"page": page, "asked": "", "q.ces": "1"})
    assert answer.status_code == status
    assert not SurveyResponse.objects.exists()


def test_page_that_is_skipped_is_come_back_to(client, contact):
    _invitation, token = invited(contact, live(document=every()))
    answer = client.post(at(token), {"page": "1", "asked": "wishes,again,since"})
    assert (answer.status_code, 'href="#q-ces"' in answer.content.decode()) == (422, True)


def test_words_are_kept_as_they_are_and_shown_harmless(client, contact):
    document = every()
    document["title"]["en"] = EVIL
    _invitation, token = invited(contact, live(document=document))
    html = send(client, token, q__ces="1", q__cause="service").content.decode()
    assert EVIL not in html
    html = client.post(at(token), form(html) | {"q.words": EVIL + "\0", "back": "1"}).content.decode()
    html = client.post(at(token), form(html)).content.decode()
    assert EVIL not in html
    assert "&lt;script&gt;" in html
    client.post(at(token), form(html) | {"q.words": EVIL})
    assert SurveyAnswer.objects.get(question="words").text == EVIL


def test_too_many_words_are_cut_and_told(client, contact):
    _invitation, token = invited(contact)
    answer = send(client, token, q__nps="9", q__nps__why="x" * 4001)
    assert answer.status_code == 422
    assert "shorten" in answer.content.decode()


def test_two_devices_one_after_the_other_lose_nothing_that_was_sent(client, contact):
    _invitation, token = invited(contact)
    html = client.get(at(token)).content.decode()
    send(Client(), token, q__nps="9")
    late = client.post(at(token), form(html) | {"q.nps": "2"})
    assert late.status_code == 404
    assert SurveyResponse.objects.get().score == 9


# --- May we call you? -------------------------------------------------------------------------
def test_promise_is_shown_and_stored_with_the_answer(client, contact):
    _invitation, token = invited(contact)
    html = client.get(f"{at(token)}?score=3").content.decode()
    assert f'value="{SLOT}"' in html
    assert "Monday, May 11, 13:30–18:00" in html
    html = client.post(at(token), form(html) | {"q.call": SLOT, "q.nps.why": "Late"}).content.decode()
    assert "We will call you by Monday, May 11, 18:00." in html
    due = datetime.fromisoformat("2026-05-11T10:00:00+00:00")
    response = SurveyResponse.objects.get()
    assert (response.wants_call, response.promised_at, response.is_low) == (True, due, True)
    event = Event.objects.get(kind="survey.answered")
    assert datetime.fromisoformat(event.data["promised_at"]) == due
    assert SurveyAnswer.objects.get(question="nps").text == "Late"


def test_no_thank_you_promises_nothing(client, contact):
    _invitation, token = invited(contact)
    html = client.get(f"{at(token)}?score=3").content.decode()
    html = client.post(at(token), form(html) | {"q.call": "no"}).content.decode()
    assert "We will call you" not in html
    assert not SurveyResponse.objects.get().wants_call


@pytest.mark.parametrize(
    "slot", ["20260508T0100Z", "20260510T0530Z", "20260511T0130Z", "20300101T0100Z", "x", EVIL]
)
def test_time_that_is_over_or_none_of_ours_is_refused(client, contact, slot):
    _invitation, token = invited(contact)
    html = client.get(f"{at(token)}?score=3").content.decode()
    answer = client.post(at(token), form(html) | {"q.call": slot})
    assert (answer.status_code, "choose another" in answer.content.decode()) == (422, True)
    assert not SurveyResponse.objects.exists()


# --- Open links -------------------------------------------------------------------------------
@pytest.fixture
def open_token(company: Any) -> str:
    link = invitations.make_open_link(live(), label="Till", by=None, now=clock.real_now(), at=NOW)
    return invitations.token_of(link)


def test_open_link_takes_answers_of_nobody_known(client, open_token):
    before = tables()
    html = client.get(f"{at(open_token)}?score=3").content.decode()
    assert tables() == before
    assert 'name="q.call"' not in html  # whom should we call?
    for _visitor in range(2):
        page = form(client.get(at(open_token)).content.decode())
        assert client.post(at(open_token), page | {"q.nps": "3"}).status_code == 200
    rows = SurveyResponse.objects.values_list("customer", "contact", "score", "is_low")
    assert list(rows) == [(None, None, 3, True)] * 2
    assert set(Event.objects.filter(kind="survey.answered").values_list("customer_id", flat=True)) == {None}
    assert set(AuditEvent.objects.filter(act="survey.answer").values_list("address", flat=True)) == {None}


def test_survey_that_closes_while_an_open_link_is_pressed_looks_like_any_dead_link(
    client, open_token, monkeypatch
):
    page = form(client.get(at(open_token)).content.decode()) | {"q.nps": "9"}
    link = invitations.find_open(open_token)
    building.close_survey(link.survey, by=None, at=NOW)
    monkeypatch.setattr(invitations, "find_open", lambda _token: link)
    assert client.post(at(open_token), page).status_code == 404
    assert not SurveyResponse.objects.exists()


def test_same_press_on_an_open_link_counts_once(client, open_token):
    page = form(client.get(at(open_token)).content.decode()) | {"q.nps": "9"}
    client.post(at(open_token), page)
    assert client.post(at(open_token), page).status_code == 404
    assert SurveyResponse.objects.count() == 1


@pytest.mark.parametrize("ticket", ["", "x", "WzEsInkiXQ:1abc:def"])
def test_open_link_without_a_ticket_of_ours_takes_nothing(client, open_token, ticket):
    page = form(client.get(at(open_token)).content.decode()) | {"q.nps": "9", "ticket": ticket}
    assert client.post(at(open_token), page).status_code == 404
    assert not Invitation.objects.exists()


def test_open_link_over_several_pages_goes_on_by_a_link_of_its_own(client, company):
    link = invitations.make_open_link(
        live(document=every()), label="Till", by=None, now=clock.real_now(), at=NOW
    )
    address = at(invitations.token_of(link))
    html = client.post(address, form(client.get(address).content.decode()) | {"q.ces": "5"}).content.decode()
    action = re.search(r'<form method="post" action="\.\./([^"/]+)/"', html)
    assert action
    assert client.post(at(action[1]), form(html) | {"q.again": "yes"}).status_code == 200
    assert {one.question for one in SurveyAnswer.objects.all()} == {"ces", "again"}


# --- Floods -----------------------------------------------------------------------------------
def test_flood_from_one_address_is_slowed_and_others_are_not(client, contact, monkeypatch):
    monkeypatch.setattr("surveys.pages.answer.VISITS_A_MINUTE", 5)
    monkeypatch.setattr(throttles, "MINUTE", 10**6)
    _invitation, token = invited(contact)
    one, other = {"REMOTE_ADDR": "198.51.100.7"}, {"REMOTE_ADDR": "198.51.100.8"}
    assert [client.get(at("guess"), **one).status_code for _n in range(6)] == [404] * 5 + [429]
    slowed = client.post(at(token), {"q.nps": "3", "q.nps.why": EVIL}, **one)
    html = slowed.content.decode()
    assert (slowed.status_code, "Retry-After" in slowed) == (429, True)
    assert 'name="q.nps" value="3"' in html  # what was typed can be sent again
    assert EVIL not in html
    assert client.get(at(token), **other).status_code == 200


# --- Persons ----------------------------------------------------------------------------------
def test_erasing_blanks_words_and_drafts_and_keeps_the_numbers(client, contact):
    survey = live()
    _sent, token = invited(contact, survey)
    send(client, token, q__nps="9", q__nps__why="zxsecret")
    half, token = invited(contact, survey)
    send(client, token, q__nps="3", q__nps__why="zxsecret")
    half.refresh_from_db()
    assert "zxsecret" in str(half.answers)
    erase_person(contact, reason="request", by=None, at=NOW)
    assert "zxsecret" not in repr(tables())
    assert SurveyAnswer.objects.get().number == 9
    assert SurveyResponse.objects.get().score == 9


def test_erased_contact_is_not_invited(contact):
    survey = live()
    erase_person(contact, reason="request", by=None, at=NOW)
    contact.refresh_from_db()
    with pytest.raises(Erased):
        invited(contact, survey)


def test_answers_and_invitations_move_with_their_customer(client, contact, admin):
    survey = live()
    _sent, token = invited(contact, survey)
    send(client, token, q__nps="9")
    _waiting, token = invited(contact, survey)
    survivor = CustomerFactory()
    merges.merge_customers(
        survivor, contact.customer, values={}, reason="the same", by=admin, at=NOW + timedelta(hours=1)
    )
    assert SurveyResponse.objects.get().customer_id == survivor.pk
    assert SurveyAnswer.objects.get().customer_id == survivor.pk
    assert send(client, token, q__nps="8").status_code == 200
    assert set(SurveyResponse.objects.values_list("customer_id", flat=True)) == {survivor.pk}


def test_facts_of_answers_keep_their_versions(contact):
    invitation, _token = invited(contact)
    given = {"nps": Given(number=9, text="fine")}
    response = answering.submit(invitation, answers=given, by=None, now=clock.real_now(), at=NOW)
    from customers import writing
    from surveys.models import SurveyAnswerVersion

    answer = response.answers.get()
    writing.void(answer, at=NOW + timedelta(days=1))
    version = SurveyAnswerVersion.objects.get()
    assert (version.fact_id, version.number, version.void) == (answer.pk, 9, False)  # type: ignore[attr-defined]


def test_foreign_survey_is_not_answered_by_another_link(client, contact):
    """A link is good for its own survey only, whatever the form says."""
    _invitation, token = invited(contact, live("one"))
    live("two", document=every())
    client.post(at(token), {"page": "0", "asked": "ces,nps", "q.ces": "1", "q.nps": "9"})
    response = SurveyResponse.objects.get()
    assert (response.survey.code, [one.question for one in response.answers.all()]) == ("one", ["nps"])

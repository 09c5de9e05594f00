"""From asking to the answer over real SMTP: a press in the mail opens the page with the score chosen."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps

from customers.ground import clock, drain
from customers.ground.api import throttles
from customers.models import Contact, Message
from surveys import answering, building, invitations, sending
from surveys.definition import Given
from surveys.models import Invitation, SurveyAsked, SurveyDispatch, SurveyResponse
from tests.customers import providers
from tests.customers.test_channels import http_sender, smtp_sender
from tests.customers.test_contact import agreeing
from tests.factories import NOW
from tests.surveys.makers import WHO, live
from tests.surveys.test_answering import form

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _world(company: Any, settings: Any) -> Any:
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    clock.fix(NOW)
    throttles.forget()
    yield
    throttles.forget()


@pytest.fixture
def mail_server() -> Any:
    with providers.smtp() as told:
        smtp_sender(told)
        yield told


@pytest.fixture
def contact() -> Contact:
    return agreeing(email="wang@example.org", phone="+86 139 1234 5678", name="Wang Wei", language="en")


def send(contact: Contact, *, channel: str = "email", **more: Any) -> SurveyDispatch:
    said: dict[str, Any] = {"channel": channel, "key": "1:case:12", "by": None, "now": clock.real_now()}
    return sending.send_invitation(contact, live(), at=NOW, **said | more)


def parts(envelope: dict[str, Any]) -> tuple[Any, str, str]:
    """Return a mail, its text and its HTML."""
    mail = providers.mail_of(envelope)
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return mail, text, html


def presses(html: str) -> list[str]:
    """Return where the first question's answers lead, in their order."""
    return [unescape(one) for one in re.findall(r'<a class="m-press" href="([^"]+)"', html)]


def rows() -> dict[str, list[Any]]:
    """Return every row of every table of surveys and of events, to see that nothing changed."""
    labels = ["surveys.Invitation", "surveys.SurveyResponse", "surveys.SurveyDispatch", "ground.Event"]
    return {label: list(apps.get_model(label).objects.order_by("pk").values()) for label in labels}


def local(address: str) -> str:
    split = urlsplit(address)
    return f"{split.path}?{split.query}" if split.query else split.path


def test_sent_by_the_worker_pressed_in_the_mail_and_answered(mail_server, contact, client):
    dispatch = send(contact)
    drain.until_empty(at=NOW)
    dispatch.refresh_from_db()
    assert (dispatch.state, dispatch.ended_at) == ("sent", NOW)
    [envelope] = mail_server.got
    mail, text, html = parts(envelope)
    assert mail["To"] == "wang@example.org"
    assert mail["Subject"] == "Two questions, 30 seconds – Liuke Test Co."
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    links = presses(html)
    assert [link.rpartition("?")[2] for link in links] == [f"score={n}" for n in range(11)]
    [plain] = re.findall(r"http://testserver/s/\S+", text)
    assert {link.partition("?")[0] for link in links} == {plain}

    before = rows()
    for n in (0, 3, 10):
        page = client.get(local(links[n])).content.decode()
        assert re.findall(r'value="(\d+)"[^>]* checked', page) == [str(n)]
    assert rows() == before  # looking, whatever the score, writes nothing

    page = client.get(local(links[3])).content.decode()
    assert client.post(local(plain), form(page) | {"q.nps.why": "late"}).status_code == 200
    response = SurveyResponse.objects.get()
    assert (response.score, response.comment, response.contact) == (3, "late", contact)
    drain.until_empty(at=NOW + 5 * DAY)
    subjects = [parts(one)[0]["Subject"] for one in mail_server.got]
    assert not [one for one in subjects if "reminder" in one.lower()]  # who has answered is not reminded
    assert len(subjects) == 2  # the invitation, and the receipt of a low answer


def test_nothing_that_is_stored_opens_the_survey(mail_server, contact):
    send(contact)
    drain.until_empty(at=NOW)
    _mail, text, _html = parts(mail_server.got[0])
    [token] = re.findall(r"http://testserver/s/([^/\s]+)/", text)
    assert invitations.find(token, now=clock.real_now()) is not None
    for model in apps.get_models():
        for row in model._default_manager.values():
            assert token not in repr(row), model.__name__


def test_provider_that_echoes_the_text_leaves_no_link_behind(contact):
    with providers.http() as told:
        http_sender(told)
        dispatch = send(contact, channel="sms")
        invitation_of = Invitation.objects.get(pk=dispatch.invitation_id)
        token = invitations.sent_token(invitation_of)
        quoted = f"rejected: http%3A%2F%2Ftestserver%2Fs%2F{token}%2F"
        told.answers = [(400, {}, quoted)]
        drain.until_empty(at=NOW)
    assert Message.objects.get().answer == "rejected: http%3A%2F%2Ftestserver%2Fs%2F…%2F"


def test_reminder_arrives_with_the_same_link(mail_server, contact):
    send(contact)
    drain.until_empty(at=NOW)
    drain.until_empty(at=NOW + 4 * DAY)
    (first, *_), (second, text, _html) = (parts(one) for one in mail_server.got)
    assert second["Subject"] == "A reminder: Two questions, 30 seconds"
    assert first["Message-ID"] != second["Message-ID"]
    assert "Some days ago we asked you something." in text
    assert len({re.search(r"/s/\S+", parts(one)[1])[0] for one in mail_server.got}) == 1  # type: ignore[index]


def test_busy_server_is_tried_again_and_the_ask_shows_it(mail_server, contact):
    mail_server.answers = [{"RCPT": "451 4.7.1 greylisted"}]
    dispatch = send(contact)
    drain.until_empty(at=NOW)
    dispatch.refresh_from_db()
    message = Message.objects.get()
    assert (dispatch.state, message.state, message.reason) == ("sending", "waiting", "busy")
    drain.until_empty(at=message.due_at)
    dispatch.refresh_from_db()
    assert (dispatch.state, len(mail_server.got)) == ("sent", 1)


def test_mailbox_that_does_not_exist_closes_the_ask(mail_server, contact):
    mail_server.answers = [{"RCPT": "550 5.1.1 no such user"}]
    dispatch = send(contact)
    drain.until_empty(at=NOW)
    dispatch.refresh_from_db()
    assert (dispatch.state, dispatch.reason) == ("closed", "dead_address")
    assert Invitation.objects.get().revoked_at is not None
    assert SurveyAsked.objects.get().void  # she was never asked, so she is nobody who does not answer


def test_answer_lost_after_the_mail_was_taken_is_unknown_and_not_sent_again(mail_server, contact):
    mail_server.answers = [{"END": "hang up"}]
    dispatch = send(contact, remind_after=None)
    drain.until_empty(at=NOW)
    dispatch.refresh_from_db()
    assert (dispatch.state, Message.objects.get().state) == ("sent", "unknown")
    drain.until_empty(at=NOW + DAY)
    assert len(mail_server.got) == 1
    assert Invitation.objects.get().revoked_at is None
    assert not SurveyAsked.objects.get().void


def _answer(dispatch: SurveyDispatch) -> None:
    answering.submit(
        dispatch.invitation,  # type: ignore[arg-type]
        answers={"nps": Given(number=9)},
        by=None,
        now=clock.real_now(),
        at=NOW,
    )


def _revoke(dispatch: SurveyDispatch) -> None:
    invitations.revoke(dispatch.invitation, by=None, now=clock.real_now(), at=NOW)  # type: ignore[arg-type]


def _close(dispatch: SurveyDispatch) -> None:
    building.close_survey(dispatch.survey, **WHO)


@pytest.mark.parametrize(
    ("meanwhile", "expected"),
    [(_answer, ("sent", "")), (_revoke, ("closed", "taken_back")), (_close, ("closed", "survey_closed"))],
)
def test_mail_that_waits_for_its_server_is_not_sent_once_it_is_of_no_use(
    mail_server, contact, meanwhile, expected
):
    mail_server.answers = [{"RCPT": "451 4.3.2 down"}]
    dispatch = send(contact)
    drain.until_empty(at=NOW)
    meanwhile(dispatch)
    drain.until_empty(at=NOW + 5 * DAY)
    dispatch.refresh_from_db()
    assert mail_server.got == []
    assert Message.objects.get().reason == "taken_back"
    assert (dispatch.state, dispatch.reason) == expected


def test_text_message_carries_a_short_link_that_opens(contact, client):
    with providers.http() as told:
        http_sender(told)
        dispatch = send(contact, channel="sms")
        drain.until_empty(at=NOW)
        body = json.loads(told.got[0]["body"])
    [address] = re.findall(r"http://testserver/s/\S+/", body["say"])
    params = json.loads(body["params"])
    assert params["link"] == address and address.endswith(f"/{params['code']}/")
    assert len(params["code"]) == invitations.SHORT_TOKEN
    assert client.get(local(address)).status_code == 200
    dispatch.refresh_from_db()
    assert dispatch.state == "sent"


def test_changed_secret_of_the_server_sends_no_dead_link(mail_server, contact, settings):
    mail_server.answers = [{"RCPT": "451 4.3.2 down"}]
    send(contact)
    drain.until_empty(at=NOW)
    settings.SECRET_KEY = "another"
    drain.until_empty(at=NOW + DAY)
    assert mail_server.got == []

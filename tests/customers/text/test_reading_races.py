"""Somebody is erased or merged, or an import is taken back, while its text is being read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from customers import erasure, text
from customers.merges import merging
from customers.models import Contact, Customer, TextReading
from customers.text import reading
from surveys.models import SurveyAnswer
from tests.customers.undoing import bring, take_back
from tests.factories import NOW, CompanyFactory, ContactFactory, CustomerFactory, UserFactory
from tests.surveys.factories import SurveyAnswerFactory

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
LATE = "The parcel was late again, nobody answered. Very disappointed."
PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def _outside(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LOG = tmp_path / "var" / "erasures.log"
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def contact() -> Contact:
    CompanyFactory()
    customer = CustomerFactory(owner=UserFactory())
    made: Contact = ContactFactory(customer=customer, is_main=False)
    return made


@pytest.fixture
def answer(contact: Contact) -> SurveyAnswer:
    made: SurveyAnswer = SurveyAnswerFactory(customer=contact.customer, contact=contact, text=LATE)
    return made


@pytest.fixture
def half_read(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Let a reading stop between the text and what is written of it, until ``go_on`` is set."""
    is_there, go_on = threading.Event(), threading.Event()
    write = reading._write

    def slow(*args: Any, **values: Any) -> None:
        is_there.set()
        go_on.wait(PATIENCE)
        write(*args, **values)

    monkeypatch.setattr(reading, "_write", slow)
    return is_there, go_on


def beside(act: Callable[[], Any], said: list[Any]) -> threading.Thread:
    """Begin an act with a connection of its own; what it returns, or what it ran into, comes to ``said``."""

    def run() -> None:
        try:
            said.append(act())
        except Exception as error:
            said.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def somebody_waits() -> bool:
    """Say whether a connection to this database waits for another one's lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def while_read(
    act: Callable[[], Any], answer: SurveyAnswer, half_read: tuple[threading.Event, threading.Event]
) -> list[Any]:
    """Do ``act`` while the text of an answer is half read; return what the two came to."""
    is_there, go_on = half_read
    said: list[Any] = []
    reader = beside(lambda: text.read_texts("survey", [answer.pk], at=NOW), said)
    assert is_there.wait(PATIENCE)
    other = beside(act, said)
    until = time.monotonic() + PATIENCE
    while other.is_alive() and not somebody_waits() and time.monotonic() < until:
        time.sleep(0.05)
    go_on.set()
    for thread in (reader, other):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return said


def test_nothing_is_left_of_who_is_erased_while_she_is_read(
    contact: Contact, answer: SurveyAnswer, half_read: Any
) -> None:
    said = while_read(
        lambda: erasure.erase_person(contact, reason="request", by=None, at=NOW), answer, half_read
    )
    assert not [one for one in said if isinstance(one, Exception)], said
    answer.refresh_from_db()
    contact.refresh_from_db()
    assert (answer.text, contact.erased_at) == ("", NOW)
    assert not TextReading.objects.exists()


def test_nothing_is_left_of_a_customer_that_is_erased_while_it_is_read(
    contact: Contact, answer: SurveyAnswer, half_read: Any
) -> None:
    said = while_read(
        lambda: erasure.erase_customer(contact.customer, reason="request", by=None, at=NOW),
        answer,
        half_read,
    )
    assert not [one for one in said if isinstance(one, Exception)], said
    answer.refresh_from_db()
    assert answer.text == ""
    assert not TextReading.objects.exists()


def test_readings_go_along_when_the_customer_is_merged_while_it_is_read(
    contact: Contact, answer: SurveyAnswer, half_read: Any
) -> None:
    target: Customer = CustomerFactory(owner=contact.customer.owner)
    said = while_read(
        lambda: merging.merge_customers(target, contact.customer, reason="the same", by=None, at=NOW),
        answer,
        half_read,
    )
    assert not [one for one in said if isinstance(one, Exception)], said
    answer.refresh_from_db()
    assert answer.customer_id == target.pk
    assert set(TextReading.objects.values_list("customer", flat=True)) == {target.pk}


def test_nothing_is_left_of_an_import_that_is_taken_back_while_it_is_read(
    contact: Contact, half_read: Any, tmp_path: Path
) -> None:
    head = "id,customer,survey,asked at,answered at,metric,scale,score,comment\n"
    batch = bring(tmp_path, "responses", f'{head}R-1,C-1,Yearly,,2026-05-01,nps,,1,"{LATE}"\n')
    brought = SurveyAnswer.objects.get()
    assert brought.text == LATE
    said = while_read(lambda: take_back(batch), brought, half_read)
    assert not [one for one in said if isinstance(one, Exception)], said
    brought.refresh_from_db()
    assert (brought.text, brought.void) == ("", True)
    assert not TextReading.objects.exists()


@pytest.mark.parametrize("turn", range(3))
def test_of_reader_and_erasure_at_once_neither_gives_way_and_nothing_is_left(
    contact: Contact, answer: SurveyAnswer, turn: int
) -> None:
    more = [SurveyAnswerFactory(customer=contact.customer, contact=contact, text=LATE) for _n in range(20)]
    ids = [answer.pk, *(one.pk for one in more)]
    said: list[Any] = []
    acts: list[Callable[[], Any]] = [
        lambda: [text.read_texts("survey", [pk], at=NOW) for pk in ids],
        lambda: text.read_unread(at=NOW),
        lambda: erasure.erase_person(contact, reason="request", by=None, at=NOW),
    ]
    for thread in [beside(act, said) for act in acts]:
        thread.join(PATIENCE)
    assert len(said) == 3 and not [one for one in said if isinstance(one, Exception)], said
    assert not SurveyAnswer.objects.exclude(text="").exists()
    assert not TextReading.objects.exists()

"""Who raised it is told: once, with consent, in her language, when the budget lets us; else it says why."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import translation

from customers import consents, handles, merges
from customers import contact as contacting
from customers.channels import addresses
from customers.channels import sending as sending_of
from customers.contact import Limit, foreseeing
from customers.erasure import erase_person
from customers.ground import clock, outbox
from customers.ground.models import OutboxRow
from customers.models import Contact, ContactReservation, Customer, Message, Sender
from retention.improving import attaching, planning, telling
from retention.models import ImprovementAction, ImprovementNotice
from surveys import after_last_answer, sending
from surveys.models import SurveyDispatch
from tests.customers import providers
from tests.customers.test_channels import http_sender
from tests.customers.test_contact import agreeing
from tests.factories import NOW, ContactFactory, CustomerFactory, UserFactory
from tests.retention.improvers import complaint, done, improvement, loop
from tests.retention.improving.test_attaching import unknown
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}
DAY = timedelta(days=1)
NIGHT = NOW + timedelta(hours=12)  # 22:00 in Shanghai
MORNING = NOW + timedelta(hours=22)


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)
    contacting.set_limits({"care": Limit(None, 1), "together": Limit(None, 1)}, **WHO)


def person(**said: Any) -> Contact:
    return agreeing(**({"email": "wang@example.org", "name": "Wang Wei", "language": "en"} | said))


def raised(*contacts: Contact, **said: Any) -> ImprovementAction:
    """Return an improvement that is done and answers a complaint of each."""
    made = done(**({"told_en": "We pack better.", "told_zh": "我们改进了包装。"} | said))
    for one in contacts:
        attaching.attach(made, complaint=complaint(one.customer, contact=one), **WHO)
    return made


def drained(at: Any) -> None:
    """Do all that is due: what is one customer's goes one after the other."""
    while outbox.drain(at=at):
        pass


def tell(made: ImprovementAction, *, at: Any = NOW) -> dict[str, tuple[str, str]]:
    telling.tell_customers(made, by=None, at=at)
    drained(at)
    return became(made)


def became(made: ImprovementAction) -> dict[str, tuple[str, str]]:
    return {row.contact.name: (row.state, row.reason) for row in made.notices.select_related("contact")}


def test_tell_writes_to_exactly_those_who_raised_it():
    told, other = person(), person(name="Other")
    made = raised(told)
    raised(other)
    assert tell(made) == {"Wang Wei": ("written", "")}
    (message,) = Message.objects.all()
    assert (message.contact, message.purpose, message.channel) == (told, "care", "email")
    assert "We pack better." in message.text
    assert "我们" not in message.text


def test_letter_is_in_her_language_or_the_nearest_there_is():
    chinese, german = person(language="zh-hans"), person(language="de", name="Anna")
    tell(raised(chinese, german))
    texts = {one.contact_id: one.text for one in Message.objects.all()}
    assert "我们改进了包装。" in texts[chinese.pk]
    assert "We pack better." in texts[german.pk]
    tell(raised(german, told_en=""))
    assert "我们改进了包装。" in Message.objects.latest("pk").text


def test_letter_is_in_the_language_of_her_company_where_she_has_none():
    one = person(language="")
    Customer.objects.filter(pk=one.customer_id).update(language="zh-hans")
    other = person(name="Other", language="en")
    Customer.objects.filter(pk=other.customer_id).update(language="zh-hans")
    tell(raised(one, other))
    texts = {one.contact_id: one.text for one in Message.objects.all()}
    assert "我们改进了包装。" in texts[one.pk]
    assert "We pack better." in texts[other.pk]


def test_who_raised_two_things_is_told_once_and_pressed_again_nobody_twice():
    one = person()
    made = raised(one, one)
    tell(made)
    assert tell(made, at=NOW + DAY) == {"Wang Wei": ("written", "")}
    assert Message.objects.count() == 1


def test_pressed_again_it_tells_whose_feedback_was_attached_since():
    made = raised(person())
    tell(made)
    later = person(name="Later")
    attaching.attach(made, complaint=complaint(later.customer, contact=later), **WHO)
    assert set(tell(made, at=NOW + DAY)) == {"Wang Wei", "Later"}
    assert Message.objects.count() == 2
    made.refresh_from_db()
    assert made.telling_at == NOW


def test_killed_worker_tells_nobody_twice(monkeypatch):
    """It dies after the second of three: all of that goes back, and the next try tells each once."""
    people = [person(name=f"P{n}", email=f"p{n}@example.org") for n in range(3)]
    made = raised(*people)
    real, calls = telling.send_message, []

    def dying(*args: Any, **said: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **said)

    monkeypatch.setattr(telling, "send_message", dying)
    telling.tell_customers(made, **WHO)
    with pytest.raises(KeyboardInterrupt):
        outbox.drain(at=NOW)
    assert (Message.objects.count(), ContactReservation.objects.count()) == (0, 0)
    OutboxRow.objects.update(lease_until=None)
    outbox.drain(at=NOW)
    assert sorted(Message.objects.values_list("contact", flat=True)) == [one.pk for one in people]


def test_many_are_told_some_at_a_time(monkeypatch):
    monkeypatch.setattr(telling, "AT_ONCE", 2)
    made = raised(*(person(name=f"P{n}") for n in range(5)))
    telling.tell_customers(made, **WHO)
    drained(NOW)
    assert OutboxRow.objects.filter(handler=telling.TELL).count() == 3
    assert Message.objects.count() == 5


def test_who_cannot_be_reached_is_closed_with_the_reason():
    silent, nowhere, left, dead, gone = (person(name=name) for name in ("S", "N", "L", "D", "G"))
    consents.record_consent(
        silent, purposes=["care"], channels=["email", "sms"], is_given=False, source="form", **WHO
    )
    Contact.objects.filter(pk=nowhere.pk).update(email="", phone="")
    Contact.objects.filter(pk=left.pk).update(left_on=date(2020, 1, 1))
    Contact.objects.filter(pk=dead.pk).update(phone="")
    addresses.mark_dead(dead, channel="email", address=dead.email, code="x", at=NOW)
    Customer.objects.filter(pk=gone.customer_id).update(gone_at=NOW)
    assert tell(raised(silent, nowhere, left, dead, gone)) == {
        "S": ("closed", "no_consent"),
        "N": ("closed", "no_address"),
        "L": ("closed", "gone"),
        "D": ("closed", "dead_address"),
        "G": ("closed", "gone"),
    }
    assert not Message.objects.exists()


def test_preview_foresees_what_reserving_says():
    """What is shown before is what ``obstacle_to`` says of each, by either way."""
    fine, never, nowhere, left, dead, later = (person(name=n, phone="+8613912345678") for n in "ABCDEF")
    consents.record_consent(
        never, purposes=["care"], channels=["email"], is_given=False, source="form", **WHO
    )
    Contact.objects.filter(pk=nowhere.pk).update(email=" ", phone="")
    Contact.objects.filter(pk=left.pk).update(left_on=NOW.date())
    Contact.objects.filter(pk=later.pk).update(left_on=NOW.date() + DAY)
    addresses.mark_dead(dead, channel="sms", address="139 1234 5678", code="x", at=NOW)
    for one, platform, handle in ((fine, "wecom", "wo"), (fine, "wechat", "we"), (nowhere, "qq", "q")):
        handles.add_handle(one.customer, contact=one, platform=platform, handle=handle, **WHO)
    handles.add_handle(dead.customer, contact=dead, platform="wechat", handle="De", **WHO)
    addresses.mark_dead(dead, channel="messenger", address="de", code="x", at=NOW)
    contacts = [*Contact.objects.select_related("customer").order_by("pk"), ContactFactory(email="x@y.zz")]
    for purpose in ("care", "service"):
        if purpose == "service":
            contacts = contacts[:-1]
        found = foreseeing.obstacles(contacts, purpose=purpose, at=NOW)
        for one in contacts:
            said = {
                way: contacting.obstacle_to(one, purpose=purpose, channel=way, at=NOW)
                for way in foreseeing.WRITTEN
            }
            assert found[one.pk] == said, (one, purpose)
    assert (
        len({tuple(one.values()) for one in foreseeing.obstacles(contacts, purpose="care", at=NOW).values()})
        == 6
    )
    assert found[fine.pk]["messenger"] == "" != found[never.pk]["messenger"]


def test_way_is_the_preferred_one_then_the_one_that_is_open():
    one = person(phone="+8613912345678")

    def way(email: str, sms: str, messenger: str = "no_address", *, sendable: Any = ()) -> str:
        ways = {"email": email, "sms": sms, "messenger": messenger}
        return foreseeing.way_to(one, ways, sendable=sendable)

    assert way("", "") == "email"
    assert way("no_consent", "") == "sms"
    assert way("no_consent", "no_address") == "email"
    assert way("no_address", "dead_address") == "sms"
    assert way("no_address", "no_address", "") == "messenger"
    assert way("", "", "", sendable={"messenger"}) == "messenger"  # by the others nothing leaves
    assert way("", "no_consent", sendable={"sms"}) == "email"  # it waits for a sender
    one.preferred_channel = "sms"
    assert way("", "") == "sms"
    assert way("", "no_consent") == "email"
    assert way("", "", "", sendable={"email", "messenger"}) == "email"


def test_she_is_told_by_the_way_for_which_there_is_a_sender():
    one = person(phone="+8613912345678")
    with providers.http() as told:
        http_sender(told)
        assert telling.recipients(raised(one), [one], at=NOW)[0].channel == "sms"
        Sender.objects.update(is_active=False)
        assert telling.recipients(raised(one), [one], at=NOW)[0].channel == "email"


@pytest.mark.parametrize(
    ("state", "reason", "becomes"),
    [
        ("failed", "refused", ("closed", "refused")),
        ("dropped", "no_sender", ("closed", "no_sender")),
        ("bounced", "dead_address", ("closed", "dead_address")),
        ("sent", "", ("written", "")),
        ("unknown", "no_answer", ("written", "")),
    ],
)
def test_notice_says_what_became_of_its_message(state, reason, becomes):
    one, other = person(), person(name="Other")
    made = raised(one, other)
    tell(made)
    message = Message.objects.get(contact=one)
    sending_of._end(message, state, reason=reason, at=NOW + DAY)
    drained(NOW + DAY)
    assert became(made) == {"Wang Wei": becomes, "Other": ("written", "")}
    made.notices.get(contact=one).full_clean()


@pytest.mark.parametrize("how", ["void", "withdrawn", "loop withdrawn"])
def test_who_took_it_back_is_not_told(how):
    one, other = person(), person(name="Other")
    made = raised(other)
    hers = {"customer": one.customer, "contact": one, "state": "withdrawn", "ended_at": NOW}
    if how == "loop withdrawn":
        attaching.attach(made, loop=loop(unknown=unknown(), **hers), **WHO)
    else:
        said = complaint(one.customer, contact=one, void=how == "void")
        attaching.attach(made, complaint=said, **WHO)
        if how == "withdrawn":
            loop(source="complaint", complaint=said, **hers)
    attaching.attach(made, loop=loop(unknown=unknown(), customer=other.customer, contact=other), **WHO)
    releasing(made)
    assert (bool(line(one)), bool(line(other))) == (False, True)
    assert tell(made) == {"Other": ("written", "")}


def test_at_night_it_waits_and_is_sent_in_the_morning():
    one = person()
    made = raised(one)
    assert tell(made, at=NIGHT) == {"Wang Wei": ("waiting", "quiet_hours")}
    assert not Message.objects.exists()
    contacting.consider_due(MORNING)
    drained(MORNING)
    assert became(made) == {"Wang Wei": ("written", "")}
    drained(MORNING)
    assert Message.objects.count() == 1


def test_consent_taken_back_while_it_waits_closes_it():
    one = person()
    made = raised(one)
    tell(made, at=NIGHT)
    consents.record_consent(
        one, purposes=["care"], channels=["email", "sms"], is_given=False, source="form", by=None, at=NIGHT
    )
    contacting.consider_due(MORNING)
    drained(MORNING)
    assert became(made) == {"Wang Wei": ("closed", "no_consent")}


def test_erased_while_it_waits_is_not_written_to(admin):
    one = person()
    made = raised(one)
    tell(made, at=NIGHT)
    erase_person(one, reason="request", by=admin, at=NIGHT)
    contacting.consider_due(MORNING)
    drained(MORNING)
    assert {state for state, _reason in became(made).values()} == {"closed"}
    assert not Message.objects.exists()


def test_not_done_or_without_words_nobody_is_told():
    with pytest.raises(telling.NotDone):
        telling.tell_customers(improvement(), **WHO)
    with pytest.raises(telling.NothingToTell):
        telling.tell_customers(done(), **WHO)
    assert not OutboxRow.objects.filter(handler=telling.TELL).exists()


def test_text_message_goes_to_who_has_no_mail():
    tell(raised(person(email="", phone="+8613912345678")))
    assert Message.objects.get().channel == "sms"


# --- The next invitation ----------------------------------------------------------------------
def line(contact: Contact, *, at: Any = NOW, language: str = "en") -> str:
    with translation.override(language):
        return after_last_answer.line(contact, at=at)


def releasing(made: ImprovementAction, *, at: Any = NOW) -> ImprovementAction:
    """Decide that it is told; nobody was written to yet."""
    return telling.tell_customers(made, by=None, at=at)


def invite(contact: Contact, **became: Any) -> SurveyDispatch:
    dispatch = sending.send_invitation(
        contact, live(), channel="email", key="1:x", by=None, now=clock.real_now(), at=NOW
    )
    if became:
        SurveyDispatch.objects.filter(pk=dispatch.pk).update(**became)
    return dispatch


def test_next_invitation_says_it_to_exactly_those_who_raised_it():
    one = person()
    releasing(raised(one))
    assert "We pack better." in line(one)
    assert "我们改进了包装。" in line(one, language="zh-hans")
    assert line(person(name="Other")) == ""
    sent = sending.send_invitation(
        one, live(), channel="email", key="1:x", by=None, now=clock.real_now(), at=NOW
    )
    assert "We pack better." in Message.objects.get(reservation=sent.reservation).text


def test_firm_that_named_nobody_is_told_through_its_main_contact():
    main = person()
    other = ContactFactory(customer=main.customer, is_main=False)
    made = releasing(done(told_en="We pack better."))
    attaching.attach(made, complaint=complaint(main.customer), **WHO)
    assert (bool(line(main)), bool(line(other))) == (True, False)


@pytest.mark.parametrize(("days", "is_said"), [(-1, False), (0, True), (179, True), (181, False)])
def test_line_is_news_for_half_a_year(days, is_said):
    one = person()
    releasing(raised(one))
    assert bool(line(one, at=NOW + days * DAY)) is is_said


def test_nobody_hears_of_it_before_somebody_decides_to_tell():
    one = person()
    made = raised(one)
    assert line(one, at=NOW + DAY) == ""
    invite(one, state="sent", ended_at=NOW + DAY)  # done by then, and not told of
    releasing(made, at=NOW + 2 * DAY)
    assert (line(one, at=NOW + DAY), bool(line(one, at=NOW + 2 * DAY))) == ("", True)


def test_line_stands_in_one_invitation_only():
    one = person()
    releasing(raised(one))
    dispatch = invite(one)
    assert line(one)  # not sent yet
    SurveyDispatch.objects.filter(pk=dispatch.pk).update(state="sent", ended_at=NOW - DAY)
    assert line(one)  # sent before it was done
    SurveyDispatch.objects.filter(pk=dispatch.pk).update(ended_at=NOW)
    assert line(one) == ""


def test_line_is_of_what_is_done_and_has_words():
    one = person()
    made = raised(one, told_en="", told_zh="")
    ImprovementAction.objects.filter(pk=made.pk).update(telling_at=NOW)
    assert line(one) == ""
    open_one = improvement()
    planning.say(open_one, told_en="Soon.", told_zh="", **WHO)
    attaching.attach(open_one, complaint=complaint(one.customer, contact=one), **WHO)
    assert line(one) == ""
    ImprovementAction.objects.filter(pk=made.pk).update(told_en="Now.")
    assert "Now." in line(one)


def test_merged_customer_is_told_as_one(admin):
    one = person(language="en")
    other = CustomerFactory(owner=UserFactory())
    made = raised(one)
    merges.merge_customers(other, one.customer, reason="twice", by=admin, at=NOW)
    tell(made)
    assert ImprovementNotice.objects.get().customer == other

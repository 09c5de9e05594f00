"""Feedback where people work on it: filed, seen, said more exactly, noted, compensated; its settings."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers import complaints
from customers.feedback import compensation, deadlines, filing
from customers.ground import clock
from customers.models import Attachment, Cause, Compensation, Complaint, ComplaintNote, Customer, User
from tests.factories import NOW, CustomerFactory, OrderFactory, ProductFactory, UserFactory, day, findable
from tests.retention.racing import race

pytestmark = pytest.mark.django_db
SAID = {"kind": "complaint", "text": "Two boxes were wet.", "channel": "phone", "severity": 2}


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def seller(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


@pytest.fixture
def complaint(customer: Customer) -> Complaint:
    return complaints.file_complaint(customer, text="Wet boxes", by=None, at=NOW)


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(answer: Any) -> str:
    return html.unescape(answer.content.decode())


# --- Filing ------------------------------------------------------------------------------------
def test_the_customer_is_looked_for_and_only_own_ones_are_found(seller: Client, customer: Customer) -> None:
    CustomerFactory(name=f"{customer.name} of somebody else", owner=UserFactory())
    findable()
    page = shown(seller.get("/feedback/new/", {"q": customer.name}))
    assert re.findall(r"\?customer=(\d+)", page) == [str(customer.pk)]
    assert "Nobody found" in shown(seller.get("/feedback/new/", {"q": "zzzz"}))
    assert "Nobody found" not in shown(seller.get("/feedback/new/"))


def test_feedback_is_filed_with_all_that_is_known(seller: Client, customer: Customer, manager: User) -> None:
    order = OrderFactory(customer=customer)
    product = ProductFactory()
    cause = Cause.objects.get(code="late_delivery")
    answer = seller.post(
        f"/feedback/new/?customer={customer.pk}",
        SAID
        | {
            "kind": "praise",
            "order": order.pk,
            "contact": customer.contacts.get().pk,
            "product": product.code,
            "lot": "L-7",
            "cause": cause.pk,
            "category": "delivery",
            "praised": manager.pk,
            "occurred_at": "2026-05-10T09:00",
        },
    )
    row = Complaint.objects.get()
    assert answer["Location"] == f"/complaints/{row.pk}/"
    assert (row.kind, row.order, row.product, row.lot, row.cause) == ("praise", order, product, "L-7", cause)
    assert (row.praised, row.contact) == (manager, customer.contacts.get())
    assert (row.occurred_day, day(row.recorded_at)) == (day(NOW) - 1, day(NOW))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"product": "nothing-like-it"}, "There is no product with this code."),
        ({"kind": "rumour"}, "Select a valid choice"),
        ({"text": " "}, "This field is required."),
        ({"occurred_at": "2026-05-12T09:00"}, "That moment lies in the future."),
        ({"order": "99999999999999999999"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_filed(
    seller: Client, customer: Customer, said: dict[str, Any], words: str
) -> None:
    answer = seller.post(f"/feedback/new/?customer={customer.pk}", SAID | said)
    assert answer.status_code == 422 and words in shown(answer)
    assert not Complaint.objects.exists()


def test_only_praise_has_somebody_who_is_praised(seller: Client, customer: Customer, manager: User) -> None:
    answer = seller.post(f"/feedback/new/?customer={customer.pk}", SAID | {"praised": manager.pk})
    assert answer.status_code == 422 and "Only praise" in shown(answer)


def test_an_order_and_contact_of_another_customer_are_refused(seller: Client, customer: Customer) -> None:
    other = CustomerFactory()
    for name, row in (("order", OrderFactory(customer=other)), ("contact", other.contacts.get())):
        answer = seller.post(f"/feedback/new/?customer={customer.pk}", SAID | {name: row.pk})
        assert answer.status_code == 422, name
    assert not Complaint.objects.exists()


def test_the_same_once_more_is_shown_first_and_filed_by_a_press(seller: Client, customer: Customer) -> None:
    address = f"/feedback/new/?customer={customer.pk}"
    seller.post(address, SAID)
    first = Complaint.objects.get()
    answer = seller.post(address, SAID)
    page = shown(answer)
    assert answer.status_code == 409 and f"/complaints/{first.pk}/" in page
    assert "Nothing was saved yet" in page and Complaint.objects.count() == 1
    again = SAID | {"file_again": seen_on(page)}
    assert again["file_again"] == str(first.pk)
    answer = seller.post(address, again, follow=True)
    assert Complaint.objects.count() == 2
    assert "second failure within 60 days" in shown(answer)
    assert Complaint.objects.latest("pk").severity == 3


def seen_on(page: str) -> str:
    """Return what the button sends that files it all the same."""
    found = re.search(r'name="file_again" value="([^"]*)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "said",
    [{}, {"text": "👎👎"}, {"occurred_at": "2026-03-10T09:00"}, {"kind": "praise"}],
    ids=["words", "no words", "long ago", "praise"],
)
def test_pressed_twice_it_is_filed_once_all_the_same_too(
    seller: Client, customer: Customer, said: dict[str, Any]
) -> None:
    address = f"/feedback/new/?customer={customer.pk}"
    answers = [seller.post(address, SAID | said) for _press in range(2)]
    assert [answer.status_code for answer in answers] == [302, 409]
    row = Complaint.objects.get()
    assert not row.escalated and f"/complaints/{row.pk}/" in shown(answers[1])
    again = SAID | said | {"file_again": seen_on(shown(answers[1]))}
    answers = [seller.post(address, again) for _press in range(2)]
    assert [answer.status_code for answer in answers] == [302, 409]
    assert Complaint.objects.count() == 2
    other = seller.post(address, SAID | said | {"text": "👍 The lid was loose."})
    assert other.status_code == 302


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_filed_at_once_it_is_filed_once(customer: Customer) -> None:
    said: dict[str, Any] = {"kind": "complaint", "text": "Wet.", "by": None}
    moments = [NOW - timedelta(milliseconds=number) for number in range(3)]
    results = race(*[partial(filing.file_unless_alike, customer, at=at, **said) for at in moments])
    assert sum(isinstance(one, filing.MayBeFiled) for one in results) == 2, results
    assert Complaint.objects.count() == 1


@pytest.mark.parametrize("text", ["Wet.", "Other words."])
def test_who_waits_with_the_earlier_moment_is_shown_what_was_filed(customer: Customer, text: str) -> None:
    said: dict[str, Any] = {"kind": "complaint", "order": OrderFactory(customer=customer), "by": None}
    first = filing.file_unless_alike(customer, text="Wet.", at=NOW, **said)
    with pytest.raises(filing.MayBeFiled) as found:
        filing.file_unless_alike(customer, text=text, at=NOW - timedelta(milliseconds=1), **said)
    assert found.value.same == [first]


def test_a_customer_that_one_may_not_see_is_not_there(client: Client, customer: Customer) -> None:
    client.force_login(UserFactory())
    assert client.get(f"/feedback/new/?customer={customer.pk}").status_code == 404
    assert client.post(f"/feedback/new/?customer={customer.pk}", SAID).status_code == 404
    client.force_login(UserFactory(role="analyst"))
    assert client.get("/feedback/new/").status_code == 403


# --- One piece of feedback ---------------------------------------------------------------------
def test_the_page_is_seen_by_whom_it_belongs_to(seller: Client, complaint: Complaint, analyst: User) -> None:
    address = f"/complaints/{complaint.pk}/"
    assert "Wet boxes" in shown(seller.get(address))
    assert as_user(UserFactory()).get(address).status_code == 404
    page = shown(as_user(analyst).get(address))
    assert "Wet boxes" in page and "Acknowledge" not in page
    Complaint.objects.update(void=True)
    assert seller.get(address).status_code == 404


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("describe", {"severity": 1}),
        ("due", {"due_on": "2026-05-20"}),
        ("note", {"text": "x"}),
        ("file", {}),
        ("compensate", {"kind": "refund", "amount": 1, "reason": "x", "key": "k"}),
    ],
)
def test_acts_are_refused_to_who_does_not_see_it(
    complaint: Complaint, analyst: User, path: str, said: dict[str, Any]
) -> None:
    address = f"/complaints/{complaint.pk}/{path}/"
    assert as_user(UserFactory()).post(address, said).status_code == 404
    assert as_user(analyst).post(address, said).status_code == 403
    assert as_user(UserFactory()).get(address).status_code == 405


def test_it_goes_its_way_on_its_page(seller: Client, complaint: Complaint) -> None:
    address = f"/complaints/{complaint.pk}/"
    assert "First response by" in shown(seller.get(address))
    assert seller.post(f"{address}acknowledge/", {"back": "complaint"})["Location"] == address
    page = shown(seller.get(address))
    assert "First response by" not in page and "Complaint acknowledged" in page
    seller.post(f"{address}resolve/", {"back": "complaint"})
    assert "Reopen" in shown(seller.get(address))
    seller.post(f"{address}reopen/", {"back": "complaint"})
    assert "First response by" in shown(seller.get(address))
    back = seller.post(f"{address}resolve/")["Location"]
    assert back == f"/customers/{complaint.customer_id}/"


def test_the_button_and_steps_say_the_kind(seller: Client, customer: Customer) -> None:
    row = complaints.file_complaint(customer, text="Is it safe?", kind="question", by=None, at=NOW)
    page = shown(seller.get(f"/complaints/{row.pk}/"))
    assert "Asked a question" in page and ">Answered<" in page and ">Resolve<" not in page
    of_customer = shown(seller.get(f"/customers/{customer.pk}/"))
    assert "Asked a question" in of_customer and ">Answered<" in of_customer


def test_it_is_said_more_exactly(seller: Client, complaint: Complaint) -> None:
    cause, product = Cause.objects.get(code="late_delivery"), ProductFactory()
    address = f"/complaints/{complaint.pk}/"
    said = {"severity": 1, "category": "wet", "cause": cause.pk, "product": product.code, "lot": "9"}
    assert seller.post(f"{address}describe/", said)["Location"] == address
    complaint.refresh_from_db()
    assert (complaint.severity, complaint.category, complaint.cause) == (1, "wet", cause)
    assert (complaint.product, complaint.lot) == (product, "9")
    answer = seller.post(f"{address}describe/", said | {"product": "none-such"})
    assert answer.status_code == 422 and "There is no product with this code." in shown(answer)
    seller.post(f"{address}due/", {"due_on": "2026-05-20"})
    complaint.refresh_from_db()
    assert complaint.due_at is not None and complaint.due_at.date().isoformat() == "2026-05-20"


def test_notes_and_files_stay_with_it(
    seller: Client, complaint: Complaint, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    address = f"/complaints/{complaint.pk}/"
    seller.post(f"{address}note/", {"text": "<b>She</b> calls back"})
    assert ComplaintNote.objects.get().complaint == complaint
    sent = SimpleUploadedFile("wet.png", b"\x89PNG\r\n\x1a\n" + b"0" * 20)
    seller.post(f"{address}file/", {"file": sent, "note": "The boxes"})
    row = Attachment.objects.get()
    assert (row.complaint, row.customer) == (complaint, complaint.customer)
    page = seller.get(address).content.decode()
    assert "&lt;b&gt;She&lt;/b&gt; calls back" in page and "wet.png" in page
    bad = SimpleUploadedFile("wet.svg", b"<svg onload=alert(1)>")
    answer = seller.post(f"{address}file/", {"file": bad})
    assert answer.status_code == 422 and Attachment.objects.count() == 1


def test_compensation_is_given_once_and_above_the_limit_asked_for(
    seller: Client, complaint: Complaint, manager: User
) -> None:
    address = f"/complaints/{complaint.pk}/"
    key = re.search(r'name="key" value="([^"]+)"', seller.get(address).content.decode())
    assert key is not None
    said = {"kind": "refund", "amount": "150.50", "currency": "CNY", "reason": "Wet", "key": key[1]}
    for _press in range(2):
        assert seller.post(f"{address}compensate/", said)["Location"] == address
    row = Compensation.objects.get()
    assert (row.amount, row.state, row.by) == (15_050, "granted", manager)
    seller.post(f"{address}compensate/", said | {"key": "another", "amount": "60"})
    waiting = Compensation.objects.latest("pk")
    assert waiting.state == "asked"
    grant = f"/compensations/{waiting.pk}/grant/"
    assert grant not in shown(seller.get(address)) and seller.post(grant).status_code == 403
    assert as_user(UserFactory(role="team_lead")).post(grant).status_code == 404
    admin = as_user(UserFactory(role="admin"))
    assert grant in shown(admin.get(address))
    assert admin.post(grant)["Location"] == address
    waiting.refresh_from_db()
    assert waiting.state == "granted"
    assert "decided already" in shown(admin.post(f"/compensations/{waiting.pk}/decline/", follow=True))


def test_no_compensation_is_offered_for_praise(seller: Client, customer: Customer) -> None:
    row = complaints.file_complaint(customer, text="Well done", kind="praise", by=None, at=NOW)
    assert "Compensation" not in shown(seller.get(f"/complaints/{row.pk}/"))


@pytest.mark.parametrize("state", ["granted", "asked"])
def test_the_page_asks_as_much_for_one_and_three(complaint: Complaint, manager: User, state: str) -> None:
    boss, address = as_user(UserFactory(role="admin")), f"/complaints/{complaint.pk}/"
    said = {"kind": "refund", "currency": "CNY", "reason": "x", "by": manager, "at": NOW}
    amount = 1 if state == "granted" else 30_000
    counts = []
    for number in range(3):
        ComplaintNote.objects.create(
            complaint=complaint, customer=complaint.customer, text="x", by=manager, at=NOW
        )
        row = compensation.give(complaint, amount=amount, key=str(number), **said)
        assert row.state == state
        boss.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert shown(boss.get(address)).count("/grant/") == (0 if state == "granted" else number + 1)
        counts.append(len(queries))
    assert counts[0] == counts[2] <= 28


# --- The list, the first page, the file --------------------------------------------------------
def test_the_list_shows_one_kind_or_all(seller: Client, customer: Customer) -> None:
    for kind in ("complaint", "suggestion", "question", "praise"):
        complaints.file_complaint(customer, text=f"a {kind} here", kind=kind, by=None, at=NOW)

    def told(query: str) -> list[str]:
        page = shown(seller.get(f"/complaints/{query}"))
        return re.findall(r"a (\w+) here", page)

    assert told("") == ["complaint"]
    assert told("?kind=praise") == ["praise"]
    assert told("?kind=any") == ["complaint", "suggestion", "question", "praise"]
    assert told("?kind=rubbish") == ["complaint"]
    complaints.resolve(Complaint.objects.get(kind="question"), by=None, at=NOW)
    assert told("?kind=question") == []
    assert "Question answered" in shown(seller.get("/complaints/?kind=question&state=all"))


def test_the_first_page_counts_open_complaints_alone(seller: Client, customer: Customer) -> None:
    for kind in ("suggestion", "question", "praise"):
        complaints.file_complaint(customer, text="Said", kind=kind, by=None, at=NOW)
    assert seller.get("/").context["complaint_count"] == 0
    complaints.file_complaint(customer, text="Said", by=None, at=NOW)
    assert seller.get("/").context["complaint_count"] == 1


def test_praise_reaches_the_colleague_whoever_looks_after_the_customer(
    seller: Client, customer: Customer
) -> None:
    praised = UserFactory()
    said = {"kind": "praise", "praised": praised, "by": None}
    complaints.file_complaint(customer, text="She called back at once", at=NOW, **said)
    old = complaints.file_complaint(customer, text="Years ago", at=NOW - timedelta(days=31), **said)
    assert old.praised == praised
    page = shown(as_user(praised).get("/"))
    assert "She called back at once" in page and customer.name in page and "Years ago" not in page
    assert "She called back at once" not in shown(seller.get("/"))


def test_the_file_of_complaints_has_the_kind(client: Client, customer: Customer, admin: User) -> None:
    complaints.file_complaint(
        customer,
        text="Safe?",
        kind="question",
        lot="L-7",
        product=ProductFactory(code="P-9"),
        by=None,
        at=NOW,
    )
    client.force_login(admin)

    def lines(query: str) -> list[str]:
        file: Any = client.get(f"/complaints/export/{query}")
        return b"".join(file.streaming_content).decode("utf-8-sig").splitlines()

    assert len(lines("")) == 1
    head, line = lines("?kind=question")
    assert head.endswith("What went wrong,Kind,Product code,Lot,Cause,First response by")
    assert ",Safe?,Question or request,P-9,L-7,," in line


# --- Settings ----------------------------------------------------------------------------------
def test_deadlines_and_limits_are_set_by_admins(client: Client, admin: User, manager: User) -> None:
    client.force_login(admin)
    page = shown(client.get("/settings/feedback/"))
    assert "DISP 1.6.2R" in page and "2015/2366" in page
    said = {"form": "deadlines", "profile": "uk_finance"}
    for kind, deadline in deadlines.DELIVERED.items():
        said |= {f"respond_{kind}": "4", f"resolve_{kind}": str(deadline.resolve_days)}
    assert client.post("/settings/feedback/", said)["Location"] == "/settings/feedback/"
    assert deadlines.said()["complaint"] == deadlines.Deadline(4, 5, "uk_finance")
    assert deadlines.said()["praise"] == deadlines.Deadline(4, 10)
    bad = client.post("/settings/feedback/", said | {"respond_praise": "0"})
    assert bad.status_code == 422
    limits = {"form": "limits", "most_account_manager": "50", "most_team_lead": "", "most_admin": ""}
    client.post("/settings/feedback/", limits)
    assert compensation.limits() == {"account_manager": 5_000, "team_lead": None, "admin": None}
    assert client.post("/settings/feedback/", limits | {"most_account_manager": "-1"}).status_code == 422
    assert deadlines.said()["complaint"] == deadlines.Deadline(4, 5, "uk_finance")
    assert as_user(manager).get("/settings/feedback/").status_code == 403

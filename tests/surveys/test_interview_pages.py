"""The pages of interviews: the form during the call, conflicts, what was said together, who may do what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from customers import erasure
from customers.ground import clock
from customers.models import Customer, User
from surveys.guides import writing
from surveys.interviews import counting, holding
from surveys.interviews.said import Held, Said, held_of
from surveys.models import GuideVersion, Interview, InterviewAnswer
from tests.factories import NOW, CustomerFactory, UserFactory
from tests.surveys.talks import begun, document, guide, held, said, words

pytestmark = pytest.mark.django_db
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def seller(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


def typed(interview: Interview, **values: Any) -> dict[str, Any]:
    """Return what the form sends: the answers to ``why`` and the whole."""
    form: dict[str, Any] = {"revision": interview.revision, "page": "p", "act": "save"}
    for name, value in values.items():
        form[name.replace("why_", "q-why-").replace("back_", "q-back-")] = value
    return form


def test_the_form_shows_guide_prompts_and_codes_and_a_press_keeps_what_was_typed(
    seller: Client, customer: Customer
) -> None:
    interview = begun(customer)
    path = f"/interviews/{interview.pk}/"
    page = seller.get(path).content.decode()
    for shown in ("1. Why did you leave?", "Ask for an example.", "Price raised", "2. Would you come back?"):
        assert shown in page
    kept = seller.post(path, typed(interview, why_note="Dear.", why_chosen=["price", "late_delivery"]))
    assert (kept.status_code, kept["Location"]) == (302, path)
    again = seller.get(path).content.decode()
    assert "Dear." in again
    assert (
        again.split("<main")[1].split("</main")[0].count(" checked>") == 3
    )  # two causes, and that nobody asked for quotes
    done = typed(Interview.objects.get(), why_note="Dear.", why_chosen=["price"], act="finish")
    assert seller.post(path, done).status_code == 302
    read = seller.get(path).content.decode()
    assert "<form" not in read.split("<main")[1].split("</main")[0]
    assert "Dear." in read and "Late delivery" not in read
    assert Interview.objects.get().status == "done"


def test_what_is_typed_is_kept_without_a_press(seller: Client, customer: Customer) -> None:
    interview = begun(customer)
    path = f"/interviews/{interview.pk}/keep/"
    answer = seller.post(path, typed(interview, why_note="Half a sen"))
    assert (answer.status_code, answer["HX-Trigger"]) == (200, "kept")
    text = answer.content.decode()
    assert 'name="revision" value="2"' in text and "First" in text  # by whom
    assert held_of(Interview.objects.get()).answers["why"].note == "Half a sen"
    bad = seller.post(path, typed(interview, why_note="More", agreed_on="yesterday"))
    assert "HX-Trigger" not in bad and "Not saved yet" in bad.content.decode()
    other = seller.post(path, {**typed(interview, why_note="Other"), "page": "another"})
    assert "HX-Trigger" not in other and "saved this interview meanwhile" in other.content.decode()
    assert held_of(Interview.objects.get()).answers["why"].note == "Half a sen"


def test_who_is_overtaken_sees_her_own_words_and_saves_by_the_next_press(
    seller: Client, customer: Customer, lead: User
) -> None:
    interview = begun(customer)
    path = f"/interviews/{interview.pk}/"
    opened = typed(interview, why_note="Mine", why_chosen=["price"])
    holding.save(interview, said(note="Theirs"), revision=1, page="q", by=lead, at=NOW)
    told = seller.post(path, opened)
    page = told.content.decode()
    assert told.status_code == 422
    assert f"{lead} saved this interview meanwhile" in page and "Mine" in page
    assert 'name="revision" value="2"' in page
    assert held_of(Interview.objects.get()).answers["why"].note == "Theirs"
    assert seller.post(path, {**opened, "revision": "2"}).status_code == 302
    assert held_of(Interview.objects.get()).answers["why"].note == "Mine"


@pytest.mark.parametrize(
    ("values", "said_"),
    [
        ({}, "Nothing is written down yet"),
        ({"why_note": "x" * 4001}, "at most 4000 characters"),
        ({"why_chosen": ["nonsense"]}, "nonsense"),
        ({"why_note": "A", "may_quote": "yes"}, "Say how the customer agreed"),
        ({"why_note": "A", "agreed_on": "0001-01-01"}, "Enter a year between 2000 and 2100."),
        ({"why_note": "A", "held_at": "2199-01-01T10:00"}, "Enter a year between 2000 and 2100."),
        ({"why_note": "A", "held_at": "2027-01-01T10:00"}, "lies in the future"),
        ({"why_note": "A", "competitor": "…"}, "…"),
    ],
)
def test_what_cannot_be_finished_comes_back_with_what_was_typed(
    seller: Client, customer: Customer, values: dict[str, Any], said_: str
) -> None:
    interview = begun(customer)
    form = typed(interview, **{**values, "act": "finish", "summary": values and "My summary"})
    answer = seller.post(f"/interviews/{interview.pk}/", form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said_ in page and ("My summary" in page or not values)
    assert Interview.objects.get().status == "open"


def test_a_correction_by_the_form_keeps_the_moment_and_changes_the_words(
    seller: Client, customer: Customer
) -> None:
    moment = NOW - timedelta(days=2)
    interview = held(customer, "price", quote="Old.", held_at=moment, competitor="Rival", offered="Gift")
    path = f"/interviews/{interview.pk}/"
    form = seller.get(f"{path}?correct").content.decode()
    assert "Old." in form and 'value="Rival"' in form and "held_at" not in form
    new = typed(interview, why_quote="New.", why_chosen=["price"], act="correct", may_quote="yes")
    new |= {"agreed_how": "message", "agreed_on": "2026-05-11"}
    assert seller.post(path, new).status_code == 302
    row = InterviewAnswer.objects.get()
    assert (row.quote, row.occurred_at) == ("New.", moment)
    interview.refresh_from_db()
    assert (interview.held_at, interview.may_quote, interview.agreed_how) == (moment, True, "message")


def test_not_held_by_a_press(seller: Client, customer: Customer) -> None:
    interview = begun(customer)
    assert seller.post(f"/interviews/{interview.pk}/drop/").status_code == 302
    assert "was not held" in seller.get(f"/interviews/{interview.pk}/").content.decode()
    again = seller.post(f"/interviews/{interview.pk}/drop/", follow=True)
    assert "has ended already" in again.content.decode()


# --- Who may what -----------------------------------------------------------------------------
def test_who_does_not_see_the_customer_sees_no_interview(client: Client, customer: Customer) -> None:
    interview = held(customer, "price", quote="Secret words")
    client.force_login(UserFactory(username="outsider"))
    for path in ("", "keep/", "drop/"):
        act = client.post if path else client.get
        assert act(f"/interviews/{interview.pk}/{path}").status_code == 404
    assert customer.name not in client.get("/interviews/").content.decode()
    assert "Secret" not in client.get("/interviews/figures/").content.decode()


def test_an_analyst_reads_and_writes_nothing(client: Client, customer: Customer, analyst: User) -> None:
    interview = begun(customer)
    client.force_login(analyst)
    assert "<textarea" not in client.get(f"/interviews/{interview.pk}/").content.decode()
    form = typed(interview, why_note="A", act="finish")
    assert client.post(f"/interviews/{interview.pk}/", form).status_code == 403
    for path in ("keep/", "drop/"):
        assert client.post(f"/interviews/{interview.pk}/{path}", form).status_code == 403
    assert Interview.objects.get().revision == 1


def test_looking_writes_nothing(seller: Client, customer: Customer) -> None:
    interview = begun(customer)
    done = held(customer, "price", guide=guide("two"))
    before = list(Interview.objects.order_by("pk").values())
    for path in ("", "figures/", "guides/", f"{interview.pk}/", f"{done.pk}/", f"{done.pk}/?correct"):
        assert seller.get(f"/interviews/{path}").status_code == 200
    assert list(Interview.objects.order_by("pk").values()) == before


def test_the_interview_of_who_was_erased_is_read_and_not_written(seller: Client, customer: Customer) -> None:
    interview = held(customer, "price", quote="Her words")
    erasure.erase_customer(customer, reason="request", by=None, at=NOW)
    page = seller.get(f"/interviews/{interview.pk}/?correct")
    assert page.status_code == 200 and "<textarea" not in page.content.decode()
    assert "Her words" not in page.content.decode() and "Price" in page.content.decode()


def test_scripts_in_every_text_are_only_words(seller: Client, customer: Customer, admin: User) -> None:
    asked = document({"code": "x", "text": words(XSS), "prompts": [words(XSS)], "codes": [
        {"code": "y", "text": words(XSS[:90])}]})  # fmt: skip
    one = guide("xss", asks=asked)
    interview = begun(customer, guide=one)
    written = Held(
        answers={"x": Said(("y",), XSS, XSS)}, summary=XSS, competitor=XSS, offered=XSS,
        may_quote=True, agreed_how="spoken", agreed_on=NOW.date(),
    )  # fmt: skip
    holding.save(interview, written, revision=1, by=None, at=NOW)
    pages = [seller.get(f"/interviews/{interview.pk}/")]
    holding.finish(interview, written, revision=2, by=None, at=NOW)
    seller.force_login(admin)
    for path in (
        f"interviews/{interview.pk}/",
        f"interviews/{interview.pk}/?correct",
        "interviews/",
        f"interviews/figures/?guide={one.pk}&days=30",
        "interviews/guides/xss/",
        "interviews/guides/xss/edit/",
        f"customers/{customer.pk}/",
        f"customers/{customer.pk}/interviews/",
    ):
        pages.append(seller.get(f"/{path}"))
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode() and "<img src=x" not in page.content.decode()
    assert sum("&lt;script&gt;alert(1)" in page.content.decode() for page in pages) >= 6


# --- Together ---------------------------------------------------------------------------------
def test_figures_count_codes_of_the_period_and_of_the_one_before(
    seller: Client, customer: Customer, manager: User
) -> None:
    stranger = CustomerFactory()
    for days, codes in (
        (1, ["price", "competitor"]),
        (5, ["price"]),
        (40, ["price"]),
        (100, ["brand_damage"]),
    ):
        held(customer, *codes, at=NOW - timedelta(days=days))
    held(stranger, "price")
    figures = figures_of(manager, days=30)
    assert (figures.interviews, figures.before) == (2, 1)
    why, back = figures.asked
    assert [(one.code, one.count, one.before) for one in why.given] == [("price", 2, 1), ("competitor", 1, 0)]
    assert [(one.code, one.count) for one in back.given] == [("yes", 0), ("no", 0)]
    assert (why.answered, back.answered) == (2, 0)
    assert figures_of(UserFactory(role="admin"), days=30).interviews == 3


def test_a_version_is_counted_by_itself_and_all_together_keep_older_codes(
    customer: Customer, manager: User
) -> None:
    asked = guide()
    first = begun(customer)
    holding.finish(first, Held(answers={"back": Said(("yes",))}), revision=1, by=None, at=NOW)
    newer = document()
    newer["questions"][1]["codes"] = [{"code": "perhaps", "text": words("Perhaps")}]
    writing.save_guide(asked, document=newer, by=None, at=NOW)
    second = begun(customer)
    holding.finish(second, Held(answers={"back": Said(("perhaps",))}), revision=1, by=None, at=NOW)

    def given(number: int | None) -> list[tuple[str, int]]:
        return [(one.code, one.count) for one in figures_of(manager, days=30, number=number).asked[1].given]

    assert given(1) == [("yes", 1), ("no", 0)]
    assert given(2) == [("perhaps", 1)]
    assert given(None) == [("perhaps", 1), ("yes", 1), ("no", 0)]


def figures_of(user: User, *, days: int, number: int | None = None) -> Any:
    version = GuideVersion.objects.filter(number=number).first() if number else None
    until = NOW + timedelta(hours=1)
    since = until - timedelta(days=days)
    return counting.figures(user, guide(), version=version, since=since, until=until)


def test_quotes_are_paged_and_only_those_that_were_agreed_to(seller: Client, customer: Customer) -> None:
    for number in range(21):
        held(customer, "price", quote=f"Quote {number:02}", may_quote=True, at=NOW - timedelta(hours=number))
    held(customer, "price", quote="Never", may_quote=False)
    held(customer, "price", quote="Unasked")
    first = seller.get("/interviews/figures/").content.decode()
    second = seller.get("/interviews/figures/?page=2").content.decode()
    assert first.count("interview-quote") == 20 and second.count("interview-quote") == 1
    assert "Quote 20" in second
    for page in (first, second):
        assert "Never" not in page and "Unasked" not in page


@pytest.mark.parametrize(
    "query", ["?guide=x", "?guide=999&version=7&days=1", "?days=&version=abc", "?page=99"]
)
def test_odd_addresses_show_something_sensible(seller: Client, customer: Customer, query: str) -> None:
    held(customer, "price")
    assert seller.get(f"/interviews/figures/{query}").status_code == 200
    assert seller.get(f"/interviews/{query}&status=nonsense").status_code == 200


def test_lists_and_figures_cost_the_same_for_one_and_three(
    seller: Client, customer: Customer, django_assert_max_num_queries: Any
) -> None:
    held(customer, "price", quote="One", may_quote=True)
    paths = ("/interviews/", "/interviews/figures/", f"/customers/{customer.pk}/interviews/")
    counts = {}
    for path in paths:
        seller.get(path)
        with django_assert_max_num_queries(60) as asked:
            seller.get(path)
        counts[path] = len(asked.captured_queries)
    for number in range(2):
        held(customer, "price", quote=f"More {number}", may_quote=True)
    for path in paths:
        with django_assert_max_num_queries(counts[path]):
            seller.get(path)

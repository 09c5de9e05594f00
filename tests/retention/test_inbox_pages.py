"""The inbox: soonest deadline first, matches with their reasons, one press links, creates or ends."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.feedback import unknown
from customers.ground import clock, drain
from customers.ground.models import AuditEvent
from customers.models import Complaint, Customer, FeedbackFile, UnknownFeedback, User
from retention import loop as looping
from retention.loop import figures
from retention.models import LoopClosure, RetentionCase
from retention.pages import inbox_rows
from tests.factories import (
    NOW,
    ContactFactory,
    CustomerFactory,
    OrderFactory,
    TeamFactory,
    UserFactory,
    findable,
)
from tests.retention.loop.world import mentioned

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _now(company: Any, settings: Any, tmp_path: Any) -> None:
    clock.fix(NOW)
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def leading(client: Client, lead: User) -> Client:
    client.force_login(lead)
    return client


def received(number: int = 1, **values: Any) -> UnknownFeedback:
    said: dict[str, Any] = {
        "kind": "complaint",
        "text": f"The lamp no. {number} broke.",
        "source": "form",
        "external_id": f"visit-{number}",
        "at": NOW,
        **values,
    }
    return unknown.receive_feedback(**said)


def order_of(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="row-(\d+)"', page)]


# --- The list ---------------------------------------------------------------------------------
def test_what_is_to_be_answered_soonest_comes_first(leading):
    late, soon, other = (received(n, at=NOW - timedelta(hours=h)) for n, h in ((1, 0), (2, 72), (3, 1)))
    assert order_of(leading.get("/inbox/").content.decode()) == [soon.pk, other.pk, late.pk]


def test_pages_follow_each_other_without_gap_or_repeat(leading, monkeypatch):
    monkeypatch.setattr(inbox_rows, "PAGE", 2)
    rows = [received(n, at=NOW - timedelta(hours=n // 2)) for n in range(5)]
    wanted = [row.pk for row in sorted(rows, key=lambda row: (row.respond_by, row.pk))]
    seen, url = [], "/inbox/"
    for _page in range(3):
        page = leading.get(url).content.decode()
        seen += order_of(page)
        older = re.findall(r'rel="next" href="([^"]+)"', page)
        url = "/inbox/" + older[0].replace("&amp;", "&") if older else ""
    assert seen == wanted and not url


@pytest.mark.parametrize("after", ["x", "~", "1~", "~1", "20260511T020000.000000~", "9" * 40, "nan~1"])
def test_odd_places_begin_at_the_beginning(leading, after):
    received()
    for view in ("", "mine", "ended", "other"):
        assert leading.get("/inbox/", {"after": after, "view": view}).status_code == 200


def test_views_are_open_mine_and_ended(leading, lead, admin):
    mine, ended = received(1), received(2)
    other = unknown.assign_feedback(received(3), to=admin, by=None, at=NOW)
    unknown.handle_without_customer(ended, answered="none", words="", by=lead, at=NOW)
    assert set(order_of(leading.get("/inbox/").content.decode())) == {mine.pk, other.pk}
    assert order_of(leading.get("/inbox/?view=mine").content.decode()) == [mine.pk]
    assert order_of(leading.get("/inbox/?view=ended").content.decode()) == [ended.pk]


def test_list_takes_as_many_queries_for_three_as_for_one(leading, customer):
    def filled(number: int) -> None:
        ContactFactory(is_main=False, customer=customer, email=f"wu{number}@example.com")
        ContactFactory(is_main=False, customer=CustomerFactory(), email=f"wu{number}@example.com")
        findable()
        received(number, reach=f"wu{number}@example.com", order=f"Z-{number}")
        OrderFactory(customer=customer, number=f"Z-{number}")

    counts = []
    for number in range(3):
        filled(number)
        leading.get("/inbox/")
        with CaptureQueriesContext(connection) as queries:
            assert leading.get("/inbox/").content.decode().count("same e-mail address") == 2 * (number + 1)
        counts.append(len(queries))
    assert counts[0] == counts[2] < 25, counts


def test_row_is_there_as_soon_as_it_is_sent(leading):
    sent = Client().get("/c/").content.decode()
    ticket = re.findall(r'name="ticket" value="([^"]+)"', sent)[0]
    Client().post("/c/", {"kind": "praise", "text": "So kind!", "ticket": ticket, "lang": "en"})
    assert "So kind!" in leading.get("/inbox/").content.decode()


def test_markup_is_shown_as_text(leading):
    row = received(text=EVIL, name=EVIL, reach="a@b.example", order=EVIL)
    for url in ("/inbox/", f"/inbox/{row.pk}/"):
        page = leading.get(url).content.decode()
        assert EVIL not in page and "&lt;script&gt;" in page


# --- Posts of nobody known --------------------------------------------------------------------
def stands(page: str) -> list[tuple[str, int]]:
    return [(kind, int(pk)) for kind, pk in re.findall(r'id="(row|post)-(\d+)"', page)]


def posted(at: datetime = NOW, **values: Any) -> LoopClosure:
    """Return the loop of a bad mention, of nobody known unless said otherwise."""
    mention = mentioned(at=at, **values)
    drain.until_empty(at=NOW)
    return LoopClosure.objects.get(mention=mention)


def test_posts_stand_among_the_feedback_by_their_deadline(leading, lead):
    late, soon = received(1), received(2, at=NOW - timedelta(hours=72))
    post = posted(NOW - timedelta(hours=30), handle="Leaf_Cup")
    page = leading.get("/inbox/").content.decode()
    assert stands(page) == [("row", soon.pk), ("post", post.pk), ("row", late.pk)]
    assert post.owner == lead and "Leaf_Cup" in page and "Weibo" in page
    for url in (f"/loops/{post.pk}/", f"/mentions/{post.mention_id}/"):
        assert f'href="{url}"' in page and leading.get(url).status_code == 200
    assert stands(leading.get("/inbox/?view=mine").content.decode()) == stands(page)
    assert re.findall(r'<span class="num">(\d+)</span>', page)[:2] == ["3", "3"]


def test_post_of_a_customer_a_good_one_and_an_answered_one_do_not_wait(leading, customer, lead):
    posted(customer=customer)
    mentioned(sentiment="positive")
    looping.answer_publicly(posted(), words="Answered there.", by=lead, at=NOW)
    assert stands(leading.get("/inbox/").content.decode()) == []
    ended = leading.get("/inbox/?view=ended").content.decode()
    link = re.findall(r'href="(/loops/\?[^"]+)"', ended)[0].replace("&amp;", "&")
    assert "Never again." in leading.get(link).content.decode()


def test_post_that_is_matched_leaves_the_inbox(leading, customer):
    post = posted()
    said = {"customer": f"#{customer.pk}"}
    assert leading.post(f"/mentions/{post.mention_id}/match/", said).status_code == 302
    drain.until_empty(at=NOW + timedelta(minutes=1))
    assert stands(leading.get("/inbox/").content.decode()) == []
    post.refresh_from_db()
    assert post.customer == customer and post.case is not None


def test_pages_of_feedback_and_posts_follow_each_other_without_gap_or_repeat(leading, monkeypatch):
    monkeypatch.setattr(inbox_rows, "PAGE", 2)
    rows = [received(n, at=NOW - timedelta(hours=n // 2)) for n in range(4)]
    posts = [posted(NOW - timedelta(hours=n // 2)) for n in range(4)]
    LoopClosure.objects.filter(pk__in=[posts[0].pk, posts[1].pk]).update(respond_by=rows[0].respond_by)
    for post in posts:
        post.refresh_from_db()
    wanted = [
        (kind, one.pk)
        for _when, kind, one in sorted(
            [(row.respond_by, "1", row) for row in rows] + [(post.respond_by, "2", post) for post in posts],
            key=lambda found: (found[0], found[1], found[2].pk),
        )
    ]
    seen, url = [], "/inbox/"
    for _page in range(4):
        page = leading.get(url).content.decode()
        seen += [("1" if kind == "row" else "2", pk) for kind, pk in stands(page)]
        older = re.findall(r'rel="next" href="([^"]+)"', page)
        url = "/inbox/" + older[0].replace("&amp;", "&") if older else ""
    assert seen == wanted and len(set(seen)) == 8 and not url


def test_posts_take_as_many_queries_for_three_as_for_one(leading):
    counts = []
    for number in range(3):
        post = posted(handle=f"cup{number}")
        pages = ("/inbox/", f"/mentions/{post.mention_id}/", f"/loops/{post.pk}/")
        taken = []
        for url in pages:
            leading.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert f"cup{number}" in leading.get(url).content.decode()
            taken.append(len(queries))
        counts.append(taken)
    assert counts[0] == counts[2] and max(counts[0]) < 25, counts


def test_post_is_seen_by_leads_of_any_team_and_by_its_owner(client, lead, manager, teammate, analyst, admin):
    post = posted()
    looping.assign_loop(post, to=manager, by=lead, at=NOW)
    other = UserFactory(role="team_lead", team=TeamFactory())
    seen = {}
    for user in (lead, other, admin, analyst, manager, teammate):
        client.force_login(user)
        listed = stands(client.get("/inbox/").content.decode()) == [("post", post.pk)]
        seen[user] = (listed, client.get(f"/loops/{post.pk}/").status_code)
    assert seen.pop(teammate) == (False, 404)
    assert set(seen.values()) == {(True, 200)}


def test_post_is_answered_in_public_from_the_inbox_and_counted_apart(leading, lead):
    post = posted(url="https://weibo.example/1")
    page = leading.get(f"/loops/{post.pk}/").content.decode()
    assert "https://weibo.example/1" in page and f'href="/mentions/{post.mention_id}/"' in page
    leading.post(f"/loops/{post.pk}/act/answer/", {"words": "Sorry, said below the post."})
    assert "Sorry, said below the post." in leading.get(f"/mentions/{post.mention_id}/").content.decode()
    told = figures.figures(LoopClosure.objects.all(), since=NOW, until=NOW + timedelta(days=1), by="source")
    assert (told.whole.answered, told.whole.confirmed, told.whole.open) == (1, 0, 0)


def test_markup_of_a_post_is_shown_as_text(leading):
    post = posted(text=EVIL, handle=EVIL)
    for url in ("/inbox/", f"/loops/{post.pk}/", f"/mentions/{post.mention_id}/"):
        page = leading.get(url).content.decode()
        assert EVIL not in page and "&lt;script&gt;" in page


# --- Who may ----------------------------------------------------------------------------------
def test_leads_admins_and_analysts_see_all_and_its_owner_sees_it(
    client, lead, admin, analyst, manager, teammate
):
    row = unknown.assign_feedback(received(), to=manager, by=None, at=NOW)
    seen = {}
    for user in (lead, admin, analyst, manager, teammate):
        client.force_login(user)
        listed = order_of(client.get("/inbox/").content.decode()) == [row.pk]
        seen[user.username] = (listed, client.get(f"/inbox/{row.pk}/").status_code)
    everything = (True, 200)
    assert seen == {
        "lead": everything,
        "admin": everything,
        "analyst": everything,
        "manager": everything,
        "teammate": (False, 404),
    }


ACTS: dict[str, dict[str, str]] = {
    "take": {},
    "match": {"customer": "1"},
    "link": {"q": "#1", "kind": "complaint"},
    "create": {"name": "Li", "kind": "complaint"},
    "handle": {"answered": "none"},
    "assign": {"to": "1"},
}


@pytest.mark.parametrize("act", ACTS)
def test_nobody_acts_on_what_she_may_not_see_or_change(client, analyst, teammate, manager, lead, act):
    row = unknown.assign_feedback(received(), to=manager, by=None, at=NOW)
    url = f"/inbox/{row.pk}/{act}/"
    for user, status in ((analyst, 403), (teammate, 403 if act == "assign" else 404)):
        client.force_login(user)
        assert client.post(url, ACTS[act]).status_code == status
    client.force_login(lead)
    assert client.get(url).status_code == 405
    row.refresh_from_db()
    assert (row.state, row.owner) == ("open", manager)


def test_a_customer_that_one_does_not_see_is_neither_proposed_nor_linked(client, manager, outsider):
    hidden = CustomerFactory(name="Hidden", owner=outsider)
    ContactFactory(is_main=False, customer=hidden, email="wu@example.com")
    findable()
    clock_row = received(reach="wu@example.org")
    UnknownFeedback.objects.update(stated_reach="wu@example.com")
    row = unknown.assign_feedback(clock_row, to=manager, by=None, at=NOW)
    client.force_login(manager)
    assert "Hidden" not in client.get(f"/inbox/{row.pk}/").content.decode()
    assert client.post(f"/inbox/{row.pk}/match/", {"customer": hidden.pk}).status_code == 404
    answer = client.post(f"/inbox/{row.pk}/link/", {"q": f"#{hidden.pk}", "kind": "complaint"})
    assert answer.status_code == 422
    assert not Complaint.objects.exists()


# --- One press --------------------------------------------------------------------------------
def test_a_match_is_linked_by_one_press_and_opens_a_case(leading, customer):
    person = ContactFactory(is_main=False, customer=customer, email="wu@example.com")
    ContactFactory(is_main=False, customer=CustomerFactory(), email="wu@example.com")
    findable()
    row = received(reach="wu@example.com")
    page = leading.get("/inbox/").content.decode()
    assert "same e-mail address" in page and customer.name in page
    answer = leading.post(f"/inbox/{row.pk}/match/", {"customer": customer.pk, "contact": person.pk})
    assert answer["Location"] == f"/customers/{customer.pk}/"
    assert Complaint.objects.get().contact == person
    drain.until_empty(at=NOW)
    assert RetentionCase.objects.get().customer == customer


def test_a_contact_of_another_customer_is_not_taken_along(leading, customer):
    stranger = ContactFactory(is_main=False, customer=CustomerFactory())
    row = received()
    leading.post(f"/inbox/{row.pk}/match/", {"customer": customer.pk, "contact": stranger.pk})
    assert Complaint.objects.get().contact is None


def test_a_customer_that_is_named_is_linked_as_what_it_is(leading, customer):
    row = received()
    leading.post(f"/inbox/{row.pk}/link/", {"q": customer.name, "kind": "suggestion"})
    made = Complaint.objects.get()
    assert (made.customer, made.kind) == (customer, "suggestion")


@pytest.mark.parametrize("named", ["", "Nobody of this name", "#999999", "#" + "9" * 40])
def test_a_name_that_nobody_has_comes_back_with_the_reason(leading, named):
    row = received()
    answer = leading.post(f"/inbox/{row.pk}/link/", {"q": named, "kind": "complaint"})
    assert answer.status_code == 422 and not Complaint.objects.exists()


def test_a_customer_is_made_of_who_wrote(leading, manager):
    row = received(name="Li Li", reach="li@example.com")
    page = leading.get(f"/inbox/{row.pk}/").content.decode()
    assert 'value="Li Li"' in page and 'value="li@example.com"' in page
    said = {"name": "Li Li", "email": "li@example.com", "kind": "question", "owner": manager.pk}
    leading.post(f"/inbox/{row.pk}/create/", said)
    made = Customer.objects.get(name="Li Li")
    assert (made.owner, made.contacts.get().email) == (manager, "li@example.com")
    assert Complaint.objects.get().kind == "question"


def test_without_a_name_no_customer_is_made(leading):
    row = received()
    before = Customer.objects.count()
    assert leading.post(f"/inbox/{row.pk}/create/", {"name": " ", "kind": "praise"}).status_code == 422
    assert Customer.objects.count() == before


def test_an_anonymous_post_is_answered_in_public_and_ends(leading, lead):
    row = received()
    page = leading.get(f"/inbox/{row.pk}/").content.decode()
    assert 'value="public"' in page and 'value="direct"' not in page
    url = f"/inbox/{row.pk}/handle/"
    assert leading.post(url, {"answered": "public", "words": ""}).status_code == 422
    leading.post(url, {"answered": "public", "words": "On the shop's page."})
    row.refresh_from_db()
    assert (row.state, row.answered, row.ended_by) == ("handled", "public", lead)
    assert "On the shop" in leading.get(f"/inbox/{row.pk}/").content.decode()


@pytest.mark.parametrize("act", [act for act in ACTS if act not in ("assign",)])
def test_what_has_ended_meanwhile_is_refused_in_words(leading, customer, act):
    row = received()
    unknown.handle_without_customer(row, answered="none", words="", by=None, at=NOW)
    said = {**ACTS[act], "customer": customer.pk, "q": f"#{customer.pk}"}
    answer = leading.post(f"/inbox/{row.pk}/{act}/", said, follow=True)
    assert "Somebody else has seen to this meanwhile" in answer.content.decode()
    assert not Complaint.objects.exists()


def test_take_and_give_away(leading, lead, teammate):
    row = unknown.assign_feedback(received(), to=teammate, by=None, at=NOW)
    leading.post(f"/inbox/{row.pk}/take/")
    assert UnknownFeedback.objects.get().owner == lead
    leading.post(f"/inbox/{row.pk}/assign/", {"to": teammate.pk})
    assert UnknownFeedback.objects.get().owner == teammate
    stranger = UserFactory(role="integration")
    assert leading.post(f"/inbox/{row.pk}/assign/", {"to": stranger.pk}).status_code == 422


# --- Files ------------------------------------------------------------------------------------
def test_files_are_sent_as_downloads_to_who_may_see_them(leading, client, teammate):
    upload = SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n<script>")
    row = received(uploads=[upload])
    url = f"/inbox/files/{FeedbackFile.objects.get().pk}/"
    assert url in leading.get(f"/inbox/{row.pk}/").content.decode()
    answer = leading.get(url)
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
    assert AuditEvent.objects.filter(act="feedback.download").count() == 1
    client.force_login(teammate)
    assert client.get(url).status_code == 404


def test_export_is_safe_in_spreadsheets_and_noted(leading):
    received(text="=HYPERLINK(1)", name="+1", reach="@x.example", order="-1")
    answer = leading.get("/inbox/export/?format=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    for cell in ("=HYPERLINK(1)", "+1", "@x.example", "-1"):
        assert f"'{cell}" in text
    assert AuditEvent.objects.filter(act="export.run").get().codes["list"] == "inbox"


def test_export_holds_what_the_view_shows(leading, lead):
    received(1)
    ended = received(2)
    unknown.handle_without_customer(ended, answered="general", words="In the news.", by=lead, at=NOW)
    files = {
        view: b"".join(leading.get(f"/inbox/export/?view={view}").streaming_content).decode()
        for view in ("", "ended")
    }
    assert "no. 1" in files[""] and "no. 2" not in files[""]
    assert "no. 2" in files["ended"] and "In the news." in files["ended"] and "no. 1" not in files["ended"]

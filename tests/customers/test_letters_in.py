"""Letters by e-mail: each once, machines never answered, replies to whom we wrote; no mailbox changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from customers import attachments, consents
from customers import contact as contacting
from customers.channels import addresses, composing, senders, writing
from customers.letters import fetching, mailboxes, reading, taking
from customers.models import (
    Attachment,
    Complaint,
    FeedbackFile,
    Interaction,
    LetterIn,
    Mailbox,
    Message,
    UnknownFeedback,
)
from tests.customers.imap import Box, server
from tests.factories import NOW, findable

pytestmark = pytest.mark.django_db
REAL = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(seconds=30)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture(autouse=True)
def _settings(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def box() -> Iterator[Box]:
    with server() as running:
        yield running


@pytest.fixture
def mailbox(box: Box, company: Any) -> Mailbox:
    """A mailbox in use that was looked into once, so that it knows where it stands."""
    row = added(box)
    mailboxes.use_mailbox(row, is_active=True, by=None, at=NOW)
    assert taking.fetch_due(now=REAL, at=NOW) == 0
    row.refresh_from_db()
    return row


def added(box: Box, **config: Any) -> Mailbox:
    said = {"host": "127.0.0.1", "port": box.port, "security": "none", "username": "care@shop.example"}
    return mailboxes.add_mailbox(
        name="Care", kind="question", config={**said, **config}, password="secret", by=None, at=NOW
    )


def letter(body: str = "The lamp broke.", number: int = 1, **headers: str) -> str:
    said = {
        "From": "Li Li <li@example.com>",
        "To": "care@shop.example",
        "Subject": "My lamp",
        "Message-ID": f"<letter-{number}@example.com>",
        "Date": "Mon, 11 May 2026 09:00:00 +0800",
        "Content-Type": "text/plain; charset=utf-8",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return "\r\n".join([*(f"{name}: {value}" for name, value in said.items() if value), "", body])


def look(minutes: int = 1) -> int:
    later = timedelta(minutes=minutes)
    return taking.fetch_due(now=REAL + later, at=NOW + later)


# --- Fetching ---------------------------------------------------------------------------------
def test_letters_that_lay_there_before_are_not_read(box, company):
    box.put(letter(), came=BEFORE)
    row = added(box)
    mailboxes.use_mailbox(row, is_active=True, by=None, at=NOW)
    assert look(0) == 0 and look(1) == 0
    box.put(letter(number=2))
    assert look(2) == 1
    assert UnknownFeedback.objects.get().external_id == "<letter-2@example.com>".strip("<>")


def test_letters_that_come_before_the_first_look_that_succeeds_are_read(box, company):
    mailboxes.use_mailbox(added(box), is_active=True, by=None, at=NOW)
    box.put(letter(), came=BEFORE)
    for number in range(2, fetching.MOST_AT_ONCE + 7):
        box.put(letter(number=number), came=NOW + timedelta(hours=number))
    box.refuses = {"LOGIN"}
    days = 24 * 60
    assert look(days) == 0
    box.refuses = set()
    assert [look(2 * days) for _n in range(3)] == [fetching.MOST_AT_ONCE, 5, 0]
    assert not UnknownFeedback.objects.filter(external_id="letter-1@example.com").exists()


@pytest.mark.parametrize("hours", [-30, 30])
def test_another_folder_is_read_from_the_moment_of_the_change(box, mailbox, hours):
    moved = NOW + timedelta(days=3)
    box.put(letter(), came=moved + timedelta(hours=hours))
    box.folder = '"Elsewhere"'
    config = {**mailbox.config, "folder": "Elsewhere"}
    mailboxes.change_mailbox(mailbox, name="x", kind="praise", config=config, by=None, at=moved)
    assert look(5 * 24 * 60) == (1 if hours > 0 else 0)


def test_letters_of_the_days_of_trouble_are_read_where_the_server_counts_anew(box, mailbox):
    days = 24 * 60
    box.password = "changed"
    for day in range(1, 6):
        box.put(letter(number=day), came=NOW + timedelta(days=day))
        assert look(day * days) == 0
        mailboxes.try_out(mailbox, by=None, at=NOW + timedelta(days=day))
    box.password, box.validity = "secret", 8
    assert look(6 * days) == 5
    box.validity = 9
    assert look(7 * days) == 0
    assert Mailbox.objects.get().read_at == NOW + timedelta(days=7)


def test_a_mailbox_in_use_before_that_was_written_down_loses_no_letters(box, mailbox):
    Mailbox.objects.update(used_at=None, read_at=None)
    box.put(letter(), came=BEFORE)
    box.put(letter(number=2), came=NOW + timedelta(days=1))
    box.validity = 8
    assert look(3 * 24 * 60) == 1
    assert UnknownFeedback.objects.get().external_id == "letter-2@example.com"


def test_a_mailbox_that_is_put_into_use_again_reads_nothing_of_the_time_between(box, mailbox):
    later = NOW + timedelta(hours=2)
    mailboxes.use_mailbox(mailbox, is_active=False, by=None, at=NOW)
    box.put(letter(), came=NOW + timedelta(hours=1))
    mailboxes.use_mailbox(mailbox, is_active=True, by=None, at=later)
    box.put(letter(number=2), came=later)
    box.validity = 8
    assert look(121) == 1
    box.validity = 9  # and nothing of it when the server counts anew
    assert look(130) == 0


def test_a_mailbox_put_into_use_again_during_a_look_begins_anew(box, mailbox, monkeypatch):
    real = fetching.fetch

    def meanwhile(*args: Any, **values: Any) -> fetching.Found:
        later = NOW + timedelta(hours=1)
        for is_active in (False, True):
            mailboxes.use_mailbox(mailbox, is_active=is_active, by=None, at=later)
        return real(*args, **values)

    monkeypatch.setattr(fetching, "fetch", meanwhile)
    look()
    row = Mailbox.objects.get()
    assert (row.validity, row.lease_until) == (None, None)


@pytest.mark.parametrize("is_worse", [False, True])
def test_a_letter_that_never_comes_is_given_up_and_does_not_keep_the_others(box, mailbox, is_worse):
    box.put(letter())
    box.put(letter("fine", number=2))
    box.hangs_up_at, box.hangs_up_at_heads = 1, is_worse
    tries = fetching.TRIES * (2 if is_worse else 1)
    assert [look(20 * n) for n in range(1, tries + 2)] == [0] * tries + [2]
    assert Mailbox.objects.get().trouble == ""
    assert sorted(LetterIn.objects.values_list("outcome", flat=True)) == ["feedback", "unreadable"]
    row = LetterIn.objects.get(outcome="unreadable").unknown
    assert row is not None and "could not be read" in row.text and "“Care”" in row.text
    assert row.stated_reach == ("" if is_worse else "li@example.com")


def test_a_letter_is_not_given_up_for_failures_that_are_not_in_a_row(box, mailbox):
    for number in range(1, 4):
        box.put(letter(number=number))
        for minutes in range(1, fetching.TRIES):
            box.hangs_up_at = number
            assert look(number * 100 + minutes * 20) == 0
        box.hangs_up_at = 0
        assert look(number * 100 + 90) == 1
    assert set(LetterIn.objects.values_list("outcome", flat=True)) == {"feedback"}


def test_a_letter_that_the_server_refuses_does_not_keep_the_others(box, mailbox):
    box.put(letter())
    box.refuses = {"UID FETCH"}
    assert [look(20 * n) for n in range(1, 2 * fetching.TRIES + 1)] == [0] * 2 * fetching.TRIES
    assert Mailbox.objects.get().trouble == "odd_answer"
    assert look(1000) == 1
    assert LetterIn.objects.get().outcome == "unreadable"


def test_a_letter_becomes_feedback_of_the_kind_of_its_mailbox(box, mailbox):
    box.put(letter())
    assert look() == 1
    row = UnknownFeedback.objects.get()
    assert (row.kind, row.channel, row.source) == ("question", "email", "email")
    assert (row.stated_name, row.stated_reach) == ("Li Li", "li@example.com")
    assert row.text == "My lamp\n\nThe lamp broke."
    assert row.occurred_at == datetime(2026, 5, 11, 1, 0, tzinfo=UTC)
    assert LetterIn.objects.get().unknown == row


def test_each_letter_is_taken_once_whatever_the_server_counts(box, mailbox):
    box.put(letter())
    assert look(1) == 1
    box.put(letter())  # delivered twice
    assert look(2) == 0
    box.validity = 8  # the server counts anew
    box.put(letter(number=3))
    assert look(3) == 1
    assert UnknownFeedback.objects.count() == 2


def test_nothing_in_the_mailbox_is_changed(box, mailbox):
    box.put(letter())
    look()
    assert any(one.startswith("EXAMINE") for one in box.asked)
    assert not [one for one in box.asked if one.startswith(("SELECT", "UID STORE", "EXPUNGE", "CLOSE"))]
    assert all("PEEK" in one for one in box.asked if "FETCH" in one)


def test_many_letters_come_in_several_looks_and_none_is_lost(box, mailbox):
    for number in range(fetching.MOST_AT_ONCE + 5):
        box.put(letter(number=number))
    assert look(1) == fetching.MOST_AT_ONCE
    assert look(1) == 5  # at once, not after a minute
    assert UnknownFeedback.objects.count() == fetching.MOST_AT_ONCE + 5


def test_a_mailbox_is_looked_into_by_one_at_a_time_and_once_a_minute(box, mailbox):
    Mailbox.objects.update(lease_until=REAL + timedelta(minutes=3))
    box.put(letter())
    assert look(1) == 0
    assert look(4) == 1
    box.put(letter(number=2))
    assert look(4) == 0
    assert look(5) == 1


def test_a_mailbox_out_of_use_is_left_alone(box, mailbox):
    mailboxes.use_mailbox(mailbox, is_active=False, by=None, at=NOW)
    box.put(letter())
    assert look() == 0


def test_a_letter_that_cannot_be_taken_does_not_keep_the_others(box, mailbox, monkeypatch):
    real = reading.read
    monkeypatch.setattr(reading, "read", lambda raw: 1 / 0 if b"number-1" in raw else real(raw))
    box.put(letter("number-1"))
    box.put(letter("fine", number=2))
    assert look() == 2
    assert Mailbox.objects.get().last_uid == 2
    assert sorted(LetterIn.objects.values_list("outcome", flat=True)) == ["feedback", "unreadable"]


@pytest.mark.parametrize(("name", "value"), [("MOST_BYTES", 100), ("ENOUGH_SECONDS", -1.0)])
def test_letters_that_take_much_are_taken_as_far_as_they_came(box, mailbox, monkeypatch, name, value):
    monkeypatch.setattr(fetching, name, value)
    for number in range(3):
        box.put(letter(number=number))
    assert [look(1) for _n in range(4)] == [1, 1, 1, 0]
    assert Mailbox.objects.get().trouble == ""


def test_letters_that_came_before_the_line_broke_are_not_lost(box, mailbox):
    for number in range(3):
        box.put(letter(number=number))
    box.hangs_up_at = 3
    assert look(1) == 2
    assert (Mailbox.objects.get().last_uid, Mailbox.objects.get().trouble) == (2, "")
    assert look(1) == 0
    assert Mailbox.objects.get().trouble == "not_reached"
    box.hangs_up_at = 0
    assert look(12) == 1


def test_a_server_that_does_not_tell_its_next_number_is_not_read_from_its_beginning(box, company):
    box.tells_next = False
    for number in range(3):
        box.put(letter(number=number), came=BEFORE)
    mailboxes.use_mailbox(added(box), is_active=True, by=None, at=NOW)
    assert (look(0), look(1)) == (0, 0)
    assert Mailbox.objects.get().last_uid == 3
    box.put(letter(number=9))
    assert look(2) == 1


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"password": "other"}, "sign_in"),
        ({"folder": '"Elsewhere"'}, "no_folder"),
        ({"refuses": {"UID SEARCH"}}, "odd_answer"),
        ({"says": b"* 1 FETCH (BODY[] {99999999999}\r\nxx"}, "not_reached"),
        ({"says": b"\xff\xfe nonsense\r\n"}, "not_reached"),
    ],
)
def test_trouble_is_noted_and_tried_again_later(box, mailbox, change, trouble):
    box.put(letter())
    before = {name: getattr(box, name) for name in change}
    vars(box).update(change)
    assert look() == 0
    row = Mailbox.objects.get()
    assert (row.trouble, row.lease_until) == (trouble, None)
    vars(box).update(before)
    assert look(5) == 0
    assert look(12) == 1
    assert Mailbox.objects.get().trouble == ""


def test_a_server_inside_is_not_reached_unless_its_network_is_named(box, mailbox, settings):
    settings.CHANNEL_NETWORKS = []
    assert look() == 0
    assert Mailbox.objects.get().trouble == "not_reached"
    assert mailboxes.try_out(mailbox, by=None, at=NOW) == "not_reached"


def test_names_of_folders_in_other_letters_are_found(box, company):
    box.folder = '"&W6JnDQ-"'
    assert mailboxes.try_out(added(box, folder="客服"), by=None, at=NOW) == ""


# --- Reading ----------------------------------------------------------------------------------
MACHINES = [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-generated; x=y"},
    {"Precedence": "bulk"},
    {"List_Id": "<news.example.com>", "Precedence": "bulk"},
    {"Return_Path": "<>"},
    {"X_Autoreply": "yes"},
    {"X_Spam_Flag": "YES"},
    {"From": "MAILER-DAEMON@example.com"},
    {"From": "no-reply@example.com"},
    {"Subject": "Automatic reply: My lamp"},
    {"Subject": "自动回复：我的灯"},
    {"Content_Type": "multipart/report; boundary=b"},
]


@pytest.mark.parametrize("headers", MACHINES)
def test_what_machines_write_is_neither_taken_nor_answered(box, mailbox, headers):
    box.put(letter(**headers))
    assert look() == 1
    assert LetterIn.objects.get().outcome == "automatic"
    assert not UnknownFeedback.objects.exists() and not Message.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "no"},
        {"Precedence": "normal"},
        {"Precedence": "list", "List_Id": "<care.shop.example>", "List_Post": "<mailto:care@shop.example>"},
        {"List_Unsubscribe": "<mailto:x@example.com>", "Return_Path": "<care+bounces@shop.example>"},
        {"Return_Path": "<li@example.com>"},
        {"From": "Noreen <noreply.fan@example.com>"},
        {"Subject": "Your automatic reply was no help"},
        {"X_Spam_Flag": "NO"},
    ],
)
def test_what_people_write_is_taken(box, mailbox, headers):
    box.put(letter(**headers))
    look()
    assert UnknownFeedback.objects.count() == 1


def test_our_own_letters_are_left_alone(box, mailbox):
    config = {"host": "mail.example.com", "from_address": "shop@shop.example", "reply_to": "re@shop.example"}
    senders.add_sender(name="Shop", channel="email", kind="smtp", config=config, secrets={}, by=None, at=NOW)
    own = ["CARE@shop.example", "shop@shop.example", "re@shop.example"]
    for number, sender in enumerate(own):
        box.put(letter(number=number, From=sender))
    look()
    assert list(LetterIn.objects.values_list("outcome", flat=True)) == ["own"] * 3


REPLIES = [
    "It is still broken.\n\nOn Mon, 11 May 2026 at 10:00, Shop <shop@shop.example> wrote:\n> Is it solved?",
    "It is still broken.\n\nOn Mon, 11 May 2026 at 10:00, the name of a shop\n<s@s.example> wrote:\n> x",
    "It is still broken.\n\n-----Original Message-----\nFrom: Shop\nSent: Monday\n\nIs it solved?",
    "It is still broken.\n\n________________________________\nFrom: Shop\nSent: Monday\nTo: me\n\nIs it?",
    "It is still broken.\n\n------------------ 原始邮件 ------------------\n发件人: 店\n解决了吗？",
    "It is still broken.\n\n在 2026年5月11日，店 <s@s.example> 写道：\n> 解决了吗？",
    "It is still broken.\n\n发件人: 店\n发送时间: 2026年5月11日\n收件人: 我\n\n解决了吗？",
    "> Is it solved?\nIt is still broken.",
    "On 2 May 2026, Liuke wrote:\n> How was it?\n\nIt is still broken.\n",
    "On 2 May 2026, the name of a shop\n<s@s.example> wrote:\n\n> How?\n> Really?\nIt is still broken.",
    "在 2026年5月11日，店 <s@s.example> 写道：\n\n> 解决了吗？\n\nIt is still broken.",
    "It is still broken.\n\nOn 2 May 2026, Liuke wrote:\nHow was it?\nReally, how was it?",
]


@pytest.mark.parametrize("body", REPLIES)
def test_a_reply_is_read_without_what_it_answers(body):
    assert reading.own_words(body) == "It is still broken."


@pytest.mark.parametrize(
    "body",
    [
        "On Monday I wrote:\nnothing",
        "From: here to there it broke\nand then",
        "-----\nIt broke\n-----\nafter a week",
        "I am on holiday\nwhen I wrote: x",
    ],
)
def test_words_that_only_look_like_a_quote_stay(body):
    kept = reading.own_words(body)
    assert kept == body or body.startswith("On Monday I wrote:")


def test_answers_above_between_and_below_are_all_kept():
    body = "Hello.\n\nOn 2 May 2026, Liuke wrote:\n> How was it?\nBad.\n> And the cable?\nWorse.\n"
    assert reading.own_words(body).split() == ["Hello.", "Bad.", "Worse."]


def test_of_a_reply_that_is_all_quote_nothing_is_left_out():
    assert reading.own_words("On 2 May 2026, Liuke wrote:\n> How was it?") != ""


def test_a_forwarded_letter_keeps_what_it_forwards(box, mailbox):
    box.put(letter("See below.\n\n-----Original Message-----\nFrom: A\nSent: B\n\nIt broke."))
    look()
    assert "It broke." in UnknownFeedback.objects.get().text


def test_html_is_read_as_text():
    page = (
        "<html><head><title>t</title><style>p{}</style></head><body><p>It&nbsp;broke &amp; fell.</p>"
        "<script>alert(1)</script><div>Again<br>today</div><blockquote>old</blockquote></body></html>"
    )
    assert reading.from_html(page) == "It broke & fell.\nAgain\ntoday\n> old"


@pytest.mark.parametrize("hostile", ["<" * 200_000, "<a" * 100_000, "<aaaa" + "a" * 200_000, "&" * 200_000])
def test_hostile_pages_take_little_time(hostile):
    began = time.monotonic()
    reading.from_html(hostile)
    reading.own_words(hostile)
    reading.read(letter(hostile, Content_Type="text/html").encode())
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff\xfe",
        b"From: =?utf-8?b?broken\r\n\r\nx",
        b"From: a@b.c\r\nDate: never\r\nContent-Type: text/plain; charset=nothing\r\n\r\n\xff",
        b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=\r\n\r\nx",
        b"From: " + b"<" * 5000 + b"\r\nReferences: " + b"<a@b> " * 5000 + b"\r\n\r\nx",
    ],
)
def test_odd_letters_are_read_as_far_as_they_can_be(raw):
    assert isinstance(reading.read(raw).words, str)


def test_letters_in_chinese_codes_are_read():
    raw = letter("", Content_Type="text/plain; charset=gb2312").encode() + "灯坏了".encode("gb18030")
    assert reading.read(raw).text == "灯坏了"


def test_files_that_are_kept_come_along_and_others_are_named(box, mailbox):
    from email.message import EmailMessage

    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "li@example.com", "Pictures", "<f@example.com>"
    mail.set_content("See.")
    for name in ("a.png", "b.png", "c.png", "d.png"):
        mail.add_attachment(PNG, maintype="image", subtype="png", filename=name)
    mail.add_attachment(b"<svg/>", maintype="image", subtype="svg+xml", filename="../evil.svg")
    box.put(mail.as_bytes())
    look()
    assert sorted(FeedbackFile.objects.values_list("name", flat=True)) == ["a.png", "b.png", "c.png"]
    text = UnknownFeedback.objects.get().text
    assert "[d.png:" in text and "[evil.svg:" in text


def of_parts(*parts: tuple[str, str, str], kind: str = "mixed") -> bytes:
    """Return a letter of parts: type, disposition, content."""
    lines = ["From: li@example.com", "Subject: Parts", "Message-ID: <parts@example.com>"]
    lines += [f"Content-Type: multipart/{kind}; boundary=b", ""]
    for media, disposition, content in parts:
        lines += ["--b", f"Content-Type: {media}"]
        lines += [f"Content-Disposition: {disposition}"] if disposition else []
        lines += ["", content]
    return "\r\n".join([*lines, "--b--", ""]).encode("latin-1")


PICTURE = PNG.decode("latin-1")


@pytest.mark.parametrize(
    ("media", "disposition", "name"),
    [
        ("image/png", 'inline; filename="lamp.png"', "lamp.png"),
        ("image/png; name=lamp.png", "", "lamp.png"),
        ("image/png", "inline", "file.png"),
        ("image/png", 'inline; filename="lamp"', "lamp.png"),
    ],
)
def test_pictures_within_the_text_come_along_and_all_of_the_text_is_read(
    box, mailbox, media, disposition, name
):
    text = ("text/plain; charset=utf-8", "")
    box.put(of_parts((*text, "Look:"), (media, disposition, PICTURE), (*text, "It is broken.")))
    look()
    assert list(FeedbackFile.objects.values_list("name", flat=True)) == [name]
    assert UnknownFeedback.objects.get().text == "Parts\n\nLook:\n\nIt is broken."


def test_attached_text_is_a_file_and_no_part_of_the_text():
    page = ("text/html", "", "<p>page</p>")
    raw = of_parts(("text/plain", "", "Look."), page, ("text/plain", "attachment; filename=a.txt", "log"))
    letter = reading.read(raw)
    assert [(one.name, one.content) for one in letter.files] == [("a.txt", b"log")]
    assert letter.text == "Look.\n\npage"


def test_of_a_text_and_a_page_that_say_the_same_one_is_read():
    page = ("text/html", "", "<p>page</p>")
    assert reading.read(of_parts(("text/plain", "", "Text."), page, kind="alternative")).text == "Text."
    assert reading.read(of_parts(("text/plain", "", " "), page, kind="alternative")).text == "page"


def test_files_beside_the_text_come_before_pictures_within_it(box, mailbox):
    inside = [("image/png", f"inline; filename=logo{n}.png", PICTURE) for n in range(3)]
    box.put(
        of_parts(("text/plain", "", "Look."), *inside, ("image/png", "attachment; filename=a.png", PICTURE))
    )
    look()
    assert FeedbackFile.objects.order_by("pk").values_list("name", flat=True)[0] == "a.png"


def test_of_a_letter_that_was_cut_it_is_said(box, mailbox, monkeypatch):
    raw = letter()
    monkeypatch.setattr(reading, "MOST_BYTES", len(raw))
    box.put(raw)
    box.put(letter("", number=2))
    look()
    said = dict(UnknownFeedback.objects.values_list("external_id", "text"))
    assert "only its beginning was read" in said["letter-1@example.com"]
    assert "beginning" not in said["letter-2@example.com"]


def nested(depth: int) -> bytes:
    head = b"From: Li <li@example.com>\r\nSubject: =?utf-8?b?54Gv?=\r\nMessage-ID: <odd@example.com>\r\n"
    inner = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return head + inner + b"Content-Type: text/plain\r\n\r\nIt broke."


ODD = {
    "brackets": b"From: " + b"(" * 1_900 + b" li@example.com\r\nMessage-ID: <odd@example.com>\r\n\r\nx",
    "parts": nested(1_200),
    "few parts": nested(51),
    "long head": b"From: li@example.com\r\nMessage-ID: <odd@example.com>\r\n"
    + b"X: y\r\n" * 60_000
    + b"\r\nx",
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_a_letter_that_cannot_be_read_is_kept_with_who_wrote(box, mailbox, raw):
    box.put(raw)
    began = time.monotonic()
    assert (look(1), look(2)) == (1, 0)
    assert time.monotonic() - began < 10
    row = UnknownFeedback.objects.get()
    assert (row.stated_reach, row.external_id) == ("li@example.com", "odd@example.com")
    assert "could not be read" in row.text and "“Care”" in row.text
    assert LetterIn.objects.get().outcome == "unreadable"


def test_a_letter_of_many_parts_within_reason_is_read():
    assert reading.read(nested(49)).text == "It broke."


def test_what_cannot_be_read_of_a_machine_is_not_answered(box, mailbox):
    box.put(b"Auto-Submitted: auto-replied\r\n" + nested(60))
    look()
    assert LetterIn.objects.get().outcome == "automatic"
    assert not UnknownFeedback.objects.exists()


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/html", "<p>It broke. &#" + "9" * 5_000 + ";</p>"),
        ("text/plain; charset=utf-7", "It broke. +2AA-"),
        ("text/plain; charset=utf-8", "It broke. \0"),
    ],
)
def test_letters_that_no_database_keeps_are_replaced(box, mailbox, media, body):
    box.put(letter(body, Content_Type=media))
    look()
    assert LetterIn.objects.get().outcome == "feedback"
    assert "It broke." in UnknownFeedback.objects.get().text


@pytest.mark.parametrize(("sender", "outcome"), [("Li", "feedback"), ("=?utf-7?q?+2AA-?=", "unreadable")])
def test_halves_of_letters_in_the_head_are_replaced(box, mailbox, sender, outcome):
    box.put(letter(From=f"{sender} <li@example.com>", Subject="=?utf-7?q?Lamp +2AA-?="))
    look()
    assert LetterIn.objects.get().outcome == outcome
    row = UnknownFeedback.objects.get()
    assert row.stated_reach == "li@example.com"
    assert ("broke." in row.text) == (outcome == "feedback")


HOSTILE = {
    "punycode": letter("a" * 240_000, Content_Type="text/plain; charset=punycode"),
    "writers": letter(From=", ".join(f"n{n} <n{n}@example.com>" for n in range(2_000))),
    "subject": letter(Subject="=?utf-8?q?a?= " * 10_000),
    "spaces": letter("content-type:" + " " * 1_000_000),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_letters_take_little_time(raw):
    began = time.monotonic()
    assert reading.read(raw.encode()).sender
    assert time.monotonic() - began < 3


def test_of_many_earlier_letters_the_nearest_are_known():
    names = [f"<letter-{n:04}@example.com>" for n in range(500)]
    assert reading.read(letter(References=" ".join(names)).encode()).named[0] == "letter-0499@example.com"


@pytest.mark.parametrize("charset", ["big5", "shift_jis", "iso-8859-1", "koi8-r", "gbk", "windows-1252"])
def test_letters_in_the_usual_codes_are_read(charset):
    text = {"koi8-r": "сломалась", "iso-8859-1": "kaputt, schön", "windows-1252": "“broken”"}.get(
        charset, "中文"
    )
    raw = letter("", Content_Type=f"text/plain; charset={charset}").encode() + text.encode(charset)
    assert reading.read(raw).text == text


def test_a_long_text_is_cut_between_letters():
    raw = letter("", Content_Type="text/plain; charset=utf-8").encode() + "灯".encode() * 700_000
    assert set(reading.read(raw).text) == {"灯"}


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 11 May 2026 09:00:00 +0800", NOW - timedelta(hours=1)),
        ("Mon, 11 May 2099 09:00:00 +0800", NOW + timedelta(minutes=1)),
        ("Mon, 11 May 2006 09:00:00 +0800", NOW + timedelta(minutes=1)),
        ("", NOW + timedelta(minutes=1)),
    ],
)
def test_a_letter_counts_from_when_it_was_sent_if_that_can_be(box, mailbox, date, expected):
    box.put(letter(Date=date))
    look()
    assert UnknownFeedback.objects.get().occurred_at == expected


# --- Whom we know -----------------------------------------------------------------------------
@pytest.fixture
def known(customer: Any) -> Any:
    contact = customer.contacts.get()
    type(contact).objects.filter(pk=contact.pk).update(email="li@example.com")
    contact.refresh_from_db()
    findable()
    return contact


def wrote(contact: Any) -> Message:
    row = contacting.reserve_contact(contact, purpose="service", channel="email", key="k", by=None, at=NOW)
    message = writing.send_message(row, subject="Is it solved?", text="Is it?", by=None, at=NOW)
    key = addresses.key_of("li@example.com", channel="email")
    Message.objects.filter(pk=message.pk).update(state="sent", to="li@example.com", to_key=key, ended_at=NOW)
    return message


def test_who_is_known_is_linked_at_once(box, mailbox, known):
    box.put(letter())
    look()
    assert Complaint.objects.get().contact == known


def test_a_reply_to_our_message_is_said_to_us_and_no_new_feedback(box, mailbox, known):
    message = wrote(known)
    box.put(letter("No.\n\nOn Monday, Shop wrote:\n> Is it?", In_Reply_To=composing.message_id(message)))
    look()
    said = Interaction.objects.get()
    assert (said.contact, said.kind, said.direction, said.text) == (known, "email", "in", "My lamp\n\nNo.")
    assert not UnknownFeedback.objects.exists()
    assert LetterIn.objects.get().outcome == "reply"


def test_files_of_a_reply_become_the_customers_and_what_is_left_out_is_named(box, mailbox, known):
    name = composing.message_id(wrote(known))
    raw = of_parts(
        ("text/plain", "", "Still broken."),
        ("image/png", "inline; filename=lamp.png", PICTURE),
        ("image/svg+xml", "attachment; filename=evil.svg", "<svg/>"),
    )
    box.put(f"In-Reply-To: {name}\r\n".encode() + raw)
    look()
    row = Attachment.objects.get()
    assert (row.customer, row.name, row.type) == (known.customer, "lamp.png", "png")
    assert attachments.path_of(row).read_bytes().startswith(PNG)
    text = Interaction.objects.get().text
    assert "Still broken." in text and "[evil.svg:" in text
    assert LetterIn.objects.get().outcome == "reply" and not FeedbackFile.objects.exists()


def test_files_of_a_reply_that_is_not_taken_do_not_stay(box, mailbox, known, monkeypatch):
    name = composing.message_id(wrote(known))
    picture = ("image/png", "inline; filename=lamp.png", PICTURE)
    monkeypatch.setattr(taking.interactions, "log_interaction", lambda *args, **values: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        taking.take(mailbox, f"In-Reply-To: {name}\r\n".encode() + of_parts(picture), at=NOW)
    assert not list(attachments.folder().iterdir())


def test_a_reply_of_a_customer_with_too_many_files_is_still_said(box, mailbox, known, monkeypatch):
    monkeypatch.setattr(attachments, "MOST_OF_A_CUSTOMER", 0)
    name = composing.message_id(wrote(known))
    picture = ("image/png", "inline; filename=lamp.png", PICTURE)
    box.put(f"In-Reply-To: {name}\r\n".encode() + of_parts(("text/plain", "", "Broken."), picture))
    look()
    assert "Broken." in Interaction.objects.get().text and "[lamp.png:" in Interaction.objects.get().text


def test_a_reply_from_another_address_is_feedback_of_its_own(box, mailbox, known):
    message = wrote(known)
    box.put(letter(From="somebody@example.org", In_Reply_To=composing.message_id(message)))
    look()
    assert UnknownFeedback.objects.get().stated_reach == "somebody@example.org"
    assert not Interaction.objects.exists()


def test_a_reply_that_ends_messages_takes_consent_back(box, mailbox, known):
    said: dict[str, Any] = {"purposes": ["offer"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(known, **said, by=None, at=NOW)
    box.put(letter("退订", In_Reply_To=composing.message_id(wrote(known))))
    look()
    later = NOW + timedelta(hours=1)
    assert not consents.may_contact(known, purpose="offer", channel="email", at=later)


# --- Setting up -------------------------------------------------------------------------------
def test_password_lies_under_seal_and_is_shown_nowhere(box, mailbox, admin, client):
    assert "secret" not in str(Mailbox.objects.values().get())
    client.force_login(admin)
    page = client.get(reverse("customers:mailbox", args=[mailbox.pk])).content.decode()
    assert "secret" not in page and 'type="password"' in page


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": "evil.example.com"}, "password"),
        ({"username": "other"}, "password"),
        ({"security": "starttls"}, "password"),
        ({"host": "two words"}, "host"),
        ({"folder": "a\r\nb LOGOUT"}, "folder"),
        ({"username": ""}, "username"),
        ({"security": "maybe"}, "security"),
    ],
)
def test_change_refuses_what_makes_no_sense_or_gives_the_password_away(box, mailbox, change, field):
    with pytest.raises(mailboxes.MailboxRefused) as refused:
        mailboxes.change_mailbox(
            mailbox, name="x", kind="question", config={**mailbox.config, **change}, by=None, at=NOW
        )
    assert refused.value.field == field
    assert Mailbox.objects.get().config == mailboxes.checked(Mailbox.objects.get().config)


def test_another_folder_is_another_mailbox(box, mailbox):
    assert mailbox.validity == 7
    config = {**mailbox.config, "folder": "Elsewhere"}
    mailboxes.change_mailbox(mailbox, name="x", kind="praise", config=config, by=None, at=NOW)
    row = Mailbox.objects.get()
    assert (row.validity, row.last_uid, row.kind) == (None, 0, "praise")


def test_pages_are_for_admins(box, mailbox, lead, admin, client):
    urls = [
        reverse("customers:mailbox_list"),
        reverse("customers:mailbox_new"),
        reverse("customers:mailbox", args=[mailbox.pk]),
    ]
    for user, status in ((lead, 403), (admin, 200)):
        client.force_login(user)
        assert {client.get(url).status_code for url in urls} == {status}
    for act in ("try", "use"):
        client.force_login(lead)
        assert client.post(reverse(f"customers:mailbox_{act}", args=[mailbox.pk])).status_code == 403


def test_admin_adds_tries_and_uses_one(box, company, admin, client):
    client.force_login(admin)
    said = {
        "name": "Care",
        "kind": "complaint",
        "host": "127.0.0.1",
        "port": box.port,
        "security": "none",
        "username": "care@shop.example",
        "folder": "INBOX",
    }
    url = reverse("customers:mailbox_new")
    assert client.post(url, said).status_code == 422
    assert client.post(url, {**said, "password": "secret"}).status_code == 302
    row = Mailbox.objects.get()
    assert not row.is_active
    answer = client.post(reverse("customers:mailbox_try", args=[row.pk]), follow=True)
    assert "It works" in answer.content.decode()
    box.password = "changed"
    answer = client.post(reverse("customers:mailbox_try", args=[row.pk]), follow=True)
    assert "refuses the user name" in answer.content.decode()
    client.post(reverse("customers:mailbox_use", args=[row.pk]), {"active": "1"})
    row.refresh_from_db()
    assert row.is_active and row.next_at is not None

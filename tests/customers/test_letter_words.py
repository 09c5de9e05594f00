"""What a letter says, however its writer's program builds it: who wrote, the words, the files."""

from __future__ import annotations

import time

import pytest

from customers import markup
from customers.letters import reading, taking
from customers.models import LetterIn, Mailbox, UnknownFeedback
from tests.factories import NOW

HEAD = "Message-ID: <words@example.com>\r\nSubject: Lamp\r\n"


def read(body: str, *, head: str = "Content-Type: text/plain\r\n", sender: str = "li@example.com"):
    return reading.read(f"From: {sender}\r\n{HEAD}{head}\r\n{body}\r\n".encode())


# --- Who wrote --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "sender", "name"),
    [
        ("Li Li <li@example.com>", "li@example.com", "Li Li"),
        ("li@example.com", "li@example.com", ""),
        ("<li@example.com>", "li@example.com", ""),
        ("li@example.com (Li)", "li@example.com", ""),
        ('"Smith, John" <john@example.com>', "john@example.com", "Smith, John"),
        ('"John \\"Jo\\" Smith" <john@example.com>', "john@example.com", 'John "Jo" Smith'),
        ("=?utf-8?B?5byg5LiJLCDmnY7lm5s=?= <li@example.com>", "li@example.com", "张三, 李四"),
        ("John O'Neil <o'neil@example.com>", "o'neil@example.com", "John O'Neil"),
        ("Smith, John <john@example.com>", "john@example.com", "Smith, John"),
        ("John [Sales] <john@example.com>", "john@example.com", "John [Sales]"),
        ("J. Neil; Co <j@example.com>", "j@example.com", "J. Neil; Co"),
        ("ACME (Beijing) Co., Ltd. <a@example.com>", "a@example.com", "ACME (Beijing) Co., Ltd."),
        ("Dr. Wu @ Acme <wu@example.com>", "wu@example.com", "Dr. Wu @ Acme"),
        ("i@acme.com <Acme Ltd> <i@acme.com>", "i@acme.com", ""),
        ("=?utf-8?B?5byg5LiJ?= [=?utf-8?Q?x?=] <li@example.com>", "li@example.com", ""),
        ("Smith; see li@example.com", "li@example.com", ""),
        ("Smith", "Smith", ""),
        ("wu@x.com (Wu <other@y.com>)", "wu@x.com", ""),
        ('"Wu" <wu@x.com> (was <old@y.com>)', "wu@x.com", ""),
        ("Wu, Li <wu@x.com> (was <old@y.com>)", "wu@x.com", "Wu, Li"),
        ('"Order <sales@shop.cn>" wu@x.com', "wu@x.com", ""),
        ('"Order <sales@shop.cn>" <wu@x.com>', "wu@x.com", "Order <sales@shop.cn>"),
        ("=?utf-8?q?Wu_=3Cold@y.com=3E?= <wu@x.com>", "wu@x.com", "Wu <old@y.com>"),
        ("Wu <old@y.com> <wu@x.com>", "wu@x.com", ""),
        ("A <a@x.com>, B <b@y.com>", "a@x.com", "A"),
        ("A, Li <a@x.com>, B <b@y.com>", "a@x.com", "A, Li"),
        ("a@x.com, b@y.com", "a@x.com", ""),
        ("a@x.com (A), B <b@y.com>", "a@x.com", ""),
        ("wu@x.com (Wu (Li) <other@y.com>)", "wu@x.com", ""),
        ("a@x.com via B <b@y.com>", "b@y.com", ""),
    ],
)
def test_who_wrote_is_known_however_the_name_is_written(header, sender, name):
    letter = read("It broke.", sender=header)
    assert letter.sender == sender
    assert letter.name == name or not name
    assert not letter.is_automatic


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ("Li <li@example.com>", "li@example.com"),
        ("wu@x.com (Wu <other@y.com>)", "wu@x.com"),
        ('"Order <sales@shop.cn>" <wu@x.com>', "wu@x.com"),
        ("A <a@x.com>, B <b@y.com>", "a@x.com"),
        ("(li@example.com)", "li@example.com"),
        ("Smith", ""),
    ],
)
def test_who_wrote_a_letter_that_cannot_be_read_is_the_same(header, sender):
    assert reading.glance(f"From: {header}\r\n{HEAD}\r\nx".encode()).sender == sender


# --- Machines ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "subject",
    [
        "Undeliverable parcel, third time",
        "Out of office chair broken",
        "Automatic reply machine sold by you is broken",
        "Returned mail was opened",
        "退信用卡年费",
        "自动回复机坏了",
    ],
)
def test_people_may_begin_a_subject_as_machines_do(subject):
    assert not read("It broke.", head=f"Subject: {subject}\r\n").is_automatic
    letter = f"From: li@example.com\r\nSubject: {subject}\r\n"
    assert not reading.read(f"{letter}\r\nIt broke.".encode()).is_automatic
    assert reading.read(f"{letter}X-Auto-Response-Suppress: All\r\n\r\nIt broke.".encode()).is_automatic


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "Automatic reply: My lamp",
            "Out of Office",
            "Out of Office AutoReply: My lamp",
            "Undeliverable: x",
        ),
        *("自动回复：我的灯", "自动回复", "退信: 我的灯", "系统退信", "Returned mail: see transcript"),
        *("Delivery Status Notification (Failure)", "AUTO REPLY : gone"),
    ],
)
def test_what_is_written_as_machines_write_it_is_a_machines(subject):
    assert reading.read(f"From: li@example.com\r\nSubject: {subject}\r\n\r\nx".encode()).is_automatic


# --- Words ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>I paid <5 euro and got nothing</p><p>bye</p>", "I paid <5 euro and got nothing\nbye"),
        ("<div>2 < 3 and broken</div>", "2 < 3 and broken"),
        ("<p>I <3 tea</p>", "I <3 tea"),
        ("my words <", "my words <"),
        ("my words <never closed", "my words <never closed"),
        ("<head/><body>my words", "my words"),
        ("<head><title>t</title><body>my words", "my words"),
        ("<head><style>p{}</style><p>my words", "my words"),
        ("<html><script src=x/>my words", "my words"),
        ("<script>my words", "my words"),
        ("<svg><title/></svg>my words", "my words"),
        ("a<SCRIPT>if (a > b) '</p>'</Script >b", "ab"),
        ("<style>p{}</styles>x</style>my words", "my words"),
        ("<template>x</template>my words", "my words"),
        ("<header>my words</header>", "my words"),
        ("<a href='x>y'>link</a>", "link"),
        ('<a title="x>y" b=\'>\' c = ">">link</a>', "link"),
        ("<a title=it's>my words</a>", "my words"),
        ('<a title="never closed>my words</a>', "my words"),
        ("<p><!-- x > y -->my words</p>", "my words"),
        ("<!--[if mso]><style>x</style><![endif]-->my words", "my words"),
        ("<!--[if !mso]><!-->my<!--<![endif]--> words", "my words"),
        ("<!---->my<!--> words", "my words"),
        ("<!-- never closed>my words", "my words"),
        ("<!DOCTYPE html><?xml:x a='b'/><o:p>my words</o:p>", "my words"),
        ("a &lt;b&gt; c", "a <b> c"),
        ("<blockquote>old</blockquote>my words", "> old\nmy words"),
    ],
)
def test_of_a_page_no_words_are_lost_and_no_tags_leak(source, words):
    assert reading.from_html(source) == words


HOSTILE = [
    *("<" * 400_000, "<a" * 200_000, "<a " * 150_000, "<!--" * 120_000, "<!" * 200_000, "</" * 200_000),
    *('<a =">"' * 70_000, "<a ='" * 90_000, "<a =\"'" * 80_000, "<a x='>\"" * 60_000, "<a =" * 120_000),
    *("<script>" * 60_000, "<head>" * 80_000, "<style></style" * 35_000, "<title></" * 55_000),
    *("<a" * 150_000 + ">" * 100, '<a ="' * 90_000 + ">", "<a " + "=" * 400_000, "&" * 400_000),
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_pages_take_time_in_proportion(hostile):
    began = time.process_time()
    list(markup.pieces(hostile))
    reading.from_html(hostile)
    assert time.process_time() - began < 3


def of_parts(*parts: tuple[str, str, str], kind: str = "mixed") -> reading.Letter:
    lines = [f"Content-Type: multipart/{kind}; boundary=b", ""]
    for media, disposition, content in parts:
        lines += ["--b", f"Content-Type: {media}"]
        lines += [f"Content-Disposition: {disposition}"] if disposition else []
        lines += ["", content]
    head = f"From: li@example.com\r\n{HEAD}"
    return reading.read((head + "\r\n".join([*lines, "--b--", ""])).encode())


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('Content-Type: text/html; name="mail.html"\r\n', "<p>my words</p>"),
        ('Content-Type: text/plain; name="msg.txt"\r\n', "my words"),
        ("Content-Type: text/plain\r\nContent-Disposition: inline; filename=msg.txt\r\n", "my words"),
        ("Content-Type: text/markdown\r\n", "my words"),
        ("Content-Type: text/nothing\r\n", "my words"),
    ],
)
def test_the_only_text_is_the_words_whatever_it_is_called(head, body):
    letter = read(body, head=head)
    assert (letter.text, letter.files) == ("my words", ())


NAMED = ("text/plain; name=log.txt", "inline", "a log")
CALLED = ("text/plain", "attachment; filename=log.txt", "a log")


@pytest.mark.parametrize(
    ("parts", "kind", "text", "names"),
    [
        ([("text/plain", "", "my words"), NAMED], "mixed", "my words", ["log.txt"]),
        ([NAMED, ("text/html", "", "<p>my words</p>")], "mixed", "my words", ["log.txt"]),
        ([("text/plain", "", " "), NAMED], "mixed", "a log", []),
        ([NAMED, ("text/html; name=x.html", "", "<p>second</p>")], "mixed", "a log", ["x.html"]),
        ([NAMED, ("text/html; name=x.html", "", "<p>a log</p>")], "alternative", "a log", []),
        ([CALLED], "mixed", "", ["log.txt"]),
        ([("text/plain", "", "my words"), ("text/calendar", "", "BEGIN")], "alternative", "my words", []),
        ([("text/html", "", "my words"), ("text/calendar", "", "BEGIN")], "alternative", "my words", []),
        ([("text/plain", "", "my"), ("text/markdown", "", "words")], "mixed", "my\n\nwords", []),
    ],
)
def test_a_named_text_is_a_file_where_there_are_other_words(parts, kind, text, names):
    letter = of_parts(*parts, kind=kind)
    assert (letter.text, [one.name for one in letter.files]) == (text, names)


# --- Files ------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["..", ".", "v1.0/", "a/..", "C:\\\\", "/", "\\t"])
def test_a_file_of_any_name_comes_with_its_letter(company, settings, tmp_path, name):
    settings.MEDIA_ROOT = tmp_path
    mailbox = Mailbox.objects.create(
        name="Care", kind="question", config={"username": "care@shop.example"}, made_at=NOW, changed_at=NOW
    )
    raw = (
        f"From: li@example.com\r\n{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nmy words\r\n--b\r\nContent-Type: text/plain\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\ncontent\r\n--b--\r\n'
    )
    taking.take(mailbox, raw.encode(), at=NOW)
    assert LetterIn.objects.get().outcome == "feedback"
    row = UnknownFeedback.objects.get()
    assert row.text == "Lamp\n\nmy words"
    assert row.files.get().name.endswith(".txt")

"""The look: nothing inline in any template, every icon exists, and what the small tags write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lucide
import pytest
from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Template, engines
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation

from customers.ground import marks

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted(
    path
    for folder in ("config", "customers", "surveys", "loyalty", "retention")
    for place in ("templates", "jinja2")
    for path in (ROOT / folder).rglob(f"{place}/**/*.html")
)
MAILS = [path for path in TEMPLATES if path.parent.name == "mail"]
PAGES = [path for path in TEMPLATES if path not in MAILS]
NOW = datetime(2026, 11, 10, 1, 35, tzinfo=UTC)  # Tuesday, 09:35 in Shanghai

INLINE = {
    "a style attribute": re.compile(r"\sstyle\s*=", re.I),
    "an event handler": re.compile(r"\son[a-z]+\s*=\s*[\"']", re.I),
    "hx-on": re.compile(r"\bhx-on\b", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "an inline script": re.compile(r"<script\b(?![^>]*\ssrc=)", re.I),
    "a javascript address": re.compile(r"javascript:", re.I),
    "something from elsewhere": re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']https?:", re.I
    ),
}


@pytest.fixture(autouse=True)
def _in_shanghai():
    with timezone.override("Asia/Shanghai"):
        yield


def draw(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context({"now": NOW, **context}))


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).strip()


# --- Templates --------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_template_holds_nothing_that_the_policy_blocks(path):
    source = path.read_text()
    assert [name for name, pattern in INLINE.items() if pattern.search(source)] == []


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_mail_holds_no_script_and_nothing_from_elsewhere(path):
    found = {name for name, pattern in INLINE.items() if pattern.search(path.read_text())}
    assert found <= {"a style attribute", "a style element"}  # of a mail nothing else is understood


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="color:red">',
        "<b onclick='x()'>",
        '<b hx-on:click="x()">',
        "<style>p{}</style>",
        "<script>x()</script>",
        '<script nonce="1">x()</script>',
        '<a href="javascript:x()">',
        '<link href="https://example.org/a.css">',
    ],
)
def test_the_search_for_inline_code_finds(bad):
    assert any(pattern.search(bad) for pattern in INLINE.values())


def test_the_search_for_inline_code_leaves_alone():
    fine = '<script src="/static/a.js" defer></script><p data-on="1" class="style">on = 2</p>'
    assert not any(pattern.search(fine) for pattern in INLINE.values())


def test_every_icon_named_in_a_template_exists():
    named = {
        name for path in TEMPLATES for name in re.findall(r"{%\s*icon\s+[\"']([^\"']+)", path.read_text())
    }
    defaults = {
        name for path in TEMPLATES for name in re.findall(r"icon\|default:\"([^\"]+)", path.read_text())
    }
    for name in named | defaults:
        assert "<svg" in marks.icon(name), name


def test_every_static_file_named_in_a_template_exists():
    named = {
        name for path in TEMPLATES for name in re.findall(r"{%\s*static\s+[\"']([^\"']+)", path.read_text())
    }
    assert "liuke/app.css" in named
    assert {name for name in named if not finders.find(name)} == set()


def test_the_style_sheets_fetch_nothing_from_elsewhere():
    for path in (ROOT / "config/static/liuke").glob("*.css"):
        assert not re.search(r"https?://", path.read_text()), path.name


def test_the_component_library_is_found_where_vendor_css_looks():
    source = (ROOT / "config/static/liuke/vendor.css").read_text()
    (address,) = re.findall(r'url\("\.\./([^"]+)"\)', source)
    assert finders.find(address)


@pytest.mark.parametrize(
    "name", ["400.html", "403.html", "403_csrf.html", "404.html", "429.html", "500.html"]
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_error_page_stands_without_request_or_database(name, language):
    with translation.override(language):
        html = get_template(name).render({})
    assert f'lang="{language}"' in html
    assert html.count("<h1>") == (2 if name == "500.html" else 1)
    assert 'href="/"' in html


def test_server_error_page_speaks_both_languages():
    html = get_template("500.html").render({})
    assert "Something broke" in html and "系统出错了" in html


# --- Icons, severity, names -------------------------------------------------------------------
def test_icon_is_hidden_from_screen_readers():
    html = draw('{% icon "phone" %}')
    assert html.startswith("<svg") and 'aria-hidden="true"' in html and 'class="icon"' in html


def test_icon_refuses_an_unknown_name():
    with pytest.raises(lucide.IconDoesNotExist):
        marks.icon("no-such-icon")


@pytest.mark.parametrize(("n", "word", "bars"), [(1, "Low", 1), (2, "Medium", 2), (3, "High", 3)])
def test_severity_says_itself_in_bars_and_words(n, word, bars):
    html = draw("{% severity n %}", n=n)
    assert html.count('class="on"') == bars
    assert words_of(html) == f"{word} severity"


def test_severity_without_its_word_still_speaks():
    html = draw("{% severity 3 word=False %}")
    assert '<span class="visually-hidden">High' in html


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (1000, "1,000"), (1001, "1,000+")])
def test_capped_stops_after_a_thousand(count, text):
    assert marks.capped(count) == text


@pytest.mark.parametrize(
    ("name", "text"), [("Wen Jing", "WJ"), ("wen", "W"), ("文静", "静"), ("", "?"), ("a b c", "AB")]
)
def test_initials_shorten_a_name(name, text):
    assert marks.initials(name) == text


def test_money_is_written_from_minor_units():
    assert draw('{% money 940000 "CNY" %}') == "¥9,400"


def test_money_unknown_is_a_dash():
    assert draw('{% money missing "CNY" %}', missing=None) == "–"


def test_tel_keeps_the_plus_and_the_digits():
    assert draw('{% tel "+86 (571) 8899-0011" %}') == "tel:+8657188990011"


# --- Moments ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=3, minutes=40), "3 h ago"),
        (timedelta(hours=12), "yesterday 21:35"),
        (timedelta(days=1), "yesterday 09:35"),
        (timedelta(days=2), "8 Nov"),
        (timedelta(days=400), "6 Oct 2025"),
        (timedelta(minutes=-5), "today 09:40"),
    ],
)
def test_when_is_told_from_now(ago, text):
    html = draw("{% when moment %}", moment=NOW - ago)
    assert words_of(html) == text


def test_when_gives_the_exact_moment_in_local_time():
    html = draw("{% when moment %}", moment=NOW)
    assert 'datetime="2026-11-10T09:35:00+08:00"' in html
    assert re.search(r'title="[^"]*09:35', html)


def test_when_speaks_chinese():
    with translation.override("zh-hans"):
        assert words_of(draw("{% when moment %}", moment=NOW - timedelta(days=8))) == "11月2日"


@pytest.mark.parametrize(
    ("left", "css", "text"),
    [
        (timedelta(seconds=-1), "tag tag-bad", "0 min late"),
        (timedelta(minutes=-35), "tag tag-bad", "35 min late"),
        (timedelta(days=-2, hours=-3), "tag tag-bad", "2 d 3 h late"),
        (timedelta(0), "tag tag-warn", "in 0 min"),
        (timedelta(hours=4), "tag tag-warn", "in 4 h"),
        (timedelta(hours=4, seconds=1), "tag", "today 13:35"),
        (timedelta(days=1), "tag", "tomorrow 09:35"),
        (timedelta(days=3), "tag", "Fri 09:35"),
        (timedelta(days=7), "tag", "17 Nov 09:35"),
    ],
)
def test_due_says_how_pressing_it_is(left, css, text):
    html = draw("{% due moment %}", moment=NOW + left)
    assert f'class="{css}"' in html
    assert words_of(html) == text


def test_due_at_a_given_moment_is_not_kept_up_to_date():
    html = draw("{% due moment at %}", moment=NOW, at=NOW - timedelta(days=1))
    assert "tomorrow" in html and "data-due" not in html


def test_moments_without_a_value_are_dashes():
    assert draw("{% when x %}{% due x %}{% daydate x %}", x=None) == "–––"


def test_daydate_reads_a_day_number():
    html = draw("{% daydate n %}", n=NOW.date().toordinal())
    assert 'datetime="2026-11-10"' in html and words_of(html) == "10 Nov"


# --- Sparkline --------------------------------------------------------------------------------
def test_sparkline_draws_a_bar_for_each_value_and_says_them():
    html = draw('{% sparkline values "Orders a month" %}', values=[4, 4, 4, 2, 0, None])
    assert html.count("<rect") == 6
    assert html.count('class="bar-zero"') == 2
    assert 'aria-label="Orders a month: falling; oldest first: 4, 4, 4, 2, 0, 0"' in html
    assert "<title>Orders a month</title>" in html
    assert "style" not in html


def test_sparkline_tones_the_last_bars_only():
    html = draw('{% sparkline values "x" tone="bad" last=2 %}', values=[1, 1, 1, 1])
    assert html.count('class="bar-bad"') == 2


def test_sparkline_takes_no_foreign_tone_and_escapes_its_label():
    html = draw("{% sparkline values label tone=tone last=1 %}", values=[1], label='<b>"', tone='x" y="')
    assert "<b>" not in html and 'y="" ' not in html and 'class="bar-x' not in html


def test_sparkline_of_nothing_says_so():
    assert "nothing in this time" in draw('{% sparkline values "x" %}', values=[])


@pytest.mark.parametrize(
    ("numbers", "trend"), [([4, 4, 4], "steady"), ([9, 9, 3], "falling"), ([1, 1, 9], "rising")]
)
def test_spoken_names_the_trend(numbers, trend):
    assert marks.spoken(numbers).startswith(trend)


# --- Links and forms --------------------------------------------------------------------------
def test_keep_query_changes_one_key_and_starts_at_the_first_page():
    request = RequestFactory().get("/queue/", {"view": "team", "reason": "x", "after": "9"})
    html = draw('{% keep_query "reason" status="open" %}', request=request)
    assert html == "?view=team&amp;status=open"


def test_hidden_query_escapes_what_it_carries():
    request = RequestFactory().get("/queue/", {"view": '"><b>', "other": "1"})
    html = draw('{% hidden_query "view" %}', request=request)
    assert "<b>" not in html and "other" not in html and html.count("<input") == 1


class TicketForm(forms.Form):
    name = forms.CharField(help_text="As on the invoice.")
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    urgent = forms.BooleanField(required=False)
    hidden = forms.CharField(widget=forms.HiddenInput)


def test_form_ties_label_hint_and_error_to_their_field():
    html = render_to_string("ui/form.html", {"form": TicketForm({})})
    assert '<label for="id_name">' in html
    described = re.search(r'<input type="text"[^>]*aria-describedby="([^"]+)"', html)
    assert described
    assert set(described.group(1).split()) == {"id_name_helptext", "id_name_error"}
    for name in described.group(1).split():
        assert html.count(f'id="{name}"') == 1
    assert 'aria-invalid="true"' in html


def test_form_lists_its_errors_first_with_links_to_the_fields():
    html = render_to_string("ui/form.html", {"form": TicketForm({})})
    summary = html[: html.index("<label")]
    assert 'role="alert"' in summary and '<a href="#id_name">' in summary
    assert "This field is required" in summary


def test_form_without_errors_has_no_summary():
    html = render_to_string("ui/form.html", {"form": TicketForm()})
    assert 'role="alert"' not in html and "field-errors" not in html
    assert html.count("<legend") == 1 and html.count("(optional)") == 0


def test_confirm_works_without_script():
    html = render_to_string(
        "ui/confirm.html",
        {"id": "c", "trigger": "Go", "title": "Sure?", "text": "x", "action_url": "/go/", "action": "Go"},
        request=RequestFactory().get("/"),
    )
    assert 'popovertarget="c"' in html and '<form method="post" action="/go/">' in html
    assert "csrfmiddlewaretoken" in html


def test_queue_row_has_one_link_named_for_the_customer():
    pieces = engines["jinja2"].env.get_template("ui/pieces.html").module
    html = str(pieces.queue_row("/cases/1/", "Blue <Lake>", NOW, id=1, severity_=3, due_at=NOW))
    assert html.count("<a ") == 1 and "Blue &lt;Lake&gt;" in html
    assert "edge-3" in html and 'value="1"' in html and "Select Blue &lt;Lake&gt;" in html

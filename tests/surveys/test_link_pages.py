"""Open links on their page: whom they ask, the QR code as a file and on a sheet; who may see them."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
import segno
from django.test import Client
from django.urls import reverse

from customers import qr
from customers.ground import clock
from customers.models import Team
from surveys import invitations
from surveys.models import OpenLink, Survey
from surveys.pages.links import address_of
from tests.factories import UserFactory
from tests.surveys.makers import WHO, live

pytestmark = pytest.mark.django_db
ADDRESS = "https://care.example.com/s/" + "x" * 43 + "/"


@pytest.fixture
def builder(client: Client, company: Any) -> Client:
    client.force_login(UserFactory(role="analyst"))
    return client


@pytest.fixture
def link(company: Any) -> OpenLink:
    return invitations.make_open_link(live(), label="收银台", now=clock.real_now(), **WHO)


def page(name: str, link: OpenLink) -> str:
    return reverse(f"surveys:{name}", args=[link.survey.code, link.pk])


# --- The code ---------------------------------------------------------------------------------
def modules(svg: str) -> int:
    """Return how wide an SVG is, in modules."""
    return int(svg.split('viewBox="0 0 ')[1].split(" ")[0])


def test_svg_is_black_on_white_with_the_white_that_the_standard_asks_for():
    svg = qr.svg(ADDRESS).decode()
    code = segno.make(ADDRESS, error="m", micro=False)
    assert modules(svg) == code.symbol_size(border=4)[0]
    assert 'fill="#fff"' in svg and 'stroke="#000"' in svg
    assert "<script" not in svg and "style=" not in svg and " width=" not in svg


def test_png_holds_the_same_code():
    png = qr.png(ADDRESS)
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    assert width == height == modules(qr.svg(ADDRESS).decode()) * qr.PNG_SCALE
    other = io.BytesIO()
    segno.make(ADDRESS, error="m", micro=False).save(
        other, kind="png", border=4, scale=qr.PNG_SCALE, dark="#000", light="#fff"
    )
    assert png == other.getvalue()
    assert png != qr.png(ADDRESS[:-1])


# --- Pages ------------------------------------------------------------------------------------
@pytest.mark.parametrize("asks", OpenLink.Asks.values)
def test_link_is_made_that_asks_as_chosen(builder, asks):
    survey = live()
    address = reverse("surveys:survey_links", args=[survey.code])
    assert builder.post(address, {"label": "Till", "asks": asks}).status_code == 302
    assert OpenLink.objects.get().asks == asks


@pytest.mark.parametrize("asks", ["", "everybody"])
def test_link_that_asks_something_else_is_not_made(builder, asks):
    survey = live()
    address = reverse("surveys:survey_links", args=[survey.code])
    assert builder.post(address, {"label": "Till", "asks": asks}).status_code == 422
    assert not OpenLink.objects.exists()


def test_files_are_downloads_and_shown_inline_on_the_sheet(builder, link):
    for name, mime, made in (("svg", "image/svg+xml", qr.svg), ("png", "image/png", qr.png)):
        answer = builder.get(page(f"survey_link_{name}", link))
        assert (answer["Content-Type"], answer.content) == (mime, made(address_of(link)))
        assert answer["Content-Disposition"] == f'attachment; filename="nps-{link.pk}.{name}"'
        assert "no-store" in answer["Cache-Control"]
        assert "Content-Disposition" not in builder.get(page(f"survey_link_{name}", link), {"inline": "1"})


@pytest.mark.parametrize(("language", "words"), [("en", "Scan and answer"), ("zh-hans", "扫码作答")])
def test_sheet_speaks_the_language_of_the_customers(builder, link, language, words):
    html = builder.get(page("survey_link_print", link), {"lang": language}).content.decode()
    sheet = html[html.index('class="qr-sheet"') :]
    assert words in sheet and address_of(link) in sheet
    assert ("两个问题" in sheet) is (language == "zh-hans")
    assert f'{page("survey_link_svg", link)}?inline=1"' in sheet


def test_looking_writes_nothing(builder, link):
    before = list(OpenLink.objects.values())
    for name in ("survey_link_print", "survey_link_svg", "survey_link_png"):
        assert builder.get(page(name, link)).status_code == 200
        assert builder.post(page(name, link)).status_code == 405
    assert list(OpenLink.objects.values()) == before


def test_forgotten_and_foreign_links_have_no_code(builder, link):
    other = live("other")
    assert builder.get(reverse("surveys:survey_link_svg", args=[other.code, link.pk])).status_code == 404
    OpenLink.objects.update(token_hash="of another secret")  # the server's has changed
    assert builder.get(page("survey_link_svg", link)).status_code == 404
    html = builder.get(reverse("surveys:survey_links", args=[link.survey.code])).content.decode()
    assert page("survey_link_print", link) not in html


def test_revoked_link_has_no_code(builder, link):
    invitations.revoke_open_link(link, now=clock.real_now(), **WHO)
    for name in ("survey_link_print", "survey_link_svg", "survey_link_png"):
        assert builder.get(page(name, link)).status_code == 404


def test_only_builders_see_the_codes(client, link, team: Team):
    for role in ("account_manager", "team_lead"):
        client.force_login(UserFactory(role=role, team=team))
        for name in ("survey_link_print", "survey_link_svg", "survey_link_png"):
            assert client.get(page(name, link)).status_code == 403
    client.force_login(UserFactory(role="admin"))
    assert client.get(page("survey_link_print", link)).status_code == 200
    assert Survey.objects.count() == 1
